"""Runs a graph by the reference interpreter and as machine code, and compares all there is to see."""

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from innet import ir
from innet.ir.interpret import PacketBuffer, State
from innet.ir.nodes import Mark
from innet.xdp.graph import Graph, Input
from innet.xdp.layout import Use
from innet.xdp.native import Batch, Left, NativeGraph, place
from innet.xdp.native_target import Native
from innet.xdp.target import Leave
from tests.backends.walk import Arrival, Walker
from tests.xdp.differential import DIVERTED, Expected, Reference, statements

STEP_NS = 37_000_000_007
"""Between two packets: entries of most tables expire in a test's time."""


@contextmanager
def machine_code(graph: Graph) -> Iterator[NativeGraph]:
    """`graph` compiled, with everything that can be taken."""
    with NativeGraph(graph, DIVERTED) as native:
        yield native


class Interpreter(Reference):
    """The graph, run by the interpreter with all copies, each followed to its end before the next."""

    def leaves(self, frame: bytes) -> list[Expected]:
        """What becomes of a packet and its copies, in order, those left out that were dropped."""
        walker = Walker(self.graph, self.slow, self.state, drops=self.drops)
        return [e for one in walker.walk(PacketBuffer(frame)) if (e := expected(one)) is not None]


def expected(one: Arrival) -> Expected | None:
    """What a program must say of a packet that arrived; nothing if it was dropped."""
    if isinstance(one.way, Leave):
        return Expected(one.way.code, one.packet.data)
    return None if one.way is None else Expected(DIVERTED.code, b"", one.way, one.packet)


def reference(native: NativeGraph) -> Interpreter:
    """The interpreter for the same graph, from the same start."""
    return Interpreter(native.graph, frozenset(Input(s.element, s.port) for s in native.emitted.slow))


def run_timed(native: NativeGraph, frames: Sequence[bytes], step_ns: int) -> list[list[Left]]:
    """What becomes of each frame if they come `step_ns` after each other, the first at `step_ns`."""
    return run_at(native, frames, [step_ns * (n + 1) for n in range(len(frames))])


def run_at(native: NativeGraph, frames: Sequence[bytes], times_ns: Sequence[int]) -> list[list[Left]]:
    """What becomes of frames that come at their times."""
    arena = native.leaves * (sum(map(len, frames)) + len(frames) * 256) + native.room
    batch = Batch(len(frames), arena, native.leaves * (len(frames) + 1))
    given = place(frames, batch)
    batch.times[: len(frames)] = times_ns
    out: list[list[Left]] = [[] for _ in frames]
    done = 0
    while done < len(frames):
        done = native.run_batch(batch, ctypes.addressof(given), len(frames), done, timed=True)
        for n in range(batch.made):
            left = native.left(batch, n)
            out[left.number].append(left)
    return out


def compare(graph: Graph, frames: Sequence[bytes], step_ns: int = STEP_NS) -> NativeGraph:
    """Every frame fares the same as by the interpreter; so do numbers, random numbers and tables at the end, to the
    nanosecond."""
    with machine_code(graph) as native:
        agree(native, reference(native), frames, step_ns)
    return native


def agree(native: NativeGraph, expect: Interpreter, frames: Sequence[bytes], step_ns: int = STEP_NS) -> None:
    """The same for a graph that is there."""
    now = 0
    expect.state.clock = lambda: now
    for n, (frame, left) in enumerate(zip(frames, run_timed(native, frames, step_ns), strict=True)):
        now = step_ns * (n + 1)
        about = f"frame {n} ({len(frame)} bytes): {frame[:100].hex()}"
        same_left([one for one in left if one.code != Native.drop], expect.leaves(frame), about)
    same_state(native, expect.state, expect.drops)


def same_left(got: Sequence[Left], expected: Sequence[Expected], about: str) -> None:
    """What left is what had to leave, in this order."""
    assert [one.code for one in got] == [one.verdict for one in expected], about
    for mine, other in zip(got, expected, strict=True):
        if other.packet is not None:
            same_packet(mine, other, about)
        else:
            assert mine.data.hex() == other.data.hex(), about


def same_state(native: NativeGraph, state: State, drops: Mapping[tuple[str, str], int]) -> None:
    """Drops, statistics, counters, tables and random numbers are those of the interpreter."""
    assert native.drops == drops
    for (use, owner, name), number in native.numbers().items():
        if use is Use.STATISTIC:
            assert number == state.statistics.get((owner, name), 0), (owner, name)
        elif use is Use.COUNTER:
            assert number == state.counters.get((owner, name), first(native.graph, name)), (owner, name)
    for key, table in native.tables.items():
        held = state.tables.get(key)
        assert table.rows() == ({} if held is None else held.rows)
        assert len(table) == len(table.rows())
    mine_state = State()
    native.save(mine_state)
    assert mine_state.random.getstate() == state.random.getstate()


def first(graph: Graph, name: str) -> int:
    """Where the counter called so starts."""
    for program in graph.programs.values():
        for stmt in statements(program.body):
            if isinstance(stmt, ir.Next) and stmt.counter.name == name:
                return stmt.counter.first
    return 0


def same_packet(got: Left, expected: Expected, about: str) -> None:
    """A packet that is handed over has its marks, its annotations and its bytes, also those before DATA."""
    mine, other = got.packet, expected.packet
    assert mine is not None, about
    assert other is not None
    assert got.region == expected.region, about
    assert mine.data == other.data, about
    assert mine.annotations == other.annotations, about
    base, start = mine.marks[Mark.DATA], other.marks[Mark.DATA]
    assert {m: at - base for m, at in mine.marks.items()} == {
        m: at - start for m, at in other.marks.items()
    }, about
    before = min(base, start)
    assert mine.bytes[base - before : base] == other.bytes[start - before : start], about
