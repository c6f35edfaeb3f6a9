"""CheckIP6Header."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import IP6Address, ListOf, Unsigned
from innet.elements.base import Element
from innet.elements.ip6.header6 import IP6_BYTES, is_one_of
from innet.ir.nodes import Mark
from innet.ir.trace import IPv6, Packet, Value, any_of

ALL_ONES = (1 << 128) - 1


@dataclass(frozen=True)
class CheckIP6Header(Element):
    """Check the IPv6 header, mark it, and cut what lies behind its payload.

    Ports:      in 0: packets with an IPv6 header OFFSET bytes after their start.
                out 0: good ones; header and transport mark set, cut to the payload length.
                out 1 (optional; dropped if unconnected): bad ones, unchanged.
    Arguments:  BADADDRS (list of addresses, default none): no packet comes from them, nor from an address of ones only.
                OFFSET (bytes, default 0).
    Drops:      "tiny packet", "bad IP version", "bad payload length", "bad source address", checked in this order.
    Source:     Click manual, CheckIP6Header; RFC 8200 section 3.  The transport mark is put right behind the header,
                extension headers are not looked at. The DST_IP6 annotation is not set.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "OFFSET 14", "::1 2001:db8::1")

    badaddrs: Annotated[tuple[int, ...], ListOf(IP6Address())] = ()
    offset: Annotated[int, Unsigned(16)] = 0

    def push(self, p: Packet, port: int) -> None:
        h = IPv6(p, Mark.DATA, self.offset)
        self.refuse(p, ~h.present(IP6_BYTES), "tiny packet")
        self.refuse(p, h.vers != 6, "bad IP version")
        plen = h.plen
        self.refuse(p, plen > p.length - (self.offset + IP6_BYTES), "bad payload length")
        high, low = h.src_high, h.src_low
        bad = dict.fromkeys((ALL_ONES, *self.badaddrs))
        self.refuse(p, any_of(is_one_of(high, low, address) for address in bad), "bad source address")
        p.set_mark(Mark.NET, Mark.DATA, self.offset)
        p.set_mark(Mark.TRANSPORT, Mark.NET, IP6_BYTES)
        p.set_mark(Mark.END, Mark.TRANSPORT, 0, plen)
        p.emit(0)

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if self.offset + IP6_BYTES > 0xFFFF:
            return (f"OFFSET is {self.offset}: no packet has a header there",)
        return ()

    def refuse(self, p: Packet, condition: Value, reason: str) -> None:
        """Send packets for which `condition` holds to output 1."""
        with p.when(condition):
            p.count("drops")
            p.divert(1, reason)
