"""UDPIPEncap."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import IPAddress, Port
from innet.elements.base import Element
from innet.elements.ip.addresses import DestinationAddress
from innet.elements.ip.header import UDP_BYTES, outer_header, udp_header
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_UDP


@dataclass(frozen=True)
class UDPIPEncap(Element):
    """Put an IPv4 and a UDP header in front of the packet.

    Ports:      in 0: any packet.  out 0: it, as the payload of a UDP datagram whose headers are marked.
    Arguments:  SRC (IPv4 address), SPORT (UDP port).  DST (IPv4 address, or `DST_ANNO`: the annotation), DPORT.
                CHECKSUM (bool, default false): whether to compute the UDP checksum; false leaves it zero.
    State:      `id`, the next IP identification, from 0.
    Checksum:   IPv4 full; UDP full or zero, a sum of zero written as 0xffff (RFC 768).
    Source:     Click manual, UDPIPEncap, whose default for CHECKSUM is true on paper and zero on the wire.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "192.0.2.1, 4754, 198.51.100.1, 4755",
        "192.0.2.1, 4754, 198.51.100.1, 4755, true",
        "192.0.2.1, 53, DST_ANNO, 53, CHECKSUM false",
    )
    WRITABLE: ClassVar[Mapping[str, str]] = {name: name for name in ("src", "sport", "dst", "dport")}
    IDENTIFICATION: ClassVar[ir.Counter] = ir.Counter("id", 16)

    src: Annotated[int, IPAddress()]
    sport: Annotated[int, Port("udp")]
    dst: Annotated[int | None, DestinationAddress()]
    dport: Annotated[int, Port("udp")]
    checksum: bool = False

    def push(self, p: Packet, port: int) -> None:
        outer_header(
            p,
            extra=UDP_BYTES,
            tos=0,
            off=0,
            ttl=250,
            proto=PROTO_UDP,
            src=self.src,
            dst=self.dst,
            identification=self.IDENTIFICATION,
        )
        udp_header(p, self.sport, self.dport, self.checksum)
        p.emit(0)
