"""Random inputs for everything that reads what others wrote: no crash, no hang, no memory beyond all measure.

An input is made of a seed by a few mutations. It is a fault if anything but `InNetError` comes out, if it takes more
than a second of processor time, or if it needs more memory than 100 times its length (and a floor that any input may
need). Faults are shrunk and kept in `corpus/TARGET/`, which the tests run again for ever.
"""

import hashlib
import re
import signal
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from innet.diagnostics import InNetError
from tests.fuzz.targets import Target

CORPUS = Path(__file__).resolve().parent / "corpus"
MAX_SECONDS = 1.0
MAX_RATIO, FLOOR = 100, 8 << 20
"""Bytes of memory for each byte of input, and what any input may need."""
MAX_INPUT = 1 << 16
MEASURED = 16
"""Memory is watched for one input in so many: watching makes everything three times slower."""
SUSPICIOUS_S = 0.1
"""An input that takes longer is run again with its memory watched."""


class HangError(BaseException):
    """The input took too long; no handler of errors stops it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An input that a target did not take as it should, and why."""

    target: str
    data: bytes
    why: str


@dataclass
class Report:
    """What a campaign on one target saw."""

    inputs: int = 0
    taken: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    largest: float = 0.0
    """Bytes of memory for each byte of input above the floor."""
    faults: list[Fault] = field(default_factory=list)


def mutated(target: Target, rng: Random) -> bytes:
    """An input: a seed with some pieces changed."""
    data = bytearray(rng.choice(target.seeds))
    for _ in range(rng.choice((1, 1, 2, 3, 5, 9))):
        at = rng.randrange(len(data) + 1)
        to = min(len(data), at + rng.choice((0, 1, 1, 4, 16, 64)))
        kind = rng.randrange(8)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] = rng.randrange(256)
        elif kind == 1:
            del data[at:to]
        elif kind in (2, 3):
            data[at:to] = rng.choice(target.words)
        elif kind == 4:
            data[at:at] = rng.choice(target.words) * rng.choice((1, 2, 50, 2000))
        elif kind == 5:
            other = rng.choice(target.seeds)
            first = rng.randrange(len(other) + 1)
            data[at:to] = other[first : first + rng.choice((4, 30, 300))]
        elif kind == 6:
            data[at:at] = bytes(data[at:to]) * rng.choice((1, 3, 100))
        else:
            data[at:at] = b" " + rng.choice(target.words) + b" "
        if len(data) > MAX_INPUT:
            del data[MAX_INPUT:]
    return bytes(data)


def attempt(target: Target, data: bytes, watch_memory: bool = False) -> tuple[str, float, int]:
    """Run one input: what is wrong (empty: nothing; `refused` if it was, as it may be), seconds, peak bytes."""

    def hang(number: int, frame: FrameType | None) -> None:
        raise HangError

    before = signal.signal(signal.SIGVTALRM, hang)
    allowed = MAX_SECONDS * (4 if watch_memory else 1)
    wrong, peak = "", 0
    if watch_memory:
        tracemalloc.start()
    began = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, allowed)
    try:
        target.run(data)
    except InNetError as e:
        wrong = "refused"
        str(e)
    except HangError:
        wrong = f"more than {MAX_SECONDS} s"
    except RecursionError:
        wrong = "RecursionError"
    except Exception as e:
        wrong = f"{type(e).__name__}: {e}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        seconds = time.process_time() - began
        if watch_memory:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    if peak > FLOOR + MAX_RATIO * len(data) and wrong in ("", "refused"):
        wrong = f"{peak} bytes of memory for {len(data)} bytes"
    return wrong, seconds, peak


def run(target: Target, rng: Random, inputs: int | None = None, seconds: float | None = None) -> Report:
    """So many inputs, or for so long; faults are shrunk."""
    report = Report()
    until = None if seconds is None else time.monotonic() + seconds
    while (inputs is None or report.inputs < inputs) and (until is None or time.monotonic() < until):
        data = mutated(target, rng)
        watch = report.inputs % MEASURED == 0
        wrong, took, peak = attempt(target, data, watch)
        if not watch and took > SUSPICIOUS_S and wrong in ("", "refused"):
            wrong, _, peak = attempt(target, data, True)
        report.inputs += 1
        report.taken += wrong == ""
        report.refused += wrong == "refused"
        if not watch:
            report.slowest_s = max(report.slowest_s, took)
        report.largest = max(report.largest, (peak - FLOOR) / max(1, len(data)))
        if wrong not in ("", "refused"):
            report.faults.append(Fault(target.name, shrunk(target, data, wrong), wrong))
    return report


def kind(wrong: str) -> str:
    """What makes two faults one: the error's type."""
    return re.sub(r"\d", "", wrong.partition(":")[0])


def shrunk(target: Target, data: bytes, wrong: str) -> bytes:
    """A shorter input with the same kind of fault, within a bounded number of tries."""
    watch = "memory" in wrong
    tries = 200
    size = len(data) // 2
    while size and tries:
        for at in range(0, len(data), size):
            tries -= 1
            shorter = data[:at] + data[at + size :]
            if tries <= 0:
                break
            if kind(attempt(target, shorter, watch)[0]) == kind(wrong):
                data = shorter
                break
        else:
            size //= 2
    return data


def keep(fault: Fault) -> Path:
    """Put a fault's input into the corpus."""
    folder = CORPUS / fault.target
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(fault.data).hexdigest()[:16]
    path.write_bytes(fault.data)
    return path


def kept(target: str) -> Iterator[Path]:
    """The inputs that once were faults."""
    yield from sorted((CORPUS / target).glob("*"))
