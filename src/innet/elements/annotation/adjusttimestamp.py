"""AdjustTimestamp."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.annotation.times import ERA, FIRST_TIMESTAMP, TIMESTAMP, read_time, write_time
from innet.elements.arguments import Seconds
from innet.elements.base import Element
from innet.ir.interpret import NS
from innet.ir.trace import Packet


@dataclass(frozen=True)
class AdjustTimestamp(Element):
    """Add to the packet's timestamp.

    Ports:      in 0: any packet.  out 0: the same, its timestamp changed.
    Arguments:  TIME (seconds, to the nanosecond, may be negative, default 0).  FIRST (keyword, bool, default false):
                change FIRST_TIMESTAMP instead.  ALL (keyword, bool, default false): also one that is zero.
    Source:     Click manual, AdjustTimestamp.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("1.5", "-20ms", "3, FIRST true", "1, ALL true")
    WRITABLE: ClassVar[Mapping[str, str]] = {"time": "time_ns"}

    time_ns: Annotated[int, Seconds(digits=9, signed=True)] = 0
    _: KW_ONLY
    first: bool = False
    all: bool = False

    def push(self, p: Packet, port: int) -> None:
        at = FIRST_TIMESTAMP if self.first else TIMESTAMP
        time = read_time(p, at)
        if not self.all:
            with p.when(time == 0):
                p.emit(0)
        write_time(p, at, p.bind(time + (ERA * NS + self.time_ns % (ERA * NS)) % (1 << 64)))
        p.emit(0)
