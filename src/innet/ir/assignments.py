"""Assignments in program text: to fields, with the checksums that follow them, and to marks."""

from innet.diagnostics import Source, Span
from innet.ir import nodes as ir
from innet.ir.cursor import LIMIT, VALUE, WIDTH, Limits, Trouble
from innet.ir.declarations import Declarations
from innet.ir.nodes import Mark, Op
from innet.ir.operands import FIELDS
from innet.ir.widths import broken
from innet.ir.words import Kind

ADDRESSES = frozenset({FIELDS["ip.src"], FIELDS["ip.dst"]})
SUMS = {name: FIELDS[name] for name in ("ip.sum", "tcp.sum", "udp.sum", "icmp.sum")}
OPTIONAL_SUMS = frozenset({FIELDS["udp.sum"]})
"""Zero means that there is none (RFC 768)."""
PSEUDO = frozenset({FIELDS["tcp.sum"], FIELDS["udp.sum"]})


class Assignments(Declarations):
    """Reads assignments; each is appended to `out`, with the statements that it stands for."""

    def __init__(self, source: Source, start: int, end: int, limits: Limits) -> None:
        super().__init__(source, start, end, limits)
        self.hidden = 0

    def set_mark(self, out: list[ir.Stmt]) -> None:
        """`@net = @data + 14 + length`, `@net = none`."""
        first = self.word
        mark = self.mark("@")
        if mark is Mark.ANNOTATION:
            self.mistakes.tell(VALUE, "annotations have no position", self.since(first), "another mark")
            raise Trouble
        self.needs("=")
        if self.takes("none"):
            if mark in (Mark.DATA, Mark.END):
                self.mistakes.tell(VALUE, f"'@{mark.value}' is always set", self.since(first), "a position")
                return
            out.append(ir.ClearMark(mark))
            return
        base = self.mark("@")
        if base is Mark.ANNOTATION:
            self.mistakes.tell(VALUE, "annotations have no position", self.since(first), "another mark")
            raise Trouble
        offset, plus = 0, None
        plain = self.peek(2).kind is not Kind.SIGN or self.peek(2).text not in "*<<>>&|^"
        if self.sees("+", "-") and self.peek().kind is Kind.NUMBER and "u" not in self.peek().text and plain:
            sign = self.next()
            offset = self.integer("how many bytes")
            offset = -offset if sign.text == "-" else offset
            if abs(offset) > self.limits.offset:
                most = self.limits.offset
                self.mistakes.tell(
                    LIMIT, f"a mark {abs(offset)} bytes from another", self.since(sign), f"at most {most}"
                )
        if self.takes("+"):
            plus = self.value(self.operand(), 16, "a distance")
        elif self.sees("-"):
            self.unexpected(
                "'+' or the end of the line", "only a number is subtracted, right behind the mark"
            )
        out.append(ir.SetMark(mark, base, offset, plus))

    def assign(self, out: list[ir.Stmt]) -> None:
        """`FIELD = value [updating SUM, ...]`, `FIELD follows old -> new`."""
        first = self.word
        target, span = self.field()
        if self.sees("follows"):
            self.follows(out, target, span)
            return
        if self.sees("+", "-", "*", "&", "|") and self.peek().text == "=":
            self.unexpected(
                "'='", f"write it out: {self.text(span)} = {self.text(span)} {self.word.text} ..."
            )
        self.needs("=", "'=' and a value, or 'follows'")
        operand = self.operand()
        value = (
            self.value(operand, None if target is None else target.width, self.text(span)) if target else None
        )
        if not self.sees("updating"):
            if target is not None and value is not None:
                out.append(ir.Assign(target, value))
            return
        self.next()
        sums = [self.checksum()]
        while self.takes(","):
            sums.append(self.checksum())
        if target is not None and value is not None and None not in sums:
            self.updating(out, target, value, [s for s in sums if s is not None], self.since(first))

    def checksum(self) -> ir.Field | None:
        word = self.word
        if word.text not in SUMS:
            self.unexpected(f"a checksum: {', '.join(SUMS)}")
        self.next()
        return SUMS[word.text]

    def updating(
        self, out: list[ir.Stmt], target: ir.Field, value: ir.Expr, sums: list[ir.Field], span: Span
    ) -> None:
        """The assignment, and what it does to checksums (RFC 1624 equation 3)."""
        width, bit = target.width, target.bit % 16
        if width > 32 or (width == 32 and bit) or (width != 32 and bit + width > 16):
            self.mistakes.tell(
                WIDTH, f"a checksum cannot follow {width} bits at bit {target.bit}", span,
                "a field of 32 bits, or one inside 16 bits that start at an even byte", "assign it in pieces",
            )  # fmt: skip
            return
        old, new = self.hidden_variable(width), self.hidden_variable(width)
        out += [ir.Let(old, target), ir.Let(new, value), ir.Assign(target, new)]
        a: ir.Expr = old
        b: ir.Expr = new
        if width not in (16, 32):
            a, b = self.moved(a, 16 - bit - width), self.moved(b, 16 - bit - width)
        for checksum in sums:
            pseudo: ir.Expr | None = None
            if checksum in PSEUDO and target in ADDRESSES:
                pseudo = self.change(a, b)
            elif checksum in PSEUDO and target.mark is Mark.TRANSPORT and target != FIELDS["udp.len"]:
                pseudo = ir.Const(0, 16)
            out.append(ir.Adjust(checksum, a, b, checksum in OPTIONAL_SUMS, pseudo))

    @staticmethod
    def moved(value: ir.Expr, by: int) -> ir.Expr:
        """`value` where it stands in its 16 bits."""
        wide = ir.Cast(value, 16)
        return ir.Binary(Op.SHL, wide, ir.Const(by, 16)) if by else wide

    @staticmethod
    def change(old: ir.Expr, new: ir.Expr) -> ir.Expr:
        """The one's complement sum of ~old + new, of 32 bits each, by halfwords."""
        parts: list[ir.Expr] = []
        for value in (ir.Not(old), new):
            parts.append(ir.Cast(ir.Binary(Op.SHR, value, ir.Const(16, 32)), 16))
            parts.append(ir.Cast(value, 16))
        total = parts[0]
        for part in parts[1:]:
            total = ir.Binary(Op.ONES, total, part)
        return total

    def follows(self, out: list[ir.Stmt], target: ir.Field | None, span: Span) -> None:
        """`SUM follows old -> new [addresses sum] [unless zero]`."""
        self.needs("follows")
        if target is not None and target.width != 16:
            self.mistakes.tell(WIDTH, "a checksum has 16 bits", span, "a field of 16 bits")
        first = self.operand()
        self.needs("->", "'->' and what it is now, or an operator")
        second = self.operand()
        own = self.natural(first) or self.natural(second)
        if own not in (16, 32) and not (broken(first) or broken(second)):
            told = "no width" if own is None else f"{own} bits"
            self.mistakes.tell(
                WIDTH, f"what a checksum follows has {told}", Span(self.source, first.span.start, second.span.end),
                "two values of 16 or 32 bits",
            )  # fmt: skip
            own = None
        old = self.value(first, own) if own else None
        new = self.value(second, own) if own else None
        pseudo = self.value(self.operand(), 16) if self.takes("addresses") else None
        keep_zero = self.takes("unless") is not None
        if keep_zero:
            self.needs("zero")
        if target is not None and target.width == 16 and old is not None and new is not None:
            out.append(ir.Adjust(target, old, new, keep_zero, pseudo))

    def hidden_variable(self, width: int) -> ir.Var:
        """One that nobody named."""
        self.hidden += 1
        name = f"{self.scope}__{self.hidden}"
        self.variables[name] = width
        return ir.Var(name, width)
