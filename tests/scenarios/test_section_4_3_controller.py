"""Section 4.3: every platform is tried as if the module ran there; rules and requirements are checked each time."""

import pytest

from innet.messages import Answer, Assessment, Plan
from innet.verify.world import World
from tests.verify.networks import BATCHER, CLIENT, OPERATOR, PROVIDER, ask, figure3, request, run

WEB = "Web module:\nFromNetfront() -> IPFilter(allow tcp dst port 80) -> IPMirror -> out :: ToNetfront()\n"
RULES = 6


def verdicts(plan: Plan) -> dict[str, list[Answer]]:
    return {trial.name: [rule.holds for rule in trial.rules] for trial in plan.platforms}


@pytest.fixture(scope="module")
def world() -> World:
    return figure3()


def test_every_rule_is_checked_at_every_platform(world: World) -> None:
    plan = request(world, WEB, PROVIDER, every=True)
    found = verdicts(plan)
    assert set(found) == {"platform1", "platform2", "platform3"}
    assert all(len(rules) == RULES for rules in found.values())
    broken = {name for name, rules in found.items() if Answer.NO in rules}
    assert broken == {"platform1", "platform3"}  # pages from there do not pass the optimizer
    for trial in plan.platforms:
        for rule in trial.rules:
            assert rule.holds is not Answer.NO or rule.text.startswith(
                "always reach from module tcp src port 80"
            )
    assert [p.platform for p in plan.placements] == ["platform2"]


def test_what_was_let_in_before_must_go_on_obeying(world: World) -> None:
    """The policy is checked at each change: a batcher is fine beside a batcher, and the rules say so each time."""
    deployed = run(world, "b1", BATCHER.partition("\n")[2], "198.51.100.1", CLIENT, "platform3")
    plan = request(deployed, BATCHER + "reach from internet udp -> Batcher:dst:0 -> client dst port 1500")
    assert plan.assessment is Assessment.SAFE
    assert [p.address for p in plan.placements] == ["198.51.100.2"]
    assert verdicts(plan)[plan.placements[0].platform] == [Answer.YES] * RULES


def test_a_module_that_already_breaks_a_rule_blocks_everyone_after_it(world: World) -> None:
    web = WEB.partition("\n")[2]
    deployed = run(world, "w1", web, "198.51.100.9", OPERATOR, "platform3")
    rule = world.policy.rules[1].text
    assert ask(world, rule).holds is Answer.YES
    assert ask(deployed, rule).holds is Answer.NO
    assert request(deployed, BATCHER).assessment is Assessment.REFUSED


def test_invariants_look_at_the_last_hop_only(world: World) -> None:
    ask_for = (
        "reach from internet udp -> Batcher:IPRewriter@3:0 -> Batcher:dst:0 const {} -> client const dst host"
    )
    changed = request(world, BATCHER + ask_for.format("dst host"), every=True)
    kept = request(world, BATCHER + ask_for.format("src host && port && payload"), every=True)
    assert [t.requirements[0].holds for t in changed.platforms if t.name == "platform3"] == [Answer.NO]
    assert [t.requirements[0].holds for t in kept.platforms if t.name == "platform3"] == [Answer.YES]


def test_a_rule_of_reachability_must_go_on_holding() -> None:
    """`reach` as a rule: the network still does its work with the module in it."""
    world = figure3(
        "reach from client tcp dst port 80 -> internet\nreach from client udp -> internet const payload"
    )
    plan = request(world, BATCHER)
    assert plan.assessment is Assessment.SAFE
    assert [rule.holds for rule in plan.rules] == [Answer.YES, Answer.YES]
    broken = figure3("reach from client icmp -> internet")  # the firewall passes none
    assert request(broken, BATCHER).assessment is Assessment.REFUSED


def test_if_no_platform_will_do_nothing_is_placed(world: World) -> None:
    plan = request(world, WEB + "reach from internet tcp -> Web:out", PROVIDER, every=True)
    assert plan.placements == ()
    assert plan.assessment is Assessment.REFUSED
    assert all(trial.reasons for trial in plan.platforms)
    reasons = {trial.name: " ".join(trial.reasons) for trial in plan.platforms}
    assert "requirement" in reasons["platform2"]  # no way in from outside
    assert "operator's rule" in reasons["platform3"]  # and no way past the optimizer


def test_answers_do_not_depend_on_what_was_asked_before(world: World) -> None:
    """The world remembers explorations; a fresh one says the same."""
    for text, account in ((WEB, PROVIDER), (BATCHER, CLIENT)):
        used, fresh = request(world, text, account, every=True), request(figure3(), text, account, every=True)
        assert verdicts(used) == verdicts(fresh)
        assert used.placements == fresh.placements
