"""SetTCPChecksum."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip.header import header_bytes, is_fragment, pseudo_header_sum, require_ip_header
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_TCP


@dataclass(frozen=True)
class SetTCPChecksum(Element):
    """Compute the TCP checksum.

    Ports:      in 0: TCP over IPv4, headers marked; the protocol field is not looked at.
                out 0: the same, with a right checksum.
    Arguments:  FIXOFF (bool, default false): whether to mend a data offset that cannot be.
    Drops:      "bad TCP length": under 20 bytes or beyond the packet's end; "no IP header annotation".
    Checksum:   full; a sum of zero is written as zero.
    Source:     Click manual, SetTCPChecksum; RFC 9293 section 3.1.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "FIXOFF true")

    fixoff: bool = False

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        length = p.bind(p.ip.len - header_bytes(p.ip.hl))
        room = p.distance(Mark.TRANSPORT, Mark.END)
        with p.when(~p.tcp.present(20) | (length < 20) | (length > room)):
            p.drop("bad TCP length")
        if self.fixoff:
            off = p.tcp.off
            with p.when(off < 5):
                p.tcp.off = 5
            with p.when((header_bytes(off) > length) & (off >= 5) & ~is_fragment(p)):
                p.tcp.off = length.bits(2, 4)
        p.tcp.sum = 0
        total = p.sum(Mark.TRANSPORT, 0, length)
        p.tcp.sum = ~total.ones_add(pseudo_header_sum(p, PROTO_TCP, length))
        p.emit(0)
