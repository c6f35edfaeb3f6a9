"""Routes that a snapshot adds to those of the operator's text. A route of the text for the same prefix always stands.

1. *Own addresses*: every address of a router's interfaces is the router itself (`SELF`).
2. *Connected subnets*: the addresses of the other stations on a segment are routed to it, one by one. The rest of a
   subnet is dropped, as by a router whose ARP request nobody answers (and so that two routers never throw a packet to
   and fro), unless clients or the internet are on the segment: then the whole subnet goes there. An address for which
   the text has a route as long as the subnet's, or longer, that leads elsewhere is not routed to the segment.
3. *Pools*: a platform's pool is routed to it. The route spreads from the platform, over the shortest path, router by
   router, through switches and middleboxes with two ends. It stops
   * at a router whose text already has a route for it that is more than a default route: the operator meant it;
   * at a router whose default route already leads to the platform;
   * at a middlebox with more than two interfaces: where such a box sends packets is its own affair;
   * for a private pool (RFC 1918, RFC 6598) at an edge router, one with the internet on a segment: private pools are
     nobody's on the internet. So an edge router reaches them only by a route in the text.
   A router next to the platform gets the route in any case.
4. *Client subnets* are routed where connected (2); elsewhere only by a route in the text.

The work is linear in the number of routes added, and with aggregated or default routes in the text that is linear in
the size of the network.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from innet.network.addresses import Prefix, covering
from innet.network.model import DROP, SELF, Clients, End, Interface, Internet, Platform, Route, Router
from innet.network.routetable import RouteTable

if TYPE_CHECKING:
    from innet.network.snapshot import Snapshot


def routes(snapshot: "Snapshot", router: Router, pools: Iterable[Route]) -> Sequence[Route]:
    """All routes of `router`, one a prefix: of the text, own, connected, and to `pools`."""
    table: dict[Prefix, Route] = {}
    given = router.routes
    for route in () if isinstance(given, RouteTable) else given:
        table.setdefault(route.prefix, route)
    lengths = given.lengths if isinstance(given, RouteTable) else [prefix.length for prefix in table]
    longest = max(lengths, default=0)
    for interface in router.interfaces.values():
        if interface.address is not None:
            own = Prefix(interface.address, 32)
            table.setdefault(own, Route(own, SELF, derived=True))
    text: _Given | None = None
    for prefix, output, subnet in _connected(snapshot, router):
        if subnet is not None and prefix != subnet and longest >= subnet.length:
            text = text or _Given(given)
            best = text.best(prefix)
            if best is not None and best.prefix.length >= subnet.length and output[0] not in best.output:
                continue
        table.setdefault(prefix, Route(prefix, output, derived=True))
    for route in pools:
        table.setdefault(route.prefix, route)
    return given.with_more(tuple(table.values())) if isinstance(given, RouteTable) else tuple(table.values())


def _connected(
    snapshot: "Snapshot", router: Router
) -> Iterator[tuple[Prefix, tuple[str, ...], Prefix | None]]:
    """Prefixes, where they are routed, and the subnet that they are in."""
    for interface in router.interfaces.values():
        end = End(router.name, interface.name)
        segment = snapshot.segment(*end)
        subnet = interface.subnet
        endpoint = False
        for station in segment.others(end) if segment else ():
            other = snapshot.interface(station)
            node = snapshot.nodes[station.node]
            if segment is not None and not segment.plain and not near(interface, other):
                continue
            endpoint |= isinstance(node, Clients | Internet)
            if isinstance(node, Clients) and other.subnet is not None:
                yield other.subnet, (interface.name,), None
            elif other.address is not None:
                inside = subnet if subnet is not None and other.address in subnet else None
                yield Prefix(other.address, 32), (interface.name,), inside
        if subnet is not None:
            yield subnet, (interface.name,) if endpoint else DROP, subnet


def near(own: Interface, other: Interface) -> bool:
    """Whether two interfaces may be in one subnet. Behind a box that decides who gets a frame, and so may stand for a
    router, there may be subnets that are not connected."""
    return own.subnet is None or other.address is None or other.address in own.subnet


def pool_routes(snapshot: "Snapshot") -> Mapping[str, tuple[Route, ...]]:
    """For each router the routes to platforms' pools that the snapshot adds."""
    edges = {end.node for end in snapshot.outside}
    explicit: dict[str, _Given] = {}
    added: dict[str, list[Route]] = {}
    for platform in snapshot.platforms:
        for pool in platform.pools:
            for name, interface in _spread(snapshot, platform, pool, edges, explicit):
                added.setdefault(name, []).append(Route(pool, (interface,), derived=True))
    return {name: tuple(found) for name, found in added.items()}


def _spread(
    snapshot: "Snapshot",
    platform: Platform,
    pool: Prefix,
    edges: set[str],
    explicit: dict[str, "_Given"],
) -> Iterator[tuple[str, str]]:
    """The routers that get a route to `pool`, each with the interface it leads to, nearest first."""
    seen: set[str] = set()
    todo: deque[tuple[End, bool]] = deque()

    def around(node: str, interfaces: Iterable[str], near: bool) -> None:
        for interface in interfaces:
            end = End(node, interface)
            segment = snapshot.segment(*end)
            if segment is None or not segment.plain:
                continue
            for station in segment.others(end):
                if isinstance(snapshot.nodes[station.node], Router) and station.node not in seen:
                    seen.add(station.node)
                    todo.append((station, near))

    around(platform.name, platform.interfaces, True)
    while todo:
        station, near = todo.popleft()
        router = snapshot.nodes[station.node]
        assert isinstance(router, Router)
        if router.name in edges and pool.is_private:
            continue
        given = explicit.get(router.name)
        if given is None:
            given = explicit[router.name] = _Given(router.routes)
        route = given.best(pool)
        if route is not None and (
            route.prefix == pool
            or (not near and route.prefix.length > 0)
            or (route.prefix.length == 0 and station.interface in route.output)
        ):
            continue
        yield station
        around(router.name, router.interfaces, False)


class _Given:
    """The routes of a router's text, to be looked up by what they cover."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.find: Callable[[Prefix], Route | None]
        if isinstance(routes, RouteTable):
            self.find, lengths = routes.find, set(routes.lengths)
        else:
            self.find = {route.prefix: route for route in reversed(routes)}.get
            lengths = {route.prefix.length for route in routes}
        self.lengths = sorted(lengths, reverse=True)

    def best(self, pool: Prefix) -> Route | None:
        """The longest route that covers all of `pool`."""
        for length in self.lengths:
            if length <= pool.length:
                route = self.find(covering(pool.address, length))
                if route is not None:
                    return route
        return None


def owned(snapshot: "Snapshot") -> Iterator[tuple[int, int, End]]:
    """(prefix address, prefix length, interface) of everything that somebody inside receives."""
    for node in snapshot.nodes.values():
        for interface in node.interfaces.values():
            end = End(node.name, interface.name)
            if interface.address is not None:
                yield interface.address, 32, end
                if isinstance(node, Clients):
                    subnet = covering(interface.address, interface.length)
                    yield subnet.address, subnet.length, end
        if isinstance(node, Platform):
            for pool in node.pools:
                for interface in list(node.interfaces.values())[:1]:
                    yield pool.address, pool.length, End(node.name, interface.name)
