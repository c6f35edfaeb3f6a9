"""Ways through routers, against forwarding one address at a time."""

from collections import Counter
from random import Random

import pytest

from innet.explore.fabric import (
    LOOP,
    NO_ROUTE,
    SPLIT_HORIZON,
    TO_ROUTER,
    Way,
    comes_from,
    platforms_from,
    ways,
)
from innet.explore.network import Network
from innet.network import (
    Clients,
    End,
    Host,
    Interface,
    Internet,
    Link,
    Platform,
    Prefix,
    Route,
    Router,
    Snapshot,
)
from innet.network.generate import operator_network
from innet.network.model import SELF
from innet.symbolic import ranges as rs
from innet.verify.world import PARSE
from tests.verify.changes import changed
from tests.verify.networks import figure3


def walk(
    snapshot: Snapshot, router: str, address: int, entrance: str = ""
) -> tuple[tuple[str, ...], End | None, str]:
    """Where one address goes from a router on: routers passed, the way out, or why it ends."""
    passed, places = [router], [(router, entrance)]
    while True:
        output = snapshot.forward(passed[-1], address)
        if not output:
            return tuple(passed), None, NO_ROUTE
        if output == SELF:
            return tuple(passed), None, TO_ROUTER
        (interface,) = output
        here = snapshot.nodes[passed[-1]]
        assert isinstance(here, Router)
        if here.split_horizon and interface == places[-1][1]:
            return tuple(passed), None, SPLIT_HORIZON
        peer = snapshot.neighbour(passed[-1], interface)
        assert peer is not None
        node = snapshot.nodes[peer.node]
        if not isinstance(node, Router):
            return tuple(passed), End(passed[-1], interface), ""
        if peer in places or (peer.node in passed and not node.split_horizon):
            return (*passed, peer.node), None, LOOP
        passed.append(peer.node)
        places.append(peer)


@pytest.mark.parametrize("boxes", [10, 60, 300])
def test_every_address_takes_the_way_it_takes_when_forwarded_alone(boxes: int) -> None:
    snapshot = operator_network(boxes)
    network, choose = Network(snapshot, {}, PARSE), Random(boxes)
    routers = [r.name for r in snapshot.routers]
    pools = [pool for p in snapshot.platforms for pool in p.pools]
    for _ in range(40):
        first = choose.choice(routers)
        found = list(ways(snapshot, network.outputs, first, rs.full(32), frozenset()))
        assert rs.normal(part for way in found for part in way.destinations) == rs.full(32)
        assert sum(rs.size(way.destinations) for way in found) == 1 << 32
        addresses = [
            choose.randrange(1 << 32),
            0x0A000000 | choose.randrange(1 << 16),
            choose.choice(pools).low + 1,
        ]
        for address in addresses:
            (way,) = (w for w in found if rs.contains(w.destinations, address))
            assert (way.routers, way.out, way.reason) == walk(snapshot, first, address)


def wild(choose: Random) -> Snapshot:
    """Routers at random, some of them with a split horizon, joined at random, each with a route to half of 0/0."""
    count = choose.randrange(2, 7)
    ports: list[list[Interface]] = [[] for _ in range(count)]
    nodes: dict[str, Router | Host] = {}
    links: list[Link] = []

    def joint(n: int) -> End:
        ports[n].append(Interface(f"p{len(ports[n])}"))
        return End(f"r{n}", ports[n][-1].name)

    for n in range(count):
        nodes[f"h{n}"] = Host(name=f"h{n}", interfaces={"nic": Interface("nic")})
        links.append(Link(joint(n), End(f"h{n}", "nic")))
    for _ in range(choose.randrange(count, 2 * count + 2)):
        a, b = choose.sample(range(count), 2)
        links.append(Link(joint(a), joint(b)))
    for n in range(count):
        routes = [
            Route(Prefix(low, 2), (choose.choice(ports[n]).name,))
            for low in range(0, 1 << 32, 1 << 30)
            if choose.random() < 0.9
        ]
        interfaces = {port.name: port for port in ports[n]}
        nodes[f"r{n}"] = Router(
            name=f"r{n}", interfaces=interfaces, routes=routes, split_horizon=choose.random() < 0.6
        )
    return Snapshot(nodes, tuple(links))


def test_with_a_split_horizon_it_matters_where_packets_came_in() -> None:
    reasons: Counter[str] = Counter()
    back = 0
    for seed in range(200):
        choose = Random(seed)
        snapshot = wild(choose)
        network = Network(snapshot, {}, PARSE)
        for router in snapshot.routers:
            for entrance in router.interfaces:
                found = network.ways(router, entrance, rs.full(32)).all
                for address in range(1, 1 << 32, 1 << 30):
                    (way,) = (w for w in found if rs.contains(w.destinations, address))
                    assert (way.routers, way.out, way.reason) == walk(
                        snapshot, router.name, address, entrance
                    )
                    reasons[way.reason] += 1
                    back += way.reason != LOOP and len({*way.routers}) < len(way.routers)
    assert min(reasons[r] for r in ("", NO_ROUTE, LOOP, SPLIT_HORIZON)) > 300
    assert back > 100  # some pass a router twice, by other interfaces


def test_a_router_that_is_watched_ends_the_way() -> None:
    snapshot = operator_network(60)
    network = Network(snapshot, {}, PARSE)
    (way,) = ways(snapshot, network.outputs, "site0", rs.single(0x08080808), frozenset({"level1-0"}))
    assert way == Way(("site0",), End("site0", "up"), "", rs.single(0x08080808))


def test_packets_to_a_few_addresses_take_their_ways_only() -> None:
    snapshot = operator_network(300)
    network = Network(snapshot, {}, PARSE)
    assert len(list(ways(snapshot, network.outputs, "border", ((0x14000001, 0x14000001),), frozenset()))) == 1


def test_private_pools_are_not_near_the_internet() -> None:
    snapshot = operator_network(300)
    network = Network(snapshot, {}, PARSE)
    near = platforms_from(snapshot, network.outputs, snapshot.outside)
    public = {p.name for p in snapshot.platforms if not any(pool.is_private for pool in p.pools)}
    assert near == public
    assert all(isinstance(snapshot.nodes[name], Platform) for name in near)


@pytest.mark.parametrize("seed", range(8))
def test_from_the_platform_back_it_is_near_the_same_nodes(seed: int) -> None:
    choose = Random(seed)
    snapshot = figure3().snapshot if seed < 2 else operator_network(choose.choice((20, 60, 120)))
    near = 0
    for _ in range(6):
        network = Network(snapshot, {}, PARSE)
        for kind in (Clients, Internet):
            names = snapshot.names(kind.KIND.value)
            ends = [
                snapshot.neighbour(name, port) for name in names for port in snapshot.nodes[name].interfaces
            ]
            found = platforms_from(snapshot, network.outputs, [end for end in ends if end is not None])
            for platform in snapshot.platforms:
                back = comes_from(snapshot, network.outputs, kind, platform, 10_000)
                assert back is (platform.name in found)
                assert comes_from(snapshot, network.outputs, kind, platform, choose.randrange(4)) in (
                    back,
                    None,
                )
            near += len(found)
        snapshot = changed(snapshot, choose)
    assert near
