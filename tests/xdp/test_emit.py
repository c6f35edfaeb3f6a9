"""What the emitter makes of single statements and of graphs."""

from ipaddress import IPv6Address

import pytest

from innet import ir
from innet.ir.check import check
from innet.ir.nodes import Mark
from innet.ir.trace import ChecksumEffect, Packet
from innet.xdp import handover
from innet.xdp.compile import Compiler
from innet.xdp.emit import Emitted, emit
from innet.xdp.graph import Graph, Input
from innet.xdp.target import Leave, Xdp
from innet.xdp.tcx import SchedCls
from tests.xdp.differential import DIVERTED, bare, compare, ipv4, load, udp
from tests.xdp.graphs import chain, single

SLOW = Leave(32)


def traced(p: Packet) -> ir.Program:
    return check(ir.Program(p.scope, 0, p.outputs, p.finish()))


def emitted(p: Packet) -> Emitted:
    return emit(single(traced(p)), Xdp(), SLOW)


def test_constant_header_positions_need_one_comparison() -> None:
    p = Packet("e", checksum=ChecksumEffect.INCREMENTAL)
    with p.when(~p.present(Mark.DATA, 0, 34)):
        p.drop("short")
    p.set_mark(Mark.NET, Mark.DATA, 14)
    p.ip.src, p.ip.dst = p.ip.dst, p.ip.src
    p.emit(0)
    assert emitted(p).llvm.count("icmp ule ptr") == 1


def test_a_test_whose_answer_is_known_makes_no_branch() -> None:
    p = Packet("e")
    with p.when(p.length < 14):
        p.drop("no Ethernet frame: the kernel hands over none")
    p.emit(0)
    assert "no Ethernet" not in str(emitted(p).numbers)


def test_an_absent_byte_is_zero_and_an_assignment_to_it_nothing(compiler: Compiler) -> None:
    p = Packet("e", outputs=2)
    p.set_raw(Mark.DATA, 40, 2, 0xFFFF)
    with p.when(p.raw(Mark.DATA, 60, 4) == 0):
        p.emit(1)
    p.emit(0)
    compare(single(traced(p)), compiler, bare(1, 200))


def test_padding_is_zero(compiler: Compiler) -> None:
    p = Packet("e")
    p.set_mark(Mark.END, Mark.DATA, 40)
    p.set_mark(Mark.END, Mark.END, 9)
    p.emit(0)
    compare(single(traced(p)), compiler, bare(2, 100))


def test_room_in_front_is_zero_however_much_it_is(compiler: Compiler) -> None:
    """What the kernel has no room for it says when a packet comes, not the compiler when a module does."""
    compare(chain("Unstrip(200)", "Strip(8)", outputs=1), compiler, bare(3, 100))
    loaded = load(chain("Unstrip(1500)"), compiler)
    loaded.installed.close()
    assert loaded.emitted.slow == ()


def test_a_prefix_table_finds_the_longest(compiler: Compiler) -> None:
    entries = ((0, 0, (9,)), (0x0A000000, 8, (1,)), (0x0A000001, 32, (2,)), (0xAC100000, 12, (3,)))
    table = ir.Table("routes", (32,), (8,), kind=ir.TableKind.PREFIX, entries=entries)
    p = Packet("e")
    p.set_mark(Mark.NET, Mark.DATA)
    found, (port,) = p.lookup(table, (p.ip.dst,))
    with p.when(~found):
        p.drop("no route")
    p.ip.tos = port
    p.emit(0)
    compare(single(traced(p)), compiler, bare(4, 200))


def test_a_prefix_table_finds_addresses_of_128_bits(compiler: Compiler) -> None:
    rows = (
        ("::", 0, 9),
        ("4500::", 8, 1),
        ("4500:14::", 32, 4),
        ("2001:db8::", 32, 2),
        ("2001:db8::ff00:0", 104, 3),
    )
    entries = tuple((int(IPv6Address(a)), n, (v,)) for a, n, v in rows)
    table = ir.Table("routes", (64, 64), (8,), kind=ir.TableKind.PREFIX, entries=entries)
    p = Packet("e")
    found, (port,) = p.lookup(table, (p.raw(Mark.DATA, 0, 8), p.raw(Mark.DATA, 8, 8)))
    with p.when(~found):
        p.drop("no route")
    p.set_raw(Mark.DATA, 16, 1, port)
    p.emit(0)
    edges = [
        a + d & (1 << 128) - 1 for a, n, _ in entries for d in (-1, 0, 1, (1 << 128 - n) - 1, 1 << 128 - n)
    ]
    compare(single(traced(p)), compiler, [*bare(4, 100), *(e.to_bytes(16, "big") + bytes(32) for e in edges)])


def test_numbers_go_round(compiler: Compiler) -> None:
    p = Packet("e")
    p.set_raw(Mark.DATA, 0, 2, p.next(ir.Counter("n", 16, first=0xFFFE)))
    p.set_raw(Mark.DATA, 2, 1, p.next(ir.Counter("w", 8, wrap=3)))
    p.emit(0)
    compare(single(traced(p)), compiler, bare(4, 20))


def test_an_entry_is_forgotten_after_its_idle_time(compiler: Compiler) -> None:
    """Idle for no second: gone at once; the interpreter may keep it, the kernel does not find it."""
    table = ir.Table("t", (8,), (8,))
    p = Packet("e", outputs=2)
    found, _ = p.lookup(table, (7,))
    with p.when(found):
        p.emit(1)
    p.insert(table, (7,), (1,), 0)
    p.emit(0)
    loaded = load(single(traced(p)), compiler)
    with loaded.installed as installed:
        assert [installed.program.run(bytes(60)).verdict for _ in range(3)] == [100, 100, 100]


def test_a_loop_in_the_graph_goes_to_the_slow_path() -> None:
    graph = chain("Null", "Null")
    ways = {**graph.connections, ("Null@1", 0): Input("Null@0", 0)}
    (slow,) = emit(Graph(graph.programs, graph.entry, ways), Xdp(), SLOW).slow
    assert (slow.element, slow.what) == ("Null@0", "loop")


def test_a_handed_over_packet_shows_its_marks(compiler: Compiler) -> None:
    loaded = load(chain("Strip(14)", "CheckIPHeader", "Paint(5)", "Queue"), compiler)
    packet = ipv4(udp(), options=bytes([1, 1, 1, 0]))
    with loaded.installed as installed:
        run = installed.program.run(bytes(14) + packet + b"padding")
    handed = handover.read(run.frame)
    assert run.verdict == DIVERTED.code
    assert handed is not None
    assert loaded.emitted.regions[handed.region] == Input("Queue@3", 0)
    assert handed.packet.data == packet
    assert handed.packet.marks[Mark.TRANSPORT] - handed.packet.marks[Mark.NET] == 24
    assert handed.packet.annotations[16] == 5


def test_tcx_loads_what_does_not_move_the_frames_ends(compiler: Compiler) -> None:
    graph = chain(
        "FromNetfront", "IPFilter(allow udp port 1500)", "StoreIPAddress(172.16.15.133, dst)", "ToNetfront"
    )
    found = emit(graph, SchedCls(), SLOW)
    assert found.slow == ()
    assert compiler.compile(found.llvm, found.section).length < 300


@pytest.mark.parametrize("statement", [ir.Copy(0), ir.Hold()])
def test_a_refusal_names_element_and_statement(statement: ir.Stmt) -> None:
    body: ir.Block = (statement,) if isinstance(statement, ir.Hold) else (statement, ir.Emit(0))
    (slow,) = emit(single(ir.Program("box", 0, 1, body)), Xdp(), SLOW).slow
    assert str(slow).startswith(f"box[0]: {type(statement).__name__}")
