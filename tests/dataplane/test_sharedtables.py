"""Tables of the kernel in the interpreter's terms: what one side writes, the other finds."""

from collections.abc import Iterator
from contextlib import ExitStack
from random import Random

import pytest

from innet import ir
from innet.dataplane.sharedtables import SharedTable, kernel_clock
from innet.ir.check import check
from innet.ir.interpret import NS, TableState
from innet.ir.nodes import Mark, TableKind
from innet.xdp.compile import Compiler
from innet.xdp.emit import Graph, Input
from innet.xdp.layout import map_spec, table_layout
from innet.xdp.maps import Map
from innet.xdp.target import Leave
from tests.xdp.differential import DIVERTED, load

pytestmark = pytest.mark.kernel

HZ = 250
FOREVER_NS = ((1 << 32) - 1) * NS
EXACT = ir.Table("exact", (16, 8), (64, 8), capacity=64)
PAIRED = ir.Table("paired", (16, 8), (64, 8), capacity=64, kind=TableKind.PAIRED)


class Clock:
    """Jiffies, as a test wants them."""

    def __init__(self) -> None:
        self.now = 1 << 33

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def shared(table: ir.Table, stack: ExitStack, clock: Clock) -> SharedTable:
    layout = table_layout(table)
    held = stack.enter_context(Map(map_spec("t", layout)))
    return SharedTable(layout, lambda: held, clock, HZ)


@pytest.mark.parametrize("table", [EXACT, PAIRED], ids=lambda t: t.name)
def test_it_is_a_table_like_the_interpreters(table: ir.Table, stack: ExitStack) -> None:
    random, clock = Random(7), Clock()
    ours, theirs = shared(table, stack, clock), TableState(table)
    time = kernel_clock(clock, HZ)

    def key() -> tuple[int, ...]:
        return random.choice((0, 1, 65535)), random.randrange(5)

    for _ in range(2000):
        clock.now += random.randrange(3)
        one, values, idle_ns = key(), (random.getrandbits(64), random.getrandbits(8)), 10_000 * NS
        match random.randrange(12):
            case 0 | 1 | 2:
                ours.delete(one)
                theirs.delete(one)
            case 3 | 4 | 5 if table is EXACT:
                ours.update(one, values, time(), idle_ns)
                theirs.update(one, values, time(), idle_ns)
            case 6:
                assert ours.entry(one) == theirs.entry(one)
            case 7 if random.random() < 0.1:
                ours.clear()
                theirs.clear()
            case _:
                other = (key(), (random.getrandbits(64), 1)) if table is PAIRED else None
                done = [t.insert(one, values, other, time(), idle_ns) for t in (ours, theirs)]
                assert done == [True, True]
        assert ours.get(one) == theirs.get(one)
        assert ours.entries() == theirs.entries()


def test_what_was_idle_for_too_long_is_not_found(stack: ExitStack) -> None:
    clock = Clock()
    table = shared(EXACT, stack, clock)
    table.insert((1, 1), (5, 5), None, 0, 2 * NS)
    clock.now += 2 * HZ - 1
    assert table.get((1, 1)) == (5, 5)
    clock.now += 1
    assert (table.get((1, 1)), table.entries()) == (None, {})
    assert table.insert((1, 1), (6, 6), None, 0, 2 * NS)
    assert table.get((1, 1)) == (6, 6)


@pytest.mark.parametrize(("table", "entries"), [(EXACT, 64), (PAIRED, 128)], ids=["exact", "paired"])
def test_a_full_table_refuses(table: ir.Table, entries: int, stack: ExitStack) -> None:
    ours = shared(table, stack, Clock())
    added = []
    for n in range(entries + 5):
        reply = ((n, 1), (n, 1)) if table is PAIRED else None
        added.append(ours.insert((n, 0), (n, 0), reply, 0, NS))
    assert added == [n < 64 for n in range(entries + 5)]
    assert len(ours.entries()) == entries
    assert ours.insert((0, 0), (9, 9), ((0, 1), (0, 0)) if table is PAIRED else None, 0, NS)


def test_half_a_pair_is_no_harm(stack: ExitStack) -> None:
    """A full map may have forgotten one half, or somebody else removed it at the same time."""
    ours = shared(PAIRED, stack, Clock())
    ours.insert((1, 0), (1, 1), ((2, 0), (2, 2)), 0, NS)
    held = ours.find()
    assert held is not None
    held.delete(ours.layout.key.pack((2, 0)))
    assert ours.get((1, 0)) == (1, 1)
    ours.delete((1, 0))
    assert ours.entries() == {}


def test_without_a_map_it_is_empty_and_has_no_room() -> None:
    """A module that does not run has none."""
    table = SharedTable(table_layout(EXACT), lambda: None, Clock(), HZ)
    assert not table.insert((1, 1), (5, 5), None, 0, NS)
    table.update((1, 1), (5, 5), 0, NS)
    table.delete((1, 1))
    table.clear()
    assert (table.get((1, 1)), table.entry((1, 1)), table.entries()) == (None, None, {})


FIRST, SECOND = ir.Field(Mark.DATA, 0, 8), ir.Field(Mark.DATA, 8, 8)
SEEN = ir.Table("seen", (8,), (8, 64), capacity=64)
FOUND, VALUE, TIME, NOW, OK = (ir.Var(n, w) for n, w in (("f", 1), ("v", 8), ("t", 64), ("n", 64), ("o", 1)))
BODY: ir.Block = (
    ir.Lookup(SEEN, (FIRST,), (VALUE, TIME), FOUND),
    ir.Branch(ir.Not(FOUND), (ir.Hold(),)),
    ir.Now(NOW),
    ir.Insert(SEEN, (SECOND,), (ir.Const(7, 8), NOW), OK, ir.Const(60, 32)),
    ir.Assign(ir.Field(Mark.DATA, 16, 8), VALUE),
    ir.Emit(0),
)
"""Keeps packets whose first byte is not known; of the others it learns the second byte."""


def test_agent_and_kernel_find_what_the_other_wrote(compiler: Compiler) -> None:
    at = Input("e", 0)
    graph = Graph({at: check(ir.Program("e", 0, 1, BODY))}, at, {("e", 0): Leave(2)})
    loaded = load(graph, compiler)
    with loaded.installed as installed:
        assert [one.what for one in loaded.emitted.divided] == ["Hold"]
        symbol = loaded.emitted.tables["e", "seen"]
        layout, held = loaded.emitted.layouts[symbol], installed.maps[symbol]
        table = SharedTable(layout, lambda: held, lambda: 0, HZ)
        one = bytes([1, 2]) + bytes(60)
        assert installed.program.run(one).verdict == DIVERTED.code
        assert table.insert((1,), (5, 0), None, 0, FOREVER_NS)
        done = installed.program.run(one)
        assert (done.verdict, done.frame[:3]) == (2, bytes([1, 2, 5]))
        learnt = table.get((2,))
        assert learnt is not None
        assert (learnt[0], learnt[1] > 0) == (7, True)
        table.delete((1,))
        assert installed.program.run(one).verdict == DIVERTED.code
        assert installed.program.run(bytes([2, 3]) + bytes(60)).verdict == 2
