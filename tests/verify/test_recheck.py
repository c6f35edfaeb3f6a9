"""What still holds on a changed network: told with what shows it, asked again only where it may be different."""

from dataclasses import replace
from random import Random

import pytest

from innet.diagnostics import Source
from innet.messages import Answer
from innet.network import Clients, End, Platform, Route, Router, Snapshot, parse_address, parse_prefix
from innet.policy import parse_request
from innet.verify import recheck as recheck_module
from innet.verify.recheck import Held, Recheck, recheck
from innet.verify.texts import deployed
from innet.verify.world import Deployed, World
from tests.verify import changes
from tests.verify.networks import BATCHER, CHAIN, CLIENT, PROVIDER, chain, figure3, request

ASKED = """
reach from internet udp
  -> Batcher:dst:0 dst 172.16.15.133
  -> client dst port 1500 const proto && dst port && payload
"""


def running(number: int = 1, rules: str | None = None) -> tuple[World, list[Held]]:
    """Figure 3 with Batchers deployed, as they are planned."""
    world, held = figure3(rules), []
    asked = parse_request(Source("batcher", BATCHER + ASKED))
    for n in range(number):
        (place,) = request(world, BATCHER + ASKED).placements
        text = deployed(asked.modules[0], {}, {place.module: place.address}).text
        address = parse_address(place.address)
        module = Deployed(
            place.module, CLIENT, place.platform, address, text, identifier=f"d{n}.{place.module}"
        )
        world = world.with_deployed((*world.deployed, module))
        held.append(Held(f"d{n}", CLIENT, asked, (module,)))
    return world, held


def routed(snapshot: Snapshot, router: str, prefix: str, output: tuple[str, ...]) -> Snapshot:
    """The snapshot with another route."""
    node = snapshot.nodes[router]
    assert isinstance(node, Router)
    routes = {route.prefix: route for route in node.routes}
    routes[parse_prefix(prefix)] = Route(parse_prefix(prefix), output)
    return changes.with_nodes(snapshot, changes.with_routes(node, routes))


def answers(found: Recheck) -> object:
    return [c.holds for c in found.rules], [
        (one.held.identifier, one.displaced, [c.holds for c in (*one.judged, *one.requirements)])
        for one in found.deployments
    ]


def test_a_route_that_takes_a_requirement_away_is_told() -> None:
    world, held = running()
    world, found = recheck(world, world.snapshot, held)
    assert found.holds is Answer.YES
    world, found = recheck(world, routed(world.snapshot, "access", "172.16.15.133/32", ()), held)
    (check,) = found.deployments[0].requirements
    assert (found.holds, check.holds) == (Answer.NO, Answer.NO)
    assert "access" in check.reason, "the operator is told where the packets end"


def test_a_box_that_lets_all_pass_breaks_a_rule_with_a_packet_to_show_it() -> None:
    world, held = running()
    firewall = world.snapshot.nodes["firewall"]
    box = "FromDevice(outside) -> ToDevice(inside); FromDevice(inside) -> ToDevice(outside);"
    snapshot = changes.with_nodes(world.snapshot, replace(firewall, text=box))  # type: ignore[call-arg]
    _, found = recheck(world, snapshot, held)
    broken = [check for check in found.rules if check.holds is Answer.NO]
    assert any("always new reach from internet -> module -> client" in check.text for check in broken)
    assert all(check.witness is not None and check.witness.replayed for check in broken)


def test_a_module_whose_platform_is_gone_has_no_place() -> None:
    world, held = running()
    nodes = {name: node for name, node in world.snapshot.nodes.items() if name != "platform3"}
    links = tuple(link for link in world.snapshot.links if "platform3" not in (link.a.node, link.b.node))
    world, found = recheck(world, Snapshot(nodes, links, world.snapshot.operator), held)
    assert found.deployments[0].displaced == held[0].modules
    assert found.holds is Answer.NO
    assert world.deployed == ()


def test_a_ban_of_connectionless_traffic_judges_what_is_deployed() -> None:
    world, held = running()
    operator = replace(world.snapshot.operator, connectionless=False)
    _, found = recheck(world, replace(world.snapshot, operator=operator), held)
    (one,) = found.deployments
    assert [check.holds for check in one.judged] == [Answer.NO]
    assert "connectionless" in one.judged[0].text


def moved_away(snapshot: Snapshot, platform: str) -> Snapshot:
    """The snapshot with a host in the place of a platform; it has all addresses of the pool that modules had."""
    node = snapshot.nodes[platform]
    assert isinstance(node, Platform)
    (pool,) = node.pools
    (wire,) = node.interfaces.values()
    port = replace(wire, name="lan", address=pool.low + 1, length=pool.length)
    clients = Clients(name=platform, interfaces={"lan": port})
    links = [
        replace(link, **{side: End(platform, "lan")})  # type: ignore[arg-type]
        if (side := next((s for s in ("a", "b") if getattr(link, s).node == platform), ""))
        else link
        for link in snapshot.links
    ]
    return replace(changes.with_nodes(snapshot, clients), links=tuple(links))


def test_who_may_send_to_a_module_of_its_account_is_judged_again_when_that_is_gone() -> None:
    world = figure3("")
    own, other = parse_address("198.51.100.7"), parse_address("10.2.0.5")
    send = "FromNetfront() -> UDPIPEncap(198.51.100.7, 7, 10.2.0.5, 7) -> ToNetfront();"
    sender = Deployed("S", PROVIDER, "platform3", own, send, identifier="d0.S")
    sink = Deployed("T", PROVIDER, "platform2", other, "FromNetfront() -> Discard;", identifier="d1.T")
    nothing = parse_request(Source("request", f"S module:\n{send}\n"))
    held = [Held("d0", PROVIDER, nothing, (sender,))]
    both = [*held, Held("d1", PROVIDER, nothing, (sink,))]
    world = world.with_deployed((sender, sink))
    world, found = recheck(world, world.snapshot, both)
    assert found.holds is Answer.YES
    changed = moved_away(world.snapshot, "platform2")
    after, found = recheck(world, changed, both)
    sends, gone = found.deployments
    assert gone.displaced == (sink,)
    assert [check.holds for check in sends.judged] == [Answer.NO]
    assert "10.2.0.5" in sends.judged[0].reason or "default" in sends.judged[0].text
    _, found = recheck(after, changed, both)
    assert [check.holds for check in found.deployments[0].judged] == [Answer.NO], "however often"
    killed = world.with_deployed((sender,), frozenset({other}))
    killed, found = recheck(killed, killed.snapshot, held)
    assert found.holds is Answer.YES, "nobody gets the address"
    _, found = recheck(killed, changed, held)
    assert [check.holds for check in found.deployments[0].judged] == [Answer.NO], "somebody has it"


def test_requirements_are_asked_again_where_the_change_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = recheck_module.answer

    def counting(question: object, *arguments: object) -> object:
        asked.append(question.reach.text)  # type: ignore[attr-defined]  # a Question
        return real(question, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(recheck_module, "answer", counting)
    world, held = running(2, rules="")
    world, first = recheck(world, world.snapshot, held)
    assert len(asked) == 2
    asked.clear()
    world, second = recheck(world, routed(world.snapshot, "access", "10.99.0.0/16", ()), held)
    assert asked == [], "nothing that goes there was read"
    assert answers(first) == answers(second)
    world = world.with_deployed(world.deployed[1:])
    world, _ = recheck(world, world.snapshot, held[1:])
    assert asked == [], "its packets pass no other module"
    recheck(world, routed(world.snapshot, "access", "172.16.15.128/25", ("top",)), held[1:])
    assert asked, "its packets go there"


TURNED = """M module:
FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> out :: ToNetfront()

reach from M:out dst host 172.16.15.133 -> client
"""


def test_a_requirement_that_starts_at_a_module_hangs_on_its_platform() -> None:
    world = chain(text=CHAIN.replace("nic: 10.0.1.2/30", "nic: 10.0.1.2/30, spare: {}").replace(
        "[access:platform, platform]", "[access:platform, platform:nic]"))  # fmt: skip
    asked = parse_request(Source("request", TURNED))
    text = TURNED.partition("\n")[2].partition("\n")[0]
    module = Deployed("M", CLIENT, "platform", parse_address("198.51.100.1"), text, identifier="d1.M")
    held = [Held("d1", CLIENT, asked, (module,))]
    world = world.with_deployed((module,))
    world, found = recheck(world, world.snapshot, held)
    assert found.holds is Answer.YES
    turned = changes.ports_reordered(world.snapshot, Random(1))
    assert turned is not None
    world, found = recheck(world, turned, held)
    assert found.holds is Answer.NO, (
        "modules are on the first interface, and nothing is plugged into that now"
    )
    assert answers(found) == answers(recheck(World(turned, world.policy, (module,)), turned, held)[1])


def test_a_requirement_is_of_these_modules() -> None:
    world, (one,) = running(rules="")
    world, found = recheck(world, world.snapshot, [one])
    assert found.holds is Answer.YES
    (module,) = one.modules
    other = replace(module, text=module.text.replace("allow udp port 1500", "deny all"))
    assert other != module
    world = world.with_deployed((other,))
    _, found = recheck(world, world.snapshot, [replace(one, modules=(other,))])
    assert found.holds is Answer.NO, "what is deployed under that name lets nothing pass now"


@pytest.mark.parametrize("seed", [1, 4])
def test_it_is_what_a_full_recheck_finds(seed: int) -> None:
    choose = Random(seed)
    world, held = running(2)
    for _ in range(4):
        snapshot = changes.changed(world.snapshot, choose)
        world, found = recheck(world, snapshot, held)
        _, full = recheck(
            World(snapshot, world.policy, tuple(d for h in held for d in h.modules)), snapshot, held
        )
        assert answers(found) == answers(full)


def test_what_takes_too_long_is_undecided_and_asked_again_the_next_time() -> None:
    world, held = running(2)
    stopped, found = recheck(world, world.snapshot, held, lambda: lambda: "enough")
    checks = [*found.rules, *(check for one in found.deployments for check in one.requirements)]
    assert len(checks) > 2
    assert {check.holds for check in checks} == {Answer.UNDECIDED}
    assert all(check.reason == "the proof was stopped: enough" for check in checks)
    _, again = recheck(stopped, stopped.snapshot, held)
    assert answers(again) == answers(recheck(world, world.snapshot, held)[1])
    assert again.holds is Answer.YES


def test_each_deployment_has_its_own_time() -> None:
    world, held = running(2, rules="")
    turns = iter(("", "enough"))
    _, found = recheck(world, world.snapshot, held, lambda: (lambda why: lambda: why)(next(turns)))
    assert [one.holds for one in found.deployments] == [Answer.YES, Answer.UNDECIDED]
