"""Arithmetic in flows: numbers computed from the packet's bytes, 32 bits wide as in pcap-filter(7)."""

from collections.abc import Mapping
from dataclasses import dataclass

from innet import ir
from innet.diagnostics import Span
from innet.flowspec import predicate as pr
from innet.flowspec.names import FLOW_CONSTANTS, FLOW_PROTOCOLS, number
from innet.flowspec.predicate import TRUE, Predicate, Relation
from innet.flowspec.text import Findings, quoted
from innet.flowspec.words import LimitError, ReadError, Words
from innet.ir import Mark, Op

RELATIONS: Mapping[str, Relation] = {"=": Relation.EQ} | {r.value: r for r in Relation}
PRECEDENCE: Mapping[str, int] = {
    "|": 1, "^": 1, "&": 2, "<<": 3, ">>": 3, "+": 4, "-": 4, "*": 5, "/": 5, "%": 5,
}  # fmt: skip
ARITHMETIC = frozenset(PRECEDENCE)
OPS: Mapping[str, Op] = {
    "|": Op.OR, "^": Op.XOR, "&": Op.AND, "<<": Op.SHL, ">>": Op.SHR, "+": Op.ADD, "-": Op.SUB, "*": Op.MUL,
}  # fmt: skip
WIDTH = 32
FULL = (1 << WIDTH) - 1
MAX_DEPTH = 50
LENGTH = ir.Distance(Mark.NET, Mark.END)


@dataclass(frozen=True, slots=True)
class Number:
    """A value: a constant, or the bits of `field` under `mask`, or else `expr`; and what must hold for it to exist."""

    span: Span
    constant: int | None = None
    field: ir.Field | None = None
    mask: int = FULL
    expr: ir.Expr | None = None
    guard: Predicate = TRUE
    depth: int = 0

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
            return after in ARITHMETIC or after in RELATIONS or (after == ")" and not value_position)
        return False

    def expression(self) -> Number:
        """The arithmetic at the cursor."""
        if self.depth > MAX_DEPTH:
            self.findings.error("F143", f"the flow nests deeper than {MAX_DEPTH}", self.words.here())
            raise LimitError
        self.depth += 1
        result = self.rest(self.operand(), 0)
        self.depth -= 1
        return result

    def rest(self, left: Number, lowest: int = 0) -> Number:
        """`left` and the operators after it that bind at least as tightly as `lowest`."""
        while (operator := self.words.peek()) in PRECEDENCE and self.words:
            own = PRECEDENCE[operator]
            if own < lowest:
                break
            self.words.take()
            right = self.operand()
            while PRECEDENCE.get(self.words.peek(), 0) > own:
                right = self.rest(right, own + 1)
            left = self.joined(operator, left, right)
        return left

    def operand(self) -> Number:
        words = self.words
        start = words.at
        negative = False
        while words.accept("-"):
            negative = not negative
        if negative:
            return self.joined("-", Number(words.since(start), 0), self.operand())
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
        if index.constant is None:
            raise self.fail(
                "F148", "the place of a byte must be a constant", index.span, "a number such as 13"
            )
        if index.constant > 65535:
            raise self.fail("F148", f"byte {index.constant} is beyond any packet", index.span, "0 to 65535")
        bits = (8 * index.constant, 8 * size)
        if name == "ip":
            return Number(span, field=ir.Field(Mark.NET, *bits))
        if name in ("ether", "link"):
            return Number(span, field=ir.Field(Mark.MAC, *bits))
        if name not in FLOW_PROTOCOLS:
            raise self.fail("F149", f"flows are about IPv4 packets: they have no {quoted(name)}", span)
        guard = pr.conjunction((pr.protocol((FLOW_PROTOCOLS[name],)), pr.FIRST_FRAGMENT))
        return Number(span, field=ir.Field(Mark.TRANSPORT, *bits), guard=guard)

    def joined(self, operator: str, left: Number, right: Number) -> Number:
        span = Span(left.span.source, left.span.start, max(left.span.end, right.span.end))
        guard = pr.conjunction((left.guard, right.guard))
        depth = max(left.depth, right.depth) + 1
        if depth > MAX_DEPTH:
            self.findings.error("F143", f"arithmetic of more than {MAX_DEPTH} steps", span)
            raise LimitError
        divisor = right.constant
        if operator in "/%":
            if divisor == 0:
                raise self.fail("F150", "division by zero", right.span)
            if left.constant is not None and divisor is not None:
                return Number(span, left.constant // divisor if operator == "/" else left.constant % divisor)
            if divisor is None or divisor & divisor - 1:
                raise self.fail(
                    "F150", f"'{operator}' is only possible by a power of two", right.span, "1, 2, 4, 8, ..."
                )
            operator = ">>" if operator == "/" else "&"
            right = Number(right.span, divisor.bit_length() - 1 if operator == ">>" else divisor - 1)
        if left.constant is not None and right.constant is not None:
            return Number(span, _fold(operator, left.constant, right.constant), guard=guard)
        if operator == "&" and left.constant is not None:
            left, right = right, left
        if operator == "&" and left.field is not None and right.constant is not None:
            return Number(span, field=left.field, mask=left.mask & right.constant, guard=guard, depth=depth)
        expr = ir.Binary(OPS[operator], left.term(), right.term())
        return Number(span, expr=expr, guard=guard, depth=depth)


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
        case _:
            value = left * right
    return value & FULL
