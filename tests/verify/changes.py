"""Random changes of an operator's network: routes, links, platforms, boxes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType

from innet.network import (
    Clients,
    End,
    Interface,
    Link,
    Middlebox,
    Node,
    Platform,
    Prefix,
    Route,
    Router,
    Snapshot,
    Switch,
)
from innet.network.addresses import covering
from innet.network.model import Capacity

Change = Callable[[Snapshot, Random], Snapshot | None]
"""Another snapshot; None where there is nothing to change in that way."""


def with_nodes(snapshot: Snapshot, *nodes: Node, links: tuple[Link, ...] | None = None) -> Snapshot:
    """The snapshot with these nodes, new or in place of those of the same name."""
    there = {**snapshot.nodes, **{node.name: node for node in nodes}}
    return Snapshot(MappingProxyType(there), snapshot.links if links is None else links, snapshot.operator)


def with_routes(router: Router, routes: Mapping[Prefix, Route]) -> Router:
    return replace(router, routes=tuple(routes.values()))


def with_port(router: Router, name: str, address: int | None, length: int) -> Router:
    ports = {**router.interfaces, name: Interface(name, address, length)}
    return replace(router, interfaces=MappingProxyType(ports))


def some_prefix(snapshot: Snapshot, choose: Random) -> Prefix:
    """A prefix that something depends on: of clients, of a pool, or anywhere outside."""
    near = [s for node in snapshot.nodes.values() if isinstance(node, Clients) for s in node.subnets]
    near += [pool for platform in snapshot.platforms for pool in platform.pools]
    prefix = choose.choice([*near, Prefix(8 << 24, 8)])
    address = choose.randrange(prefix.low, prefix.high + 1)
    return covering(address, min(32, prefix.length + choose.choice((0, 1, 4, 8))))


def route_added(snapshot: Snapshot, choose: Random) -> Snapshot:
    router = choose.choice(snapshot.routers)
    prefix = some_prefix(snapshot, choose)
    output = choose.choice([(), *((name,) for name in router.interfaces)])
    routes = {route.prefix: route for route in router.routes}
    return with_nodes(snapshot, with_routes(router, {**routes, prefix: Route(prefix, output)}))


def route_removed(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    router = choose.choice(snapshot.routers)
    if not router.routes:
        return None
    gone = choose.choice(router.routes)
    return with_nodes(snapshot, replace(router, routes=tuple(r for r in router.routes if r is not gone)))


def route_changed(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    router = choose.choice(snapshot.routers)
    if not router.routes:
        return None
    one = choose.choice(router.routes)
    other = replace(one, output=choose.choice([(), *((name,) for name in router.interfaces)]))
    return with_nodes(
        snapshot, replace(router, routes=tuple(other if r is one else r for r in router.routes))
    )


def default_changed(snapshot: Snapshot, choose: Random) -> Snapshot:
    router, everything = choose.choice(snapshot.routers), Prefix(0, 0)
    routes = {route.prefix: route for route in router.routes}
    output = (choose.choice([*router.interfaces]),)
    return with_nodes(snapshot, with_routes(router, {**routes, everything: Route(everything, output)}))


def platform_added(snapshot: Snapshot, choose: Random) -> Snapshot:
    number = len(snapshot.nodes)
    router = choose.choice(snapshot.routers)
    wire = 0x6470_0000 + 4 * number
    pool = Prefix((choose.choice((0x1440_0000, 0x0A80_0000, 0xC612_0000)) + (number << 8)), 28)
    name, port = f"new{number}", f"to-new{number}"
    nic = Interface("nic", wire + 2, 30)
    platform = Platform(
        name=name, interfaces=MappingProxyType({"nic": nic}), pools=(pool,), capacity=Capacity(4)
    )
    link = Link(End(router.name, port), End(name, "nic"))
    return with_nodes(
        snapshot, with_port(router, port, wire + 1, 30), platform, links=(*snapshot.links, link)
    )


def platform_removed(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    new = [p.name for p in snapshot.platforms if p.name.startswith("new")]
    if not new:
        return None
    gone = choose.choice(new)
    nodes = {name: node for name, node in snapshot.nodes.items() if name != gone}
    links = tuple(link for link in snapshot.links if gone not in (link.a.node, link.b.node))
    return Snapshot(MappingProxyType(nodes), links, snapshot.operator)


def link_added(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    if len(snapshot.routers) < 2:
        return None
    a, b = choose.sample(snapshot.routers, 2)
    wire, port = 0x6478_0000 + 4 * len(snapshot.links), f"link{len(snapshot.links)}"
    prefix = some_prefix(snapshot, choose)
    routes = {route.prefix: route for route in a.routes} | {prefix: Route(prefix, (port,))}
    first = with_routes(with_port(a, port, wire + 1, 30), routes)
    link = Link(End(a.name, port), End(b.name, port))
    return with_nodes(snapshot, first, with_port(b, port, wire + 2, 30), links=(*snapshot.links, link))


def link_moved(snapshot: Snapshot, choose: Random) -> Snapshot:
    """Two wires swap one of their ends."""
    first, second = choose.sample(range(len(snapshot.links)), 2)
    links = [*snapshot.links]
    a, b = links[first], links[second]
    links[first], links[second] = Link(a.a, b.b), Link(b.a, a.b)
    return with_nodes(snapshot, links=tuple(links))


def box_changed(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    """A middlebox with two interfaces lets everything pass, or nothing one way."""
    boxes = [box for box in snapshot.middleboxes if len(box.interfaces) == 2]
    if not boxes:
        return None
    box: Middlebox = choose.choice(boxes)
    a, b = box.interfaces
    back = choose.choice((f"ToDevice({a})", f"d :: Discard; Idle -> ToDevice({a})"))
    return with_nodes(
        snapshot, replace(box, text=f"FromDevice({a}) -> ToDevice({b}); FromDevice({b}) -> {back};")
    )


def box_turned(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    """A middlebox with two interfaces in the wire the other way round: routes and segments stay as they are."""
    boxes = [box.name for box in snapshot.middleboxes if len(box.interfaces) == 2]
    if not boxes:
        return None
    box = choose.choice(boxes)
    a, b = snapshot.nodes[box].interfaces

    def turned(end: End) -> End:
        return end if end.node != box else End(box, b if end.interface == a else a)

    links = tuple(Link(turned(link.a), turned(link.b)) for link in snapshot.links)
    return with_nodes(snapshot, links=links)


def address_told(snapshot: Snapshot, choose: Random) -> Snapshot:
    """The snapshot tells an interface's Ethernet address now; another one's, perhaps."""
    stations = [
        (node, port)
        for node in snapshot.nodes.values()
        for port in node.interfaces.values()
        if not isinstance(node, Middlebox | Switch)
    ]
    node, port = choose.choice(stations)
    told = replace(port, mac=choose.choice((0x0200_0000_0001, 0x0200_0000_0002)))
    ports = MappingProxyType({**node.interfaces, port.name: told})
    return with_nodes(snapshot, replace(node, interfaces=ports))


def pool_moved(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    """A new platform has another pool, that of nobody or a part of its old one."""
    new = [p for p in snapshot.platforms if p.name.startswith("new")]
    if not new:
        return None
    node = choose.choice(new)
    (pool,) = node.pools
    return with_nodes(snapshot, replace(node, pools=(Prefix(pool.address, min(30, pool.length + 1)),)))


def clients_readdressed(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    node = choose.choice(snapshot.clients)
    ports = {
        name: replace(one, length=one.length + 1) if one.address is not None and one.length < 30 else one
        for name, one in node.interfaces.items()
    }
    return with_nodes(snapshot, replace(node, interfaces=MappingProxyType(ports)))


def filtering_changed(snapshot: Snapshot, choose: Random) -> Snapshot:
    operator = replace(snapshot.operator, ingress_filtering=not snapshot.operator.ingress_filtering)
    return Snapshot(snapshot.nodes, snapshot.links, operator)


CHANGES: tuple[Change, ...] = (
    route_added, route_added, route_removed, route_changed, default_changed, platform_added, platform_removed,
    link_added, link_moved, box_changed, box_turned, address_told, pool_moved, clients_readdressed, filtering_changed,
)  # fmt: skip


def changed(snapshot: Snapshot, choose: Random) -> Snapshot:
    """The snapshot after one change."""
    while True:
        found = choose.choice(CHANGES)(snapshot, choose)
        if found is not None:
            return found
