"""One test of a Click pattern as written: qualifiers, value, and inference of what was left out (ELEMENTS 3.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from innet import ir
from innet.diagnostics import Span, suggest
from innet.flowspec import names as nm
from innet.flowspec import predicate as pr
from innet.flowspec.meaning import (
    ANY_TRANSPORT,
    DCCP,
    ICMP_TYPE,
    TCPUDP,
    Data,
    Draft,
    FieldKind,
    Kind,
    Meaning,
    Near,
)
from innet.flowspec.names import Names
from innet.flowspec.predicate import Direction, Predicate, Relation
from innet.flowspec.text import Findings, quoted
from innet.flowspec.words import AND, NOT, OR, ReadError, Words
from innet.ir import Mark
from innet.packet import names as known

STOPS = frozenset({"", ")", "(", "]", "?", ":", ";", ",", *AND, *OR})
RELATIONS: Mapping[str, Relation] = {"=": Relation.EQ} | {r.value: r for r in Relation}
KINDS: Mapping[str, Kind] = {
    "host": Kind.HOST, "net": Kind.NET, "port": Kind.PORT, "proto": Kind.PROTO, "opt": Kind.FLAGS,
    "ect": Kind.ECT, "ce": Kind.CE, "frag": Kind.FRAG, "unfrag": Kind.UNFRAG,
}  # fmt: skip
FIELDS: Mapping[str, FieldKind] = {
    "vers": FieldKind("ip vers", pr.IP_VERS),
    "hl": FieldKind("ip hl", pr.named("ip.hl")),
    "tos": FieldKind("ip tos", pr.named("ip.tos")),
    "dscp": FieldKind("ip dscp", ir.Field(Mark.NET, 8, 6)),
    "len": FieldKind("ip len", pr.named("ip.len")),
    "id": FieldKind("ip id", pr.named("ip.id")),
    "ttl": FieldKind("ip ttl", pr.named("ip.ttl")),
    "win": FieldKind("tcp win", pr.named("tcp.win"), (6,)),
    "type": ICMP_TYPE,
}
PROTOCOLS: Mapping[str, tuple[int, ...]] = {
    **{name: (number,) for name, number in known.PROTOCOLS.items()}, "tcpudp": TCPUDP, "transp": ANY_TRANSPORT,
}  # fmt: skip
WITHOUT_DATA = (Kind.CE, Kind.FRAG, Kind.UNFRAG)
KEYWORDS = (
    *KINDS, *FIELDS, *PROTOCOLS, "src", "dst", "ip", "ether", "and", "or", "not", "true", "false",
    *known.PORTS, *known.TCP_FLAGS, *known.ICMP_TYPES,
)  # fmt: skip
EXPECTED = "a test: an address, a protocol, 'port', 'host', 'net', 'ip ttl', ..., 'true' or 'false'"


@dataclass(frozen=True, slots=True)
class Primitive:
    """A valid test: what it says, and what the next test may leave out."""

    kind: Kind | None
    field: FieldKind | None
    direction: Direction | None
    protocols: tuple[int, ...] | None
    predicate: Predicate


def read_test(
    words: Words, names: Names, findings: Findings, previous: Primitive | None, lost: bool = False
) -> Primitive | None:
    """The test at the cursor, or None if it is wrong; `lost`: what it may refer to was wrong, so say no more."""
    reader = _Reader(words, names, findings, previous, lost)
    try:
        return reader.read()
    except ReadError:
        return None


class _Reader:
    def __init__(
        self, words: Words, names: Names, findings: Findings, previous: Primitive | None, lost: bool
    ) -> None:
        self.words, self.names, self.findings = words, names, findings
        self.previous, self.lost = previous, lost
        self.first = words.at

    def fail(self, code: str, message: str, span: Span, expected: str = "", help: str = "") -> ReadError:
        self.findings.error(code, message, span, expected, help)
        return ReadError()

    @property
    def span(self) -> Span:
        return self.words.since(self.first)

    def read(self) -> Primitive:
        words = self.words
        if words.peek() in ("true", "false"):
            return Primitive(None, None, None, None, pr.TRUE if words.take() == "true" else pr.FALSE)
        draft = self.qualifiers()
        qualified = words.at > self.first
        if words.peek() == "[":
            draft = self.brackets(draft)
        draft = self.mask(draft)
        if words.peek() in RELATIONS:
            draft = replace(draft, relation=RELATIONS[words.take()])
        at = words.at
        data = self.data(draft)
        if data is None:
            self.no_data(draft, at)
        previous = None if qualified else self.previous
        return self.finish(self.infer(draft, data, previous), data)

    def no_data(self, draft: Draft, at: int) -> None:
        """Complain, unless a test may end before the word `at`."""
        word = self.words.peek()
        if draft.relation is not None or draft.mask is not None:
            raise self.fail("F107", "a value is missing", self.words.here(), "a number, name or address")
        if at == self.first:
            if word in STOPS:
                near = f"before {quoted(word)}" if word else "at the end"
                raise self.fail("F103", f"a test is missing {near}", self.words.here(), EXPECTED)
            raise self.unknown(word)

    def unknown(self, word: str) -> ReadError:
        near = suggest(word, KEYWORDS)
        if (number := nm.integer(word)) is not None:
            return self.fail(
                "F108", f"{quoted(word)} does not fit: values are 32-bit signed numbers", self.words.here(),
                "a number from 0 to 2147483647",
                f"test the two halves, as in `ip[16:2] {number >> 16 & 0xFFFF:#x}`" if number > 0 else "",
            )  # fmt: skip
        return self.fail(
            "F103", f"{quoted(word)} is not a pattern keyword, name, number or address", self.words.here(),
            EXPECTED, f"did you mean '{near}'?" if near else "",
        )  # fmt: skip

    # qualifiers

    def qualifiers(self) -> Draft:
        words, draft = self.words, Draft()
        while words:
            word = words.peek()
            if (word in KINDS or word in FIELDS) and not (draft.ether and word != "host"):
                if draft.kind is not None:
                    raise self.twice(
                        f"{quoted(word)} after '{draft.field.name if draft.field else draft.kind.value}'"
                    )
                draft = replace(draft, kind=KINDS.get(word, Kind.FIELD), field=FIELDS.get(word))
            elif word in PROTOCOLS and draft.kind is not Kind.PROTO:
                if draft.kind in (Kind.ECT, *WITHOUT_DATA):
                    raise self.fail(
                        "F109", f"{quoted(word)} cannot qualify '{draft.kind.value}'", words.here(),
                        "a connective or the end", f"write `{draft.kind.value} and {word}`",
                    )  # fmt: skip
                draft = replace(draft, protocols=self.protocol(draft, word))
            elif word in ("src", "dst", "dest"):
                if draft.direction is not None:
                    raise self.twice(f"{quoted(word)} after '{draft.direction.value}'")
                draft = replace(draft, direction=self.direction())
            elif word == "ip":
                draft = replace(draft, ip=True)
            elif word == "ether":
                if draft.kind not in (None, Kind.HOST):
                    raise self.fail(
                        "F109", f"'ether' cannot qualify '{draft.kind.value}'", words.here(), "'host'"
                    )
                draft = replace(draft, ether=True)
            elif word in NOT:
                if draft != Draft():
                    self.findings.warn(
                        "F110", f"{quoted(word)} here negates the whole test", words.here(),
                        "put it in front of the test, or write 'and' before it",
                    )  # fmt: skip
                draft = replace(draft, negated=not draft.negated)
            else:
                break
            words.take()
        return replace(draft, kind=Kind.ETHER) if draft.ether else draft

    def twice(self, what: str) -> ReadError:
        return self.fail(
            "F109", f"a second qualifier of one kind: {what}", self.words.here(), "the value of the test",
            "put 'and' or 'or' between two tests",
        )  # fmt: skip

    def protocol(self, draft: Draft, word: str) -> tuple[int, ...]:
        old, new = draft.protocols, PROTOCOLS[word]
        if old is None or old == new or (old == TCPUDP and new in ((6,), (17,))):
            return new
        if new == TCPUDP and old in ((6,), (17,)):
            return old
        raise self.twice(f"{quoted(word)} after another protocol")

    def direction(self) -> Direction:
        """The direction at the cursor; the cursor is left on its last word."""
        words = self.words
        source = words.peek() == "src"
        other = ("dst", "dest") if source else ("src",)
        if words.peek(2) in other and words.peek(1) in (*AND, *OR):
            both = Direction.AND if words.peek(1) in AND else Direction.OR
            words.at += 2
            return both
        return Direction.SRC if source else Direction.DST

    # brackets, mask, value

    def brackets(self, draft: Draft) -> Draft:
        """`[POS]`, `[POS:LEN]`, `[POS,LAST]` after a header name, as a field."""
        words, start = self.words, self.words.at
        words.take()
        inner = ""
        while words and words.peek() != "]" and len(inner) < 40:
            inner += words.take()
        if not words.accept("]"):
            raise self.fail("F106", "a '[' is not closed", words.where(start), "']'")
        span = words.since(start)
        if draft.kind is not None or (draft.protocols is None and not draft.ip):
            raise self.fail(
                "F111",
                "brackets stand after 'ip', 'transp' or a protocol",
                span,
                help="for example `ip[9] 17`",
            )
        first, separator, second = inner.partition(":" if ":" in inner else ",")
        position = nm.integer(first)
        size = nm.integer(second) if separator else 1
        if position is None or size is None:
            raise self.fail(
                "F111", f"{quoted(inner)} is not a range of bytes", span, "POS, POS:LEN or POS,LAST"
            )
        if separator == ",":
            size = size - position + 1
        if not (0 <= position < 65536 and 1 <= size <= 4 and position % 4 + size <= 4):
            raise self.fail(
                "F111", f"{quoted(inner)} is not inside one aligned 4-byte word", span,
                "1 to 4 bytes, not across a multiple of 4", "test the parts one by one",
            )  # fmt: skip
        mark = Mark.NET if draft.protocols is None else Mark.TRANSPORT
        field = FieldKind("bytes", ir.Field(mark, 8 * position, 8 * size), draft.protocols)
        return replace(draft, kind=Kind.FIELD, field=field)

    def mask(self, draft: Draft) -> Draft:
        words = self.words
        if not words.accept("&"):
            return draft
        word, span = words.peek(), words.here()
        mask: int | None
        if draft.kind is Kind.ETHER:
            mask, expected = nm.ether(word), "an Ethernet address"
        else:
            quad = nm.address(word)
            draft = replace(draft, dotted=quad is not None)
            mask, expected = (nm.integer(word) if quad is None else quad), "a number such as 0xff00"
        if mask is None or not 0 < mask < 1 << (48 if draft.kind is Kind.ETHER else 32):
            raise self.fail("F112", f"{quoted(word)} is not a mask", span, expected + ", not zero")
        words.take()
        return replace(draft, mask=mask)

    def data(self, draft: Draft) -> Data | None:
        """The value at the cursor; None, and nothing taken, if there is none."""
        words, word = self.words, self.words.peek()
        if word in STOPS or draft.kind in WITHOUT_DATA:
            return None
        found = self.lookup(word, draft)
        if found is not None:
            words.take()
            return found
        number = nm.integer(word)
        if number is not None:
            if draft.kind in (Kind.HOST, Kind.NET, Kind.ETHER):
                return None
            if not 0 <= number < 1 << 31:
                raise self.unknown(word)
            words.take()
            return Data(None, number)
        return self.address(word, draft)

    def lookup(self, word: str, draft: Draft) -> Data | None:
        """The meanings of a name that kind and protocol allow: none is an error, so are two."""
        meanings: list[tuple[str, Data]] = []
        is_name = False
        port = known.PORTS.get(word, self.names.port(word))
        protocols = draft.protocols
        if port is not None:
            is_name = True
            if draft.kind in (None, Kind.PORT) and protocols in (None, (6,), (17,), (DCCP,), TCPUDP):
                meanings.append((f"port {word}", Data(Kind.PORT, port)))
        if word in known.TCP_FLAGS:
            is_name = True
            if draft.kind in (None, Kind.FLAGS) and protocols in (None, (6,)):
                meanings.append((f"tcp opt {word}", Data(Kind.FLAGS, known.TCP_FLAGS[word])))
        if word in known.ICMP_TYPES:
            is_name = True
            if (draft.kind is None or draft.field == ICMP_TYPE) and protocols in (None, (1,)):
                meanings.append(
                    (f"icmp type {word}", Data(Kind.FIELD, known.ICMP_TYPES[word], field=ICMP_TYPE))
                )
        if word in PROTOCOLS:
            is_name = True
            if draft.kind in (None, Kind.PROTO) and word != "transp":
                numbers = PROTOCOLS[word]
                meanings.append((f"proto {word}", Data(Kind.PROTO, -1 if numbers == TCPUDP else numbers[0])))
        if len(meanings) == 1:
            return meanings[0][1]
        span = self.words.here()
        if meanings:
            raise self.fail(
                "F113", f"{quoted(word)} is ambiguous", span, " or ".join(f"`{text}`" for text, _ in meanings)
            )
        if is_name and self.names.address(word) is None and self.names.prefix(word) is None:
            what = draft.field.name if draft.field else draft.kind.value if draft.kind else "this protocol"
            raise self.fail("F113", f"{quoted(word)} is meaningless with '{what}'", span)
        return None

    def address(self, word: str, draft: Draft) -> Data | None:
        words = self.words
        host = nm.address(word)
        host = self.names.address(word) if host is None else host
        net = nm.prefix(word) or self.names.prefix(word)
        if host is not None and draft.kind is not Kind.ETHER:
            words.take()
            if words.peek() == "mask" and (mask := nm.address(words.peek(1))) is not None:
                words.at += 2
                return Data(Kind.NET, host & mask, mask)
            if draft.kind is not Kind.NET:
                return Data(Kind.HOST, host)
            return Data(Kind.NET, net[0] & net[1], net[1]) if net else Data(Kind.NET, host)
        if net is not None and draft.kind is not Kind.ETHER:
            words.take()
            return Data(Kind.NET, net[0] & net[1], net[1])
        station = nm.ether(word)
        station = self.names.ether(word) if station is None else station
        if station is not None:
            words.take()
            return Data(Kind.ETHER, station)
        if draft.relation is not None:
            raise self.unknown(word)
        return None

    # inference

    def infer(self, draft: Draft, data: Data | None, previous: Primitive | None) -> Draft:
        """`draft` with everything that was left out; an elided number takes all from `previous`."""
        if draft.kind is not None:
            return draft
        if data is None:
            if draft.protocols is None:
                raise self.fail("F107", "the test is not complete", self.span, EXPECTED)
            if draft.protocols == ANY_TRANSPORT:
                raise self.fail("F107", "'transp' says nothing by itself", self.span, "transp[POS:LEN]")
            return replace(draft, kind=Kind.PROTO)
        inherited = previous.direction if previous else None
        direction = draft.direction or inherited
        protocols = draft.protocols
        if protocols is None and previous is not None:
            protocols = previous.protocols
        match data.kind:
            case None:
                kind = previous.kind if previous else None
                if previous is None or kind not in (Kind.PORT, Kind.PROTO, Kind.FIELD):
                    if self.lost and draft == Draft(relation=draft.relation, mask=draft.mask):
                        raise ReadError
                    word = self.words.peek(-1)
                    qualified = [draft.direction.value] if draft.direction else []
                    raise self.fail(
                        "F114", f"what is to be {quoted(word)}?", self.span, "a header field or 'port' before it",
                        f"write `{' '.join([*qualified, 'port', word])}`",
                    )  # fmt: skip
                return replace(
                    draft, kind=kind, field=previous.field, direction=direction, protocols=protocols
                )
            case Kind.HOST | Kind.NET | Kind.ETHER:
                if draft.protocols is not None:
                    raise self.fail(
                        "F109",
                        "an address has no transport protocol",
                        self.span,
                        help="put 'and' between the two",
                    )
                return replace(draft, kind=data.kind, direction=direction)
            case Kind.PORT:
                return replace(draft, kind=Kind.PORT, direction=direction, protocols=protocols)
            case Kind.FIELD:
                return replace(draft, kind=Kind.FIELD, field=data.field)
            case _:
                return replace(draft, kind=data.kind)

    def finish(self, draft: Draft, data: Data | None) -> Primitive:
        """The meaning of a complete test."""
        kind = draft.kind
        assert kind is not None  # infer() leaves no kind open
        if draft.direction is not None and kind not in (Kind.HOST, Kind.NET, Kind.PORT, Kind.ETHER):
            self.findings.warn("F115", f"'{draft.direction.value}' is meaningless here", self.span)
        word = self.words.peek()
        near = Near(self.span, "" if word in STOPS else word, self.words.here())
        builder = Meaning(draft, data, near, self.findings)
        predicate = builder.build(kind)
        if draft.negated:
            predicate = pr.negation(predicate)
        return Primitive(kind, draft.field, draft.direction, builder.protocols, predicate)
