"""Random changes of an operator's network: routes, links, nodes, addresses."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType

from innet.network import (
    Clients,
    End,
    Host,
    Interface,
    Internet,
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


def clients_added(snapshot: Snapshot, choose: Random) -> Snapshot:
    """More clients, beside some router."""
    number = len(snapshot.nodes)
    router = choose.choice(snapshot.routers)
    subnet, name, port = 0xAC18_0000 + (number << 8), f"flats{number}", f"to-flats{number}"
    clients = Clients(name=name, interfaces=MappingProxyType({"lan": Interface("lan", subnet + 1, 24)}))
    link = Link(End(router.name, port), End(name, "lan"))
    wired = with_port(router, port, subnet + 254, 24)
    return with_nodes(snapshot, wired, clients, links=(*snapshot.links, link))


def link_removed(snapshot: Snapshot, choose: Random) -> Snapshot:
    gone = choose.choice(snapshot.links)
    return with_nodes(snapshot, links=tuple(link for link in snapshot.links if link is not gone))


def addresses_swapped(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    """Two interfaces of routers or hosts have each other's addresses."""
    some = [
        End(node.name, port.name)
        for node in snapshot.nodes.values()
        for port in node.interfaces.values()
        if isinstance(node, Router | Host) and port.address is not None
    ]
    if len(some) < 2:
        return None
    a, b = choose.sample(some, 2)
    first, second = snapshot.interface(a), snapshot.interface(b)
    for end, old, new in ((a, first, second), (b, second, first)):
        node = snapshot.nodes[end.node]
        moved = replace(old, address=new.address, length=new.length)
        ports = MappingProxyType({**node.interfaces, end.interface: moved})
        snapshot = with_nodes(snapshot, replace(node, interfaces=ports))
    return snapshot


def next_hop_changed(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    """A route leads to another station, by the same interface."""
    found = [
        (router, route) for router in snapshot.routers for route in router.routes if route.via is not None
    ]
    if not found:
        return None
    router, one = choose.choice(found)
    others = [p.address for r in snapshot.routers if r is not router for p in r.interfaces.values()]
    other = replace(one, via=choose.choice(others))
    routes = tuple(other if r is one else r for r in router.routes)
    return with_nodes(snapshot, replace(router, routes=routes))


def kind_changed(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    """A router becomes a switch, or a host a router, with the same wires. (A rule's own node stays what it is.)"""
    node = choose.choice([node for node in snapshot.nodes.values() if isinstance(node, Router | Host)])
    if isinstance(node, Host):
        out = choose.choice([*node.interfaces])
        routes = (Route(Prefix(0, 0), (out,)),)
        return with_nodes(snapshot, Router(name=node.name, interfaces=node.interfaces, routes=routes))
    if len(snapshot.routers) < 3:
        return None
    return with_nodes(snapshot, Switch(name=node.name, interfaces=node.interfaces))


def table_changed(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    """A switch has an Ethernet address at another of its interfaces, or nowhere."""
    switches = [node for node in snapshot.nodes.values() if isinstance(node, Switch)]
    if not switches:
        return None
    switch = choose.choice(switches)
    table = {mac: port for mac, port in switch.table.items() if choose.random() < 0.5}
    table[choose.choice((0x0200_0000_0001, 0x0200_0000_0002))] = choose.choice([*switch.interfaces])
    return with_nodes(snapshot, replace(switch, table=MappingProxyType(table)))


def ports_reordered(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    """A platform's interfaces in another order: modules are on the first one. One that has a single one gets another
    in its place."""
    platform = choose.choice(snapshot.platforms)
    spare = {"spare": Interface("spare")}
    ports = {**spare, **platform.interfaces} if len(platform.interfaces) < 2 else {
        name: platform.interfaces[name] for name in reversed(platform.interfaces)
    }  # fmt: skip
    return with_nodes(snapshot, replace(platform, interfaces=MappingProxyType(ports)))


def prefixes_changed(snapshot: Snapshot, choose: Random) -> Snapshot:
    """The operator has a prefix less, or one more."""
    prefixes = snapshot.operator.prefixes
    gone = choose.choice((*prefixes, None))
    prefixes = tuple(p for p in prefixes if p != gone) if gone else (*prefixes, some_prefix(snapshot, choose))
    return Snapshot(snapshot.nodes, snapshot.links, replace(snapshot.operator, prefixes=prefixes))


def outside_moved(snapshot: Snapshot, choose: Random) -> Snapshot | None:
    """The internet is plugged into another router."""
    found = [link for link in snapshot.links if isinstance(snapshot.nodes[link.a.node], Internet)]
    if not found:
        return None
    one, router = choose.choice(found), choose.choice(snapshot.routers)
    wire, port = 0x6478_0000 + 4 * len(snapshot.links), f"outer{len(router.interfaces)}"
    links = (*(link for link in snapshot.links if link is not one), Link(one.a, End(router.name, port)))
    return with_nodes(snapshot, with_port(router, port, wire + 1, 30), links=links)


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


def horizon_changed(snapshot: Snapshot, choose: Random) -> Snapshot:
    router = choose.choice(snapshot.routers)
    return with_nodes(snapshot, replace(router, split_horizon=not router.split_horizon))


CHANGES: tuple[Change, ...] = (
    route_added, route_added, route_removed, route_changed, default_changed, platform_added, platform_removed,
    link_added, link_moved, box_changed, box_turned, address_told, pool_moved, clients_readdressed, filtering_changed,
    clients_added, link_removed, addresses_swapped, next_hop_changed, kind_changed, table_changed, ports_reordered,
    prefixes_changed, outside_moved, horizon_changed,
)  # fmt: skip


def changed(snapshot: Snapshot, choose: Random) -> Snapshot:
    """The snapshot after one change."""
    while True:
        found = choose.choice(CHANGES)(snapshot, choose)
        if found is not None:
            return found
