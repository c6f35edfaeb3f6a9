"""Section 4.4: what is injected, the two rules, the three outcomes; and the sandbox, around modules that cheat."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import pytest

from innet.explore.flow import Budget, End, flows
from innet.explore.network import framed, header, parse
from innet.ir.nodes import Mark
from innet.messages import Answer, Assessment, Role
from innet.platform.ipv4 import ends
from innet.platform.module import RunningModule
from innet.platform.protocol import Deployment
from innet.policy import Module
from innet.runtime.clock import VirtualClock
from innet.symbolic.execute import Emitted, Lost, execute
from innet.symbolic.formulas import equal, member, negate
from innet.symbolic.ranges import normal, single
from innet.symbolic.state import State, Tables
from innet.symbolic.store import Store
from innet.symbolic.terms import Sym, Term
from innet.verify.deployed import PARSE, enforcer
from innet.verify.plan import unsuitable
from innet.verify.security import ANTI_SPOOFING, DEFAULT_OFF, arrivals, inject, sandbox_templates
from tests.adversarial.judge import OWNED, Case, box, corpus, judge, machine
from tests.adversarial.traffic import ADDRESS, OWNER, frame

CLIENT, THIRD_PARTY, OPERATOR = Role.CLIENT, Role.THIRD_PARTY, Role.OPERATOR
SAFE, SANDBOX, REFUSED = Assessment.SAFE, Assessment.SANDBOX, Assessment.REFUSED
TUNNEL = """
FromNetfront() -> IPFilter(allow ip proto 4) -> StripIPHeader -> CheckIPHeader
  -> StoreIPAddress($ADDR, src) -> ToNetfront()
"""
TO_NOTED = "-> StoreIPAddress($ADDR, src) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront()"


# ---- the rules


@pytest.mark.parametrize(
    ("what", "text", "third_party", "client"),
    [
        ("source invariant, destination listed", "FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront()",
         SAFE, SAFE),
        ("source is the module's, destination the sender's", "FromNetfront() -> IPMirror -> ToNetfront()", SAFE, SAFE),
        ("source is another's", "FromNetfront() -> StoreIPAddress(8.8.8.8, src) -> ToNetfront()", REFUSED, REFUSED),
        ("destination is another's", "FromNetfront() -> StoreIPAddress(8.8.8.8, dst) -> ToNetfront()", REFUSED, SAFE),
        ("some conform and some do not", TUNNEL, SANDBOX, SAFE),
        ("nothing leaves", "FromNetfront() -> Discard", SAFE, SAFE),
        ("everything comes back", "FromNetfront() -> ToNetfront()", REFUSED, REFUSED),
    ],
)  # fmt: skip
def test_the_three_outcomes(what: str, text: str, third_party: Assessment, client: Assessment) -> None:
    assert judge(text, THIRD_PARTY).assessment is third_party, what
    assert judge(text, CLIENT).assessment is client, what
    assert judge(text, OPERATOR).assessment is SAFE, what


def test_the_answer_names_the_rule_the_element_and_a_packet() -> None:
    text = "FromNetfront() -> IPMirror -> forge :: StoreIPAddress(8.8.8.8, src) -> out :: ToNetfront()"
    found = {check.text: check for check in judge(text, THIRD_PARTY).checks}
    assert found[DEFAULT_OFF].holds is Answer.YES
    check = found[ANTI_SPOOFING]
    assert check.holds is Answer.NO
    assert "M:forge" in check.reason
    assert "M:forge" in check.remedy
    assert check.witness is not None
    assert "8.8.8.8" in check.witness.result
    assert check.witness.replayed
    changed = {step.place: step.changed for step in check.trace if step.changed}
    assert changed["M:forge"] == ("ip src",)


def test_the_destination_is_compared_with_the_source_of_the_very_packet() -> None:
    """IPdst = IPsrc by definition, not by coincidence: an address that might be equal is not."""
    coincidence = f"FromNetfront() -> Strip(14) -> GetIPAddress(28) {TO_NOTED}"
    assert judge(coincidence, THIRD_PARTY).assessment is SANDBOX  # the owner's address may stand there, too
    by_way_of_an_annotation = f"FromNetfront() -> GetIPAddress(IP src) {TO_NOTED}"
    assert judge(by_way_of_an_annotation, THIRD_PARTY).assessment is SAFE


# ---- the sandbox, proven


def sandboxed(text: str, role: Role) -> Iterator[State]:
    """All packets that leave the sandbox around a module, in any state of all tables."""
    made = box(text)
    allowed = normal([*OWNED, (ADDRESS, ADDRESS)])
    around = enforcer(ADDRESS, allowed if role is THIRD_PARTY else None)
    budget = Budget(30_000, work=40_000_000)
    tables = Tables(any_state=True)
    tables.work = budget.work
    tables.templates = sandbox_templates(made, around, PARSE, ADDRESS, {}, budget)
    start = []
    for entered in parse(inject(ADDRESS).state, PARSE, tables):
        for result in execute(around.inward, entered, tables, made.scope):
            assert not isinstance(result, Lost)
            if isinstance(result, Emitted):
                start += [(entry, -1, result.state.fork()) for entry in made.entries["nic"]]
    start += [one for one in arrivals(made, inject(ADDRESS)) if one[0] not in made.entries["nic"]]
    for flow in flows(made.machine, start, tables, budget, None, made.scope):
        assert flow.end is not End.LOST, flow.reason
        if flow.end is not End.EXIT:
            continue
        for sent in framed(flow.state, PARSE, tables):
            assert not sent.lost
            if Mark.NET not in sent.memory.marks:
                continue
            for result in execute(around.outward, sent, tables, made.scope):
                assert not isinstance(result, Lost)
                if isinstance(result, Emitted):
                    yield result.state


SANDBOXED = [
    "switch_thrown_later", "copy_to_self_forged_source", "copy_to_victim", "destination_from_payload", "ttl_backdoor",
    "payload_magic", "inner_packet_as_it_is", "unasked_packets_beside_service", "fixed_victim",
    "forged_source_to_sender",
    "queue_overflow", "store_data_over_header", "udp_tunnel_destination_from_payload", "multicast_by_third_party",
]  # fmt: skip
CHEATS = {case.path.stem: case for case in corpus("cheats")}


@pytest.mark.parametrize("role", [THIRD_PARTY, CLIENT], ids=lambda role: role.value)
@pytest.mark.parametrize("cheat", SANDBOXED)
def test_nothing_that_a_cheat_sends_through_the_sandbox_breaks_a_rule(cheat: str, role: Role) -> None:
    mine = single(ADDRESS)
    allowed = normal([*OWNED, (ADDRESS, ADDRESS)])
    for state in sandboxed(CHEATS[cheat].text, role):
        store, src, dst = state.store, header(state, 96, 32), header(state, 128, 32)
        assert not store.allows(member(dst, mine))
        if not wrote(src, store):
            assert not store.allows(negate(member(src, mine))), f"{src} leaves"
        # a later fragment goes where the first one of its datagram went, which is looked at like any other
        later_fragment = not store.allows(member(header(state, 51, 13), single(0)))
        if role is THIRD_PARTY and not later_fragment and not wrote(dst, store):
            assert not store.allows(negate(member(dst, allowed))), f"to {dst}"


def wrote(term: Term, store: Store) -> bool:
    """Whether an address surely is the source of this packet or of an earlier one."""
    sources = [a for a in store.domains if isinstance(a, Sym) and a.origin in ("source", "earlier source")]
    return any(store.entails(equal(term, source)) for source in sources)


# ---- the sandbox, run


@dataclass
class Wire:
    """A platform's port that remembers what was sent."""

    mac: int = 0x02_0000_0001
    peer_mac: int | None = 0x02_0000_0002
    sent: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> bool:
        self.sent.append(data)
        return True


def run_in_sandbox(text: str, role: Role, seed: str, packets: int = 150) -> Iterator[tuple[set[int], bytes]]:
    """A deployed module in its sandbox under hostile traffic: (all senders so far, frame that left)."""
    random, clock, wire = Random(seed), VirtualClock(), Wire()
    whitelist = ("172.16.15.133", "172.16.15.134", "198.51.100.1") if role is THIRD_PARTY else ("0.0.0.0/0",)
    address = "198.51.100.1"
    deployment = Deployment(
        "x", "M", "a", role, "p", address, text.replace("$ADDR", address), True, whitelist
    )
    module = RunningModule(deployment, wire, clock, random)
    senders: set[int] = set()
    for _ in range(packets):
        came = frame(random)
        packet = ends(came)
        if packet is not None:
            senders.add(packet.source)
            module.enter(came, packet)
        clock.advance(clock() + 200_000_000)
        for _ in range(4):
            if not module.work():
                break
        for left in wire.sent:
            yield senders, left
        wire.sent.clear()


def runs_on_a_platform(case: Case) -> bool:
    return not unsuitable(Module("M", case.text), machine(case.text))


@pytest.mark.parametrize("role", [THIRD_PARTY, CLIENT], ids=lambda role: role.value)
@pytest.mark.parametrize(
    "case", [c for c in CHEATS.values() if runs_on_a_platform(c)], ids=lambda c: c.path.stem
)
def test_no_packet_of_a_cheat_that_breaks_a_rule_gets_through_the_sandbox(case: Case, role: Role) -> None:
    for senders, left in run_in_sandbox(case.text, role, case.path.stem):
        packet = ends(left)
        assert packet is not None, "only IPv4 leaves"
        assert packet.source in {ADDRESS, *senders}
        assert packet.destination != ADDRESS
        if role is THIRD_PARTY:
            assert packet.destination in {OWNER, OWNER + 1, *senders}


def test_the_sandbox_lets_an_honest_module_do_its_work() -> None:
    answers = [
        left
        for _, left in run_in_sandbox("FromNetfront() -> IPMirror -> ToNetfront()", THIRD_PARTY, "honest")
    ]
    assert len(answers) > 50
