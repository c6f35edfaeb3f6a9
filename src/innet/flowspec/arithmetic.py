"""Arithmetic in flows: numbers computed from the packet's bytes, 32 bits wide as in pcap-filter(7)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from innet import ir
from innet.diagnostics import Span
from innet.flowspec import predicate as pr
from innet.flowspec.names import FLOW_CONSTANTS, FLOW_PROTOCOLS, number
from innet.flowspec.predicate import TRUE, Predicate, Relation
from innet.flowspec.text import Findings, quoted
from innet.flowspec.words import LimitError, ReadError, Words
from innet.ir import Mark, Op

RELATIONS: Mapping[str, Relation] = {"=": Relation.EQ} | {r.value: r for r in Relation}
OPS: Mapping[str, Op] = {
    "|": Op.OR, "^": Op.XOR, "&": Op.AND, "<<": Op.SHL, ">>": Op.SHR, "+": Op.ADD, "-": Op.SUB, "*": Op.MUL,
    "/": Op.DIV, "%": Op.MOD,
}  # fmt: skip
ARITHMETIC = frozenset(OPS)
NEGATIVE = "negative"
"""The sign, among the operators of `PRECEDENCE`."""
PRECEDENCE: Mapping[str, int] = {
    "|": 1, "&": 2, "<<": 3, ">>": 3, "+": 4, "-": 4, "*": 5, "/": 5, NEGATIVE: 6,
}  # fmt: skip
"""libpcap's grammar gives '%' and '^' none: what stands right of one, or ends in one, is joined first."""
INDEXED = frozenset(("icmp", "igmp", "tcp", "igrp", "udp", "pim", "vrrp", "carp", "sctp"))
"""The protocols whose bytes libpcap reads."""
WIDTH = 32
FULL = (1 << WIDTH) - 1
MAX_DEPTH = 50
MAX_CASES = 64
LENGTH = ir.Distance(Mark.NET, Mark.END)


@dataclass(frozen=True, slots=True)
class Number:
    """A value: a constant, or the bits of `field` under `mask`, or else `expr`; and what must hold for it to exist.

    `cases`, if there are any, stand in place of these: conditions that exclude each other, each with the value there.
    """

    span: Span
    constant: int | None = None
    field: ir.Field | None = None
    mask: int = FULL
    expr: ir.Expr | None = None
    guard: Predicate = TRUE
    depth: int = 0
    cases: "tuple[tuple[Predicate, Number], ...]" = ()

    @property
    def alternatives(self) -> "tuple[tuple[Predicate, Number], ...]":
        """All values it may have, each with its condition."""
        return self.cases or ((TRUE, self),)

    def term(self) -> ir.Expr:
        """The value as an expression of 32 bits."""
        if self.constant is not None:
            return ir.Const(self.constant, WIDTH)
        if self.expr is not None:
            return self.expr
        assert self.field is not None  # one of the three is always given
        wide: ir.Expr = self.field if self.field.width == WIDTH else ir.Cast(self.field, WIDTH)
        whole = (1 << self.field.width) - 1
        return wide if self.mask & whole == whole else ir.Binary(Op.AND, wide, ir.Const(self.mask, WIDTH))


def compare(left: Number, relation: Relation, right: Number) -> Predicate:
    """`left` in `relation` to `right`, where both exist."""
    guard = pr.conjunction((left.guard, right.guard))
    if left.cases or right.cases:
        return pr.disjunction(
            pr.conjunction((guard, when, also, compare(one, relation, other)))
            for when, one in left.alternatives
            for also, other in right.alternatives
        )
    if left.constant is not None and right.constant is not None:
        return pr.conjunction((guard, pr.Truth(relation.holds(left.constant, right.constant))))
    if left.constant is not None:
        left, relation, right = right, MIRRORED[relation], left
    if left.field is not None and right.constant is not None:
        whole = (1 << left.field.width) - 1
        test = pr.Test(left.field, left.mask & whole, relation, right.constant)
        present = TRUE if left.mask & 0xFF else pr.Test(left.field, whole, Relation.GE, 0)
        return pr.conjunction((guard, test, present))
    if left.expr == ir.Cast(LENGTH, WIDTH) and right.constant is not None and right.constant < 1 << 16:
        return pr.Comparison(LENGTH, relation, ir.Const(right.constant, 16))
    return pr.conjunction((guard, pr.Comparison(left.term(), relation, right.term())))


MIRRORED: Mapping[Relation, Relation] = {
    Relation.EQ: Relation.EQ, Relation.NE: Relation.NE, Relation.LT: Relation.GT, Relation.GT: Relation.LT,
    Relation.LE: Relation.GE, Relation.GE: Relation.LE,
}  # fmt: skip


class Arithmetic:
    """Reads arithmetic from `words`."""

    def __init__(self, words: Words, findings: Findings) -> None:
        self.words, self.findings = words, findings
        self.depth = 0

    def fail(self, code: str, message: str, span: Span, expected: str = "", help: str = "") -> ReadError:
        self.findings.error(code, message, span, expected, help)
        return ReadError()

    def starts(self, value_position: bool) -> bool:
        """Whether what follows is arithmetic, where a value without qualifiers may stand if `value_position`."""
        word, after = self.words.peek(), self.words.peek(1)
        if word in ("-", "len"):
            return True
        if after == "[":
            return word in (*FLOW_PROTOCOLS, "ip", "ether", "ip6", "link")
        if word in FLOW_CONSTANTS or number(word) is not None:
            if after != ")" or not value_position:
                return after in ARITHMETIC or after in RELATIONS or after == ")"
            ahead = 1  # `(80) & 1 = 1` is arithmetic, `(80)` a value
            while ahead <= MAX_DEPTH and self.words.peek(ahead) == ")":
                ahead += 1
            return self.words.peek(ahead) in ARITHMETIC or self.words.peek(ahead) in RELATIONS
        return False

    def expression(self) -> Number:
        """The arithmetic at the cursor."""
        self.enter()
        result = self.rest(self.operand())
        self.depth -= 1
        return result

    def enter(self) -> None:
        if self.depth > MAX_DEPTH:
            self.findings.error("F143", f"the flow nests deeper than {MAX_DEPTH}", self.words.here())
            raise LimitError
        self.depth += 1

    def rest(self, left: Number, before: str = "") -> Number:
        """`left` and what follows, up to where the operator `before` (which stands before `left`) binds at least as
        tightly as the next one."""
        while self.words and (operator := self.words.peek()) in ARITHMETIC:
            if before in PRECEDENCE and PRECEDENCE[before] >= PRECEDENCE.get(operator, FULL):
                break
            self.words.take()
            self.enter()
            right = self.rest(self.operand(), operator)
            self.depth -= 1
            left = self.joined(operator, left, right)
        return left

    def operand(self) -> Number:
        words = self.words
        start = words.at
        negative = False
        while words.accept("-"):
            negative = not negative
        if words.at > start:
            inner = self.rest(self.operand(), NEGATIVE)
            zero = Number(words.where(start), 0)
            return replace(self.joined("-", zero, inner), guard=inner.guard) if negative else inner
        word = words.peek()
        if words.accept("("):
            inner = self.expression()
            if not words.accept(")"):
                raise self.fail("F145", "a '(' is not closed", words.where(start), "')'")
            return inner
        if word == "len":
            words.take()
            return Number(words.since(start), expr=ir.Cast(LENGTH, WIDTH))
        if words.peek(1) == "[":
            return self.accessor()
        value = FLOW_CONSTANTS.get(word, number(word))
        if value is None or value > FULL:
            raise self.fail(
                "F146", f"{quoted(word)} is not a number" if word else "a number is missing", words.here(),
                "a number, 'len', or bytes such as tcp[13]",
            )  # fmt: skip
        words.take()
        return Number(words.since(start), value)

    def accessor(self) -> Number:
        """`proto[index]`, `proto[index:size]`."""
        words, start = self.words, self.words.at
        name = words.take()
        words.take()
        index = self.expression()
        size = 1
        if words.accept(":"):
            given = number(words.peek())
            if given not in (1, 2, 4):
                raise self.fail("F147", f"{quoted(words.peek())} is not a size", words.here(), "1, 2 or 4")
            words.take()
            size = given
        if not words.accept("]"):
            raise self.fail("F145", "a '[' is not closed", words.where(start, start + 1), "']'")
        span = words.since(start)
        if name not in INDEXED and name not in ("ip", "ether", "link"):
            what = (
                "libpcap reads no bytes of"
                if name in FLOW_PROTOCOLS
                else "flows are about IPv4 packets: they have no"
            )
            raise self.fail("F149", f"{what} {quoted(name)}", span)
        if index.constant is not None:
            if index.constant > 65535:
                raise self.fail(
                    "F148", f"byte {index.constant} is beyond any packet", index.span, "0 to 65535"
                )
            return self.bytes_at(name, index.constant, size, span)
        cases = _places(index)
        if cases is None:
            raise self.fail(
                "F148", "the place of a byte must be a constant, or depend on at most six bits of one byte", index.span,
                "a number such as 13, or for example `(tcp[12] & 0xf0) >> 2`",
            )  # fmt: skip
        values = tuple((when, self.bytes_at(name, at, size, span)) for when, at in cases)
        return Number(span, guard=index.guard, cases=values, depth=index.depth + 1)

    def bytes_at(self, name: str, at: int, size: int, span: Span) -> Number:
        """`name[at:size]`."""
        bits = (8 * at, 8 * size)
        if name == "ip":
            return Number(span, field=ir.Field(Mark.NET, *bits))
        if name in ("ether", "link"):
            return Number(span, field=ir.Field(Mark.MAC, *bits))
        guard = pr.conjunction((pr.protocol((FLOW_PROTOCOLS[name],)), pr.FIRST_FRAGMENT))
        return Number(span, field=ir.Field(Mark.TRANSPORT, *bits), guard=guard)

    def joined(self, operator: str, left: Number, right: Number) -> Number:
        """`left operator right`. As in libpcap, only `left` says what the packet must be for the number to exist."""
        span = Span(left.span.source, left.span.start, max(left.span.end, right.span.end))
        depth = max(left.depth, right.depth) + 1
        if depth > MAX_DEPTH:
            self.findings.error("F143", f"arithmetic of more than {MAX_DEPTH} steps", span)
            raise LimitError
        wrong: tuple[str, str] | None = None
        if operator in "/%" and right.constant is None:
            wrong = f"'{operator}' is only possible by a constant", "1, 2, 3, ..."
        elif operator in "/%" and right.constant == 0:
            wrong = "division by zero", "1, 2, 3, ..."
        elif operator in ("<<", ">>") and right.constant is not None and right.constant >= WIDTH:
            wrong = "a shift by more than 31 bits", "0 to 31"
        if wrong is not None:
            self.findings.error("F150", wrong[0], right.span, wrong[1])
            return Number(span, 1)
        if left.cases or right.cases:
            return self.by_cases(operator, left, right, span, depth)
        if left.constant is not None and right.constant is not None:
            return Number(span, _fold(operator, left.constant, right.constant))
        guard = left.guard
        divisor = right.constant
        if operator in "/%" and divisor is not None and not divisor & divisor - 1:
            operator, amount = (">>", divisor.bit_length() - 1) if operator == "/" else ("&", divisor - 1)
            right = Number(right.span, amount)
        if operator == "&" and left.constant is not None:
            left, right = right, left
        if operator == "&" and left.field is not None and right.constant is not None:
            return Number(span, field=left.field, mask=left.mask & right.constant, guard=guard, depth=depth)
        expr = ir.Binary(OPS[operator], left.term(), right.term())
        return Number(span, expr=expr, guard=guard, depth=depth)

    def by_cases(self, operator: str, left: Number, right: Number, span: Span, depth: int) -> Number:
        """`joined`, for each combination of cases."""
        if len(left.alternatives) * len(right.alternatives) > MAX_CASES:
            self.findings.error("F143", f"the places of bytes make more than {MAX_CASES} cases", span)
            raise LimitError
        cases: list[tuple[Predicate, Number]] = []
        for when, one in left.alternatives:
            for also, other in right.alternatives:
                cases.append((pr.conjunction((when, also)), self.joined(operator, one, other)))
        return Number(span, guard=left.guard, cases=tuple(cases), depth=depth)


def _places(index: Number) -> list[tuple[Predicate, int]] | None:
    """The places that `index` may name, each with its condition; None if it is not computed from a few bits of a byte.

    Places beyond any packet are left out: there is no byte to test.
    """
    expr = index.term()
    field = _only_field(expr)
    if field is None or field.width != 8:
        return None
    at = [_evaluate(expr, byte) for byte in range(256)]
    mask = sum(bit for bit in (1 << n for n in range(8)) if any(at[b] != at[b ^ bit] for b in range(256)))
    if 1 << mask.bit_count() > MAX_CASES:
        return None
    return [
        (pr.Test(field, mask, Relation.EQ, byte), at[byte])
        for byte in range(256)
        if not byte & ~mask and at[byte] <= 65535
    ]


def _only_field(expr: ir.Expr) -> ir.Field | None:
    """The one field that `expr` reads; None if there are others, or lengths."""
    found: set[ir.Field | None] = set()
    todo = [expr]
    while todo:
        match todo.pop():
            case ir.Field() as field:
                found.add(field)
            case ir.Binary(_, left, right):
                todo += (left, right)
            case ir.Cast(value):
                todo.append(value)
            case ir.Const():
                pass
            case _:
                return None
    return found.pop() if len(found) == 1 else None


def _evaluate(expr: ir.Expr, byte: int) -> int:
    """The value of arithmetic in which every field is `byte`."""
    match expr:
        case ir.Const(value, _):
            return value
        case ir.Cast(value, _):
            return _evaluate(value, byte)
        case ir.Binary(op, left, right):
            return _fold(WORDS[op], _evaluate(left, byte), _evaluate(right, byte))
        case _:
            return byte


WORDS: Mapping[Op, str] = {op: word for word, op in OPS.items()}


def _fold(operator: str, left: int, right: int) -> int:
    match operator:
        case "|":
            value = left | right
        case "^":
            value = left ^ right
        case "&":
            value = left & right
        case "<<":
            value = left << right if right < WIDTH else 0
        case ">>":
            value = left >> right if right < WIDTH else 0
        case "+":
            value = left + right
        case "-":
            value = left - right
        case "/":
            value = left // right
        case "%":
            value = left % right
        case _:
            value = left * right
    return value & FULL
