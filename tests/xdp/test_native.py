"""Machine code for this processor does what the interpreter does: every element, random programs, every length."""

import ctypes
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from innet import ir
from innet.elements.base import Role
from innet.elements.build import build_one
from innet.elements.registry import everything
from innet.ir.check import check
from innet.ir.dump import dump
from innet.ir.nodes import Mark
from innet.xdp.graph import Graph, Input
from innet.xdp.native import Batch, NativeGraph, place
from innet.xdp.native_target import MAX_PACKET, Native
from innet.xdp.target import Leave, Redirect
from tests.xdp.differential import DIVERTED, bare, ethernet, frames, ipv4, tcp, udp
from tests.xdp.graphs import LEAVES, chain, element, single
from tests.xdp.native import agree, compare, reference
from tests.xdp.programs import Maker
from tests.xdp.test_every_element import CASES, outputs_of
from tests.xdp.test_spike_elements import FAST


def of_every_length(seed: int) -> list[bytes]:
    """What no kernel would hand over: frames shorter than their header, and IPv4 packets up to the longest."""
    r = random.Random(seed)
    short = [r.randbytes(n) for n in range(14)]
    whole = ethernet(ipv4(udp(), options=bytes([1, 1, 1, 0])))
    cut = [whole[:n] for n in range(len(whole))]
    long = [ethernet(ipv4(one)) for one in (udp(payload=r.randbytes(4500)), tcp(payload=r.randbytes(33_001)))]
    return [
        *short,
        *cut,
        *long,
        ethernet(ipv4(udp(payload=r.randbytes(MAX_PACKET - 42)))),
        r.randbytes(MAX_PACKET),
    ]


@pytest.mark.parametrize(("name", "example"), CASES, ids=[f"{n}({e})" for n, e in CASES])
def test_every_element_does_the_same(name: str, example: str) -> None:
    """With marks set by the device before it; then on what is left when the Ethernet header is stripped; then bare."""
    one = build_one(everything()[name], example)
    outputs = outputs_of(type(one))
    held = {"e": Leave(LEAVES + 50)} if one.ROLE is Role.EXIT else {}
    ends = {("e", k): Leave(LEAVES + k) for k in range(outputs)}
    program = one.trace(0, outputs, "e")
    start, strip = element("FromNetfront").trace(-1, 1, "in"), element("Strip(14)").trace(0, 1, "s")
    into, then = Input("in", -1), Input("e", 0)
    given = [*frames(21, 80), *of_every_length(5)]
    graphs = (
        Graph({into: start, then: program}, into, ends | {("in", 0): then}, held),
        Graph(
            {into: start, Input("s", 0): strip, then: program},
            into,
            ends | {("in", 0): Input("s", 0), ("s", 0): then},
            held,
        ),
        Graph({then: program}, then, ends, held),
    )
    for graph in graphs:
        native = compare(graph, given)
        given = given[:-4]
        assert all(slow.element == "e" for slow in native.emitted.slow)


@pytest.mark.parametrize("texts", FAST, ids=lambda t: " -> ".join(t))
def test_chains_do_the_same(texts: tuple[str, ...]) -> None:
    native = compare(chain(*texts), [*bare(7, 300), *(f[14:] for f in of_every_length(1) if len(f) > 14)])
    assert native.emitted.slow == ()


def test_a_packet_that_grows_without_end_is_given_up() -> None:
    """There is room for any packet that a device could send; the interpreter has room for more."""
    grow = ir.SetMark(Mark.END, Mark.END, 0, ir.Const(0xFFFF, 16))
    graph = single(check(ir.Program("e", 0, 1, (grow, grow, grow, ir.Emit(0)))))
    with NativeGraph(graph, DIVERTED) as native:
        assert [one.code for one in native.run([bytes(10), bytes(MAX_PACKET)])] == [Native.abort] * 2
    graph = single(check(ir.Program("e", 0, 1, (grow, grow, ir.Emit(0)))))
    compare(graph, [b"", b"12345", bytes(MAX_PACKET)])


@pytest.mark.parametrize(("text", "copies"), [("Null", 1), ("Tee(2)", 2)])
def test_a_longer_packet_than_there_is_is_given_up(text: str, copies: int) -> None:
    """In a batch, whose lengths may come from a file; the others go on."""
    packets = [b"abc", bytes(MAX_PACKET + 1), b"de"]
    with NativeGraph(chain(text, outputs=copies), DIVERTED) as native:
        batch = Batch(3, native.room + (1 << 20), 3 * native.leaves)
        given = place(packets, batch)
        assert native.run_batch(batch, ctypes.addressof(given), 3) == 3
        left = [native.left(batch, n) for n in range(batch.made)]
    assert [(one.number, one.data) for one in left] == [
        *[(0, b"abc")] * copies, (1, b""), *[(2, b"de")] * copies,
    ]  # fmt: skip
    assert left[copies].code == Native.abort


def test_time_goes_by_as_it_is_told() -> None:
    """At one moment, or as each packet came."""
    body = (ir.Now(ir.Var("t", 64)), ir.Assign(ir.Field(Mark.DATA, 0, 64), ir.Var("t", 64)), ir.Emit(0))
    graph = single(check(ir.Program("e", 0, 1, body)))
    compare(graph, [bytes(8)] * 5)
    with NativeGraph(graph, DIVERTED) as native:
        found = native.run([bytes(8)] * 2, now_ns=(1 << 64) - 1)
    assert [one.data for one in found] == [b"\xff" * 8] * 2


def test_random_numbers_are_those_of_the_seed() -> None:
    """Of all widths, from where the generator is, also past the end of its state."""
    body: list[ir.Stmt] = []
    for n, width in enumerate((1, 8, 16, 31, 32, 33, 48, 64)):
        var = ir.Var(f"r{n}", width)
        body += [ir.Random(var), ir.Assign(ir.Field(Mark.DATA, n * 64, width), var)]
    graph = single(check(ir.Program("e", 0, 1, (*body, ir.Emit(0)))))
    mine, other = random.Random(7), random.Random(7)
    other.getrandbits(32 * 600)
    mine.getrandbits(32 * 600)
    with NativeGraph(graph, DIVERTED, mine) as native:
        interpreter = reference(native)
        interpreter.state.random = other
        agree(native, interpreter, [bytes(64)] * 200)


def test_what_cannot_be_done_is_said() -> None:
    program = check(ir.Program("e", 0, 1, (ir.Emit(0),)))
    at = Input("e", 0)
    with pytest.raises(ValueError, match="no device 3"):
        NativeGraph(Graph({at: program}, at, {("e", 0): Redirect(3)}), DIVERTED)
    with NativeGraph(single(program), DIVERTED) as native:
        assert native.run([]) == []
        with pytest.raises(ValueError, match="65536 bytes, the most is 65535"):
            native.run([bytes(MAX_PACKET + 1)])
    native.close()
    assert native.numbers() == {}
    with pytest.raises(ValueError, match="closed"):
        native.run([b""])


@example(seed=2206)
@given(seed=st.integers(0, 2**32))
def test_random_programs(seed: int) -> None:
    program = Maker(seed).program()
    try:
        compare(single(program), [*bare(seed, 20), b"", b"x", bytes(MAX_PACKET)])
    except AssertionError as problem:
        raise AssertionError(f"{problem}\n{dump(program)}") from problem
