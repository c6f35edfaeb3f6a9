"""Tables of the kernel in the interpreter's terms: what one side writes, the other finds."""

from collections.abc import Iterator
from contextlib import ExitStack
from random import Random

import pytest

from innet import ir
from innet.dataplane.base import _clock_program
from innet.dataplane.sharedtables import SharedTable, kernel_clock
from innet.ir.check import check
from innet.ir.interpret import NS, PacketBuffer, State, TableState
from innet.ir.nodes import Mark, Op, TableKind
from innet.xdp import handover
from innet.xdp.compile import Compiler
from innet.xdp.graph import Graph, Input
from innet.xdp.layout import map_spec, table_layout
from innet.xdp.maps import Map
from innet.xdp.target import Leave, Xdp
from tests.backends.walk import Walker
from tests.xdp.differential import DIVERTED, load
from tests.xdp.graphs import element

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


# ---- one element in two places


LAST = ir.Field(Mark.DATA, 16, 8)
TIES = ir.Table("ties", (8,), (8,), capacity=64, kind=TableKind.PAIRED)
PAIRS: ir.Block = (
    ir.Lookup(TIES, (FIRST,), (VALUE,), FOUND),
    ir.Branch(ir.Binary(Op.LT, ir.Const(200, 8), LAST), (ir.Delete(TIES, (SECOND,)), ir.Drop("untied"))),
    ir.Branch(ir.Not(FOUND), (ir.Copy(1),)),
    ir.Insert(TIES, (FIRST,), (LAST,), OK, ir.Const(60, 32), ((SECOND,), (VALUE,))),
    ir.Assign(LAST, VALUE),
    ir.Emit(0),
)
"""Ties the first byte to the second one; copies packets whose first byte was not tied before."""


def by_last_byte() -> ir.Program:
    """Packets go to input 0, 1 or 2 of what follows."""
    at = ir.Field(Mark.DATA, 8 * 59, 8)
    body: ir.Block = (ir.Emit(0),)
    for port in (1, 2):
        body = (ir.Branch(ir.Binary(Op.EQ, at, ir.Const(port, 8)), (ir.Emit(port),), body),)
    return check(ir.Program("way", 0, 3, body))


def switch() -> Graph:
    programs = {Input("e", port): element("EtherSwitch").trace(port, 3, "e", 3) for port in range(3)}
    ways = {("way", port): Input("e", port) for port in range(3)}
    leaves = {("e", port): Leave(40 + port) for port in range(3)}
    return Graph({Input("way", 0): by_last_byte(), **programs}, Input("way", 0), {**ways, **leaves})


def pairs() -> Graph:
    at = Input("e", 0)
    return Graph({at: check(ir.Program("e", 0, 2, PAIRS))}, at, {("e", 0): Leave(40), ("e", 1): Leave(41)})


def some_frames(count: int) -> Iterator[bytes]:
    """Between few hosts, by three ways."""
    random = Random(3)
    for _ in range(count):
        to, by = (bytes([random.choice((2, 2, 2, 3)), 0, 0, 0, 0, random.randrange(9)]) for _ in range(2))
        start = random.choice((to, bytes([random.randrange(9), random.randrange(9), random.randrange(256)])))
        yield (start + (to + by)[len(start) :]).ljust(59, b".") + bytes([random.randrange(3)])


def ticks() -> int:
    """The kernel's clock."""
    with _clock_program(32) as high, _clock_program(0) as low:
        return high.verdicts(bytes(64))() << 32 | low.verdicts(bytes(64))()


@pytest.mark.parametrize("graph", [switch(), pairs()], ids=["EtherSwitch", "pairs"])
def test_kernel_and_agent_together_do_what_the_interpreter_does(graph: Graph, compiler: Compiler) -> None:
    """Packet by packet, whoever takes them; and the table is the same at the end."""
    loaded = load(graph, compiler)
    ((owner, symbol),) = loaded.emitted.tables.items()
    with loaded.installed as installed:
        held, now = installed.maps[symbol], ticks()
        table = SharedTable(loaded.emitted.layouts[symbol], lambda: held, lambda: now, HZ)
        whole = Walker(graph, frozenset())
        agent = Walker(graph, frozenset(), State({owner: table}))
        handed = 0
        for frame in some_frames(400):
            wanted = [
                (one.way.code, one.packet.data)
                for one in whole.walk(PacketBuffer(frame))
                if isinstance(one.way, Leave)
            ]
            done = installed.program.run(frame)
            given = handover.read(done.frame) if done.verdict == DIVERTED.code else None
            if given is None:
                assert wanted == ([] if done.verdict == Xdp.drop else [(done.verdict, done.frame)])
                continue
            handed += 1
            arrivals = agent.walk(given.packet, loaded.emitted.regions[given.region])
            assert [
                (one.way.code, one.packet.data) for one in arrivals if isinstance(one.way, Leave)
            ] == wanted
        assert 20 < handed < 380
        rows = {key: (entry.values, entry.partner) for key, entry in table.entries().items()}
        wanted_rows = whole.state.tables[owner].rows.items()
        assert rows == {key: (entry.values, entry.partner) for key, entry in wanted_rows}
