"""TimestampAccum."""

from dataclasses import dataclass
from typing import ClassVar

from innet import ir
from innet.elements.base import Element
from innet.elements.holder import Remembered
from innet.elements.times.instants import FOREVER_S, NS
from innet.ir.trace import Packet

TOTAL = ir.Table("total", key=(1,), values=(64,), capacity=1)
"""Nanoseconds, modulo 2^64."""


@dataclass(frozen=True)
class TimestampAccum(Element):
    """Add up how old packets are, by their timestamps.

    Ports:      in 0: packets.  out 0: the same.
    State:      read handlers `count` (packets), `time` (seconds, summed), `average_time`; write handler
                `reset_counts`.
    Source:     Click manual, TimestampAccum.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)
    READS: ClassVar[tuple[str, ...]] = ("time", "average_time")
    WRITES: ClassVar[tuple[str, ...]] = ("reset_counts",)

    def push(self, p: Packet, port: int) -> None:
        p.count("count")
        stamp = p.anno.time_s.cast(64) * NS + p.anno.time_ns.cast(64)
        _, (total,) = p.lookup(TOTAL, (0,))
        p.insert(TOTAL, (0,), (total + p.now() - stamp,), FOREVER_S)
        p.emit(0)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        (total,) = memory.rows(TOTAL).get((0,), (0,))
        total = (total + 2**63) % 2**64 - 2**63
        packets = memory.statistic("count") if handler == "average_time" else 1
        return f"{total / NS / packets:.12g}" if packets else "0"

    def write(self, handler: str, value: str, memory: Remembered) -> None:
        memory.clear(TOTAL)
