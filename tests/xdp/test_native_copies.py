"""Copies of packets go in the order in which the interpreter's go, each with its own marks and bytes."""

import ctypes
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet import ir
from innet.ir.check import check
from innet.ir.dump import dump
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.xdp.copies import MAX_COPIES
from innet.xdp.graph import Destination, Graph, Input
from innet.xdp.native import Batch, NativeGraph, place
from innet.xdp.target import Leave
from tests.xdp.differential import DIVERTED, bare, frames, ipv4, udp
from tests.xdp.graphs import element
from tests.xdp.native import compare
from tests.xdp.programs import Maker


def graph(text: str, wires: dict[tuple[str, int], Destination | str], **elements: str) -> Graph:
    """Elements by name, each with the outputs its wires need; packets begin at input 0 of `text`."""
    programs = {}
    for name, configuration in elements.items():
        outputs = 1 + max((port for at, port in wires if at == name), default=0)
        programs[Input(name, 0)] = element(configuration).trace(0, outputs, name)
    ends = {k: Input(way, 0) if isinstance(way, str) else way for k, way in wires.items()}
    return Graph(programs, Input(text, 0), ends)


A, B, C = Leave(100), Leave(101), Leave(102)


@pytest.mark.parametrize(
    ("wires", "elements"),
    [
        ({("t", 0): A, ("t", 1): B}, {"t": "Tee(2)"}),
        ({("t", 0): A, ("t", 2): B}, {"t": "Tee(3)"}),
        ({("t", 0): "u", ("t", 1): "u", ("u", 0): A, ("u", 1): B}, {"t": "Tee(2)", "u": "Tee(2)"}),
        (
            {("t", 0): "check", ("t", 1): "mirror", ("check", 0): "mirror", ("mirror", 0): A},
            {"t": "Tee(2)", "check": "CheckIPHeader", "mirror": "IPMirror"},
        ),
        (
            {("check", 0): "t", ("t", 0): "error", ("t", 1): "ttl", ("error", 0): A, ("ttl", 0): "t2", ("ttl", 1): B,
             ("t2", 0): C, ("t2", 1): "encap", ("encap", 0): "again", ("again", 0): A},
            {"check": "CheckIPHeader", "t": "Tee(2)", "error": "ICMPError(192.0.2.1, timeexceeded)", "ttl": "DecIPTTL",
             "t2": "Tee(2)", "encap": "UDPIPEncap(192.0.2.1, 1, 198.51.100.1, 2)", "again": "CheckIPHeader"},
        ),
        (
            {("check", 0): "paint", ("paint", 0): "t", ("t", 0): A, ("t", 1): "strip", ("strip", 0): "unstrip",
             ("unstrip", 0): "paintswitch", ("paintswitch", 0): A, ("paintswitch", 1): B, ("paintswitch", 2): C},
            {"check": "CheckIPHeader", "paint": "Paint(1)", "t": "PaintTee(1)", "strip": "StripIPHeader",
             "unstrip": "UnstripIPHeader", "paintswitch": "PaintSwitch"},
        ),
        (
            {("check", 0): "t", ("t", 0): "nat", ("t", 1): "nat", ("nat", 0): "q"},
            {"check": "CheckIPHeader", "t": "Tee(2)", "nat": "IPRewriter(pattern 192.0.2.1 1500-1503# - - 0 0)",
             "q": "Queue"},
        ),
    ],
    ids=["two", "one not connected", "behind each other", "meet", "errors", "marks", "tables and slow path"],
)  # fmt: skip
def test_copies(wires: dict[tuple[str, int], Destination | str], elements: dict[str, str]) -> None:
    native = compare(graph(next(iter(elements)), wires, **elements), [*bare(5, 200), *frames(5, 50), b""])
    assert all(slow.what == "Hold" for slow in native.emitted.slow)


class Copier(Maker):
    """Makes programs that copy their packet here and there."""

    def stmt(self, depth: int, bound: dict[str, int]) -> ir.Stmt:
        return ir.Copy(self.r.randrange(2)) if self.r.random() < 0.12 else super().stmt(depth, bound)


@given(seed=st.integers(0, 2**32))
def test_random_programs_that_copy(seed: int) -> None:
    """Three of them, one behind the other and past each other."""
    maker = Copier(seed)
    programs = {Input(name, 0): maker.program(name) for name in "efg"}
    ways: dict[tuple[str, int], Destination] = {
        ("e", 0): Input("f", 0), ("e", 1): Input("g", 0), ("f", 0): Input("g", 0), ("f", 1): A, ("g", 0): B,
    }  # fmt: skip
    try:
        native = compare(Graph(programs, Input("e", 0), ways), bare(seed, 15))
    except AssertionError as problem:
        raise AssertionError("\n".join([str(problem), *(dump(p) for p in programs.values())])) from problem
    assert {slow.what for slow in native.emitted.slow} <= {
        "Copy",
        "SetMark(DATA)",
        "SetMark(END)",
        "Sum",
        "FindOption",
    }


def copier(copies: int) -> ir.Program:
    """Numbers its copies."""
    body: list[ir.Stmt] = []
    for n in range(copies):
        body += [ir.Assign(ir.Field(Mark.DATA, 0, 16), ir.Const(n, 16)), ir.Copy(0)]
    return check(ir.Program("e", 0, 1, (*body, ir.Drop("the last"))))


def test_more_copies_than_there_may_be() -> None:
    """The element runs elsewhere then; one less, and all of them come."""
    at = Input("e", 0)
    with NativeGraph(Graph({at: copier(MAX_COPIES)}, at, {("e", 0): A}), DIVERTED) as native:
        assert native.emitted.slow == ()
        left = native.run([bytes(4)])
        assert [one.data[:2] for one in left if one.code == 100] == [
            n.to_bytes(2, "big") for n in range(MAX_COPIES)
        ]
    with NativeGraph(Graph({at: copier(MAX_COPIES + 1)}, at, {("e", 0): A}), DIVERTED) as native:
        assert [str(slow) for slow in native.emitted.slow] == [
            f"e[0]: Copy: one packet may become more than {MAX_COPIES}"
        ]
        (one,) = native.run([bytes(4)])
        assert one.packet is not None
        assert one.packet.data == bytes(4)


def test_a_batch_ends_where_there_may_be_no_room() -> None:
    """With results or arena for one packet and its copies at a time, all packets come in the end."""
    tee = graph("t", {("t", 0): A, ("t", 1): B}, t="Tee(2)")
    packets = [ipv4(udp(payload=bytes([n]) * 1400)) for n in range(20)]
    with NativeGraph(tee, DIVERTED) as native:
        given_packets = place(
            packets, batch := Batch(len(packets), native.room, native.leaves + len(packets))
        )
        found, done, turns = [], 0, 0
        while done < len(packets):
            done = native.run_batch(batch, ctypes.addressof(given_packets), len(packets), done)
            found += [native.left(batch, n) for n in range(batch.made)]
            turns += 1
    assert turns > 1
    assert [(one.number, one.code, one.data) for one in found] == [
        (n, code, packet) for n, packet in enumerate(packets) for code in (100, 101)
    ]


@pytest.mark.parametrize("slow", ["Queue", "TimedUnqueue(1, 4)"])
def test_packets_come_back_from_the_slow_path(slow: str) -> None:
    """Through the machine code up to a queue, and from it on: what the interpreter makes of them on the whole way."""
    names = {
        "check": "CheckIPHeader",
        "strip": "StripIPHeader",
        "unstrip": "UnstripIPHeader",
        "ttl": "DecIPTTL",
    }
    names |= {"nat": "IPRewriter(pattern 192.0.2.1 1024-65535# - - 0 0)"}
    ways: dict[tuple[str, int], Destination | str] = {
        ("check", 0): "strip", ("strip", 0): "slow", ("slow", 0): "unstrip", ("unstrip", 0): "ttl", ("ttl", 0): "nat",
        ("nat", 0): A,
    }  # fmt: skip
    packets = bare(9, 300)
    whole = replace(graph("check", ways, slow=slow, **names), back=(Input("unstrip", 0),))
    straight = graph(
        "check", {k: w for k, w in ways.items() if k[0] != "slow"} | {("strip", 0): "unstrip"}, **names
    )
    with NativeGraph(whole, DIVERTED) as native, NativeGraph(straight, DIVERTED) as other:
        held = [one.packet for one in native.run(packets) if one.packet is not None]
        back = native.push(Input("unstrip", 0), held)
        expected = [one.data for one in other.run(packets) if one.code == A.code]
        assert [one.element for one in native.emitted.slow] == ["slow"]
        assert native.drops == other.drops
    assert [one.data for one in back if one.code == A.code] == expected
    assert len(expected) > 20


def test_a_mark_before_the_bytes_does_not_come_back() -> None:
    packet = PacketBuffer(bytes(20))
    packet.marks[Mark.NET] = -3
    ways: dict[tuple[str, int], Destination | str] = {("check", 0): A}
    whole = replace(graph("check", ways, check="CheckIPHeader"), back=(Input("check", 0),))
    with NativeGraph(whole, DIVERTED) as native, pytest.raises(ValueError, match="3 bytes before"):
        native.push(Input("check", 0), [packet])
