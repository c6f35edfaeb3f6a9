"""The widths of expressions in program text: what a number stands beside says how wide it is.

Reading makes an `Operand`, a tree that remembers where it was written; `Widths` makes `ir.Expr` of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from innet.diagnostics import Span
from innet.ir import nodes as ir
from innet.ir.cursor import VALUE, WIDTH, Cursor
from innet.ir.nodes import Mark, Op


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written; `width` is None if nothing says it."""

    value: int
    width: int | None
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Known:
    """What has its width; `expr` is None after a mistake that was told."""

    expr: ir.Expr | None
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Applied:
    """An operator between two operands."""

    op: Op
    left: "Operand"
    right: "Operand"
    sign: Span
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Flipped:
    """`~value`, and `not value`, which is one bit."""

    value: "Operand"
    span: Span
    depth: int
    logical: bool = False


@dataclass(frozen=True, slots=True)
class Converted:
    """`u16(value)`."""

    width: int
    value: "Operand"
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Summed:
    """`sum mark[offset+length]`."""

    mark: Mark
    offset: int
    length: "Operand"
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Member:
    """`value in prefix`."""

    value: "Operand"
    address: ir.Expr
    mask: ir.Expr
    span: Span
    depth: int


Operand: TypeAlias = Number | Known | Applied | Flipped | Converted | Summed | Member
Prefixed: TypeAlias = Mapping[str, tuple[ir.Expr, ir.Expr]]


class Widths(Cursor):
    """Makes expressions of operands; what does not fit is told."""

    tenant: bool
    """Whether a tenant wrote the text, so that it may do less than a traced program."""

    def value(self, operand: Operand, width: int | None, told: str = "") -> ir.Expr | None:
        """`operand` as an expression of `width` bits (None: of its own); None after a mistake, which was told."""
        found = self.typed(operand, width)
        if found is not None and width is not None and found.width != width:
            self.mismatch(operand, found.width, width, told)
            return None
        return found

    def mismatch(self, operand: Operand, has: int, needs: int, told: str) -> None:
        text = self.source.text[operand.span.start : operand.span.end]
        short = " ".join(text.split())
        what = f"{told} has" if told else "here stands"
        help_ = (
            ""
            if len(short) > 60
            else f"u{needs}({short.removeprefix('(').removesuffix(')') if _wrapped(short) else short})"
        )
        if needs == 1:
            help_ = f"compare it: {short} != 0" if len(short) <= 60 else "compare it"
            self.mistakes.tell(
                WIDTH, f"a condition is one bit, this has {has}", operand.span, "a comparison", help_
            )
            return
        why = (
            f"this has {has} bits, but {what} {needs}"
            if told
            else f"this has {has} bits where {needs} are needed"
        )
        self.mistakes.tell(WIDTH, why, operand.span, f"a value of u{needs}", help_)

    def natural(self, operand: Operand) -> int | None:
        """The width that `operand` has by itself; None if it takes that of what it stands beside."""
        while True:
            match operand:
                case Number(_, width):
                    return width
                case Known(expr):
                    return None if expr is None else expr.width
                case Converted(width):
                    return width
                case Member():
                    return 1
                case Summed():
                    return 16
                case Flipped(value, _, _, logical):
                    if logical:
                        return 1
                    operand = value
                case Applied(op, left, right):
                    if op.is_predicate:
                        return 1
                    width = self.natural(left)
                    if width is not None or op in (Op.SHL, Op.SHR):
                        return width
                    operand = right

    def typed(self, operand: Operand, want: int | None) -> ir.Expr | None:
        match operand:
            case Number(value, width, span):
                return self.constant(value, width if width is not None else want, span)
            case Known(expr):
                return expr
            case Applied():
                return self.binary(operand, want)
            case Flipped(value, _, _, logical):
                inner = self.value(value, 1 if logical else want)
                return None if inner is None else ir.Not(inner)
            case Converted(width, value):
                own = self.natural(value)
                if own is None and isinstance(value, Number):
                    return self.constant(value.value, width, value.span)
                inner = self.typed(value, own)
                return None if inner is None else ir.Cast(inner, width)
            case Summed(mark, offset, length):
                inner = self.value(length, 16, "the length")
                return None if inner is None else ir.Sum(mark, offset, inner)
            case Member(value, address, mask):
                inner = self.value(value, 32, "an address")
                return None if inner is None else ir.Binary(Op.EQ, ir.Binary(Op.AND, inner, mask), address)

    def constant(self, value: int, width: int | None, span: Span) -> ir.Expr | None:
        if width is None:
            self.mistakes.tell(
                WIDTH, "nothing says how wide this number is", span, "a suffix, or a value beside it that has a width",
                f"{value}u16, if it has 16 bits",
            )  # fmt: skip
            return None
        if value >> width:
            self.mistakes.tell(
                WIDTH, f"{value} does not fit into {width} bits", span, f"0 to {(1 << width) - 1}"
            )
            return None
        return ir.Const(value, width)

    def binary(self, operand: Applied, want: int | None) -> ir.Expr | None:
        op, left, right = operand.op, operand.left, operand.right
        own = self.natural(left)
        if op in (Op.DIV, Op.MOD) and not (isinstance(right, Number) and right.value):
            self.mistakes.tell(VALUE, "division is by a number that is known", right.span, "a number above 0")
            return None
        if op in (Op.SHL, Op.SHR):
            a = self.typed(left, own or want)
            if not isinstance(right, Number):
                self.mistakes.tell(VALUE, "shifts are by a number that is known", right.span, "a number")
                return None
            if a is None:
                return None
            b = self.constant(right.value, a.width, right.span)
            if b is not None and right.width not in (None, a.width):
                self.mismatch(right, right.width or 0, a.width, "")
                return None
            if self.tenant and right.value >= a.width:
                self.mistakes.tell(
                    VALUE, f"this shifts all {a.width} bits out", right.span, f"0 to {a.width - 1}"
                )
            return None if b is None else ir.Binary(op, a, b)
        own = own or self.natural(right)
        if op is Op.ONES:
            own = 16
        width = own if own is not None or op.is_predicate else want
        if width is None and (broken(left) or broken(right)):
            return None
        a, b = self.typed(left, width), self.typed(right, width)
        if a is None or b is None:
            return None
        if a.width != b.width:
            narrow = left if a.width < b.width else right
            short = " ".join(self.source.text[narrow.span.start : narrow.span.end].split())
            self.mistakes.tell(
                WIDTH, f"'{self.text(operand.sign)}' stands between {a.width} and {b.width} bits", operand.span,
                "two values of one width",
                f"u{max(a.width, b.width)}({short})" if len(short) <= 60 else "",
            )  # fmt: skip
            return None
        if op is Op.ONES and a.width != 16:
            self.mistakes.tell(WIDTH, "one's complement sums have 16 bits", operand.span, "two values of u16")
            return None
        return ir.Binary(op, a, b)

    def text(self, span: Span) -> str:
        return self.source.text[span.start : span.end]


def broken(operand: Operand) -> bool:
    """Whether a mistake in `operand` was told."""
    match operand:
        case Known(expr):
            return expr is None
        case Applied(_, left, right):
            return broken(left) or broken(right)
        case Flipped(value) | Converted(_, value) | Summed(_, _, value) | Member(value):
            return broken(value)
    return False


def _wrapped(text: str) -> bool:
    """Whether one pair of parentheses encloses all of `text`."""
    if not (text.startswith("(") and text.endswith(")")):
        return False
    depth = 0
    for at, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return at == len(text) - 1
    return False
