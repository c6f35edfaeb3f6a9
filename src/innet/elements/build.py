"""From a configuration to element instances: arguments read, names resolved, and every mistake told at once.

`build` takes declarations of any origin; `load` goes all the way from Click text. Both look at all elements before
they complain, and `load` tells what is wrong with the language and with the arguments in one error.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple, Protocol, cast, runtime_checkable

from innet import click
from innet.click.report import free
from innet.diagnostics import ConfigurationError, Diagnostic, Severity, Source, Span, suggest
from innet.elements.arguments import NO_NAMES, NameBook, Names, arguments_of, bind
from innet.elements.base import Element
from innet.elements.registry import REGISTRY
from innet.elements.written import with_definitions
from innet.lexical import Text

NOTHING: Mapping[str, str] = MappingProxyType({})

ELEMENT = 30
"""Units of work (`innet.symbolic.work`) that making an element takes, beside its arguments."""


class Declaration(Protocol):
    """An element of a flat configuration, its class and arguments still text."""

    @property
    def name(self) -> str: ...

    @property
    def class_name(self) -> str: ...

    @property
    def arguments(self) -> Text: ...

    @property
    def span(self) -> Span | None: ...


@runtime_checkable
class Warns(Protocol):
    """An element that has something to say about its arguments though they are right."""

    def warnings(self) -> tuple[Diagnostic, ...]:
        """What is odd."""


@dataclass(frozen=True)
class Built:
    """The instances that could be made, by name, and what is wrong or odd."""

    elements: Mapping[str, Element]
    diagnostics: tuple[Diagnostic, ...]


def build_one(cls: type[Element], arguments: str, names: Names = NO_NAMES) -> Element:
    """An instance of `cls` for an argument string. Raises ConfigurationError with every mistake in it.

    Without `names`, the elements that the arguments may mention are the companions of the class.
    """
    if names is NO_NAMES and cls.COMPANIONS:
        names = NameBook.of(companions(cls)).at("")
    return bind(cls, Text(arguments, Span(Source(cls.__name__, arguments), 0, len(arguments))), names)


class Companion(NamedTuple):
    """An element that the examples of another name."""

    name: str
    class_name: str
    arguments: Text


def companions(cls: type[Element]) -> tuple[Companion, ...]:
    """The elements that the examples of `cls` name."""
    return tuple(Companion(name, kind, Text(arguments)) for name, kind, arguments in cls.COMPANIONS)


def build(
    declarations: Iterable[Declaration],
    classes: Mapping[str, type[Element]] = REGISTRY,
    names: NameBook | None = None,
    ports: Mapping[str, tuple[int, int]] | None = None,
) -> dict[str, Element]:
    """The instances of `declarations` by name. Raises ConfigurationError with every mistake found.

    `names` are the configuration's own (by default what its information elements say), `ports` the numbers of inputs
    and outputs in use; without them what depends on ports is not checked.
    """
    built = assemble(declarations, classes, names, ports)
    errors = [d for d in built.diagnostics if d.severity is not Severity.WARNING]
    if errors:
        raise ConfigurationError(errors)
    return dict(built.elements)


def assemble(
    declarations: Iterable[Declaration],
    classes: Mapping[str, type[Element]] = REGISTRY,
    names: NameBook | None = None,
    ports: Mapping[str, tuple[int, int]] | None = None,
    spend: Callable[[int], None] = free,
) -> Built:
    """As `build`, but mistakes are returned. Elements of unknown classes are left out. `spend` is told of the work."""
    declared = tuple(declarations)
    book = NameBook.of(declared) if names is None else names
    found = list(book.problems)
    elements: dict[str, Element] = {}
    warned: set[int] = set()
    """Instances that have said what is odd about them: copies share theirs."""
    shared = _Shared(book)
    for declaration in declared:
        cls = classes.get(declaration.class_name)
        if cls is None:
            found.append(_unknown(declaration, classes))
            continue
        try:
            element = shared.element(cls, declaration, spend)
        except ConfigurationError as e:
            found.extend(e.diagnostics)
            continue
        elements[declaration.name] = element
        if ports is not None:
            problems = element.problems(*ports.get(declaration.name, (0, 0)))
            found.extend(_about(declaration, "C171", problem) for problem in problems)
        if hasattr(cls, "warnings") and id(element) not in warned:  # asking for the protocol takes long
            warned.add(id(element))
            found.extend(cast(Warns, element).warnings())
    for declaration in declared:
        if declaration.name in elements:
            found.extend(_references(declaration, elements[declaration.name], elements, book))
    return Built(elements, tuple(found))


class _Shared:
    """Elements of one configuration. Copies of a compound element say the same at the same place of the text, and have
    the same instance of what does not ask where it is."""

    def __init__(self, book: NameBook) -> None:
        self.book = book
        self.made: dict[tuple[object, ...], Element] = {}
        self.works: dict[type[Element], float] = {}

    def element(self, cls: type[Element], declaration: Declaration, spend: Callable[[int], None]) -> Element:
        """The element that is declared."""
        text = declaration.arguments
        if not text.value:
            bare: Element | None = cls.__dict__.get("bare")
            if bare is not None:
                spend(ELEMENT)
                return bare
        span = text.span
        place = None if span is None else (id(span.source), span.start, span.end)
        key = cls, text.value, place
        known = self.made.get(key) if self.book.plain else None
        if known is not None:
            spend(ELEMENT)
            return known
        work = self.works.get(cls)
        if work is None:
            rest = next((argument for argument in arguments_of(cls) if argument.rest), None)
            work = self.works[cls] = 1.0 if rest is None else rest.type.WORK
        spend(ELEMENT + int(work * len(text.value)))
        asked = self.book.asked
        element = bind(cls, text, self.book.at(declaration.name), declaration.span)
        if text.pieces is None and self.book.asked == asked and cls.among is Element.among:
            self.made[key] = element
            if not text.value and not hasattr(cls, "warnings"):  # the same in every configuration
                cls.bare = element
        return element


def load(
    source: Source,
    *,
    variables: Mapping[str, str] = NOTHING,
    autoqueue: bool = False,
    allowed_requirements: Set[str] = frozenset(),
    libraries: Mapping[str, Source] = MappingProxyType({}),
    interfaces: Mapping[str, str] = NOTHING,
    limits: click.Limits | None = None,
    spend: Callable[[int], None] = free,
) -> tuple[click.Resolved, dict[str, Element]]:
    """The configuration of `source` and its element instances by name; warnings are in the former.

    `interfaces` are names that stand for addresses beside those that the text defines; `spend` is told of the work
    that the elements take, and may raise an exception to end it. The other arguments are those
    of `innet.click.load`. Raises ConfigurationError with every mistake found in language and arguments.
    """
    analysis = click.analyse(
        source,
        REGISTRY,
        variables=variables,
        allowed_requirements=allowed_requirements,
        libraries=libraries,
        autoqueue=autoqueue,
        limits=limits,
        spend=spend,
    )
    found = list(analysis.diagnostics)
    elements: Mapping[str, Element] = {}
    resolved = analysis.resolved
    configuration = analysis.configuration if resolved is None else resolved.configuration
    if configuration is not None:
        classes = with_definitions(configuration.programs)
        known = [e for e in configuration.elements if e.class_name in classes]
        ports = None
        if resolved is not None and not analysis.errors:
            ports = {name: (len(p.inputs), len(p.outputs)) for name, p in resolved.ports.items()}
        built = assemble(known, classes, NameBook.of(configuration.elements, interfaces), ports, spend)
        elements = built.elements
        found.extend(built.diagnostics)
    errors = [d for d in found if d.severity is not Severity.WARNING]
    if errors:
        raise ConfigurationError(errors)
    assert resolved is not None, "what stops the analysis is an error"
    warnings = tuple(d for d in found if d.severity is Severity.WARNING)
    return replace(resolved, warnings=tuple(dict.fromkeys((*resolved.warnings, *warnings)))), dict(elements)


def _about(declaration: Declaration, code: str, message: str) -> Diagnostic:
    """A mistake of one element as a whole: it is shown at its arguments, or where it is declared."""
    text = declaration.arguments
    span = text.span if text.value.strip() and text.span is not None else declaration.span
    whole = f"{declaration.name} :: {declaration.class_name}: {message}"
    return Diagnostic(code, whole, span, facts=text.facts())


def _unknown(declaration: Declaration, classes: Mapping[str, type[Element]]) -> Diagnostic:
    near = suggest(declaration.class_name, classes)
    message = f"there is no element class '{declaration.class_name}'"
    return Diagnostic("C172", message, declaration.span, help=f"did you mean '{near}'?" if near else "")


def _references(
    declaration: Declaration, element: Element, elements: Mapping[str, Element], book: NameBook
) -> Iterable[Diagnostic]:
    """Mistakes in the names of other elements that the arguments mention."""
    for name, cls in element.references().items():
        other = elements.get(name)
        kind = (book.elements or {}).get(name)
        if kind is None:
            yield _about(declaration, "C173", f"there is no element '{name}'")
        elif other is not None and not isinstance(other, cls):
            yield _about(declaration, "C173", f"'{name}' is of class {kind}, but a {cls.__name__} is needed")
