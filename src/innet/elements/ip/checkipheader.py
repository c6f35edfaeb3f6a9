"""CheckIPHeader."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import IPAddress, IPPrefix, ListOf, Unsigned
from innet.elements.ip.details import Detailed
from innet.elements.ip.header import header_bytes
from innet.ir.nodes import Mark
from innet.ir.trace import IPv4, Packet, Value, any_of

ALL_ONES = 0xFFFF_FFFF


@dataclass(frozen=True)
class CheckIPHeader(Detailed):
    """Check the IPv4 header, mark it, cut what lies behind the IP length, and note the destination.

    Ports:      in 0: packets with an IPv4 header OFFSET bytes after their start.
                out 0: good ones; header and transport mark set, DST_IP annotation set, cut to the IP length.
                out 1 (optional; dropped if unconnected): bad ones, unchanged.
    Arguments:  OFFSET (bytes, default 0).  CHECKSUM (keyword, bool, default true): whether to verify the checksum.
                BADSRC, GOODDST (keyword, lists of addresses): packets from a bad source are bad, except to a good
                destination.  INTERFACES (keyword, list of prefixes): each address is a good destination, each
                broadcast address, 0.0.0.0 and 255.255.255.255 are bad sources.
                VERBOSE, DETAILS (keyword, bool): DETAILS counts the failures by reason.
    Drops:      "tiny packet", "bad IP version", "bad IP header length", "bad IP length", "bad IP checksum",
                "bad source address", checked in this order.
    Source:     Click manual, CheckIPHeader; RFC 1812 section 5.2.2.  The old positional list of bad sources is refused.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    KEYWORDS_FIRST: ClassVar[bool] = True
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "",
        "14",
        "CHECKSUM false",
        "INTERFACES 10.0.0.1/8 192.0.2.1/24, BADSRC 127.0.0.1, GOODDST 192.0.2.9",
        "DETAILS true",
    )

    REASONS: ClassVar[tuple[str, ...]] = (
        "tiny packet",
        "bad IP version",
        "bad IP header length",
        "bad IP length",
        "bad IP checksum",
        "bad source address",
    )

    offset: Annotated[int, Unsigned()] = 0
    _: KW_ONLY
    checksum: bool = True
    interfaces: Annotated[tuple[tuple[int, int], ...], ListOf(IPPrefix())] = ()
    badsrc: Annotated[tuple[int, ...], ListOf(IPAddress())] = ()
    gooddst: Annotated[tuple[int, ...], ListOf(IPAddress())] = ()
    verbose: bool = False

    def push(self, p: Packet, port: int) -> None:
        if self.offset > 0xFFFF:  # no packet is so long
            p.count("drops")
            if self.details:
                p.count("tiny packet")
            p.divert(1, "tiny packet")
            return
        h = IPv4(p, Mark.DATA, self.offset)
        self.refuse(p, (~h.present(20), "tiny packet"))
        plen = p.length - self.offset if self.offset else p.length
        hl, length = h.hl, h.len
        hlen = header_bytes(hl)
        checks = [
            (h.vers != 4, "bad IP version"),
            (hl < 5, "bad IP header length"),
            ((length > plen) | (length < hlen), "bad IP length"),
        ]
        self.refuse(p, *checks)
        if self.checksum:
            self.refuse(p, (p.sum(Mark.DATA, self.offset, hlen) != 0xFFFF, "bad IP checksum"))
        dst = h.dst
        bad, good = self.bad_sources(), self.good_destinations()
        if bad:
            src = h.src
            forged = any_of(src == address for address in bad)
            if good:
                forged = forged & ~any_of(dst == address for address in good)
            self.refuse(p, (forged, "bad source address"))
        p.set_mark(Mark.NET, Mark.DATA, self.offset)
        p.set_mark(Mark.TRANSPORT, Mark.NET, 0, hlen)
        p.set_mark(Mark.END, Mark.NET, 0, length)
        p.anno.dst_ip = dst
        p.emit(0)

    def refuse(self, p: Packet, *checks: tuple[Value, str]) -> None:
        """Turn away the packets for which a condition holds; one test for all if nobody asks for the reason."""
        if p.outputs > 1 and not self.details:
            checks = ((any_of(condition for condition, _ in checks), checks[0][1]),)
        for condition, reason in checks:
            with p.when(condition):
                p.count("drops")
                if self.details:
                    p.count(reason)
                p.divert(1, reason)

    def bad_sources(self) -> tuple[int, ...]:
        """Addresses that no packet may come from, each once."""
        bad = [a | ALL_ONES ^ mask for a, mask in self.interfaces if mask != ALL_ONES]
        if self.interfaces:
            bad += [0, ALL_ONES]
        return tuple(dict.fromkeys((*bad, *self.badsrc)))

    def good_destinations(self) -> tuple[int, ...]:
        """Addresses to which a packet may come from a bad source, each once."""
        return tuple(dict.fromkeys((*(a for a, _ in self.interfaces), *self.gooddst)))
