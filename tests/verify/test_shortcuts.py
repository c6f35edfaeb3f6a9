"""Answers that are known without looking are those that looking gives."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.explore.flow import Budget
from innet.explore.modules import Module
from innet.explore.waiting import Waiting
from innet.messages import Account, Answer, Role
from innet.network.generate import operator_network
from innet.policy import Policy, Reach, parse_policy, parse_request
from innet.verify.anywhere import fails_on
from innet.verify.onward import waiting_there
from innet.verify.questions import Progress, prepare
from innet.verify.reach import Base, Findings, answer
from innet.verify.security import Rules, Templates, assess
from innet.verify.world import PARSE, World, machine_of, make_module, module_box
from tests.verify.networks import CLIENT, PHONE, figure3

CORPUS = Path(__file__).resolve().parents[1] / "adversarial"
MODULES = [p for folder in ("honest", "cheats") for p in sorted((CORPUS / folder).glob("*.click"))[1::18]]

RULES = """\
always reach from internet tcp src port 80 -> HTTPOptimizer -> client
always reach from module tcp src port 80 -> HTTPOptimizer -> client
always new reach from internet -> module -> client
never new reach from internet -> 10.1.0.0/24
never reach from module udp -> client
never reach from module -> 203.0.113.2
always reach from internet -> module -> client udp
never new reach from internet tcp -> client
"""


def placed(text: str, world: World, platform: str, role: Role) -> tuple[Module, Templates] | None:
    """The module on a platform, with what it sends, and its tables' entries; None if that takes long."""
    address = world.free_address(platform)
    assert address is not None
    addresses = {"ADDR": ".".join(str(address >> n & 255) for n in (24, 16, 8, 0))}
    try:
        machine = machine_of(Source("m.click", text), addresses)
    except ConfigurationError:
        return None
    box = module_box("M", machine, next(iter(world.snapshot.nodes[platform].interfaces)))
    account = Account(CLIENT.name, role, ((PHONE, PHONE),))
    judged = assess(box, PARSE, Rules(address, account, ((PHONE, PHONE),)), Budget(40))
    if judged.sent is None:
        return None
    made = make_module("M", account, platform, address, box, False, ())
    return replace(made, sent=judged.sent), judged.templates


def test_a_rule_that_is_spared_holds() -> None:
    world = World(figure3().snapshot, parse_policy(Source("rules", RULES)))
    spared: dict[str, int] = {}
    looked = 0
    for path in MODULES:
        text = path.read_text("utf-8")
        for platform in ("platform3", "platform1")[: 1 + len(text) % 2]:
            made = placed(text, world, platform, Role.CLIENT)
            if made is None:
                continue
            module, templates = made
            network = world.network.with_modules([module])
            tables = partial(world.tables, templates)
            for rule in world.policy.rules:
                question, base = prepare(rule, {}), world.base(rule)
                if world.spares(question, base, (module,)):
                    spared[rule.text] = spared.get(rule.text, 0) + 1
                    found = answer(question, network, tables, base, frozenset({"M"}))
                    assert found.holds is not Answer.NO, f"{path.name} on {platform}: {rule.text}"
                else:
                    looked += 1
    assert len(spared) >= 5
    assert sum(spared.values()) > 20
    assert looked > 20, "there are modules that have to be looked at"


REQUIREMENTS = """\
reach from internet udp -> M:out:0
reach from internet tcp dst port 80 -> M:out:0 -> client
reach from internet icmp -> M:out:0
reach from client udp dst port 53 -> M:out:0 src net 10.0.0.0/8
reach from internet udp dst port 9 -> M:out:0 const dst port
"""
FILTERS = (
    "FromNetfront() -> IPFilter(allow tcp dst port 80) -> out :: ToNetfront();",
    "FromNetfront() -> IPMirror -> IPFilter(allow udp) -> out :: ToNetfront();",
    "FromNetfront() -> IPFilter(allow udp dst port 9) -> IPRewriter(pattern - - 10.0.0.5 7 0 0) -> out::ToNetfront();",
    "FromNetfront() -> IPFilter(allow dst host 20.0.0.1) -> out :: ToNetfront();",
)


@pytest.mark.parametrize("text", FILTERS)
def test_a_requirement_that_fails_anywhere_fails_on_each_platform(text: str) -> None:
    world = World(operator_network(40), Policy(()))
    machine = machine_of(Source("m.click", text))
    requirements: tuple[Reach, ...] = parse_request(
        Source("r", f"M module:\n{text}\n\n{REQUIREMENTS}")
    ).requirements
    for reach in requirements:
        question = prepare(reach, {})
        arrived, everywhere = world.arrivals(question.start.node), world.roomy
        box = module_box("M", machine, "nic")
        told: frozenset[str] | None = None
        for platform in world.snapshot.platforms:
            address = world.free_address(platform.name)
            assert address is not None
            module = make_module("M", CLIENT, platform.name, address, box, False, ())
            network = world.network.with_modules([module])
            if told is None:
                told = fails_on(question, box, network, arrived, everywhere)
            found = answer(question, network, world.tables, None, frozenset({"M"}), False, world.arrivals)
            if platform.name in told:
                assert found.holds is Answer.NO, f"{reach.text} on {platform.name}: {found}"


def test_what_fails_for_all_platforms_is_found_at_once() -> None:
    world = World(operator_network(40), Policy(()))
    machine = machine_of(Source("m.click", FILTERS[0]))
    (reach, *_) = parse_request(Source("r", f"M module:\n{FILTERS[0]}\n\n{REQUIREMENTS}")).requirements
    platform = world.snapshot.platforms[0]
    box, everywhere = module_box("M", machine, "nic"), world.roomy
    assert everywhere == {p.name for p in world.snapshot.platforms}
    module = make_module("M", CLIENT, platform.name, world.free_address(platform.name) or 0, box, False, ())
    network = world.network.with_modules([module])
    told = fails_on(prepare(reach, {}), box, network, world.arrivals(reach.start.node), everywhere)
    assert told == everywhere


def test_packets_that_come_later_are_seen() -> None:
    """What is told apart of packets that wait at a platform is told apart anew when more have come."""
    world = World(figure3().snapshot, parse_policy(Source("rules", RULES)))
    one, *_ = (case for case in world.network.anything()[1] if not case.lost)
    base = Base(Findings(), Waiting(world.network))
    base.waiting.add("platform1", [(one, Progress())])
    (first,) = waiting_there(base, "platform1")
    base.waiting.add("platform1", [(one.fork(), Progress()), (one.fork(), Progress(index=1))])
    assert waiting_there(base, "platform1") == (first, (Progress(index=1), first[1]))
    assert not waiting_there(base, "platform2")
