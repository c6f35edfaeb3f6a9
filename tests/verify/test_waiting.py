"""Packets that are put aside for platforms are those that would have been followed there."""

from dataclasses import replace
from random import Random

import pytest

from innet.diagnostics import Source
from innet.explore import interest, network
from innet.explore.network import contents
from innet.ir.nodes import Mark
from innet.network import Capacity, Snapshot
from innet.network.generate import operator_network
from innet.policy import Place, Policy, Reach, Region, parse_policy
from innet.symbolic.state import State
from innet.symbolic.terms import K
from innet.verify.questions import Progress, prepare
from innet.verify.reach import Base, everything, explore_base
from innet.verify.world import World
from tests.verify import changes
from tests.verify.networks import figure3

RULES = """\
always new reach from internet -> module -> client
always reach from internet tcp src port 80 -> client
never new reach from internet udp -> 10.0.0.0/24
never reach from client tcp dst port 80 -> platform0
never reach from internet ip[8] > 40 -> client
"""


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks for tests are small."""
    for module in (interest, network):
        monkeypatch.setattr(module, "SMALL", 0)


def told(found: tuple[State, Progress]) -> object:
    """Packets that wait, comparable."""
    state, progress = found
    places = [hop.place for hop in state.hop.story()] if isinstance(state.hop, network.Hop) else []
    assert progress.origin is not None
    return (
        contents(state),
        tuple(places),
        progress.index,
        progress.departed,
        progress.places,
        progress.origin.end,
    )


def explored(world: World, rule: Reach | Region, followed: bool, monkeypatch: pytest.MonkeyPatch) -> Base:
    """What a rule finds, or all packets from a node; with `followed`, all ways to their ends."""
    tables = world._shared.tables
    with monkeypatch.context() as patch:
        if followed:
            patch.setattr(network.Walk, "set_aside", lambda *_: None)
        question = everything(rule) if isinstance(rule, Region) else prepare(rule, {})
        return explore_base(question, world.network, tables, isinstance(rule, Region))


def some_network(seed: int) -> Snapshot:
    """A network, changed at random."""
    choose = Random(seed)
    snapshot = figure3().snapshot if seed % 3 == 0 else operator_network(12 + 12 * (seed % 3))
    for _ in range(seed):
        snapshot = changes.changed(snapshot, choose)
    return snapshot


def test_what_waits_is_the_same_whether_it_was_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    aside = 0
    for seed in range(5):
        snapshot = some_network(seed)
        named = "platform0" in snapshot.nodes
        rules = [r for r in parse_policy(Source("rules", RULES)).rules if named or "platform0" not in r.text]
        world = World(snapshot, Policy(()))
        for rule in (*rules, Region(Place.INTERNET), Region(Place.CLIENT)):
            eager = explored(world, rule, True, monkeypatch)
            lazy = explored(world, rule, False, monkeypatch)
            assert (eager.cut, lazy.cut) == (False, False)
            aside += sum(len(one.ways) for one in lazy.waiting.aside())
            for platform in snapshot.platforms:
                there, then = eager.waiting.at(platform.name), lazy.waiting.at(platform.name)
                assert len(there) == len(then)
                assert {told(one) for one in there} == {told(one) for one in then}
            assert (eager.check is None) == (lazy.check is None)
            assert len(eager.found.violating) == len(lazy.found.violating)
            assert len(eager.found.conforming) == len(lazy.found.conforming)
            assert eager.found.lost == lazy.found.lost
    assert aside > 60


def test_what_waits_is_followed_in_the_network_as_it_is_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that a base has not read leaves it; the network that it was found in is not kept for it."""
    world = World(operator_network(40), Policy(()))
    node = Region(Place.INTERNET)
    before = world.arrivals(node)
    assert [*before.waiting.aside()]
    roomier = replace(world.snapshot.platforms[0], capacity=Capacity(7))
    after = world.changed(changes.with_nodes(world.snapshot, roomier))
    kept = after.arrivals(node)
    assert kept is before
    assert kept.waiting.network is after._shared.network
    new = World(after.snapshot, world.policy).arrivals(node)
    for platform in after.snapshot.platforms:
        assert len(kept.waiting.at(platform.name)) == len(new.waiting.at(platform.name))


def test_a_station_beside_a_platform_that_changes_is_noticed() -> None:
    """No packet was followed to the platform, and still all that will wait there hangs on its sender's address."""
    world = World(operator_network(40), Policy(()))
    node = Region(Place.INTERNET)
    before = world.arrivals(node)
    platform = next(
        p.name for p in world.snapshot.platforms if any(p.name in a.ways for a in before.waiting.aside())
    )
    out = world.snapshot.neighbour(platform, "nic")
    assert out is not None
    router = world.snapshot.nodes[out.node]
    ports = {
        **router.interfaces,
        out.interface: replace(router.interfaces[out.interface], mac=0x0200_0000_0001),
    }
    after = world.changed(changes.with_nodes(world.snapshot, replace(router, interfaces=ports)))
    assert after.arrivals(node) is not before
    (state, _) = after.arrivals(node).waiting.at(platform)[0]
    region, offset = state.memory.marks[Mark.DATA]
    assert state.memory.read(region, offset * 8 + 48, 48, state.store) == K(0x0200_0000_0001, 48)
