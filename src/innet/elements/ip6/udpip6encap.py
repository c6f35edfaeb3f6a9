"""UDPIP6Encap."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import IP6Address, Port
from innet.elements.base import Element
from innet.elements.ip6.header6 import UDP_BYTES, DestinationAddress6, outer_header6, pseudo_header_sum6
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_UDP


@dataclass(frozen=True)
class UDPIP6Encap(Element):
    """Put an IPv6 and a UDP header in front of the packet.

    Ports:      in 0: any packet.  out 0: it, as the payload of a UDP datagram whose headers are marked.
    Arguments:  SRC (IPv6 address), SPORT (UDP port).  DST (IPv6 address, or `DST_ANNO`: the DST_IP6 annotation), DPORT.
    Checksum:   UDP full, a sum of zero written as 0xffff (RFC 8200 section 8.1).
    Source:     Click manual, UDPIP6Encap.  The hop limit is 255.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "2001:db8::1, 4754, 2001:db8::2, 4755",
        "2001:db8::1, 53, DST_ANNO, 53",
    )
    WRITABLE: ClassVar[Mapping[str, str]] = {name: name for name in ("src", "sport", "dst", "dport")}

    src: Annotated[int, IP6Address()]
    sport: Annotated[int, Port("udp")]
    dst: Annotated[int | None, DestinationAddress6()]
    dport: Annotated[int, Port("udp")]

    def push(self, p: Packet, port: int) -> None:
        outer_header6(
            p, extra=UDP_BYTES, traffic_class=0, nxt=PROTO_UDP, hlim=255, src=self.src, dst=self.dst
        )
        length = p.distance(Mark.TRANSPORT, Mark.END)
        p.udp.sport, p.udp.dport, p.udp.len = self.sport, self.dport, length
        p.udp.sum = 0
        total = p.bind(~p.sum(Mark.TRANSPORT, 0, length).ones_add(pseudo_header_sum6(p, length)))
        p.udp.sum = total | ((total == 0).cast(16) * 0xFFFF)
        p.emit(0)
