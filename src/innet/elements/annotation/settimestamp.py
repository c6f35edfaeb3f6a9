"""SetTimestamp."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.annotation.times import FIRST_TIMESTAMP, TIMESTAMP, write_time
from innet.elements.arguments import Seconds
from innet.elements.base import Element
from innet.ir.interpret import NS
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class SetTimestamp(Element):
    """Set the packet's timestamp.

    Ports:      in 0: any packet.  out 0: the same, its timestamp set.
    Arguments:  TIME (seconds, to the nanosecond; default: the present).  FIRST (keyword, bool, default false): set
                FIRST_TIMESTAMP instead.
    Source:     Click manual, SetTimestamp.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "1234567890.5", "FIRST true", "3s, FIRST true")

    time_ns: Annotated[int | None, Seconds(digits=9)] = None
    _: KW_ONLY
    first: bool = False

    def push(self, p: Packet, port: int) -> None:
        at = FIRST_TIMESTAMP if self.first else TIMESTAMP
        if self.time_ns is None:
            write_time(p, at, p.now())
        else:
            seconds, rest = divmod(self.time_ns, NS)
            p.set_raw(Mark.ANNOTATION, at, 4, seconds % (1 << 32))
            p.set_raw(Mark.ANNOTATION, at + 4, 4, rest)
        p.emit(0)
