"""The agent of a platform: dispatch, what it enforces, the sandbox, accounts."""

from random import Random

import pytest

from innet.diagnostics import PlatformError
from innet.messages import Role
from innet.network import Capacity, Interface, Platform, parse_address, parse_prefix
from innet.platform import Agent, Deployment
from innet.platform.ipv4 import ETHERTYPE_IPV4, checksum, ends, udp, udp_parts
from innet.runtime.clock import VirtualClock

MAC, PEER = 0x02_00_00_00_00_01, 0x02_00_00_00_00_02
MODULE, OUTSIDE, OTHER = "198.51.100.1", "203.0.113.9", "192.0.2.77"
NODE = Platform(
    name="platform3",
    interfaces={"nic": Interface("nic", parse_address("198.51.100.254"), 24)},
    pools=(parse_prefix("198.51.100.0/24"),),
    capacity=Capacity(modules=2),
)
ECHO = "FromNetfront() -> IPMirror -> ToNetfront()"


class Wire:
    """`Port` that keeps what is sent."""

    mac, peer_mac = MAC, PEER

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.works = True

    def write(self, frame: bytes) -> bool:
        if self.works:
            self.sent.append(frame)
        return self.works


def deployment(text: str = ECHO, name: str = "bamofi", address: str = MODULE, **more: object) -> Deployment:
    return Deployment(name, "M", "mobile", Role.CLIENT, "platform3", address, text, **more)  # type: ignore[arg-type]


def running(*deployments: Deployment) -> tuple[Agent, Wire]:
    wire = Wire()
    agent = Agent(NODE, wire, VirtualClock(), Random(0))
    for one in deployments:
        agent.apply(one)
    return agent, wire


def packet(source: str = OUTSIDE, destination: str = MODULE, payload: bytes = b"hello") -> bytes:
    return udp((parse_address(source), 4000), (parse_address(destination), 1500), payload)


def frame(inner: bytes, destination: int = MAC, kind: bytes = ETHERTYPE_IPV4) -> bytes:
    return destination.to_bytes(6, "big") + PEER.to_bytes(6, "big") + kind + inner


def drops(agent: Agent) -> dict[str, int]:
    return {reason: count for _, reason, count in agent.observe().modules[0].drops}


def test_a_packet_goes_to_the_module_with_its_destination_and_back_out_with_the_platforms_addresses() -> None:
    agent, wire = running(deployment(), deployment(name="kelupo", address="198.51.100.2"))
    agent.receive("nic", frame(packet()))
    (sent,) = wire.sent
    assert sent[:12] == PEER.to_bytes(6, "big") + MAC.to_bytes(6, "big")
    answer = udp_parts(sent[14:])
    assert answer == ((parse_address(MODULE), 1500), (parse_address(OUTSIDE), 4000), b"hello")
    first, second = agent.observe().modules
    assert (first.received.packets, first.sent.packets, second.received.packets) == (1, 1, 0)
    assert first.received.bytes == first.sent.bytes == len(packet())


def test_an_ipv4_packet_without_frame_gets_one() -> None:
    agent, wire = running(deployment("FromNetfront() -> Strip(14) -> IPMirror -> ToNetfront()"))
    agent.receive("nic", frame(packet()))
    (sent,) = wire.sent
    assert sent[12:14] == ETHERTYPE_IPV4
    assert udp_parts(sent[14:]) is not None


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (frame(packet(), destination=MAC + 5), "not for this platform's Ethernet address"),
        (frame(b"\0" * 40, kind=b"\x08\x06"), "not an IPv4 packet with a complete header"),
        (frame(packet()[:19]), "not an IPv4 packet with a complete header"),
        (frame(b"\x4f" + packet()[1:30]), "not an IPv4 packet with a complete header"),
        (frame(b"\x44" + packet()[1:]), "not an IPv4 packet with a complete header"),
        (frame(b""), "not an IPv4 packet with a complete header"),
        (frame(packet(destination="198.51.100.9")), "no module has this address"),
    ],
)
def test_what_is_not_for_a_module_reaches_none(sent: bytes, reason: str) -> None:
    agent, wire = running(deployment())
    agent.receive("nic", sent)
    assert dict(agent.observe().drops) == {reason: 1}
    assert not wire.sent
    assert agent.observe().modules[0].received.packets == 0


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (packet(source=MODULE), "source is the module's own address"),
        (packet(payload=bytes(1 << 15)), "longer than any packet of the proof"),
    ],
)
def test_what_no_proof_knows_of_does_not_come_in(sent: bytes, reason: str) -> None:
    agent, wire = running(deployment())
    agent.receive("nic", frame(sent))
    assert drops(agent) == {reason: 1}
    assert not wire.sent


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("FromNetfront() -> ToNetfront()", "addressed to the module itself"),
        ("FromNetfront() -> StoreData(12, \\<0806>) -> ToNetfront()", "not an IPv4 packet"),
        ("FromNetfront() -> Truncate(30) -> ToNetfront()", "not an IPv4 packet"),
    ],
)
def test_what_may_not_leave_a_module_does_not(text: str, reason: str) -> None:
    agent, wire = running(deployment(text))
    agent.receive("nic", frame(packet()))
    assert drops(agent) == {reason: 1}
    assert not wire.sent


FORGE = f"FromNetfront() -> StoreIPAddress({OTHER}, src) -> StoreIPAddress({OTHER}, dst) -> ToNetfront()"
ELSEWHERE = f"FromNetfront() -> IPMirror -> StoreIPAddress({OTHER}, dst) -> ToNetfront()"


@pytest.mark.parametrize(
    ("text", "whitelist", "leaves"),
    [
        (ECHO, (), True),
        (FORGE, ("0.0.0.0/0",), False),
        (ELSEWHERE, (), False),
        (ELSEWHERE, ("0.0.0.0/0",), True),
        (ELSEWHERE, (OTHER + "/32", "10.0.0.0/8"), True),
        (ELSEWHERE, ("10.0.0.0/8",), False),
    ],
)
def test_the_sandbox_lets_out_answers_and_what_is_on_the_list(
    text: str, whitelist: tuple[str, ...], leaves: bool
) -> None:
    agent, wire = running(deployment(text, sandbox=True, whitelist=whitelist))
    agent.receive("nic", frame(packet()))
    assert bool(wire.sent) is leaves
    assert bool(drops(agent)) is not leaves


def test_without_sandbox_the_same_module_sends_what_it_likes() -> None:
    agent, wire = running(deployment(FORGE))
    agent.receive("nic", frame(packet()))
    assert [ends(sent) and ends(sent).source for sent in wire.sent] == [parse_address(OTHER)]  # type: ignore[union-attr]


def test_a_port_that_takes_nothing_is_told_to_the_module() -> None:
    agent, wire = running(deployment())
    wire.works = False
    agent.receive("nic", frame(packet()))
    assert drops(agent) == {"sending failed": 1}
    assert agent.observe().modules[0].sent.packets == 0


def test_held_packets_leave_in_time() -> None:
    clock = VirtualClock()
    wire = Wire()
    agent = Agent(NODE, wire, clock, Random(0))
    text = "FromNetfront() -> IPMirror -> Queue(10) -> TimedUnqueue(1, 10) -> ToNetfront()"
    agent.apply(deployment(text))
    clock.advance(500_000_000)
    agent.receive("nic", frame(packet()))
    agent.receive("nic", frame(packet()))
    agent.work()
    assert len(wire.sent) == 2, "the timer's first tick"
    agent.receive("nic", frame(packet()))
    agent.work()
    assert len(wire.sent) == 2
    assert agent.next_wake() == 1_500_000_000
    clock.advance(1_500_000_000)
    agent.work()
    assert len(wire.sent) == 3


def test_a_source_without_end_does_not_hold_up_the_others() -> None:
    flood = "InfiniteSource() -> Discard; FromNetfront() -> Discard"
    agent, wire = running(deployment(flood), deployment(name="kelupo", address="198.51.100.2"))
    assert agent.work()
    agent.receive("nic", frame(packet(destination="198.51.100.2")))
    assert len(wire.sent) == 1


def test_the_same_deployment_again_keeps_its_state() -> None:
    agent, _ = running(deployment())
    agent.receive("nic", frame(packet()))
    agent.apply(deployment())
    assert agent.observe().modules[0].received.packets == 1
    agent.apply(deployment("FromNetfront() -> Discard"))
    assert agent.observe().modules[0].received.packets == 0


def test_removed_means_gone_and_may_be_repeated() -> None:
    agent, wire = running(deployment())
    agent.remove("bamofi.M")
    agent.remove("bamofi.M")
    agent.receive("nic", frame(packet()))
    assert not wire.sent
    assert not agent.observe().modules
    agent.apply(deployment(name="other"))
    assert [report.id for report in agent.observe().modules] == ["other.M"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (deployment(name="x", address=MODULE), "belongs to bamofi.M"),
        (deployment(name="x", address="192.0.2.1"), "none of the platform's pools"),
        (deployment(name="x", address="198.51.100.254"), "the platform's own address"),
        (deployment(name="x", address="nonsense"), "not an IPv4 address"),
        (deployment("FromNetfront() -> Nonsense -> ToNetfront()", "x", "198.51.100.2"), "Nonsense"),
        (deployment("FromDump(/etc/passwd) -> Discard", "x", "198.51.100.2"), "has no files"),
        (deployment("FromNetfront() -> ToDump(/tmp/x)", "x", "198.51.100.2"), "has no files"),
        (Deployment("x", "M", "a", Role.CLIENT, "platform1", MODULE, ECHO), "meant for platform 'platform1'"),
    ],
)
def test_what_cannot_run_here_is_refused_and_changes_nothing(bad: Deployment, words: str) -> None:
    agent, _ = running(deployment())
    before = agent.observe()
    with pytest.raises(PlatformError, match=words):
        agent.apply(bad)
    assert agent.observe() == before


def test_a_full_platform_takes_no_more() -> None:
    agent, _ = running(deployment(), deployment(name="b", address="198.51.100.2"))
    with pytest.raises(PlatformError, match="all 2 places"):
        agent.apply(deployment(name="c", address="198.51.100.3"))
    agent.apply(deployment("FromNetfront() -> Discard"))  # in place of one that is there


def test_udp_packets_have_right_checksums() -> None:
    made = packet(payload=b"odd")
    assert checksum(made[:20]) == 0
    assert udp_parts(made) == ((parse_address(OUTSIDE), 4000), (parse_address(MODULE), 1500), b"odd")
    assert udp_parts(made[:-1] + b"x") is None
