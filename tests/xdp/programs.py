"""Random well-formed packet programs: whatever the IR allows, not only what elements happen to use."""

import random

from innet import ir
from innet.ir.check import check
from innet.ir.nodes import Mark, Op
from innet.ir.trace import ends

WIDTHS = (1, 4, 8, 13, 16, 24, 32, 48, 64)
MARKS = (Mark.DATA, Mark.END, Mark.MAC, Mark.NET, Mark.TRANSPORT, Mark.AUX)
TABLE = ir.Table("t", (8, 16), (32, 8), 64)
PAIRS = ir.Table("pairs", (16, 8), (16, 1), 64, ir.TableKind.PAIRED)


class Maker:
    """Makes one program out of a seed."""

    def __init__(self, seed: int, tables: bool = True) -> None:
        self.r, self.tables, self.names = random.Random(seed), tables, 0

    def program(self, element: str = "e") -> ir.Program:
        """A program with one input and two outputs."""
        return check(ir.Program(element, 0, 2, self.block(3, {})))

    def var(self, width: int) -> ir.Var:
        self.names += 1
        return ir.Var(f"v{self.names}", width)

    def block(self, depth: int, bound: dict[str, int], must_end: bool = True) -> ir.Block:
        bound = dict(bound)
        out: list[ir.Stmt] = []
        for _ in range(self.r.randrange(1, 7)):
            stmt = self.stmt(depth, bound)
            out.append(stmt)
            if ends((stmt,)):
                return tuple(out)
        if must_end or self.r.random() < 0.3:
            out.append(self.r.choice([ir.Emit(0), ir.Emit(0), ir.Emit(1), ir.Drop("no")]))
        return tuple(out)

    def stmt(self, depth: int, bound: dict[str, int]) -> ir.Stmt:
        r = self.r
        kind = r.randrange(14 if self.tables else 10)
        if depth and kind < 3:
            condition = self.condition(2, bound)
            return ir.Branch(
                condition,
                self.block(depth - 1, bound, r.random() < 0.4),
                () if r.random() < 0.5 else self.block(depth - 1, bound, False),
            )
        match kind:
            case 3 | 4:
                return self.move(bound)
            case 5 | 6:
                field = self.field(r.choice(WIDTHS))
                return ir.Assign(field, self.expr(field.width, 2, bound))
            case 7:
                width = r.choice((16, 32))
                old, new = self.expr(width, 1, bound), self.expr(width, 1, bound)
                return ir.Adjust(self.field(16), old, new, r.random() < 0.5, ir.Const(0x1234, 16))
            case 8:
                return ir.ClearMark(r.choice(MARKS[2:]))
            case 9:
                return ir.Count(r.choice("ab"), self.expr(16, 1, bound))
            case 10:
                return self.table_stmt(bound)
            case 11:
                key = self.row(TABLE.key, bound)
                pair = tuple(self.binding(bound, w) for w in TABLE.values)
                return ir.Lookup(TABLE, key, pair, self.binding(bound, 1))
            case 12:
                var = self.binding(bound, 16)
                return ir.Next(ir.Counter("n", 16), var)
            case 13:
                offset, length, found = (self.binding(bound, w) for w in (16, 16, 1))
                return ir.FindOption((131, 68), offset, length, found)
        var = self.var(r.choice(WIDTHS))
        stmt = ir.Let(var, self.expr(var.width, 3, bound))
        bound[var.name] = var.width
        return stmt

    def binding(self, bound: dict[str, int], width: int) -> ir.Var:
        var = self.var(width)
        bound[var.name] = width
        return var

    def row(self, widths: tuple[int, ...], bound: dict[str, int]) -> tuple[ir.Expr, ...]:
        return tuple(self.small(w, bound) for w in widths)

    def small(self, width: int, bound: dict[str, int]) -> ir.Expr:
        """Few different values, so that keys meet again."""
        if self.r.random() < 0.5:
            return ir.Const(self.r.randrange(1 << min(width, 2)), width)
        if width == 1:
            return self.condition(1, bound)
        return ir.Binary(Op.AND, self.expr(width, 1, bound), ir.Const(3, width))

    def table_stmt(self, bound: dict[str, int]) -> ir.Stmt:
        r = self.r
        table = r.choice((TABLE, PAIRS))
        key, values = self.row(table.key, bound), self.row(table.values, bound)
        match r.randrange(3):
            case 0:
                return ir.Delete(table, key)
            case 1:
                return ir.Update(table, key, values, ir.Const(60, 32))
        reply = (self.row(PAIRS.key, bound), self.row(PAIRS.values, bound)) if table is PAIRS else None
        return ir.Insert(table, key, values, self.binding(bound, 1), ir.Const(60, 32), reply)

    def move(self, bound: dict[str, int]) -> ir.Stmt:
        """Marks stay within a few headers of the packet, as an element's do."""
        r = self.r
        mark = r.choice(MARKS)
        if mark is Mark.DATA:
            return ir.SetMark(
                mark, r.choice((Mark.DATA, Mark.DATA, Mark.NET, Mark.END)), r.randrange(-30, 21)
            )
        if mark is Mark.END:
            plus = ir.Binary(Op.AND, self.expr(16, 1, bound), ir.Const(127, 16)) if r.random() < 0.5 else None
            return ir.SetMark(mark, r.choice((Mark.DATA, Mark.END)), r.randrange(-10, 30), plus)
        plus = None
        if r.random() < 0.4:
            plus = ir.Binary(Op.SHL, ir.Cast(self.field(4), 16), ir.Const(2, 16))
        return ir.SetMark(mark, r.choice(MARKS), r.randrange(0, 24), plus)

    def field(self, width: int) -> ir.Field:
        r = self.r
        mark = r.choice((*MARKS, Mark.DATA, Mark.NET, Mark.ANNOTATION))
        byte = r.randrange(-8, -1) if mark is Mark.END else r.randrange(0, 40) if r.random() < 0.9 else -4
        return ir.Field(mark, byte * 8 + (0 if width % 8 == 0 else r.randrange(8)), width)

    def condition(self, depth: int, bound: dict[str, int]) -> ir.Expr:
        r = self.r
        match r.randrange(7 if depth else 4):
            case 0:
                return ir.Present(r.choice(MARKS), r.randrange(-2, 24), r.choice((1, 2, 8, 20)))
            case 1:
                return ir.Marked(r.choice(MARKS))
            case 2 | 3:
                width = r.choice(WIDTHS)
                op = r.choice((Op.EQ, Op.NE, Op.LT, Op.LE))
                return ir.Binary(op, self.expr(width, 1, bound), self.expr(width, 1, bound))
            case 4:
                return ir.Not(self.condition(depth - 1, bound))
        op = r.choice((Op.AND, Op.OR, Op.OR, Op.XOR))
        return ir.Binary(op, self.condition(depth - 1, bound), self.condition(depth - 1, bound))

    def expr(self, width: int, depth: int, bound: dict[str, int]) -> ir.Expr:
        r = self.r
        if width == 1 and r.random() < 0.7:
            return self.condition(min(depth, 1), bound)
        kind = r.randrange(10 if depth else 5)
        known = [n for n, w in bound.items() if w == width]
        match kind:
            case 0:
                return ir.Const(r.choice((0, 1, (1 << width) - 1, r.getrandbits(width))), width)
            case 1 | 2 if known:
                return ir.Var(r.choice(known), width)
            case 3 | 4 | 1 | 2:
                return self.field(width)
            case 5:
                inner = r.choice(WIDTHS)
                return ir.Cast(self.expr(inner, depth - 1, bound), width)
            case 6:
                return ir.Not(self.expr(width, depth - 1, bound))
            case 7 if width == 16:
                a, b = r.choice(MARKS), r.choice(MARKS)
                return ir.Distance(a, b)
            case 8 if width == 16:
                length = ir.Binary(Op.AND, self.expr(16, 0, bound), ir.Const(r.choice((63, 255, 1023)), 16))
                return ir.Sum(Mark.DATA, r.randrange(20), length)
        op = r.choice(
            (Op.ADD, Op.SUB, Op.AND, Op.OR, Op.XOR, Op.MUL, Op.SHL, Op.SHR, Op.ONES, Op.DIV, Op.MOD)
        )
        if op in (Op.DIV, Op.MOD):
            divisor = ir.Const(r.randrange(1, min(1 << width, 1 << 20)), width)
            return ir.Binary(op, self.expr(width, depth - 1, bound), divisor)
        if op is Op.ONES and width != 16:
            op = Op.ADD
        if op in (Op.SHL, Op.SHR):
            amount = r.randrange(min(width, 16))
            return ir.Binary(op, self.expr(width, depth - 1, bound), ir.Const(amount % (1 << width), width))
        return ir.Binary(op, self.expr(width, depth - 1, bound), self.expr(width, depth - 1, bound))
