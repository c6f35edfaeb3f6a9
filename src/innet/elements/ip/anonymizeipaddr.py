"""AnonymizeIPAddr."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from random import Random
from typing import Annotated, ClassVar

from innet.elements.arguments import Key, ListOf, Signed, Unsigned
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out
from innet.elements.ip.header import HEADER_BYTES, NO_IP_HEADER
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Field, Mark
from innet.ir.trace import ChecksumEffect, Packet

SRC, DST, SUM = Field(Mark.NET, 96, 32), Field(Mark.NET, 128, 32), Field(Mark.NET, 80, 16)
FIXED = frozenset({0, 0xFFFF_FFFF})
MAX_ADDRESSES = 1_000_000
"""Addresses whose substitutes are kept; then all are forgotten, and chosen anew."""


class AnonymousHolder(Holder):
    """A random substitute for each address; those of two addresses have as many first bits alike as these have.

    Whether a bit is flipped hangs on the bits before it, and is chosen when such bits are first met.
    """

    def __init__(self, element: "AnonymizeIPAddr") -> None:
        self.element = element
        self.flips: dict[tuple[int, int], int] = {}
        self.known: dict[int, int] = {}

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        total = packet.load(SUM) ^ 0xFFFF
        for field in (SRC, DST):
            old = packet.load(field)
            new = self.substitute(old, context.random)
            packet.store(field, new)
            for shift in (16, 0):
                total += (~old >> shift & 0xFFFF) + (new >> shift & 0xFFFF)
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        packet.store(SUM, total ^ 0xFFFF)
        return ((0, packet),)

    def substitute(self, address: int, random: Random) -> int:
        if address in FIXED:
            return address
        found = self.known.get(address)
        if found is None:
            if len(self.known) >= MAX_ADDRESSES:
                self.known.clear()
                self.flips.clear()
            found = self.known[address] = self.choose(address, random)
        return found

    def choose(self, address: int, random: Random) -> int:
        result = 0
        for n in range(32):
            prefix = address >> (32 - n)
            flip = self.flips.get((n, prefix))
            if flip is None:
                flip = self.flips[n, prefix] = 0 if self.keeps(n, prefix) else random.getrandbits(1)
            result = result << 1 | (address >> (31 - n) & 1 ^ flip)
        return result

    def keeps(self, length: int, prefix: int) -> bool:
        """Whether the bit behind these first bits stays as it is."""
        ones = (1 << length) - 1
        if length < self.element.classes and prefix == ones:
            return True
        return length < 8 and any(net >> (8 - length) == prefix for net in self.element.preserve_8)


@dataclass(frozen=True)
class AnonymizeIPAddr(Element):
    """Replace the addresses of IPv4 packets by random ones that keep common prefixes in common.

    Ports:      in 0: packets with IP header annotation.  out 0: the same with other addresses; 0.0.0.0 and
                255.255.255.255 stay.
                out 1 (optional; dropped if unconnected): packets without IPv4 header.
    Arguments:  CLASS (keyword, 0 to 32, default 0): so many leading ones stay, so that classes A (1), B (2), C (3) and
                D (4) do.  PRESERVE_8 (keyword, numbers): these first bytes stay.  SEED (keyword, bool): accepted, no
                effect.
    State:      the substitutes of the addresses that came, at most a million.
    Drops:      "no IP header annotation".
    Checksum:   the IPv4 header's is updated (RFC 1624); no other.
    Verifier:   the addresses may become anything.
    Source:     Click manual, AnonymizeIPAddr.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    ROLE: ClassVar[Role] = Role.HOLDER
    CHECKSUM: ClassVar[ChecksumEffect] = ChecksumEffect.INCREMENTAL
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "CLASS 4, PRESERVE_8 18 10")

    _: KW_ONLY
    class_: Annotated[int, Signed(0, 99), Key("CLASS")] = 0
    preserve_8: Annotated[tuple[int, ...], ListOf(Unsigned(8))] = ()
    seed: bool = True

    @property
    def classes(self) -> int:
        """How many leading ones stay."""
        return min(self.class_, 32)

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        wrong = 32 < self.class_ < 99
        return (f"CLASS must be from 0 to 32, not {self.class_}",) if wrong else ()

    def push(self, p: Packet, port: int) -> None:
        with p.when(~p.ip.present(HEADER_BYTES) | (p.ip.vers != 4)):
            p.divert(1, NO_IP_HEADER)
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        p.ip.src = p.random(32)
        p.ip.dst = p.random(32)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return AnonymousHolder(self)
