"""IP6NDAdvertiser."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.diagnostics import ConfigurationError
from innet.elements.argument_names import Names
from innet.elements.arguments import ArgumentType, EtherAddress, IP6Prefix, Rest
from innet.elements.base import Element
from innet.elements.ip6.discovery import (
    ADVERTISEMENT,
    FRAME_BYTES,
    MESSAGE_BYTES,
    SOLICITATION,
    TARGET_ADDRESS,
    is_message,
    mark_message,
    target,
    write_message,
)
from innet.elements.ip6.header6 import pseudo_header_sum6
from innet.flowspec import names as literals
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.lexical import Text, words

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
        with p.when(~p.present(Mark.DATA, 0, FRAME_BYTES)):
            p.drop("no neighbour solicitation")
        mark_message(p)
        total = p.sum(Mark.TRANSPORT, 0, MESSAGE_BYTES).ones_add(pseudo_header_sum6(p, p.ip6.plen))
        with p.when(~is_message(p, SOLICITATION) | (total != 0xFFFF)):
            p.drop("no neighbour solicitation")
        about = target(p)
        found, (ether,) = p.lookup(self.table(), about)
        with p.when(~found):
            p.drop("an address of someone else")
        write_message(
            p,
            kind=ADVERTISEMENT,
            flags=ROUTER_SOLICITED,
            ethers=(p.ether.src, ether),
            src=about,
            dst=(p.ip6.src_high, p.ip6.src_low),
            about=about,
            option=TARGET_ADDRESS,
            ether=ether,
        )
        p.emit(0)

    def table(self) -> ir.Table:
        """Ethernet addresses by prefix."""
        rows: dict[tuple[int, int], int] = {}
        for one in self.served:
            for address, length in one.prefixes:
                rows[address & literals.length_mask6(length), length] = one.ether
        entries = tuple((address, length, (ether,)) for (address, length), ether in rows.items())
        return ir.Table("served", (64, 64), (48,), max(1, len(entries)), ir.TableKind.PREFIX, entries)
