"""A world that followed changes of the network answers like a new one, and makes again only what a change touches."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from innet.diagnostics import PolicyError, Source
from innet.messages import Account, Answer, Role
from innet.network import Capacity, Route, Router, Snapshot, format_address, parse_address, parse_prefix
from innet.network.generate import operator_network
from innet.network.recorded import Recorded
from innet.policy import parse_policy, parse_request
from innet.symbolic.ranges import Ranges
from innet.verify import known
from innet.verify import world as world_module
from innet.verify.plan import plan
from innet.verify.questions import Question
from innet.verify.world import Deployed, World
from tests.verify import changes
from tests.verify.networks import STATEFUL, chain, figure3, inward
from tests.verify.test_incremental import GENERATED, PROBES, RULES, change, shown, standings

CHAINED = """\
always new reach from internet -> module -> client
always reach from internet udp -> first -> client
never reach from internet tcp -> client
reach from client udp -> internet
reach from internet dst net 172.16.128.0/17 -> access
never new reach from client -> 172.16.4.0/24
"""
MORE = """\
reach from client tcp dst port 80 -> internet
never reach from client udp -> 10.0.1.0/24
"""
SWITCHED = """
nodes:
  internet: {kind: internet, interfaces: {net: 203.0.113.2/30}}
  edge:
    kind: router
    interfaces: {out: 203.0.113.1/30, lan: 10.0.0.1/24}
    routes: {0.0.0.0/0: out, 172.16.0.0/16: lan via 10.0.0.2, 172.17.0.0/16: lan via 10.0.0.3}
  hub: {kind: switch, interfaces: {a: {}, b: {}, c: {}, d: {}}}
  first: {kind: router, interfaces: {up: 10.0.0.2/24, homes: 172.16.255.254/16}, routes: {0.0.0.0/0: up via 10.0.0.1}}
  second: {kind: router, interfaces: {up: 10.0.0.3/24, homes: 172.17.255.254/16}, routes: {0.0.0.0/0: up via 10.0.0.1}}
  platform: {kind: platform, interfaces: {nic: 10.0.0.4/24}, pool: 198.51.100.0/24, capacity: {modules: 9}}
  homes: {kind: clients, interfaces: {lan: 172.16.0.1/16}}
  others: {kind: clients, interfaces: {lan: 172.17.0.1/16}}
links:
  - [internet, edge:out]
  - [edge:lan, hub:a]
  - [first:up, hub:b]
  - [second:up, hub:c]
  - [platform:nic, hub:d]
  - [first:homes, homes]
  - [second:homes, others]
operator: {prefixes: [172.16.0.0/15, 198.51.100.0/24], ingress_filtering: true, connectionless: allowed}
"""
SWITCHED_RULES = """\
always new reach from internet -> module -> client
never reach from internet udp dst port 99 -> 172.16.0.0/24
reach from client tcp dst port 80 -> others
always reach from internet -> edge -> homes
"""

NETWORKS: dict[str, tuple[Callable[[], World], list[int]]] = {
    "figure3": (lambda: figure3(RULES), [0xAC10_0005, 0xAC10_0009]),
    "generated": (
        lambda: World(operator_network(20), parse_policy(Source("rules", GENERATED + MORE))),
        [0x0A00_0005, 0x0A00_0105],
    ),
    "chain": (lambda: chain(first=STATEFUL, rules=CHAINED), [0xAC10_0005, 0xAC10_0405]),
    "switched": (lambda: chain(text=SWITCHED, rules=SWITCHED_RULES), [0xAC10_0005, 0xAC11_0005]),
}

SEEDS = {"figure3": 4, "generated": 1, "chain": 5, "switched": 4}
"""Changes that change some answers, and take little time."""


def unlike_a_new_world(name: str, seed: int, steps: int) -> tuple[list[str], int]:
    """What a world that followed random changes says differently from new ones; and how many answers changed."""
    make, clients = NETWORKS[name]
    world, choose = make(), Random(f"{name}{seed}")
    account = Account("asking", Role.CLIENT, ((clients[0], clients[0]),))
    request = parse_request(Source("r", PROBES.format(client=format_address(clients[0]))))
    wrong: list[str] = []
    moved, before = 0, standings(world)
    for n in range(steps):
        if n % 3 == 1:
            world = world.with_deployed(change(world, choose, clients, n))
            continue
        snapshot = changes.changed(world.snapshot, choose)
        there = tuple(d for d in world.deployed if d.platform in snapshot.nodes)
        if there != world.deployed:
            world = world.with_deployed(there)
        world = world.changed(snapshot)
        new = World(snapshot, world.policy, world.deployed)
        now, anew = standings(world), standings(new)
        moved += sum(a is not b for a, b in zip(before, now, strict=True))
        before = now
        wrong += [
            f"{rule.text}: {a} not {b}"
            for rule, a, b in zip(world.policy.rules, now, anew, strict=True)
            if a is not b
        ]
        if shown(plan(request, world, account)) != shown(plan(request, new, account)):
            wrong.append(f"the plan of step {n}")
    return wrong, moved


@pytest.mark.parametrize("name", NETWORKS)
def test_answers_are_those_of_a_new_world(name: str) -> None:
    wrong, moved = unlike_a_new_world(name, SEEDS[name], 6)
    assert wrong == []
    assert moved, "changes that change no answer show nothing"


# ---- only what a change touches is made again

TWO_NETS = """\
never reach from internet udp and dst net 172.16.4.0/24 -> 172.16.4.7
never reach from internet udp and dst net 172.16.8.0/24 -> 172.16.8.7
always new reach from internet -> module -> 172.16.9.0/24
"""


class Counted:
    """What a world explores: rules in the network without modules, what platforms send, and deployed modules."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        self.done: list[str] = []
        for name in names or ("explore_base", "onward", "follow"):
            where = world_module if hasattr(world_module, name) else known
            monkeypatch.setattr(where, name, self.counting(name, getattr(where, name)))

    def counting(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def counted(question: Question, *arguments: object) -> object:
            self.done.append(f"{name}: {question.reach.text}")
            return real(question, *arguments)

        return counted

    def by(self, world: World) -> list[str]:
        """What is explored to tell how the rules stand."""
        self.done.clear()
        standings(world)
        return self.done


def edged(snapshot: Snapshot, router: str, *routes: tuple[str, str]) -> Snapshot:
    """The snapshot with more routes of a router."""
    node = snapshot.nodes[router]
    assert isinstance(node, Router)
    more = tuple(Route(parse_prefix(prefix), (output,)) for prefix, output in routes)
    return changes.with_nodes(snapshot, replace(node, routes=(*node.routes, *more)))


def test_a_route_that_no_proof_read_makes_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    world = chain(rules="\n".join(TWO_NETS.splitlines()[:2]))
    assert len(counted.by(world)) == 2
    world = world.changed(edged(world.snapshot, "edge", ("9.9.9.0/24", "in"), ("172.16.12.0/24", "out")))
    assert counted.by(world) == [], "no packet to those addresses was followed"
    capacity = replace(world.snapshot.platforms[0], capacity=Capacity(100))
    world = world.changed(changes.with_nodes(world.snapshot, capacity))
    assert counted.by(world) == [], "how much a platform can run is nothing that proofs hang on"


def test_a_route_makes_those_rules_anew_that_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    world = chain(rules=TWO_NETS)
    first, second, through = (rule.text for rule in world.policy.rules)
    before = standings(world)
    world = world.changed(edged(world.snapshot, "edge", ("172.16.4.0/25", "out")))
    redone = counted.by(world)
    assert f"explore_base: {first}" in redone
    assert f"explore_base: {second}" not in redone
    assert before[0] is Answer.NO
    assert standings(world)[:2] == [Answer.YES, Answer.NO], "172.16.4.7 is not reached any more"
    assert through in {rule.text for rule in world.policy.rules}


def test_a_new_platform_touches_only_who_sends_there(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    world = chain(rules="\n".join(TWO_NETS.splitlines()[:2]))
    counted.by(world)
    bigger = changes.platform_added(edged(world.snapshot, "access", ("8.8.8.0/24", "up")), Random(3))
    assert len(bigger.platforms) == 2
    world = world.changed(bigger)
    assert counted.by(world) == []
    (pool,) = bigger.platforms[1].pools
    assert world.free_address(bigger.platforms[1].name) == pool.low + 1


def test_new_clients_touch_only_what_hangs_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    inward, outward = (
        "never reach from internet dst net 172.16.0.0/16 -> client",
        "never reach from client -> 9.9.9.9",
    )
    world = chain(rules=f"{inward}\n{outward}")
    counted.by(world)
    world = world.changed(changes.clients_added(world.snapshot, Random(1)))
    assert len(world.snapshot.clients) == 2
    assert [one for one in counted.by(world) if inward in one] == [], (
        "none of its packets gets to the new ones"
    )
    assert counted.done, "packets from the new ones are new"


def test_a_changed_way_is_followed_once_for_all_that_send_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def module(n: int, client: str) -> Deployed:
        text = f"FromNetfront() -> IPFilter(allow udp) -> IPRewriter(pattern - - {client} - 0 0) -> ToNetfront();"
        account = Account(client, Role.CLIENT, ((parse_address(client),) * 2,))
        return Deployed(f"M{n}", account, "platform", 0xC633_6400 + n, text, identifier=f"d{n}")

    counted = Counted(monkeypatch)
    world = chain(rules="never reach from module -> 172.16.9.0/24")
    world = world.with_deployed((module(1, "172.16.4.7"), module(2, "172.16.8.7"), module(3, "172.16.12.7")))
    standings(world)
    elsewhere = world.changed(edged(world.snapshot, "access", ("9.9.0.0/16", "up")))
    assert counted.by(elsewhere) == []
    looked = Counted(monkeypatch, "points")
    moved = world.changed(edged(world.snapshot, "access", ("172.16.8.0/24", "up")))
    (one,) = counted.by(moved)
    assert one.startswith("onward"), "what is sent to clients is followed, and no module is looked at"
    assert looked.done == []
    moved = world.changed(edged(world.snapshot, "access", ("172.16.9.0/24", "up")))
    assert standings(moved) == [Answer.YES]
    broken = changes.with_nodes(
        world.snapshot, replace(world.snapshot.nodes["first"], text=inward("StoreIPAddress(172.16.9.9, 30)"))
    )
    assert standings(world.changed(broken)) == standings(World(broken, world.policy, world.deployed))


def test_a_rule_about_a_node_that_is_gone_is_a_mistake() -> None:
    world = chain(rules="always reach from internet udp -> first -> client")
    nodes = {name: node for name, node in world.snapshot.nodes.items() if name != "first"}
    links = tuple(link for link in world.snapshot.links if "first" not in (link.a.node, link.b.node))
    with pytest.raises(PolicyError, match="'first' is not a node"):
        world.changed(Snapshot(nodes, links, world.snapshot.operator))


# ---- faults: the property finds a proof that forgets what it read


def test_every_way_to_read_a_snapshot_is_recorded() -> None:
    public = {name for name in dir(Snapshot) if not name.startswith("_")} | {
        "nodes",
        "links",
        "operator",
        "name",
    }
    assert public <= vars(Recorded).keys()


@pytest.mark.parametrize(
    ("forgotten", "seed", "ways"),
    [
        ("wire", 0, (changes.box_turned,)),
        ("node", 0, (changes.box_changed,)),
        ("table", 2, (changes.route_added, changes.route_changed, changes.default_changed)),
        ("outside", 20, (changes.link_moved,)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_proof_that_forgets_what_it_read_is_found(
    forgotten: str, seed: int, ways: tuple[changes.Change, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "CHANGES", ways)
    assert unlike_a_new_world("chain", seed, 3)[0] == []
    note, note_table = Recorded.note, Recorded.note_table

    def some(self: Recorded, *fact: str) -> None:
        if fact[0] != forgotten:
            note(self, *fact)

    def some_tables(self: Recorded, key: tuple[str, ...], addresses: Ranges) -> None:
        if key[0] != forgotten:
            note_table(self, key, addresses)

    monkeypatch.setattr(Recorded, "note", some)
    monkeypatch.setattr(Recorded, "note_table", some_tables)
    assert unlike_a_new_world("chain", seed, 3)[0]
