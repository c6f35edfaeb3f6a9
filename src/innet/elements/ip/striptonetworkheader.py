"""StripToNetworkHeader."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip.header import require_mark
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class StripToNetworkHeader(Element):
    """Make the packet start at its network header, whether that lies inside it or before it.

    Ports:      in 0: packets with a network mark.  out 0: the same, starting there.
    Drops:      "no IP header annotation".
    Source:     Click manual, StripToNetworkHeader.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        require_mark(p, Mark.NET)
        p.set_mark(Mark.DATA, Mark.NET)
        p.emit(0)
