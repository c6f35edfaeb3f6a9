"""Checksum arithmetic as one opaque value: the same numbers as the interpreter computes, whatever is known of it."""

import random

import pytest

from innet import ir
from innet.ir.interpret import PacketBuffer
from innet.ir.interpret import evaluate as interpreted
from innet.ir.nodes import Mark, Op
from innet.symbolic.checksums import shape_of
from innet.symbolic.evaluation import evaluate
from innet.symbolic.terms import Fn, K, Sym, Term

WIDTHS = {"a": 16, "b": 16, "c": 32, "d": 8, "e": 1}


def halfword(choose: random.Random, depth: int) -> ir.Expr:
    """A 16-bit expression of variables and constants."""
    kind = choose.randrange(7 if depth else 3)
    name, width = choose.choice([*WIDTHS.items()])
    match kind:
        case 0 | 1:
            return ir.Var(name, 16) if width == 16 else ir.Cast(ir.Var(name, width), 16)
        case 2:
            return ir.Const(choose.getrandbits(16), 16)
        case 3:
            return ir.Not(halfword(choose, depth - 1))
        case 4:
            return ir.Cast(ir.Binary(Op.SHR, ir.Var("c", 32), ir.Const(16, 32)), 16)
        case 5:
            test = ir.Binary(
                choose.choice([Op.EQ, Op.NE, Op.LT, Op.LE]), halfword(choose, 0), halfword(choose, 0)
            )
            return ir.Cast(test, 16)
    op = choose.choice([Op.ADD, Op.SUB, Op.AND, Op.OR, Op.XOR, Op.MUL, Op.ONES])
    return ir.Binary(op, halfword(choose, depth - 1), halfword(choose, depth - 1))


def checksum(choose: random.Random) -> ir.Binary:
    """A one's complement sum, or one that counts only under a condition."""
    if choose.random() < 0.3:
        some = halfword(choose, 2)
        return ir.Binary(Op.MUL, some, ir.Cast(ir.Binary(Op.NE, some, ir.Const(0xFFFF, 16)), 16))
    return ir.Binary(Op.ONES, halfword(choose, 3), halfword(choose, 3))


@pytest.mark.parametrize("seed", range(300))
def test_the_same_numbers(seed: int) -> None:
    """The value, and what it is once its symbols have values, are those of the interpreter."""
    choose = random.Random(seed)
    expr = checksum(choose)
    shape = shape_of(expr)
    assert shape is not None
    numbers = {
        name: choose.choice([0, (1 << width) - 1, choose.getrandbits(width)])
        for name, width in WIDTHS.items()
    }
    known = {name for name in WIDTHS if choose.random() < 0.4}
    symbols = {name: Sym(name, width) for name, width in WIDTHS.items()}
    env: dict[str, Term] = {
        name: K(numbers[name], width) if name in known else symbols[name] for name, width in WIDTHS.items()
    }
    term = shape.term(env)
    values = {symbols[name]: numbers[name] for name in WIDTHS}
    assert evaluate(term, values, {}) == interpreted(expr, PacketBuffer(), numbers)
    assert (term.__class__ is K) == all(isinstance(e, ir.Const) or e.name in known for e in shape.leaves)


def test_equal_where_the_same_is_reckoned_from_the_same() -> None:
    """Two programs' values are one where they reckon alike: names do not count, what they stand for and widths do."""

    def total(first: str, second: str, op: Op = Op.ONES) -> ir.Binary:
        inner = ir.Binary(op, ir.Var(first, 16), ir.Const(7, 16))
        return ir.Binary(Op.ONES, inner, ir.Var(second, 16))

    x, y = Sym("x", 16), Sym("y", 16)
    terms = [
        shape.term(env)
        for expr, env in (
            (total("a", "b"), {"a": x, "b": y}),
            (total("p", "q"), {"p": x, "q": y}),
            (total("a", "b"), {"a": y, "b": x}),
            (total("a", "b", Op.ADD), {"a": x, "b": y}),
        )
        if (shape := shape_of(expr)) is not None
    ]
    assert all(isinstance(term, Fn) for term in terms)
    assert terms[0] == terms[1]
    assert len({*terms}) == 3


def test_what_reads_the_packet_is_no_such_sum() -> None:
    """Sums of what is in the packet are left to the expressions that they are part of."""
    field = ir.Field(Mark.NET, 0, 16)
    assert shape_of(ir.Binary(Op.ONES, ir.Var("a", 16), field)) is None
    assert shape_of(ir.Binary(Op.ADD, ir.Var("a", 16), ir.Var("b", 16))) is None
    assert shape_of(ir.Binary(Op.MUL, ir.Var("a", 16), ir.Const(4, 16))) is None
