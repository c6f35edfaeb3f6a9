"""What the elements that work on an IPv4 header share: guards, lengths, checksums, a new header in front."""

from innet import ir
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value
from innet.packet.headers import PROTO_TCP, PROTO_UDP

NO_IP_HEADER = "no IP header annotation"
HEADER_BYTES, UDP_BYTES = 20, 8
IP_CHECKSUM = ir.Field(Mark.NET, 80, 16)
FRAGMENT_OFFSET, MORE_OR_OFFSET = 0x1FFF, 0x3FFF
SOURCE_ROUTES = (131, 137)
"""Loose and strict source route (RFC 791 section 3.1)."""


def require_ip_header(p: Packet) -> None:
    """Drop packets without a network mark, or with fewer than 20 bytes behind it (ELEMENTS 2.2, In-Net's rule)."""
    with p.when(~p.ip.present(HEADER_BYTES)):
        p.drop(NO_IP_HEADER)


def require_mark(p: Packet, mark: Mark) -> None:
    """Drop packets on which `mark` is not set."""
    with p.when(~p.marked(mark)):
        p.drop(NO_IP_HEADER)


def header_bytes(hl: Value) -> Value:
    """A header length field (4 bits, in words) as 16 bits of bytes."""
    return hl.cast(16) << 2


def leave_with_header(p: Packet, words: Value, total: Value, port: int) -> None:
    """For `released`: the packet leaves with `total` bytes, `words` words of header, and anything behind the first 20.

    What else is to be said of it comes before, once for all: each number of words has a path of its own.
    """
    p.clear_mark(Mark.TRANSPORT)  # it would lie behind the end, in as many places as there are header lengths
    p.set_mark(Mark.END, Mark.NET, HEADER_BYTES)
    p.set_mark(Mark.END, Mark.NET, 0, total)
    p.havoc(Mark.NET, HEADER_BYTES)
    for number in range(HEADER_BYTES // 4, 16):
        with p.when(words == number):
            with p.when(total < 4 * number):
                p.drop("no such packet")
            p.ip.hl = number
            p.set_mark(Mark.TRANSPORT, Mark.NET, 4 * number)
            p.emit(port)
    p.drop("no such packet")


def first_fragment(p: Packet) -> Value:
    """Whether the packet is whole or a first fragment: only then is there a transport header."""
    return (p.ip.off & FRAGMENT_OFFSET) == 0


def is_fragment(p: Packet) -> Value:
    """Whether the packet is a fragment, the first one included."""
    return (p.ip.off & MORE_OR_OFFSET) != 0


def tcp_or_udp(proto: Value) -> Value:
    return (proto == PROTO_TCP) | (proto == PROTO_UDP)


def fill_checksum(p: Packet, mark: Mark = Mark.NET, length: Value | int = HEADER_BYTES) -> None:
    """Compute the checksum of the header at `mark` anew."""
    p.set_raw(mark, 10, 2, 0)
    p.set_raw(mark, 10, 2, ~p.sum(mark, 0, length))


def changes(*pairs: tuple[Value, Value]) -> Value:
    """The one's complement sum of ~old + new over all halfwords of the pairs (RFC 1624 equation 3)."""
    total: Value | None = None
    for old, new in pairs:
        for low in range(0, old.width, 16):
            change = (~old.bits(low, 16)).ones_add(new.bits(low, 16))
            total = change if total is None else total.ones_add(change)
    assert total is not None
    return total


def halves(address: Value) -> Value:
    """The one's complement sum of the two halves of a 32-bit value."""
    return address.bits(16, 16).ones_add(address.bits(0, 16))


def pseudo_header_sum(p: Packet, proto: int, length: Value) -> Value:
    """The one's complement sum of the pseudo header (RFC 768); `length` is the transport's, 16 bits.

    The destination is where the packet ends up: with a source route option, the last address of that.
    """
    src, dst = p.ip.src, p.local(p.ip.dst)
    with p.when(p.ip.hl > 5):
        found, offset, size = p.find_option(*SOURCE_ROUTES)
        with p.when(found & (size >= 7)):
            p.set_mark(Mark.AUX, Mark.NET, 0, offset + size)
            dst.set(p.raw(Mark.AUX, -4, 4))
    return halves(src).ones_add(halves(dst.value)).ones_add(length).ones_add(proto)


def outer_header(
    p: Packet,
    *,
    extra: int,
    tos: int,
    off: int,
    ttl: int,
    proto: int,
    src: int,
    dst: int | None,
    identification: ir.Counter | Value,
) -> None:
    """Put an IPv4 header and `extra` more bytes in front of the packet, and mark both.

    Without `dst` the destination is the DST_IP annotation; with it, the annotation becomes `dst`.
    """
    p.unstrip(HEADER_BYTES + extra)
    p.set_mark(Mark.NET, Mark.DATA)
    p.set_mark(Mark.TRANSPORT, Mark.DATA, HEADER_BYTES)
    p.set_raw(Mark.NET, 0, 2, 0x4500 | tos)
    p.ip.len = p.length
    p.ip.id = p.next(identification) if isinstance(identification, ir.Counter) else identification
    p.ip.off = off
    p.ip.ttl = ttl
    p.ip.proto = proto
    p.ip.src = src
    if dst is None:
        p.ip.dst = p.anno.dst_ip
    else:
        p.ip.dst = dst
        p.anno.dst_ip = dst
    fill_checksum(p)


def udp_header(p: Packet, sport: Value | int, dport: Value | int, checksum: bool) -> None:
    """Fill the UDP header at the transport mark, of a datagram that reaches to the packet's end.

    Without `checksum` the sum is zero; with it, a sum of zero is written as 0xffff (RFC 768).
    """
    length = p.distance(Mark.TRANSPORT, Mark.END)
    p.udp.sport, p.udp.dport, p.udp.len = sport, dport, length
    p.udp.sum = 0
    if checksum:
        pseudo = halves(p.ip.src).ones_add(halves(p.ip.dst)).ones_add(length).ones_add(PROTO_UDP)
        total = p.bind(~p.sum(Mark.TRANSPORT, 0, length).ones_add(pseudo))
        p.udp.sum = total | ((total == 0).cast(16) * 0xFFFF)
