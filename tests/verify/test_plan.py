"""Plans: placement and its reasons, requirements and rules in place, mistakes in requests, what a tenant is shown."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import pytest

from innet.controller.answer import plan_for
from innet.diagnostics import ConfigurationError, Source
from innet.messages import Answer, Assessment, Plan, to_json
from innet.network import Capacity, Clients, Internet, Platform, format_address
from innet.policy import parse_request
from innet.verify.texts import module_texts
from innet.verify.world import World
from tests.verify.networks import (
    BATCHER,
    CHAIN,
    CLIENT,
    OPERATOR,
    PROVIDER,
    chain,
    figure3,
    policy,
    request,
    run,
)

ECHO = "{name} module:\nFromNetfront() -> IPMirror -> out :: ToNetfront()\n"
SPOOFER = "Spoofer module:\nFromNetfront() -> StoreIPAddress(8.8.8.8, src) -> ToNetfront()\n"
TUNNEL = """Tunnel module:
FromNetfront() -> IPFilter(allow ip proto 4) -> StripIPHeader -> CheckIPHeader
  -> StoreIPAddress($ADDR, src) -> ToNetfront()
"""
UDP_ECHO = "FromNetfront() -> IPFilter(allow udp) -> IPMirror -> out :: ToNetfront()\n"


def names(plan: Plan) -> list[str]:
    return [trial.name for trial in plan.platforms if trial.fits]


# ---- placement


def test_a_module_gets_the_first_free_address() -> None:
    plan = request(chain(), ECHO.format(name="Echo"))
    assert plan.assessment is Assessment.SAFE
    assert [(p.module, p.platform, p.address) for p in plan.placements] == [
        ("Echo", "platform", "198.51.100.1")
    ]
    taken = run(chain(), "Other", "FromNetfront() -> Discard", "198.51.100.1")
    assert [p.address for p in request(taken, ECHO.format(name="Echo")).placements] == ["198.51.100.2"]


def test_all_modules_of_a_request_are_placed_or_none() -> None:
    two = ECHO.format(name="One") + ECHO.format(name="Two")
    plan = request(chain(), two)
    assert [(p.module, p.address) for p in plan.placements] == [
        ("One", "198.51.100.1"),
        ("Two", "198.51.100.2"),
    ]
    spoiled = request(chain(), two + SPOOFER)
    assert spoiled.assessment is Assessment.REFUSED
    assert spoiled.placements == ()


def test_a_full_platform_and_one_without_addresses_say_so() -> None:
    world = chain()
    for n in (1, 2, 3):
        world = run(world, f"M{n}", "FromNetfront() -> Discard", f"198.51.100.{n}")
    full = request(world, ECHO.format(name="Echo"))
    assert (full.assessment, full.placements) == (Assessment.REFUSED, ())
    assert full.platforms[0].reasons == ("it is full: 3 of 3 modules",)

    limit = request(chain(), "".join(ECHO.format(name=f"M{n}") for n in range(4)))
    assert "it is full" in limit.platforms[0].reasons[0]

    small = chain(text=CHAIN.replace("pool: 198.51.100.0/24", "pool: 198.51.100.0/30"))
    poor = request(small, "".join(ECHO.format(name=f"M{n}") for n in range(3)))
    assert poor.platforms[0].reasons == ("it has no free address",)
    assert poor.placements == ()


def test_modules_know_each_others_addresses() -> None:
    text = "A module:\nFromNetfront() -> StoreIPAddress($B.ADDR, dst) -> out :: ToNetfront()\n" + ECHO.format(
        name="B"
    )
    plan = request(chain(), text + "\nreach from internet -> A:out dst host $B.ADDR -> B:out", PROVIDER)
    assert plan.assessment is Assessment.SAFE
    assert [check.holds for check in plan.requirements] == [Answer.YES]
    assert {p.module: p.address for p in plan.placements} == {"A": "198.51.100.1", "B": "198.51.100.2"}


def test_a_sandboxed_module_is_marked() -> None:
    plan = request(chain(), TUNNEL, PROVIDER)
    assert plan.assessment is Assessment.SANDBOX
    assert [p.sandbox for p in plan.placements] == [True]
    assert request(chain(), TUNNEL, CLIENT).assessment is Assessment.SAFE


# ---- requirements and rules with the module in place


def test_a_requirement_that_fails_is_why_a_platform_does_not_fit() -> None:
    plan = request(
        figure3(), BATCHER + "\nreach from internet udp -> Batcher:dst:0 -> client dst port 1500", every=True
    )
    assert names(plan) == ["platform3"]
    for trial in plan.platforms:
        if not trial.fits:
            assert any(reason.startswith("requirement: ") for reason in trial.reasons)
    (check,) = plan.requirements
    assert check.witness is not None
    assert check.witness.replayed
    assert "at homes" in check.witness.result


def test_every_rule_is_checked_with_the_module_in_place() -> None:
    world = figure3("never reach from module udp -> client dst port 1500\nreach from client -> internet")
    plan = request(world, BATCHER, every=True)
    assert plan.assessment is Assessment.REFUSED
    for trial in plan.platforms:
        assert [rule.holds for rule in trial.rules] == [Answer.NO, Answer.YES]
        assert any("operator's rule" in reason for reason in trial.reasons)
    harmless = request(world, ECHO.format(name="Echo"), PROVIDER)
    assert (
        harmless.assessment is Assessment.REFUSED
    )  # it answers clients' UDP packets to port 1500 just the same


def test_rules_already_broken_are_broken_for_everyone() -> None:
    world = chain(rules="never reach from internet -> client")
    plan = request(world, ECHO.format(name="Echo"))
    assert plan.assessment is Assessment.REFUSED
    assert plan.platforms[0].rules[0].holds is Answer.NO


def test_questions_alone_are_answered_and_nothing_is_placed() -> None:
    plan = request(
        chain(), "reach from client udp -> internet const payload\nreach from internet tcp -> client udp"
    )
    assert [check.holds for check in plan.requirements] == [Answer.YES, Answer.NO]
    assert (plan.placements, plan.platforms) == ((), ())


def test_what_runs_already_counts() -> None:
    """A module that was let in before is part of the network in which the next one is judged."""
    echo = "FromNetfront() -> IPFilter(allow udp) -> IPMirror -> out :: ToNetfront()"
    question = "reach from client udp -> 198.51.100.1 -> client src host 198.51.100.1"
    assert request(chain(), question).requirements[0].holds is Answer.NO
    assert request(run(chain(), "Echo", echo, "198.51.100.1"), question).requirements[0].holds is Answer.YES


# ---- mistakes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (BATCHER + "\nreach from internet -> Batcher:nowhere:0", {"V305"}),
        (BATCHER + "\nreach from internet -> Batcher:dst:1", {"V305"}),
        (BATCHER + "\nreach from Batcher:dst:1 -> client", {"V305"}),
        ("X module:\nin :: FromNetfront() -> c :: Counter -> ToNetfront()\nreach from client -> X:in\n", {"V305"}),
        ("X module:\nFromNetfront() -> c :: Counter -> ToNetfront()\nreach from X:c:1 -> client\n", {"V305"}),
        (BATCHER + "\nreach from internet -> Bather:dst:0", {"V302"}),
        (BATCHER + "\nreach from internet -> border -> client", {"V303"}),
        (BATCHER + "\nreach from internet -> nirvana", {"V303"}),
        (BATCHER + "\nreach from internet -> $Nobody.ADDR", {"V304"}),
        ("Stock module: stock NoSuchThing(a=1)\n", {"V301"}),
        ("X module:\nFromNetfront() -> NoSuchElement -> ToNetfront()\n", {"C121"}),
        ("X module:\nFromNetfront() -> sw :: Switch(0) -> ToNetfront(); Script(write sw.switch 0)\n", {"V306"}),
        ("X module:\nFromDump(/etc/passwd) -> ToNetfront()\n", {"V306"}),
        ("X module:\nFromNetfront(1) -> ToNetfront(1)\n", {"V306"}),
        ("X module:\nFromNetfront() -> Counter(COUNT_CALL 5 d.switch 1) -> d :: Switch(0) -> ToNetfront()\n", {"V306"}),
        ("X module:\nInfiniteSource(LIMIT 1, END_CALL d.switch 1) -> d :: Switch(0) -> Discard\n", {"V306"}),
    ],
)  # fmt: skip
def test_a_bad_request_is_turned_down_with_what_is_wrong(text: str, codes: set[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        request(figure3(), text)
    found = caught.value.diagnostics
    assert codes <= {d.code for d in found}
    assert all(d.message for d in found)


def test_all_mistakes_are_told_at_once() -> None:
    text = BATCHER + "\nreach from internet -> Batcher:nowhere:0\nreach from internet -> nirvana -> client"
    with pytest.raises(ConfigurationError) as caught:
        request(figure3(), text)
    assert {d.code for d in caught.value.diagnostics} >= {"V305", "V303"}


def test_a_module_name_in_other_letters_is_taken_with_a_warning() -> None:
    plan = request(
        figure3(), BATCHER + "\nreach from internet udp -> batcher:dst:0 dst 172.16.15.133 -> client"
    )
    assert plan.requirements[0].holds is Answer.YES
    assert any("batcher" in warning for warning in plan.warnings)


# ---- what is proven is what runs


def test_an_address_with_a_default_is_the_modules_own_in_the_proof_and_where_it_runs() -> None:
    text = "M module:\nFromNetfront() -> IPMirror -> StoreIPAddress(${ADDR-8.8.8.8}, src) -> ToNetfront()\n"
    asked = parse_request(Source("r", text))
    plan = request(chain(), text, PROVIDER)
    assert plan.assessment is Assessment.SAFE
    running = module_texts(asked, {p.module: p.address for p in plan.placements})["M"]
    assert "8.8.8.8" not in running
    assert "StoreIPAddress(198.51.100.1, src)" in running


def test_a_parameter_cannot_smuggle_elements_past_the_proof() -> None:
    text = 'M module:\nInfiniteSource("${X-hello}", LIMIT 0) -> Discard;\nFromNetfront() -> IPMirror -> ToNetfront()\n'
    assert request(chain(), text, PROVIDER).assessment is Assessment.SAFE
    smuggled = "1); FromNetfront() -> StoreIPAddress(8.8.8.8, src) -> ToNetfront(); define($Y 2"
    try:
        plan = request(chain(), text, PROVIDER, X=smuggled)
    except ConfigurationError:
        return
    assert plan.assessment is not Assessment.SAFE


@pytest.mark.parametrize("node", ["firewall", "core", "access", "HTTPOptimizer", "homes"])
def test_a_module_called_like_a_node_is_no_node(node: str) -> None:
    """Its tables are not the node's, and its owner sees nothing of the node that it did not see before."""
    code = "FromNetfront() -> IPFilter(allow udp) -> nat :: IPRewriter(keep 0 0) -> IPMirror -> ToNetfront()"
    text = f"{node} module:\n{code}\n"
    named, plain = (
        request(figure3(), t, every=True) for t in (text, text.replace(f"{node} module", "Mine module"))
    )
    assert named.assessment is plain.assessment
    assert [[r.holds for r in t.rules] for t in named.platforms] == [
        [r.holds for r in t.rules] for t in plain.platforms
    ]


# ---- what a tenant is shown


def inner_words(world: World) -> set[str]:
    """Names and addresses that are the operator's business: of nodes between the ends, and of their interfaces."""
    words: set[str] = set()
    for node in world.snapshot.nodes.values():
        if isinstance(node, Internet | Clients):
            continue
        if not isinstance(node, Platform):
            words.add(node.name)
        words |= {format_address(i.address) for i in node.interfaces.values() if i.address is not None}
    return words


@pytest.mark.parametrize(
    "text",
    [
        BATCHER + "\nreach from internet udp -> Batcher:dst:0 -> client dst port 1500 const payload",
        BATCHER + "\nreach from internet udp -> Batcher:dst:0 -> client dst port 1501 const payload",
        BATCHER + "\nreach from internet tcp -> client",
        "reach from internet tcp -> client",
        "reach from client tcp -> internet const src host",
        "Web module:\nFromNetfront() -> IPFilter(allow tcp dst port 80) -> IPMirror -> out :: ToNetfront()\n"
        "reach from client tcp -> Web:out src port 80 -> client",
        SPOOFER,
    ],
)
def test_a_clients_answer_names_nothing_inside(text: str) -> None:
    world = figure3()
    asked = parse_request(Source("r", text))
    plan = request(world, text, every=True)
    assert not plan.requirements or any(check.reason or check.witness for check in plan.requirements)
    shown = json.dumps(to_json(plan_for(plan, CLIENT.role, asked, world.snapshot)))
    for word in inner_words(world):
        assert f'"{word}' not in shown, word
        assert f" {word}" not in shown.replace(f"{word}.", ""), word
    everything = json.dumps(to_json(plan_for(plan, OPERATOR.role, asked, world.snapshot)))
    if "firewall" in everything:
        assert "the operator's network" in shown


def test_a_module_called_like_a_node_is_shown_its_own_steps_only() -> None:
    world = figure3()
    text = f"access module:\n{UDP_ECHO}reach from client udp -> access:out -> client"
    plan = request(world, text)
    shown = plan_for(plan, CLIENT.role, parse_request(Source("r", text)), world.snapshot)
    places = [step.place for check in shown.requirements for step in check.trace]
    assert "access" not in places
    assert any(place.startswith("access:") for place in places)


# ---- an operator's limits


def with_operator(world: World, change: Callable[[object], object]) -> World:
    snapshot = replace(world.snapshot, operator=change(world.snapshot.operator))  # type: ignore[arg-type]  # an Operator
    return World(snapshot, world.policy)


def test_a_ban_of_connectionless_traffic() -> None:
    banned = with_operator(chain(), lambda operator: replace(operator, connectionless=False))  # type: ignore[type-var]
    both = request(banned, ECHO.format(name="Echo"), CLIENT)
    assert both.assessment is Assessment.REFUSED, "no sandbox holds back what is not TCP"
    assert not both.placements
    tcp = "Echo module:\nFromNetfront() -> IPFilter(allow tcp) -> IPMirror -> ToNetfront()\n"
    assert request(banned, tcp, CLIENT).assessment is Assessment.SAFE
    udp = tcp.replace("tcp", "udp")
    refused = request(banned, udp, PROVIDER)
    assert refused.assessment is Assessment.REFUSED
    assert any("connectionless" in check.text and check.holds is Answer.NO for check in refused.security)


def test_room_on_one_platform_only_moves_modules_there() -> None:
    world = figure3("")
    nodes = dict(world.snapshot.nodes)
    for name in ("platform1", "platform3"):
        node = nodes[name]
        assert isinstance(node, Platform)
        nodes[name] = replace(node, capacity=Capacity(0))
    crowded = World(replace(world.snapshot, nodes=MappingProxyType(nodes)), policy(""))
    plan = request(crowded, ECHO.format(name="Echo"), every=True)
    assert names(plan) == ["platform2"]
    assert plan.placements[0].address == "10.2.0.1"


def test_what_a_module_sends_by_itself_is_held_against_the_rules() -> None:
    clock = (
        "Clock module:\n"
        'InfiniteSource(DATA "tick", LIMIT 5) -> UDPIPEncap($ADDR, 80, 172.16.15.133, 1000) -> ToNetfront();\n'
        "FromNetfront() -> Discard\n"
    )
    world = figure3("always reach from module udp src port 80 -> HTTPOptimizer -> client")
    for account in (OPERATOR, CLIENT):
        assert names(request(world, clock, account, every=True)) == ["platform2"]


def test_a_requirement_of_packets_that_end_where_they_start_fails_with_a_reason() -> None:
    text = """M module:
FromNetfront() -> IPRewriter(pattern - - 172.16.15.133 - 0 0) -> dst :: ToNetfront()

reach from M:dst dst host $ADDR -> client
"""
    (check,) = request(chain(), text).requirements
    assert check.holds is Answer.NO
    assert "addressed to the module itself" in check.reason
