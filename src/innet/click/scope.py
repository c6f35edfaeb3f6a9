"""What the names in a syntax tree mean: element classes, elements and ports, one `Body` for each scope.

Names are resolved in the order of the text: a class is known behind its definition until the scope that contains it
closes, an element from its declaration on. Nothing is expanded here; that is `expand`'s work.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias, assert_never

from innet.click import syntax
from innet.click.configuration import ClassInfo
from innet.click.connect import End, PortList, connect, port_list, width
from innet.click.parser import read
from innet.click.report import Report
from innet.click.withheld import WITHHELD
from innet.diagnostics import Source, Span, suggest
from innet.ir.definition import Definition
from innet.lexical import Text, arguments, shift_word, unquote, words
from innet.records import quick


@quick
@dataclass(frozen=True, slots=True)
class Primitive:
    """A class that is not defined in the text; unknown ones stand for a mistake already reported."""

    name: str
    known: bool = True


@dataclass(slots=True, eq=False)
class CompoundClass:
    """A class defined in the text: its overloads in order, and what `|| ...` goes on with."""

    name: str
    span: Span
    bodies: list["Body"] = field(default_factory=list)
    previous: "Primitive | CompoundClass | None" = None


AnyClass: TypeAlias = Primitive | CompoundClass


class Link(NamedTuple):
    """A connection between elements of one body, by number."""

    source: int
    output: int
    target: int
    input: int
    span: Span


@dataclass(slots=True, eq=False)
class Body:
    """The elements and connections of the file, or of one variant of a compound (whose first two are pseudo ones).

    `classes` has None for pseudo elements; `tunnels` are groups as (group, its input, its output).
    """

    depth: int
    span: Span | None
    names: list[str] = field(default_factory=list)
    classes: list[AnyClass | None] = field(default_factory=list)
    arguments: list[Text | None] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    tunnels: list[tuple[int, int, int]] = field(default_factory=list)
    formals: tuple[syntax.Formal, ...] = ()
    defines: dict[str, Text] = field(default_factory=dict)
    inputs: int = 0
    outputs: int = 0
    anonymous: list[tuple[int, str, int]] = field(default_factory=list)
    undeclared: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, cls: AnyClass | None, text: Text | None, span: Span) -> int:
        """A new element, not yet in `index`."""
        self.names.append(name)
        self.classes.append(cls)
        self.arguments.append(text)
        self.spans.append(span)
        return len(self.names) - 1

    def next_number(self) -> int:
        """What an anonymous element made now is numbered."""
        return len(self.names) + 1 - (2 if self.depth else 0)


class Scopes:
    """Resolves the names of one file. `classes` are the primitive ones."""

    def __init__(
        self,
        classes: Mapping[str, ClassInfo],
        report: Report,
        allowed_requirements: Set[str],
        libraries: Mapping[str, Source],
        lost: Set[str],
    ) -> None:
        self.primitives = classes
        self.report = report
        self.allowed_requirements = allowed_requirements
        self.libraries = libraries
        self.lost = set(lost)
        self.included: set[str] = set()
        self.requirements: list[str] = []
        self.defined: dict[str, AnyClass] = {}
        self.undo: list[tuple[str, AnyClass | None]] = []
        self.defining: list[str] = []
        self.connections_left = report.limits.connections
        self.known: dict[str, Primitive | None] = {}
        self.programs: dict[str, Definition] = {}

    def file(self, tree: syntax.File) -> Body:
        """The file's scope."""
        body = Body(0, None)
        self.statements(body, tree.statements)
        self.name_anonymous(body)
        return body

    # Classes

    def lookup(self, name: str) -> AnyClass | None:
        """The class that `name` means here, if any."""
        cls = self.defined.get(name)
        if cls is not None:
            return cls
        if name not in self.known:
            self.known[name] = Primitive(name) if name in self.primitives else None
        return self.known[name]

    def define(self, name: str, cls: AnyClass) -> None:
        self.undo.append((name, self.defined.get(name)))
        self.defined[name] = cls

    def class_named(self, identifier: syntax.Identifier) -> AnyClass:
        """The class for `:: name` and `elementclass x name`; unknown ones are reported."""
        cls = self.lookup(identifier.name)
        if cls is not None:
            return cls
        name = identifier.name
        if name in WITHHELD:
            self.withheld(name, identifier.span)
        elif name not in self.lost:
            near = self.similar(name, self.class_names())
            help_ = near or self.own_body(name)
            self.report.error(
                "C120", f"unknown element class '{name}'", identifier.span, "an element class", help_
            )
        return Primitive(name, known=False)

    def withheld(self, name: str, span: Span) -> None:
        """Report a class of Click that is not offered."""
        why, instead = WITHHELD[name]
        self.report.error("C126", f"element class '{name}' is not offered: {why}", span, help=instead)

    def program(self, definition: Definition) -> None:
        """A class defined by a packet program: a primitive one, known from here on to the end of the text."""
        name = definition.name
        before = self.lookup(name)
        if before is not None:
            facts: tuple[tuple[str, str], ...] = ()
            what = "is a built-in element class"
            place = self.programs[name].span if name in self.programs else getattr(before, "span", None)
            if place is not None:
                what, facts = "is an element class already", (("previously declared here", str(place)),)
            help_ = f"call it something else: My{name}"
            self.report.error("C125", f"'{name}' {what}", definition.span, "a new name", help_, facts)
            return
        self.programs[name] = definition
        self.known[name] = Primitive(name)

    def class_names(self) -> Iterator[str]:
        yield from self.defined
        yield from self.programs
        yield from self.primitives

    def similar(self, name: str, known: Iterator[str]) -> str:
        near = suggest(name, known)
        return f"did you mean '{near}'?" if near else ""

    def own_body(self, name: str) -> str:
        if name in self.defining:
            return f"'{name}' is not known inside its own definition: compound elements cannot contain themselves"
        return ""

    def compound(self, tree: syntax.Compound, name: str, around: Body) -> CompoundClass:
        cls = CompoundClass(name, tree.span)
        if tree.extends:
            cls.previous = self.lookup(name) if name else None
            if cls.previous is None:
                what = f"unknown element class '{name}'" if name else "an element class without a name"
                help_ = "'|| ...' continues the class that had this name before"
                self.report.error("C115", f"cannot extend {what}", tree.span, help=help_)
        self.defining.append(name)
        for variant in tree.variants:
            mark = len(self.undo)
            cls.bodies.append(self.variant(variant, around, name or "<anonymous>"))
            while len(self.undo) > mark:
                old, previous = self.undo.pop()
                if previous is None:
                    del self.defined[old]
                else:
                    self.defined[old] = previous
        self.defining.pop()
        return cls

    def variant(self, tree: syntax.Variant, around: Body, name: str) -> Body:
        body = Body(around.depth + 1, tree.span, formals=tree.formals)
        for pseudo in ("input", "output"):
            body.index[pseudo] = body.add(pseudo, None, None, tree.span)
        self.statements(body, tree.statements)
        body.inputs, body.outputs = self.pseudo_ports(body, 0, 1, 0, name, tree.span)
        self.name_anonymous(body)
        return body

    def pseudo_ports(
        self, body: Body, input_: int, output: int, first: int, name: str, span: Span
    ) -> tuple[int, int]:
        """How many inputs and outputs the links from number `first` on give to pseudo elements; checks them."""
        inputs = {link.output for link in body.links[first:] if link.source == input_}
        outputs = {link.input for link in body.links[first:] if link.target == output}
        for kind, used in (("input", inputs), ("output", outputs)):
            missing = [str(port) for port in range(max(used, default=-1)) if port not in used]
            if missing:
                shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
                message = f"{kind} {shown} of '{name}' is missing, but {kind} {max(used)} is used"
                self.report.error("C134", message, span, f"{kind}s numbered from 0 without gaps")
        return max(inputs, default=-1) + 1, max(outputs, default=-1) + 1

    # Statements

    def statements(self, body: Body, statements: tuple[syntax.Statement, ...]) -> None:
        for statement in statements:
            match statement:
                case syntax.Chain():
                    self.chain(body, statement)
                case syntax.ElementClass(name, definition):
                    if isinstance(definition, syntax.Compound):
                        cls: AnyClass = self.compound(definition, name.name, body)
                    else:
                        cls = self.class_named(definition)
                    self.define(name.name, cls)
                case syntax.ElementProgram(definition):
                    self.program(definition)
                case syntax.Define():
                    self.define_variables(body, statement)
                case syntax.Require():
                    self.require(body, statement)
                case _:
                    assert_never(statement)

    def define_variables(self, body: Body, statement: syntax.Define) -> None:
        taken = {formal.variable for formal in body.formals}
        for argument in arguments(statement.arguments):
            if not argument.value:
                continue
            word, value = shift_word(argument)
            name = word.value[1:]
            if not word.value.startswith("$") or not name.isascii() or not name.replace("_", "a").isalnum():
                self.report.error(
                    "C111", f"'{word}' is not a variable", word.span, "$name", "define($name value, ...)"
                )
                continue
            if name in body.defines or name in taken:
                self.report.error("C111", f"'${name}' is defined twice in one scope", word.span)
                continue
            body.defines[name] = value

    def require(self, body: Body, statement: syntax.Require) -> None:
        for argument in arguments(statement.arguments):
            parts = [unquote(word).value for word in words(argument)]
            if not parts:
                continue
            if len(parts) == 1 and parts[0] not in ("compact_config", "package", "library"):
                parts = ["package", *parts]
            requirement = " ".join(parts)
            if parts == ["compact_config"]:
                continue
            if len(parts) != 2 or parts[0] not in ("package", "library"):
                expected = "'package NAME', 'library FILE' or 'compact_config'"
                self.report.error("C112", f"'{argument}' is no requirement", argument.span, expected)
            elif parts[0] == "library" and body.depth:
                message = "a library can be required at the outermost level only"
                self.report.error("C112", message, argument.span)
            elif parts[0] == "library" and parts[1] in self.libraries:
                if parts[1] not in self.included:
                    self.included.add(parts[1])
                    library = read(self.libraries[parts[1]], self.report)
                    self.lost |= library.lost
                    self.statements(body, library.statements)
            elif parts[0] == "package" and parts[1] in self.allowed_requirements:
                self.requirements.append(parts[1])
            else:
                allowed = sorted(
                    {*self.allowed_requirements, *(f"library {name}" for name in self.libraries)}
                )
                expected = (
                    f"one of: {', '.join(allowed)}" if allowed else "no requirement: none is allowed here"
                )
                message = f"requirement '{requirement}' is not allowed here"
                self.report.error("C112", message, argument.span, expected)

    # Connections

    def chain(self, body: Body, chain: syntax.Chain) -> None:
        last = len(chain.lists) - 1
        if last == 0:
            uses = self.spread(chain.lists[0])
            ends = self.list_(body, uses, "output")
            self.useless(ends, uses, inputs=True)
            self.useless(ends, uses, inputs=False)
            return
        before: list[End] = []
        for number, uses in enumerate(chain.lists):
            ends = self.list_(body, uses, "input" if number == 0 else "output")
            if number == 0:
                self.useless(ends, uses, inputs=True)
            else:
                span = self.between(before[0].span, ends[-1].span)
                for source, output, target, input_ in connect(
                    before, ends, chain.arrows[number - 1], span, self.report
                ):
                    self.link(body, source, output, target, input_)
            if number == last:
                self.useless(ends, uses, inputs=False)
            before = ends

    @staticmethod
    def between(first: Span, last: Span) -> Span:
        return Span(first.source, first.start, last.end) if first.source is last.source else last

    def useless(self, ends: list[End], uses: tuple[syntax.ElementUse, ...], inputs: bool) -> None:
        for use in uses:
            ports = use.inputs if inputs else use.outputs
            if ports is not None and use.what is not None:
                message = (
                    "input ports at the start of a chain" if inputs else "output ports at the end of a chain"
                )
                help_ = "ports before an element are its inputs, ports behind it its outputs"
                self.report.error("C109", message, ports.span, help=help_)
                return

    def link(self, body: Body, source: End, output: int, target: End, input_: int) -> None:
        if body.classes[target.element] is None and body.names[target.element].endswith("input"):
            self.report.error(
                "C133", "'input' is where packets come from", target.span, "'input' before an arrow"
            )
            return
        if body.classes[source.element] is None and body.names[source.element].endswith("output"):
            self.report.error(
                "C133", "'output' is where packets go to", source.span, "'output' behind an arrow"
            )
            return
        self.spend(1, target.span)
        span = self.between(source.span, target.span)
        body.links.append(Link(source.element, output, target.element, input_, span))

    def spend(self, ports: int, span: Span) -> None:
        self.connections_left -= ports
        if self.connections_left < 0:
            limit = self.report.limits.connections
            raise self.report.fatal("C144", f"more than {limit} connections", span)

    # Elements

    @staticmethod
    def spread(uses: tuple[syntax.ElementUse, ...]) -> tuple[syntax.ElementUse, ...]:
        """`a, b :: C(x)` on its own means `a :: C(x), b :: C(x)`."""
        last = uses[-1]
        if len(uses) == 1 or last.cls is None or any(use.inputs or use.outputs for use in uses):
            return uses
        for use in uses[:-1]:
            if (
                not isinstance(use.what, syntax.Identifier)
                or use.cls is not None
                or use.arguments is not None
            ):
                return uses
        return (*(replace(use, cls=last.cls, arguments=last.arguments) for use in uses[:-1]), last)

    def list_(self, body: Body, uses: tuple[syntax.ElementUse, ...], pseudo: str) -> list[End]:
        """The elements of a comma-separated list. Groups and compounds come first, then all names in order."""
        read_: list[tuple[AnyClass | None, AnyClass | None, tuple[int, int, int] | None]] = []
        spread: dict[int, AnyClass] = {}
        for use in uses:
            if use.inputs is not None or use.outputs is not None:
                self.spend(width(use.inputs) + width(use.outputs), use.span)
            cls: AnyClass | None = None
            declared: AnyClass | None = None
            group: tuple[int, int, int] | None = None
            match use.what:
                case syntax.Group():
                    group = self.group(body, use.what)
                case syntax.Compound():
                    cls = self.compound(use.what, "", body)
                case syntax.Identifier(name):
                    # No primitive class has the name of a declared element, so it need not be looked for.
                    cls = self.defined.get(name) if name in body.index else self.lookup(name)
            if use.cls is not None:
                declared = spread.get(id(use.cls))
                if declared is None:
                    if isinstance(use.cls, syntax.Compound):
                        declared = self.compound(use.cls, "", body)
                    else:
                        declared = self.class_named(use.cls)
                    spread[id(use.cls)] = declared
            read_.append((cls, declared, group))
        ends: list[End] = []
        for use, (cls, declared, group) in zip(uses, read_, strict=True):
            inputs, outputs = port_list(use.inputs), port_list(use.outputs)
            if use.what is None:
                element = body.index.get(pseudo, -1)
                assert element >= 0
                ends.append(End(element, inputs, inputs, use.span))
            elif group is not None:
                element, group_inputs, group_outputs = group
                inputs = inputs if use.inputs else PortList(tuple(range(group_inputs)))
                outputs = outputs if use.outputs else PortList(tuple(range(group_outputs)))
                ends.append(End(element, inputs, outputs, use.span))
            else:
                ends.append(End(self.element(body, use, cls, declared), inputs, outputs, use.span))
        return ends

    def element(
        self, body: Body, use: syntax.ElementUse, cls: AnyClass | None, declared: AnyClass | None
    ) -> int:
        """The element that `use` makes or means. `cls`: the class its name is; `declared`: that behind '::'."""
        if isinstance(use.what, syntax.Identifier):
            name, span = use.what.name, use.what.span
        else:
            name, span = "", use.span
        known = body.index.get(name, -1) if cls is None else -1
        if known >= 0:
            if declared is not None:
                facts: tuple[tuple[str, str], ...] = ()
                if body.classes[known] is not None:
                    facts = ((f"'{name}' was declared at", str(body.spans[known])),)
                self.report.error(
                    "C122", f"redeclaration of element '{name}'", span, "a new name", facts=facts
                )
            elif use.arguments is not None:
                message = f"'{name}' is an element already: arguments do nothing here"
                expected = "arguments where the element is declared"
                self.report.error("C113", message, use.arguments.span, expected)
            return known
        if cls is not None and declared is not None:
            help_ = f"call it something else: {name.lower()}1 :: {getattr(declared, 'name', '') or '{ ... }'}"
            self.report.error("C123", f"class '{name}' used as element name", span, "an element name", help_)
        elif declared is None and cls is None:
            cls = self.undeclared(body, name, span)
        if cls is None:
            self.check_name(name, span)
            if name in body.undeclared:
                self.forward_reference(body, name, span)
            element = body.add(name, declared, use.arguments, use.span)
            body.index[name] = element
            return element
        number = body.next_number()
        element = body.add("", cls, use.arguments, use.span)
        body.anonymous.append((element, name, number))
        return element

    def undeclared(self, body: Body, name: str, span: Span) -> AnyClass:
        """Report a name that is neither an element nor a class (once for each name), and stand in for it."""
        if name in WITHHELD:
            self.withheld(name, span)
        elif name not in body.undeclared and name not in self.lost:
            near = self.similar(name, iter([*body.index, *self.class_names()]))
            help_ = self.own_body(name) or near
            expected = "a declared element or an element class"
            if name in ("input", "output"):
                help_ = f"'{name}' has a meaning only inside {{ }} and ( )"
            body.undeclared[name] = len(self.report.found)
            self.report.error("C121", f"undeclared element '{name}'", span, expected, help_)
        return Primitive(name, known=False)

    def forward_reference(self, body: Body, name: str, span: Span) -> None:
        """An undeclared element turned out to be declared later: say so in its error."""
        number = body.undeclared.pop(name)
        line, _ = span.source.position(span.start)
        help_ = f"'{name}' is declared in line {line}; an element must be declared before it is used"
        self.report.found[number] = replace(self.report.found[number], help=help_)

    def check_name(self, name: str, span: Span) -> None:
        if any(part.isdigit() for part in name.split("/")):
            help_ = f"e{name}" if "/" not in name else ""
            message = f"element name '{name}' has a component of digits only"
            self.report.error(
                "C114", message, span, "a name with a letter in it", help_ and f"for example {help_}"
            )

    def group(self, body: Body, tree: syntax.Group) -> tuple[int, int, int]:
        """The group's element, and how many inputs and outputs it has."""
        number = body.next_number()
        group = body.add("", None, None, tree.span)
        body.anonymous.append((group, "", number))
        input_ = body.add("group/input", None, None, tree.span)
        output = body.add("group/output", None, None, tree.span)
        body.tunnels.append((group, input_, output))
        outer = {pseudo: body.index.get(pseudo) for pseudo in ("input", "output")}
        body.index["input"], body.index["output"] = input_, output
        first = len(body.links)
        self.statements(body, tree.statements)
        ports = self.pseudo_ports(body, input_, output, first, "( ... )", tree.span)
        for pseudo, element in outer.items():
            if element is None:
                del body.index[pseudo]
            else:
                body.index[pseudo] = element
        return (group, *ports)

    def name_anonymous(self, body: Body) -> None:
        """Give names to the elements without one: Class@N, with N raised until nothing else is called so."""
        taken = body.index
        skip: dict[tuple[str, int], int] = {}
        for element, base, number in body.anonymous:
            passed: list[int] = []
            while (name := f"{base}@{number}") in taken:
                passed.append(number)
                number = skip.get((base, number), number + 1)
            for taken_number in passed:
                skip[base, taken_number] = number + 1
            taken[name] = element
            body.names[element] = name
        for group, input_, output in body.tunnels:
            body.names[input_] = f"{body.names[group]}/input"
            body.names[output] = f"{body.names[group]}/output"
