"""Elements that run in the kernel for some packets and hand over others, as they came."""

from innet import ir
from innet.ir.check import check
from innet.ir.nodes import Mark, Op
from innet.xdp.emit import Emitted, Graph, Input, emit
from innet.xdp.target import Leave, Xdp
from tests.xdp.graphs import element

OUT, DIVERT = Leave(2), Leave(1)
FIRST = ir.Field(Mark.DATA, 0, 8)
LARGE = ir.Binary(Op.LT, ir.Const(127, 8), FIRST)
TABLE = ir.Table("t", (8,), (8,))


def emitted(*body: ir.Stmt) -> Emitted:
    program = check(ir.Program("e", 0, 1, body))
    at = Input("e", 0)
    return emit(Graph({at: program}, at, {("e", 0): OUT}), Xdp(), DIVERT)


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
