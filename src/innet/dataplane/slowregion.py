"""Which elements of a module run in the agent, because the kernel cannot run them or because they belong together.

A packet may cross between kernel and agent at a push connection only, and nothing but the packet crosses. So what is
pulled, what acts by itself, what writes to other elements, and what shares state with such an element, is slow.
An element whose tables the two can have in common is on both sides: the agent takes what its program holds.
"""

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass

from innet import ir
from innet.diagnostics import ConfigurationError
from innet.elements.base import OUTSIDE, Role
from innet.elements.device.fromnetfront import EntryHolder
from innet.elements.device.tonetfront import ExitHolder
from innet.elements.holder import Device
from innet.lexical import scoped_names
from innet.platform.module import NoFiles
from innet.runtime.graph import PULL, Graph, Vertex
from innet.runtime.sharing import shared_state
from innet.xdp import graph as kernel

_HANDLER = re.compile(r"([A-Za-z_@][\w@/]*)\.[A-Za-z_]\w*")


def must_be_slow(graph: Graph) -> frozenset[str]:
    """The elements that only the agent can run, one by one: they keep, make, ask for or are asked for packets, work by
    a task, call handlers, write files, or go on with a packet after it was sent. `closed` says what goes with them.
    """
    names = {v.name for v in graph.vertices}
    return frozenset(
        v.name for v in graph.vertices if _acts(v) and not (_divisible(v) and not any(_mentioned(v, names)))
    )


def on_both_sides(graph: Graph) -> frozenset[str]:
    """Of the elements that must be with the agent's, those that the kernel may run too, but for the packets that their
    programs hold: what they have in common with elements without ports (an ARPTable) are tables that both sides see.
    """
    names = {v.name for v in graph.vertices}
    ported = {v.name for v in graph.vertices if v.inputs or v.outputs}
    group = grouped(graph)
    divisible = {v.name for v in graph.vertices if _divisible(v)}
    apart = set()
    for vertex in graph.vertices:
        mentioned = set(_mentioned(vertex, names))
        alone = (
            not mentioned & ported
            if vertex.name in divisible
            else vertex.name not in ported and not mentioned
        )
        if not alone:
            apart.add(group.root(vertex.name))
    return frozenset(name for name in divisible if group.root(name) not in apart)


def _acts(vertex: Vertex) -> bool:
    element = vertex.element
    if PULL in vertex.inputs or PULL in vertex.outputs or element.ROLE is Role.SOURCE:
        return True
    if element.calls():
        return True
    try:
        holder = element.holder(_Nowhere(), vertex.inputs, vertex.outputs)
    except ConfigurationError:
        return True  # it wants a file
    match holder:
        case None | EntryHolder():
            return False
        case ExitHolder():
            return bool(vertex.outputs)
    # one that only answers pushes has no part in packets that the program does not hold
    active = holder.RUNS or holder.PULLS or holder.NOTIFIES or holder.drives
    return active or keeps_state(vertex)


def _divisible(vertex: Vertex) -> bool:
    """Whether it may run in the kernel but for the packets that its program holds, if it has nothing to do with other
    elements: what its holder does otherwise, it does to these packets and to tables that both sides see."""
    element = vertex.element
    if PULL in vertex.inputs + vertex.outputs or element.ROLE is Role.SOURCE or element.calls():
        return False
    try:
        holder = element.holder(_Nowhere(), vertex.inputs, vertex.outputs)
    except ConfigurationError:
        return False
    if holder is None or isinstance(holder, EntryHolder | ExitHolder):
        return False
    acts = holder.PULLS or holder.NOTIFIES or holder.WATCHES or holder.drives or holder.signals
    return not acts and keeps_state(vertex) and shares_state(vertex)


def keeps_state(vertex: Vertex) -> bool:
    """Whether one of its programs keeps or reads what packets left there."""
    return any(kernel.keeps_state(body) for body in _bodies(vertex))


def shares_state(vertex: Vertex) -> bool:
    """Whether its programs may run in the kernel and in the agent at once, on the same tables."""
    return all(kernel.shareable(body) for body in _bodies(vertex))


def _bodies(vertex: Vertex) -> Iterator[ir.Block]:
    inputs, outputs = len(vertex.inputs), len(vertex.outputs)
    for port in range(inputs):
        yield vertex.element.trace(port, outputs, vertex.name, inputs).body


class _Nowhere(NoFiles):
    """An `Io` to ask elements what they would do: it has every device and no file."""

    def device(self, name: str) -> Device:
        return self

    def send(self, data: bytes, ethernet: bool) -> bool:
        return False


def mentioned(graph: Graph) -> frozenset[str]:
    """The elements that others refer to, or whose handlers they call."""
    names = {v.name for v in graph.vertices}
    return frozenset(other for v in graph.vertices for other in _mentioned(v, names) if other != v.name)


def closed(graph: Graph, slow: Iterable[str]) -> frozenset[str]:
    """`slow`, what must be slow anyway, and all that must be with them.

    These go together: both ends of a pull connection; elements with a table, a shared counter or a reference in
    common; an element and those whose handlers it reads or writes.
    """
    found = frozenset(slow) | must_be_slow(graph)
    if not found:
        return found
    group = grouped(graph)
    roots = {group.root(name) for name in found}
    return frozenset(v.name for v in graph.vertices if group.root(v.name) in roots)


def grouped(graph: Graph) -> "Groups":
    """The elements by what must be together, as `closed` says."""
    group = Groups(v.name for v in graph.vertices)
    for connection in graph.connections:
        source, target = graph.vertices[connection.source], graph.vertices[connection.target]
        if source.outputs[connection.output] == PULL:
            group.join(source.name, target.name)
    names = {v.name for v in graph.vertices}
    holders_of: dict[Hashable, str] = {}
    for vertex in graph.vertices:
        for other in _mentioned(vertex, names):
            group.join(vertex.name, other)
        for state in _shared_state(vertex):
            if isinstance(state, str):
                group.join(vertex.name, state)
            else:
                group.join(vertex.name, holders_of.setdefault(state, vertex.name))
    return group


class Groups:
    """Names in groups that can be joined (union and find)."""

    def __init__(self, names: Iterable[str]) -> None:
        self.above = {name: name for name in names}

    def root(self, name: str) -> str:
        while (above := self.above[name]) != name:
            self.above[name] = name = self.above[above]
        return name

    def join(self, one: str, other: str) -> None:
        self.above[self.root(one)] = self.root(other)


def _mentioned(vertex: Vertex, names: set[str]) -> Iterator[str]:
    """The elements that `vertex` refers to, or whose handlers its arguments mention; all if that is not plain."""
    for name in vertex.element.references():
        yield from _meant(vertex.name, name, names)
    if not _acts(vertex):
        return
    texts = [text for f in fields(vertex.element) for text in _texts(getattr(vertex.element, f.name))]
    texts += [call.handler for call in vertex.element.calls()]
    for text in texts:
        for handler in _HANDLER.finditer(text):
            yield from _meant(vertex.name, handler[1], names)
        if vertex.element.BARRED and "$" in text:
            yield from names  # a script that makes up a handler's name as it goes


def _meant(user: str, name: str, names: set[str]) -> Iterator[str]:
    for full in scoped_names(user, name):
        if full in names:
            yield full
            return


def _texts(value: object) -> Iterator[str]:
    """All text in an argument."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for part in value:
            yield from _texts(part)
    elif is_dataclass(value):
        for f in fields(value):
            yield from _texts(getattr(value, f.name))


def _shared_state(vertex: Vertex) -> Iterator[str | tuple[str, str]]:
    """What the programs of an element keep in common with others."""
    ports = [port for port, _ in enumerate(vertex.inputs)]
    if vertex.element.ROLE in (Role.ENTRY, Role.SOURCE):
        ports.append(OUTSIDE)
    for port in ports:
        outputs, inputs = len(vertex.outputs), len(vertex.inputs)
        yield from shared_state(vertex.element.trace(port, outputs, vertex.name, inputs))
