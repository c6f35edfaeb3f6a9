"""Random packet programs: everything that moves, reads and writes, in any order."""

from random import Random

from innet import ir
from innet.ir.check import check
from innet.ir.nodes import PREDICATES, Mark, Op

HEADERS = (Mark.MAC, Mark.NET, Mark.TRANSPORT)
MOVED = (Mark.DATA, Mark.END, *HEADERS)
WIDTHS = (1, 3, 4, 8, 8, 13, 16, 16, 24, 32, 32, 48)
ARITHMETIC = (Op.ADD, Op.SUB, Op.AND, Op.OR, Op.XOR, Op.SHL, Op.SHR, Op.MUL, Op.ONES, Op.DIV, Op.MOD)
COMPARISONS = tuple(sorted(PREDICATES, key=str))


class Programs:
    """Programs made of what `rng` chooses; each ends every path with an Emit or a Drop."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.names = 0

    def program(self, statements: int) -> ir.Program:
        """A program of about so many statements."""
        return check(ir.Program("r", 0, 2, (*self.block(statements, {}, 2), *self.last(), ir.Emit(0))))

    def last(self) -> ir.Block:
        """Sometimes unforeseeable bytes: at the end, where the packet that comes out tells what they were."""
        rng = self.rng
        if rng.random() < 0.6:
            return ()
        length = rng.choice((None, ir.Const(rng.randrange(40), 16), ir.Cast(self.field(4), 16)))
        return (ir.Havoc(rng.choice((Mark.DATA, *HEADERS)), rng.choice((0, 4, 20, -4)), length),)

    def block(self, size: int, bound: dict[str, int], depth: int) -> ir.Block:
        """Some statements that may use the variables of `bound` (name: width), and those they bind themselves."""
        out: list[ir.Stmt] = []
        bound = dict(bound)
        for _ in range(size):
            stmt = self.stmt(bound, depth)
            out.append(stmt)
            if isinstance(stmt, ir.Let):
                bound[stmt.var.name] = stmt.var.width
        return tuple(out)

    def stmt(self, bound: dict[str, int], depth: int) -> ir.Stmt:
        rng = self.rng
        kind = rng.random()
        if kind < 0.3:
            width = rng.choice(WIDTHS)
            return ir.Let(self.var(width), self.expr(width, bound, 2))
        if kind < 0.5:
            field = self.field(rng.choice(WIDTHS))
            return ir.Assign(field, self.expr(field.width, bound, 1))
        if kind < 0.7:
            return self.move()
        if kind < 0.75:
            width = rng.choice((16, 32))
            old, new = self.expr(width, bound, 1), self.expr(width, bound, 1)
            return ir.Adjust(self.field(16), old, new, rng.random() < 0.5)
        if kind < 0.8:
            return ir.ClearMark(rng.choice(HEADERS)) if rng.random() < 0.5 else ir.Copy(rng.randrange(2))
        if depth == 0:
            return ir.Let(self.var(16), ir.Distance(rng.choice(MOVED), rng.choice(MOVED)))
        then = self.block(rng.randrange(3), bound, depth - 1)
        if rng.random() < 0.3:
            then = (*then, ir.Drop("dropped"))
        return ir.Branch(self.expr(1, bound, 2), then, self.block(rng.randrange(3), bound, depth - 1))

    def move(self) -> ir.SetMark:
        rng = self.rng
        offset = rng.choice((0, 1, 2, 4, 14, 20, 34, 60, -1, -4, -14, -20))
        plus: ir.Expr | None = None
        if rng.random() < 0.25:  # a header length, as real programs have it
            plus = ir.Binary(Op.SHL, ir.Cast(self.field(4), 16), ir.Const(2, 16))
        return ir.SetMark(rng.choice(MOVED), rng.choice(MOVED), offset, plus)

    def var(self, width: int) -> ir.Var:
        self.names += 1
        return ir.Var(f"r[0]%{self.names}", width)

    def field(self, width: int) -> ir.Field:
        rng = self.rng
        mark = rng.choice((Mark.DATA, *HEADERS, Mark.ANNOTATION))
        first = 8 * rng.randrange(0, 24) if mark is not Mark.DATA else 8 * rng.randrange(-4, 44)
        return ir.Field(mark, first + rng.choice((0, 0, 0, rng.randrange(8))), width)

    def expr(self, width: int, bound: dict[str, int], depth: int) -> ir.Expr:
        rng = self.rng
        kind = rng.random()
        known = [name for name, w in bound.items() if w == width]
        if known and kind < 0.3:
            return ir.Var(rng.choice(known), width)
        if width == 1 and kind < 0.75:
            return self.condition(bound, depth)
        if width == 16 and kind < 0.45:
            if rng.random() < 0.7:
                return ir.Distance(rng.choice(MOVED), rng.choice(MOVED))
            length = ir.Const(rng.choice((0, 7, 20, 300)), 16)
            return ir.Sum(rng.choice((Mark.DATA, *HEADERS)), rng.choice((0, 4)), length)
        if depth == 0 or kind < 0.55:
            return self.field(width) if rng.random() < 0.7 else self.const(width)
        if kind < 0.7:
            return ir.Cast(self.expr(rng.choice(WIDTHS), bound, depth - 1), width)
        if kind < 0.75:
            return ir.Not(self.expr(width, bound, depth - 1))
        op = rng.choice([o for o in ARITHMETIC if o is not Op.ONES or width == 16])
        left = self.expr(width, bound, depth - 1)
        if op in (Op.SHL, Op.SHR):
            return ir.Binary(op, left, ir.Const(rng.randrange(min(width + 2, 1 << width)), width))
        if op in (Op.DIV, Op.MOD):
            divisor = min(rng.choice((1, 2, 3, 8, 10, 255)), (1 << width) - 1)
            return ir.Binary(op, left, ir.Const(divisor, width))
        right = self.const(width) if rng.random() < 0.5 else self.expr(width, bound, depth - 1)
        return ir.Binary(op, left, right)

    def condition(self, bound: dict[str, int], depth: int) -> ir.Expr:
        rng = self.rng
        kind = rng.random()
        if kind < 0.15:
            return ir.Present(rng.choice((Mark.DATA, *HEADERS)), rng.randrange(-4, 50), rng.randrange(0, 9))
        if kind < 0.2:
            return ir.Marked(rng.choice(MOVED))
        if kind < 0.35 and depth:
            op = rng.choice((Op.AND, Op.OR))
            return ir.Binary(op, self.condition(bound, depth - 1), self.condition(bound, depth - 1))
        if kind < 0.4 and depth:
            return ir.Not(self.condition(bound, depth - 1))
        width = rng.choice(WIDTHS)
        left = self.expr(width, bound, max(depth - 1, 0))
        right = self.const(width) if rng.random() < 0.7 else self.expr(width, bound, max(depth - 1, 0))
        return ir.Binary(rng.choice(COMPARISONS), left, right)

    def const(self, width: int) -> ir.Const:
        top = (1 << width) - 1
        some = (0, 1, top, 1 << width - 1, self.rng.randrange(top + 1), 64, 20)
        return ir.Const(self.rng.choice(some) & top, width)
