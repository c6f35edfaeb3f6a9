"""What the elements that work on an IPv6 header share: guards, addresses of two halves, checksums, a new header."""

from innet.diagnostics import ConfigurationError
from innet.elements.argument_addresses import IP6Address
from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.elements.ip.addresses import DST_ANNO
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value
from innet.lexical import Text

IP6_BYTES, UDP_BYTES = 40, 8
NO_IP6_HEADER = "no IPv6 header annotation"
HALF = (1 << 64) - 1


def require_ip6_header(p: Packet) -> None:
    """Drop packets without a network mark, or with fewer than 40 bytes behind it (ELEMENTS 2.2, In-Net's rule)."""
    with p.when(~p.ip6.present(IP6_BYTES)):
        p.drop(NO_IP6_HEADER)


def halves6(address: int) -> tuple[int, int]:
    """The upper and the lower 64 bits of an address."""
    return address >> 64, address & HALF


def is_one_of(high: Value, low: Value, address: int) -> Value:
    """Whether the address of these halves is `address`."""
    return (high == address >> 64) & (low == address & HALF)


def pseudo_header_sum6(p: Packet, length: Value) -> Value:
    """The one's complement sum of addresses, next header and `length` (16 bits): RFC 8200 section 8.1."""
    return p.sum(Mark.NET, 8, 32).ones_add(length).ones_add(p.ip6.nxt.cast(16))


def outer_header6(
    p: Packet, *, extra: int, traffic_class: int, nxt: int, hlim: int, src: int, dst: int | None
) -> None:
    """Put an IPv6 header and `extra` more bytes in front of the packet, and mark both.

    Without `dst` the destination is the DST_IP6 annotation; with it, the annotation becomes `dst`.
    """
    p.unstrip(IP6_BYTES + extra)
    p.set_mark(Mark.NET, Mark.DATA)
    p.set_mark(Mark.TRANSPORT, Mark.DATA, IP6_BYTES)
    p.set_raw(Mark.NET, 0, 4, 6 << 28 | traffic_class << 20)
    p.ip6.plen = p.distance(Mark.TRANSPORT, Mark.END)
    p.ip6.nxt = nxt
    p.ip6.hlim = hlim
    p.ip6.src_high, p.ip6.src_low = halves6(src)
    if dst is None:
        p.ip6.dst_high, p.ip6.dst_low = p.anno.dst_ip6_high, p.anno.dst_ip6_low
    else:
        p.ip6.dst_high, p.ip6.dst_low = halves6(dst)
        p.anno.dst_ip6_high, p.anno.dst_ip6_low = halves6(dst)


class DestinationAddress6(ArgumentType[int | None]):
    """An IPv6 address; or `DST_ANNO`, which is None: the destination annotation."""

    def describe(self) -> str:
        return f"an IPv6 address or {DST_ANNO}"

    def parse(self, text: Text, names: Names) -> int | None:
        if self.word(text) == DST_ANNO:
            return None
        try:
            return IP6Address().parse(text, names)
        except ConfigurationError:
            raise self.refused(text) from None

    def unparse(self, value: int | None) -> str:
        return DST_ANNO if value is None else IP6Address().unparse(value)
