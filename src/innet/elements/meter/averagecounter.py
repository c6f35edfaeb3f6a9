"""AverageCounter."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.holder import Remembered
from innet.ir.interpret import NS
from innet.ir.trace import Packet

TICK_NS = 1_000_000
SEEN = ir.Table("seen", key=(1,), values=(64, 64), capacity=1)
"""When the first and the last packet came."""
FOREVER_S = 0x7FFF_FFFF


@dataclass(frozen=True)
class AverageCounter(Element):
    """Count packets and bytes, and how many come in a second on average.

    Ports:      in 0: packets.  out 0: the same.
    Arguments:  IGNORE (seconds, default 0): count nothing so long after the first packet.
    State:      `count`, `byte_count`; when the first and the last packet came. Read handlers `rate` and `byte_rate`:
                what was counted, by the time from the first packet (and IGNORE) to the last. Write handler `reset`.
    Source:     Click manual, AverageCounter.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "2")
    READS: ClassVar[tuple[str, ...]] = ("rate", "byte_rate")
    WRITES: ClassVar[tuple[str, ...]] = ("reset",)

    ignore: Annotated[int, Unsigned()] = 0

    def push(self, p: Packet, port: int) -> None:
        now = p.now()
        found, (first, _) = p.lookup(SEEN, (0,))
        with p.when(~found):
            p.insert(SEEN, (0,), (now, now), FOREVER_S)
            if not self.ignore:
                self._count(p)
            p.emit(0)
        p.update(SEEN, (0,), (first, now), FOREVER_S)
        if self.ignore:
            with p.when(now - first >= self.ignore * NS):
                self._count(p)
        else:
            self._count(p)
        p.emit(0)

    def _count(self, p: Packet) -> None:
        p.count("count")
        p.count("byte_count", p.length)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        first, last = memory.rows(SEEN).get((0,), (0, 0))
        ticks = max(last // TICK_NS - first // TICK_NS - self.ignore * 1000, 1)
        counted = memory.statistic("byte_count" if handler == "byte_rate" else "count")
        return f"{counted * 1000 / ticks:.12g}"

    def write(self, handler: str, value: str, memory: Remembered) -> None:
        memory.clear(SEEN)
