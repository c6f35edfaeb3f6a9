"""MarkMACHeader."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class MarkMACHeader(Element):
    """Mark where the Ethernet header starts.

    Ports:      in 0: packets.  out 0: the same, marked.
    Arguments:  OFFSET (bytes, default 0).  LENGTH (bytes, default 0): above 0, the network header follows so far on.
    Source:     Click manual, MarkMACHeader.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "0, 14")

    offset: Annotated[int, Unsigned()] = 0
    length: Annotated[int, Unsigned()] = 0

    def push(self, p: Packet, port: int) -> None:
        p.set_mark(Mark.MAC, Mark.DATA, self.offset)
        if self.length:
            p.set_mark(Mark.NET, Mark.MAC, self.length)
        p.emit(0)
