"""From text to a running router."""

from collections.abc import Callable, Mapping
from random import Random
from typing import TypeVar

from innet.click import Kind, Resolved
from innet.diagnostics import Diagnostic, Source
from innet.elements.argument_names import NameBook
from innet.elements.base import Element
from innet.elements.build import load
from innet.elements.holder import Io
from innet.runtime.graph import PULL, PUSH, Connection, Graph, Vertex
from innet.runtime.router import Router

NO_VARIABLES: Mapping[str, str] = {}

R = TypeVar("R", bound=Router)


def build(
    source: Source,
    io: Io,
    *,
    variables: Mapping[str, str] = NO_VARIABLES,
    autoqueue: bool = False,
    clock: Callable[[], int] | None = None,
    random: Random | None = None,
) -> tuple[Router, tuple[Diagnostic, ...]]:
    """A router for the configuration in `source`, and the warnings about it. Errors as in `build_as`."""
    return build_as(Router, source, io, variables, autoqueue, clock, random)


def build_as(
    kind: type[R],
    source: Source,
    io: Io,
    variables: Mapping[str, str] = NO_VARIABLES,
    autoqueue: bool = False,
    clock: Callable[[], int] | None = None,
    random: Random | None = None,
) -> tuple[R, tuple[Diagnostic, ...]]:
    """A router of this kind for the configuration in `source`, and the warnings about it.

    `variables` override the configuration's own. Raises ConfigurationError with every mistake that was found: in the
    language and the arguments together, or (once these are right) in what the elements found outside.
    """
    resolved, elements = load(source, variables=variables, autoqueue=autoqueue)
    router = kind(graph_of(resolved, elements), io, clock, random)
    configuration = resolved.configuration
    router.names = NameBook.of(configuration.elements)
    requirements = "".join(f"{one}\n" for one in configuration.requirements)
    router.texts |= {"config": source.text, "flatconfig": str(configuration), "requirements": requirements}
    return router, resolved.warnings


def graph_of(resolved: Resolved, elements: Mapping[str, Element]) -> Graph:
    """The graph of a resolved configuration and its element instances."""
    letter = {Kind.PUSH: PUSH, Kind.PULL: PULL}
    declarations = resolved.configuration.elements
    vertices = tuple(
        Vertex(
            d.name,
            elements[d.name],
            "".join(letter[kind] for kind in resolved.ports[d.name].inputs),
            "".join(letter[kind] for kind in resolved.ports[d.name].outputs),
            d.arguments.value,
            d.span,
        )
        for d in declarations
    )
    number = {d.name: n for n, d in enumerate(declarations)}
    connections = tuple(
        Connection(number[c.source], c.output, number[c.target], c.input)
        for c in resolved.configuration.connections
    )
    return Graph(vertices, connections)
