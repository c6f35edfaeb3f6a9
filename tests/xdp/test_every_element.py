"""Every element, configured from its EXAMPLES: loads or says why not, and does the same as the interpreter."""

import re

import pytest

from innet.elements.base import Element, Role
from innet.elements.build import build_one
from innet.elements.registry import everything
from innet.xdp.compile import Compiler
from innet.xdp.graph import Graph, Input
from innet.xdp.target import Leave, Target
from tests.xdp.differential import DIVERTED, TCX, XDP, compare, frames, load, random_choice, runs
from tests.xdp.graphs import LEAVES, element

pytestmark = pytest.mark.kernel

CASES = [
    (name, example)
    for name, cls in everything().items()
    if name == cls.__name__ and cls.ROLE in (Role.TRANSFORM, Role.HOLDER, Role.EXIT)
    for example in cls.EXAMPLES
]


def inputs_of(cls: type[Element]) -> int:
    """The fewest inputs it may have, but one."""
    return max(1, int(re.findall(r"^\d*", cls.PORTS)[0] or 1))


def outputs_of(cls: type[Element]) -> int:
    """The most outputs it may have, three if there is no end."""
    out = cls.PORTS.partition("/")[2]
    last = re.findall(r"\d+$", out)
    if out.startswith("="):
        return inputs_of(cls) + out.count("+")
    return int(last[0]) if last else 3


FIRST = list({name: (name, example) for name, example in reversed(CASES)}.values())
"""One example of each; tcx differs from XDP in how a program begins and ends, not in what an element does."""


@pytest.mark.parametrize(
    ("name", "example", "target"),
    [
        pytest.param(n, e, t, id=f"{n}({e})-{t.name}")
        for t, some in ((XDP, CASES), (TCX, FIRST))
        for n, e in some
    ],
)
def test_kernel_and_interpreter_agree(name: str, example: str, target: Target, compiler: Compiler) -> None:
    """Frames with marks set; then the packets that are left when the Ethernet header is stripped."""
    one = build_one(everything()[name], example)
    outputs = outputs_of(type(one))
    start = element("FromNetfront")
    for strip in ((), ("Strip(14)",)):
        before = [element(text) for text in strip]
        programs = {
            Input("in", -1): start.trace(-1, 1, "in"),
            Input("e", 0): one.trace(0, outputs, "e", inputs_of(type(one))),
        }
        ways: dict[tuple[str, int], Input | Leave] = {("in", 0): Input("e", 0)}
        for stripper in before:
            programs[Input("s", 0)] = stripper.trace(0, 1, "s")
            ways |= {("in", 0): Input("s", 0), ("s", 0): Input("e", 0)}
        ways |= {("e", k): Leave(LEAVES + k) for k in range(outputs)}
        held = {"e": Leave(LEAVES + 50)} if one.ROLE is Role.EXIT else {}
        graph = Graph(programs, Input("in", -1), ways, held)
        if random_choice(graph):
            loaded = load(graph, compiler, target)
            with loaded.installed as installed:
                verdicts = {installed.program.run(f).verdict for f in frames(21, 60) if runs(target, f)}
            slow = {DIVERTED.code} if loaded.emitted.slow else set()
            assert verdicts <= {target.drop, target.abort, *slow, *(LEAVES + k for k in range(outputs))}
            assert target is not XDP or not slow
            continue
        stripped = bool(strip) or "Strip" in name or "Decap" in name or name in ("Resize", "IPInputCombo")
        loaded = compare(graph, compiler, frames(21, 60), target=target, immovable=45 if stripped else 0)
        assert all(slow.element == "e" for slow in loaded.emitted.slow)
