"""Elements written in program text do the same in the kernel, as machine code and in the interpreter."""

import pytest

from innet.elements.base import Element
from innet.elements.build import build_one
from innet.xdp.compile import Compiler
from innet.xdp.graph import Destination, Graph, Input
from innet.xdp.target import Leave, Target
from tests.elements.written import ALL, CASES, CLASSES, game_frames, written
from tests.xdp import native
from tests.xdp.differential import TCX, XDP, compare, frames
from tests.xdp.graphs import LEAVES, element

OUTPUTS = {"TokenFilter": 2, "Nat": 2, "Everything": 3}
NO_COPIES = (
    ALL.replace("outputs 3", "outputs 1").replace("copy 1", "count one").replace("copy 2", "count two")
)
GIVEN = [*game_frames(), *frames(5, 60), *game_frames()]


def graph_of(one: Element, outputs: int) -> Graph:
    """The element behind FromNetfront."""
    start = element("FromNetfront")
    programs = {Input("in", -1): start.trace(-1, 1, "in"), Input("e", 0): one.trace(0, outputs, "e")}
    ways: dict[tuple[str, int], Destination] = {("in", 0): Input("e", 0)}
    ways |= {("e", k): Leave(LEAVES + k) for k in range(outputs)}
    return Graph(programs, Input("in", -1), ways)


@pytest.mark.parametrize(("name", "example"), CASES, ids=lambda case: case)
def test_machine_code_and_interpreter_agree(name: str, example: str) -> None:
    one = build_one(CLASSES[name], example)
    assert native.compare(graph_of(one, OUTPUTS[name]), GIVEN).emitted.slow == ()


@pytest.mark.kernel
@pytest.mark.parametrize("target", [XDP, TCX], ids=lambda t: t.name)
@pytest.mark.parametrize(("name", "example"), CASES, ids=lambda case: case)
def test_kernel_and_interpreter_agree(name: str, example: str, target: Target, compiler: Compiler) -> None:
    cls, outputs = CLASSES[name], OUTPUTS[name]
    if name == "Everything":  # the kernel cannot clone packets
        cls, outputs = written(NO_COPIES), 1
    loaded = compare(graph_of(build_one(cls, example), outputs), compiler, GIVEN, target=target)
    assert loaded.emitted.slow == ()
