"""Elements that run in the kernel for some packets and hand over others, as they came."""

import pytest

from innet import ir
from innet.elements.build import build_one
from innet.elements.registry import everything
from innet.ir.check import check
from innet.ir.nodes import Mark, Op
from innet.xdp.emit import Emitted, emit
from innet.xdp.graph import Graph, Input
from innet.xdp.target import Leave, Xdp
from tests.xdp.graphs import element

OUT, DIVERT = Leave(2), Leave(1)
FIRST = ir.Field(Mark.DATA, 0, 8)
LARGE = ir.Binary(Op.LT, ir.Const(127, 8), FIRST)
TABLE = ir.Table("t", (8,), (8,))


def emitted(*body: ir.Stmt, shared: bool = False) -> Emitted:
    program = check(ir.Program("e", 0, 1, body))
    at = Input("e", 0)
    return emit(Graph({at: program}, at, {("e", 0): OUT}), Xdp(), DIVERT, shared=shared)


def test_packets_that_are_kept_are_handed_over_and_the_others_go_on():
    made = emitted(ir.Branch(LARGE, (ir.Hold(),)), ir.Assign(FIRST, ir.Const(0, 8)), ir.Emit(0))
    assert made.slow == ()
    assert [one.what for one in made.divided] == ["Hold"]


def test_what_was_changed_cannot_be_handed_over():
    sixth = ir.Field(Mark.DATA, 40, 8)
    made = emitted(ir.Assign(sixth, ir.Const(1, 8)), ir.Branch(LARGE, (ir.Hold(),)), ir.Emit(0))
    assert made.divided == ()
    assert [one.what for one in made.slow] == ["Hold"]


def test_what_was_counted_cannot_be_handed_over():
    made = emitted(ir.Count("n", ir.Const(1, 64)), ir.Branch(LARGE, (ir.Hold(),)), ir.Emit(0))
    assert (made.divided, len(made.slow)) == ((), 1)


def test_an_element_with_a_table_is_on_one_side():
    found, value = ir.Var("f", 1), ir.Var("v", 8)
    made = emitted(ir.Lookup(TABLE, (FIRST,), (value,), found), ir.Branch(found, (ir.Hold(),)), ir.Emit(0))
    assert (made.divided, len(made.slow)) == ((), 1)


def test_an_element_that_keeps_everything_is_slow():
    assert len(emitted(ir.Hold()).slow) == 1


def test_a_switch_that_copies_for_one_color_is_divided():
    program = element("PaintSwitch").trace(0, 2, "e")
    at = Input("e", 0)
    made = emit(Graph({at: program}, at, {("e", 0): OUT, ("e", 1): OUT}), Xdp(), DIVERT)
    assert (made.slow, [one.what for one in made.divided]) == ((), ["Copy(0)"])


# ---- tables that both sides see


PAIRS = ir.Table("p", (8,), (8,), kind=ir.TableKind.PAIRED)
FOUND, VALUE, OK = ir.Var("f", 1), ir.Var("v", 8), ir.Var("ok", 1)
LOOKS = (ir.Lookup(TABLE, (FIRST,), (VALUE,), FOUND), ir.Branch(ir.Not(FOUND), (ir.Hold(),)))
"""Keeps what the table does not know."""
TEN = ir.Const(10, 32)


def learns(table: ir.Table = TABLE) -> ir.Insert:
    reply = None if table is TABLE else ((ir.Const(9, 8),), (ir.Const(2, 8),))
    return ir.Insert(table, (FIRST,), (ir.Const(1, 8),), OK, TEN, reply)


@pytest.mark.parametrize(
    "body",
    [
        (*LOOKS, ir.Emit(0)),
        (*LOOKS, learns(), ir.Emit(0)),
        (*LOOKS, ir.Update(TABLE, (FIRST,), (ir.Const(2, 8),), TEN), ir.Emit(0)),
        (*LOOKS, ir.Delete(TABLE, (FIRST,)), ir.Emit(0)),
        (*LOOKS, learns(PAIRS), ir.Emit(0)),
        (*LOOKS, ir.Delete(PAIRS, (FIRST,)), ir.Emit(0)),
    ],
)
def test_where_tables_are_shared_only_what_is_kept_is_handed_over(body: tuple[ir.Stmt, ...]) -> None:
    made = emitted(*body, shared=True)
    assert (made.slow, [one.what for one in made.divided]) == ((), ["Hold"])
    assert len(emitted(*body).slow) == 1


COUNTER = ir.Counter("c", 8)
NUMBERED = (ir.Next(COUNTER, ir.Var("n", 8)), ir.Emit(0))


@pytest.mark.parametrize(
    "body",
    [
        (learns(), *LOOKS, ir.Emit(0)),
        (ir.Delete(TABLE, (FIRST,)), *LOOKS, ir.Emit(0)),
        (*LOOKS, *NUMBERED),
        (*LOOKS, ir.Update(PAIRS, (FIRST,), (ir.Const(2, 8),), TEN), ir.Emit(0)),
    ],
    ids=["inserted before", "deleted before", "a counter", "two entries at once"],
)
def test_what_cannot_be_shared_or_done_again_is_on_one_side(body: tuple[ir.Stmt, ...]) -> None:
    made = emitted(*body, shared=True)
    assert (made.divided, len(made.slow)) == ((), 1)


def test_an_element_that_counts_at_another_input_is_on_one_side() -> None:
    """Who takes what is handed over runs the whole element, when packets come back to its other input."""
    inputs = {
        Input("e", port): check(ir.Program("e", port, 1, body))
        for port, body in ((0, (*LOOKS, ir.Emit(0))), (1, NUMBERED))
    }
    ways = {("e", 0): OUT}
    made = emit(Graph(inputs, Input("e", 0), ways), Xdp(), DIVERT, shared=True)
    assert (made.divided, len(made.slow)) == ((), 1)


@pytest.mark.parametrize(
    ("name", "arguments", "inputs"),
    [("ARPQuerier", "192.0.2.1, 2:0:0:0:0:1", 2), ("IP6NDSolicitor", "2001:db8::1, 2:0:0:0:0:1", 2)],
)
def test_who_asks_for_addresses_hands_over_what_is_unknown_and_all_answers(
    name: str, arguments: str, inputs: int
) -> None:
    one = build_one(everything()[name], arguments)
    programs = {Input("e", port): one.trace(port, 2, "e", inputs) for port in range(inputs)}
    ways = {("e", 0): OUT, ("e", 1): OUT}
    for port, (slow, divided) in enumerate(((0, 1), (1, 0))):
        made = emit(Graph(programs, Input("e", port), ways), Xdp(), DIVERT, shared=True)
        assert (len(made.slow), len(made.divided)) == (slow, divided)


def test_a_switch_that_learns_hands_over_what_it_floods() -> None:
    one = element("EtherSwitch")
    programs = {Input("e", port): one.trace(port, 3, "e", 3) for port in range(3)}
    ways = {("e", port): OUT for port in range(3)}
    made = emit(Graph(programs, Input("e", 1), ways), Xdp(), DIVERT, shared=True)
    assert (made.slow, [one.what for one in made.divided]) == ((), ["Copy(0)"])
