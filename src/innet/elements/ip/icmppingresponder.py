"""ICMPPingResponder."""

from dataclasses import dataclass
from typing import ClassVar

from innet import ir
from innet.elements.base import Element
from innet.elements.ip.header import IP_CHECKSUM, require_ip_header
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, as_value
from innet.packet.headers import PROTO_ICMP

ECHO = 8
ICMP_CHECKSUM = ir.Field(Mark.TRANSPORT, 16, 16)


@dataclass(frozen=True)
class ICMPPingResponder(Element):
    """Turn ICMP echo requests into their replies.

    Ports:      in 0: IPv4 with its header marked.
                out 0: replies, made of the requests: addresses swapped, TTL 255, no fragment offset or flags.
                out 1 (optional; dropped if unconnected): packets that are no echo requests, unchanged.
    Drops:      "not an ICMP echo request", "no IP header annotation".
    Checksum:   IPv4 and ICMP incremental; an ICMP message of zeros only gets 0xffff.
    Source:     Click manual, ICMPPingResponder; RFC 792.  The DST_IP annotation becomes the new destination, paint
                zero; the timestamp is left as it was.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        request = (p.ip.proto == PROTO_ICMP) & p.icmp.present(8) & (p.icmp.type == ECHO)
        with p.when(~request):
            p.divert(1, "not an ICMP echo request")
        src, off, ttl = p.ip.src, p.ip.off, p.ip.ttl
        p.ip.src = p.ip.dst
        p.ip.dst = src
        p.ip.off = 0
        p.adjust(IP_CHECKSUM, off, as_value(0, 16))
        p.ip.ttl = 255
        p.adjust(IP_CHECKSUM, ttl, as_value(255, 8), bit=64)
        kind = p.raw(Mark.TRANSPORT, 0, 2)
        p.set_raw(Mark.TRANSPORT, 0, 2, 0)
        p.adjust(ICMP_CHECKSUM, kind, as_value(0, 16), pseudo=as_value(0, 16))
        with (
            p.when(p.icmp.sum == 0),
            p.when(p.sum(Mark.TRANSPORT, 0, p.distance(Mark.TRANSPORT, Mark.END)) == 0),
        ):
            p.icmp.sum = 0xFFFF
        p.anno.dst_ip = src
        p.anno.paint = 0
        p.emit(0)
