"""What is looked up of many ways, against a look at each of them."""

from array import array
from collections.abc import Container
from random import Random

import pytest

from innet.explore import interest as interest_module
from innet.explore.fabric import Way
from innet.explore.interest import Interest, Ways
from innet.explore.network import Network
from innet.network import Clients, End, Host, Internet, Router, Snapshot
from innet.network.generate import operator_network
from innet.network.lpm import Addresses, Cut
from innet.policy import ElementPort, Named, Node, Place, Region, Subnet
from innet.policy.syntax import Hop
from innet.symbolic import ranges as rs
from innet.verify.questions import interest, place_names
from innet.verify.world import PARSE
from tests.verify.changes import changed


def some_node(snapshot: Snapshot, choose: Random) -> Node:
    """A node of a question."""
    length = choose.choice((8, 16, 24, 26, 32))
    near = choose.choice((0x0A00_0000, 0x1400_0000, 0x0808_0808)) | choose.randrange(1 << 12)
    return choose.choice((
        Region(Place.INTERNET), Region(Place.CLIENT), Region(Place.MODULE), Named(choose.choice([*snapshot.nodes])),
        Subnet(near, 0xFFFF_FFFF << 32 - length & 0xFFFF_FFFF), ElementPort("M", "out", 0),
    ))  # fmt: skip


def some_destinations(choose: Random) -> rs.Ranges | Cut:
    """Destinations of a way: few or many ranges, plain or in arrays."""
    few = choose.choice((1, 1, 1, 2, 3, 40))
    base = choose.choice((0, 0x0A00_0000, 0x1400_0000))
    lows = [base + choose.randrange(1 << 14) for _ in range(few)]
    parts = rs.normal((low, low + choose.choice((0, 15, 255, 1 << 12, 1 << 24))) for low in lows)
    if choose.random() < 0.7:
        return parts
    packed = Addresses()
    packed.lows, packed.highs = array("I", (p[0] for p in parts)), array("I", (p[1] for p in parts))
    return Cut(packed, rs.full(32))


def some_ways(snapshot: Snapshot, choose: Random) -> Ways:
    """Ways that need not be those of a router: copies, several to one node, destinations in more than one of them."""
    routers = [r for r in snapshot.routers if r.interfaces]
    found = []
    for _ in range(choose.choice((0, 3, 30, 90))):
        router = choose.choice(routers)
        out = None if choose.random() < 0.1 else End(router.name, choose.choice([*router.interfaces]))
        found.append(Way((router.name,), out, "" if out else "no route", some_destinations(choose)))
    return Ways(found, snapshot)


def scanned(
    snapshot: Snapshot, way: Way, wanted: Interest, places: Container[str]
) -> tuple[Way | None, Way | None]:
    """A way as far as it is of interest, and an example of what is not: from the question alone."""
    peer = None if way.out is None else snapshot.neighbour(*way.out)
    if way.out is not None and (
        peer is None or not isinstance(snapshot.nodes[peer.node], Internet | Clients | Host)
    ):
        return way, None
    among = wanted.at(peer.node) if peer is not None and peer.node in places else rs.EMPTY
    return way if among == rs.full(32) else way.to(among), way.example(rs.complement(among, 32))


@pytest.mark.parametrize("small", [0, interest_module.SMALL])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_looked_up_is_what_a_look_at_every_way_finds(
    seed: int, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interest_module, "SMALL", small)
    choose = Random(seed)
    snapshot = operator_network(choose.choice((30, 90, 200)))
    for _ in range(4):
        snapshot = changed(snapshot, choose)
    network = Network(snapshot, {}, PARSE)
    chosen = 0
    for _ in range(60):
        hops = tuple(Hop(some_node(snapshot, choose)) for _ in range(choose.choice((1, 1, 2, 3))))
        places = place_names(hops[0].node, network)
        for hop in hops[1:]:
            places |= place_names(hop.node, network)
        wanted = interest(hops, network)
        stops = frozenset(n for n in places.names if isinstance(snapshot.nodes.get(n), Router))
        if choose.random() < 0.5:
            found = some_ways(snapshot, choose)
        else:
            destinations = some_destinations(choose) if choose.random() < 0.5 else rs.full(32)
            router = choose.choice(snapshot.routers)
            here = destinations if isinstance(destinations, tuple) else rs.full(32)
            found = network.ways(router, choose.choice([*router.interfaces]), here, stops)
        each = [scanned(snapshot, way, wanted, places) for way in found.all]
        of_interest = [way for way, _ in each if way is not None]
        assert found.chosen(wanted, places) == of_interest
        assert found.may_end or of_interest == [*found.all]
        of_interest.sort(key=lambda way: found.leads_to(way, places))
        assert [*found.last_first(wanted, places)] == of_interest[::-1]
        assert [*found.others(wanted, places)] == [way for _, way in each if way is not None]
        chosen += len(of_interest)
    assert chosen > 100
