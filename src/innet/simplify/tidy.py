"""A program tidied up: what is known is put in its place and computed, and what nobody reads is left out."""

from dataclasses import dataclass, field, replace

from innet import ir
from innet.ir.interpret import apply
from innet.ir.nodes import PREDICATES, Mark, Op
from innet.ir.substitute import with_values
from innet.ir.trace import ends
from innet.ir.uses import expressions, variables_read
from innet.simplify.decisions import FALSE, TRUE, joined

ALL_ONES = ir.Const(0xFFFF, 16)


def tidied(program: ir.Program) -> ir.Program:
    """The same program, to every packet and table, with less in it."""
    body = program.body
    while True:
        before = body
        body = _unread(_Values().block(body))
        if body == before:
            return program if body == program.body else replace(program, body=body)


def constants(block: ir.Block) -> frozenset[ir.Const]:
    """The constants in a program."""
    found: set[ir.Const] = set()

    def see(expr: ir.Expr) -> None:
        match expr:
            case ir.Const():
                found.add(expr)
            case ir.Binary(_, left, right):
                see(left)
                see(right)
            case ir.Not(value) | ir.Cast(value, _) | ir.Sum(length=value):
                see(value)

    for expr in expressions(block):
        see(expr)
    return frozenset(found)


def _unread(body: ir.Block) -> ir.Block:
    """Without values that nobody reads, and branches in which nothing happens."""
    read = variables_read(body)

    def block(stmts: ir.Block) -> ir.Block:
        out: list[ir.Stmt] = []
        for stmt in stmts:
            match stmt:
                case ir.Let(var) if var.name not in read:
                    continue
                case ir.Branch(condition, then, otherwise):
                    then, otherwise = block(then), block(otherwise)
                    if not then and not otherwise:
                        continue
                    stmt = ir.Branch(condition, then, otherwise)
            out.append(stmt)
        return tuple(out)

    return block(body)


@dataclass
class _Values:
    """What is known at one place: variables that are a constant or another variable, and fields that hold what a
    variable says."""

    variables: dict[str, ir.Const | ir.Var] = field(default_factory=dict)
    fields: dict[ir.Field, ir.Var] = field(default_factory=dict)

    def copy(self) -> "_Values":
        return _Values(dict(self.variables), dict(self.fields))

    def block(self, block: ir.Block) -> ir.Block:
        out: list[ir.Stmt] = []
        for stmt in block:
            out += self.stmt(stmt)
            if ends(tuple(out)):
                break
        return tuple(out)

    def stmt(self, stmt: ir.Stmt) -> ir.Block:
        match stmt:
            case ir.Branch(condition, then, otherwise):
                test = self.value(condition)
                if isinstance(test, ir.Const):
                    return self.block(then if test.value else otherwise)
                sides = [(self.copy(), then), (self.copy(), otherwise)]
                blocks = [known.block(side) for known, side in sides]
                going = [known for (known, _), b in zip(sides, blocks, strict=True) if not ends(b)]
                if going:
                    self.meet(going)
                return (ir.Branch(test, blocks[0], blocks[1]),)
            case ir.Let(var, value, followed):
                new = self.value(value)
                if new == var:
                    return ()
                self.bound(var)
                if isinstance(new, ir.Const | ir.Var) and followed:
                    self.variables[var.name] = new
                elif isinstance(new, ir.Field) and followed:
                    held = self.fields.get(new)
                    if held is not None:
                        self.variables[var.name] = new = held
                    else:
                        self.fields[new] = var
                return (ir.Let(var, new, followed),)
            case ir.Assign(target, value):
                new = self.value(value)
                if isinstance(new, ir.Var) and self.fields.get(target) == new:
                    return ()
                self.written(
                    target
                )  # whether it holds that now nobody knows: where it is absent it reads as zero
                return (ir.Assign(target, new),)
        changed = with_values(stmt, self.known)
        match changed:
            case ir.Adjust(total, old, new, _, pseudo):
                self.written(total)
                changed = replace(
                    changed,
                    old=simpler(old),
                    new=simpler(new),
                    pseudo=None if pseudo is None else simpler(pseudo),
                )
            case ir.SetMark() | ir.ClearMark() | ir.Havoc():
                self.fields.clear()
            case ir.Lookup(_, _, values, found):
                self.bound(found, *values)
            case ir.Insert(ok=ok):
                self.bound(ok)
            case ir.Allocate(candidate=candidate, ok=ok):
                self.bound(candidate, ok)
            case ir.Next(_, var) | ir.Now(var) | ir.Random(var):
                self.bound(var)
            case ir.FindOption(_, offset, length, found):
                self.bound(offset, length, found)
        return (changed,)

    def known(self, var: ir.Var) -> ir.Expr:
        return self.variables.get(var.name, var)

    def value(self, expr: ir.Expr) -> ir.Expr:
        """`expr` with what is known in it."""
        let = with_values(ir.Let(ir.Var("", expr.width), expr), self.known)
        assert isinstance(let, ir.Let)
        return simpler(let.value)

    def bound(self, *variables: ir.Var) -> None:
        """They have new values."""
        for var in variables:
            self.variables.pop(var.name, None)
            for name in [name for name, value in self.variables.items() if value == var]:
                del self.variables[name]
            for one in [one for one, value in self.fields.items() if value == var]:
                del self.fields[one]

    def written(self, target: ir.Field) -> None:
        """A field has a new value: so may those that lie where it does, whatever mark they are counted from."""
        for one in [one for one in self.fields if overlap(one, target)]:
            del self.fields[one]

    def meet(self, sides: "list[_Values]") -> None:
        """Paths come together: what is known on all of them stays."""
        first, *rest = sides
        self.variables = {
            k: v for k, v in first.variables.items() if all(one.variables.get(k) == v for one in rest)
        }
        self.fields = {k: v for k, v in first.fields.items() if all(one.fields.get(k) == v for one in rest)}


def overlap(a: ir.Field, b: ir.Field) -> bool:
    """Whether two fields may have bits in common."""
    if a.mark is not b.mark:
        return Mark.ANNOTATION not in (a.mark, b.mark)
    return a.bit < b.bit + b.width and b.bit < a.bit + a.width


def simpler(expr: ir.Expr) -> ir.Expr:
    """The same value, written shorter where that is plain."""
    match expr:
        case ir.Binary(op, left, right):
            return _binary(op, simpler(left), simpler(right))
        case ir.Not(value):
            inner = simpler(value)
            if isinstance(inner, ir.Const):
                return ir.Const(~inner.value & (1 << inner.width) - 1, inner.width)
            return inner.value if isinstance(inner, ir.Not) else ir.Not(inner)
        case ir.Cast(value, width):
            inner = simpler(value)
            if inner.width == width:
                return inner
            if isinstance(inner, ir.Const):
                return ir.Const(inner.value & (1 << width) - 1, width)
            return ir.Cast(inner, width)
        case ir.Sum(mark, offset, length):
            return ir.Sum(mark, offset, simpler(length))
    return expr


def _binary(op: Op, a: ir.Expr, b: ir.Expr) -> ir.Expr:
    if isinstance(a, ir.Const) and isinstance(b, ir.Const):
        value = apply(op, a.value, b.value, a.width)
        return ir.Const(value, 1 if op in PREDICATES else a.width)
    if a.width == 1 and op in (Op.AND, Op.OR):
        return joined(op, a, b)
    if a == b and isinstance(a, ir.Var) and op in PREDICATES:
        return TRUE if op in (Op.EQ, Op.LE) else FALSE
    zero = ir.Const(0, a.width)
    match op:
        case Op.ADD | Op.OR | Op.XOR if zero in (a, b):
            return b if a == zero else a
        case Op.MUL | Op.AND if zero in (a, b):
            return zero
        case Op.SUB | Op.SHL | Op.SHR if b == zero:
            return a
        case Op.ONES:
            return _ones(a, b)
    return ir.Binary(op, a, b)


def _ones(a: ir.Expr, b: ir.Expr) -> ir.Expr:
    """A one's complement sum: a number and its complement make 0xffff, and one 0xffff in a sum is as good as several.

    Such sums may be added up in any order: zero comes out only if all parts are zero.
    """
    parts = [*_parts(a), *_parts(b)]
    rest: list[ir.Expr] = []
    full, number = False, ir.Const(0, 16)
    for part in parts:
        opposite = next((one for one in rest if complements(part, one)), None)
        if opposite is not None:
            rest.remove(opposite)
            full = True
        elif part == ALL_ONES:
            full = True
        elif isinstance(part, ir.Const):
            number = ir.Const(apply(Op.ONES, number.value, part.value, 16), 16)
        else:
            rest.append(part)
    if number.value:  # the sum is not zero then, and 0xffff adds nothing to it
        rest.append(number)
    elif full:
        rest.append(ALL_ONES)
    if len(rest) == len(parts):
        return ir.Binary(Op.ONES, a, b)
    total = rest[0] if rest else ir.Const(0, 16)
    for part in rest[1:]:
        total = ir.Binary(Op.ONES, total, part)
    return total


def _parts(expr: ir.Expr) -> tuple[ir.Expr, ...]:
    match expr:
        case ir.Binary(Op.ONES, left, right):
            return (*_parts(left), *_parts(right))
    return (expr,)


def complements(a: ir.Expr, b: ir.Expr) -> bool:
    """Whether each bit of `a` is the opposite of that of `b`."""
    match a, b:
        case (ir.Not(inner), other) | (other, ir.Not(inner)) if inner == other:
            return True
        case ir.Cast(x, width), ir.Cast(y, _):
            if x.width < width:
                return False
            match x, y:
                case (ir.Binary(Op.SHR, p, ir.Const(by)), ir.Binary(Op.SHR, q, ir.Const(other_by))):
                    return by == other_by and by + width <= p.width and complements(p, q)
            return complements(x, y)
    return False
