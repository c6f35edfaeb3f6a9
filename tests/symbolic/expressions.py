"""Random expressions over a few variables: as the IR has them, as terms, as numbers, and as an SMT solver sees them."""

from collections.abc import Mapping
from random import Random
from typing import Any, assert_never

import z3

from innet import ir
from innet.ir import interpret
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import PREDICATES, Op
from innet.symbolic.execute import _Step
from innet.symbolic.formulas import truth
from innet.symbolic.memory import Memory
from innet.symbolic.state import State, Tables
from innet.symbolic.store import Store
from innet.symbolic.terms import Formula, Sym, Term

COMPARISONS = tuple(sorted(PREDICATES, key=str))
ARITHMETIC = (Op.ADD, Op.ADD, Op.SUB, Op.AND, Op.OR, Op.XOR, Op.SHL, Op.SHR, Op.MUL, Op.DIV, Op.MOD)
NO_PROGRAM = ir.Program("", 0, 0, ())


class Expressions:
    """Expressions over `variables`, made of what `rng` chooses. `opaque`: with operators the store cannot look into."""

    def __init__(self, rng: Random, variables: tuple[ir.Var, ...], opaque: bool = True) -> None:
        self.rng, self.variables, self.opaque = rng, variables, opaque
        self.symbols = {v: Sym(v.name, v.width) for v in variables}

    def number(self, width: int, depth: int = 2) -> ir.Expr:
        """An expression of that width."""
        rng = self.rng
        fitting = [v for v in self.variables if v.width == width]
        kind = rng.random()
        if fitting and (depth == 0 or kind < 0.35):
            return rng.choice(fitting)
        if depth == 0 or kind < 0.45:
            return self.constant(width)
        if kind < 0.65:
            return ir.Cast(self.number(rng.choice(self.variables).width, depth - 1), width)
        if kind < 0.7:
            return ir.Not(self.number(width, depth - 1))
        op = rng.choice(ARITHMETIC)
        left = self.number(width, depth - 1)
        if op in (Op.SHL, Op.SHR):
            return ir.Binary(op, left, ir.Const(rng.randrange(min(width + 2, 1 << width)), width))
        if op in (Op.DIV, Op.MOD):
            divisor = rng.choice((1, 2, 3, 7, 8, 10, 16, rng.randrange(1, 1 << width)))
            return ir.Binary(op, left, ir.Const(min(divisor, (1 << width) - 1), width))
        if op is Op.MUL or (op in (Op.AND, Op.OR, Op.XOR) and not self.opaque):
            return ir.Binary(op, left, self.constant(width))
        return ir.Binary(op, left, self.number(width, depth - 1))

    def constant(self, width: int) -> ir.Const:
        top = (1 << width) - 1
        return ir.Const(self.rng.choice((0, 1, top, 1 << width - 1, self.rng.randrange(top + 1))), width)

    def condition(self, depth: int = 2) -> ir.Expr:
        """A comparison, or several put together."""
        rng = self.rng
        kind = rng.random()
        if depth and kind < 0.35:
            return ir.Binary(
                rng.choice((Op.AND, Op.OR)), self.condition(depth - 1), self.condition(depth - 1)
            )
        if depth and kind < 0.45:
            return ir.Not(self.condition(depth - 1))
        width = rng.choice(self.variables).width
        right = self.constant(width) if rng.random() < 0.5 else self.number(width, 1)
        return ir.Binary(rng.choice(COMPARISONS), self.number(width, 1), right)

    def term(self, expr: ir.Expr, store: Store | None = None) -> Term:
        """What the symbolic executor makes of it, on a path with `store`."""
        state = State(Memory(), store or Store(), {v.name: s for v, s in self.symbols.items()})
        return _Step(NO_PROGRAM, state, Tables(any_state=False), "").value(expr)

    def formula(self, expr: ir.Expr, store: Store | None = None) -> Formula:
        return truth(self.term(expr, store))

    def values(self, numbers: Mapping[ir.Var, int]) -> dict[Sym, int]:
        """The same numbers, by symbol."""
        return {self.symbols[v]: n for v, n in numbers.items()}


def evaluate(expr: ir.Expr, numbers: Mapping[ir.Var, int]) -> int:
    """What the interpreter makes of it."""
    runner = interpret._Run("", PacketBuffer(), interpret.State(), None)
    runner.env = {v.name: n for v, n in numbers.items()}
    return runner.value(expr)


def smt(expr: ir.Expr) -> Any:  # z3 has no types
    """The expression as z3's bit vectors."""
    match expr:
        case ir.Const(value, width):
            return z3.BitVecVal(value, width)
        case ir.Var(name, width):
            return z3.BitVec(name, width)
        case ir.Not(value):
            return ~smt(value)
        case ir.Cast(value, width):
            inner = smt(value)
            if width <= value.width:
                return z3.Extract(width - 1, 0, inner)
            return z3.ZeroExt(width - value.width, inner)
        case ir.Binary(op, left, right):
            return binary(op, smt(left), smt(right))
    raise AssertionError(expr)


def binary(op: Op, a: Any, b: Any) -> Any:
    match op:
        case Op.ADD:
            return a + b
        case Op.SUB:
            return a - b
        case Op.MUL:
            return a * b
        case Op.DIV:
            return z3.UDiv(a, b)
        case Op.MOD:
            return z3.URem(a, b)
        case Op.AND:
            return a & b
        case Op.OR:
            return a | b
        case Op.XOR:
            return a ^ b
        case Op.SHL:
            return a << b
        case Op.SHR:
            return z3.LShR(a, b)
        case Op.EQ:
            return bit(a == b)
        case Op.NE:
            return bit(a != b)
        case Op.LT:
            return bit(z3.ULT(a, b))
        case Op.LE:
            return bit(z3.ULE(a, b))
        case Op.ONES:
            raise AssertionError("not used here")
    assert_never(op)


def bit(fact: Any) -> Any:
    return z3.If(fact, z3.BitVecVal(1, 1), z3.BitVecVal(0, 1))
