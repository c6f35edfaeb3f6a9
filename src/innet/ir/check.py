"""Well-formedness of programs: back ends rely on it, so it is checked when an element is built.

Every path meets exactly one verdict; variables are bound before they are used, with one width; operands agree in
width; ports exist; table rows have the table's columns.
"""

from typing import assert_never

from innet.diagnostics import TraceError
from innet.ir import nodes as ir
from innet.ir.nodes import PREDICATES, Op
from innet.ir.trace import ends

MAX_STATEMENTS = 200_000

SPECIAL = frozenset({Op.ONES, Op.SHL, Op.SHR, Op.DIV, Op.MOD})
"""Operators that take not everything of one width."""


class TooLargeError(TraceError):
    """The program has more statements than any back end takes."""


def check(program: ir.Program) -> ir.Program:
    """`program` itself, if it is well-formed; otherwise `TraceError` says what is not."""
    _Checker(program).run()
    return program


class _Checker:
    def __init__(self, program: ir.Program) -> None:
        self.program = program
        self.statements = 0

    def run(self) -> None:
        self.block(self.program.body, {})
        if not ends(self.program.body):
            self.fail("some path has no verdict")

    def fail(self, message: str) -> None:
        raise TraceError(f"{self.program.element}[{self.program.port}]: {message}")

    def need(self, fact: bool, message: str) -> None:
        if not fact:
            self.fail(message)

    def block(self, block: ir.Block, bound: dict[str, int]) -> dict[str, int]:
        """The variables bound on every path that goes on after `block`."""
        bound = dict(bound)
        for n, stmt in enumerate(block):
            self.statements += 1
            if self.statements > MAX_STATEMENTS:
                raise TooLargeError(
                    f"{self.program.element}[{self.program.port}]: more than {MAX_STATEMENTS} statements"
                )
            if isinstance(stmt, ir.Emit | ir.Drop | ir.Hold) and n != len(block) - 1:
                self.fail(f"unreachable statements after {stmt}")
            bound = self.stmt(stmt, bound)
        return bound

    def bind(self, bound: dict[str, int], *variables: ir.Var) -> dict[str, int]:
        """`bound`, with these."""
        for var in variables:
            if var.width <= 0:
                self.fail(f"{var.name} has no width")
            if bound.get(var.name, var.width) != var.width:
                self.fail(f"{var.name} is bound with two widths")
            bound[var.name] = var.width
        return bound

    def stmt(self, stmt: ir.Stmt, bound: dict[str, int]) -> dict[str, int]:
        match stmt:
            case ir.Let(var, value):
                self.width(value, var.width, bound)
                return self.bind(bound, var)
            case ir.Assign(field, value):
                self.field(field)
                self.width(value, field.width, bound)
            case ir.Adjust(sum_field, old, new, _, pseudo):
                self.field(sum_field)
                self.need(sum_field.width == 16, "a checksum has 16 bits")
                width = self.bits(old, bound)
                self.need(width in (16, 32), "Adjust takes 16 or 32 bits")
                self.width(new, width, bound)
                if pseudo is not None:
                    self.width(pseudo, 16, bound)
            case ir.SetMark(mark, base, _, plus):
                self.need(
                    mark is not ir.Mark.ANNOTATION and base is not ir.Mark.ANNOTATION, "no such position"
                )
                if plus is not None:
                    self.width(plus, 16, bound)
            case ir.ClearMark(mark):
                self.need(
                    mark not in (ir.Mark.DATA, ir.Mark.END, ir.Mark.ANNOTATION), f"{mark} is always set"
                )
            case ir.Havoc(mark, _, length):
                self.need(
                    mark not in (ir.Mark.ANNOTATION, ir.Mark.END), f"no packet bytes lie at {mark.value}"
                )
                if length is not None:
                    self.width(length, 16, bound)
            case ir.Branch(condition, then, otherwise):
                self.width(condition, 1, bound)
                sides = [(self.block(b, bound), b) for b in (then, otherwise)]
                going = [after for after, b in sides if not ends(b)]
                if len(going) < 2:
                    return going[0] if going else bound
                return {k: w for k, w in going[0].items() if k in going[1]}
            case ir.Copy(port) | ir.Emit(port):
                if not 0 <= port < self.program.outputs:
                    self.fail(f"there is no output {port}")
            case ir.Lookup(table, key, values, found):
                self.row(key, table.key, bound)
                self.need(tuple(v.width for v in values) == table.values, f"columns of {table.name}")
                return self.bind(bound, found, *values)
            case ir.Insert(table, key, row, ok, idle_s, reply):
                self.row(key, table.key, bound)
                self.row(row, table.values, bound)
                self.width(idle_s, 32, bound)
                self.need((reply is not None) == (table.kind is ir.TableKind.PAIRED), f"{table.name}: pairs")
                if reply is not None:
                    self.row(reply[0], table.key, bound)
                    self.row(reply[1], table.values, bound)
                return self.bind(bound, ok)
            case ir.Update(table, key, row, idle_s):
                self.row(key, table.key, bound)
                self.row(row, table.values, bound)
                self.width(idle_s, 32, bound)
            case ir.Delete(table, key):
                self.row(key, table.key, bound)
            case ir.Allocate(table, key, candidate, low, high, prefer, _, _, ok):
                self.need(
                    0 <= low <= high < 1 << candidate.width, f"{low}-{high} is no range of the candidate"
                )
                if prefer is not None:
                    self.width(prefer, candidate.width, bound)
                self.row(key, table.key, self.bind(bound, candidate))
                return self.bind(bound, ok)
            case ir.Next(counter, var):
                self.need(counter.width == var.width, f"width of {counter.name}")
                wrap = 1 << counter.width if counter.wrap is None else counter.wrap
                self.need(0 <= counter.first < wrap <= 1 << counter.width, f"range of {counter.name}")
                return self.bind(bound, var)
            case ir.Now(var):
                self.need(var.width == 64, "time has 64 bits")
                return self.bind(bound, var)
            case ir.Random(var):
                return self.bind(bound, var)
            case ir.FindOption(_, offset, length, found):
                self.need((offset.width, length.width, found.width) == (16, 16, 1), "widths of FindOption")
                return self.bind(bound, offset, length, found)
            case ir.Count(_, amount):
                self.bits(amount, bound)
            case ir.Drop() | ir.Hold():
                pass
            case _:
                assert_never(stmt)
        return bound

    def row(self, values: tuple[ir.Expr, ...], widths: tuple[int, ...], bound: dict[str, int]) -> None:
        if len(values) != len(widths):
            self.fail(f"{len(values)} values for {len(widths)} columns")
        for value, width in zip(values, widths, strict=True):
            self.width(value, width, bound)

    def field(self, field: ir.Field) -> None:
        self.need(field.width > 0, "a field without width")
        self.need(field.mark is not ir.Mark.END or field.bit < 0, "nothing lies behind END")

    def width(self, expr: ir.Expr, width: int, bound: dict[str, int]) -> None:
        """`expr` is well-formed and has `width` bits."""
        found = self.bits(expr, bound)
        if found != width:
            self.fail(f"{expr} has {found} bits, {width} are needed")

    def bits(self, expr: ir.Expr, bound: dict[str, int]) -> int:
        """The width of `expr`, which is well-formed."""
        # the commonest ones first: patterns look at one class after the other
        if expr.__class__ is ir.Var:
            width = expr.width
            if bound.get(expr.name) != width:
                self.fail(f"{expr.name} is used before it is bound on every path")
            return width
        if expr.__class__ is ir.Const:
            width = expr.width
            if not 0 <= expr.value < 1 << width:
                self.fail(f"{expr.value} does not fit into {width} bits")
            return width
        if expr.__class__ is ir.Binary:
            return self.binary(expr, bound)
        if expr.__class__ is ir.Cast:
            self.bits(expr.value, bound)
            return expr.width
        match expr:
            case ir.Field():
                self.field(expr)
            case ir.Not(value):
                return self.bits(value, bound)
            case ir.Present(_, _, length):
                self.need(length >= 0, "a negative length")
            case ir.Marked() | ir.Distance():
                pass
            case ir.Sum(_, _, length):
                self.width(length, 16, bound)
            case ir.Var() | ir.Const() | ir.Binary() | ir.Cast():
                raise AssertionError("handled above")
            case _:
                assert_never(expr)
        return expr.width

    def binary(self, expr: ir.Binary, bound: dict[str, int]) -> int:
        """The width of an operation, which is well-formed."""
        op, right = expr.op, expr.right
        width, other = self.bits(expr.left, bound), self.bits(right, bound)
        if width != other:
            self.fail(f"operands of {op.value} have {width} and {other} bits")
        if op in PREDICATES:
            return 1
        if op in SPECIAL:
            self.need(op is not Op.ONES or width == 16, "one's complement sums have 16 bits")
            if op is Op.SHL or op is Op.SHR:
                self.need(isinstance(right, ir.Const), "shifts are by constants")
            if op is Op.DIV or op is Op.MOD:
                self.need(
                    isinstance(right, ir.Const) and right.value > 0, "divisors are constants above zero"
                )
        return width
