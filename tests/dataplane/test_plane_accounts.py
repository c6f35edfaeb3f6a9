"""What is shared and what is not, what is counted, and drops as they happen."""

import time
from collections.abc import Iterator

import pytest

from innet.dataplane.plane import KernelAgent
from innet.platform.protocol import PLATFORM, SANDBOX
from tests.dataplane.lab import Lab, address, datagram, deployment, frame, lab, report, run
from tests.elements.packets import UDP, ipv4, udp

pytestmark = pytest.mark.kernel

FILTER = "FromNetfront() -> f :: IPFilter(allow udp dst port {port}) -> IPMirror -> ToNetfront()"
NAT = "FromNetfront() -> IPRewriter(pattern {own} 1024-65535# 172.16.15.133 {port} 0 0) -> ToNetfront()"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("accounts") / "state", "acc") as made:
        yield made


@pytest.fixture
def agent(place: Lab) -> Iterator[KernelAgent]:
    made = place.agent()
    yield made
    made.down()
    place.agents.clear()
    place.received()


def slots(agent: KernelAgent) -> dict[str, int]:
    return {id: one.slot for id, one in agent.registry.by_id.items()}


def apply(agent: KernelAgent, n: int, text: str, **more: object) -> None:
    agent.apply(deployment(text.format(own=address(n), **more), address(n), f"m{n}"))


# ---- consolidation


def test_modules_of_one_shape_share_a_program_and_differ_in_their_constants(
    place: Lab, agent: KernelAgent
) -> None:
    for n in range(20):
        apply(agent, n, FILTER, port=100 + n)
    used = slots(agent)
    assert len(set(list(used.values())[1:])) == 1, "from the second on the port is a parameter"
    assert len(agent.library.shapes) == 2
    sent = [datagram(n, dport=100 + port) for n in range(20) for port in range(20)]
    got = place.exchange(agent, sent, 20)
    assert sorted((one[26:30], one[34:36]) for one in got) == sorted(
        (datagram(n)[30:34], (100 + n).to_bytes(2, "big")) for n in range(20)
    )
    for n in range(20):
        one = report(agent, f"d1.m{n}")
        assert (one.received.packets, one.sent.packets) == (20, 1)
        assert one.drops == (("f", "filtered out", 19),) or one.drops[0][2] == 19
    loaded = {
        slot & ~1
        for slot in range(2 * agent.modules, 2 * (agent.modules + 1024))
        if agent.places.loaded(slot)
    }
    assert len(loaded) == 2


def test_another_constant_that_differs_makes_a_wider_shape(place: Lab, agent: KernelAgent) -> None:
    text = (
        "FromNetfront() -> IPFilter(allow udp dst port {port}) -> StoreIPAddress({to}, dst) -> ToNetfront()"
    )
    wanted = [
        (53, "203.0.113.1"),
        (54, "203.0.113.1"),
        (54, "203.0.113.2"),
        (99, "203.0.113.3"),
        (53, "203.0.113.9"),
    ]
    for n, (port, to) in enumerate(wanted):
        apply(agent, n, text, port=port, to=to)
    assert len(agent.library.shapes) == 3, "none, the port, the port and the address are parameters"
    assert len({slots(agent)[f"d1.m{n}"] for n in (2, 3, 4)}) == 1
    got = place.exchange(agent, [datagram(n, dport=port) for n, (port, _) in enumerate(wanted)], 5)
    assert [".".join(map(str, one[30:34])) for one in got] == [to for _, to in wanted]
    assert place.exchange(agent, [datagram(n, dport=1) for n in range(5)], 0) == []


def test_constants_that_happen_to_be_equal_do_not_stay_tied(place: Lab, agent: KernelAgent) -> None:
    text = "FromNetfront() -> IPFilter(allow udp src port {a} and dst port {b}) -> IPMirror -> ToNetfront()"
    pairs = [(7, 7), (8, 8), (9, 10), (11, 11), (12, 13)]
    for n, (a, b) in enumerate(pairs):
        apply(agent, n, text, a=a, b=b)
    sent = [datagram(n, sport=a, dport=b) for n in range(5) for a in range(7, 14) for b in range(7, 14)]
    got = place.exchange(agent, sent, 5)
    assert [(int.from_bytes(o[36:38], "big"), int.from_bytes(o[34:36], "big")) for o in got] == pairs


def test_modules_with_tables_have_their_own_program_and_tables(place: Lab, agent: KernelAgent) -> None:
    for n in range(4):
        apply(agent, n, NAT, port=80)
    assert len(set(slots(agent).values())) == 4
    assert len(agent.library.shapes) == 1, "the code is the same all the same"
    got = place.exchange(agent, [datagram(n, sport=s + 1) for n in range(4) for s in range(n + 1)], 10)
    assert [int.from_bytes(one[34:36], "big") for one in got] == [
        1024 + s for n in range(4) for s in range(n + 1)
    ]
    sizes = [
        sum(
            len(t.dump())
            for t in agent.registry.by_id[f"d1.m{n}"].tables.values()
            if t.spec.kind.name == "HASH"
        )
        for n in range(4)
    ]
    assert [size // sizes[0] for size in sizes] == [1, 2, 3, 4]


# ---- accounts


def test_what_came_is_what_left_and_what_was_dropped(place: Lab, agent: KernelAgent) -> None:
    apply(agent, 0, FILTER, port=100)
    own = frame(ipv4(udp(dport=100), address(0), address(0), UDP))
    sent = [datagram(dport=100, payload=bytes(n % 200)) for n in range(600)]
    sent += [datagram(dport=99)] * 250 + [own] * 150
    got = place.exchange(agent, sent, 600)
    one = report(agent, "d1.m0")
    assert one.received.packets == len(sent) == one.sent.packets + sum(count for _, _, count in one.drops)
    assert one.received.bytes == sum(len(each) - 14 for each in sent)
    assert (one.sent.packets, one.sent.bytes) == (len(got), sum(len(each) - 14 for each in got))
    assert sorted((element, count) for element, _, count in one.drops) == [(PLATFORM, 150), ("f", 250)]
    assert one.cpu_ns > 0


@pytest.mark.parametrize(
    "text",
    [
        "FromNetfront() -> f :: IPFilter(allow udp dst port 100) -> Queue(50) -> Unqueue -> IPMirror -> ToNetfront()",
        "FromNetfront() -> f :: IPFilter(allow udp dst port 100) -> TimedUnqueue(0.002, 40) -> ToNetfront()",
    ],
)
def test_the_account_of_a_slow_module_adds_up(place: Lab, agent: KernelAgent, text: str) -> None:
    agent.apply(deployment(text.replace("ToNetfront", "StoreIPAddress(203.0.113.1, dst) -> ToNetfront")))
    agent.resume("d1.m")
    sent = [datagram(dport=100 - (n % 4 == 0)) for n in range(1200)]
    got = place.exchange(agent, sent, 0)
    one = report(agent)
    assert one.received.packets == len(sent)
    assert one.sent.packets == len(got) == len(sent) - sum(count for _, _, count in one.drops)
    assert one.driver == "xdp+slow"
    assert one.not_xdp
    assert one.cpu_ns > 0


# ---- drops as they happen


def test_each_drop_is_told_with_element_reason_and_packet(place: Lab, agent: KernelAgent) -> None:
    text = "FromNetfront() -> f :: IPFilter(allow udp) -> d :: DecIPTTL -> ToNetfront(); Idle -> ToNetfront()"
    agent.apply(deployment(text, sandbox=True))
    agent.resume("d1.m")
    agent.tail("d1.m", True)
    expired = frame(ipv4(udp(b"old"), "203.0.113.9", address(0), UDP, ttl=1))
    tcp_packet = frame(ipv4(bytes(20), "203.0.113.9", address(0), 6))
    looped = datagram(payload=bytes(100))
    own = frame(ipv4(udp(), address(0), address(0), UDP))
    sent = [expired, tcp_packet, looped, own]
    place.exchange(agent, sent, 0)
    told = agent.events()
    assert told.lost == ()
    assert [(e.element, e.length) for e in told.shown] == [
        ("d", len(expired)), ("f", len(tcp_packet)), (PLATFORM, len(looped)), (PLATFORM, len(own)),
    ]  # fmt: skip
    for event, one in zip(told.shown, sent, strict=True):
        shown = bytes.fromhex(event.packet)
        assert 32 <= len(shown) <= len(one)
        if event.element not in (PLATFORM, SANDBOX):
            assert one.startswith(shown)
        assert abs(event.time_ns - time.time_ns()) < 60e9
    assert {(e.element, e.reason) for e in told.shown} == {(e, r) for e, r, _ in report(agent).drops}
    agent.tail("d1.m", False)
    place.exchange(agent, sent, 0)
    assert agent.events().shown == ()


def test_what_the_ring_cannot_hold_is_counted(place: Lab, agent: KernelAgent) -> None:
    apply(agent, 0, FILTER, port=100)
    apply(agent, 1, FILTER, port=100)
    for n in range(2):
        agent.resume(f"d1.m{n}")
    agent.tail("d1.m0", True)
    for _ in range(8):
        place.send(*[datagram(dport=1)] * 1000)
    place.exchange(agent, [datagram(1, dport=1)] * 10, 0)
    told = agent.events()
    lost = dict(told.lost)
    assert set(lost) == {"d1.m0"}
    assert len(told.shown) + lost["d1.m0"] == 8000
    assert {event.id for event in told.shown} == {"d1.m0"}
    assert agent.events().lost == ()


def test_drops_of_the_slow_part_are_told_too(place: Lab, agent: KernelAgent) -> None:
    text = "FromNetfront() -> q :: Queue(5) -> TimedUnqueue(0.05, 5) -> IPMirror -> ToNetfront()"
    agent.apply(deployment(text))
    agent.resume("d1.m")
    agent.tail("d1.m", True)
    place.send(*[datagram()] * 9)
    run(agent, 1)
    place.collect(agent, 5)
    assert report(agent).drops
    assert len(agent.events().shown) == sum(count for _, _, count in report(agent).drops)
