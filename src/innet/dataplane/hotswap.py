"""What a new version of a module may keep of the old one's tables, and what the old one may still do.

A proof of the new text says what can be in its tables: what its own programs put there, of packets that come as its own
elements let them come. Entries that another text made are no part of that. So a table stays only if all that bears on
its entries is the same in both versions; then each entry is one that the new version could have made of these packets.
(Click keeps the state of an element with the same name and class; nobody proves anything of its elements.)
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TypeAlias

from innet import ir
from innet.dataplane.compose import ENTRY_GATE, SANDBOX, Composed, renamed
from innet.dataplane.flows import TableName
from innet.dataplane.slowregion import Groups, grouped
from innet.elements.base import OUTSIDE
from innet.elements.sandbox import changeenforcer
from innet.ir.uses import tables_of
from innet.network import parse_prefix
from innet.platform.protocol import Deployment
from innet.runtime.graph import Vertex
from innet.xdp.graph import Input

Making: TypeAlias = tuple[Mapping[str, tuple[Vertex, object]], frozenset[tuple[object, ...]]]
"""Elements by name with their programs, and the connections that lead to them."""
PARTS = SANDBOX, changeenforcer.FRAGMENTS.name


def kept_tables(old: Composed, new: Composed) -> dict[TableName, TableName]:
    """The tables of `new` that may go on with what `old` has in its own, by their names in both.

    Of the module's elements: those whose owner has the same name in both, and on which the same things bear: elements
    from which packets come to it, pull it or are pulled, refer to it, call its handlers or share its state, all with
    the same class, arguments, programs and connections. Programs are compared as they run, made smaller: what one
    version left out of an entry the other might read.

    Of the sandbox, if the module has the same address: who wrote to it, which comes neither from the list nor from the
    module's text. So who is taken off the list has no authorization left unless it wrote itself, which counts as
    before; what the module sends can end an authorization and not begin one. Datagrams that were let out in part stay
    known if the text is the same (`ChangeEnforcer` notes none for a destination of its list).
    """
    before, after = _Version(old), _Version(new)
    if before.entry != after.entry:
        return {}
    found = {}
    for place, table in after.tables.items():
        owner, _ = place
        if before.tables.get(place) != table:
            continue
        if place == PARTS:
            same = before.module == after.module
        else:
            same = owner == SANDBOX or before.makes(owner) == after.makes(owner)
        if same:
            found[after.name_of(*place)] = before.name_of(*place)
    return found


def may_less(old: Deployment, new: Deployment) -> bool:
    """Whether a version was allowed what the next one is not: then none of its packets may leave any more."""
    if (old.address, old.account, old.role) != (new.address, new.account, new.role):
        return True
    if not new.sandbox:
        return False
    if not old.sandbox:
        return True
    now = [parse_prefix(one) for one in new.whitelist]
    return not all(any(wide.covers(one) for wide in now) for one in map(parse_prefix, old.whitelist))


class _Version:
    """A composed module by its elements' own names."""

    def __init__(self, composed: Composed) -> None:
        self.composed = composed
        names = composed.names
        self.number = {own: name for name, own in names.items()}
        self.programs: dict[str, dict[int, ir.Program]] = {}
        self.tables: dict[tuple[str, str], ir.Table] = {}
        for at, program in composed.graph.programs.items():
            own = names.get(at.element, at.element)
            program = replace(renamed(program, names), element=own)
            self.programs.setdefault(own, {})[at.port] = program
            for table in tables_of(program.body):
                self.tables[table.owner or own, table.name] = replace(table, owner="")

    def name_of(self, owner: str, table: str) -> TableName:
        return f"{self.number.get(owner, owner)}/{table}"

    @property
    def entry(self) -> tuple[ir.Program, ir.Program | None]:
        """What a packet meets before the module: the platform's gate, and the sandbox if there is one. Both know the
        module's address."""
        programs = self.composed.graph.programs
        return programs[Input(ENTRY_GATE, OUTSIDE)], programs.get(Input(SANDBOX, changeenforcer.OUTSIDE))

    @cached_property
    def groups(self) -> Groups:
        return grouped(self.composed.vertices)

    @property
    def module(self) -> Making:
        """All elements of the module."""
        return self.among({self.groups.root(v.name) for v in self.composed.vertices.vertices})

    def makes(self, owner: str) -> Making:
        """All that bears on what is in the tables of `owner`."""
        vertices, connections = self.composed.vertices.vertices, self.composed.vertices.connections
        root = self.groups.root
        sources: dict[str, set[str]] = {}
        for c in connections:
            sources.setdefault(root(vertices[c.target].name), set()).add(root(vertices[c.source].name))
        found, todo = {root(owner)}, [root(owner)]
        while todo:
            more = sources.get(todo.pop(), set()) - found
            found |= more
            todo += more
        return self.among(found)

    def among(self, roots: set[str]) -> Making:
        """The elements of these groups with their programs, and what is connected to them."""
        vertices, connections = self.composed.vertices.vertices, self.composed.vertices.connections
        root = self.groups.root
        inside = {v.name: (v, self.programs.get(v.name)) for v in vertices if root(v.name) in roots}
        into = frozenset(
            (vertices[c.source].name, c.output, vertices[c.target].name, c.input)
            for c in connections
            if vertices[c.target].name in inside
        )
        return inside, into
