"""The operator's network at a moment, and what can be asked of it.

A snapshot is frozen. What follows from it (routing tables, segments, owners of addresses) is computed when first
asked for and kept with it.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter

from innet.network import lpm, routing, segments
from innet.network.model import (
    DROP,
    Clients,
    End,
    Interface,
    Internet,
    Link,
    Middlebox,
    Node,
    Operator,
    Output,
    Platform,
    Route,
    Router,
    Switch,
)
from innet.network.routetable import RouteTable
from innet.symbolic.ranges import Ranges, normal


@dataclass(frozen=True)
class Snapshot:
    """The network. Queries take constant time after the first one (`owner`: logarithmic), but for those that say
    otherwise."""

    nodes: Mapping[str, Node]
    links: tuple[Link, ...] = ()
    operator: Operator = field(default_factory=Operator)
    name: str = field(default="network", compare=False)

    @cached_property
    def _names(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for node in self.nodes.values():
            found.setdefault(node.kind.value, []).append(node.name)
        return {kind: tuple(names) for kind, names in found.items()}

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of the nodes of a kind, which is called as in a network file."""
        return self._names.get(kind, ())

    @cached_property
    def routers(self) -> tuple[Router, ...]:
        return tuple(node for node in self.nodes.values() if isinstance(node, Router))

    @cached_property
    def middleboxes(self) -> tuple[Middlebox, ...]:
        return tuple(node for node in self.nodes.values() if isinstance(node, Middlebox))

    @cached_property
    def platforms(self) -> tuple[Platform, ...]:
        return tuple(node for node in self.nodes.values() if isinstance(node, Platform))

    @cached_property
    def clients(self) -> tuple[Clients, ...]:
        return tuple(node for node in self.nodes.values() if isinstance(node, Clients))

    @cached_property
    def _neighbours(self) -> Mapping[End, End]:
        ends = {link.a: link.b for link in self.links}
        ends.update((link.b, link.a) for link in self.links)
        return ends

    def neighbour(self, node: str, interface: str) -> End | None:
        """The interface at the other end of the wire, or None if nothing is plugged in."""
        return self._neighbours.get(End(node, interface))

    def interface(self, end: End) -> Interface:
        """The interface itself; `KeyError` if there is none of that name."""
        return self.nodes[end.node].interfaces[end.interface]

    @cached_property
    def _segments(self) -> Mapping[End, segments.Segment]:
        return segments.segments(self)

    @cached_property
    def _macs(self) -> Mapping[int, tuple[End, ...]]:
        found: dict[int, tuple[End, ...]] = {}
        for node in self.nodes.values():
            for interface in () if isinstance(node, Switch | Middlebox) else node.interfaces.values():
                if interface.mac is not None:
                    found[interface.mac] = (*found.get(interface.mac, ()), End(node.name, interface.name))
        return found

    def stations_with(self, mac: int) -> tuple[End, ...]:
        """The stations (interfaces of nodes that are no switches or middleboxes) that have an Ethernet address."""
        return self._macs.get(mac, ())

    def segment(self, node: str, interface: str) -> segments.Segment | None:
        """The broadcast domain of an interface that speaks IP, through switches and middleboxes; None if unplugged."""
        return self._segments.get(End(node, interface))

    @cached_property
    def _routes(self) -> Mapping[str, tuple[Route, ...]]:
        return routing.pool_routes(self)

    @cached_property
    def _all_routes(self) -> dict[str, Sequence[Route]]:
        return {}

    def routes(self, router: str) -> Sequence[Route]:
        """All routes of a router, one a prefix: those of the text, and the derived ones."""
        known = self._all_routes.get(router)
        if known is None:
            known = routing.routes(self, self._router(router), self._routes.get(router, ()))
            self._all_routes[router] = known
        return known

    @cached_property
    def _tables(self) -> dict[str, lpm.Flat[Output]]:
        return {}

    def table(self, router: str) -> lpm.Flat[Output]:
        """The routing table as disjoint intervals, flattened when first asked for. An address in none is dropped."""
        known = self._tables.get(router)
        if known is None:
            routes = self.routes(router)
            if isinstance(routes, RouteTable):
                known = routes.flat()
            else:
                known = lpm.flatten((r.prefix.address, r.prefix.length, r.output) for r in routes)
            self._tables[router] = known
        return known

    def forward(self, router: str, address: int) -> Output:
        """Where the router sends packets for `address`."""
        return lpm.lookup(self.table(router), address) or DROP

    @cached_property
    def _owners(self) -> lpm.Flat[End]:
        return lpm.flatten(routing.owned(self))

    def owner(self, address: int) -> End | None:
        """The interface that receives packets for `address`: its own, a platform's for its pools, the clients' for
        their subnets; None if nobody inside has it."""
        return lpm.lookup(self._owners, address)

    def owners(self, low: int, high: int) -> list[tuple[int, int, End]]:
        """The parts of [low, high] that somebody inside owns, sorted."""
        owners = self._owners
        at = max(bisect_right(owners, low, key=itemgetter(0)) - 1, 0)
        parts = []
        while at < len(owners) and owners[at][0] <= high:
            first, last, end = owners[at]
            if last >= low:
                parts.append((max(low, first), min(high, last), end))
            at += 1
        return parts

    def stations(self, end: End, low: int, high: int, via: int | None) -> list[tuple[int, int, End | None]]:
        """Whom an interface sends packets for the addresses [low, high] to on its segment, part by part: the next hop
        `via`; else who has the address; else a router, the internet, or whoever is there. None: nobody is."""
        segment = self.segment(*end)
        others = segment.others(end) if segment is not None else ()
        for other in others:
            if via is not None and self.interface(other).address == via:
                return [(low, high, other)]
        kinds = (Router, Internet, object)
        rest = next(
            (other for kind in kinds for other in others if isinstance(self.nodes[other.node], kind)), None
        )
        parts: list[tuple[int, int, End | None]] = []
        at = low
        for first, last, owner in self.owners(low, high):
            if owner in others:
                parts += [(at, first - 1, rest)] if at < first else []
                parts.append((first, last, owner))
                at = last + 1
        return [*parts, (at, high, rest)] if at <= high else parts

    @cached_property
    def _addressed(self) -> dict[End, Mapping[End | None, Ranges]]:
        return {}

    def addressed(self, end: End) -> Mapping[End | None, Ranges]:
        """For an interface of a router whose frames several stations hear, through switches: whom it sends which
        destinations to (None: to nobody). Empty where one hears them, or where a box decides who gets a frame."""
        known = self._addressed.get(end)
        if known is None:
            segment = self.segment(*end)
            parts: dict[End | None, list[tuple[int, int]]] = {}
            if segment is not None and segment.plain and len(segment.stations) > 2:
                routes = ((r.prefix.address, r.prefix.length, r) for r in self.routes(end.node))
                for low, high, route in lpm.flatten(routes):
                    if end.interface in route.output:
                        for first, last, station in self.stations(end, low, high, route.via):
                            parts.setdefault(station, []).append((first, last))
            known = self._addressed[end] = {station: normal(ranges) for station, ranges in parts.items()}
        return known

    def gateway(self, end: End) -> End | None:
        """Whom a platform's interface sends packets to: the first router of its segment, or whoever is there."""
        segment = self.segment(*end)
        others = segment.others(end) if segment is not None else ()
        routers = [other for other in others if isinstance(self.nodes[other.node], Router)]
        return next(iter((*routers, *others)), None)

    @cached_property
    def outside(self) -> tuple[End, ...]:
        """The interfaces of the network that an internet node is plugged into."""
        ends = []
        for node in self.nodes.values():
            for name in node.interfaces if isinstance(node, Internet) else ():
                other = self.neighbour(node.name, name)
                if other is not None:
                    ends.append(other)
        return tuple(ends)

    def _router(self, name: str) -> Router:
        node = self.nodes[name]
        if not isinstance(node, Router):
            raise KeyError(f"{name} is not a router")
        return node
