"""From a deployment to what the kernel is given: the module between its gates, as a graph of packet programs.

Entry gate, then the sandbox if there is one, then the module's entries; from its exits to the exit gate, the sandbox
again, and out. Elements go by their number in the configuration, so that names do not tell modules of one shape apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from innet import ir
from innet.dataplane.slowpath import closed, must_be_slow
from innet.dataplane.slowregion import mentioned, on_both_sides
from innet.diagnostics import ConfigurationError, PlatformError, Source
from innet.elements.base import OUTSIDE, Element, Role
from innet.elements.build import load
from innet.elements.sandbox.changeenforcer import ChangeEnforcer
from innet.explore.machine import Machine
from innet.ir.check import check
from innet.network import parse_address, parse_prefix
from innet.platform.gates import EntryGate, ExitGate
from innet.runtime.build import graph_of
from innet.runtime.graph import PUSH
from innet.runtime.graph import Graph as RuntimeGraph
from innet.simplify import Simplified, Step, StepKind, handed_over, simplify
from innet.xdp.graph import Destination, Graph, Input, shareable
from innet.xdp.target import Redirect
from innet.xdp.unsupported import WHOLE, Unsupported

ENTRY_GATE, EXIT_GATE, SANDBOX, FAN_OUT = "entry gate", "exit gate", "sandbox", "entries"
"""Names of the platform's own elements; no element of a configuration has a blank in its name."""
SEND = Input(EXIT_GATE, 0)


@dataclass(frozen=True, slots=True)
class Wire:
    """What a platform puts on its interface: index of the device, next router's Ethernet address, its own."""

    interface: int
    destination: int
    source: int
    mtu: int | None = None
    """The longest packet that the interface takes; None if it takes those of any length (segmentation offload)."""


@dataclass(frozen=True)
class Composed:
    """A module as the platform runs it.

    `graph` is what the kernel may do, by canonical names; `names` gives the element's own. `slow` are the elements that
    cannot be in the kernel whatever it can do. `vertices` is the configuration itself, for the slow path.
    """

    graph: Graph
    names: Mapping[str, str]
    slow: tuple[Unsupported, ...]
    vertices: RuntimeGraph
    sandbox: bool
    agents: frozenset[str] = field(default_factory=frozenset)
    """Elements that run in the agent whatever the kernel can do, those among them that are only pulled too."""
    lines: Mapping[str, str] = field(default_factory=dict)
    """By canonical name, where an element stands in the text: ` (line 3)`; nothing for those that nobody wrote."""
    steps: tuple[Step, ...] = ()
    """What was left out of the programs, by the elements' own names."""
    kept: tuple[Step, ...] = ()
    """What was looked at and could not be left out, and why."""
    written: "Callable[[], Composed] | None" = None
    """The module with all that is written, if something was left out."""
    computed: frozenset[int] = frozenset()
    """Constants of the programs that were computed of those that are written, the module's address among them."""
    stateful: frozenset[str] = field(default_factory=frozenset)
    """Elements that keep tables or counters which kernel and agent cannot share: each runs in one of the two."""


def compose(
    text: str,
    name: str,
    address: str,
    wire: Wire,
    sandbox: bool = False,
    whitelist: tuple[str, ...] = (),
    smaller: bool = True,
) -> Composed:
    """The module with Click configuration `text` at `address`. Raises PlatformError if it is none.

    Unless it is not to be made `smaller`, what is proven to make no difference is left out of its programs.
    """
    own = parse_address(address)
    try:
        resolved, elements = load(Source(name, text), autoqueue=True)
    except ConfigurationError as error:
        raise PlatformError(error.diagnostics) from error
    vertices = graph_of(resolved, elements)
    number = {v.name: str(n) for n, v in enumerate(vertices.vertices)}
    machine = machine_of(vertices)
    builder = _Builder(vertices, number, machine, smaller)
    if smaller:
        gate = EntryGate(own).trace(OUTSIDE, 1, ENTRY_GATE, 0)
        builder.simplified = simplify(machine, handed_over(machine, gate, own), builder.watched)
    builder.add(ENTRY_GATE, EntryGate(own), OUTSIDE, 0, 1)
    builder.add(EXIT_GATE, ExitGate(own, wire.destination, wire.source, wire.mtu), 0, 1, 1)
    enter = builder.module()
    out = Redirect(wire.interface)
    if sandbox:
        prefixes = tuple(_network(one) for one in (address, *whitelist))
        enforcer = ChangeEnforcer(own, prefixes)
        for port in (0, 1):
            builder.add(SANDBOX, enforcer, port, 2, 2)
        builder.connections |= {(ENTRY_GATE, 0): Input(SANDBOX, 0), (SANDBOX, 0): enter}
        builder.connections |= {(EXIT_GATE, 0): Input(SANDBOX, 1), (SANDBOX, 1): out}
    else:
        builder.connections |= {(ENTRY_GATE, 0): enter, (EXIT_GATE, 0): out}
    graph = Graph(builder.programs, Input(ENTRY_GATE, OUTSIDE), builder.connections, builder.held)
    steps = (*builder.simplified.steps, *builder.steps)
    written = partial(compose, text, name, address, wire, sandbox, whitelist, smaller=False)
    names = {n: name for name, n in number.items()}
    lines = {
        number[v.name]: f" (line {v.span.source.landmark(v.span.start)[1]})"
        for v in vertices.vertices
        if v.span is not None
    }
    return Composed(
        graph,
        names,
        builder.slow(),
        vertices,
        sandbox,
        builder.agents(),
        lines,
        steps,
        builder.simplified.kept,
        written if steps else None,
        builder.simplified.computed,
        builder.stateful(),
    )


def machine_of(vertices: RuntimeGraph) -> Machine:
    """The configuration's own elements, made ready for exploring."""
    names = [v.name for v in vertices.vertices]
    wires = ((names[c.source], c.output, names[c.target], c.input) for c in vertices.connections)
    return Machine({v.name: v.element for v in vertices.vertices}, wires)


def _network(text: str) -> tuple[int, int]:
    prefix = parse_prefix(text)
    return prefix.address, (0xFFFFFFFF << (32 - prefix.length)) & 0xFFFFFFFF


class _Builder:
    """The graph while it is made."""

    def __init__(
        self, vertices: RuntimeGraph, number: Mapping[str, str], machine: Machine, smaller: bool
    ) -> None:
        self.vertices, self.number, self.machine, self.smaller = vertices, number, machine, smaller
        self.simplified = Simplified({})
        self.watched = mentioned(vertices)
        self.steps: list[Step] = []
        self.programs: dict[Input, ir.Program] = {}
        self.connections: dict[tuple[str, int], Destination] = {}
        self.held: dict[str, Destination] = {}

    def add(self, name: str, element: Element, port: int, inputs: int, outputs: int) -> Input:
        """The program for one input of an element of the platform's."""
        at = Input(name, port)
        self.programs[at] = element.trace(port, outputs, name, inputs)
        return at

    def own(self, name: str, port: int, accounted: bool = False) -> Input:
        """The program for one input of an element of the configuration, under its canonical name; without statistics,
        if it is `accounted` otherwise what they say."""
        at = Input(self.number[name], port)
        program = self.simplified.programs.get((name, port)) or self.machine.program(name, port)
        if accounted and any(isinstance(stmt, ir.Count) for stmt in program.body):
            program = replace(program, body=tuple(s for s in program.body if not isinstance(s, ir.Count)))
            self.steps.append(
                Step(name, StepKind.COUNT, "its count", "the platform's account of the module has it")
            )
        self.programs[at] = replace(renamed(program, self.number), element=at.element)
        return at

    def module(self) -> Input:
        """The configuration's own elements; where a frame enters it."""
        entries = []
        for vertex in self.vertices.vertices:
            name, element = self.number[vertex.name], vertex.element
            if element.ROLE is Role.ENTRY:
                alone = self.smaller and vertex.name not in self.watched and not element.calls()
                entries.append(self.own(vertex.name, OUTSIDE, accounted=alone))
            for port, kind in enumerate(vertex.inputs):
                if kind == PUSH:
                    self.own(vertex.name, port)
            if element.ROLE is Role.EXIT:
                self.held[name] = SEND
        all_vertices = self.vertices.vertices
        for c in self.vertices.connections:
            source, target = all_vertices[c.source], all_vertices[c.target]
            if source.outputs[c.output] == PUSH:
                self.connections[self.number[source.name], c.output] = Input(
                    self.number[target.name], c.input
                )
        return self.fan_out(entries)

    def fan_out(self, entries: list[Input]) -> Input:
        """Every entry gets a copy of a frame: one program that copies, unless there is one entry alone."""
        if len(entries) == 1:
            return entries[0]
        at = Input(FAN_OUT, 0)
        last = max(len(entries) - 1, 0)
        verdict = ir.Emit(last) if entries else ir.Drop("the module has no entry")
        body = (*(ir.Copy(n) for n in range(last)), verdict)
        self.programs[at] = check(ir.Program(FAN_OUT, 0, max(len(entries), 1), body))
        self.connections |= {(FAN_OUT, n): entry for n, entry in enumerate(entries)}
        return at

    def slow(self) -> tuple[Unsupported, ...]:
        """The inputs that are the agent's from the start, and why."""
        names = self.agents()
        names -= {self.number[name] for name in on_both_sides(self.vertices)}
        found = [
            Unsupported(at.element, at.port, WHOLE, "it keeps, makes or is asked for packets")
            for at in self.programs
            if at.element in names
        ]
        for vertex in self.vertices.vertices:
            if vertex.element.ROLE is Role.EXIT and vertex.outputs and self.number[vertex.name] not in names:
                found.append(
                    Unsupported(self.number[vertex.name], 0, "Hold", "the packet goes on after it was sent")
                )
        return tuple(found)

    def agents(self) -> frozenset[str]:
        return frozenset(self.number[name] for name in closed(self.vertices, must_be_slow(self.vertices)))

    def stateful(self) -> frozenset[str]:
        return frozenset(at.element for at, program in self.programs.items() if not shareable(program.body))


def renamed(program: ir.Program, names: Mapping[str, str]) -> ir.Program:
    """The program with the owners of its tables under other names."""
    return replace(program, body=_renamed_block(program.body, names))


def _renamed_block(block: ir.Block, number: Mapping[str, str]) -> ir.Block:
    out: list[ir.Stmt] = []
    for stmt in block:
        match stmt:
            case ir.Branch(condition, then, otherwise):
                stmt = ir.Branch(condition, _renamed_block(then, number), _renamed_block(otherwise, number))
            case (
                ir.Lookup(table) | ir.Insert(table) | ir.Update(table) | ir.Delete(table) | ir.Allocate(table)
            ):
                if table.owner:
                    stmt = replace(stmt, table=replace(table, owner=number[table.owner]))
        out.append(stmt)
    return tuple(out)
