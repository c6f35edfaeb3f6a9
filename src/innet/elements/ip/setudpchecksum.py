"""SetUDPChecksum."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip.header import is_fragment, pseudo_header_sum, require_ip_header
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_UDP


@dataclass(frozen=True)
class SetUDPChecksum(Element):
    """Compute the UDP checksum.

    Ports:      in 0: UDP over IPv4, headers marked; the protocol field is not looked at.
                out 0: the same, with a right checksum.
                out 1 (optional; dropped if unconnected): fragments, and datagrams longer than the packet.
    Drops:      "bad UDP length", "no IP header annotation".
    Checksum:   full; a sum of zero is written as zero, as Click does.
    Source:     Click manual, SetUDPChecksum; RFC 768.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        length, room = p.udp.len, p.distance(Mark.TRANSPORT, Mark.END)
        with p.when(is_fragment(p) | ~p.udp.present(8) | (length > room)):
            p.divert(1, "bad UDP length")
        p.udp.sum = 0
        total = p.sum(Mark.TRANSPORT, 0, length)
        p.udp.sum = ~total.ones_add(pseudo_header_sum(p, PROTO_UDP, length))
        p.emit(0)
