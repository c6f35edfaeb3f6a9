"""Forwarding by destination alone: what a network of routers does with every address, class by class.

A class is a set of addresses that every router treats alike. There are few, even in large networks (232 in Stanford's
backbone of 3,840 routes), so that a question about all addresses is a small graph problem for each class: places are
(node, port that a packet came in by), and a packet leaves by every port of its route; in collected networks, and from
routers with a split horizon, not by the one it came in by.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

from innet.network.lpm import Flat
from innet.network.model import End, Middlebox, Output, Switch
from innet.network.routing import near
from innet.network.snapshot import Snapshot
from innet.network.through import Through, through
from innet.symbolic import ranges as rs

NO_ROUTE = -1
"""The number of what a router does with an address that it has no route for."""
ADDRESSES = 1 << 32
MAX_CYCLES = 10_000
"""More cycles than this in one class are not listed one by one."""


@dataclass(frozen=True)
class Forwarding:
    """Routers and wires. `tables` are flat; `ports` are all ports of a node; a wire leads from one port to the ports
    that hear it. Ports without wires are edges: packets enter and leave the network there."""

    tables: Mapping[str, Flat[Output]]
    ports: Mapping[str, tuple[str, ...]]
    wires: Mapping[End, tuple[End, ...]]
    name: str = "network"
    returns: frozenset[End] = frozenset()
    """The ports by which packets also leave that came in by them, as routers let them."""
    stations: frozenset[str] = frozenset()
    """Nodes that are no routers, but hear several or are heard by them, on a segment: their edge port has the name of
    their interface, and another one leads to the segment."""

    @cached_property
    def edges(self) -> tuple[End, ...]:
        """The edge ports, node by node."""
        inner = set(self.wires) | {end for ends in self.wires.values() for end in ends}
        return tuple(
            end
            for node, ports in self.ports.items()
            for end in (End(node, port) for port in ports)
            if end not in inner
        )

    @cached_property
    def classes(self) -> "tuple[AddressClass, ...]":
        """All addresses, by what the routers do with them; sorted by that."""
        return classes(self)


@dataclass(frozen=True, slots=True)
class AddressClass:
    """Addresses that all routers treat alike: the first of them, how many there are, and for each node with a route
    where it sends them."""

    number: int
    example: int
    addresses: int
    outputs: Mapping[str, Output]
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """A class of which some packets go round, and every simple cycle of places that they do."""

    addresses: AddressClass
    cycles: tuple[tuple[End, ...], ...]


Pairs = Mapping[tuple[End, End], int]
"""For two edge ports (in, out) to how many addresses packets get through, where there are any."""


def classes(network: Forwarding) -> tuple[AddressClass, ...]:
    """Cut the address space where any table changes, and put together what is alike."""
    cuts = {0}
    for table in network.tables.values():
        for low, high, _ in table:
            cuts.add(low)
            cuts.add(high + 1)
    cuts.discard(ADDRESSES)
    starts = sorted(cuts)
    nodes = list(network.tables)
    columns = [_column(network.tables[node], starts) for node in nodes]
    actions = [actions for _, actions in columns]
    members: dict[tuple[int, ...], list[int]] = {}
    for n, row in enumerate(zip(*(numbers for numbers, _ in columns), strict=True)):
        members.setdefault(row, []).append(n)
    found = []
    for number, row in enumerate(sorted(members)):
        ranges: list[tuple[int, int]] = []
        for n in members[row]:
            low, high = starts[n], (starts[n + 1] if n + 1 < len(starts) else ADDRESSES) - 1
            if ranges and ranges[-1][1] + 1 == low:
                ranges[-1] = ranges[-1][0], high
            else:
                ranges.append((low, high))
        outputs = {
            node: known[a] for node, known, a in zip(nodes, actions, row, strict=True) if a != NO_ROUTE
        }
        size = sum(high - low + 1 for low, high in ranges)
        found.append(AddressClass(number, ranges[0][0], size, outputs, tuple(ranges)))
    return tuple(found)


def _column(table: Flat[Output], starts: Sequence[int]) -> tuple[list[int], list[Output]]:
    """For each interval the number of what the table does with it, and what the numbers stand for; they are given in
    the order of the addresses."""
    numbers: dict[Output, int] = {}
    column: list[int] = []
    rows = iter(table)
    row = next(rows, None)
    for start in starts:
        while row is not None and row[1] < start:
            row = next(rows, None)
        if row is None or row[0] > start:
            column.append(NO_ROUTE)
        else:
            column.append(numbers.setdefault(row[2], len(numbers)))
    return column, list(numbers)


class _Places:
    """The places of one class, as numbers, and what is reached from each: a set of edge ports, as bits."""

    def __init__(
        self, network: Forwarding, edge_bit: Mapping[End, int], outputs: Mapping[str, Output]
    ) -> None:
        self.wires, self.edge_bit, self.outputs = network.wires, edge_bit, outputs
        self.returns = network.returns
        self.reached: dict[End, int] = {}

    def own(self, end: End) -> tuple[int, list[End]]:
        """The edge ports by which a packet that came in at `end` leaves right there, and the places it goes to."""
        bits = 0
        after: list[End] = []
        for port in self.outputs.get(end.node, ()):
            if port == end.interface and end not in self.returns:
                continue
            out = End(end.node, port)
            bit = self.edge_bit.get(out)
            if bit is not None:
                bits |= bit
            else:
                after += self.wires.get(out, ())
        return bits, after

    def reach(self, start: End) -> int:
        """The edge ports that a packet at `start` gets to. Places that lead to one another reach the same (Tarjan)."""
        known = self.reached
        if start in known:
            return known[start]
        index: dict[End, int] = {}
        low: dict[End, int] = {}
        bits: dict[End, int] = {}
        stack: list[End] = []
        work: list[tuple[End, Iterator[End]]] = []

        def enter(place: End) -> None:
            index[place] = low[place] = len(index)
            bits[place], after = self.own(place)
            stack.append(place)
            work.append((place, iter(after)))

        enter(start)
        while work:
            place, rest = work[-1]
            for other in rest:
                if other in known:
                    bits[place] |= known[other]
                elif other not in index:
                    enter(other)
                    break
                else:
                    low[place] = min(low[place], index[other])
            else:
                work.pop()
                if low[place] == index[place]:
                    together = stack[stack.index(place) :]
                    del stack[-len(together) :]
                    all_bits = 0
                    for one in together:
                        all_bits |= bits[one]
                    for one in together:
                        known[one] = all_bits
                if work:
                    before = work[-1][0]
                    low[before] = min(low[before], low[place])
                    bits[before] |= known.get(place, bits[place])
        return known[start]


def pairs(network: Forwarding) -> dict[tuple[End, End], int]:
    """For every two edge ports the number of addresses that get through, sorted; those that none does are left out."""
    edges = network.edges
    bit = {end: 1 << n for n, end in enumerate(edges)}
    with_edges: dict[str, list[End]] = {}
    for end in edges:
        with_edges.setdefault(end.node, []).append(end)
    reached: dict[tuple[str, int], int] = {}
    for one in network.classes:
        places = _Places(network, bit, one.outputs)
        for node in with_edges:
            out, after = places.own(End(node, ""))
            for place in after:
                out |= places.reach(place)
            if out:
                reached[node, out] = reached.get((node, out), 0) + one.addresses
    counts: dict[str, dict[int, int]] = {node: {} for node in with_edges}
    for (node, bits), addresses in reached.items():
        row = counts[node]
        while bits:
            lowest = bits & -bits
            n = lowest.bit_length() - 1
            row[n] = row.get(n, 0) + addresses
            bits ^= lowest
    found = {}
    for source in edges:
        for n, count in counts[source.node].items():
            if edges[n] != source:
                found[source, edges[n]] = count
    return dict(sorted(found.items()))


def loops(network: Forwarding) -> tuple[Loop, ...]:
    """Every class with packets that go round, among those that come in at an edge port, and their cycles."""
    found = []
    for one in network.classes:
        places = _Places(network, dict.fromkeys(network.edges, 1), one.outputs)
        after: dict[End, list[End]] = {}
        work = [
            place for node in {end.node for end in network.edges} for place in places.own(End(node, ""))[1]
        ]
        while work:
            place = work.pop()
            if place not in after:
                after[place] = places.own(place)[1]
                work += after[place]
        cycles = simple_cycles(after)
        if cycles:
            found.append(Loop(one, cycles))
    return tuple(found)


def simple_cycles(after: Mapping[End, Sequence[End]]) -> tuple[tuple[End, ...], ...]:
    """The simple cycles of a graph, each from its least place on; sorted. At most `MAX_CYCLES`."""
    going = _on_cycles(after)
    found: list[tuple[End, ...]] = []
    for start in sorted(going):
        path = [start]
        on_path = {start}
        work = [iter(sorted(set(after[start])))]
        while work:
            for place in work[-1]:
                if place == start:
                    found.append(tuple(path))
                    if len(found) >= MAX_CYCLES:
                        return tuple(sorted(found))
                elif place > start and place in going and place not in on_path:
                    path.append(place)
                    on_path.add(place)
                    work.append(iter(sorted(set(after[place]))))
                    break
            else:
                work.pop()
                on_path.discard(path.pop())
    return tuple(sorted(found))


def _on_cycles(after: Mapping[End, Sequence[End]]) -> set[End]:
    """The places that may be on a cycle: those left when places without a way in or out are taken away."""
    left = set(after)
    before: dict[End, set[End]] = {place: set() for place in after}
    for place, others in after.items():
        for other in others:
            before[other].add(place)
    changed = True
    while changed:
        gone = {p for p in left if not left.intersection(after[p]) or not left.intersection(before[p])}
        left -= gone
        changed = bool(gone)
    return left


@dataclass(frozen=True, slots=True)
class Hole:
    """A router that gets packets for addresses it has no route for from another router; the first of them."""

    node: str
    example: int
    addresses: int


def black_holes(network: Forwarding) -> tuple[Hole, ...]:
    """Where packets that come in at an edge port end at a router without a route for them, behind another router."""
    found: dict[str, Hole] = {}
    for one in network.classes:
        places = _Places(network, dict.fromkeys(network.edges, 1), one.outputs)
        seen: set[End] = set()
        work = [
            place for node in {end.node for end in network.edges} for place in places.own(End(node, ""))[1]
        ]
        for end in network.edges:
            if end.node in network.stations:  # the routers next to it are the first ones
                firsts = places.own(end)[1]
                work = [place for place in work if place not in firsts]
                work += [place for first in firsts for place in places.own(first)[1]]
        while work:
            place = work.pop()
            if place not in seen:
                seen.add(place)
                work += places.own(place)[1]
        for node in sorted({place.node for place in seen if place.node not in one.outputs}):
            before = found.get(node)
            if before is None:
                found[node] = Hole(node, one.example, one.addresses)
            else:
                found[node] = Hole(node, min(before.example, one.example), before.addresses + one.addresses)
    return tuple(found[node] for node in sorted(found))


@dataclass(frozen=True, slots=True)
class Change:
    """How many addresses get from one edge port to another that did not, or do not any more; one of each."""

    source: End
    target: End
    gained: int
    lost: int
    example_gained: int | None
    example_lost: int | None


def changes(before: Forwarding, after: Forwarding) -> tuple[Change, ...]:
    """What a second version of a network lets through and the first did not, and the other way round."""
    sides = [_delivered(one) for one in (before, after)]
    out = []
    for pair in sorted({*sides[0], *sides[1]}):
        old, new = (rs.normal(side.get(pair, ())) for side in sides)
        gained, lost = rs.intersect(new, rs.complement(old, 32)), rs.intersect(old, rs.complement(new, 32))
        if gained or lost:
            out.append(
                Change(
                    *pair,
                    rs.size(gained),
                    rs.size(lost),
                    gained[0][0] if gained else None,
                    lost[0][0] if lost else None,
                )
            )
    return tuple(out)


def _delivered(network: Forwarding) -> dict[tuple[End, End], list[tuple[int, int]]]:
    """For every two edge ports the addresses that get through."""
    edges = network.edges
    bit = {end: 1 << n for n, end in enumerate(edges)}
    found: dict[tuple[End, End], list[tuple[int, int]]] = {}
    for one in network.classes:
        places = _Places(network, bit, one.outputs)
        reached: dict[str, int] = {}
        for source in edges:
            if source.node not in reached:
                bits, after = places.own(End(source.node, ""))
                for place in after:
                    bits |= places.reach(place)
                reached[source.node] = bits
            bits = reached[source.node] & ~bit[source]
            while bits:
                lowest = bits & -bits
                found.setdefault((source, edges[lowest.bit_length() - 1]), []).extend(one.ranges)
                bits ^= lowest
    return found


def of_snapshot(snapshot: Snapshot, bumps: bool = False) -> Forwarding:
    """The routers of a snapshot, joined through its switches and through boxes that do nothing but pass frames on.
    Raises ValueError for another box: what it does is not forwarding by destination; with `bumps` such boxes pass
    everything, by every way through them."""
    boxes = {box.name: through(box) for box in snapshot.middleboxes}
    strange = [name for name, ways in boxes.items() if not ways.is_exact]
    if strange and not bumps:
        raise ValueError(
            f"'{strange[0]}' is a middlebox: what passes it is not decided by the destination alone"
        )
    tables: dict[str, Flat[Output]] = {
        router.name: snapshot.table(router.name) for router in snapshot.routers
    }
    ports = {router.name: tuple(router.interfaces) for router in snapshot.routers}
    wires: dict[End, tuple[End, ...]] = {}
    joined = {
        End(node, port): _joined(snapshot, boxes, End(node, port))
        for node, names in ports.items()
        for port in names
    }
    names = _stations(joined)
    for station, name in names.items():
        inner = f"{station.interface} to the segment"
        ports[name] = (station.interface, inner)
        tables[name] = [(0, ADDRESSES - 1, (station.interface, inner))]

    def place(end: End) -> End:
        return End(names[end], f"{end.interface} to the segment") if end in names else end

    def heard(start: End, others: Sequence[End]) -> tuple[End, ...]:
        """Of the stations that are joined to one, those that get what is addressed to them."""
        macs = {end: snapshot.interface(end).mac for end in others}
        return tuple(
            place(end)
            for end in others
            if macs[end] is None or end in _joined(snapshot, boxes, start, macs[end])
        )

    for station in names:  # whom it sends what is not known: anything to anybody
        near_it = [end for end in _joined(snapshot, boxes, station) if end in joined or end in names]
        wires[place(station)] = heard(station, near_it)
    for start, every in joined.items():
        node, port = start
        others = [end for end in every if end in joined or end in names]
        if others:
            wires[start] = heard(start, others)
        told = snapshot.addressed(start)
        if len(others) > 1 and told:
            tables[node] = _told(tables[node], port, told)
            for to in told:
                if to is not None and place(to) in wires[start]:
                    wires[End(node, _to(port, to))] = (place(to),)
    vague = {
        end
        for end in joined
        if (segment := snapshot.segment(*end)) is not None
        and not all(boxes[name].is_exact for name in segment.middleboxes)
    }  # a box that is taken to pass everything may not send back
    one_way = {router.name for router in snapshot.routers if router.split_horizon}
    returns = frozenset(end for end in joined if end not in vague and end.node not in one_way)
    return Forwarding(tables, ports, wires, snapshot.name, returns, frozenset(names.values()))


def _stations(joined: Mapping[End, tuple[End, ...]]) -> dict[End, str]:
    """What is on a segment with several routers and is none itself, and what its node is called: it is no edge of one
    of them."""
    found: dict[End, None] = {}
    inner = {end for others in joined.values() for end in others}
    for start, others in joined.items():
        if start in inner or any(end in joined for end in others):
            found |= dict.fromkeys(end for end in others if end not in joined)
    several = [node for node, count in Counter(end.node for end in found).items() if count > 1]
    return {end: f"{end.node}.{end.interface}" if end.node in several else end.node for end in found}


def _to(port: str, station: End) -> str:
    """What a port is called where it sends to one of the stations that hear it."""
    return f"{port} to {station}"


def _told(table: Flat[Output], port: str, told: Mapping[End | None, rs.Ranges]) -> Flat[Output]:
    """A table in which a port says whom it sends to, if that is a router; others have no further way."""
    found: list[tuple[int, int, Output]] = []
    for low, high, output in table:
        if port not in output:
            found.append((low, high, output))
            continue
        for station, ranges in told.items():
            name = () if station is None else (_to(port, station),)
            out = tuple(part for one in output for part in (name if one == port else (one,)))
            found += [(a, b, out) for a, b in rs.intersect(((low, high),), ranges)]
    return sorted(found, key=itemgetter(0))


def _joined(
    snapshot: Snapshot, boxes: Mapping[str, Through], start: End, mac: int | None = None
) -> tuple[End, ...]:
    """The stations that hear frames that leave by a port for an Ethernet address; None: for one that no switch knows.
    Behind a box with several interfaces that may stand for a router, only those that may be in the subnet of the port.
    """
    found: dict[End, None] = {}
    own = snapshot.interface(start)
    segment = snapshot.segment(*start)
    seen = {start}
    work = [start]
    while work:
        end = snapshot.neighbour(*work.pop())
        if end is None or end in seen:
            continue
        seen.add(end)
        node = snapshot.nodes[end.node]
        if isinstance(node, Switch):
            known = None if mac is None else node.table.get(mac)
            ports = node.interfaces if known is None else (known,)
            work += [End(end.node, name) for name in ports if name != end.interface]
        elif isinstance(node, Middlebox):
            work += [End(end.node, name) for name in boxes[node.name].outputs.get(end.interface, ())]
        elif segment is None or segment.plain or near(own, snapshot.interface(end)):
            found[end] = None
    return tuple(found)


__all__ = [
    "AddressClass",
    "Change",
    "Forwarding",
    "Hole",
    "Loop",
    "Pairs",
    "black_holes",
    "changes",
    "loops",
    "of_snapshot",
    "pairs",
]
