"""A configuration made ready for all back ends: its graph, which of it runs compiled, and where it ends.

Elements that keep, make or are asked for packets (`innet.dataplane.slowpath`) run in a router; all else is *fast*, and
runs by the interpreter, as machine code and in the kernel. An exit is a way out of the graph or, every second one, an
input that a compiled graph hands over, which shows the packet's marks and annotations too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from innet import ir
from innet.dataplane.slowpath import closed
from innet.diagnostics import Source
from innet.elements.base import OUTSIDE, Element, Role
from innet.elements.build import load
from innet.explore.machine import Machine
from innet.ir.uses import statements
from innet.runtime.build import graph_of
from innet.runtime.graph import PUSH, Vertex
from innet.runtime.graph import Graph as RuntimeGraph
from innet.xdp.graph import Destination, Graph, Input
from innet.xdp.target import Leave
from innet.xdp.unsupported import WHOLE, Unsupported
from tests.agreement.configurations import ENTRY, EXIT

OUT, SENT = 100, 200
"""Exit k ends a compiled graph with verdict OUT + k; what the k-th device sends, with SENT + k."""
KEEPS = (ir.Insert, ir.Update, ir.Delete, ir.Allocate, ir.Next)


@dataclass
class Prepared:
    """What all back ends are given."""

    text: str
    vertices: RuntimeGraph
    machine: Machine
    graph: Graph
    """The fast part; exits are `Leave`s or inputs."""
    agents: frozenset[str]
    """The elements that a router runs."""
    refused: tuple[Unsupported, ...]
    """The inputs that machine code hands over from the start."""
    whole: tuple[Unsupported, ...]
    """Those that the kernel hands over: not the ones where some packets are kept, which it may divide."""
    pulled: dict[Input, ir.Program] = field(default_factory=dict)
    """The programs of pull inputs, which only a router runs."""
    branches: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    """Element, input port and number of each branch, by identity."""

    def number(self, at: Input, program: ir.Program) -> None:
        """Remember the branches of a program."""
        for n, stmt in enumerate(s for s in statements(program.body) if isinstance(s, ir.Branch)):
            self.branches[id(stmt)] = at.element, at.port, n

    @property
    def elements(self) -> dict[str, Element]:
        return self.machine.elements

    @property
    def exits(self) -> frozenset[str]:
        return frozenset(name for name in self.elements if name.startswith(EXIT))

    @property
    def entry(self) -> Input:
        assert isinstance(self.graph.entry, Input)
        return self.graph.entry

    @property
    def stops(self) -> frozenset[Input]:
        """Where the fast part ends."""
        return frozenset(Input(one.element, one.port) for one in self.refused)

    def fast(self) -> Iterator[ir.Stmt]:
        """The statements of the fast part."""
        for at, program in self.graph.programs.items():
            if at not in self.stops:
                yield from statements(program.body)

    @property
    def chance(self) -> bool:
        """Whether chance or time has a part in what the fast part does: kernel and interpreter need not agree."""
        return any(
            isinstance(s, ir.Random | ir.Now) or (isinstance(s, ir.Allocate) and s.order is ir.Order.RANDOM)
            for s in self.fast()
        )

    @property
    def remembers(self) -> bool:
        """Whether anything does something else because of packets before."""
        return bool(self.agents) or any(isinstance(s, KEEPS) for s in self.fast())

    @property
    def tables(self) -> bool:
        """Whether any element, of the router's too, keeps tables that packets fill."""
        programs = (*self.graph.programs.values(), *self.pulled.values())
        return any(isinstance(s, ir.Insert | ir.Allocate) for one in programs for s in statements(one.body))


def holds_sometimes(vertex: Vertex, machine: Machine) -> bool:
    """Whether it keeps packets, and is no device."""
    if vertex.element.ROLE is Role.EXIT:
        return False
    programs = (machine.program(vertex.name, port) for port, _ in enumerate(vertex.inputs))
    return any(isinstance(s, ir.Hold) for program in programs for s in statements(program.body))


def prepare(text: str) -> Prepared:
    """The configuration of a text, which is right."""
    resolved, elements = load(Source("agree", text))
    vertices = graph_of(resolved, elements)
    names = [v.name for v in vertices.vertices]
    wires = [(names[c.source], c.output, names[c.target], c.input) for c in vertices.connections]
    machine = Machine(elements, wires)
    always = closed(vertices, ()) - {n for n in names if n.startswith(EXIT)}
    agents = always | {v.name for v in vertices.vertices if holds_sometimes(v, machine)}
    programs: dict[Input, ir.Program] = {}
    pulled: dict[Input, ir.Program] = {}
    held: dict[str, Destination] = {}
    for number, vertex in enumerate(vertices.vertices):
        if vertex.element.ROLE in (Role.ENTRY, Role.SOURCE):
            programs[Input(vertex.name, OUTSIDE)] = machine.program(vertex.name, OUTSIDE)
        for port, letter in enumerate(vertex.inputs):
            (programs if letter == PUSH else pulled)[Input(vertex.name, port)] = machine.program(
                vertex.name, port
            )
        if vertex.element.ROLE is Role.EXIT:
            held[vertex.name] = Leave(SENT + number)
    connections: dict[tuple[str, int], Destination] = {}
    stops: dict[Input, str] = {}
    for source, output, target, into in wires:
        if not target.startswith(EXIT):
            connections[source, output] = Input(target, into)
            continue
        exit_ = int(target.removeprefix(EXIT))
        connections[source, output] = Leave(OUT + exit_) if exit_ % 2 else Input(target, into)
        if exit_ % 2 == 0:
            stops[Input(target, into)] = "an exit"
    stops |= {at: "a router runs it" for at in programs if at.element in agents}
    back = tuple(
        dict.fromkeys(
            way
            for (source, _), way in connections.items()
            if source in agents and isinstance(way, Input) and way not in stops and way in programs
        )
    )
    refused = tuple(Unsupported(at.element, at.port, WHOLE, why) for at, why in stops.items())
    whole = tuple(one for one in refused if one.element in always or one.element.startswith(EXIT))
    graph = Graph(programs, Input(ENTRY, OUTSIDE), connections, held, back)
    found = Prepared(text, vertices, machine, graph, agents, refused, whole, pulled)
    for at, program in programs.items():
        found.number(at, program)
    return found
