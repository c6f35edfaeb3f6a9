"""A module's life in the kernel: cold start, suspend and resume, swap, removal, and what goes wrong on the way."""

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from innet.dataplane import flows
from innet.dataplane.options import Options, Quota
from innet.diagnostics import Diagnostic, PlatformError
from innet.platform.protocol import PLATFORM, ModuleState
from tests.dataplane.lab import (
    PATIENCE_S,
    Lab,
    Make,
    address,
    datagram,
    deployment,
    frame,
    lab,
    report,
    run,
    segment,
)
from tests.elements.packets import ICMP, UDP, ipv4, udp

pytestmark = pytest.mark.kernel

MIRROR = "FromNetfront() -> IPMirror -> ToNetfront()"
NAT = """rw :: IPRewriter(pattern ADDR 1024-65535# 172.16.15.133 80 0 1, drop);
FromNetfront() -> sides :: IPClassifier(src host 172.16.15.133, -); sides [1] -> [0] rw; sides [0] -> [1] rw;
rw [0] -> out :: ToNetfront(); rw [1] -> out;"""
SYN, ACK, FIN, RST = 0x02, 0x10, 0x01, 0x04


def nat(n: int = 0) -> str:
    return NAT.replace("ADDR", address(n))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("life") / "state", "life", 128) as made:
        yield made


def source_ports(frames: list[bytes]) -> list[int]:
    return [int.from_bytes(one[34:36], "big") for one in frames]


# ---- cold start


@pytest.mark.parametrize(
    ("first", "starts"),
    [
        (datagram(), True),
        (segment(0, SYN), True),
        (frame(ipv4(bytes([8, 0]) + bytes(6), dst=address(0), proto=ICMP)), True),
        (segment(0, SYN | ACK), False),
        (segment(0, ACK), False),
        (segment(0, RST), False),
        (frame(ipv4(bytes([0, 0]) + bytes(6), dst=address(0), proto=ICMP)), False),
        (frame(ipv4(udp(b"later"), dst=address(0), off=7)), False),
        (frame(ipv4(b"", dst=address(0), proto=6)), False),
        (frame(ipv4(b"", dst=address(0), proto=1)), False),
        (frame(ipv4(bytes(40), dst=address(0), proto=47)), False),
    ],
)
def test_a_new_flow_starts_a_cold_module_and_nothing_else_does(
    place: Lab, make: Make, first: bytes, starts: bool
) -> None:
    agent = make()
    agent.apply(deployment(MIRROR))
    assert report(agent).state is ModuleState.COLD
    got = place.exchange(agent, [first], int(starts))
    assert len(got) == starts
    assert report(agent).state is (ModuleState.RUNNING if starts else ModuleState.COLD)
    refused = (PLATFORM, "no flow begins with this packet, and the module does not run", 1)
    assert report(agent).drops == (() if starts else (refused,))


@pytest.mark.parametrize("text", [MIRROR, NAT])
def test_nothing_is_lost_while_a_module_starts(place: Lab, make: Make, text: str) -> None:
    agent = make()
    agent.apply(deployment(text.replace("ADDR", address(0))))
    burst = [datagram(sport=2000 + n, payload=bytes([n % 251])) for n in range(1000)]
    got = place.exchange(agent, burst, len(burst))
    assert len(got) == len(burst)
    assert [one[42] for one in got] == [n % 251 for n in range(1000)]
    assert report(agent).starts == 1
    assert agent.observe().drops == ()


def test_a_hundred_modules_start_at_once(place: Lab, make: Make) -> None:
    agent = make()
    for n in range(100):
        agent.apply(deployment(nat(n) if n % 2 else MIRROR, address(n), f"m{n}"))
    got = place.exchange(agent, [datagram(n) for n in range(100)], 100)
    assert sorted(one[26:30] for one in got) == sorted(datagram(n)[30:34] for n in range(100))
    states = {one.state for one in agent.observe().modules}
    assert states == {ModuleState.RUNNING}


def test_an_address_without_a_module_is_counted(place: Lab, make: Make) -> None:
    agent = make()
    agent.apply(deployment(MIRROR))
    assert place.exchange(agent, [datagram(5)] * 3, 0) == []
    assert agent.observe().drops == (("no module has this address", 3),)


# ---- suspend and resume


def test_flows_outlive_a_suspension_and_packets_in_it_are_not_lost(place: Lab, make: Make) -> None:
    agent = make()
    agent.apply(deployment(nat()))
    many = [datagram(sport=3000 + n) for n in range(300)]
    before = source_ports(place.exchange(agent, many, 300))
    assert len(set(before)) == 300
    agent.suspend("d1.m")
    assert report(agent).state is ModuleState.SUSPENDED
    got = place.exchange(agent, many, 300)
    assert source_ports(got) == before
    assert (report(agent).state, report(agent).starts, report(agent).suspends) == (ModuleState.RUNNING, 2, 1)
    assert not list(place.state.glob("*.state"))
    # an answer finds its flow too, and any packet wakes a suspended module
    agent.suspend("d1.m")
    answer = frame(ipv4(udp(b"x", sport=80, dport=before[7]), "172.16.15.133", address(0), UDP))
    (back,) = place.exchange(agent, [answer], 1)
    assert back[36:38] == (3007).to_bytes(2, "big")
    drops = report(agent).drops
    assert drops == ()


def test_suspending_and_resuming_again_and_again_under_traffic_loses_nothing(place: Lab, make: Make) -> None:
    agent = make()
    agent.apply(deployment(nat()))
    first = source_ports(place.exchange(agent, [datagram(sport=n + 1) for n in range(50)], 50))
    sent = got = 0
    for n in range(20):
        place.send(*[datagram(sport=k + 1) for k in range(25)])
        agent.suspend("d1.m")
        place.send(*[datagram(sport=k + 1) for k in range(25, 50)])
        sent += 50
        run(agent, 1 + n % 3)
        got += len(place.received())
    got += len(place.collect(agent, sent - got))
    assert got == sent
    again = place.exchange(agent, [datagram(sport=n + 1) for n in range(50)], 50)
    assert source_ports(again) == first


DROPS = "FromNetfront() -> IPFilter(deny udp dst port {}, allow all) -> ToNetfront();"


def test_what_a_module_without_tables_dropped_stays_told_when_it_was_suspended(
    place: Lab, make: Make
) -> None:
    agent = make()
    agent.apply(deployment(DROPS.format(53)))
    agent.resume("d1.m")
    place.exchange(agent, [datagram(dport=53)] * 5, 0)
    agent.suspend("d1.m")
    dropped = [("IPFilter@2", "denied by a rule", 5)]
    assert list(report(agent).drops) == dropped
    agent.resume("d1.m")
    assert list(report(agent).drops) == dropped
    place.exchange(agent, [datagram(dport=53)] * 2, 0)
    assert report(agent).drops[0][2] == 7


def test_a_version_that_has_not_started_yet_tells_nothing_of_who_was_at_its_place(
    place: Lab, make: Make
) -> None:
    agent = make()
    other = deployment(DROPS.format(53), address=address(1), identifier="other")
    agent.apply(other)
    agent.resume(other.id)
    place.exchange(agent, [datagram(1, dport=53)] * 5, 0)
    index = agent.registry.by_id[other.id].index
    agent.remove(other.id)
    agent.apply(deployment(DROPS.format(54)))
    agent.resume("d1.m")
    agent.suspend("d1.m")
    agent.places.free.remove(index)
    agent.places.free.appendleft(index)
    agent.apply(deployment(DROPS.format(55)))
    assert agent.registry.by_id["d1.m"].index == index
    assert report(agent).drops == ()


def test_drops_are_told_of_who_made_them_though_another_module_has_its_place(place: Lab, make: Make) -> None:
    agent = make()
    first = deployment(DROPS.format(53), address=address(1), identifier="first")
    agent.apply(first)
    agent.resume(first.id)
    agent.tail(first.id, True)
    index = agent.registry.by_id[first.id].index
    place.send(datagram(1, dport=53))
    until = time.monotonic() + PATIENCE_S
    while report(agent, first.id).drops == ():
        assert time.monotonic() < until
    agent.remove(first.id)
    agent.places.free.remove(index)
    agent.places.free.appendleft(index)
    second = deployment(DROPS.format(54))
    agent.apply(second)
    agent.tail(second.id, True)
    assert agent.registry.by_id[second.id].index == index
    assert {one.id for one in agent.events().shown} == {first.id}


def test_flows_are_there_though_resuming_failed_at_first(
    place: Lab, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make()
    agent.apply(deployment(nat()))
    place.exchange(agent, [datagram(sport=8)], 1)
    before = source_ports(place.exchange(agent, [datagram(sport=5)], 1))
    agent.suspend("d1.m")

    def refuse(self: object, base: object) -> None:
        raise PlatformError(Diagnostic("P000", "no memory"))

    with monkeypatch.context() as patch:
        patch.setattr("innet.dataplane.instance.Instance.load", refuse)
        with pytest.raises(PlatformError, match="no memory"):
            agent.resume("d1.m")
        assert report(agent).state is ModuleState.FAILED
    agent.resume("d1.m")
    assert source_ports(place.exchange(agent, [datagram(sport=5)], 1)) == before


def test_an_idle_module_with_tables_is_suspended_by_itself(
    place: Lab, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("innet.dataplane.plane.SWEEP_NS", 0)
    agent = make(Options(idle_s=0.0))
    agent.apply(deployment(nat()))
    agent.apply(deployment(MIRROR, address(1), "n"))
    place.exchange(agent, [datagram(), datagram(1)], 2)
    for _ in range(5):
        agent.work()
    assert report(agent).state is ModuleState.SUSPENDED
    assert report(agent, "d1.n").state is ModuleState.RUNNING
    assert report(agent).memory_bytes < 2000


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "gone", "boot", "other"])
def test_state_that_cannot_be_used_is_told_and_the_module_goes_on(
    place: Lab, make: Make, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make()
    agent.apply(deployment(nat()))
    place.exchange(agent, [datagram(sport=9)], 1)
    if damage == "boot":
        with monkeypatch.context() as patch:
            patch.setattr(flows, "boot", lambda: "another")
            agent.suspend("d1.m")
    else:
        agent.suspend("d1.m")
    path = place.state / "d1.m.state"
    whole = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(whole[:-1])
        case "bit":
            path.write_bytes(whole[:70] + bytes([whole[70] ^ 1]) + whole[71:])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "other":
            rows = flows.read(path, agent.registry.by_id["d1.m"].digest)
            flows.write(path, "of another module", rows)
    got = place.exchange(agent, [datagram(sport=9)], 1)
    assert len(got) == 1
    assert report(agent).state is ModuleState.RUNNING
    assert agent.observe().drops == (("state of a module lost", 1),)
    assert not path.exists()


def test_a_full_disk_leaves_a_module_running(place: Lab, make: Make) -> None:
    agent = make()
    agent.apply(deployment(nat()))
    before = source_ports(place.exchange(agent, [datagram(sport=5)], 1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))
    try:
        with pytest.raises(PlatformError, match="File too large"):
            agent.suspend("d1.m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert report(agent).state is ModuleState.RUNNING
    assert not list(place.state.glob("d1.m.state")) + list(place.state.glob("*.part"))
    assert source_ports(place.exchange(agent, [datagram(sport=5)], 1)) == before
    agent.suspend("d1.m")
    assert source_ports(place.exchange(agent, [datagram(sport=5)], 1)) == before


def test_a_full_disk_refuses_a_new_module_and_a_new_version_whole(
    place: Lab, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make()
    agent.apply(deployment(nat()))
    port = source_ports(place.exchange(agent, [datagram()], 1))
    free = len(agent.places.free)

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(PlatformError, match="No space left"):
            agent.apply(deployment(MIRROR, address(1), "n"))
        with pytest.raises(PlatformError, match="No space left"):
            agent.apply(deployment(nat() + " Idle -> Discard;"))
    assert len(agent.places.free) == free
    assert [one.id for one in agent.observe().modules] == ["d1.m"]
    assert source_ports(place.exchange(agent, [datagram()], 1)) == port
    agent.apply(deployment(MIRROR, address(1), "n"))
    agent.apply(deployment(nat() + " Idle -> Discard;"))
    assert source_ports(place.exchange(agent, [datagram()], 1)) == port
    assert len(place.exchange(agent, [datagram(1)], 1)) == 1


# ---- limits


def test_a_full_table_drops_with_its_reason_and_harms_nobody_else(place: Lab, make: Make) -> None:
    agent = make(Options(table_bytes=40_000))
    for n in range(2):
        agent.apply(deployment(nat(n), address(n), f"m{n}"))
    place.exchange(agent, [datagram(1)], 1)
    sent = [datagram(sport=n + 1) for n in range(2000)]
    got = place.exchange(agent, sent, 0)
    one = report(agent, "d1.m0")
    ((element, reason, count),) = one.drops
    assert (element, count) == ("rw", len(sent) - len(got))
    assert "full" in reason, reason
    assert 16 <= len(got) < 1000
    again = place.exchange(agent, [sent[0], datagram(1)], 2)
    assert sorted(source_ports(again)) == sorted([source_ports(got)[0], 1024])
    assert report(agent, "d1.m1").drops == ()


def test_a_quota_bounds_one_module_and_no_other(place: Lab, make: Make) -> None:
    agent = make(Options(quota=Quota(10, 20)))
    for n in range(2):
        agent.apply(deployment(MIRROR, address(n), f"m{n}"))
    agent.resume("d1.m0")
    got = place.exchange(agent, [datagram()] * 500, 0)
    flooded, calm = report(agent, "d1.m0"), report(agent, "d1.m1")
    assert 20 <= len(got) < 60
    assert flooded.received.packets == 500
    assert flooded.drops == ((PLATFORM, "over its packet quota", 500 - len(got)),)
    assert len(place.exchange(agent, [datagram(1)] * 10, 10)) == 10
    assert calm.drops == ()


# ---- swap and removal


def test_a_swap_loses_no_packet_and_keeps_the_flows(place: Lab, make: Make) -> None:
    agent = make()
    agent.apply(deployment(nat()))
    before = source_ports(place.exchange(agent, [datagram(sport=n + 1) for n in range(20)], 20))
    sent = got = 0
    for n in range(12):
        place.send(*[datagram(sport=k + 1) for k in range(10)])
        agent.apply(deployment(nat() + f" Idle -> Paint({n}) -> Discard;"))
        place.send(*[datagram(sport=k + 1) for k in range(10, 20)])
        sent += 20
        got += len(place.received())
    got += len(place.collect(agent, sent - got))
    assert got == sent
    again = place.exchange(agent, [datagram(sport=n + 1) for n in range(20)], 20)
    assert source_ports(again) == before
    one = report(agent)
    assert one.received.packets == one.sent.packets == sent + 40
    assert one.drops == ()
    assert len(list(agent.base.pins.glob("module-*"))) == 1


def test_a_swap_that_fails_changes_nothing(place: Lab, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = make()
    agent.apply(deployment(nat()))
    before = source_ports(place.exchange(agent, [datagram(sport=5)], 1))
    free = sorted(agent.places.free)
    with pytest.raises(PlatformError):
        agent.apply(deployment("FromNetfront() -> Nonsense -> ToNetfront()"))

    def refused(*arguments: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr("innet.dataplane.instance.Instance.load", refused)
        with pytest.raises(PlatformError, match="Cannot allocate memory"):
            agent.apply(deployment(nat() + " Idle -> Discard;"))
    assert sorted(agent.places.free) == free
    assert source_ports(place.exchange(agent, [datagram(sport=5)], 1)) == before
    agent.suspend("d1.m")
    assert source_ports(place.exchange(agent, [datagram(sport=5)], 1)) == before
    assert report(agent).problem == ""


def test_a_full_platform_still_takes_new_versions(tmp_path: Path) -> None:
    with lab(tmp_path / "state", "full", 3) as made:
        agent = made.agent()
        for n in range(3):
            agent.apply(deployment(nat(n), address(n), f"m{n}"))
        with pytest.raises(PlatformError, match="all 3 places"):
            agent.apply(deployment(MIRROR, address(3), "m3"))
        for n in range(3):
            agent.apply(deployment(MIRROR, address(n), f"m{n}"))
        assert len(made.exchange(agent, [datagram(n) for n in range(3)], 3)) == 3


def test_a_module_that_moves_leaves_its_address(place: Lab, make: Make) -> None:
    agent = make()
    agent.apply(deployment(MIRROR))
    place.exchange(agent, [datagram()], 1)
    agent.apply(deployment(MIRROR, address(1)))
    got = place.exchange(agent, [datagram(0), datagram(1)], 1)
    assert [one[26:30] for one in got] == [datagram(1)[30:34]]
    assert dict(agent.observe().drops) == {"no module has this address": 1}


def test_removal_under_traffic_leaves_nothing_and_the_next_has_clean_accounts(tmp_path: Path) -> None:
    with lab(tmp_path / "state", "gone", 4) as made:
        removals(made)


def removals(place: Lab) -> None:
    agent = place.agent()
    programs = agent.base.maps["programs"]
    slots = len(list(programs.keys()))
    for n in range(3 * agent.modules // 2):
        text = nat() if n % 2 else MIRROR
        agent.apply(deployment(text, module=f"m{n}"))
        place.send(*[datagram()] * 3)
        if n % 3:
            run(agent)
        agent.remove(f"d1.m{n}")
        place.send(datagram())
        run(agent, 1)
        if n % 16 == 0:
            agent.apply(deployment(text, module="x"))
            assert report(agent, "d1.x").received.packets == 0
            agent.remove("d1.x")
    place.collect(agent, 0)
    assert agent.observe().modules == ()
    assert not list(agent.base.pins.glob("module-*"))
    assert not [one for one in place.state.iterdir() if one.name not in ("code", "shapes.json")]
    loaded = [k for k in range(2 * (agent.modules + 1024)) if agent.places.loaded(k)]
    assert not loaded
    assert slots <= len(list(programs.keys()))
    assert len(agent.places.free) == agent.modules
    assert not tuple(agent.base.dispatch.items())


def test_more_shapes_than_slots_over_time(place: Lab, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("innet.dataplane.places.SHAPES", 3)
    agent = make()
    shapes = [
        f"FromNetfront() -> {one} -> IPMirror -> ToNetfront()"
        for one in ("Null", "DecIPTTL", "IPFilter(allow udp)", "CheckIPHeader(14)", "SetIPChecksum")
    ]
    for n, text in enumerate(shapes):
        agent.apply(deployment(text, module=f"m{n}"))
        assert len(place.exchange(agent, [datagram()], 1)) == 1
        agent.remove(f"d1.m{n}")
    for n in range(3):
        agent.apply(deployment(shapes[n], address(n), f"m{n}"))
    with pytest.raises(PlatformError, match="no room for another program"):
        agent.apply(deployment(shapes[3], address(4), "m4"))
    assert len(place.exchange(agent, [datagram(n) for n in range(3)], 3)) == 3


# ---- packets that change their length


def test_headers_that_do_not_fit_are_counted(place: Lab, make: Make) -> None:
    agent = make()
    wraps = f"UDPIPEncap({address(0)}, 1, 203.0.113.1, 1) -> " * 14
    agent.apply(
        deployment(f"FromNetfront() -> Strip(14) -> {wraps}Strip(364) -> CheckIPHeader -> ToNetfront()")
    )
    assert place.exchange(agent, [datagram()] * 3, 0) == []
    assert report(agent).drops == ((PLATFORM, "the kernel makes no room in front", 3),)


@pytest.mark.parametrize("size", [0, 1000, 1440, 1472])
def test_a_packet_may_grow_before_the_slow_path(place: Lab, make: Make, size: int) -> None:
    agent = make()
    wraps = f"UDPIPEncap({address(0)}, 1, 203.0.113.1, 1) -> " * 3
    after = "Queue -> Unqueue -> Strip(84) -> CheckIPHeader -> IPMirror -> ToNetfront()"
    agent.apply(deployment(f"FromNetfront() -> Strip(14) -> {wraps}{after}"))
    one = datagram(payload=bytes(size))
    (got,) = place.exchange(agent, [one], 1)
    assert len(got) == len(one)


def test_a_packet_longer_than_the_interface_takes_is_counted(place: Lab, make: Make) -> None:
    agent = make()
    agent.apply(
        deployment(f"FromNetfront() -> Strip(14) -> IPEncap(4, {address(0)}, 203.0.113.1) -> ToNetfront()")
    )
    sizes = (1451, 1452, 1453, 1456, 1472)
    got = place.exchange(agent, [datagram(payload=bytes(size)) for size in sizes], 2)
    assert [len(one) for one in got] == [1513, 1514]
    assert report(agent).drops == ((PLATFORM, "longer than the interface takes", 3),)
    assert report(agent).sent.packets == 2


def test_a_swap_of_a_slow_module_loses_nothing_that_waits(place: Lab, make: Make) -> None:
    agent = make()
    text = "FromNetfront() -> IPMirror -> Queue -> Unqueue -> ToNetfront();"
    agent.apply(deployment(text))
    agent.resume("d1.m")
    sent = got = 0
    for n in range(9):
        place.send(*[datagram()] * 50)
        agent.apply(deployment(f"{text} Idle -> Paint({n}) -> Discard;"))
        place.send(*[datagram()] * 50)
        sent += 100
        if n % 3 == 0:
            run(agent, 1)
        elif n % 3 == 1:
            agent.suspend("d1.m")
        got += len(place.received())
    got += len(place.collect(agent, sent - got))
    assert got == sent == report(agent).received.packets == report(agent).sent.packets
    while agent.registry.draining:
        agent.work()
    assert sent == report(agent).received.packets == report(agent).sent.packets
    assert len(agent.places.free) == agent.modules - 1
    assert report(agent).drops == agent.observe().drops == ()


def test_packets_of_a_module_that_is_gone_are_nobodys(place: Lab, make: Make) -> None:
    """What waits for the agent when a module is removed does not meet the next module at its index."""
    agent = make()
    slow = "FromNetfront() -> Queue -> Unqueue -> IPMirror -> ToNetfront()"
    agent.apply(deployment(slow))
    agent.resume("d1.m")
    gone = agent.registry.by_id["d1.m"]
    index = gone.index
    place.send(*[datagram()] * 5)
    until = time.monotonic() + 5
    while gone.account(agent.base)[5] < 5:  # handed over, and waiting
        assert time.monotonic() < until
    agent.remove("d1.m")
    agent.places.free.remove(index)
    agent.places.free.appendleft(index)
    agent.apply(deployment(slow, "192.0.2.11", identifier="d2"))
    agent.resume("d2.m")
    assert agent.registry.by_id["d2.m"].index == index
    assert not place.collect(agent, 1, 0.3)
    assert ("handed over to no module", 5) in agent.observe().drops
