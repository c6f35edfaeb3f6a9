"""StripIPHeader."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip.header import require_mark
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class StripIPHeader(Element):
    """Strip everything up to the transport header: the IPv4 header and whatever stands before it.

    Ports:      in 0: IPv4 with its header marked.  out 0: what the header carried.
    Drops:      "no IP header annotation".
    Source:     Click manual, StripIPHeader.  The marks stay where they were, so UnstripIPHeader finds the header.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        require_mark(p, Mark.TRANSPORT)
        p.set_mark(Mark.DATA, Mark.TRANSPORT)
        p.emit(0)
