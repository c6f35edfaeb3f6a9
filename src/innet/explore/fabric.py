"""Ways through routers: where destinations go from a router on, over any number of routers, without touching a packet.

Routers look at nothing but the destination (and count hops), so that what a set of destinations does in a connected
group of routers is a matter of sets alone. A packet with symbols is then handled once per way out, not once per hop.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from innet.network import End, Middlebox, Node, Platform, Router, Snapshot, Switch
from innet.network.lpm import Cut, whole
from innet.network.model import SELF
from innet.symbolic import ranges as rs
from innet.symbolic.ranges import Ranges

Outputs = Callable[[str, Ranges], Iterable[tuple[tuple[str, ...], Ranges | Cut]]]
"""For each output of a router those of the destinations that it sends there; () drops, without a route."""

Stations = Callable[[End, Ranges | Cut], Sequence[tuple[End | None, Ranges]]]
"""Where several stations hear what leaves by an interface: whom it sends which of the destinations to. Else empty."""

NO_ROUTE = "no route"
TO_ROUTER = "addressed to the router itself"
SPLIT_HORIZON = "not sent back by the interface it came in by"
LOOP = "forwarding loop"


@dataclass(frozen=True, slots=True)
class Way:
    """Packets to `destinations` pass `routers` in that order, and leave the last one by interface `out`.

    Or they end at the last one, for `reason`; those that loop have come back to it. `station`: whom they are sent to,
    where several hear what leaves by `out`.
    """

    routers: tuple[str, ...]
    out: End | None
    reason: str
    part: Ranges | Cut
    station: End | None = None

    @property
    def destinations(self) -> Ranges:
        return whole(self.part)

    def to(self, addresses: Ranges) -> "Way | None":
        """The way of packets to `addresses` only; None if there are none."""
        part = rs.intersect(self.part, addresses) if isinstance(self.part, tuple) else self.part.to(addresses)
        return replace(self, part=part) if part else None

    def example(self, addresses: Ranges) -> "Way | None":
        """The way of packets to some of `addresses`; None if there are none."""
        part = self.part
        some = rs.intersect(part, addresses)[:1] if isinstance(part, tuple) else part.first(addresses)
        return replace(self, part=some) if some else None


def ways(
    snapshot: Snapshot,
    outputs: Outputs,
    first: str,
    domain: Ranges,
    stops: Container[str],
    stations: Stations = lambda end, destinations: (),
    entrance: str = "",
) -> Iterator[Way]:
    """Every way of packets to `domain` that router `first` forwards; a router in `stops` counts as a way out. By which
    interface they came in there (`entrance`) matters where there is a split horizon.

    Packets that come back to a router on their way, with a split horizon to an interface of it, would take the same
    turns again: that is a loop.
    """
    router = snapshot.nodes[first]
    assert isinstance(router, Router)
    work: list[tuple[tuple[str, ...], tuple[str | End, ...], Router, str, Ranges]] = [
        ((first,), (_turn(router, entrance),), router, entrance, domain)
    ]
    while work:
        routers, turns, router, entrance, here = work.pop()
        name = router.name
        for output, part in outputs(name, here):
            if not output or output == SELF:
                yield Way(routers, None, TO_ROUTER if output else NO_ROUTE, part)
                continue
            allowed = router.allowed(output, entrance)
            if not allowed:
                yield Way(routers, None, SPLIT_HORIZON, part)
            for interface in allowed:
                peer = snapshot.neighbour(name, interface)
                if peer is None:
                    yield Way(routers, None, f"nothing is plugged into {name}:{interface}", part)
                    continue
                node = snapshot.nodes[peer.node]
                if not isinstance(node, Router) or peer.node in stops:
                    out = End(name, interface)
                    told = stations(out, part)
                    for station, addressed in told:
                        if addressed:
                            yield Way(routers, out, "", addressed, station)
                    if not told:
                        yield Way(routers, out, "", part)
                    continue
                turn = _turn(node, peer.interface)
                if turn in turns:
                    yield Way((*routers, peer.node), None, LOOP, part)
                else:
                    work.append(((*routers, peer.node), (*turns, turn), node, peer.interface, whole(part)))


def _turn(router: Router, entrance: str) -> str | End:
    """What decides, beside the destination, where a router sends packets that came in by an interface."""
    return End(router.name, entrance) if router.split_horizon else router.name


def platforms_from(snapshot: Snapshot, outputs: Outputs, ends: Iterable[End]) -> set[str]:
    """The platforms that get packets to some address of their pools from `ends`, if boxes on the way pass everything
    on, unchanged. An estimate: for proofs, packets have to be followed."""
    found: set[str] = set()
    seen: dict[str | End, Ranges] = {}
    left, pools = {platform.name: platform.pools for platform in snapshot.platforms}, rs.EMPTY
    for n, first in enumerate(ends):
        if n == 0 or not found.isdisjoint(left):
            # what was found need not be looked for from the other ends: there may be as many as there are platforms
            left = {name: some for name, some in left.items() if name not in found}
            pools = rs.normal((pool.low, pool.high) for some in left.values() for pool in some)
        if not pools:
            break
        _spread(snapshot, outputs, (first, pools), seen, found)
    return found


def _spread(
    snapshot: Snapshot,
    outputs: Outputs,
    start: tuple[End, Ranges],
    seen: dict[str | End, Ranges],
    found: set[str],
) -> None:
    """Add to `found` the platforms that packets get to, which start as said; `seen` are those that came to a node, or
    to an interface of a box or switch."""
    work = [start]
    while work:
        end, here = work.pop()
        node = snapshot.nodes[end.node]
        new = _unseen(seen, end if isinstance(node, Middlebox | Switch) else end.node, here)
        if not new:
            continue
        going: list[tuple[str, Ranges]] = []
        if isinstance(node, Router):
            for output, part in outputs(node.name, new):
                if output != SELF:
                    going += ((interface, whole(part)) for interface in output)
        elif isinstance(node, Platform):
            if rs.intersect(new, rs.normal((pool.low, pool.high) for pool in node.pools)):
                found.add(node.name)
        elif isinstance(node, Middlebox | Switch):
            going += ((interface, new) for interface in node.interfaces if interface != end.interface)
        for interface, part in going:
            peer = snapshot.neighbour(node.name, interface)
            if peer is not None:
                work.append((peer, part))


def comes_from(
    snapshot: Snapshot, outputs: Outputs, kind: type[Node], platform: Platform, limit: int
) -> bool | None:
    """Whether a platform is among the `platforms_from` nodes of a kind, found out from the platform back: that is fast
    where there are many such nodes, one of them near. None: not found out within `limit` nodes."""
    pools = rs.normal((pool.low, pool.high) for pool in platform.pools)
    seen: dict[str | End, Ranges] = {}
    work = [
        (peer, pools) for name in platform.interfaces if (peer := snapshot.neighbour(platform.name, name))
    ]
    while work:
        end, here = work.pop()
        node = snapshot.nodes[end.node]
        if isinstance(node, kind):
            return True
        if isinstance(node, Router):
            sent = (
                whole(part)
                for output, part in outputs(node.name, here)
                if output != SELF and end.interface in output
            )
            new = _unseen(seen, node.name, rs.normal(part for parts in sent for part in parts))
        elif isinstance(node, Middlebox | Switch):
            new = _unseen(seen, end, here)
        else:
            continue
        if not new:
            continue
        limit -= 1
        if limit < 0:
            return None
        for name in node.interfaces:
            peer = snapshot.neighbour(node.name, name)
            if peer is not None and (isinstance(node, Router) or name != end.interface):
                work.append((peer, new))
    return False


def _unseen(seen: dict[str | End, Ranges], place: str | End, some: Ranges) -> Ranges:
    """Those of the addresses that were not seen at a place; from now on they have been."""
    known = seen.get(place, rs.EMPTY)
    new = rs.intersect(some, rs.complement(known, 32)) if known else some
    if new:
        seen[place] = rs.union(known, new)
    return new


__all__ = ["LOOP", "NO_ROUTE", "TO_ROUTER", "Way", "comes_from", "platforms_from", "ways"]
