"""A program with its variables replaced: how an element program becomes that of one instance."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import assert_never

from innet.ir import nodes as ir

Replacement = Callable[[ir.Var], ir.Expr]


def substituted(
    block: ir.Block, value: Replacement, missing: Mapping[int, ir.Drop], outputs: int
) -> ir.Block:
    """`block` with `value` in place of each variable; where one is bound, it must be a variable again.

    What leaves by an output from `outputs` on meets what `missing` says; copies for it are not made.
    """
    work = _Substitution(value, missing, outputs)
    return work.block(block)


def with_values(stmt: ir.Stmt, value: Replacement) -> ir.Stmt:
    """`stmt`, which is no `Branch`, with `value` in place of each variable that it reads."""
    return _Reading(value, {}, MAX_PORTS).stmt(stmt)


MAX_PORTS = 1 << 32


class _Substitution:
    def __init__(self, value: Replacement, missing: Mapping[int, ir.Drop], outputs: int) -> None:
        self.value, self.missing, self.outputs = value, missing, outputs

    def block(self, block: ir.Block) -> ir.Block:
        return tuple(self.stmt(s) for s in block if not (isinstance(s, ir.Copy) and s.port >= self.outputs))

    def var(self, var: ir.Var) -> ir.Var:
        found = self.value(var)
        assert isinstance(found, ir.Var), "only parameters have values, and no statement binds them"
        return found

    def row(self, values: tuple[ir.Expr, ...]) -> tuple[ir.Expr, ...]:
        return tuple(self.expr(v) for v in values)

    def stmt(self, stmt: ir.Stmt) -> ir.Stmt:
        var, expr, row = self.var, self.expr, self.row
        match stmt:
            case ir.Let(name, value, followed):
                return ir.Let(var(name), expr(value), followed)
            case ir.Assign(field, value):
                return ir.Assign(field, expr(value))
            case ir.Adjust(field, old, new, keep_zero, pseudo):
                return ir.Adjust(
                    field, expr(old), expr(new), keep_zero, None if pseudo is None else expr(pseudo)
                )
            case ir.SetMark(_, _, _, plus):
                return stmt if plus is None else replace(stmt, plus=expr(plus))
            case ir.Branch(condition, then, otherwise):
                return ir.Branch(expr(condition), self.block(then), self.block(otherwise))
            case ir.Lookup(table, key, values, found):
                return ir.Lookup(table, row(key), tuple(var(v) for v in values), var(found))
            case ir.Insert(table, key, values, ok, idle_s, reply):
                pair = None if reply is None else (row(reply[0]), row(reply[1]))
                return ir.Insert(table, row(key), row(values), var(ok), expr(idle_s), pair)
            case ir.Update(table, key, values, idle_s):
                return ir.Update(table, row(key), row(values), expr(idle_s))
            case ir.Delete(table, key):
                return ir.Delete(table, row(key))
            case ir.Allocate(_, key, candidate, _, _, prefer, _, _, ok):
                first = None if prefer is None else expr(prefer)
                return replace(stmt, key=row(key), candidate=var(candidate), prefer=first, ok=var(ok))
            case ir.Next(counter, name):
                return ir.Next(counter, var(name))
            case ir.Now(name):
                return ir.Now(var(name))
            case ir.Random(name):
                return ir.Random(var(name))
            case ir.FindOption(kinds, offset, length, found):
                return ir.FindOption(kinds, var(offset), var(length), var(found))
            case ir.Count(name, amount):
                return ir.Count(name, expr(amount))
            case ir.Emit(port):
                return stmt if port < self.outputs else self.missing[port]
            case ir.Havoc(_, _, length):
                return stmt if length is None else replace(stmt, length=expr(length))
            case ir.ClearMark() | ir.Copy() | ir.Drop() | ir.Hold():
                return stmt
        assert_never(stmt)

    def expr(self, e: ir.Expr) -> ir.Expr:
        match e:
            case ir.Var():
                return self.value(e)
            case ir.Binary(op, left, right):
                return ir.Binary(op, self.expr(left), self.expr(right))
            case ir.Not(value):
                return ir.Not(self.expr(value))
            case ir.Cast(value, width):
                return ir.Cast(self.expr(value), width)
            case ir.Sum(mark, offset, length):
                return ir.Sum(mark, offset, self.expr(length))
            case ir.Const() | ir.Field() | ir.Present() | ir.Marked() | ir.Distance():
                return e
        assert_never(e)


class _Reading(_Substitution):
    """Variables that a statement binds stay."""

    def var(self, var: ir.Var) -> ir.Var:
        return var
