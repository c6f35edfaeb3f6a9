"""What ICMPPingEncap and ICMPIPEncap share: IPv4 and ICMP headers in front of the packet."""

from innet import ir
from innet.elements.ip.header import outer_header
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_ICMP

ECHO_REPLY, ECHO, TIMESTAMP, TIMESTAMP_REPLY, INFORMATION, INFORMATION_REPLY = 0, 8, 13, 14, 15, 16
NUMBERED = (ECHO_REPLY, ECHO, TIMESTAMP, TIMESTAMP_REPLY, INFORMATION, INFORMATION_REPLY)
"""The types of messages with an identifier and a sequence number."""
TTL = 255
SEQUENCE = ir.Counter("sequence", 16, wrap=0xFFFF)


def header_bytes(kind: int) -> int:
    """The length of an ICMP header (RFC 792)."""
    return 20 if kind in (TIMESTAMP, TIMESTAMP_REPLY) else 8


def icmp_header(p: Packet, *, src: int, dst: int, kind: int, code: int, identifier: int) -> None:
    """Put IPv4 and ICMP headers in front; IP identification and sequence number count from 1, and leave out 0."""
    size = header_bytes(kind)
    number = p.bind(p.next(SEQUENCE) + 1)
    outer_header(
        p, extra=size, tos=0, off=0, ttl=TTL, proto=PROTO_ICMP, src=src, dst=dst, identification=number
    )
    p.set_raw(Mark.TRANSPORT, 0, 2, kind << 8 | code)
    p.icmp.sum = 0
    if kind in NUMBERED:
        p.icmp.id, p.icmp.seq = identifier, number
    else:
        p.icmp.rest = 0
    for at in range(8, size, 4):
        p.set_raw(Mark.TRANSPORT, at, 4, 0)
    p.icmp.sum = ~p.sum(Mark.TRANSPORT, 0, p.distance(Mark.TRANSPORT, Mark.END))
