"""DynamicUDPIPEncap."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import IPAddress, Port, Unsigned
from innet.elements.base import Element
from innet.elements.ip.header import UDP_BYTES, outer_header, udp_header
from innet.ir.trace import Packet, Value
from innet.packet.headers import PROTO_UDP


@dataclass(frozen=True)
class DynamicUDPIPEncap(Element):
    """Put an IPv4 and a UDP header in front of the packet, with ports that go up by one every few packets.

    Ports:      in 0: any packet.  out 0: it, as the payload of a UDP datagram whose headers are marked.
    Arguments:  SRC (IPv4 address), SPORT (UDP port).  DST (IPv4 address), DPORT (UDP port).
                CHECKSUM (bool, default true): whether to compute the UDP checksum; false leaves it zero.
                INTERVAL (packets, default 0: never): after how many both ports go up by one.
    State:      `id`, the next IP identification, from 0; `sent`, the packets so far.
    Checksum:   IPv4 full; UDP full or zero, a sum of zero written as 0xffff (RFC 768).
    Source:     Click manual, DynamicUDPIPEncap.  Port 65535 is followed by 0.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "192.0.2.1, 4754, 198.51.100.1, 4755",
        "192.0.2.1, 4754, 198.51.100.1, 65534, false, 2",
        "192.0.2.1, 53, 198.51.100.1, 53, INTERVAL 1",
    )
    IDENTIFICATION: ClassVar[ir.Counter] = ir.Counter("id", 16)

    src: Annotated[int, IPAddress()]
    sport: Annotated[int, Port("udp")]
    dst: Annotated[int, IPAddress()]
    dport: Annotated[int, Port("udp")]
    checksum: bool = True
    interval: Annotated[int, Unsigned()] = 0

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
        sport: Value | int = self.sport
        dport: Value | int = self.dport
        if self.interval:
            sent = p.next(ir.Counter("sent", 64, wrap=self.interval << 16))
            steps = p.bind((sent // self.interval).cast(16))
            sport, dport = steps + self.sport, steps + self.dport
        udp_header(p, sport, dport, self.checksum)
        p.emit(0)
