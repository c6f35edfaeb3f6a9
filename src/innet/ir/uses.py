"""What there is in a program: its statements, its tables, and which variables it reads."""

from collections.abc import Iterator

from innet.ir import nodes as ir


def statements(block: ir.Block) -> Iterator[ir.Stmt]:
    """Every statement of `block`, those inside branches too, in the order of the text."""
    for stmt in block:
        yield stmt
        if isinstance(stmt, ir.Branch):
            yield from statements(stmt.then)
            yield from statements(stmt.otherwise)


def tables_of(block: ir.Block) -> Iterator[ir.Table]:
    """The tables that `block` uses, once for each statement."""
    for stmt in statements(block):
        match stmt:
            case (
                ir.Lookup(table) | ir.Insert(table) | ir.Update(table) | ir.Delete(table) | ir.Allocate(table)
            ):
                yield table


def variables_read(block: ir.Block) -> frozenset[str]:
    """The names of all variables that some expression in `block` reads."""
    return frozenset(_in(*expressions(block)))


def expressions(block: ir.Block) -> Iterator[ir.Expr]:
    """The expressions of all statements of `block`."""
    for stmt in statements(block):
        match stmt:
            case ir.Branch(condition):
                yield condition
            case ir.Let(_, value) | ir.Assign(_, value) | ir.Count(_, value):
                yield value
            case ir.Adjust(_, old, new, _, pseudo):
                yield from (old, new, *(() if pseudo is None else (pseudo,)))
            case ir.SetMark(_, _, _, plus) if plus is not None:
                yield plus
            case ir.Havoc(_, _, length) if length is not None:
                yield length
            case ir.Lookup(_, key, _, _) | ir.Delete(_, key):
                yield from key
            case ir.Insert(_, key, values, _, idle_s, reply):
                yield from (*key, *values, idle_s)
                if reply is not None:
                    yield from (*reply[0], *reply[1])
            case ir.Update(_, key, values, idle_s):
                yield from (*key, *values, idle_s)
            case ir.Allocate(_, key, _, _, _, prefer, _, _, _):
                yield from key
                if prefer is not None:
                    yield prefer


def variables_in(expr: ir.Expr) -> frozenset[str]:
    """The names of the variables that `expr` reads."""
    return frozenset(_in(expr))


def _in(*exprs: ir.Expr) -> Iterator[str]:
    for e in exprs:
        match e:
            case ir.Var(name, _):
                yield name
            case ir.Binary(_, left, right):
                yield from _in(left, right)
            case ir.Not(value) | ir.Cast(value, _):
                yield from _in(value)
            case ir.Sum(_, _, length):
                yield from _in(length)
