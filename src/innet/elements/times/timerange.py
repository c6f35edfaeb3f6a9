"""TimeRange."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from innet import ir
from innet.elements.base import Element
from innet.elements.holder import Remembered, show_time
from innet.elements.times.instants import FOREVER_S, Instant, joined, stamp
from innet.ir.trace import Packet

RANGE = ir.Table("range", key=(1,), values=(32, 32, 32, 32), capacity=1)
"""The first and the last timestamp, seconds and nanoseconds each."""


@dataclass(frozen=True)
class TimeRange(Element):
    """Note the earliest and the latest timestamp.

    Ports:      in 0: packets.  out 0: the same.
    Arguments:  SIMPLE (keyword, bool, default false): timestamps only grow, so that the last packet's is the latest.
    State:      two timestamps; read handlers `first`, `last`, `range` (both) and `interval`, write handler `reset`.
    Source:     Click manual, TimeRange.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "SIMPLE true")
    READS: ClassVar[tuple[str, ...]] = ("first", "last", "range", "interval")
    WRITES: ClassVar[tuple[str, ...]] = ("reset",)

    _: KW_ONLY
    simple: bool = False

    def push(self, p: Packet, port: int) -> None:
        now = stamp(p)
        found, (a, b, c, d) = p.lookup(RANGE, (0,))
        first, last = Instant(a, b), Instant(c, d)
        with p.when(~found | first.unset):
            p.insert(RANGE, (0,), (now.s, now.ns, now.s, now.ns), FOREVER_S)
            p.emit(0)
        if self.simple:
            p.update(RANGE, (0,), (a, b, now.s, now.ns), FOREVER_S)
            p.emit(0)
            return
        with p.when(last.before(now)):
            p.update(RANGE, (0,), (a, b, now.s, now.ns), FOREVER_S)
            p.emit(0)
        with p.when(now.before(first)):
            p.update(RANGE, (0,), (now.s, now.ns, c, d), FOREVER_S)
        p.emit(0)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        a, b, c, d = memory.rows(RANGE).get((0,), (0, 0, 0, 0))
        first, last = joined(a, b), joined(c, d)
        match handler:
            case "first":
                return show_time(first)
            case "last":
                return show_time(last)
            case "range":
                return f"{show_time(first)} {show_time(last)}"
        return show_time(last - first)

    def write(self, handler: str, value: str, memory: Remembered) -> None:
        memory.clear(RANGE)
