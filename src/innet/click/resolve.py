"""How many ports each element has, and which of them push and which pull, over the whole graph."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from innet.click.codes import ANY, Kind, flows, is_complete, kinds, port_count, processing
from innet.click.configuration import ClassInfo, Configuration, Connection, ElementDecl
from innet.click.report import Limits, Report
from innet.diagnostics import Diagnostic, Span
from innet.lexical import Text
from innet.records import quick

MAX_FLOW_PAIRS = 1_000_000
QUEUE = "Queue"
QUEUE_ARGUMENTS = "1000"


@quick
@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one element, inputs and outputs; no port is left agnostic."""

    inputs: tuple[Kind, ...]
    outputs: tuple[Kind, ...]


@dataclass(frozen=True)
class Resolved:
    """A configuration that is complete: every port used as its kind demands. Queues may have been put in."""

    configuration: Configuration
    ports: Mapping[str, Ports]
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False, repr=False)


def resolve(
    configuration: Configuration,
    classes: Mapping[str, ClassInfo],
    autoqueue: bool = False,
    limits: Limits | None = None,
) -> Resolved:
    """Count ports, find out push and pull, and check that every port is used.

    With `autoqueue`, a push output that meets a pull input gets a `Queue(1000)` between them and a warning; several
    such outputs that meet the same input share one. Raises ConfigurationError with every mistake found.
    """
    report = Report(limits or Limits())
    result = resolve_into(configuration, classes, autoqueue, report)
    report.check()
    return result


def resolve_into(
    configuration: Configuration, classes: Mapping[str, ClassInfo], autoqueue: bool, report: Report
) -> Resolved:
    """As `resolve`, but mistakes go to `report`. Elements of unknown classes are left alone."""
    classes = configuration.classes(classes)
    graph = _Graph(configuration, classes)
    if autoqueue and QUEUE in classes and graph.pulls():
        if graph.mixed():
            configuration = _with_queues(graph, report)
            graph = _Graph(configuration, classes)
        else:
            graph.reset()
    graph.check_numbers(report)
    graph.propagate()
    graph.check_kinds(report)
    graph.check_use(report)
    ports = {
        element.name: Ports(graph.settled(number, 0), graph.settled(number, 1))
        for number, element in enumerate(configuration.elements)
    }
    warnings = tuple(dict.fromkeys((*configuration.warnings, *report.warnings)))
    return Resolved(replace(configuration, warnings=warnings), ports, warnings)


Port: TypeAlias = tuple[int, int, int]
"""Element number, side (0 input, 1 output), port number."""

_SIDES = ("input", "output")
PUSH, PULL, AGNOSTIC = Kind.PUSH, Kind.PULL, Kind.AGNOSTIC
"""By names of their own: members of an `Enum` take long to be looked up in it."""


class _Graph:
    """The ports of a configuration, their kinds, and what ties them together."""

    def __init__(self, configuration: Configuration, classes: Mapping[str, ClassInfo]) -> None:
        self.configuration = configuration
        self.number = {element.name: n for n, element in enumerate(configuration.elements)}
        self.infos = [classes.get(element.class_name) for element in configuration.elements]
        self.links = [
            (self.number[c.source], c.output, self.number[c.target], c.input, c)
            for c in configuration.connections
        ]
        used = ([0] * len(self.infos), [0] * len(self.infos))
        for source, output, target, input_, _ in self.links:
            if output >= used[1][source]:
                used[1][source] = output + 1
            if input_ >= used[0][target]:
                used[0][target] = input_ + 1
        self.used = used
        self.kinds: tuple[list[list[Kind]], list[list[Kind]]] = ([], [])
        for element, info in enumerate(self.infos):
            inputs, outputs = self._counts(info, used[0][element], used[1][element])
            codes = processing(info.PROCESSING) if info is not None else ((AGNOSTIC,), (AGNOSTIC,))
            self.kinds[0].append(list(kinds(codes[0], inputs)))
            self.kinds[1].append(list(kinds(codes[1], outputs)))
        self.links_inside = [
            link
            for link in self.links
            if link[1] < len(self.kinds[1][link[0]]) and link[3] < len(self.kinds[0][link[2]])
        ]
        self.declared = ([tuple(k) for k in self.kinds[0]], [tuple(k) for k in self.kinds[1]])
        self._pairs: dict[int, list[tuple[int, int]]] = {}

    def reset(self) -> None:
        """Forget what was propagated."""
        self.kinds = ([[*k] for k in self.declared[0]], [[*k] for k in self.declared[1]])

    def pulls(self) -> bool:
        """Whether a class has a pull input: without one nothing needs a queue."""
        return any(PULL in kinds for kinds in self.declared[0])

    @staticmethod
    def _counts(info: ClassInfo | None, inputs: int, outputs: int) -> tuple[int, int]:
        if info is None:
            return inputs, outputs
        count = port_count(info.PORTS)
        inputs = min(max(inputs, count.inputs[0]), count.inputs[1])
        if count.equal:
            inputs = min(max(inputs, outputs - count.extra), count.inputs[1])
            return inputs, inputs + count.extra
        return inputs, min(max(outputs, count.outputs[0]), count.outputs[1])

    # Propagation

    def propagate(self, push_first: bool = False) -> None:
        """Give agnostic ports the kind of what they are tied to; with `push_first`, push wins over pull."""
        ties = self._ties()
        waves = (PUSH, PULL) if push_first else (None,)
        for wave in waves:
            work: deque[Port] = deque()
            for source, output, target, input_, _ in self.links_inside:
                for port in ((source, 1, output), (target, 0, input_)):
                    kind = self.kinds[port[1]][port[0]][port[2]]
                    if kind is not AGNOSTIC and (wave is None or kind is wave):
                        work.append(port)
            while work:
                element, side, port_number = work.popleft()
                kind = self.kinds[side][element][port_number]
                for other in ties.get((element, side, port_number), ()):
                    if self.kinds[other[1]][other[0]][other[2]] is AGNOSTIC:
                        self.kinds[other[1]][other[0]][other[2]] = kind
                        work.append(other)

    def _ties(self) -> dict[Port, list[Port]]:
        """For each port, the agnostic ports that must be of its kind."""
        ties: dict[Port, list[Port]] = {}
        for source, output, target, input_, _ in self.links_inside:
            from_, to = self.declared[1][source][output], self.declared[0][target][input_]
            if from_ is AGNOSTIC or to is AGNOSTIC:
                ties.setdefault((source, 1, output), []).append((target, 0, input_))
                ties.setdefault((target, 0, input_), []).append((source, 1, output))
        for element in range(len(self.infos)):
            for input_, output in self.internal(element):
                ties.setdefault((element, 0, input_), []).append((element, 1, output))
                ties.setdefault((element, 1, output), []).append((element, 0, input_))
        return ties

    def internal(self, element: int) -> list[tuple[int, int]]:
        """Pairs of agnostic input and output that packets can flow between, enough to tie all such ports."""
        known = self._pairs.get(element)
        if known is None:
            known = self._pairs[element] = self._internal(element)
        return known

    def _internal(self, element: int) -> list[tuple[int, int]]:
        info = self.infos[element]
        if info is None:
            return []
        inputs = [n for n, kind in enumerate(self.declared[0][element]) if kind is AGNOSTIC]
        outputs = [n for n, kind in enumerate(self.declared[1][element]) if kind is AGNOSTIC]
        if not inputs or not outputs:
            return []
        if is_complete(info.FLOW) or len(inputs) * len(outputs) > MAX_FLOW_PAIRS:
            return [(inputs[0], output) for output in outputs] + [
                (input_, outputs[0]) for input_ in inputs[1:]
            ]
        return list(flows(info.FLOW, inputs, outputs))

    def mixed(self) -> bool:
        """Whether some push output meets a pull input; changes the kinds, push first."""
        self.propagate(push_first=True)
        return any(self._needs_queue(link) for link in self.links_inside)

    def _needs_queue(self, link: tuple[int, int, int, int, Connection]) -> bool:
        source, output, target, input_, _ = link
        return self.kinds[1][source][output] is PUSH and self.kinds[0][target][input_] is PULL

    def queue_places(self) -> list[Connection]:
        """The connections that need a queue."""
        return [link[4] for link in self.links_inside if self._needs_queue(link)]

    def settled(self, element: int, side: int) -> tuple[Kind, ...]:
        """The kinds of an element's ports, agnostic ones as push."""
        return tuple([PUSH if kind is AGNOSTIC else kind for kind in self.kinds[side][element]])

    # Checks

    def called(self, element: int) -> str:
        declaration = self.configuration.elements[element]
        return f"'{declaration.name} :: {declaration.class_name}'"

    def span(self, element: int) -> Span | None:
        return self.configuration.elements[element].span

    def check_numbers(self, report: Report) -> None:
        """Ports beyond what the class has."""
        told: set[Port] = set()
        for source, output, target, input_, connection in self.links:
            for element, side, port in ((source, 1, output), (target, 0, input_)):
                if port < len(self.kinds[side][element]) or (element, side, port) in told:
                    continue
                told.add((element, side, port))
                info = self.infos[element]
                assert info is not None
                count = port_count(info.PORTS)
                expected = _told_range((count.inputs, count.outputs)[side], _SIDES[side])
                message = f"{self.called(element)} has no {_SIDES[side]} {port}"
                report.error("C150", message, connection.span, expected)

    def check_kinds(self, report: Report) -> None:
        """Push and pull that meet, in a connection or inside an element."""
        for source, output, target, input_, connection in self.links_inside:
            from_, to = self.kinds[1][source][output], self.kinds[0][target][input_]
            if from_ is not to and AGNOSTIC not in (from_, to):
                message = (
                    f"{self.called(source)} {from_.value} output {output} connected to "
                    f"{self.called(target)} {to.value} input {input_}"
                )
                between = "a Queue" if from_ is PUSH else "an Unqueue"
                example = f"{connection.source} -> {between.split()[1]} -> {connection.target}"
                help_ = f"put {between} between them: {example}"
                report.error("C151", message, connection.span, "push on both sides, or pull on both", help_)
        for element in range(len(self.infos)):
            for input_, output in self.internal(element):
                arriving, leaving = self.kinds[0][element][input_], self.kinds[1][element][output]
                if arriving is not leaving and AGNOSTIC not in (arriving, leaving):
                    message = (
                        f"agnostic {self.called(element)} in mixed context: "
                        f"{arriving.value} input {input_}, {leaving.value} output {output}"
                    )
                    mending = "a Queue" if arriving is PUSH else "an Unqueue"
                    help_ = f"put {mending} before or behind {self.configuration.elements[element].name}"
                    report.error("C152", message, self.span(element), "one kind on both sides", help_)
                    break

    def check_use(self, report: Report) -> None:
        """Ports that are not connected, and push outputs and pull inputs that are connected twice."""
        connected: dict[Port, list[Connection]] = {}
        beyond: set[tuple[int, int]] = set()
        for source, output, target, input_, connection in self.links:
            for end in ((source, 1, output), (target, 0, input_)):
                connected.setdefault(end, []).append(connection)
                if end[2] >= len(self.kinds[end[1]][end[0]]):
                    beyond.add(end[:2])  # told already; the port that was meant is another one
        for element, info in enumerate(self.infos):
            if info is None:
                continue
            for side, single in ((0, PULL), (1, PUSH)):
                unused: list[int] = []
                for port, kind in enumerate(self.settled(element, side)):
                    connections = connected.get((element, side, port), [])
                    if not connections:
                        unused.append(port)
                    elif len(connections) > 1 and kind is single:
                        self._report_reuse(report, element, side, port, connections)
                if unused and (element, side) not in beyond:
                    ports = _told_ports(unused)
                    message = f"{self.called(element)} {_SIDES[side]} {ports} unused"
                    help_ = _unused_help(self.configuration.elements[element], side, unused[0])
                    report.error("C154", message, self.span(element), help=help_)

    def _report_reuse(
        self, report: Report, element: int, side: int, port: int, connections: Sequence[Connection]
    ) -> None:
        kind = PUSH if side else PULL
        message = f"illegal reuse of {self.called(element)} {kind.value} {_SIDES[side]} {port}"
        first = connections[0].span
        facts = (("connected first at", str(first)),) if first is not None else ()
        help_ = "use a Tee to copy packets" if side else "use a scheduler such as RoundRobinSched to choose"
        span = connections[1].span
        report.error("C153", message, span, "one connection", help_, facts)


def _told_range(count: tuple[int, int], side: str) -> str:
    low, high = count
    if high == 0:
        return f"no {side}"
    many = f"{low}" if low == high else f"{low} or more" if high >= ANY else f"{low} to {high}"
    return f"{many} {side}{'' if many == '1' else 's'}, numbered from 0"


def _told_ports(ports: Sequence[int]) -> str:
    shown = ", ".join(str(port) for port in ports[:5])
    return f"{shown}, ... ({len(ports)} in all)" if len(ports) > 5 else shown


def _unused_help(element: ElementDecl, side: int, port: int) -> str:
    if side:
        return f"connect it: {element.name} [{port}] -> Discard"
    return f"connect something to it, or leave {element.name} out"


def _with_queues(graph: _Graph, report: Report) -> Configuration:
    """The configuration with a queue before each pull input that a push output meets."""
    configuration = graph.configuration
    taken = set(configuration.element)
    queues: dict[tuple[str, int], str] = {}
    elements = list(configuration.elements)
    connections: list[Connection] = []
    places = {id(connection) for connection in graph.queue_places()}
    number = 0
    for connection in configuration.connections:
        if id(connection) not in places:
            connections.append(connection)
            continue
        target = (connection.target, connection.input)
        name = queues.get(target)
        if name is None:
            number += 1
            while f"autoqueue@{number}" in taken:
                number += 1
            name = queues[target] = f"autoqueue@{number}"
            elements.append(ElementDecl(name, QUEUE, Text(QUEUE_ARGUMENTS), connection.span))
            connections.append(Connection(name, 0, connection.target, connection.input, connection.span))
            report.warning(
                "C155",
                f"'{connection.source}' pushes and '{connection.target}' pulls: "
                f"{QUEUE}({QUEUE_ARGUMENTS}) was put between them",
                connection.span,
                f"write it: {connection.source} -> {QUEUE}({QUEUE_ARGUMENTS}) -> {connection.target}",
            )
        connections.append(Connection(connection.source, connection.output, name, 0, connection.span))
    order = {element.name: n for n, element in enumerate(elements)}
    connections.sort(key=lambda c: (order[c.source], c.output, order[c.target], c.input))
    return replace(configuration, elements=tuple(elements), connections=tuple(connections))
