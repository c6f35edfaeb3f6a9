"""What is compiled: packet programs by the inputs they are for, and where their outputs lead; in which order, where it
loops, and what may run on two sides at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from innet import ir
from innet.ir.nodes import Mark
from innet.ir.uses import statements
from innet.xdp.target import Leave, Redirect
from innet.xdp.unsupported import Unsupported

STATE = (ir.Lookup, ir.Insert, ir.Update, ir.Delete, ir.Allocate, ir.Next)
"""Statements of elements that keep something: where tables are not shared, they run on one side only."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input port of an element."""

    element: str
    port: int


Destination: TypeAlias = Input | Leave | Redirect


Places: TypeAlias = tuple[tuple[Mark, int], ...]
"""Where the marks of a packet are that are set, END aside: bytes from the first one at hand, in the order of `Mark`."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Packets that come back from the slow path to `region`, with their marks at `places`."""

    region: Input
    places: Places


@dataclass(frozen=True)
class Graph:
    """What to compile: a program for each input in use, and where outputs lead. A packet starts at `entry`, or at the
    one of several entries whose index its record says.

    `held` says what becomes of what an element holds, for those (devices) whose holder is an exit. Packets may come
    `back` from elsewhere to regions of a program that copies packets, like their copies; where their marks are may be
    known. `exits` are slow regions whose packets end with a verdict of their own.
    """

    programs: Mapping[Input, ir.Program]
    entry: Input | tuple[Resume, ...]
    connections: Mapping[tuple[str, int], Destination]
    held: Mapping[str, Destination] = field(default_factory=dict)
    back: tuple[Input | Resume, ...] = ()
    exits: Mapping[Input, Leave] = field(default_factory=dict)

    @property
    def entries(self) -> tuple[Input, ...]:
        """The regions where packets start."""
        back = (one.region if isinstance(one, Resume) else one for one in self.back)
        if isinstance(self.entry, Input):
            return tuple(dict.fromkeys((self.entry, *back)))
        return tuple(dict.fromkeys((*(one.region for one in self.entry), *back)))


def outputs(block: ir.Block) -> set[int]:
    """The output ports that `block` may emit on."""
    return {stmt.port for stmt in statements(block) if isinstance(stmt, ir.Emit | ir.Copy)}


def keeps_state(block: ir.Block) -> bool:
    """Whether `block` keeps or reads what packets left there; tables that nothing changes do not count."""
    return any(
        isinstance(stmt, STATE)
        and not (isinstance(stmt, ir.Lookup) and stmt.table.kind is ir.TableKind.PREFIX)
        for stmt in statements(block)
    )


def shareable(block: ir.Block) -> bool:
    """Whether `block` may run on two sides at once that have its tables in common: what it does to them, it does to one
    entry at a time. (A new pair of entries is two; but each does without the other, if it is gone.)"""
    for stmt in statements(block):
        match stmt:
            case ir.Next() | ir.Allocate():
                return False
            case ir.Update(table) if table.kind is ir.TableKind.PAIRED:
                return (
                    False  # it also sets the partner's time: only the kernel can, and leave its values alone
                )
    return True


def successors(graph: Graph, region: Input) -> list[Input]:
    program = graph.programs[region]
    ways = [graph.connections.get((region.element, port)) for port in sorted(outputs(program.body))]
    ways.append(graph.held.get(region.element))
    return [w for w in ways if isinstance(w, Input)]


def loops(graph: Graph) -> list[Input]:
    """Inputs at which a loop is closed, seen from the entry."""
    closed: list[Input] = []
    open_: set[Input] = set()
    done: set[Input] = set()
    stack: list[tuple[Input, bool]] = [(one, False) for one in reversed(graph.entries)]
    while stack:
        region, leaving = stack.pop()
        if leaving:
            open_.discard(region)
            done.add(region)
            continue
        if region in done or region in open_:
            continue
        open_.add(region)
        stack.append((region, True))
        for after in successors(graph, region):
            if after in open_:
                if after not in closed:
                    closed.append(after)
            elif after not in done:
                stack.append((after, False))
    return closed


def in_order(graph: Graph, slow: Mapping[Input, Unsupported]) -> list[Input]:
    """Regions in reach, each behind all that lead to it."""
    order: list[Input] = []
    seen: set[Input] = set()
    stack: list[tuple[Input, bool]] = [(one, False) for one in reversed(graph.entries)]
    while stack:
        region, leaving = stack.pop()
        if leaving:
            order.append(region)
        elif region not in seen:
            seen.add(region)
            stack.append((region, True))
            if region not in slow:
                stack += [(after, False) for after in successors(graph, region)]
    return order[::-1]
