"""The slow path: a configuration parted between kernel and agent does what it does in one piece."""

from random import Random

import pytest

from innet.dataplane.slowpath import PASSES_AT, SlowPath, closed, must_be_slow
from innet.elements.base import OUTSIDE
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.runtime.clock import VirtualClock
from tests.dataplane.slowworlds import Exits, Parted, Whole, drive, frames, graph

CONFIGURATIONS = {
    "tee": """FromNetfront -> CheckIPHeader(14) -> t::Tee(3);
        t[0] -> Counter -> ToNetfront(a); t[1] -> IPMirror -> ToNetfront(b); t[2] -> DecIPTTL -> ToNetfront(c);""",
    "queue": """FromNetfront -> c::IPClassifier(udp, -); c[0] -> Paint(1) -> q::Queue(3) -> Unqueue(2) -> DecIPTTL
        -> ToNetfront(a); c[1] -> ToNetfront(b); q[1] -> Strip(14) -> CheckIPHeader -> Unstrip(14) -> ToNetfront(c);""",
    "timed": "FromNetfront -> CheckIPHeader(14) -> TimedUnqueue(0.004, 3) -> Counter -> ToNetfront;",
    "two timers": """FromNetfront -> r::RoundRobinSwitch; r[0] -> Paint(1) -> TimedUnqueue(0.002, 2) -> e::Null;
        r[1] -> Paint(2) -> Queue(4) -> TimedUnqueue(0.003, 1) -> e; e -> p::PaintSwitch;
        p[0] -> Discard; p[1] -> ToNetfront(a); p[2] -> IPMirror -> ToNetfront(b);""",
    "copies by paint": """FromNetfront -> MarkIPHeader(14) -> c::IPClassifier(tcp, udp, -);
        c[0] -> Paint(255) -> p::PaintSwitch; c[1] -> Paint(1) -> p; c[2] -> Paint(9) -> p;
        p[0] -> DecIPTTL -> ToNetfront(a); p[1] -> Queue -> Unqueue -> ToNetfront(b);""",
    "source": """s::InfiniteSource(LIMIT 30, BURST 2, LENGTH 20) -> UDPIPEncap(192.0.2.1, 53, 198.51.100.1, 53) -> Null
        -> q::Queue(3) -> TimedUnqueue(0.002, 2) -> StoreIPAddress(198.51.100.9, dst) -> ToNetfront(a);
        FromNetfront -> t::PaintTee(0) -> ToNetfront(b); t[1] -> Null -> ToNetfront(c);""",
    "errors": """FromNetfront -> CheckIPHeader(14) -> Strip(14) -> i::Null -> d::DecIPTTL -> ToNetfront(a);
        d[1] -> t::Tee; t[0] -> e::ICMPError(192.0.2.254, timeexceeded) -> i;
        t[1] -> ICMPError(192.0.2.253, unreachable, host) -> ToNetfront(b);""",
    "schedulers": """FromNetfront -> r::RoundRobinSwitch; r[0] -> Counter -> Queue(5) -> [0] s::RoundRobinSched;
        r[1] -> IPMirror -> Queue(5) -> [1] s; s -> Counter -> t::PullTee -> ToNetfront(a); t[1] -> DecIPTTL
        -> ToNetfront(b);""",
    "priorities": """FromNetfront -> c::IPClassifier(ip ttl 64, -); c[0] -> t::Tee;
        t[0] -> m::MixedQueue(4) -> [0] s::PrioSched; t[1] -> IPMirror -> [1] m;
        c[1] -> FrontDropQueue(2) -> [1] s; s -> Unqueue(1) -> Null -> ToNetfront(a);""",
    "there and back": """FromNetfront -> t::Tee; t[0] -> Paint(3) -> Queue -> Unqueue -> IPMirror -> u::Tee;
        t[1] -> Counter -> u; u[0] -> Null -> TimedUnqueue(0.001, 9) -> ToNetfront(a);
        u[1] -> Null -> ToNetfront(b);""",
    "handlers": """FromNetfront -> k::Counter(COUNT_CALL 9 c.reset) -> c::Counter -> q::Queue(50)
        -> u::Unqueue(ACTIVE false) -> ToNetfront;
        Script(wait 0.02s, write u.active true, wait 0.005s, write q.reset);""",
    "rewriter": """FromNetfront -> MarkIPHeader(14) -> n::IPRewriter(pattern 192.0.2.77 1024-65535# - - 0 1, drop);
        n[0] -> TimedUnqueue(0.002, 2) -> t::Tee; t[0] -> IPMirror -> [1] n; t[1] -> ToNetfront(a);
        n[1] -> ToNetfront(b);""",
}  # fmt: skip
SPLITS = 6


def splits(text: str) -> list[frozenset[str]]:
    """What must be slow; and that with more elements, drawn at random."""
    whole = graph(text)
    random = Random(1)
    names = sorted(v.name for v in whole.vertices)
    more = [frozenset(random.sample(names, random.randrange(len(names)))) for _ in range(SPLITS)]
    return list(dict.fromkeys([closed(whole, one) for one in (frozenset[str](), *more, frozenset(names))]))


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_parted_configuration_does_what_the_whole_does(name: str) -> None:
    text = CONFIGURATIONS[name]
    for seed, slow in enumerate(splits(text)):
        whole, parted = Whole(graph(text)), Parted(graph(text), slow)
        for world in (whole, parted):
            drive(world, frames(seed, 60), 100)
        assert whole.io.sent
        assert parted.io.sent == whole.io.sent, sorted(slow)
        assert parted.drops() == whole.drops(), sorted(slow)
        assert parted.statistics() == whole.statistics(), sorted(slow)


# Left out: what depends on the order in which two elements get packets, and queues that overflow or stop a source.
@pytest.mark.parametrize("name", sorted(CONFIGURATIONS.keys() - {"errors", "priorities", "queue", "source"}))
def test_packets_that_wait_between_kernel_and_agent_are_the_same(name: str) -> None:
    text = CONFIGURATIONS[name]
    for seed, slow in enumerate(splits(text)):
        whole, parted = Whole(graph(text)), Parted(graph(text), slow, at_once=False)
        for world in (whole, parted):
            drive(world, frames(seed, 60), 100)
        assert sorted(parted.io.sent) == sorted(whole.io.sent), sorted(slow)


def slow_path(
    text: str, *slow: str, capacity: int = 4096
) -> tuple[SlowPath, list[tuple[str, int]], VirtualClock]:
    """The slow path of a configuration, where its packets go, and its clock."""
    module = graph(text)
    left: list[tuple[str, int]] = []
    clock = VirtualClock()
    path = SlowPath(
        module,
        closed(module, slow),
        Exits(),
        lambda element, port, packet: left.append((element, port)),
        clock,
        Random(0),
        capacity,
    )
    return path, left, clock


def test_what_it_keeps_shows_until_it_leaves() -> None:
    path, left, clock = slow_path("FromNetfront -> q::Queue -> TimedUnqueue(0.01, 2) -> d::ToNetfront;")
    assert path.idle
    path.work(9)
    for _ in range(5):
        path.take("q", 0, PacketBuffer(b"x"))
    held = [path.holding()]
    while not path.idle:
        wake = path.next_wake()
        assert wake is not None
        clock.advance(wake)
        path.work(9)
        held.append(path.holding())
    assert held[:4] == [5, 3, 1, 0]
    assert left == [("d", 0)] * 5


def test_no_module_keeps_more_than_its_share() -> None:
    text = """FromNetfront -> t::Tee; t[0] -> a::Queue(1000000) -> Unqueue(8, ACTIVE false) -> d::ToNetfront;
        t[1] -> b::Queue(1000000) -> Unqueue(8) -> d;"""
    path, left, _ = slow_path(text, "t", capacity=10)
    for _ in range(8):
        path.take("t", 0, PacketBuffer(b"x"))
    assert path.holding() == 10
    assert path.drops == {("a", "slow path is full"): 3, ("b", "slow path is full"): 3}
    path.work(1)
    assert len(left) == 5
    for _ in range(9):
        path.take("b", 0, PacketBuffer(b"x"))
    assert path.holding() == 10
    assert path.drops["b", "slow path is full"] == 7


def test_a_loop_through_the_kernel_ends() -> None:
    text = "FromNetfront -> t::Tee; t[0] -> Paint(1) -> n::Null -> t; t[1] -> ToNetfront;"
    parted = Parted(graph(text), frozenset({"t"}))
    parted.deliver("0", frames(0, 1)[0])
    assert parted.drops() == {("t", "loop"): 1}
    assert 60 < len(parted.io.sent) < 80


def test_copies_in_a_loop_end() -> None:
    text = "FromNetfront -> t::Tee; t[0] -> u::Null -> t; t[1] -> v::Null -> t; t[2] -> ToNetfront;"
    path, left, _ = slow_path(text, "t", "u", "v")
    path.take("t", 0, PacketBuffer(b"x"))
    assert len(left) < 66_000
    assert path.drops["t", "loop"] + path.drops["u", "loop"] + path.drops["v", "loop"] > 0


def test_a_source_without_end_gives_others_their_turn() -> None:
    path, left, _ = slow_path("InfiniteSource -> Unqueue(-1) -> d::ToNetfront;", capacity=10)
    assert path.work(2)
    assert 0 < len(left) <= 2 * 1044


def test_passes_are_counted_beyond_a_byte() -> None:
    path, left, _ = slow_path("FromNetfront -> n::Null -> d::ToNetfront;", "n")
    packet = PacketBuffer(b"x")
    packet.annotations[PASSES_AT] = 255
    packet.annotations[PASSES_AT + 1] = 0
    path._passes = 600
    path.take("n", 0, packet)
    assert packet.annotations[PASSES_AT : PASSES_AT + 2] == bytes([0, 1])
    assert left == [("d", 0)]


def test_a_frame_from_outside_gets_marks_and_the_time() -> None:
    seen: list[PacketBuffer] = []
    module = graph("f::FromNetfront -> q::Null -> ToNetfront;")
    clock = VirtualClock(3_000_000_007)
    path = SlowPath(module, frozenset({"f"}), Exits(), lambda e, n, p: seen.append(p), clock, Random(0))
    path.take("f", OUTSIDE, PacketBuffer(frames(0, 1)[0]))
    (packet,) = seen
    assert packet.marks[Mark.MAC] == 0
    assert packet.annotations[52:60] == (3).to_bytes(4, "big") + (7).to_bytes(4, "big")


def test_a_pull_out_of_the_slow_part_is_refused() -> None:
    module = graph("FromNetfront -> q::Queue -> Unqueue -> ToNetfront;")
    with pytest.raises(ValueError, match="'q' must be slow"):
        SlowPath(
            module, must_be_slow(module) - {"q"}, Exits(), lambda e, n, p: None, VirtualClock(), Random(0)
        )


def test_only_slow_elements_take_packets() -> None:
    path, _, _ = slow_path("FromNetfront -> q::Queue -> Unqueue -> d::ToNetfront;")
    with pytest.raises(KeyError):
        path.take("d", 0, PacketBuffer(b"x"))


def test_the_end_of_the_run_stops_its_tasks() -> None:
    path, left, clock = slow_path(
        "InfiniteSource(LIMIT 3, STOP true) -> d::ToNetfront; Script(wait 1s, loop);"
    )
    while path.work(1):
        clock.advance(clock.now_ns + 1)
    assert path.ended
    assert path.next_wake() is None
    assert left == [("d", 0)] * 3


def test_what_elements_say_does_not_pile_up() -> None:
    path, _, clock = slow_path("FromNetfront -> ToNetfront; Script(print hello, wait 1ms, loop);")
    for _ in range(1000):
        path.work(1)
        clock.advance(clock.now_ns + 1_000_000)
    assert 1 < len(path.messages) <= 100
