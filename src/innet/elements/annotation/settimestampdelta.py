"""SetTimestampDelta."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.annotation.times import (
    FIRST_TIMESTAMP,
    TIMESTAMP,
    read_time,
    show_time,
    since,
    write_time,
)
from innet.elements.arguments import OneOf
from innet.elements.base import Element
from innet.elements.holder import Remembered
from innet.ir.trace import Packet

FIRST = ir.Table("first", (1,), (64,), 1)
FOR_EVER_S = 1 << 30


@dataclass(frozen=True)
class SetTimestampDelta(Element):
    """Replace the packet's timestamp by the time since another.

    Ports:      in 0: any packet.  out 0: the same, its timestamp a difference, unless it was zero.
    Arguments:  TYPE (keyword, default RANGE): RANGE counts from the first packet's timestamp, NOW from the timestamp
                to the present, FIRST from FIRST_TIMESTAMP.
    State:      with RANGE, the first packet's timestamp; the handler `reset` forgets it.
    Source:     Click manual, SetTimestampDelta.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "TYPE NOW", "TYPE FIRST")
    READS: ClassVar[tuple[str, ...]] = ("first",)
    WRITES: ClassVar[tuple[str, ...]] = ("reset",)

    _: KW_ONLY
    type: Annotated[str, OneOf("RANGE", "NOW", "FIRST")] = "RANGE"

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        return show_time(memory.rows(FIRST).get((0,), (0,))[0])

    def write(self, handler: str, value: str, memory: Remembered) -> None:
        memory.clear(FIRST)

    def push(self, p: Packet, port: int) -> None:
        time = read_time(p, TIMESTAMP)
        with p.when(time == 0):
            p.emit(0)
        match self.type:
            case "NOW":
                delta = since(p, p.now(), time)
            case "FIRST":
                delta = since(p, time, read_time(p, FIRST_TIMESTAMP))
            case _:
                found, (first,) = p.lookup(FIRST, (0,))
                with p.when(~found):
                    p.insert(FIRST, (0,), (time,), FOR_EVER_S)
                    write_time(p, TIMESTAMP, p.bind(time - time))
                    p.emit(0)
                delta = since(p, time, first)
        write_time(p, TIMESTAMP, delta)
        p.emit(0)
