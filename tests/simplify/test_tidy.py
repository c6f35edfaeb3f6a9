"""Tidied programs do the same as before with every packet: programs at random, and faults that they find."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import settings

from innet import ir
from innet.ir.check import check
from innet.ir.dump import dump
from innet.ir.interpret import PacketBuffer, State, run
from innet.ir.nodes import Mark, Op
from innet.simplify import tidy
from innet.simplify.tidy import tidied
from tests.symbolic.programs import Programs

PROGRAMS = settings.default.max_examples * 3
NAMES = ("a", "b", "c", "d")
FIELDS = (
    ir.Field(Mark.NET, 96, 16), ir.Field(Mark.NET, 112, 16), ir.Field(Mark.NET, 104, 16),
    ir.Field(Mark.TRANSPORT, 0, 16), ir.Field(Mark.TRANSPORT, -16, 16), ir.Field(Mark.ANNOTATION, 96, 16),
)  # fmt: skip
"""Some of them lie where others do."""


class Small:
    """Programs of copies: few variables and fields, each bound, read and written again and again."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def program(self) -> ir.Program:
        first = tuple(ir.Let(ir.Var(name, 16), self.rng.choice(FIELDS)) for name in NAMES)
        return check(ir.Program("s", 0, 2, (*first, *self.block(8, 2), ir.Emit(0))))

    def block(self, size: int, depth: int) -> ir.Block:
        return tuple(self.stmt(depth) for _ in range(size))

    def stmt(self, depth: int) -> ir.Stmt:
        rng, kind = self.rng, self.rng.random()
        if kind < 0.4:
            return ir.Let(self.var(), rng.choice((self.var(), self.value(3), rng.choice(FIELDS))))
        if kind < 0.7:
            return ir.Assign(rng.choice(FIELDS), rng.choice((self.var(), self.var(), self.value(3))))
        if kind < 0.75:
            return ir.SetMark(Mark.TRANSPORT, Mark.NET, rng.choice((0, 12, 14, 20)))
        if kind < 0.8:
            return ir.Adjust(rng.choice(FIELDS), self.var(), self.value(2))
        if not depth:
            return ir.Let(self.var(), self.var())
        condition = ir.Binary(
            rng.choice((Op.EQ, Op.LT, Op.LE)), self.var(), rng.choice((self.var(), self.value(1)))
        )
        then = self.block(3, depth - 1)
        if rng.random() < 0.2:
            then = (*then, ir.Emit(1))
        return ir.Branch(condition, then, self.block(rng.randrange(3), depth - 1))

    def var(self) -> ir.Var:
        return ir.Var(self.rng.choice(NAMES), 16)

    def value(self, depth: int) -> ir.Expr:
        rng, kind = self.rng, self.rng.random()
        if not depth or kind < 0.2:
            return rng.choice((self.var(), ir.Const(rng.choice((0, 1, 0xFFFF)), 16)))
        if kind < 0.35:
            return ir.Not(self.value(depth - 1))
        if kind < 0.4:
            one = self.value(depth - 1)
            return ir.Binary(Op.ONES, one, ir.Not(one))
        if kind < 0.55:
            wide = ir.Cast(self.var(), rng.choice((16, 20, 32)))
            shifted = ir.Binary(
                Op.SHR, rng.choice((wide, ir.Not(wide))), ir.Const(rng.choice((0, 4, 16)), wide.width)
            )
            return ir.Cast(rng.choice((shifted, ir.Not(wide), wide)), 16)
        op = rng.choice((Op.ONES, Op.ONES, Op.ONES, Op.ADD, Op.SUB, Op.MUL, Op.AND, Op.OR, Op.XOR))
        return ir.Binary(op, self.value(depth - 1), self.value(depth - 1))


def packet(rng: Random) -> PacketBuffer:
    """Bytes that are often the same, with marks."""
    one = PacketBuffer(
        bytes(rng.choice((0, 0, 1, 0xFF, rng.randrange(256))) for _ in range(rng.choice((30, 48, 60))))
    )
    one.marks |= {Mark.MAC: 0, Mark.NET: 14, Mark.TRANSPORT: rng.choice((14, 26, 34))}
    return one


def outcome(program: ir.Program, one: PacketBuffer) -> object:
    state = State()
    found = run(program, one, state)
    copies = [(port, bytes(c.bytes), c.marks, bytes(c.annotations)) for port, c in found.copies]
    return found.verdict, bytes(one.bytes), one.marks, bytes(one.annotations), copies, state.statistics


def differs(programs: int) -> str:
    """The first program that does something else when it is tidied, with what becomes of it; empty if none does."""
    for seed in range(programs):
        rng = Random(seed)
        program = Small(rng).program() if seed % 3 else Programs(rng).program(12)
        less = check(tidied(program))
        for _ in range(3):
            one = packet(rng)
            if outcome(program, one.copy()) != outcome(less, one):
                return f"{dump(program)}\n{dump(less)}"
    return ""


def test_tidied_programs_do_the_same() -> None:
    assert differs(PROGRAMS) == ""


def test_tidied_programs_are_shorter() -> None:
    program = Small(Random(1)).program()
    assert len(dump(tidied(program))) < len(dump(program))
    assert tidied(tidied(program)) == tidied(program)


FAULTS: dict[str, tuple[object, str, Callable[..., object]]] = {
    "fields counted from other marks lie elsewhere": (
        tidy, "overlap", lambda a, b: a.mark is b.mark and a.bit < b.bit + b.width and b.bit < a.bit + a.width
    ),
    "fields overlap only if they are the same": (tidy, "overlap", lambda a, b: a == b),
    "copies outlive what they are copies of": (tidy._Values, "bound", lambda self, *variables: None),
    "what one side knows holds after it": (
        tidy._Values, "meet", lambda self, sides: self.__dict__.update(vars(sides[0]))
    ),
    "any two numbers are complements": (tidy, "complements", lambda a, b: isinstance(a, ir.Not)),
    "zero is as good as 0xffff": (tidy, "ALL_ONES", ir.Const(0, 16)),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*FAULTS[name])
    assert differs(PROGRAMS) != ""


def test_what_was_written_where_nothing_is_reads_as_zero() -> None:
    there, var, read = ir.Field(Mark.NET, 160, 32), ir.Var("a", 32), ir.Var("b", 32)
    body = (
        ir.Let(var, ir.Field(Mark.NET, 96, 32)),
        ir.Assign(there, var),
        ir.Let(read, there),
        ir.Branch(ir.Binary(Op.EQ, read, ir.Const(0, 32)), (ir.Drop("short"),), ()),
        ir.Emit(0),
    )
    program = check(ir.Program("s", 0, 1, body))
    for size in (34, 37, 38):
        one = PacketBuffer(bytes(range(1, size + 1)))
        one.marks |= {Mark.MAC: 0, Mark.NET: 14}
        assert outcome(check(tidied(program)), one.copy()) == outcome(program, one)
