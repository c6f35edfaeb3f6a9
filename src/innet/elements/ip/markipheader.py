"""MarkIPHeader."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.ip.header import HEADER_BYTES, header_bytes
from innet.ir.nodes import Mark
from innet.ir.trace import IPv4, Packet


@dataclass(frozen=True)
class MarkIPHeader(Element):
    """Mark the IPv4 and the transport header without checking anything.

    Ports:      in 0: packets with an IPv4 header OFFSET bytes after their start.  out 0: the same, marked.
    Arguments:  OFFSET (bytes, default 0).
    Source:     Click manual, MarkIPHeader.  Where fewer than 20 bytes remain, the transport mark is put 20 bytes
                behind the network mark (In-Net's choice; Click reads beyond the packet).
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "14")

    offset: Annotated[int, Unsigned()] = 0

    def push(self, p: Packet, port: int) -> None:
        h = IPv4(p, Mark.DATA, self.offset)
        p.set_mark(Mark.NET, Mark.DATA, self.offset)
        with p.when(h.present(HEADER_BYTES)):
            p.set_mark(Mark.TRANSPORT, Mark.NET, 0, header_bytes(p.ip.hl))
            p.emit(0)
        p.set_mark(Mark.TRANSPORT, Mark.NET, HEADER_BYTES)
        p.emit(0)
