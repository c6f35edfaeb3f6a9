"""Neighbour discovery messages (RFC 4861 section 4): what IP6NDSolicitor and IP6NDAdvertiser share."""

from innet.elements.ethernet.frame import ETHERNET_BYTES, mark_header
from innet.elements.ip6.header6 import IP6_BYTES, pseudo_header_sum6
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value
from innet.packet.headers import CLICK_ANNOTATION_BYTES, ETHERTYPE_IPV6, PROTO_ICMP6, PacketType

SOLICITATION, ADVERTISEMENT = 135, 136
MESSAGE_BYTES = 32
"""The ICMPv6 header, the target, and one option with a link-layer address."""
FRAME_BYTES = ETHERNET_BYTES + IP6_BYTES + MESSAGE_BYTES
SOURCE_ADDRESS, TARGET_ADDRESS = 1, 2
"""The types of that option."""
OPTION_AT = 24

Address = tuple[Value | int, Value | int]
"""The upper and the lower half of an IPv6 address."""


def mark_message(p: Packet) -> None:
    """Set the marks of a frame with a message."""
    mark_header(p, ETHERNET_BYTES)
    p.set_mark(Mark.TRANSPORT, Mark.NET, IP6_BYTES)


def is_message(p: Packet, kind: int) -> Value:
    """Whether a frame of at least FRAME_BYTES, with its marks set, is a message of this type, not forwarded."""
    h = p.ip6
    return (
        (p.ether.type == ETHERTYPE_IPV6)
        & (h.nxt == PROTO_ICMP6)
        & (h.hlim == 255)
        & (p.icmp.type == kind)
        & (p.icmp.code == 0)
    )


def target(p: Packet) -> tuple[Value, Value]:
    """The address that a message is about."""
    return p.raw(Mark.TRANSPORT, 8, 8), p.raw(Mark.TRANSPORT, 16, 8)


def write_message(
    p: Packet,
    *,
    kind: int,
    flags: int,
    ethers: tuple[Value | int, Value | int],
    src: Address,
    dst: Address,
    about: Address,
    option: int,
    ether: Value | int,
) -> None:
    """Make the packet a frame with a message and nothing else; `ethers` are destination and source."""
    p.set_mark(Mark.END, Mark.DATA)
    p.set_mark(Mark.END, Mark.DATA, FRAME_BYTES)
    mark_message(p)
    p.ether.dst, p.ether.src, p.ether.type = *ethers, ETHERTYPE_IPV6
    h = p.ip6
    p.set_raw(Mark.NET, 0, 4, 6 << 28)
    h.plen, h.nxt, h.hlim = MESSAGE_BYTES, PROTO_ICMP6, 255
    (h.src_high, h.src_low), (h.dst_high, h.dst_low) = src, dst
    p.icmp.type, p.icmp.code, p.icmp.rest = kind, 0, flags
    for at, half in zip((8, 16), about, strict=True):
        p.set_raw(Mark.TRANSPORT, at, 8, half)
    p.set_raw(Mark.TRANSPORT, OPTION_AT, 2, option << 8 | 1)
    p.set_raw(Mark.TRANSPORT, OPTION_AT + 2, 6, ether)
    length = p.distance(Mark.TRANSPORT, Mark.END)
    p.icmp.sum = ~p.sum(Mark.TRANSPORT, 0, MESSAGE_BYTES).ones_add(pseudo_header_sum6(p, length))
    for byte in range(0, CLICK_ANNOTATION_BYTES, 8):
        p.set_raw(Mark.ANNOTATION, byte, 8, 0)
    p.anno.packet_type = PacketType.HOST
