"""IPv6 packets for element tests."""

from ipaddress import IPv6Address

from innet.elements.base import Element
from innet.elements.build import build_one
from innet.elements.registry import REGISTRY
from innet.ir.interpret import PacketBuffer, ones_sum
from innet.ir.nodes import Mark

SRC, DST = "2001:db8::1", "2001:db8:1::9"


def packed(address: str) -> bytes:
    return IPv6Address(address).packed


def ipv6(
    payload: bytes = b"",
    src: str = SRC,
    dst: str = DST,
    nxt: int = 17,
    hlim: int = 64,
    traffic_class: int = 0,
    flow: int = 0,
    length: int | None = None,
) -> bytes:
    """An IPv6 packet, right unless told otherwise."""
    first = 6 << 28 | traffic_class << 20 | flow
    plen = len(payload) if length is None else length
    return (
        first.to_bytes(4, "big")
        + plen.to_bytes(2, "big")
        + bytes([nxt, hlim])
        + packed(src)
        + packed(dst)
        + payload
    )


def transport_sum6(packet: bytes) -> int:
    """The one's complement sum of an IPv6 packet's payload and pseudo header: 0xffff if its checksum is right."""
    payload = packet[40:]
    return ones_sum(packet[8:40] + len(payload).to_bytes(4, "big") + bytes([0, 0, 0, packet[6]]) + payload)


def with_sum(packet: bytes, at: int) -> bytes:
    """The packet with a right transport checksum `at` bytes after the IPv6 header's end."""
    zero = packet[: 40 + at] + bytes(2) + packet[42 + at :]
    return packet[: 40 + at] + (transport_sum6(zero) ^ 0xFFFF).to_bytes(2, "big") + packet[42 + at :]


def marked(data: bytes, net: int = 0) -> PacketBuffer:
    """A packet with its IPv6 header marked `net` bytes after its start."""
    packet = PacketBuffer(data)
    packet.marks[Mark.NET], packet.marks[Mark.TRANSPORT] = net, net + 40
    return packet


def annotated(data: bytes, address: str, net: int = 0) -> PacketBuffer:
    """The same, with a DST_IP6 annotation."""
    packet = marked(data, net)
    packet.annotations[:16] = packed(address)
    return packet


def destination(packet: PacketBuffer) -> str:
    """The DST_IP6 annotation."""
    return str(IPv6Address(bytes(packet.annotations[:16])))


def made(text: str) -> Element:
    """The element that `Class(arguments)` is."""
    name, _, arguments = text.partition("(")
    return build_one(REGISTRY[name], arguments.removesuffix(")"))
