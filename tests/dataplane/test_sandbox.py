"""The sandbox in the kernel holds for any module and any packets, on the fast path and on the slow one."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random

import pytest

from innet.dataplane.plane import KernelAgent
from innet.elements.sandbox.changeenforcer import ChangeEnforcer
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.network import parse_address
from innet.platform.protocol import PLATFORM, SANDBOX
from innet.xdp import handover
from tests.adversarial.judge import corpus
from tests.dataplane.lab import (
    NIC_MAC,
    Lab,
    address,
    datagram,
    deployment,
    frame,
    lab,
    report,
    run,
    segment,
)
from tests.dataplane.test_differential import answer, packets
from tests.elements.packets import ICMP, TCP, UDP, ipv4, udp

pytestmark = pytest.mark.kernel

WHITELIST = ("172.16.15.128/27",)
STRANGER = "203.0.113.9"
BRIEF_S = 0.2
"""How long modules may go on that never come to rest."""
TOO_HEAVY = {
    "icmp_error_fixed_source",
    "icmp_error_forged_source",
    "icmp_error_redirected",
}
"""The kernel's verifier takes seconds to refuse these; they go to the slow path as others do."""
BY_SLOW_PATH = {
    "through a queue": "Queue(64) -> Unqueue",
    "through a timer": "TimedUnqueue(0.001, 64)",
    "copied": "t :: Tee; t [1] -> o; t [0] -> Null",
}
CHEATS = {
    "forged source": "StoreIPAddress(8.8.8.8, src)",
    "to a stranger": "StoreIPAddress(198.51.100.77, dst)",
    "from a stranger to another": "StoreIPAddress(8.8.8.8, src) -> StoreIPAddress(198.51.100.77, dst)",
    "to itself": "StoreIPAddress(192.0.2.10, dst)",
    "other port": "IPMirror -> StoreData(34, \\<3039>)",
    "protocol changed": "IPMirror -> StoreData(23, \\<84>) -> SetIPChecksum",
    "unchanged": "Null",
}


@dataclass
class Oracle:
    """What the sandbox promises, told once more: who may be written to after what came in. No time-outs, no TCP."""

    own: int
    flows: set[tuple[int, int, bytes, bytes]] = field(default_factory=set)
    sources: set[int] = field(default_factory=set)
    begun: set[tuple[bytes, int, bytes]] = field(default_factory=set)

    def came(self, one: bytes) -> None:
        header = 14 + (one[14] & 15) * 4
        if one[12:14] != b"\x08\x00" or not 0x45 <= one[14] <= 0x4F or len(one) < header:
            return
        source = int.from_bytes(one[26:30], "big")
        if source == self.own:
            return
        self.sources.add(source)
        ports = one[header : header + 4] if one[23] in (TCP, UDP) else bytes(4)
        if one[23] not in (TCP, UDP) or not int.from_bytes(one[20:22], "big") & 0x1FFF:
            self.flows.add((one[23], source, ports[:2], ports[2:]))

    def allows(self, one: bytes) -> bool:
        if one[12:14] != b"\x08\x00" or one[14] != 0x45 or one[:12] != frame(b"")[6:12] + frame(b"")[:6]:
            return False
        source, destination = int.from_bytes(one[26:30], "big"), int.from_bytes(one[30:34], "big")
        if destination == self.own or (source != self.own and source not in self.sources):
            return False
        if destination & 0xFFFFFFE0 == parse_address("172.16.15.128"):
            return True
        off = int.from_bytes(one[20:22], "big")
        if off & 0x1FFF:
            return (one[26:34], one[23], one[18:20]) in self.begun
        ports = one[34:38] if one[23] in (TCP, UDP) else bytes(4)
        if off & 0x2000:
            self.begun.add((one[26:34], one[23], one[18:20]))
        return (one[23], destination, ports[2:], ports[:2]) in self.flows


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("sandbox") / "state", "sand") as made:
        made.agent()
        yield made


@pytest.fixture
def agent(place: Lab) -> Iterator[KernelAgent]:
    one = place.agents[-1]
    yield one
    for module in one.observe().modules:
        one.remove(module.id)
    place.collect(one, 0)
    one.drops.clear()


def attack(place: Lab, agent: KernelAgent, text: str, seed: str, rounds: int, burst: int = 8) -> Oracle:
    """Hostile packets to a sandboxed module; everything that comes out is held against the oracle."""
    own = parse_address(address(0))
    agent.apply(deployment(text.replace("$ADDR", address(0)), sandbox=True, whitelist=WHITELIST))
    agent.resume("d1.m")
    random, oracle = Random(seed), Oracle(own)
    got: list[bytes] = place.collect(agent, 0, BRIEF_S)
    for _ in range(rounds):
        sent = packets(random, own, burst)
        if got:
            sent += [answer(random, random.choice(got), own) for _ in range(3)]
        for one in sent:
            oracle.came(one)
        place.send(*sent)
        got = place.collect(agent, 0, BRIEF_S)
        for one in got:
            assert oracle.allows(one), one.hex()
    return oracle


CORPUS = [case for case in corpus("cheats") if case.path.stem not in TOO_HEAVY]


@pytest.mark.parametrize("name", [case.path.stem for case in CORPUS][::4])
def test_modules_that_cheat_cannot_in_the_sandbox(place: Lab, agent: KernelAgent, name: str) -> None:
    attack(place, agent, next(case.text for case in CORPUS if case.path.stem == name), name, 6)


@pytest.mark.parametrize(
    ("cheat", "way"),
    [(cheat, None) for cheat in CHEATS]
    + [(cheat, way) for n, way in enumerate(BY_SLOW_PATH) for cheat in list(CHEATS)[n % 2 :: 2]],
)
def test_the_way_out_makes_no_difference(place: Lab, agent: KernelAgent, cheat: str, way: str | None) -> None:
    slow = "" if way is None else BY_SLOW_PATH[way] + " -> "
    attack(place, agent, f"o :: ToNetfront(); FromNetfront() -> {CHEATS[cheat]} -> {slow}o;", cheat, 4)
    one = report(agent)
    assert one.driver == ("xdp" if way is None else "xdp+slow")
    refused = sum(count for element, _, count in one.drops if element in (SANDBOX, PLATFORM))
    assert refused > 10


# ---- time-outs, teardown, fragments, options


@pytest.mark.parametrize("slow", ["", "Queue(64) -> Unqueue -> "])
def test_an_authorization_ends_in_time(
    place: Lab, agent: KernelAgent, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    monkeypatch.setattr("innet.dataplane.compose.ChangeEnforcer", partial(ChangeEnforcer, timeout=1))
    # whoever writes from 172.16.15.140 makes the module write to the stranger
    text = f"""FromNetfront() -> c :: IPClassifier(src host 172.16.15.140, -);
        c [0] -> StoreIPAddress({address(0)}, src) -> StoreIPAddress({STRANGER}, dst) -> {slow}o :: ToNetfront();
        c [1] -> IPMirror -> o;"""
    agent.apply(deployment(text, sandbox=True))
    agent.resume("d1.m")
    trigger = datagram(source="172.16.15.140", sport=53, dport=1000)
    assert place.exchange(agent, [trigger], 0) == []
    assert len(place.exchange(agent, [datagram(sport=1000, dport=53)], 1)) == 1
    assert len(place.exchange(agent, [trigger], 1)) == 1
    end = time.monotonic() + 1.3
    while time.monotonic() < end:  # what the module sends does not prolong it
        place.exchange(agent, [trigger], 0)
    place.received()
    assert place.exchange(agent, [trigger] * 5, 0) == []
    assert len(place.exchange(agent, [datagram(sport=1000, dport=53)], 1)) == 1
    assert len(place.exchange(agent, [trigger], 1)) == 1


@pytest.mark.parametrize("slow", ["", "Queue(64) -> Unqueue -> "])
def test_tcp_teardown_ends_an_authorization(place: Lab, agent: KernelAgent, slow: str) -> None:
    text = f"""FromNetfront() -> c :: IPClassifier(src host 172.16.15.140, -);
        c [0] -> StoreIPAddress({address(0)}, src) -> StoreIPAddress({STRANGER}, dst) -> {slow}o :: ToNetfront();
        c [1] -> Discard;"""
    agent.apply(deployment(text, sandbox=True))
    agent.resume("d1.m")
    syn, ack, fin, rst = 2, 0x10, 0x11, 4

    def module_sends(flags: int) -> int:
        return len(place.exchange(agent, [segment(0, flags, "172.16.15.140", 80, 1000)], 0))

    def stranger_sends(flags: int) -> None:
        place.exchange(agent, [segment(0, flags)], 0)

    assert module_sends(ack) == 0
    stranger_sends(syn)
    assert module_sends(syn | ack) == module_sends(ack) == 1
    stranger_sends(rst)
    assert module_sends(ack) == 0
    stranger_sends(syn)
    assert module_sends(ack) == 1
    stranger_sends(fin)
    assert module_sends(ack) == module_sends(fin) == 1
    assert module_sends(ack) == module_sends(ack) == 0
    stranger_sends(fin)  # sent again: one answer, and no more
    assert [module_sends(ack) for _ in range(3)] == [1, 0, 0]
    reasons = {reason for element, reason, _ in report(agent).drops if element == SANDBOX}
    assert reasons == {"destination neither wrote to the module nor agreed", "authorization ended"}


def test_fragments_and_options(place: Lab, agent: KernelAgent) -> None:
    text = f"""FromNetfront() -> c :: IPClassifier(src host 172.16.15.140, -); o :: ToNetfront();
        c [0] -> StoreIPAddress({address(0)}, src) -> StoreIPAddress({STRANGER}, dst) -> o; c [1] -> Discard;"""
    agent.apply(deployment(text, sandbox=True))
    agent.resume("d1.m")

    def sends(off: int, ident: int = 7, options: bytes = b"") -> int:
        body = udp(bytes(32), 53, 1000) if not off & 0x1FFF else bytes(40)
        one = frame(ipv4(body, "172.16.15.140", address(0), UDP, off=off, ident=ident, options=options))
        return len(place.exchange(agent, [one], 0))

    later = frame(ipv4(bytes(32), STRANGER, address(0), UDP, off=5))
    place.exchange(agent, [later], 0)
    assert sends(0) == sends(5) == sends(0x2000) == 0, "a later fragment authorizes nothing"
    place.exchange(agent, [datagram(sport=1000, dport=53)], 0)
    assert sends(5) == 0, "its first fragment was not let out"
    assert sends(0x2000) == 1
    assert sends(5) == sends(9) == 1
    assert sends(5, ident=8) == 0
    assert sends(0) == 1
    assert sends(0, options=b"\x83\x07\x04\xcb\x00\x71\x4d\x00") == 0
    assert sends(0, options=b"\x01\x01\x01\x01") == 0


# ---- what comes in from outside


@pytest.mark.parametrize("sandbox", [False, True])
@pytest.mark.parametrize("way", [None, *BY_SLOW_PATH])
def test_its_own_address_is_refused_both_ways(
    place: Lab, agent: KernelAgent, sandbox: bool, way: str | None
) -> None:
    slow = "" if way is None else BY_SLOW_PATH[way] + " -> "
    agent.apply(deployment(f"o :: ToNetfront(); FromNetfront() -> {slow}o;", sandbox=sandbox))
    agent.resume("d1.m")
    own = frame(ipv4(udp(), address(0), address(0), UDP))
    options = frame(ipv4(udp(), address(0), address(0), UDP, options=b"\x01" * 40))
    fragment = frame(ipv4(bytes(8), address(0), address(0), UDP, off=3))
    back = [datagram(), frame(ipv4(udp(), STRANGER, address(0), UDP, options=b"\x01" * 8))]
    assert place.exchange(agent, [own, options, fragment, *back], 0) == []
    drops: dict[str, int] = {}
    for _, reason, count in report(agent).drops:
        drops[reason] = drops.get(reason, 0) + count
    assert drops["source is the module's own address"] == 3
    assert drops["addressed to the module itself"] == 2 * (2 if way == "copied" else 1)


def test_frames_that_look_like_records_are_not_taken_for_them(place: Lab, agent: KernelAgent) -> None:
    agent.apply(deployment("FromNetfront() -> Queue -> Unqueue -> IPMirror -> ToNetfront()", sandbox=True))
    agent.apply(deployment("FromNetfront() -> IPMirror -> ToNetfront()", address(1), "n"))
    agent.resume("d1.m")
    victim = agent.registry.by_id["d1.m"]
    forged = ipv4(udp(b"forged"), address(0), STRANGER, UDP)
    for region in range(4):
        for slot in (victim.slot, victim.slot + 1, 0, 0xFFFFFFFF):
            packet = PacketBuffer(frame(forged))
            packet.marks |= {Mark.MAC: 0, Mark.NET: 14, Mark.TRANSPORT: 34}
            record = handover.write(victim.index, region, packet, slot)
            place.send(record)
            place.send(NIC_MAC.to_bytes(6, "big") + record)
            place.send(frame(record))
            place.send(frame(record, to=handover.MAGIC))
            place.send(datagram(1, payload=record))
    got = place.collect(agent, 16)
    assert len(got) == 16
    assert all(one[26:30] == datagram(1)[30:34] for one in got)
    assert report(agent).received.packets == 0
    assert report(agent).drops == ()
    assert handover.MAGIC & 1, "no Ethernet address of an interface begins like a record"


@pytest.mark.parametrize("resumed", [False, True])
def test_only_frames_to_the_platform_reach_a_module(place: Lab, agent: KernelAgent, resumed: bool) -> None:
    agent.apply(deployment("FromNetfront() -> IPMirror -> ToNetfront()"))
    if resumed:
        agent.resume("d1.m")
    packet = datagram()[14:]
    tagged = bytes.fromhex("81000007") + b"\x08\x00" + packet
    place.send(
        frame(packet, to=0xFFFFFFFFFFFF),
        frame(packet, to=0x01005E000001),
        frame(packet, to=NIC_MAC ^ 1 << 40),
        frame(packet, to=NIC_MAC + 1),
        frame(tagged[2:], kind=b"\x81\x00"),
        frame(tagged[2:], kind=b"\x88\xa8"),
        frame(packet, kind=b"\x86\xdd"),
        frame(packet, kind=b"\x08\x06"),
    )
    assert place.collect(agent, 0) == []
    assert report(agent).received.packets == 0
    assert len(place.exchange(agent, [datagram()], 1)) == 1
    run(agent)


def test_an_echo_is_answered_to_who_sent_it_only(place: Lab, agent: KernelAgent) -> None:
    agent.apply(deployment("FromNetfront() -> ICMPPingResponder -> ToNetfront()", sandbox=True))
    echo = frame(ipv4(bytes([8, 0]) + b"\xf7\xff" + bytes(4), STRANGER, address(0), ICMP))
    (got,) = place.exchange(agent, [echo], 1)
    assert got[30:34] == echo[26:30]
