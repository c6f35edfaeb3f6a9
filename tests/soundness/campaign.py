"""The soundness campaign: does any concrete run contradict what a proof says? Modules and networks at random.

A contradiction is made small before it is shown: fewer packets, then fewer elements (or boxes and rules).
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from innet.messages import Assessment, Role
from tests.agreement.configurations import ENTRY, EXIT, NotFound, focuses, parsed, smaller
from tests.soundness import modules, networks
from tests.soundness.modules import Judged, Sent, Violation
from tests.soundness.networks import Contradiction
from tests.soundness.places import PASS, Guest, Shape

QUESTIONS = ((Role.CLIENT, False), (Role.THIRD_PARTY, False), (Role.THIRD_PARTY, True))
"""Role, and whether the operator bans connectionless traffic. Operators are told, never restricted."""
A_NETWORK = 5
"""Every so many modules a network is tried."""
A_SHOW = 10
"""Of every so many modules the proof shows what it finds."""
SHRINK_S = 40.0


@dataclass
class Tally:
    """What was tried."""

    configurations: int = 0
    modules: int = 0
    networks: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    packets: int = 0
    solved: int = 0
    assessed: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    spoke: int = 0
    """Packets that a rule of a network was about."""
    quiet: Counter[str] = field(default_factory=Counter)
    """Sandboxed and undecided modules that broke no rule, by role and assessment."""
    quiet_elements: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass
class Campaign:
    """What was tried and found."""

    packets: int = 200
    tally: Tally = field(default_factory=Tally)

    def run(self, seeds: range, until: float = float("inf")) -> Iterator[str]:
        """Reproducers of what is found."""
        for seed in seeds:
            if time.monotonic() > until:
                return
            self.tally.configurations += 1
            yield from self.module(seed)
            if seed % A_NETWORK == 0:
                yield from self.network(seed)

    def module(self, seed: int) -> Iterator[str]:
        """One module in every role."""
        tally, random = self.tally, Random(seed)
        all_focuses = focuses()
        try:
            text = modules.module_text(
                random, all_focuses[seed // 2 % len(all_focuses)] if seed % 2 else None
            )
        except NotFound:
            tally.left_out["no configuration"] += 1
            return
        one = modules.judged(text)
        if one is None or one.unsuitable:
            tally.left_out["not for a platform" if one else "no configuration"] += 1
            return
        tally.modules += 1
        one.show = seed % A_SHOW == 0
        for role, tcp_only in QUESTIONS:
            began = time.process_time()
            said = one.security(role, tcp_only)
            tally.seconds["proofs of modules"] += time.process_time() - began
            tally.assessed[f"{role.value}{' (TCP only)' if tcp_only else ''}: {said.assessment.value}"] += 1
        began = time.process_time()
        solved = modules.guided(one)
        sent = modules.traffic(random, solved, self.packets)
        tally.solved += len(solved)
        tally.seconds["packets"] += time.process_time() - began
        for role, tcp_only in QUESTIONS:
            began = time.process_time()
            said = one.security(role, tcp_only)
            try:
                broken = modules.check(one, role, tcp_only, sent, seed)
            except Violation as error:
                yield _reproducer(seed, error, *shrunk(one, error, sent, seed))
                continue
            finally:
                tally.packets += len(sent)
                tally.seconds["runs of modules"] += time.process_time() - began
            if not broken and said.assessment in (Assessment.SANDBOX, Assessment.UNDECIDED):
                banned = " (TCP only)" if tcp_only else ""
                tally.quiet[f"{role.value}{banned}: {said.assessment.value}"] += 1
                if tcp_only:
                    continue
                for kind in {type(e).__name__ for e in one.machine.elements.values()}:
                    tally.quiet_elements[kind] += 1

    def network(self, seed: int) -> Iterator[str]:
        """One network with its rules."""
        tally, random = self.tally, Random(seed)
        began = time.process_time()
        made = networks.scene(random)
        tally.networks += 1
        for question, holds in zip(made.questions, made.answers, strict=True):
            tally.answered[f"{question.reach.quantifier.value}: {holds.value}"] += 1
        tally.seconds["proofs of networks"] += time.process_time() - began
        began = time.process_time()
        sent = networks.sequence(random, made, self.packets)
        tally.packets += len(sent)
        try:
            tally.spoke += networks.examine(made, sent)
        except Contradiction as error:
            yield _of_network(seed, error, made, sent)
        tally.seconds["runs of networks"] += time.process_time() - began


# ---- reproducers


def again(text: str, error: Violation, sent: Sequence[Sent], seed: int) -> Violation | None:
    """What contradicts the assessment of another text for the same role, if anything does."""
    try:
        one = modules.judged(text)
        if one is not None and not one.unsuitable:
            modules.check(one, error.role, error.tcp_only, sent, seed)
    except Violation as found:
        return found
    except Exception:
        return None
    return None


def shrunk(
    one: Judged, error: Violation, sent: Sequence[Sent], seed: int, seconds: float = SHRINK_S
) -> tuple[str, Sequence[Sent]]:
    """Fewer packets and fewer elements that show the same."""
    until = time.monotonic() + seconds
    text, sent = one.text, sent[: error.at + 1] if error.at >= 0 else sent

    def packets() -> None:
        nonlocal sent
        size = max(1, len(sent) // 2)
        while size and time.monotonic() < until:
            start = 0
            while start < len(sent) and time.monotonic() < until:
                fewer = [*sent[:start], *sent[start + size :]]
                if again(text, error, fewer, seed) is not None:
                    sent = fewer
                else:
                    start += size
            size //= 2

    packets()
    better = True
    while better and time.monotonic() < until:
        better = False
        for other in smaller(parsed(_named(text))):
            if time.monotonic() > until:
                break
            if again(other.text, error, sent, seed) is not None:
                text, better = other.text, True
                break
    packets()
    return text, sent


def _named(text: str) -> str:
    """The configuration flat, its entry and exits called as the shrinker knows them, so that it keeps them."""
    whole = parsed(text)
    names: dict[str, str] = {}
    for part in whole.parts:
        if part.cls == "FromNetfront":
            names[part.name] = ENTRY
        elif part.cls == "ToNetfront":
            names[part.name] = f"{EXIT}{len(names)}"
        else:
            names[part.name] = f"e{len(names)}"
    parts = "".join(f"{names[p.name]} :: {p.cls}({p.arguments});\n" for p in whole.parts)
    return parts + "".join(
        f"{names[w.source]} [{w.output}] -> [{w.into}] {names[w.target]};\n" for w in whole.wires
    )


def _reproducer(seed: int, error: Violation, text: str, sent: Sequence[Sent]) -> str:
    lines = [
        f"// module, seed {seed}, {error.role.value}{', TCP only' if error.tcp_only else ''}: {error}",
        text,
    ]
    lines += [f"// @ {one.after_ns} {one.frame.hex()}" for one in sent]
    return "\n".join(lines) + "\n"


def _of_network(
    seed: int, error: Contradiction, made: networks.Scene, sent: Sequence[tuple[networks.End, bytes]]
) -> str:
    """A network with one rule, few and plain boxes and modules, and few packets."""
    shape, guests = made.shape, list(made.guests)
    sent = sent[: error.at + 1]

    def still(where: Shape, some: Sequence[Guest], few: Sequence[tuple[networks.End, bytes]]) -> bool:
        try:
            networks.examine(networks.asked(where, some, [error.rule], made.stepwise), few)
        except Contradiction:
            return True
        except Exception:
            return False
        return False

    for n in range(len(guests) - 1, -1, -1):
        fewer = [*guests[:n], *guests[n + 1 :]]
        if still(shape, fewer, sent):
            guests = fewer
    for n, row in enumerate(shape.boxes):
        for m in range(len(row) - 1, -1, -1):
            for plainer in ((*row[:m], *row[m + 1 :]), (*row[:m], PASS, *row[m + 1 :])):
                simpler = replace(shape, boxes=(*shape.boxes[:n], plainer, *shape.boxes[n + 1 :]))
                if still(simpler, guests, sent):
                    shape, row = simpler, plainer
                    break
    until = time.monotonic() + SHRINK_S
    for n in range(len(sent) - 1, -1, -1):
        if time.monotonic() < until and still(shape, guests, [*sent[:n], *sent[n + 1 :]]):
            sent = [*sent[:n], *sent[n + 1 :]]
    lines = [f"// network, seed {seed}: {error}", f"// {shape}{', stepwise' if made.stepwise else ''}"]
    lines += [f"// {guest}" for guest in guests]
    lines += [f"// @ {end.node}:{end.interface} {frame.hex()}" for end, frame in sent]
    return "\n".join(lines) + "\n"


__all__ = ["Campaign", "Tally"]
