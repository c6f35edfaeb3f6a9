"""GetIP6Address."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class GetIP6Address(Element):
    """Copy an IPv6 address from the packet into the DST_IP6 annotation.

    Ports:      in 0: packets.  out 0: the same, annotated.
    Arguments:  OFFSET (bytes after the packet's start): 24 is where an IPv6 packet has its destination.
    Source:     Click manual, GetIP6Address.  Where the 16 bytes are not all there, the annotation becomes zero.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("24",)

    offset: Annotated[int, Unsigned(31)]

    def push(self, p: Packet, port: int) -> None:
        with p.when(~p.present(Mark.DATA, self.offset, 16)):
            p.anno.dst_ip6_high, p.anno.dst_ip6_low = 0, 0
            p.emit(0)
        p.anno.dst_ip6_high = p.raw(Mark.DATA, self.offset, 8)
        p.anno.dst_ip6_low = p.raw(Mark.DATA, self.offset + 8, 8)
        p.emit(0)
