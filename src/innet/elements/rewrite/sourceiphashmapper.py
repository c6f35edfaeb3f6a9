"""SourceIPHashMapper."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

from innet import ir
from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.argument_names import Names
from innet.elements.arguments import ArgumentType, Key, Rest
from innet.elements.base import Element, Role
from innet.elements.rewrite import hashring
from innet.elements.rewrite.patterns import Flow, Room
from innet.elements.rewrite.specs import Choice, Choosing, Mapping, Rewrite, choice_of
from innet.flowspec import names as literals
from innet.ir.trace import Packet, Value
from innet.lexical import Text, words

MAX_NODES, MAX_IDENTIFIER, MAX_DRAWN = 1000, 65534, 1_000_000


@dataclass(frozen=True)
class Ring(ArgumentType[tuple[int, int]]):
    """`NNODES SEED`."""

    def describe(self) -> str:
        return f"NNODES SEED: places on the ring for each server, 1 to {MAX_NODES}, and a 32-bit number"

    def parse(self, text: Text, names: Names) -> tuple[int, int]:
        numbers = [literals.integer(word.value) for word in words(text)]
        if len(numbers) != 2:
            raise self.refused(text)
        nodes, seed = numbers
        if nodes is None or not 1 <= nodes <= MAX_NODES or seed is None or not -(1 << 31) <= seed < 1 << 31:
            raise self.refused(text)
        return nodes, seed

    def unparse(self, value: tuple[int, int]) -> str:
        return f"{value[0]} {value[1]}"


@dataclass(frozen=True)
class Server(ArgumentType[tuple[Rewrite, int]]):
    """`PATTERN FOUT ROUT ID`."""

    def describe(self) -> str:
        return f"PATTERN FOUT ROUT ID, ID from 0 to {MAX_IDENTIFIER}"

    def parse(self, text: Text, names: Names) -> tuple[Rewrite, int]:
        *parts, last = words(text) or (Text("", text.span),)
        identifier = literals.integer(last.value)
        if identifier is None or not 0 <= identifier <= MAX_IDENTIFIER or not parts:
            raise self.refused(last if parts else text, f"'{last}' is no server's ID" if parts else "")
        return choice_of(parts, text, names), identifier

    def unparse(self, value: tuple[Rewrite, int]) -> str:
        return f"{Choice().unparse(value[0])} {value[1]}"


@dataclass(frozen=True)
class SourceIPHashMapper(Element):
    """Give the flows of rewriters that name this element mappings by several patterns, always the same to one source.

    Arguments:  NNODES SEED: how many places each server has on the ring (at most 1000), and what they are drawn by.
                PATTERN FOUT ROUT ID, any number: a pattern with its outputs, as a rewriter takes it, and the server's
                identifier (0 to 65534). The pattern of the first place from the source's hash on is taken. One that
                comes or goes leaves the other servers most of their sources.
    State:      where the search in a pattern's range goes on; the same for all rewriters that name this element.
    Verifier:   any pattern may be taken.
    Errors:     an identifier given twice; a highest identifier and NNODES that need more than 1,000,000 numbers.
    Source:     Click manual, SourceIPHashMapper.  Places are drawn from the GNU C library's random(3), so that they are
                Click's on Linux. With identifiers that do not rise, patterns go by rank of identifier, as in Click.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "4 0x1e57ab, - - 10.0.0.11 - 0 1 11, - - 10.0.0.12 - 0 1 12",
        "100 7, 192.0.2.1 1024-65535# 10.0.0.11 80 0 0 0",
    )

    ring: Annotated[tuple[int, int], Ring(), Key("NNODES_SEED")]
    servers: Annotated[tuple[tuple[Rewrite, int], ...], Rest(Server()), Key("PATTERN")]

    def __post_init__(self) -> None:
        identifiers = [identifier for _, identifier in self.servers]
        twice = next((one for one in identifiers if identifiers.count(one) > 1), None)
        if twice is not None:
            raise ConfigurationError(
                Diagnostic("C163", f"server ID {twice} is given twice", None, "one ID each")
            )
        if (max(identifiers) + 1) * self.ring[0] > MAX_DRAWN:
            message = f"{max(identifiers) + 1} IDs of {self.ring[0]} places are too many"
            raise ConfigurationError(
                Diagnostic("C163", message, None, f"at most {MAX_DRAWN} places", "use smaller IDs")
            )

    @property
    def outputs(self) -> frozenset[int]:
        return frozenset(output for choice, _ in self.servers for output in choice.outputs)

    @cached_property
    def table(self) -> ir.Table:
        """From keys to the number of a server, by rank of identifier."""
        nodes, seed = self.ring
        places = hashring.tree(hashring.ring([identifier for _, identifier in self.servers], nodes, seed))
        entries = tuple(
            (number, length, (server,))
            for low, high, server in hashring.segments(places)
            for number, length in hashring.prefixes(low, high)
        )
        return ir.Table(
            "ring", (32,), (16,), capacity=len(entries), kind=ir.TableKind.PREFIX, entries=entries
        )

    def mapping(self, p: Packet, room: Room, flow: Flow, mapper: str) -> tuple[Mapping, Value | None]:
        """Click reads the address as a number of the machine, and stirs its first byte into its last."""
        address = flow.saddr
        first = address >> 24
        turned = first | (address >> 8 & 0xFF00) | (address << 8 & 0xFF0000) | address << 24
        stirred = p.bind(turned + (first * first << 24))
        _, (server,) = p.lookup(self.table, (p.bind((stirred & hashring.LAST) + (stirred >> 31)),))
        choosing = Choosing(p, room, flow, mapper)
        choices = [choice for choice, _ in self.servers]
        choosing.among(choices, range(len(choices)), server)
        searches = any(choice.pattern.searches for choice in choices)
        return choosing.mapping, choosing.free.value if searches else None
