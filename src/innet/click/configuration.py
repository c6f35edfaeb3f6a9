"""A flat configuration: primitive elements and the connections between their ports."""

from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeVar, cast

from innet.diagnostics import Diagnostic, Span
from innet.ir.definition import Definition
from innet.lexical import Text, scoped_names
from innet.records import quick


class ClassInfo(Protocol):
    """What the language has to know of an element class; a subclass of `Element` is one."""

    @property
    def PORTS(self) -> str: ...  # noqa: N802 - the names are those of Element

    @property
    def PROCESSING(self) -> str: ...  # noqa: N802

    @property
    def FLOW(self) -> str: ...  # noqa: N802


C = TypeVar("C", bound=ClassInfo)


@quick
@dataclass(frozen=True, slots=True)
class ElementDecl:
    """One element: its full name, its class, its arguments with variables replaced, and where it was written."""

    name: str
    class_name: str
    arguments: Text
    span: Span | None = field(compare=False, repr=False)


@quick
@dataclass(frozen=True, slots=True)
class Connection:
    """Packets leave `source` by output `output` and arrive at `target` on input `input`."""

    source: str
    output: int
    target: str
    input: int
    span: Span | None = field(compare=False, repr=False)


@dataclass(frozen=True)
class Configuration:
    """Elements in the order of their creation; connections sorted by that order, each once."""

    elements: tuple[ElementDecl, ...]
    connections: tuple[Connection, ...]
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False, repr=False)
    requirements: tuple[str, ...] = ()
    programs: tuple[Definition, ...] = ()
    """The element classes that the text defines by packet programs."""

    def classes(self, known: Mapping[str, C]) -> Mapping[str, "C | Definition"]:
        """`known` classes, and those that the text defines."""
        if not self.programs:
            return known
        own: dict[str, C | Definition] = {program.name: program for program in self.programs}
        return ChainMap(own, cast("MutableMapping[str, C | Definition]", known))

    @cached_property
    def element(self) -> Mapping[str, ElementDecl]:
        """The elements by name."""
        return {element.name: element for element in self.elements}

    def __str__(self) -> str:
        """Click text that flattens to this configuration."""
        lines = [str(program) for program in self.programs]
        lines += [f"{e.name} :: {e.class_name}({e.arguments.value});" for e in self.elements]
        lines += [f"{c.source} [{c.output}] -> [{c.input}] {c.target};" for c in self.connections]
        return "\n".join(lines) + "\n"


def find_element(configuration: Configuration, element: str, name: str) -> ElementDecl | None:
    """The element that `name` means in the arguments of element `element`."""
    for candidate in scoped_names(element, name):
        if candidate in configuration.element:
            return configuration.element[candidate]
    return None
