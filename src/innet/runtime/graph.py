"""A configuration ready to run: element instances, what each port's context is, and which port meets which."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from innet.diagnostics import Span
from innet.elements.base import Element

PUSH, PULL = "h", "l"


@dataclass(frozen=True)
class Vertex:
    """One element instance; `config` is its configuration string.

    `inputs` and `outputs` have one letter a port: PUSH or PULL.
    """

    name: str
    element: Element
    inputs: str
    outputs: str
    config: str = ""
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """Output `output` of vertex number `source` meets input `input` of vertex number `target`."""

    source: int
    output: int
    target: int
    input: int


@dataclass(frozen=True)
class Graph:
    """Every port is resolved, push outputs and pull inputs have one connection, in the order of the text."""

    vertices: tuple[Vertex, ...]
    connections: tuple[Connection, ...]


def chain(elements: Mapping[str, Element], context: Mapping[str, tuple[str, str]] | None = None) -> Graph:
    """The elements one after another, output 0 to input 0, in push context unless `context` says otherwise."""
    names = list(elements)
    links = [(a, 0, b, 0) for a, b in pairwise(names)]
    return graph(elements, links, context)


def graph(
    elements: Mapping[str, Element],
    links: Sequence[tuple[str, int, str, int]],
    context: Mapping[str, tuple[str, str]] | None = None,
) -> Graph:
    """A graph by names; `context` gives the letters of an element's inputs and outputs where they are not all push."""
    number = {name: n for n, name in enumerate(elements)}
    inputs = _ports((target, port) for _, _, target, port in links)
    outputs = _ports((source, port) for source, port, _, _ in links)
    vertices = []
    for name, element in elements.items():
        ports = PUSH * inputs.get(name, 0), PUSH * outputs.get(name, 0)
        if context is not None and name in context:
            ports = context[name]
        vertices.append(Vertex(name, element, *ports))
    connections = (Connection(number[a], out, number[b], into) for a, out, b, into in links)
    return Graph(tuple(vertices), tuple(connections))


def _ports(uses: Iterable[tuple[str, int]]) -> dict[str, int]:
    """How many ports each element has, by the highest one in use."""
    count: dict[str, int] = {}
    for name, port in uses:
        count[name] = max(count.get(name, 0), port + 1)
    return count
