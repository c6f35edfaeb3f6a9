"""Flattening: compound elements give way to what they contain, variables to their values, tunnels to connections."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from innet.click.configuration import Configuration, Connection, ElementDecl
from innet.click.report import COPY, Report
from innet.click.scope import AnyClass, Body, CompoundClass, Link, Primitive
from innet.diagnostics import Span
from innet.ir.definition import Definition
from innet.lexical import Expander, ExpansionTooLargeError, Parameter, Text, arguments, assign


@dataclass(slots=True, eq=False)
class Environment:
    """The values of variables in one instance of a body."""

    values: Mapping[str, Text]
    depth: int
    parent: "Environment | None" = None

    def lookup(self, name: str) -> Text | None:
        """The innermost value of `name`, as written."""
        environment: Environment | None = self
        while environment is not None:
            value = environment.values.get(name)
            if value is not None:
                return value
            environment = environment.parent
        return None

    def around(self, depth: int) -> "Environment | None":
        """The nearest environment that is less than `depth` deep."""
        environment: Environment | None = self
        while environment is not None and environment.depth >= depth:
            environment = environment.parent
        return environment


@dataclass(slots=True)
class _Flat:
    """One element on its way to being flat. `cls` is None for tunnels."""

    name: str
    cls: AnyClass | None
    arguments: Text | None
    span: Span
    inputs: int = 0
    outputs: int = 0


@dataclass(slots=True)
class Flattener:
    """Expands a file's body; see `flatten`."""

    report: Report
    elements: list[_Flat] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    through: dict[int, int] = field(default_factory=dict)
    tunnels: list[tuple[int, int, int]] = field(default_factory=list)
    counts: dict[int, tuple[dict[int, int], dict[int, int]]] = field(default_factory=dict)
    expander: Expander = field(default_factory=lambda: Expander(0))

    def flatten(self, body: Body, variables: Mapping[str, str]) -> None:
        """Fill `elements`, `links` and `tunnels` from the file's scope."""
        self.expander.budget = self.report.limits.substituted
        values = {**body.defines, **{name: Text(value) for name, value in variables.items()}}
        environment = Environment(values, 0)
        self.copy(body, "", None)
        for number in range(len(self.elements)):
            work = [(number, environment, 0)]
            while work:
                element, around, depth = work.pop()
                inner = self.expand(element, around, depth)
                if inner is not None:
                    first, instance = inner
                    work.extend((child, instance, depth + 1) for child in reversed(first))

    def expand(self, number: int, around: Environment, depth: int) -> tuple[list[int], Environment] | None:
        """Replace the variables of one element and, if it is compound, put its contents at the end of the list."""
        element = self.elements[number]
        if element.cls is None:
            return None
        text = element.arguments
        if text is not None and "$" in text.value:
            try:
                element.arguments = text = self.expander.expand(text, around.lookup)
            except ExpansionTooLargeError:
                limit = self.report.limits.substituted
                message = f"variables make more than {limit} characters of text"
                raise self.report.fatal("C143", message, text.span) from None
        if isinstance(element.cls, Primitive):
            return None
        given = arguments(text) if text is not None else ()
        chosen = self.choose(element, element.cls, given)
        if isinstance(chosen, Primitive):
            element.cls = chosen
            return None
        body, values = chosen
        if depth >= self.report.limits.depth:
            limit = self.report.limits.depth
            message = f"'{element.name}': compound elements are more than {limit} deep inside each other"
            raise self.report.fatal("C141", message, element.span)
        element.cls = None
        instance = Environment({**body.defines, **values}, body.depth, around.around(body.depth))
        return self.copy(body, f"{element.name}/", number), instance

    def copy(self, body: Body, prefix: str, outer: int | None) -> list[int]:
        """Append the elements and links of `body`; returns the numbers of its elements."""
        report = self.report
        if len(self.elements) + len(body.names) > report.limits.elements:
            span = self.elements[outer].span if outer is not None else None
            message = f"more than {report.limits.elements} elements once compound elements are expanded"
            raise report.fatal("C142", message, span)
        report.spend(COPY * len(body.names))
        base = len(self.elements)
        inputs, outputs = self.port_counts(body)
        for number, name in enumerate(body.names):
            full = prefix + name
            span = body.spans[number]
            if full in self.index:
                place = self.elements[self.index[full]].span
                facts = ((f"'{full}' was declared at", str(place)),)
                message = f"expanding '{prefix[:-1]}' gives a second element '{full}'"
                at = self.elements[outer].span if outer is not None else span
                report.error("C124", message, at, "names without '/', or other ones", facts=facts)
            else:
                self.index[full] = base + number
            self.elements.append(
                _Flat(
                    full,
                    body.classes[number],
                    body.arguments[number],
                    span,
                    inputs.get(number, 0),
                    outputs.get(number, 0),
                )
            )
        if len(self.links) + len(body.links) > report.limits.connections:
            raise report.fatal("C144", f"more than {report.limits.connections} connections", body.span)
        if outer is None:
            self.links.extend(body.links)
        else:
            for source, output, target, input_, span in body.links:
                self.links.append(Link(base + source, output, base + target, input_, span))
            self.add_tunnel(outer, base, base + 1)
        for group, input_, output in body.tunnels:
            self.add_tunnel(base + group, base + input_, base + output)
        return list(range(base, len(self.elements)))

    def add_tunnel(self, outer: int, input_: int, output: int) -> None:
        self.through[outer] = input_
        self.through[output] = outer
        self.tunnels.append((outer, input_, output))

    def port_counts(self, body: Body) -> tuple[dict[int, int], dict[int, int]]:
        """Inputs and outputs in use (highest number and one) of each element of `body`."""
        known = self.counts.get(id(body))
        if known is None:
            inputs: dict[int, int] = {}
            outputs: dict[int, int] = {}
            for source, output, target, input_, _ in body.links:
                if output >= outputs.get(source, 0):
                    outputs[source] = output + 1
                if input_ >= inputs.get(target, 0):
                    inputs[target] = input_ + 1
            known = self.counts[id(body)] = (inputs, outputs)
        return known

    # Overloading

    def choose(
        self, element: _Flat, cls: CompoundClass, given: tuple[Text, ...]
    ) -> tuple[Body, dict[str, Text]] | Primitive:
        """The variant of `cls` that fits the ports and arguments in use, with the values of its formals."""
        candidates: list[tuple[str, Body]] = []
        at: AnyClass | None = cls
        single: tuple[Body, dict[str, Text]] | None = None
        while isinstance(at, CompoundClass):
            for body in at.bodies:
                values = _bind(body, given)
                if values is not None and (body.inputs, body.outputs) == (element.inputs, element.outputs):
                    return body, values
                if values is not None:
                    single = (body, values)
                candidates.append((at.name, body))
            at = at.previous
        if at is not None:
            return at
        if single is not None and len(candidates) == 1:
            return single  # its ports are wrong, and that is told port by port
        wanted = _signature(cls.name, len(given), element.inputs, element.outputs)
        facts = tuple(
            ("candidate", f"{_formals(name, body)}, at {body.span}") for name, body in candidates[:10]
        )
        self.report.error("C140", f"no match for '{wanted}'", element.span, facts=facts)
        return Primitive(cls.name, known=False)

    # Connections

    def connections(self) -> list[Link]:
        """Connections between primitive elements, sorted, each once; checks the ports of tunnels."""
        hidden = {number for tunnel in self.tunnels for number in tunnel}
        if not hidden:
            return _unique(self.links)
        onward: dict[tuple[int, int], list[Link]] = {}
        used_inputs: dict[int, dict[int, Span]] = {}
        used_outputs: dict[int, dict[int, Span]] = {}
        for link in self.links:
            if link.source in hidden:
                onward.setdefault((link.source, link.output), []).append(link)
                used_outputs.setdefault(link.source, {})[link.output] = link.span
            if link.target in hidden:
                used_inputs.setdefault(link.target, {})[link.input] = link.span
        for outer, input_, output in self.tunnels:
            name = self.elements[outer].name
            span = self.elements[outer].span
            inside = used_outputs.get(input_, {})
            self.check_ports(name, span, "input", used_inputs.get(outer, {}), inside)
            inside = used_inputs.get(output, {})
            self.check_ports(name, span, "output", used_outputs.get(outer, {}), inside)
        found: list[Link] = []
        budget = self.report.limits.connections
        for link in self.links:
            if link.source in hidden:
                continue
            if link.target not in hidden:
                found.append(link)
                continue
            seen: set[tuple[int, int]] = set()
            work = [(link.target, link.input)]
            while work:
                budget -= 1
                target, port = work.pop()
                if target not in hidden:
                    found.append(Link(link.source, link.output, target, port, link.span))
                    continue
                if (target, port) in seen or target not in self.through:
                    continue
                seen.add((target, port))
                following = onward.get((self.through[target], port), [])
                budget -= len(following)
                if budget < 0:
                    limit = self.report.limits.connections
                    raise self.report.fatal("C144", f"more than {limit} connections", link.span)
                work.extend((next_.target, next_.input) for next_ in following)
        return _unique(found)

    def check_ports(
        self, name: str, span: Span, kind: str, outside: Mapping[int, Span], inside: Mapping[int, Span]
    ) -> None:
        """Report the ports of a compound that only one of its two sides uses."""
        for port in sorted(outside.keys() - inside.keys()):
            message = f"'{name}' has no {kind} {port}"
            expected = f"at most {len(inside)} {kind}s" if inside else f"no {kind}"
            self.report.error("C135", message, outside[port], expected)
        for port in sorted(inside.keys() - outside.keys()):
            help_ = f"connect it, or leave {kind} {port} out inside"
            self.report.error("C136", f"'{name}' {kind} {port} unused", span, help=help_)

    def configuration(
        self, requirements: tuple[str, ...], programs: tuple[Definition, ...] = ()
    ) -> Configuration:
        """The flat result."""
        links = self.connections()
        names = [element.name for element in self.elements]
        elements = tuple(
            ElementDecl(
                element.name, element.cls.name, element.arguments or _no_arguments(element.span), element.span
            )
            for element in self.elements
            if element.cls is not None
        )
        connections = tuple(
            Connection(names[source], output, names[target], input_, span)
            for source, output, target, input_, span in links
        )
        return Configuration(elements, connections, self.report.warnings, requirements, programs)


def _no_arguments(span: Span) -> Text:
    return Text("", Span(span.source, span.end, span.end))


def _unique(links: list[Link]) -> list[Link]:
    """Sorted by source, output, target and input; the first of equal ones."""
    found: dict[tuple[int, int, int, int], Link] = {}
    for link in links:
        found.setdefault(link[:4], link)
    return [found[key] for key in sorted(found)]


def _bind(body: Body, given: tuple[Text, ...]) -> dict[str, Text] | None:
    """The values that `given` gives to the formals of `body`; None if it does not fit."""
    formals = body.formals
    if not formals or not formals[-1].keyword:
        if len(given) != len(formals):
            return None
        return {formal.variable: text for formal, text in zip(formals, given, strict=True)}
    rest = formals[-1].keyword == "__REST__"
    named = formals[:-1] if rest else formals
    parameters = [Parameter(formal.keyword, not formal.keyword, True) for formal in named]
    assignment = assign(given, parameters, rest=rest)
    if assignment.missing or assignment.unknown or (assignment.extra and not rest):
        return None
    values = {named[number].variable: text for number, text in assignment.values.items()}
    if rest:
        extra = assignment.extra
        span = extra[0].span if extra else None
        joined = ", ".join(text.value for text in extra)
        values[formals[-1].variable] = extra[0] if len(extra) == 1 else Text(joined, span, ())
    return values


def _signature(name: str, given: int, inputs: int, outputs: int) -> str:
    counts = [(given, "argument")] if given else []
    counts += [(inputs, "input"), (outputs, "output")]
    told = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts)
    return f"{name or '<anonymous>'}[{told}]"


def _formals(name: str, body: Body) -> str:
    shown = ["..." if f.keyword == "__REST__" else f"{f.keyword} ${f.variable}".strip() for f in body.formals]
    parameters = f"({', '.join(shown)})" if shown else ""
    return f"{name or '<anonymous>'}{parameters}" + _signature("", 0, body.inputs, body.outputs).removeprefix(
        "<anonymous>"
    )
