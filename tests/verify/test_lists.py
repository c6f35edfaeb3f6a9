"""Proofs follow what one change does to others: a sandboxed module of a third party may write to the account's other
modules as they come and go."""

from innet.diagnostics import Source
from innet.explore.flow import Hop
from innet.messages import Account, Answer, Role
from innet.policy import Place, Region, parse_request
from innet.symbolic.state import State
from innet.verify.plan import plan
from innet.verify.questions import prepare
from innet.verify.reach import answer
from innet.verify.standing import may_come
from innet.verify.world import Deployed, World
from tests.verify.networks import figure3

RULE = "never new reach from internet -> module -> 10.2.0.1"
TELLS = """FromNetfront() -> kinds :: IPClassifier(udp dst port 9, udp, -); kinds [2] -> Discard;
kinds [0] -> IPMirror -> SetIPAddress(10.2.0.1) -> StoreIPAddress(dst) -> out :: ToNetfront();
kinds [1] -> IPMirror -> out;"""
"""Answers, and tells a module on platform 2 of some packets."""
SINK = "FromNetfront() -> IPFilter(allow udp) -> Discard;"
ACCOUNT = Account("content", Role.THIRD_PARTY, ((0x0808_0808, 0x0808_0808),))
TELLING = Deployed("A", ACCOUNT, "platform3", 0xC633_6401, TELLS, sandbox=True, identifier="d1.A")
TOLD = Deployed("B", ACCOUNT, "platform2", 0x0A02_0001, SINK, identifier="d2.B")


def holds(world: World) -> Answer:
    (rule,) = world.policy.rules
    return answer(prepare(rule, {}), world.network, world.tables, world.base(rule)).holds


def test_a_sandbox_opens_and_closes_as_modules_of_the_account_come_and_go() -> None:
    world = figure3(RULE).with_deployed((TELLING,))
    assert holds(world) is Answer.YES
    both = world.with_deployed((TELLING, TOLD))
    assert holds(both) is Answer.NO
    assert holds(World(both.snapshot, both.policy, both.deployed)) is Answer.NO
    assert holds(both.with_deployed((TELLING,))) is Answer.YES


def test_a_plan_counts_what_sandboxed_modules_may_then_send() -> None:
    world = figure3(RULE).with_deployed((TELLING,))
    request = parse_request(Source("r", f"B module:\n{SINK}\n"))
    tried = {t.name: t.fits for t in plan(request, world, ACCOUNT, all_platforms=True).platforms}
    assert tried == {"platform1": True, "platform2": False, "platform3": True}
    stranger = Account("other", Role.THIRD_PARTY)
    tried = {t.name: t.fits for t in plan(request, world, stranger, all_platforms=True).platforms}
    assert tried == {"platform1": True, "platform2": True, "platform3": True}


def test_a_module_that_takes_the_place_of_another_is_looked_at() -> None:
    harmless = Deployed("A", ACCOUNT, "platform3", 0xC633_6401, SINK, identifier="d1.A")
    world = figure3(RULE).with_deployed((harmless, TOLD))
    assert holds(world) is Answer.YES
    assert holds(world.with_deployed((TELLING, TOLD))) is Answer.NO


def test_arrivals_are_complete_whatever_a_module_sends_first() -> None:
    text = """FromNetfront() -> kinds :: IPClassifier(udp dst port 9, udp, -); kinds [2] -> Discard;
kinds [0] -> SetIPAddress(ADDRESSES) -> StoreIPAddress(198.51.100.1, src) -> StoreIPAddress(dst) -> out :: ToNetfront();
kinds [1] -> SetIPAddress(OTHER) -> StoreIPAddress(198.51.100.1, src) -> StoreIPAddress(dst) -> out;"""
    internet = Region(Place.INTERNET)
    for first, second in (("0.0.0.0", "198.51.100.2"), ("198.51.100.2", "0.0.0.0")):
        sends = text.replace("ADDRESSES", first).replace("OTHER", second)
        module = Deployed("A", ACCOUNT, "platform3", 0xC633_6401, sends, identifier="d1.A")
        world = figure3(RULE).with_deployed((module,))
        came = world.arrivals(internet)
        assert came.check is None
        assert any(may_come([one], 0xC633_6402) and passed(one[0], "d1.A")
                   for one in came.waiting.at("platform3"))  # fmt: skip


def passed(state: State, module: str) -> bool:
    assert isinstance(state.hop, Hop)
    return any(hop.place.startswith(f"{module}:") for hop in state.hop.story())
