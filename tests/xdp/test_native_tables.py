"""Native tables hold what the interpreter's do, whatever is done to them, however full they are."""

import random

import pytest

from innet import ir
from innet.ir.check import check
from innet.ir.interpret import Entry, State
from innet.ir.nodes import Mark, Op
from innet.xdp.graph import Graph, Input
from innet.xdp.layout import table_layout
from innet.xdp.native import NativeGraph
from innet.xdp.native_prefix import ranges
from innet.xdp.target import Leave
from tests.xdp.differential import DIVERTED, bare, ipv4, udp
from tests.xdp.graphs import chain, element, single
from tests.xdp.native import agree, compare, machine_code, reference

SECOND = 1_000_000_000


def at(byte: int, bits: int = 8) -> ir.Field:
    """A field of the packet's bytes as they come."""
    return ir.Field(Mark.DATA, byte * 8, bits)


def program(table: ir.Table) -> ir.Program:
    """Byte 0 says what to do to the entry of the key in bytes 1 to 3; then the entry of bytes 4 to 6 is looked up, and
    what was found written into the packet."""
    key, other = (at(1), at(2, 16)), (at(4), at(5, 16))
    values, idle, ok = (at(7, 32), at(11)), ir.Cast(at(12), 32), ir.Var("ok", 1)
    reply = None if table.kind is ir.TableKind.EXACT else (other, (at(8, 32), at(13)))
    do: dict[int, tuple[ir.Stmt, ...]] = {
        0: (ir.Insert(table, key, values, ok, idle, reply), ir.Assign(at(14), ir.Cast(ir.Var("ok", 1), 8))),
        1: (ir.Delete(table, key),),
        2: (ir.Update(table, key, values, idle),),
    }
    body: list[ir.Stmt] = [
        ir.Branch(ir.Binary(Op.EQ, at(0), ir.Const(n, 8)), block) for n, block in do.items()
    ]
    found = (ir.Var("a", 32), ir.Var("b", 8))
    body += [
        ir.Lookup(table, other, found, ir.Var("found", 1)),
        ir.Assign(at(15, 32), found[0]),
        ir.Assign(at(19), found[1]),
        ir.Assign(at(20), ir.Cast(ir.Var("found", 1), 8)),
        ir.Emit(0),
    ]
    return check(ir.Program("e", 0, 1, tuple(body)))


@pytest.mark.parametrize("guarantee_s", [None, 0, 4])
@pytest.mark.parametrize("capacity", [1, 2, 7, 64])
@pytest.mark.parametrize("kind", [ir.TableKind.EXACT, ir.TableKind.PAIRED])
def test_anything_done_to_a_table(kind: ir.TableKind, capacity: int, guarantee_s: int | None) -> None:
    """Few keys, so that they meet; idle times of some seconds; several packets at one time, so that there are ties."""
    r = random.Random(f"{kind} {capacity} {guarantee_s}")
    table = ir.Table("t", (8, 16), (32, 8), capacity, kind, guarantee_s=guarantee_s)

    def key() -> bytes:
        return bytes([r.randrange(4), 0, r.randrange(max(2, capacity))])

    packets = [
        bytes([r.choice((0, 0, 0, 1, 2, 3))])
        + key()
        + key()
        + r.randbytes(5)
        + bytes([r.randrange(9), 1])
        + bytes(8)
        for _ in range(2000)
    ]
    graph = single(program(table))
    with machine_code(graph) as native:
        interpreter = reference(native)
        for step_ns in (0, SECOND // 3, SECOND // 2 + 1):
            agree(native, interpreter, packets, step_ns)
        refused = sum(frame.data[14] == 0 for frame in native.run(packets, 10**15) if frame.data[0] == 0)
    if guarantee_s == 0:
        assert refused == 0
    elif capacity < 64:
        assert refused > 0


def test_a_large_table_fills_up_and_empties() -> None:
    """Every place of the index is used, and used again."""
    table = ir.Table("t", (32,), (16,), 3000)
    insert = ir.Insert(table, (at(1, 32),), (at(3, 16),), ir.Var("ok", 1), ir.Const(9, 32))
    body = (
        ir.Branch(ir.Binary(Op.EQ, at(0), ir.Const(0, 8)), (insert,), (ir.Delete(table, (at(1, 32),)),)),
        ir.Emit(0),
    )
    r = random.Random(1)
    packets = [
        bytes([r.random() < 0.3]) + r.randrange(9000).to_bytes(4, "big") + b"more" for _ in range(12_000)
    ]
    native = compare(single(check(ir.Program("e", 0, 1, body))), packets, step_ns=1)
    assert native.emitted.slow == ()


@pytest.mark.parametrize("width", [8, 16, 32, 64, 128])
def test_the_longest_prefix_is_found(width: int) -> None:
    """Prefixes inside each other, the same ones twice, the whole and single addresses."""
    r = random.Random(width)
    entries = []
    for n in range(200):
        length = r.choice((0, width, r.randrange(width + 1)))
        base = r.choice(entries)[0] if entries and r.random() < 0.5 else r.getrandbits(width)
        entries.append((base >> (width - length) << (width - length), length, (n,)))
    for some in (entries, entries[1:20], []):
        key = (64, 64) if width == 128 else (width,)
        table = ir.Table("routes", key, (16,), kind=ir.TableKind.PREFIX, entries=tuple(some))
        found = ir.Var("found", 1)
        body = (
            ir.Lookup(table, tuple(at(8 * n, w) for n, w in enumerate(key)), (ir.Var("v", 16),), found),
            ir.Assign(at(8, 16), ir.Var("v", 16)),
            ir.Assign(at(10), ir.Cast(found, 8)),
            ir.Emit(0),
        )
        edges = [p + d for p, _, _ in entries for d in (-1, 0, 1)] + [
            r.getrandbits(width) for _ in range(200)
        ]
        packets = [(one % (1 << width)).to_bytes(width // 8, "big") + bytes(12) for one in edges]
        compare(single(check(ir.Program("e", 0, 1, body))), packets)


def test_ranges_of_prefixes() -> None:
    table = ir.Table("t", (8,), (8,), kind=ir.TableKind.PREFIX, entries=((0x40, 2, (1,)), (0x48, 5, (2,))))
    assert ranges(table) == ([0, 0x40, 0x48, 0x50, 0x80], [0, 1, 2, 1, 0], [(1,), (2,)])


@pytest.mark.parametrize("pattern", ["1024-2000#", "1024-2000?", "1024-1030"])
def test_a_port_search_tries_every_value(pattern: str) -> None:
    """More flows than ports: the last ones are found by trying almost all, then there is none."""
    packets = [ipv4(udp(sport, 53)) for sport in range(10_000, 11_100)]
    rewriter = chain("CheckIPHeader", f"IPRewriter(pattern 192.0.2.1 {pattern} - - 0 0)")
    with machine_code(rewriter) as native:
        agree(native, reference(native), packets, step_ns=1000)
        assert native.drops["IPRewriter@1", "no free port or address"] > 0


def test_what_is_remembered_moves_between_the_interpreter_and_machine_code() -> None:
    """Packets in turn through both, with the same state: the same as through one of them."""
    rewriter = element("IPRewriter(pattern 192.0.2.1 1500-1700? - - 0 1)")
    graph = Graph(
        {
            Input("check", 0): element("CheckIPHeader").trace(0, 1, "check"),
            Input("nat", 0): rewriter.trace(0, 2, "nat"),
        },
        Input("check", 0),
        {("check", 0): Input("nat", 0), ("nat", 0): Leave(100), ("nat", 1): Leave(101)},
    )
    packets = bare(11, 600)
    with NativeGraph(graph, DIVERTED) as first, NativeGraph(graph, DIVERTED) as second:
        whole, half = reference(first), reference(first)
        expected = [whole.run(frame) for frame in packets]
        got = [(left.code, left.data) for left in first.run(packets[:200])]
        first.save(half.state)
        got += [(one.verdict, one.data) for one in map(half.run, packets[200:400])]
        second.load(half.state)
        got += [(left.code, left.data) for left in second.run(packets[400:])]
        assert got == [(one.verdict, one.data) for one in expected]
        last = State()
        second.save(last)
    assert {k: t.rows for k, t in last.tables.items()} == {k: t.rows for k, t in whole.state.tables.items()}
    assert last.counters == {**dict.fromkeys(last.counters, 0), **whole.state.counters}
    assert last.random.getstate() == whole.state.random.getstate()


def test_more_than_a_table_takes_is_not_loaded() -> None:
    table = ir.Table("t", (8, 16), (32, 8), 4)
    rows = {(n, 0): Entry((n, 0), None, 0, SECOND) for n in range(9)}
    state = State()
    state.table("e", table).rows = rows
    with machine_code(single(program(table))) as native:
        with pytest.raises(ValueError, match="table t takes 4 entries"):
            native.load(state)
        state.table("e", table).rows = {(1, 2): Entry((1, 2), None, 0, 1)}
        with pytest.raises(ValueError, match="1 ns"):
            native.load(state)
    assert table_layout(table).key.size == 8
