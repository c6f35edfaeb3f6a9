"""The agreement campaign: random configurations through all back ends; a small reproducer of what they differ in."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from innet import ir
from innet.elements.registry import REGISTRY
from tests.agreement.configurations import Configuration, NotFound, configuration, focuses, parsed, smaller
from tests.agreement.coverage import Coverage, Side, impossible, programs
from tests.agreement.examine import Contradiction, Ends, Tally, examine
from tests.agreement.machine import prepare
from tests.agreement.traffic import Sent
from tests.backends.campaign import Disagreement
from tests.backends.test_symbolic_covers_concrete import ROUNDS, SEQUENCES, Examination

SHRINK_S = 60.0
PACKET = re.compile(r"^// @ (\d+) ([0-9a-f]*)$", re.MULTILINE)
SEED = re.compile(r"^// seed (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """A contradiction: a text, packets, and what differs."""

    seed: int
    text: str
    sent: Sequence[Sent]
    error: Contradiction

    @property
    def reproducer(self) -> str:
        """As Click text; the packets are comments. `innet bench agree --replay FILE` runs it again."""
        packets = "".join(f"// @ {one.time_ns} {one.frame.hex()}\n" for one in self.sent)
        words = "".join(f"// {line}\n" for line in str(self.error).splitlines())
        return f"// seed {self.seed}\n{words}{self.text}{packets}"


def replayed(text: str) -> tuple[str, list[Sent], int]:
    """Configuration, packets and seed of a reproducer."""
    sent = [Sent(int(time), bytes.fromhex(frame)) for time, frame in PACKET.findall(text)]
    seed = SEED.search(text)
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith("//")]
    return "".join(lines), sent, int(seed[1]) if seed else 0


@dataclass
class Campaign:
    """What was tried and found."""

    ends: Ends
    packets: int = 200
    tally: Tally = field(default_factory=Tally)
    coverage: Coverage = field(default_factory=Coverage)
    found: list[Found] = field(default_factory=list)
    left_out: set[tuple[str, str]] = field(default_factory=set)
    """Elements and examples for which there was no configuration."""

    def one(self, seed: int, focus: tuple[str, str] | None = None, alone: bool = False) -> Found | None:
        """The configuration of a seed."""
        whole = configuration(Random(seed), focus, alone)
        return self.examine(whole, seed)

    def examine(self, whole: Configuration, seed: int, ends: Ends | None = None) -> Found | None:
        """A configuration with packets of its own."""
        self.tally.configurations += 1
        for part in whole.parts:
            self.tally.elements[part.cls] = self.tally.elements.get(part.cls, 0) + 1
        taken: set[tuple[int, bool]] = set()
        prepared = prepare(whole.text)

        def watch(branch: ir.Branch, side: bool) -> None:
            taken.add((id(branch), side))

        try:
            examine(
                whole.text, None, seed, ends or self.ends, self.packets, watch, self.tally, prepared=prepared
            )
        except Contradiction as error:
            self.found.append(Found(seed, whole.text, error.sent, error))
            return self.found[-1]
        finally:
            known = prepared.branches
            self.coverage.add(prepared, [(*known[n], side) for n, side in taken if n in known])
        return None

    def run(self, seeds: range) -> Iterator[Found]:
        """Configurations one after another, each element and example in turn; what is found, made small."""
        all_focuses = focuses()
        for seed in seeds:
            focus = all_focuses[seed % len(all_focuses)]
            try:
                found = self.one(seed, focus)
            except NotFound:
                self.left_out.add(focus)
                continue
            if found is not None:
                yield shrunk(found, self.ends)

    def complete(self, seed: int, rounds: int, until: float = float("inf")) -> Iterator[Found]:
        """More configurations for the sides of branches that no packet took so far, element by element; every fourth
        one through all back ends, the others only by the interpreter."""
        for turn in range(rounds):
            left = list(dict.fromkeys(program for program, _, _ in self.coverage.missing()))
            for n, program in enumerate(left):
                if time.monotonic() > until:
                    return
                if all(p is not program for p, _, _ in self.coverage.missing()):
                    continue
                name, example, _, outputs = program
                number = seed + turn * 100_000 + n
                try:
                    whole = configuration(Random(number), (name, example), True, outputs)
                except NotFound:
                    self.left_out.add((name, example))
                    continue
                ends = None if turn % 4 == 3 else Ends(native=False, symbolic=turn % 4 == 2)
                found = self.examine(whole, number, ends)
                if found is not None:
                    yield shrunk(found, self.ends)

    def alone(self) -> Iterator[str]:
        """Each element that has sides left, by itself: single packets and packets in a row that are made for it, by the
        interpreter and held against the symbolic executor. What they disagree on, as text."""
        for cls in dict.fromkeys(cls for (cls, _, _, _), _, _ in self.coverage.missing()):
            examination = Examination(REGISTRY[cls])
            try:
                examination.packets()
                examination.flows(range(SEQUENCES))
                for n in range(ROUNDS):
                    examination.more(n)
            except Disagreement as error:
                yield str(error)
            for case, report in zip(examination.cases, examination.reports, strict=True):
                program = cls, case.example, case.program.port, case.program.outputs
                for number, side in report.taken:
                    self.coverage.take(program, number, side)

    def verdicts(self) -> tuple[list[Side], list[Side]]:
        """The sides that no packet took: those that are proven to be impossible, and those that are not."""
        proven: list[Side] = []
        missed: list[Side] = []
        for side in self.coverage.missing():
            (proven if impossible(side) else missed).append(side)
        return proven, missed


# ---- smaller reproducers


def again(found: Found, text: str, sent: Sequence[Sent], ends: Ends) -> Contradiction | None:
    """What the same back end says of another text and other packets."""
    try:
        examine(text, sent, found.seed, ends, only=found.error.end)
    except Contradiction as error:
        return error
    except Exception:
        return None
    return None


def shrunk(found: Found, ends: Ends, seconds: float = SHRINK_S) -> Found:
    """The same contradiction with fewer elements, plainer arguments, fewer packets and fewer bytes."""
    shrinker = Shrinker(found, ends, time.monotonic() + seconds)
    shrinker.packets()
    while any(shrinker.better(one.text, shrinker.found.sent) for one in smaller(parsed(shrinker.found.text))):
        pass
    shrinker.packets()
    shrinker.bytes()
    return shrinker.found


@dataclass
class Shrinker:
    """The smallest reproducer so far."""

    found: Found
    ends: Ends
    until: float

    def better(self, text: str, sent: Sequence[Sent]) -> bool:
        """Take a text and packets if the contradiction is still there."""
        if time.monotonic() > self.until:
            return False
        error = again(self.found, text, sent, self.ends)
        if error is not None:
            self.found = replace(self.found, text=text, sent=sent, error=error)
        return error is not None

    def packets(self) -> None:
        """The packet alone; else without half of them, a quarter, and so on."""
        sent, at = self.found.sent, self.found.error.at
        if 0 <= at < len(sent):
            if self.better(self.found.text, [sent[at]]):
                return
            self.better(self.found.text, sent[: at + 1])
        size = len(self.found.sent) // 2
        while size and time.monotonic() < self.until:
            start = 0
            while start < len(self.found.sent):
                sent = self.found.sent
                if not self.better(self.found.text, [*sent[:start], *sent[start + size :]]):
                    start += size
            size //= 2

    def bytes(self) -> None:
        """Shorter frames, and zeros in them."""
        for n in range(len(self.found.sent)):
            size = len(self.found.sent[n].frame)
            while size:
                frame = self.found.sent[n].frame
                if size > len(frame) or not self.frame(n, frame[: len(frame) - size]):
                    size //= 2
            for first in range(0, len(self.found.sent[n].frame), 4):
                frame = self.found.sent[n].frame
                if any(frame[first : first + 4]):
                    self.frame(n, frame[:first] + bytes(len(frame[first : first + 4])) + frame[first + 4 :])

    def frame(self, n: int, frame: bytes) -> bool:
        """Another frame in place of the n-th."""
        sent = list(self.found.sent)
        sent[n] = replace(sent[n], frame=frame)
        return self.better(self.found.text, sent)


__all__ = ["Campaign", "Found", "programs", "replayed", "shrunk"]
