"""EnsureEther."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import EtherAddress, Unsigned
from innet.elements.base import Element
from innet.elements.ethernet.frame import ETHERNET_BYTES, frame
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value
from innet.packet.headers import ETHERTYPE_IPV4, ETHERTYPE_IPV6


@dataclass(frozen=True)
class EnsureEther(Element):
    """See to it that an IP packet stands behind an Ethernet header: the one it has, or had, or a new one.

    Ports:      in 0: packets with their network header marked; others pass unchanged.
                out 0: the same, from an Ethernet header on. One of an IPv4 or IPv6 type right before the network header
                stays, or comes back if it was stripped; otherwise what stands before the network header gives way to a
                new one.
    Arguments:  ETHERTYPE (16 bits, default 0x0800), SRC, DST (Ethernet addresses, default 1:1:1:1:1:1 and 2:2:2:2:2:2):
                of a new header.
    Source:     Click manual, EnsureEther.  No header mark is moved.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "0x86dd, 2:0:0:0:0:1, 2:0:0:0:0:2")

    ethertype: Annotated[int, Unsigned(16)] = ETHERTYPE_IPV4
    src: Annotated[int, EtherAddress()] = 0x0101_0101_0101
    dst: Annotated[int, EtherAddress()] = 0x0202_0202_0202

    def push(self, p: Packet, port: int) -> None:
        with p.when(~p.marked(Mark.NET)):
            p.emit(0)
        ahead = p.distance(Mark.DATA, Mark.NET)
        with p.when(ahead >= 0x8000):  # the header was stripped already
            p.emit(0)
        with p.when((ahead == ETHERNET_BYTES) & self.is_ip(p, 0)):
            p.emit(0)
        stripped = p.present(Mark.DATA, -ETHERNET_BYTES, ETHERNET_BYTES) & self.is_ip(p, -ETHERNET_BYTES)
        with p.when((ahead == 0) & stripped):
            p.unstrip(ETHERNET_BYTES)
            p.emit(0)
        p.set_mark(Mark.DATA, Mark.NET)
        p.unstrip(ETHERNET_BYTES)
        h = frame(p)
        h.dst, h.src, h.type = self.dst, self.src, self.ethertype
        p.emit(0)

    def is_ip(self, p: Packet, offset: int) -> Value:
        """Whether the type of the Ethernet header that starts `offset` bytes after the packet is IPv4 or IPv6."""
        kind = frame(p, offset).type
        return (kind == ETHERTYPE_IPV4) | (kind == ETHERTYPE_IPV6)
