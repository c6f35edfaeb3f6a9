"""Compiled modules by shape: what is compiled once and run by all that differ in constants alone.

Compiling happens when a module is deployed. LLVM's result is kept in a folder by the text it was made from, so that
neither a restart nor a second platform compiles it again.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from innet.dataplane.compose import ENTRY_GATE, EXIT_GATE, FAN_OUT, SANDBOX, SEND, Composed
from innet.dataplane.slowpath import closed
from innet.dataplane.wholefile import write_whole
from innet.diagnostics import Diagnostic, PlatformError
from innet.elements.base import Role
from innet.ir.nodes import Mark
from innet.runtime.graph import PUSH
from innet.xdp.compile import Code, Compiler, CompilerError, Relocation
from innet.xdp.emit import Emitted, emit
from innet.xdp.graph import Graph, Input, Places, Resume
from innet.xdp.host import Hosted
from innet.xdp.install import TOO_COMPLEX
from innet.xdp.layout import MapKind
from innet.xdp.programs import VerifierError
from innet.xdp.shape import Structure, Template, structure, template, with_groups
from innet.xdp.target import Redirect, Target
from innet.xdp.unsupported import WHOLE, Unsupported

REFUSED = "the kernel's verifier refused it"
MAX_POINTS = 64
"""Places of marks for which packets from the slow path find a program, in one shape."""
MAX_WEIGHT = 6000
"""Of a region, by `Emitted.weights`: six loops over the packet."""
MAX_KNOWN = 8
"""Structures of one digest that are compared to find what should be a parameter."""
FRAME: Places = ((Mark.DATA, 0), (Mark.MAC, 0))
DATAGRAM: Places = ((Mark.DATA, 0), (Mark.NET, 0))
"""What an exit in the slow path sends: a frame, or an IPv4 packet."""
OURS = frozenset({ENTRY_GATE, EXIT_GATE, SANDBOX})


@dataclass(eq=False)
class Shape:
    """A compiled graph. `shared` shapes keep no flows, so one loaded program serves all their modules.

    `points` are where packets come back from the slow path; the program for them is learnt as they occur.
    """

    template: Template
    graph: Graph
    emitted: Emitted
    code: Code
    points: tuple[Resume, ...] = ()
    resumed: Emitted | None = None
    resume_code: Code | None = None
    digest: str = ""
    agents: frozenset[str] = frozenset()
    impossible: set[Resume] = field(default_factory=set)
    """Points that were tried in vain."""
    numbers: dict[tuple[str | int | None, ...], int] = field(default_factory=dict)
    """For element, port and marks of a packet that comes back (DATA, MAC, NET, TRANSPORT, AUX): the number of its
    point, as far as it was asked for."""

    @property
    def shared(self) -> bool:
        return all(spec.kind is MapKind.LPM_TRIE for one in self.emissions for spec in one.maps)

    @property
    def emissions(self) -> tuple[Emitted, ...]:
        """Its programs: for packets that come in, and for those that come back."""
        return (self.emitted,) if self.resumed is None else (self.emitted, self.resumed)

    @cached_property
    def slow(self) -> frozenset[str]:
        """The elements that run in the agent, for all packets or for some, by canonical name."""
        divided = (one.element for emitted in self.emissions for one in emitted.divided)
        return self.agents | frozenset(one.element for one in self.emitted.slow) | frozenset(divided)

    @property
    def latest(self) -> Emitted:
        """The emission that knows all numbers."""
        return self.resumed or self.emitted


@dataclass(frozen=True)
class Prepared:
    """A module that can be started: its shape and its own parameters."""

    composed: Composed
    shape: Shape
    values: tuple[int, ...]


@dataclass
class Library:
    """Shapes in memory, code on disk. `check` loads code once, and raises VerifierError if the kernel refuses it."""

    compiler: Compiler
    target: Target
    divert: Redirect
    check: Callable[[Emitted, Code], None]
    folder: Path
    jiffies_per_second: int
    shapes: list[Shape] = field(default_factory=list)
    known: dict[str, list[Structure]] = field(default_factory=dict)
    unwanted: set[str] = field(default_factory=set)
    """Structures from which something is left out that the kernel's verifier wants to see."""
    compiled: int = 0
    """How often LLVM ran."""

    def prepare(
        self, composed: Composed, address: int, groups: tuple[tuple[int, ...], ...] | None = None
    ) -> Prepared:
        """Find or compile the shape of a module: of all that is written, if the kernel refuses what is left of it.
        Raises PlatformError if it cannot be in the kernel.

        With `groups` its parameters are these, if they can be: it runs already, with that shape.
        """
        own = structure(composed.graph)
        if composed.written is None:
            return self._prepare(composed, own, address, groups)
        if own.digest not in self.unwanted:
            try:
                found = self._prepare(composed, own, address, groups)
                if not any(one.why.startswith(REFUSED) for one in found.shape.emitted.slow):
                    return found
                self.shapes.remove(found.shape)
            except VerifierError:
                pass
            self.unwanted.add(own.digest)
        written = composed.written()
        return self._prepare(written, structure(written.graph), address, groups)

    def _prepare(
        self, composed: Composed, own: Structure, address: int, groups: tuple[tuple[int, ...], ...] | None
    ) -> Prepared:
        given = None if groups is None else with_groups(own, groups)
        for shape in self.shapes:
            values = shape.template.values(own)
            if values is not None and (given is None or shape.template.groups == given.groups):
                return Prepared(composed, shape, values)
        others = self.known.setdefault(own.digest, [])
        wanted = given or template(own, others, (address, *composed.computed))
        try:
            shape = self.build(wanted, composed)
        except VerifierError:
            wanted = template(own)  # the kernel wants to know some constant
            shape = self.build(wanted, composed)
        if len(others) < MAX_KNOWN:
            others.append(own)
        self.shapes.append(shape)
        values = wanted.values(own)
        assert values is not None, "a template matches what it was made from"
        return Prepared(composed, shape, values)

    def build(self, wanted: Template, composed: Composed) -> Shape:
        """Compile a shape; what the kernel cannot do goes to the agent, with all that keeps state together with it."""
        graph = wanted.graph(composed.graph)
        host = Hosted(len(wanted.groups))
        refused: list[Unsupported] = list(composed.slow)
        while True:
            emitted = self.emit(graph, refused, host)
            more = [*together(composed, emitted.slow), *too_heavy(emitted)]
            if more:
                refused = [*emitted.slow, *more]
                continue
            points = predicted(composed, emitted)
            shape = Shape(wanted, graph, emitted, Code(b"", ()), points, agents=composed.agents)
            if points:
                shape.resumed = self.emit_resume(shape, emitted.slow)
                if shape.resumed.own_numbers and not emitted.own_numbers:
                    host = replace(host, own_numbers=True)
                    continue
                if len(shape.resumed.slow) > len(emitted.slow):
                    refused = list(shape.resumed.slow)
                    continue
            try:
                shape.code = self.checked(emitted)
                if shape.resumed is not None:
                    shape.resume_code = self.checked(shape.resumed)
            except CompilerError as problem:
                refused = [*emitted.slow, self.heaviest(shape, problem, "LLVM")]
                continue
            except VerifierError as problem:
                refused = [*emitted.slow, self.culprit(shape, host, problem)]
                continue
            shape.digest = self.key(emitted.llvm + (shape.resumed.llvm if shape.resumed else ""))
            return shape

    def culprit(self, shape: Shape, host: Hosted, problem: VerifierError) -> Unsupported:
        """The region to take out of a program that the kernel refused: the heaviest if it was too complex, otherwise
        the first with which it is refused. Raises `problem` if that is one of the platform's own."""
        if problem.summary.startswith(TOO_COMPLEX):
            return self.heaviest(shape, problem, "the kernel")
        regions = [
            one for one in shape.emitted.regions if one.element not in OURS and one in shape.emitted.weights
        ]
        good, bad = 0, len(regions)
        while good < bad:  # all regions up to `good` pass; with those up to `bad` the program is refused
            middle = (good + bad) // 2
            rest = [Unsupported(one.element, one.port, WHOLE, "left out") for one in regions[middle + 1 :]]
            try:
                self.checked(self.emit(shape.graph, [*shape.emitted.slow, *rest], host))
                good = middle + 1
            except VerifierError:
                bad = middle
        if good >= len(regions):
            raise problem
        found = regions[good]
        reason = f"{REFUSED}: {problem.summary}"
        return Unsupported(found.element, found.port, WHOLE, reason)

    def heaviest(self, shape: Shape, problem: PlatformError, who: str) -> Unsupported:
        """The region to take out of a program that is too complex for `who`."""
        both = {**(shape.resumed.weights if shape.resumed else {}), **shape.emitted.weights}
        weights = {region: weight for region, weight in both.items() if region.element not in OURS}
        if not weights:
            raise problem
        region = max(weights, key=lambda one: weights[one])
        reason = f"too complex for {who}: {problem.diagnostics[0].message}"
        return Unsupported(region.element, region.port, WHOLE, reason)

    def emit(self, graph: Graph, refused: Iterable[Unsupported], host: Hosted) -> Emitted:
        emitted = emit(graph, self.target, self.divert, self.jiffies_per_second, refused, host, shared=True)
        wrong = [one for one in emitted.slow if one.element in OURS]
        if wrong:
            raise PlatformError(
                Diagnostic("P321", f"the kernel cannot run the platform's own {wrong[0].element}: {wrong[0]}")
            )
        return emitted

    def emit_resume(self, shape: Shape, refused: Iterable[Unsupported]) -> Emitted:
        host = Hosted(len(shape.template.groups), shape.emitted.own_numbers, resumed=True)
        graph = replace(shape.graph, entry=shape.points)
        rate, known = self.jiffies_per_second, shape.latest
        return emit(graph, self.target, self.divert, rate, refused, host, known, shared=True)

    def learn(self, shape: Shape, point: Resume) -> int | None:
        """Compile a further place where packets come back; its index, or None if that is not possible."""
        if point in shape.points:
            return shape.points.index(point)
        if len(shape.points) >= MAX_POINTS or point in shape.impossible:
            return None
        shape.impossible.add(point)  # until it was done: nobody pays twice for what cannot be
        trial = replace(shape, points=(*shape.points, point))
        try:
            trial.resumed = self.emit_resume(trial, shape.emitted.slow)
            if trial.resumed.own_numbers != shape.emitted.own_numbers or len(trial.resumed.slow) > len(
                shape.emitted.slow
            ):
                return None
            if trial.shared != shape.shared or trial.slow != shape.slow:
                return None
            trial.resume_code = self.checked(trial.resumed)
        except PlatformError:
            return None
        shape.impossible.discard(point)
        shape.points, shape.resumed, shape.resume_code = trial.points, trial.resumed, trial.resume_code
        return len(shape.points) - 1

    # ---- code on disk

    def checked(self, emitted: Emitted) -> Code:
        code = self.code(emitted)
        self.check(emitted, code)
        return code

    @staticmethod
    def key(llvm: str) -> str:
        return hashlib.sha256(llvm.encode()).hexdigest()

    def code(self, emitted: Emitted) -> Code:
        """From the folder, or from LLVM."""
        path = self.folder / f"{self.key(emitted.llvm)}.json"
        found = read_code(path)
        if found is None:
            self.compiled += 1
            found = self.compiler.compile(emitted.llvm, emitted.section)
            write_code(path, found)
        return found


def read_code(path: Path) -> Code | None:
    """Kept code; None if there is none, or not all of it."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        instructions = base64.b64decode(kept["instructions"])
        if hashlib.sha256(instructions).hexdigest() != kept["sha256"]:
            return None
        return Code(instructions, tuple(Relocation(at, symbol) for at, symbol in kept["relocations"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_code(path: Path, code: Code) -> None:
    """Keep code, whole or not at all; a disk that takes nothing costs time only."""
    kept = {
        "instructions": base64.b64encode(code.instructions).decode(),
        "sha256": hashlib.sha256(code.instructions).hexdigest(),
        "relocations": [(one.offset, one.symbol) for one in code.relocations],
    }
    with suppress(OSError):
        write_whole(path, json.dumps(kept).encode())


def too_heavy(emitted: Emitted) -> list[Unsupported]:
    """Inputs that would keep the kernel's verifier busy for seconds, if it came to an end with them at all."""
    return [
        Unsupported(
            region.element,
            region.port,
            WHOLE,
            "it has more loops over the packet than the kernel follows in time",
        )
        for region, weight in emitted.weights.items()
        if weight > MAX_WEIGHT and region.element not in OURS
    ]


def together(composed: Composed, slow: Iterable[Unsupported]) -> list[Unsupported]:
    """Further inputs that have to be slow: of elements that keep state of their own side and are slow by another input,
    and of elements that share state with one."""
    have = {(one.element, one.port) for one in slow}
    names = {one.element for one in slow}
    number = {own: name for name, own in composed.names.items()}
    own = frozenset(composed.names[name] for name in names if name in composed.names)
    names |= {number[name] for name in closed(composed.vertices, own)}
    found = []
    for at in composed.graph.programs:
        moved = at.element in names and (
            at.element in composed.stateful or at.element not in {e for e, _ in have}
        )
        if moved and (at.element, at.port) not in have:
            found.append(Unsupported(at.element, at.port, WHOLE, "it keeps state that the agent has"))
    return found


def predicted(composed: Composed, emitted: Emitted) -> tuple[Resume, ...]:
    """Where packets will come back: what leaves a slow element as it came, and what exits send."""
    slow = composed.agents | {one.element for one in (*emitted.slow, *emitted.divided)}
    if not slow:
        return ()
    places = tuple(dict.fromkeys(one for found in emitted.handovers.values() for one in found))
    points: dict[Resume, None] = {}
    number = {own: name for name, own in composed.names.items()}
    for c in composed.vertices.connections:
        source, target = composed.vertices.vertices[c.source], composed.vertices.vertices[c.target]
        name = number[source.name]
        if name in slow and source.outputs[c.output] == PUSH and number[target.name] not in slow:
            points |= {Resume(Input(number[target.name], c.input), one): None for one in places}
    if FAN_OUT in slow:
        for way in composed.graph.connections:
            to = composed.graph.connections[way]
            if way[0] == FAN_OUT and isinstance(to, Input) and to.element not in slow:
                points |= {Resume(to, one): None for one in places}
    exits = [v for v in composed.vertices.vertices if v.element.ROLE is Role.EXIT and number[v.name] in slow]
    if exits:
        points |= {Resume(SEND, FRAME): None, Resume(SEND, DATAGRAM): None}
    return tuple(points)[:MAX_POINTS]
