"""The recorded vectors in the kernel: every configuration with an XDP form as a whole does what it does interpreted.

That the interpreter writes what Click wrote is `tests/runtime/test_vectors.py`; here its packets go through both.
"""

from pathlib import Path

import pytest

from innet import ir
from innet.dataplane.slowregion import must_be_slow
from innet.diagnostics import Source
from innet.elements.base import OUTSIDE, Role
from innet.elements.build import load
from innet.ir.uses import statements
from innet.packet.capture import read
from innet.runtime.build import graph_of
from innet.runtime.graph import PUSH
from innet.xdp.compile import Compiler
from innet.xdp.graph import Destination, Graph, Input
from innet.xdp.target import Leave
from tests.xdp.differential import SHORTEST, compare, random_choice
from tests.xdp.graphs import LEAVES

pytestmark = pytest.mark.kernel

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
LONGEST = 3000
"""A test run takes no frame that does not fit into a page."""


def whole(text: str) -> Graph | None:
    """The configuration as one graph; None if it has no XDP form: it keeps, pulls, makes or copies packets, calls
    handlers, or reads several captures; or if it chooses at random, which no other does the same."""
    resolved, elements = load(Source("config.click", text))
    vertices = graph_of(resolved, elements)
    devices = [v.name for v in vertices.vertices if v.element.ROLE in (Role.ENTRY, Role.EXIT)]
    entries = [v.name for v in vertices.vertices if v.element.ROLE is Role.ENTRY]
    if len(entries) != 1 or must_be_slow(vertices) - set(devices):
        return None
    programs: dict[Input, ir.Program] = {}
    connections: dict[tuple[str, int], Destination] = {}
    held: dict[str, Destination] = {}
    for vertex in vertices.vertices:
        inputs, outputs = len(vertex.inputs), len(vertex.outputs)
        ports = [port for port, kind in enumerate(vertex.inputs) if kind == PUSH]
        if len(ports) < inputs or (vertex.element.ROLE is Role.EXIT and outputs):
            return None
        for port in [OUTSIDE] * (vertex.name in entries) + ports:
            programs[Input(vertex.name, port)] = vertex.element.trace(port, outputs, vertex.name, inputs)
        if vertex.element.ROLE is Role.EXIT:
            held[vertex.name] = Leave(LEAVES + len(held))
    for c in vertices.connections:
        source, target = vertices.vertices[c.source].name, vertices.vertices[c.target].name
        connections[source, c.output] = Input(target, c.input)
    if any(isinstance(stmt, ir.Copy) for program in programs.values() for stmt in statements(program.body)):
        return None
    graph = Graph(programs, Input(entries[0], OUTSIDE), connections, held)
    return None if random_choice(graph) else graph


GRAPHS = {
    path.parent.name: graph
    for path in sorted(VECTORS.glob("*/config.click"))
    if (graph := whole(path.read_text("utf-8"))) is not None
}


@pytest.mark.parametrize("name", GRAPHS)
def test_the_kernel_does_what_the_vector_says(name: str, compiler: Compiler) -> None:
    with (VECTORS / name / "in0.pcap").open("rb") as stream:
        frames = [r.data for r in read(stream) if SHORTEST <= len(r.data) <= LONGEST]
    compare(GRAPHS[name], compiler, frames, refusals=len(frames))


def test_many_configurations_have_an_xdp_form() -> None:
    assert len(GRAPHS) >= 80
