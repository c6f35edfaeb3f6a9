"""What a pattern or a flow says about a packet, whichever grammar it was written in.

A predicate is true or false of every packet. A test that needs a byte which the packet does not have is false,
whatever its relation; only `Not` complements that (ELEMENTS 3.2). `innet.flowspec.lower` makes it an IR expression.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, assert_never

from innet import ir
from innet.ir.trace import MARK_OF
from innet.packet.headers import BY_NAME
from innet.records import quick


class Relation(Enum):
    """How two unsigned numbers compare."""

    __hash__ = object.__hash__  # members are unique; this is much faster than hashing the name

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="

    def holds(self, left: int, right: int) -> bool:
        """Whether `left` stands in this relation to `right`."""
        match self:
            case Relation.EQ:
                return left == right
            case Relation.NE:
                return left != right
            case Relation.LT:
                return left < right
            case Relation.LE:
                return left <= right
            case Relation.GT:
                return left > right
            case Relation.GE:
                return left >= right
            case _:
                assert_never(self)


class Direction(Enum):
    """Which of source and destination."""

    SRC = "src"
    DST = "dst"
    OR = "src or dst"
    AND = "src and dst"


@dataclass(frozen=True, slots=True)
class Truth:
    """True of every packet, or of none."""

    value: bool


@quick
@dataclass(frozen=True, slots=True)
class Test:
    """`field & mask` stands in `relation` to `value`; false if a byte with bits under the mask is absent.

    If `early`, an order (<, <=, >, >=) that the first bytes decide is not false for want of the others: Click compares
    from the top, by runs of bits that are alike in the bound (measured: `tcp[0:4] > 0x400000` on two bytes).
    """

    field: ir.Field
    mask: int
    relation: Relation
    value: int
    early: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two numbers computed from the packet, of one width, compared; false if a byte or mark they use is absent."""

    left: ir.Expr
    relation: Relation
    right: ir.Expr


@quick
@dataclass(frozen=True, slots=True)
class And:
    """All of `parts`."""

    parts: "tuple[Predicate, ...]"


@quick
@dataclass(frozen=True, slots=True)
class Or:
    """At least one of `parts`."""

    parts: "tuple[Predicate, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The exact complement of `part`."""

    part: "Predicate"


Predicate: TypeAlias = Truth | Test | Comparison | And | Or | Not

TRUE = Truth(True)
FALSE = Truth(False)


def conjunction(parts: Iterable[Predicate]) -> Predicate:
    """All of `parts`, without nesting, repetition, constants or what they make superfluous."""
    return _join(And, parts, TRUE, FALSE)


def disjunction(parts: Iterable[Predicate]) -> Predicate:
    """At least one of `parts`, without nesting, repetition, constants or what they make superfluous."""
    return _join(Or, parts, FALSE, TRUE)


def negation(part: Predicate) -> Predicate:
    """The complement of `part`."""
    match part:
        case Truth(value):
            return Truth(not value)
        case Not(inner):
            return inner
        case _:
            return Not(part)


def choice(condition: Predicate, then: Predicate, otherwise: Predicate) -> Predicate:
    """`then` of packets that meet `condition`, `otherwise` of the others."""
    return disjunction((conjunction((condition, then)), conjunction((negation(condition), otherwise))))


def _join(
    kind: type[And] | type[Or], parts: Iterable[Predicate], neutral: Truth, absorbing: Truth
) -> Predicate:
    flat: dict[Predicate, None] = {}
    for part in parts:
        flat.update(dict.fromkeys(part.parts if isinstance(part, kind) else (part,)))
    flat.pop(neutral, None)
    if absorbing in flat:
        return absorbing
    dual = Or if kind is And else And
    for part in [p for p in flat if isinstance(p, dual)]:  # a and (a or b) is a
        if any(p in flat for p in part.parts):
            del flat[part]
    if not flat:
        return neutral
    return next(iter(flat)) if len(flat) == 1 else _factored(kind, tuple(flat))


def _factored(kind: type[And] | type[Or], parts: tuple[Predicate, ...]) -> Predicate:
    """`parts` joined; what all alternatives have in common stands before them: (a and b) or (a and c)."""
    if kind is And or not all(isinstance(part, And) for part in parts):
        return kind(parts)
    alternatives = [part.parts for part in parts if isinstance(part, And)]
    sets = [frozenset(alternative) for alternative in alternatives[1:]]
    common = [p for p in alternatives[0] if all(p in s for s in sets)]
    if not common:
        return Or(parts)
    return conjunction(
        (*common, disjunction(conjunction(p for p in parts if p not in common) for parts in alternatives))
    )


def tests(predicate: Predicate) -> Iterator[Test | Comparison]:
    """Every test in `predicate`, from left to right, repeated ones repeatedly."""
    match predicate:
        case Test() | Comparison():
            yield predicate
        case And(parts) | Or(parts):
            for part in parts:
                yield from tests(part)
        case Not(part):
            yield from tests(part)


def named(name: str) -> ir.Field:
    """The header field called `name` (`ip.src`), as in `innet.packet.headers`."""
    field = BY_NAME[name]
    return ir.Field(MARK_OF[field.header], field.bit, field.width)


IP_SRC, IP_DST, IP_PROTO, IP_VERS = named("ip.src"), named("ip.dst"), named("ip.proto"), named("ip.vers")
SPORT, DPORT = named("udp.sport"), named("udp.dport")
FRAGMENT_OFFSET = ir.Field(ir.Mark.NET, 51, 13)


def compare(field: ir.Field, relation: Relation, value: int) -> Test:
    """All bits of `field` against `value`."""
    return Test(field, (1 << field.width) - 1, relation, value)


def equal(field: ir.Field, value: int) -> Test:
    """All bits of `field` are `value`."""
    return compare(field, Relation.EQ, value)


FIRST_FRAGMENT = equal(FRAGMENT_OFFSET, 0)


def protocol(numbers: Iterable[int]) -> Predicate:
    """The IPv4 protocol is one of `numbers`."""
    return disjunction(equal(IP_PROTO, number) for number in numbers)
