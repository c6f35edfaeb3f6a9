"""Modules with elements that are in the kernel for the packets they know, and in the agent for the others."""

from collections.abc import Iterator

import pytest

from innet.dataplane.instance import Instance
from innet.dataplane.plane import KernelAgent
from innet.platform.protocol import ModuleState
from innet.xdp import handover
from tests.dataplane.lab import Lab, Make, datagram, deployment, lab, report

pytestmark = pytest.mark.kernel

A, B, C = "2:0:0:0:0:a", "2:0:0:0:0:b", "2:0:0:0:0:c"
FROM_A, FROM_B, FROM_C, BY_AGENT = 1, 2, 3, 4
"""Source ports: who sends, or by which way."""
SWITCH = f"""FromNetfront() -> from :: IPClassifier(src port 1, src port 2, src port 3, src port 4);
sw :: EtherSwitch;
from[0] -> EtherRewrite({A}, {B}) -> [0] sw; from[1] -> EtherRewrite({B}, {A}) -> [1] sw;
from[2] -> EtherRewrite({C}, {B}) -> [2] sw;
from[3] -> EtherRewrite({C}, {B}) -> Queue -> Unqueue -> [2] sw;
sw[0] -> StoreData(42, 0) -> out :: IPMirror -> ToNetfront(); sw[1] -> StoreData(42, 1) -> out;
sw[2] -> StoreData(42, 2) -> out;"""
QUERIER = """FromNetfront() -> what :: IPClassifier(dst port 1, dst port 2, -);
q :: ARPQuerier(10.0.0.1, 2:0:0:0:0:1, TIMEOUT 3);
what[0] -> Strip(42) -> [1] q; what[1] -> Strip(14) -> SetIPAddress(10.0.0.9) -> [0] q; what[2] -> Discard;
q[0] -> StoreData(42, !) -> MarkIPHeader(14) -> IPMirror -> ToNetfront(); q[1] -> Discard;"""
ANSWER, ASK = 1, 2


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("shared") / "state", "shared") as made:
        yield made


def arp_reply(address: bytes, ether: bytes) -> bytes:
    """A frame in which `ether` says that it has `address` (RFC 826)."""
    me = bytes([2, 0, 0, 0, 0, 1])
    about = bytes([0, 1, 8, 0, 6, 4, 0, 2]) + ether + address + me + bytes([10, 0, 0, 1])
    return me + ether + b"\x08\x06" + about


def taken(agent: KernelAgent) -> list[int]:
    """Grows with each packet that the kernel hands over."""
    found: list[int] = []
    before = agent.packets.take

    def take(given: handover.Handover) -> None:
        found.append(given.region)
        before(given)

    agent.packets.take = take  # type: ignore[method-assign]
    return found


def instance(agent: KernelAgent) -> Instance:
    return agent.registry.by_id["d1.m"]


def said(frames: list[bytes]) -> list[bytes]:
    """The first letters of what came back."""
    return sorted(one[42:43] for one in frames)


def switched(place: Lab, agent: KernelAgent, sender: int, expected: int) -> list[bytes]:
    return said(place.exchange(agent, [datagram(sport=sender, dport=9)], expected))


def test_a_switch_is_in_the_kernel_once_it_has_learnt(place: Lab, make: Make) -> None:
    agent = make()
    agent.apply(deployment(SWITCH))
    handed = taken(agent)
    assert switched(place, agent, FROM_A, 2) == [b"1", b"2"]  # to everybody: the agent copies
    assert len(handed) == 1
    assert switched(place, agent, FROM_B, 1) == [b"0"]  # where the agent saw A
    assert switched(place, agent, FROM_C, 1) == [b"1"]  # where the kernel saw B
    assert len(handed) == 1
    assert switched(place, agent, BY_AGENT, 1) == [b"1"]  # the agent knows what the kernel saw
    assert len(handed) == 2
    assert report(agent).drops == ()
    assert (report(agent).received.packets, report(agent).sent.packets) == (4, 5)
    reasons = dict(report(agent).not_xdp)
    assert reasons["sw"].startswith("Copy(")


@pytest.mark.parametrize(
    "arguments", ["TIMEOUT 3", "TABLE t); t :: ARPTable(TIMEOUT 3"], ids=["its own table", "an ARPTable"]
)
def test_who_asks_for_addresses_is_in_the_kernel_for_those_it_knows(
    arguments: str, place: Lab, make: Make
) -> None:
    agent = make()
    agent.apply(deployment(QUERIER.replace("TIMEOUT 3", arguments)))
    handed = taken(agent)
    place.send(datagram(dport=ASK))
    assert place.collect(agent, 0, patience_s=0.2) == []  # it is kept
    assert len(handed) == 1
    slow = instance(agent).slow
    assert slow is not None
    gives_up_ns = slow.next_wake()
    assert gives_up_ns is not None
    assert (
        0 < gives_up_ns + agent._ahead(slow) - agent._clock() < 3.1e9
    )  # by the kernel's clock, and the agent's
    known = datagram(dport=ANSWER, payload=arp_reply(bytes([10, 0, 0, 9]), bytes([2, 0, 0, 0, 0, 9])))
    assert said(place.exchange(agent, [known], 1)) == [b"!"]
    assert len(handed) == 2
    assert said(place.exchange(agent, [datagram(dport=ASK)] * 5, 5)) == [b"!"] * 5
    assert len(handed) == 2


def knows(agent: KernelAgent, place: Lab) -> list[int]:
    """Have a switch learn where A and B are; grows with what the agent takes from then on."""
    agent.apply(deployment(SWITCH))
    switched(place, agent, FROM_A, 2)
    switched(place, agent, FROM_B, 1)
    return taken(agent)


def test_what_both_know_outlives_a_suspension(place: Lab, make: Make) -> None:
    agent = make()
    handed = knows(agent, place)
    agent.suspend("d1.m")
    assert report(agent).state is ModuleState.SUSPENDED
    assert switched(place, agent, FROM_C, 1) == [b"1"]
    assert report(agent).state is ModuleState.RUNNING
    assert handed == []
    assert switched(place, agent, BY_AGENT, 1) == [b"1"]


def test_what_both_know_outlives_another_version(place: Lab, make: Make) -> None:
    agent = make()
    handed = knows(agent, place)
    old = instance(agent)
    agent.apply(deployment(SWITCH.replace("IPMirror ->", "IPMirror -> Paint(1) ->")))
    new = instance(agent)
    assert new is not old
    assert switched(place, agent, FROM_C, 1) == [b"1"]
    assert handed == []
    assert switched(place, agent, BY_AGENT, 1) == [b"1"]


def test_packets_of_an_old_version_find_what_the_new_one_knows(place: Lab, make: Make) -> None:
    agent = make()
    knows(agent, place)
    old = instance(agent)
    place.send(datagram(sport=BY_AGENT, dport=9))  # it waits for the agent
    agent.apply(deployment(SWITCH.replace("IPMirror ->", "IPMirror -> Paint(1) ->")))
    assert old.table(next(iter(instance(agent).tables))) is not None
    assert said(place.collect(agent, 1)) == [b"1"]


def test_what_both_know_outlives_the_agent(place: Lab, make: Make) -> None:
    agent = make()
    knows(agent, place)
    agent.close()
    agent = make()
    agent.apply(deployment(SWITCH))
    handed = taken(agent)
    assert switched(place, agent, FROM_C, 1) == [b"1"]
    assert handed == []
    assert switched(place, agent, BY_AGENT, 1) == [b"1"]
