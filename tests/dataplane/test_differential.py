"""Modules in the kernel, over a veth pair, do what they do in the interpreter: frames, their order, and drops."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from innet.dataplane.plane import KernelAgent
from innet.diagnostics import Diagnostic
from innet.network import parse_address
from innet.platform import Agent, Deployment, real_clock
from innet.platform.protocol import PLATFORM, ModuleReport
from innet.xdp.links import Link, NativeModeError
from innet.xdp.programs import LoadedProgram
from tests.adversarial.judge import corpus
from tests.adversarial.traffic import ADDRESSES, body_of, header
from tests.dataplane.lab import HOST_MAC, NIC_MAC, PATIENCE_S, Lab, address, deployment, frame, lab, report
from tests.elements.packets import UDP, ipv4, udp

pytestmark = pytest.mark.kernel

EXTRA = {
    "constant rewrite": """FromNetfront() -> IPFilter(allow udp port 1500)
        -> IPRewriter(pattern - - 172.16.15.133 - 0 0) -> ToNetfront()""",
    "stateful firewall": """rw :: IPRewriter(keep 0 1, drop);
        FromNetfront() -> sides :: IPClassifier(src net 10.0.0.0/8, -);
        sides [0] -> StoreIPAddress(203.0.113.9, dst) -> [0] rw; sides [1] -> [1] rw;
        rw [0] -> out :: ToNetfront(); rw [1] -> StoreIPAddress(10.0.0.5, dst) -> out;""",
    "two-way rewriter": """rw :: IPRewriter(pattern $ADDR 5000-5003 172.16.15.133 80 0 1, drop);
        FromNetfront() -> sides :: IPClassifier(src host 172.16.15.133, udp or tcp);
        sides [1] -> [0] rw; sides [0] -> [1] rw; rw [0] -> out :: ToNetfront(); rw [1] -> out;""",
    "ip in ip": """FromNetfront() -> Strip(14) -> IPEncap(4, $ADDR, 203.0.113.9) -> ToNetfront()""",
    "udp tunnel": """FromNetfront() -> Strip(14) -> UDPIPEncap($ADDR, 4000, 203.0.113.9, 4000) -> ToNetfront()""",
    "decapsulate": """FromNetfront() -> Strip(14) -> CheckIPHeader -> IPFilter(allow ip proto 4) -> StripIPHeader
        -> CheckIPHeader -> StoreIPAddress(203.0.113.80, dst) -> ToNetfront()""",
    "classifier": """FromNetfront() -> c :: Classifier(23/11, 23/06, 23/01, -);
        c [0] -> IPMirror -> o :: ToNetfront(); c [1] -> StoreIPAddress(203.0.113.1, dst) -> o;
        c [2] -> ICMPPingResponder -> o; c [3] -> Discard;""",
    "two entries": """FromNetfront(a) -> IPFilter(allow udp) -> IPMirror -> ToNetfront();
        FromNetfront(b) -> StoreIPAddress(203.0.113.1, dst) -> ToNetfront();""",
    "three entries, one slow": """FromNetfront(a) -> Counter -> IPMirror -> o :: ToNetfront();
        FromNetfront(b) -> Discard; FromNetfront(c) -> Queue -> Unqueue -> StoreIPAddress(203.0.113.1, dst) -> o;""",
    "tee": """FromNetfront() -> CheckIPHeader(14) -> t :: Tee(3); t [0] -> Counter -> IPMirror -> a :: ToNetfront();
        t [1] -> StoreIPAddress(203.0.113.1, dst) -> a; t [2] -> DecIPTTL -> Discard;""",
    "queue in the middle": """FromNetfront() -> c :: IPClassifier(udp, -);
        c [0] -> Paint(1) -> Queue(64) -> Unqueue(2) -> DecIPTTL -> IPMirror -> o :: ToNetfront();
        c [1] -> IPMirror -> o;""",
    "two queues": """FromNetfront() -> CheckIPHeader(14) -> Queue(64) -> Unqueue -> IPMirror -> DecIPTTL
        -> c :: IPClassifier(udp, tcp, -); c [0] -> Queue(64) -> Unqueue -> SetIPDSCP(3) -> o :: ToNetfront();
        c [1] -> Queue(64) -> Unqueue -> StoreIPAddress(203.0.113.1, dst) -> o; c [2] -> o;""",
    "timed": "FromNetfront() -> CheckIPHeader(14) -> TimedUnqueue(0.001, 9) -> IPMirror -> ToNetfront()",
    "timed twice": """FromNetfront() -> TimedUnqueue(0.001, 9) -> Strip(14) -> CheckIPHeader -> IPMirror
        -> TimedUnqueue(0.001, 9) -> ToNetfront()""",
    "frames by queue": "FromNetfront() -> EtherMirror -> IPMirror -> Queue -> Unqueue -> ToNetfront()",
    "paint and copies": """FromNetfront() -> c :: IPClassifier(tcp, udp, -); c [0] -> Paint(255) -> p :: PaintSwitch;
        c [1] -> Paint(1) -> p; c [2] -> Paint(0) -> p;
        p [0] -> IPMirror -> o :: ToNetfront(); p [1] -> StoreIPAddress(203.0.113.1, dst) -> Queue -> Unqueue -> o;""",
    "round robin": """FromNetfront() -> r :: RoundRobinSwitch; r [0] -> IPMirror -> o :: ToNetfront();
        r [1] -> StoreIPAddress(203.0.113.1, dst) -> o; r [2] -> Discard;""",
    "lookup": """FromNetfront() -> l :: RadixIPLookup(192.0.2.0/24 0, 0/0 203.0.113.1 1);
        l [0] -> IPMirror -> o :: ToNetfront(); l [1] -> o;""",
    "enforcer of its own": """FromNetfront() -> e :: ChangeEnforcer($ADDR, 203.0.113.0/24); e [0] -> IPMirror -> [1] e;
        e [1] -> ToNetfront()""",
    "nothing leads out": "FromNetfront() -> Strip(14) -> Unstrip(14) -> Strip(60) -> ToNetfront()",
    "no entry": "Idle -> ToNetfront()",
    "goes on after it was sent": """FromNetfront() -> IPMirror -> t :: Tee; t [0] -> ToNetfront();
        t [1] -> Paint(3) -> Null -> ToNetfront();""",
    "nat behind a queue": """rw :: IPRewriter(pattern $ADDR 1024-65535 172.16.15.133 53 0 1, drop);
        FromNetfront() -> sides :: IPClassifier(udp and src host 172.16.15.133, udp);
        sides [1] -> Queue(64) -> Unqueue -> [0] rw; sides [0] -> [1] rw;
        rw [0] -> o :: ToNetfront(); rw [1] -> Queue(64) -> Unqueue -> o;""",
}  # fmt: skip
TIMELESS = {
    "batcher", "dns_responder", "encapsulated_and_back", "explicit_proxy", "firewall_to_owner",
    "flow_meter_to_owner", "heartbeat_to_owner", "icmp_unreachable", "ip_tunnel_to_owner", "mirror",
    "mirror_undone_and_redone", "multicast_to_owned", "nat", "painted_branches", "pass_through_dpi",
    "pass_through_firewall", "ping_responder", "rate_limiter_to_owner", "redirector_for_clients",
    "reverse_proxy", "sink", "strip_and_unstrip", "ttl_and_checksum", "tunnel_exit", "tunnel_to_owner",
    "tunnel_to_sender", "udp_checked", "udp_proxy_both_ways", "vlan_tagged_and_untagged",
}  # fmt: skip
"""Honest modules that do the same whatever the clock and the dice say, so that two platforms send the same packets."""
TEXTS = {case.path.stem: case.text for case in corpus("honest") if case.path.stem in TIMELESS} | EXTRA
IN_SANDBOX = sorted(TEXTS.keys() - {"icmp_unreachable", "three entries, one slow"})[::3]
"""The kernel's verifier takes seconds to find that ICMPError is too much for it: once is enough."""
CASES = [(name, False, ()) for name in TEXTS] + [
    (name, True, ("203.0.113.0/24",) if n % 2 else ()) for n, name in enumerate(IN_SANDBOX)
]
PACKETS, SLOW_PACKETS = 48, 16
BURST = 6
OWNER = parse_address("172.16.15.133")


class Wire:
    """The interpreter's port: what it sends."""

    mac, peer_mac = NIC_MAC, HOST_MAC

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, frame: bytes) -> bool:
        if len(frame) > 1514:
            return False
        self.sent.append(frame)
        return True


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, KernelAgent]]:
    with lab(tmp_path_factory.mktemp("state"), "diff") as made:
        yield made, made.agent()


def packets(random: Random, own: int, count: int) -> list[bytes]:
    """Hostile ones, plain ones, some of the owner, some for nobody."""
    found = []
    for _ in range(count):
        source = random.choice((*ADDRESSES, own, OWNER, 0x0A000005))
        if random.random() < 0.5:
            proto, body = body_of(random, 2)
            found.append(frame(header(random, source, own, proto, body)[:1500]))
        else:
            payload = random.randbytes(random.choice((0, 1, 18, 400)))
            ports = random.choice((53, 80, 1500, 4000)), random.choice((53, 80, 1500, 5001))
            text = ".".join(map(str, source.to_bytes(4, "big")))
            here = ".".join(map(str, own.to_bytes(4, "big")))
            found.append(frame(ipv4(udp(payload, *ports), text, here, UDP, ttl=random.choice((1, 2, 64)))))
    return found


def answer(random: Random, sent: bytes, own: int) -> bytes:
    """What the receiver of a frame would send back: to the module, from where it was sent to, ports turned round."""
    at = 14 + (sent[14] & 15) * 4
    turned = bytearray(frame(sent[14:]))
    turned[26:30], turned[30:34] = sent[30:34], own.to_bytes(4, "big")
    if len(sent) >= at + 4:
        turned[at : at + 2], turned[at + 2 : at + 4] = sent[at + 2 : at + 4], sent[at : at + 2]
    return bytes(turned)


def comparable(one: ModuleReport) -> dict[tuple[str, str], int]:
    """Its drops; the interpreter finds out only when it sends what is too long for the interface."""
    found: Counter[tuple[str, str]] = Counter()
    for element, reason, count in one.drops:
        if reason in ("sending failed", "longer than the interface takes"):
            element, reason = PLATFORM, "longer than the interface takes"
        found[element, reason] += count
    return dict(found)


def settled(agent: Agent) -> None:
    """Everything that a packet leads to has happened."""
    end = time.monotonic() + PATIENCE_S
    while agent.work() or agent.next_wake() is not None:
        assert time.monotonic() < end


def prepared(name: str, sandbox: bool, whitelist: tuple[str, ...]) -> Deployment:
    """A module whose timers are short and whose ports come in turn, not at random."""
    text = re.sub(r"TimedUnqueue\([\d.]+", "TimedUnqueue(0.001", TEXTS[name].replace("$ADDR", address(0)))
    text = re.sub(r"(pattern \S+ \d+-\d+)", r"\1#", text)
    return deployment(text, address(0), "m", sandbox, whitelist=whitelist)


@pytest.mark.parametrize(("name", "sandbox", "whitelist"), CASES)
def test_the_kernel_does_what_the_interpreter_does(
    world: tuple[Lab, KernelAgent], name: str, sandbox: bool, whitelist: tuple[str, ...]
) -> None:
    differ(*world, name, sandbox, whitelist)


def differ(made: Lab, kernel: KernelAgent, name: str, sandbox: bool, whitelist: tuple[str, ...]) -> None:
    """Run a module on both; fails if they differ."""
    own = parse_address(address(0))
    wanted = prepared(name, sandbox, whitelist)
    wire = Wire()
    reference = Agent(made.node, wire, real_clock(), Random(1))
    random = Random(name)
    kernel.apply(wanted)
    try:
        kernel.resume(wanted.id)
        compare(made, kernel, reference, wire, wanted, random, own)
    finally:
        kernel.remove(wanted.id)
        made.collect(kernel, 0)


def compare(
    made: Lab, kernel: KernelAgent, reference: Agent, wire: Wire, wanted: Deployment, random: Random, own: int
) -> None:
    reference.apply(wanted)
    settled(reference)
    slow = report(kernel).driver != "xdp"
    burst = 1 if slow else BURST
    got = made.collect(kernel, len(wire.sent))
    assert got == wire.sent
    for _ in range((SLOW_PACKETS if slow else PACKETS) // burst):
        sent = packets(random, own, burst)
        if got:
            sent += [answer(random, random.choice(got), own) for _ in range(max(1, burst // 2))]
        got = same(made, kernel, reference, wire, sent, slow)
    here, there = report(kernel), reference.observe().modules[0]
    assert comparable(here) == comparable(there)
    assert here.sent == there.sent


def same(
    made: Lab, kernel: KernelAgent, reference: Agent, wire: Wire, sent: list[bytes], slow: bool
) -> list[bytes]:
    """Send frames to both; what both answer, in the same order unless several ways lead out."""
    wire.sent.clear()
    for one in sent:
        reference.receive("nic", one)
        settled(reference)
    got = made.exchange(kernel, sent, len(wire.sent))
    if slow:
        assert sorted(got) == sorted(wire.sent), [one.hex() for one in sent]
    else:
        assert got == wire.sent, [one.hex() for one in sent]
    return got


# ---- odd frames


def odd_frames(own: str) -> list[bytes]:
    """Short and long ones, headers of all lengths, fragments."""
    source = "203.0.113.9"
    whole = frame(ipv4(udp(bytes(18)), source, own, UDP))
    found = [whole[:n] for n in range(14, len(whole) + 1)]
    found += [whole + bytes(n) for n in (1, 4, 6, 200)]
    for size in (1472, 1471, 1400, 213, 214, 215):
        found.append(frame(ipv4(udp(random_bytes(size)), source, own, UDP)))
    for words in range(11):
        one = frame(ipv4(udp(bytes(20)), source, own, UDP, options=bytes(words * 4 * [1])))
        found += [
            one,
            one[: 14 + 20 + 4 * words],
            one[: 14 + 20 + 4 * words - 1],
            one[: 14 + 20 + 4 * words + 3],
        ]
    for off in (0x2000, 0x4000, 0x8000, 1, 0x1FFF, 0x2001, 0xFFFF):
        found.append(frame(ipv4(udp(bytes(24)), source, own, UDP, off=off)))
    for length in (0, 19, 20, 27, 28, 45, 47, 65535):
        found.append(frame(ipv4(udp(bytes(18)), source, own, UDP, length=length)))
    for first in (0x00, 0x44, 0x40, 0x4F, 0x55, 0x65, 0xFF):
        found.append(frame(bytes([first]) + whole[15:]))
    found += [frame(ipv4(udp(bytes(18), length=n), source, own, UDP)) for n in (0, 7, 8, 25, 27, 65535)]
    return found


def random_bytes(size: int) -> bytes:
    return Random(size).randbytes(size)


ODD = (
    "mirror",
    "ttl_and_checksum",
    "two-way rewriter",
    "udp_checked",
    "ip in ip",
    "strip_and_unstrip",
    "tee",
    "timed",
)


@pytest.mark.parametrize("generic", [False, True])
def test_frames_of_all_kinds(tmp_path: Path, generic: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if generic:
        attach = Link.xdp

        def refuse(program: LoadedProgram, interface: int, generic: bool = False) -> Link:
            if not generic:
                raise NativeModeError(Diagnostic("P305", "the driver has no native mode"))
            return attach(program, interface, generic=True)

        monkeypatch.setattr(Link, "xdp", refuse)
    with lab(tmp_path / "state", "odd") as made:
        kernel = made.agent()
        assert kernel.base.generic == generic
        for name in ODD[::3] if generic else ODD:
            wanted = prepared(name, False, ())
            wire = Wire()
            reference = Agent(made.node, wire, real_clock(), Random(1))
            kernel.apply(wanted)
            kernel.resume(wanted.id)
            reference.apply(wanted)
            sent = odd_frames(address(0))
            for n in range(0, len(sent), 50):
                same(made, kernel, reference, wire, sent[n : n + 50], True)
            here, there = report(kernel), reference.observe().modules[0]
            assert comparable(here) == comparable(there)
            kernel.remove(wanted.id)
