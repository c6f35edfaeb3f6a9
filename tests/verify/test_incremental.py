"""A world that followed changes one by one answers like a new one, and like looking at everything."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from innet.diagnostics import Source
from innet.messages import Account, Answer, Plan, Role
from innet.network import Capacity, Clients, format_address
from innet.network.generate import operator_network
from innet.policy import Place, Region, parse_policy, parse_request
from innet.verify import standing
from innet.verify import world as world_module
from innet.verify.plan import plan
from innet.verify.questions import prepare
from innet.verify.reach import answer
from innet.verify.world import Deployed, World
from tests.verify.changes import with_nodes
from tests.verify.networks import CLIENT, figure3

RULES = """\
always reach from internet tcp src port 80 -> HTTPOptimizer -> client
always new reach from internet -> module -> client
never reach from module udp dst port 99 -> 172.16.0.9
never new reach from internet -> 10.1.0.0/24
reach from client tcp dst port 80 -> internet
"""
GENERATED = """\
always reach from internet -> firewall -> client
always new reach from internet -> module -> client
never new reach from internet udp -> 10.0.1.0/24
"""

SHAPES: tuple[Callable[[str, str, int], str], ...] = (
    lambda client, other, n: (
        f"FromNetfront() -> IPFilter(allow udp dst port {n}) -> IPMirror -> ToNetfront();"
    ),
    lambda client, other, n: f"FromNetfront() -> IPRewriter(pattern - - {client} - 0 0) -> ToNetfront();",
    lambda client, other, n: (
        f"FromNetfront() -> IPFilter(allow tcp) -> SetIPAddress({other}) -> StoreIPAddress(dst)"
        " -> ToNetfront();"
    ),
    lambda client, other, n: (
        f"FromNetfront() -> IPFilter(allow udp) -> IPRewriter(pattern - - {other} {n} 0 0) -> ToNetfront();"
    ),
    lambda client, other, n: "FromNetfront() -> IPMirror -> ToNetfront();",
)
"""Modules that answer, that send to their own client, and that send to somebody else's or to another module: these
may
break rules."""

PROBES = """\
Probe module:
FromNetfront() -> IPFilter(allow udp port 1500) -> IPRewriter(pattern - - {client} - 0 0) -> out :: ToNetfront()

reach from internet udp -> Probe:out:0 -> client
"""


def shown(made: Plan) -> object:
    """What of a plan must not depend on how the world came about."""
    trials = [
        (t.name, t.fits, [c.holds for c in t.requirements], [c.holds for c in t.rules])
        for t in made.platforms
    ]
    return made.assessment, made.placements, trials


def change(world: World, choose: random.Random, clients: list[int], number: int) -> tuple[Deployed, ...]:
    """One module more or less."""
    deployed = world.deployed
    if deployed and choose.random() < 0.4:
        gone = choose.choice(deployed)
        return tuple(d for d in deployed if d is not gone)
    platform = choose.choice(world.snapshot.platforms).name
    address = world.free_address(platform)
    assert address is not None
    client = choose.choice(clients)
    others = [*clients, *(d.address for d in deployed), address + 1]
    port = choose.choice((99, 1500))
    text = choose.choice(SHAPES)(format_address(client), format_address(choose.choice(others)), port)
    account = Account(f"account{client}", Role.CLIENT, ((client, client),))
    return (*deployed, Deployed(f"M{number}", account, platform, address, text, identifier=f"d{number}"))


def looked_at(world: World) -> list[Answer]:
    """The rules, by exploring the network with all that is deployed, from the start."""
    return [answer(prepare(rule, {}), world.network, world.tables).holds for rule in world.policy.rules]


def standings(world: World) -> list[Answer]:
    """The rules as they stand, by what is known of each module."""
    return [
        answer(prepare(rule, {}), world.network, world.tables, world.base(rule)).holds
        for rule in world.policy.rules
    ]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ["figure3", "generated"])
def test_changes_one_by_one_are_like_a_new_start(name: str, seed: int) -> None:
    choose = random.Random(f"{name}{seed}")
    if name == "figure3":
        world = figure3(RULES)
        clients = [0xAC10_0005, 0xAC10_0009]
    else:
        world = World(operator_network(20), parse_policy(Source("rules", GENERATED)))
        assert any(isinstance(node, Clients) for node in world.snapshot.nodes.values())
        clients = [0x0A00_0005, 0x0A00_0105]
    account = Account("asking", Role.CLIENT, ((clients[0], clients[0]),))
    request = parse_request(Source("r", PROBES.format(client=format_address(clients[0]))))
    for n in range(6):
        world = world.with_deployed(change(world, choose, clients, n))
        if n % 2 == 0:
            standings(world)  # so that there is something to carry over
            continue
        new = World(world.snapshot, world.policy, world.deployed)
        for mine, whole in zip(standings(world), looked_at(new), strict=True):
            assert mine is whole or Answer.UNDECIDED in (mine, whole)
        assert shown(plan(request, world, account)) == shown(plan(request, new, account))


def test_only_what_a_change_touches_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[str] = []

    def counting(*arguments: object) -> standing.Followed:
        followed.append(arguments[4].name)  # type: ignore[attr-defined]  # the module
        return standing.follow(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(world_module, "follow", counting)
    client = Account("a", Role.CLIENT, ((0xAC10_0005, 0xAC10_0005),))
    own = "FromNetfront() -> IPRewriter(pattern - - 172.16.0.5 - 0 0) -> ToNetfront();"
    next_one = "FromNetfront() -> IPRewriter(pattern - - 198.51.100.2 - 0 0) -> ToNetfront();"

    def module(n: int, text: str) -> Deployed:
        return Deployed("M", client, "platform3", 0xC633_6400 + n, text, identifier=f"d{n}")

    world = figure3("always new reach from internet -> module -> client")
    (rule,) = world.policy.rules
    world = world.with_deployed((module(1, next_one), *(module(n, own) for n in range(10, 14))))
    world.base(rule)
    assert followed == [], "nothing that is sent can break the rule, nor comes to another module"
    world = world.with_deployed((*world.deployed, module(2, own)))
    world.base(rule)
    assert followed == ["d1"], "its packets come to the new one"
    world = world.with_deployed((*world.deployed, module(20, own)))
    world.base(rule)
    assert followed == ["d1"]
    world = world.with_deployed(tuple(d for d in world.deployed if d.identifier != "d2"))
    world.base(rule)
    assert followed == ["d1", "d1"], "its packets came to the one that left"


def test_what_one_tenant_may_do_is_not_what_another_may() -> None:
    """What is known of packets from a platform on serves other modules; not where it hangs on who owns what."""
    text = (
        "FromNetfront() -> c :: IPClassifier(tcp, udp);"
        "c [0] -> StoreIPAddress(172.16.0.5, dst) -> out :: ToNetfront(); c [1] -> StoreIPAddress(8.8.8.8, dst) -> out;"
    )
    world = figure3("always new reach from internet -> module -> client")
    for n, owner in enumerate((0xAC10_0005, 0xAC10_0009)):
        account = Account(f"a{n}", Role.CLIENT, ((owner, owner),))
        module = Deployed(f"M{n}", account, "platform3", 0xC633_6401 + n, text, identifier=f"d{n}")
        world = world.with_deployed((*world.deployed, module))
        assert standings(world) == [Answer.YES if owner == 0xAC10_0005 else Answer.NO]


def test_the_order_of_platforms_and_their_room_follow_what_is_deployed() -> None:
    choose = random.Random(3)
    snapshot = operator_network(60)
    small = [replace(p, capacity=Capacity(choose.randrange(4))) for p in snapshot.platforms]
    snapshot = with_nodes(snapshot, *small)
    starts = (
        frozenset(),
        frozenset({Region(Place.CLIENT)}),
        frozenset({Region(Place.INTERNET), Region(Place.CLIENT)}),
    )
    world, rooms = World(snapshot, parse_policy(Source("rules", GENERATED))), set()
    for n in range(40):
        fresh = World(snapshot, world.policy, world.deployed, world.reserved)
        for some in starts:
            assert [*world.best_first(some)] == [*fresh.best_first(some)]
        assert world.roomy == fresh.roomy
        rooms.add(len(world.roomy))
        platform = choose.choice(snapshot.platforms).name
        address = world.free_address(platform)
        deployed = world.deployed
        if address is not None and platform in world.roomy:
            deployed = (*deployed, Deployed("M", CLIENT, platform, address, "Idle;", identifier=f"m{n}"))
        if deployed and choose.random() < 0.4:
            gone = choose.randrange(len(deployed))
            deployed = (*deployed[:gone], *deployed[gone + 1 :])
        free = world.free_address(choose.choice(snapshot.platforms).name)
        reserved = frozenset({free} if free is not None and n % 5 == 0 else world.reserved)
        world = world.with_deployed(deployed, reserved)
    assert len(rooms) > 2
