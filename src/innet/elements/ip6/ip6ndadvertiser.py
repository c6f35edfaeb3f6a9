"""IP6NDAdvertiser."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.diagnostics import ConfigurationError
from innet.elements.argument_names import Names
from innet.elements.arguments import ArgumentType, EtherAddress, IP6Prefix, Rest
from innet.elements.base import Element
from innet.elements.ethernet.frame import ETHERNET_BYTES, frame
from innet.elements.ip6.header6 import IP6_BYTES, pseudo_header_sum6
from innet.flowspec import names as literals
from innet.ir.nodes import Mark
from innet.ir.trace import IPv6, Packet
from innet.lexical import Text, words
from innet.packet.headers import CLICK_ANNOTATION_BYTES, ETHERTYPE_IPV6, PROTO_ICMP6, PacketType

SOLICITATION, ADVERTISEMENT = 135, 136
MESSAGE_BYTES = 32
"""An ICMPv6 neighbour discovery header, and one option with a link-layer address (RFC 4861 sections 4.3 and 4.4)."""
ROUTER_SOLICITED = 0xC000_0000


@dataclass(frozen=True, slots=True)
class Served:
    """Prefixes (address, length) whose addresses are at `ether`."""

    prefixes: tuple[tuple[int, int], ...]
    ether: int


class ServedArgument(ArgumentType[Served]):
    """`IP6[/LEN]... ETH`, in any order."""

    def describe(self) -> str:
        return "IPv6 addresses or prefixes and one Ethernet address"

    def parse(self, text: Text, names: Names) -> Served:
        prefixes: list[tuple[int, int]] = []
        ethers: list[int] = []
        for part in words(text):
            try:
                prefixes.append(IP6Prefix(bare=True).parse(part, names))
            except ConfigurationError:
                try:
                    ethers.append(EtherAddress().parse(part, names))
                except ConfigurationError:
                    raise self.refused(
                        part, f"'{part}' is neither an IPv6 prefix nor an Ethernet address"
                    ) from None
        if not prefixes or len(ethers) != 1:
            raise self.refused(text)
        return Served(tuple(prefixes), ethers[0])

    def unparse(self, value: Served) -> str:
        prefixes = " ".join(f"{literals.colons(address)}/{length}" for address, length in value.prefixes)
        return f"{prefixes} {EtherAddress().unparse(value.ether)}"


@dataclass(frozen=True)
class IP6NDAdvertiser(Element):
    """Answer neighbour solicitations for some addresses.

    Ports:      in 0: Ethernet frames.  out 0: advertisements, made of the solicitations.
    Arguments:  `IP6[/LEN]... ETH`, ...: the Ethernet address of these IPv6 addresses. The longest prefix
                decides, of equal ones the last.
    Drops:      "no neighbour solicitation": anything that is none, too short, forwarded (hop limit below 255) or has a
                wrong checksum; "an address of someone else".
    Checksum:   ICMPv6, full.
    Source:     Click manual, IP6NDAdvertiser; RFC 4861 sections 4.3, 4.4 and 7.2.4.  The answer comes from the address
                asked for and has the router and solicited flags.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "2001:db8::1 2:0:0:0:0:1",
        "2001:db8::/32 2:0:0:0:0:1, fe80::1 2001:db8:1::/48 2:0:0:0:0:2",
    )

    served: Annotated[tuple[Served, ...], Rest(ServedArgument())] = ()

    def push(self, p: Packet, port: int) -> None:
        h = IPv6(p, Mark.DATA, ETHERNET_BYTES)
        with p.when(~p.present(Mark.DATA, 0, ETHERNET_BYTES + IP6_BYTES + MESSAGE_BYTES)):
            p.drop("no neighbour solicitation")
        p.set_mark(Mark.MAC, Mark.DATA)
        p.set_mark(Mark.NET, Mark.DATA, ETHERNET_BYTES)
        p.set_mark(Mark.TRANSPORT, Mark.NET, IP6_BYTES)
        right = (
            (frame(p).type == ETHERTYPE_IPV6)
            & (h.nxt == PROTO_ICMP6)
            & (h.hlim == 255)
            & (p.icmp.type == SOLICITATION)
            & (p.icmp.code == 0)
        )
        total = p.sum(Mark.TRANSPORT, 0, MESSAGE_BYTES).ones_add(pseudo_header_sum6(p, h.plen))
        with p.when(~right | (total != 0xFFFF)):
            p.drop("no neighbour solicitation")
        target = p.raw(Mark.TRANSPORT, 8, 8), p.raw(Mark.TRANSPORT, 16, 8)
        found, (ether,) = p.lookup(self.table(), target)
        with p.when(~found):
            p.drop("an address of someone else")
        p.set_mark(Mark.END, Mark.TRANSPORT, MESSAGE_BYTES)
        frame(p).dst = frame(p).src
        frame(p).src = ether
        p.set_raw(Mark.NET, 0, 4, 6 << 28)
        h.plen = MESSAGE_BYTES
        h.dst_high, h.dst_low = h.src_high, h.src_low
        h.src_high, h.src_low = target
        p.icmp.type, p.icmp.sum, p.icmp.rest = ADVERTISEMENT, 0, ROUTER_SOLICITED
        p.set_raw(Mark.TRANSPORT, 24, 2, 0x0201)
        p.set_raw(Mark.TRANSPORT, 26, 6, ether)
        length = p.distance(Mark.TRANSPORT, Mark.END)
        p.icmp.sum = ~p.sum(Mark.TRANSPORT, 0, MESSAGE_BYTES).ones_add(pseudo_header_sum6(p, length))
        for byte in range(0, CLICK_ANNOTATION_BYTES, 8):
            p.set_raw(Mark.ANNOTATION, byte, 8, 0)
        p.anno.packet_type = PacketType.HOST
        p.emit(0)

    def table(self) -> ir.Table:
        """Ethernet addresses by prefix."""
        rows: dict[tuple[int, int], int] = {}
        for one in self.served:
            for address, length in one.prefixes:
                rows[address & literals.length_mask6(length), length] = one.ether
        entries = tuple((address, length, (ether,)) for (address, length), ether in rows.items())
        return ir.Table("served", (64, 64), (48,), max(1, len(entries)), ir.TableKind.PREFIX, entries)
