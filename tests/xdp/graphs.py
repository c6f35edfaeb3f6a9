"""Graphs for tests: chains of elements given as in a Click configuration."""

from innet import ir
from innet.elements.base import OUTSIDE, Element, Role
from innet.elements.build import build_one
from innet.elements.registry import everything
from innet.xdp.graph import Destination, Graph, Input
from innet.xdp.target import Leave

LEAVES = 100
"""Output k of the last element ends the program with verdict LEAVES + k, output k of another with its own."""


def element(text: str) -> Element:
    """`Name(arguments)` or `Name`."""
    name, _, arguments = text.partition("(")
    return build_one(everything()[name], arguments.removesuffix(")"))


def chain(*texts: str, outputs: int = 1) -> Graph:
    """Elements one behind the other by port 0; the last one has `outputs` outputs."""
    programs: dict[Input, ir.Program] = {}
    connections: dict[tuple[str, int], Destination] = {}
    held: dict[str, Leave] = {}
    entry, before = None, ""
    for n, text in enumerate(texts):
        one, name = element(text), f"{text.partition('(')[0]}@{n}"
        port = OUTSIDE if one.ROLE is Role.ENTRY else 0
        entry = entry or Input(name, port)
        last = n == len(texts) - 1
        count = outputs if last else 1
        programs[Input(name, port)] = one.trace(port, count, name)
        if one.ROLE is Role.EXIT:
            held[name] = Leave(LEAVES)
        for k in range(count):
            connections[name, k] = Leave(LEAVES + k)
        if n:
            connections[before, 0] = Input(name, port)
        before = name
    assert entry is not None
    return Graph(programs, entry, connections, held)


def single(program: ir.Program) -> Graph:
    """A graph of one program."""
    entry = Input(program.element, program.port)
    ways = {(program.element, k): Leave(LEAVES + k) for k in range(program.outputs)}
    return Graph({entry: program}, entry, ways)
