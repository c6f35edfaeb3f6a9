"""The exact meaning of one test of a Click pattern, once it is known what it is about (ELEMENTS 3.2)."""

from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from innet import ir
from innet.diagnostics import Span
from innet.flowspec import predicate as pr
from innet.flowspec.predicate import Direction, Predicate, Relation
from innet.flowspec.text import Findings, quoted
from innet.flowspec.words import ReadError
from innet.ir import Mark
from innet.records import quick

TCPUDP: tuple[int, ...] = (6, 17)
ANY_TRANSPORT: tuple[int, ...] = ()
DCCP = 33
BOTH_MASK = (1 << 32) - 1
COMPLEMENTS = (Relation.NE, Relation.LT, Relation.LE)
ECN, CE_VALUE = ir.Field(Mark.NET, 14, 2), 3
FRAGMENTED = ir.Field(Mark.NET, 50, 14)
TCP_FLAGS = pr.named("tcp.flags")


class Kind(Enum):
    """What a test is about, by the word that says so."""

    HOST = "host"
    NET = "net"
    ETHER = "ether host"
    PORT = "port"
    PROTO = "proto"
    FLAGS = "tcp opt"
    ECT = "ip ect"
    CE = "ip ce"
    FRAG = "ip frag"
    UNFRAG = "ip unfrag"
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class FieldKind:
    """A header field by name; `protocols` is None for the IP header, else those whose header it is in (empty: any)."""

    name: str
    field: ir.Field
    protocols: tuple[int, ...] | None = None


ICMP_TYPE = FieldKind("icmp type", pr.named("icmp.type"), (1,))


@dataclass(frozen=True, slots=True)
class Data:
    """The value of a test: its `kind` (None: a bare number) and number; `mask` of a net; `field` of an ICMP type."""

    kind: Kind | None
    value: int
    mask: int = BOTH_MASK
    field: FieldKind | None = None


@quick
@dataclass(frozen=True, slots=True)
class Draft:
    """A test as far as it has been read."""

    kind: Kind | None = None
    field: FieldKind | None = None
    direction: Direction | None = None
    protocols: tuple[int, ...] | None = None
    ip: bool = False
    ether: bool = False
    negated: bool = False
    mask: int | None = None
    dotted: bool = False
    relation: Relation | None = None


@dataclass(frozen=True, slots=True)
class Near:
    """Where a test stands, and the word after it (empty if that begins something else)."""

    span: Span
    word: str
    word_span: Span


class Meaning:
    """From a complete test to its predicate; what is wrong is noted in `findings` and raises ReadError."""

    def __init__(self, draft: Draft, data: Data | None, near: Near, findings: Findings) -> None:
        self.draft, self.data, self.near, self.findings = draft, data, near, findings
        self.relation = draft.relation or Relation.EQ
        self.protocols = draft.protocols

    def fail(self, code: str, message: str, expected: str = "", help: str = "") -> ReadError:
        self.findings.error(code, message, self.near.span, expected, help)
        return ReadError()

    @property
    def name(self) -> str:
        """What the test is about, for messages."""
        if self.draft.field is not None:
            return self.draft.field.name
        return self.draft.kind.value if self.draft.kind else ""

    def value(self, expected: str, *kinds: Kind | None) -> int:
        """The number given, which must be of one of `kinds`."""
        if self.data is not None and self.data.kind in kinds:
            return self.data.value
        if self.data is not None or not self.near.word:
            raise self.fail("F107", f"{quoted(self.name)} has no fitting value", expected)
        help = ""
        if self.draft.kind is Kind.PORT and "-" in self.near.word:
            low, high = self.near.word.split("-", 1)
            help = (
                f"there are no ranges: write `dst port >= {low} and dst port <= {high}`, or the same with src"
            )
        word = quoted(self.near.word)
        self.findings.error(
            "F107", f"{word} does not fit {quoted(self.name)}", self.near.word_span, expected, help
        )
        raise ReadError

    def build(self, kind: Kind) -> Predicate:
        draft = self.draft
        if kind not in (Kind.FIELD, Kind.PORT, Kind.FLAGS, Kind.PROTO) and self.protocols is not None:
            raise self.fail(
                "F109", f"a protocol cannot qualify '{kind.value}'", help="put 'and' between the two"
            )
        match kind:
            case Kind.HOST:
                value = self.value("an IPv4 address", Kind.HOST)
                if draft.mask is not None and not draft.dotted:
                    raise self.fail(
                        "F112", "the mask of an address must be dotted", "a mask such as 255.255.0.0",
                        "Click takes a number in the machine's own byte order here: write the mask dotted",
                    )  # fmt: skip
                return self.station(pr.IP_SRC, pr.IP_DST, value, draft.mask or BOTH_MASK)
            case Kind.NET:
                value = self.value("a prefix such as 10.0.0.0/8", Kind.NET)
                if draft.mask is not None:
                    raise self.fail("F112", "'net' has a mask already")
                mask = self.data.mask if self.data else BOTH_MASK
                return self.station(pr.IP_SRC, pr.IP_DST, value, mask)
            case Kind.ETHER:
                value = self.value("an Ethernet address", Kind.ETHER)
                mask = draft.mask or (1 << 48) - 1
                return self.station(pr.named("ether.src"), pr.named("ether.dst"), value, mask)
            case Kind.PORT:
                return self.port()
            case Kind.PROTO:
                return self.proto()
            case Kind.FLAGS:
                return self.flags()
            case Kind.ECT:
                if self.data is None:
                    return pr.compare(ECN, Relation.NE, 0)
                return self.masked(ECN, self.value("0 to 3", None))
            case Kind.CE:
                return pr.equal(ECN, CE_VALUE)
            case Kind.FRAG:
                return pr.compare(FRAGMENTED, Relation.NE, 0)
            case Kind.UNFRAG:
                return pr.equal(FRAGMENTED, 0)
            case Kind.FIELD:
                return self.field()
            case _:
                assert_never(kind)

    def station(self, source: ir.Field, destination: ir.Field, value: int, mask: int) -> Predicate:
        if self.relation not in (Relation.EQ, Relation.NE):
            raise self.fail(
                "F116", f"addresses cannot be compared with '{self.relation.value}'", "'=' or '!='"
            )
        return self.either(
            pr.Test(source, mask, self.relation, value & mask),
            pr.Test(destination, mask, self.relation, value & mask),
        )

    def either(self, source: Predicate, destination: Predicate) -> Predicate:
        """The two as the direction joins them; `!=`, `<` and `<=` complement the combination, not its parts."""
        match self.draft.direction:
            case Direction.SRC:
                return source
            case Direction.DST:
                return destination
            case direction:
                both = (direction is Direction.AND) != (self.relation in COMPLEMENTS)
                return (pr.conjunction if both else pr.disjunction)((source, destination))

    def port(self) -> Predicate:
        value = self.value("a port: a number up to 65535 or a service name", Kind.PORT, None)
        if self.protocols is None:
            self.protocols = TCPUDP
        if self.protocols not in ((6,), (17,), (DCCP,), TCPUDP):
            raise self.fail("F109", "this protocol has no ports here", "tcp, udp, tcpudp or dccp")
        source, destination = self.masked(pr.SPORT, value), self.masked(pr.DPORT, value, warn=False)
        return self.transport(self.protocols, self.either(source, destination))

    def transport(self, protocols: tuple[int, ...], test: Predicate) -> Predicate:
        guard = pr.protocol(protocols) if protocols else pr.TRUE
        return pr.conjunction((guard, pr.FIRST_FRAGMENT, test))

    def proto(self) -> Predicate:
        draft, data = self.draft, self.data
        if data is None and self.protocols is not None:
            numbers: tuple[int, ...] = self.protocols
        else:
            value = self.value("a protocol name or number", Kind.PROTO, None)
            numbers = TCPUDP if value < 0 else (value,)
            if self.protocols is not None:
                raise self.fail("F109", "the protocol is given twice")
        self.protocols = None
        if len(numbers) == 1:
            return self.masked(pr.IP_PROTO, numbers[0])
        if not numbers:
            raise self.fail("F107", "'transp' is not one protocol", "a protocol name or number")
        if draft.mask is not None or self.relation not in (Relation.EQ, Relation.NE):
            raise self.fail("F116", "'tcpudp' takes neither a mask nor an order", "'=' or '!='")
        each = [pr.compare(pr.IP_PROTO, self.relation, number) for number in numbers]
        return pr.disjunction(each) if self.relation is Relation.EQ else pr.conjunction(each)

    def flags(self) -> Predicate:
        value = self.value("a TCP flag (syn, ack, ...) or a number up to 255", Kind.FLAGS, None)
        if self.protocols not in (None, (6,)):
            raise self.fail("F109", "only TCP has flags", "tcp")
        if self.relation is not Relation.EQ or self.draft.mask is not None:
            raise self.fail(
                "F116",
                "'tcp opt' takes neither an operator nor a mask",
                help=f"write `tcp[13] & {value:#x} ...`",
            )
        if value > 255:
            raise self.fail("F108", f"{value} is out of range", "0 to 255")
        self.protocols = (6,)
        test = pr.Test(TCP_FLAGS, value, Relation.EQ, value) if value else pr.TRUE
        return self.transport((6,), test)

    def field(self) -> Predicate:
        kind = self.draft.field
        assert kind is not None  # Kind.FIELD always comes with its field
        given = self.draft.protocols
        if kind.protocols is None and given is not None:
            raise self.fail(
                "F109", f"a protocol cannot qualify '{kind.name}'", help="put 'and' between the two"
            )
        if kind.protocols is not None and given not in (None, kind.protocols):
            raise self.fail("F109", f"'{kind.name}' belongs to another protocol")
        if kind == ICMP_TYPE:
            value = self.value("an ICMP type: a number up to 255 or a name", None, Kind.FIELD)
        else:
            value = self.value("a number", None)
        self.protocols = kind.protocols
        test = self.masked(kind.field, value)
        return test if kind.protocols is None else self.transport(kind.protocols, test)

    def masked(self, field: ir.Field, value: int, warn: bool = True) -> Predicate:
        """`field & mask` against `value`; what is decided beforehand becomes a constant, with a warning."""
        full = (1 << field.width) - 1
        mask = self.draft.mask or full
        if mask > full:
            raise self.fail("F112", f"mask {mask:#x} is too wide", f"at most {full:#x}")
        relation = self.relation
        if relation in (Relation.EQ, Relation.NE):
            if value > full:
                raise self.fail("F108", f"{value} is out of range", f"0 to {full}")
            if value & ~mask:
                self.decided(relation is Relation.NE, warn)
                return pr.FALSE if relation is Relation.EQ else pr.Test(field, mask, Relation.GE, 0)
            return pr.Test(field, mask, relation, value)
        strict = relation in (Relation.LT, Relation.GE)
        if (strict and (value == 0 or value > mask)) or (not strict and value >= mask):
            always = relation.holds(0, value) if strict else relation is Relation.LE
            self.decided(always, warn)
            return pr.Truth(always)
        return pr.Test(field, mask, relation, value, early=True)

    def decided(self, always: bool, warn: bool) -> None:
        if warn:
            self.findings.warn(
                "F117", f"this relation is always {'true' if always else 'false'}", self.near.span
            )
