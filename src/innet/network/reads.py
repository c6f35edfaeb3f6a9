"""What of a snapshot a proof has read, and what of it is different in another snapshot: after a change only those
proofs have to be made again that read what is different.

A *fact* is one small thing that can be looked up (a node, what an interface is plugged into, ...). Tables are read by
ranges of addresses: a proof about packets to some addresses has read no more of a routing table than what it has for
those. `innet.network.recorded` writes down both; `Change` looks facts up in both snapshots.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from innet.network.lpm import Flat
from innet.network.model import End, Middlebox, Node, Platform, Router, Switch
from innet.network.snapshot import Snapshot
from innet.symbolic import ranges as rs
from innet.symbolic.ranges import Ranges

Fact: TypeAlias = tuple[str, ...]
"""What was looked up, and of what:

* `kind NODE`: whether there is such a node, and of which kind; `node NODE`: all of it, without a router's routes and a
  platform's capacity;
* `port NODE INTERFACE`: the interface itself; `wire NODE INTERFACE`: what it is plugged into; `segment` and `gateway`
  likewise;
* `all KIND`: all nodes of a kind; `mac ADDRESS`: who has an Ethernet address;
* `outside`, `operator`, `everything`.
"""

Key: TypeAlias = tuple[str, ...]
"""A table: `table NODE` (routes), `stations NODE INTERFACE` (whom its frames are sent to), `owners`."""

ALL = rs.full(32)
MANY = 64
"""Ranges of one table that are told apart; more are taken for all that is between."""

FEW = 20
"""Facts, tables and parts that are rather copied than shared."""


@dataclass(eq=False)
class Reads:
    """What was read."""

    facts: set[Fact] = field(default_factory=set)
    tables: dict[Key, Ranges] = field(default_factory=dict)
    parts: "dict[int, Reads]" = field(default_factory=dict)
    """What was read for something that others use, too, by identity: it is not copied for each of them."""

    def table(self, key: Key, addresses: Ranges) -> None:
        """Note that a table was asked for `addresses`."""
        known = self.tables.get(key)
        if known is ALL or known is addresses:
            return
        if addresses == ALL:
            self.tables[key] = ALL
            return
        some = coarse(addresses)
        self.tables[key] = some if known is None else coarse(rs.union(known, some))

    def add(self, other: "Reads") -> None:
        """Note what `other` has, too, to which nothing more is noted."""
        if len(other.facts) + len(other.tables) + len(other.parts) > FEW:
            self.parts[id(other)] = other
            return
        self.parts |= other.parts
        self.facts |= other.facts
        for key, addresses in other.tables.items():
            self.table(key, addresses)


UNREAD = Reads()


def coarse(addresses: Ranges) -> Ranges:
    """The addresses, and maybe more."""
    return addresses if len(addresses) <= MANY else ((addresses[0][0], addresses[-1][1]),)


class Change:
    """What is different between two snapshots, as far as somebody asks."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self._sides = _Side(before), _Side(after)
        self._same: set[Fact] = set()
        self._different: set[Fact] = set()
        self._moved: dict[Key, Ranges] = {}
        self._parts: dict[int, tuple[Reads, bool]] = {}

    def touches(self, reads: Reads) -> bool:
        """Whether anything that was read is different now."""
        for key, part in reads.parts.items():
            if key not in self._parts:
                self._parts[key] = part, self.touches(part)
            if self._parts[key][1]:
                return True
        if not self._different.isdisjoint(reads.facts):
            return True
        if any(self.differs(fact) for fact in reads.facts - self._same):
            return True
        return any(rs.intersect(addresses, self.moved(key)) for key, addresses in reads.tables.items())

    def differs(self, fact: Fact) -> bool:
        """Whether a look-up gives something else."""
        if fact in self._same:
            return False
        before, after = self._sides
        same = before.value(fact) == after.value(fact)
        (self._same if same else self._different).add(fact)
        return not same

    def moved(self, key: Key) -> Ranges:
        """The addresses for which a table says something else."""
        known = self._moved.get(key)
        if known is None:
            before, after = (side.table(key) for side in self._sides)
            if before is None or after is None:
                known = rs.EMPTY if before is after else ALL
            else:
                known = rs.EMPTY if before == after else differences(before, after)
            self._moved[key] = known
        return known


class _Side:
    """A snapshot, as facts and tables."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def value(self, fact: Fact) -> object:
        """What the look-up gives."""
        snapshot = self.snapshot
        match fact:
            case ("kind", name):
                node = snapshot.nodes.get(name)
                return None if node is None else (node.kind, isinstance(node, Router) and node.split_horizon)
            case ("node", name):
                return whole(snapshot.nodes.get(name))
            case ("port", name, interface):
                node = snapshot.nodes.get(name)
                return None if node is None else node.interfaces.get(interface)
            case ("wire", name, interface):
                return snapshot.neighbour(name, interface)
            case ("segment", name, interface):
                return snapshot.segment(name, interface)
            case ("gateway", name, interface):
                return snapshot.gateway(End(name, interface))
            case ("all", kind):
                return tuple(whole(snapshot.nodes[name]) for name in snapshot.names(kind))
            case ("mac", number):
                return snapshot.stations_with(int(number))
            case ("outside",):
                return snapshot.outside
            case ("operator",):
                return snapshot.operator
            case ("everything",):
                nodes = ((name, node, tuple(node.interfaces)) for name, node in snapshot.nodes.items())
                return tuple(nodes), snapshot.links, snapshot.operator
        raise AssertionError(fact)

    def table(self, key: Key) -> Flat[object] | None:
        """The table as disjoint intervals, sorted; None if there is none, or if it decides nothing."""
        snapshot = self.snapshot
        match key:
            case ("table", name):
                router = snapshot.nodes.get(name)
                return snapshot.table(name) if isinstance(router, Router) else None
            case ("stations", name, interface):
                router = snapshot.nodes.get(name)
                if not isinstance(router, Router) or interface not in router.interfaces:
                    return None
                told = snapshot.addressed(End(name, interface))
                parts = [(low, high, station) for station, some in told.items() for low, high in some]
                return sorted(parts, key=lambda part: part[0]) or None
            case ("owners",):
                return snapshot.owners(0, ALL[0][1])
        raise AssertionError(key)


def whole(node: Node | None) -> object:
    """A node, comparable, without a router's routes and a platform's capacity, and with its interfaces in order."""
    if node is None:
        return None
    more: object = None
    match node:
        case Switch(table=table):
            more = dict(table)
        case Middlebox(click=_, text=text):
            more = text
        case Platform(pools=pools):
            more = pools
        case Router(split_horizon=split_horizon):
            more = split_horizon
    return node.kind, tuple(node.interfaces.items()), more


def differences(
    before: Iterable[tuple[int, int, object]], after: Iterable[tuple[int, int, object]]
) -> Ranges:
    """The addresses that two tables of disjoint intervals, sorted, say different things of."""
    found: list[tuple[int, int]] = []
    sides = [[*before], [*after]]
    at, here = [0, 0], 0
    while here <= ALL[0][1]:
        said: list[object] = []
        until = ALL[0][1]
        for side in (0, 1):
            table = sides[side]
            while at[side] < len(table) and table[at[side]][1] < here:
                at[side] += 1
            if at[side] == len(table):
                said.append(_NOTHING)
                continue
            low, high, what = table[at[side]]
            said.append(what if low <= here else _NOTHING)
            until = min(until, high if low <= here else low - 1)
        if said[0] != said[1]:
            found.append((here, until))
        here = until + 1
    return rs.normal(found)


_NOTHING = object()

__all__ = ["ALL", "UNREAD", "Change", "Fact", "Key", "Reads", "differences"]
