"""The syntax tree of requirements and rules, and its text again (DESIGN of `reach`: paper section 4.2).

Spans take no part in comparisons: two trees are equal if they say the same in the same words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias, assert_never

from innet.diagnostics import Diagnostic, Span
from innet.flowspec import Predicate, Text, parse_flow
from innet.flowspec.names import dotted, prefix_text
from innet.policy.fields import ConstField
from innet.records import quick

ALL_BITS = (1 << 32) - 1


class Place(Enum):
    """Nodes that are words of the language."""

    __hash__ = object.__hash__  # members are unique; this is much faster than hashing the name

    CLIENT = "client"
    """The subnets of the operator's own clients."""
    INTERNET = "internet"
    """Anything outside the operator's network."""
    MODULE = "module"
    """Any deployed module (operators only)."""


@quick
@dataclass(frozen=True, slots=True)
class Region:
    """A node that is a word of the language."""

    place: Place
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Subnet:
    """The addresses that agree with `address` under `mask`; one address if the mask is full."""

    address: int
    mask: int = ALL_BITS
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ElementPort:
    """`MODULE:ELEMENT:PORT`: arrival at that input; at the start of a rule, departure from that output."""

    module: str
    element: str
    port: int = 0
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Named:
    """A node of the snapshot, by name; whether there is one is the checker's to say."""

    name: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """`$NAME`: an address known only after placement (`$Batcher.ADDR`)."""

    name: str
    span: Span | None = field(default=None, compare=False, repr=False)


Node: TypeAlias = Region | Subnet | ElementPort | Named | Variable


@quick
@dataclass(frozen=True, slots=True)
class FlowText:
    """A flow in tcpdump's syntax, with single spaces; `predicate` takes each of `variables` for 0.0.0.0."""

    text: str
    predicate: Predicate
    variables: tuple[str, ...] = ()
    place: Text | None = field(default=None, compare=False, repr=False)

    @property
    def span(self) -> Span | None:
        """Where it stands."""
        return self.place.where(0, len(self.place.text)) if self.place is not None else None

    def resolve(self, addresses: Mapping[str, int]) -> Predicate:
        """The meaning once the addresses of `variables` are known; ConfigurationError if parse_flow raises it."""
        if not self.variables:
            return self.predicate
        return parse_flow(self.place or self.text, variables=addresses).predicate


@quick
@dataclass(frozen=True, slots=True)
class Hop:
    """A node that the packet is to reach, what it must be like there, and what must be as it was at the hop before."""

    node: Node
    flow: FlowText | None = None
    const: tuple[ConstField, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


class Quantifier(Enum):
    """Which flows a statement is about."""

    __hash__ = object.__hash__  # members are unique; this is much faster than hashing the name

    SOME = "some"
    """`reach`: some flow conforms, tables empty at the start."""
    ALWAYS = "always"
    """Every flow that matches the first hop and arrives at the last one conforms, in any table state."""
    NEVER = "never"
    """No flow conforms, in any table state."""


@quick
@dataclass(frozen=True, slots=True)
class Reach:
    """`[always|never] [new] reach from START -> HOP -> ...`: a tenant's requirement or an operator's rule.

    `new` restricts `always` and `never` to initially empty tables.
    """

    start: Hop
    hops: tuple[Hop, ...]
    quantifier: Quantifier = Quantifier.SOME
    new: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)
    _hash: int = field(default=0, init=False, compare=False, repr=False)

    def __hash__(self) -> int:
        found = self._hash
        if not found:  # rules are asked for again and again, with all that is in them
            found = hash((self.start, self.hops, self.quantifier, self.new)) or 1
            object.__setattr__(self, "_hash", found)
        return found

    @property
    def text(self) -> str:
        """The statement on one line."""
        return unparse(self)


@dataclass(frozen=True, slots=True)
class Policy:
    """An operator's rules."""

    rules: tuple[Reach, ...]
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False)


def unparse(reach: Reach) -> str:
    """The statement as text that parses back to an equal one."""
    words = [] if reach.quantifier is Quantifier.SOME else [reach.quantifier.value]
    words += ["new"] if reach.new else []
    return " ".join([*words, "reach from", " -> ".join(map(hop_text, (reach.start, *reach.hops)))])


def unparse_policy(policy: Policy) -> str:
    """The rules as text that parses back to an equal policy."""
    return "".join(unparse(rule) + "\n" for rule in policy.rules)


def hop_text(hop: Hop) -> str:
    """A hop without its arrow."""
    const = " && ".join(f.name for f in hop.const)
    return " ".join(
        [node_text(hop.node), *([hop.flow.text] if hop.flow else []), *([f"const {const}"] if const else [])]
    )


def node_text(node: Node) -> str:
    """A node as one word."""
    match node:
        case Region(place):
            return place.value
        case Subnet(address, mask):
            return dotted(address) if mask == ALL_BITS else prefix_text(address, mask)
        case ElementPort(module, element, port):
            return f"{module}:{element}:{port}"
        case Named(name):
            return name
        case Variable(name):
            return f"${name}"
        case _:
            assert_never(node)
