"""ARPResponder."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Annotated, ClassVar, TypeVar

from innet import ir
from innet.diagnostics import ConfigurationError
from innet.elements.argument_names import NO_NAMES, Names
from innet.elements.arguments import ArgumentType, EtherAddress, IPAddress, IPPrefix, Key, Rest
from innet.elements.base import Element
from innet.elements.ethernet.arp import REPLY, REQUEST, header, is_arp, write_message
from innet.elements.holder import HandlerError, Remembered
from innet.flowspec import names as literals
from innet.ir.trace import Packet, Value, any_of
from innet.lexical import Text, words

T = TypeVar("T")

NOT_FOR_US = "no ARP request for one of the addresses"
FEW = 16
"""So many prefixes are compared one by one; more are looked up."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """Requests for `address` under `mask` are answered with `ether`."""

    address: int
    mask: int
    ether: int

    def covers(self, other: "Prefix") -> bool:
        """Whether each address of `other` is one of these."""
        return self.mask & ~other.mask == 0 and other.address & self.mask == self.address

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from others."""
        return self.address, self.mask

    def __str__(self) -> str:
        return f"{literals.prefix_text(self.address, self.mask)} {EtherAddress().show(self.ether)}"


@dataclass(frozen=True)
class Addresses(ArgumentType[tuple[Prefix, ...]]):
    """One or more prefixes and one Ethernet address, in any order; a name may stand for both."""

    def describe(self) -> str:
        return "IP/MASK [IP/MASK ...] ETH: prefixes or IPv4 addresses and the Ethernet address for them"

    def parse(self, text: Text, names: Names) -> tuple[Prefix, ...]:
        found: list[tuple[int, int]] = []
        ethers: list[int] = []
        parts = words(text)
        for part in parts:
            prefix = self.prefix(part, names)
            ether = self.ether(part, names) if prefix is None else None
            if prefix is not None:
                found.append(prefix)
            elif ether is not None:
                ethers.append(ether)
            else:
                raise self.refused(part, f"'{part}' is neither an IPv4 prefix nor an Ethernet address")
        if len(ethers) > 1:
            raise self.refused(text, f"'{text}' has more than one Ethernet address")
        both = [ether for part in parts if (ether := self.ether(part, names)) is not None]
        if not found:
            raise self.refused(text, f"'{text}' has no IPv4 address or prefix" if text.value else "")
        if not both:
            raise self.refused(text, f"'{text}' has no Ethernet address")
        ether = ethers[0] if ethers else both[0]
        return tuple(Prefix(address & mask, mask, ether) for address, mask in found)

    def prefix(self, word: Text, names: Names) -> tuple[int, int] | None:
        """Address and mask that a word means."""
        address = literals.address(word.value)
        found = literals.prefix(word.value) or (None if address is None else (address, 0xFFFF_FFFF))
        if found is None:
            address = names.address(word.value)
            found = (address, 0xFFFF_FFFF) if address is not None else names.prefix(word.value)
        return found

    def ether(self, word: Text, names: Names) -> int | None:
        """The Ethernet address that a word means."""
        found = literals.ether(word.value)
        return names.ether(word.value) if found is None else found

    def unparse(self, value: tuple[Prefix, ...]) -> str:
        shown = EtherAddress().unparse(value[0].ether)
        return " ".join((*(literals.prefix_text(p.address, p.mask) for p in value), shown))


def parsed(kind: ArgumentType[T], value: str) -> T:
    """What was written to a handler. Raises HandlerError."""
    try:
        return kind.parse(Text(value.strip()), NO_NAMES)
    except ConfigurationError as e:
        raise HandlerError(e.diagnostics[0].message) from None


def insert(table: tuple[Prefix, ...], new: Prefix) -> tuple[Prefix, ...]:
    """`table` with `new` in it, which replaces the one of the same prefix; the first that fits an address decides."""
    same = [n for n, old in enumerate(table) if old.key == new.key]
    at = same[0] if same else next((n for n, old in enumerate(table) if old.covers(new)), len(table))
    return (*table[:at], new, *table[at + len(same) :])


@dataclass(frozen=True)
class ARPResponder(Element):
    """Answer ARP requests for IPv4 addresses.

    Ports:      in 0: Ethernet frames.  out 0: for each ARP request for an address of ours, the answer, 42 bytes.
                out 1 (optional; dropped if unconnected): all else, unchanged.
    Arguments:  ENTRY, any number: one or more `IP/MASK` (prefixes or addresses) and the Ethernet address that stands
                for them; a name may give both. The longest prefix decides, of equal ones the last.
    Drops:      "no ARP request for one of the addresses".
    Source:     Click manual, ARPResponder; RFC 826.  The answer keeps the request's time and VLAN_TCI annotation;
                other annotations start at zero. Address lengths in the request are not looked at.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "10.0.0.1 2:0:0:0:0:1",
        "10.0.0.1 02:00:00:00:00:aa, 10.0.0.0/26 2:0:0:0:0:b, 192.0.0.0/255.255.0.0 8.8.8.8 2:0:0:0:0:c",
        "10.0.0.1/255.0.0.255 2:0:0:0:0:1",
    )

    READS: ClassVar[tuple[str, ...]] = ("table", "lookup")
    WRITES: ClassVar[tuple[str, ...]] = ("add", "remove")

    entries: Annotated[tuple[tuple[Prefix, ...], ...], Rest(Addresses()), Key("ENTRY")] = ()

    @property
    def table(self) -> tuple[Prefix, ...]:
        """All prefixes, so that the first that fits decides."""
        given: Iterable[Prefix] = (prefix for entry in self.entries for prefix in entry)
        return reduce(insert, given, ())

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        if handler == "table":
            return "".join(f"{prefix}\n" for prefix in self.table)
        asked = parsed(IPAddress(), argument)
        return next((EtherAddress().show(e.ether) for e in self.table if asked & e.mask == e.address), "")

    def write(self, handler: str, value: str, memory: Remembered) -> Element:
        if handler == "add":
            return replace(self, entries=(*self.entries, parsed(Addresses(), value)))
        address, mask = parsed(IPPrefix(bare=True), value)
        key = address & mask, mask
        if all(prefix.key != key for prefix in self.table):
            raise HandlerError(f"there is no entry for {literals.prefix_text(*key)}")
        left = (tuple(prefix for prefix in entry if prefix.key != key) for entry in self.entries)
        return replace(self, entries=tuple(entry for entry in left if entry))

    def push(self, p: Packet, port: int) -> None:
        with p.when(~is_arp(p, REQUEST)):
            p.divert(1, NOT_FOR_US)
        asked = header(p).tpa
        table = self.table
        if len(table) > FEW and all(literals.length_mask(e.mask.bit_count()) == e.mask for e in table):
            self.look_up(p, asked, table)
        else:
            self.compare(p, asked, table)
        p.divert(1, NOT_FOR_US)

    def look_up(self, p: Packet, asked: Value, table: tuple[Prefix, ...]) -> None:
        """Answer if a table of prefixes has the address."""
        entries = tuple((e.address, e.mask.bit_count(), (e.ether,)) for e in table)
        prefixes = ir.Table("prefixes", (32,), (48,), len(entries), ir.TableKind.PREFIX, entries)
        found, (ether,) = p.lookup(prefixes, (asked,))
        with p.when(found):
            self.answer(p, asked, ether)

    def compare(self, p: Packet, asked: Value, table: tuple[Prefix, ...]) -> None:
        """Answer if one of a few prefixes has the address."""
        start = 0
        for at, entry in enumerate(table):
            if at + 1 < len(table) and table[at + 1].ether == entry.ether:
                continue
            with p.when(any_of((asked & e.mask) == e.address for e in table[start : at + 1])):
                self.answer(p, asked, entry.ether)
            start = at + 1

    def answer(self, p: Packet, asked: Value, ether: Value | int) -> None:
        """Make the request its answer."""
        asker = header(p).sha, header(p).spa
        write_message(p, asker[0], REPLY, (ether, asked), asker)
        p.emit(0)
