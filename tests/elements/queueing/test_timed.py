"""Elements that let packets through by time: RatedUnqueue, Shaper, DelayShaper, LinkUnqueue and their kin.

Annex B.2 of ELEMENTS in virtual time.
"""

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.elements.base import Element
from innet.elements.queueing.bandwidthratedunqueue import BandwidthRatedUnqueue
from innet.elements.queueing.bandwidthshaper import BandwidthShaper
from innet.elements.queueing.delayshaper import DelayShaper
from innet.elements.queueing.delayunqueue import DelayUnqueue
from innet.elements.queueing.linkunqueue import LinkUnqueue
from innet.elements.queueing.ratedunqueue import RatedUnqueue
from innet.elements.queueing.shaper import Shaper
from innet.elements.queueing.simplequeue import SimpleQueue
from innet.elements.queueing.timedunqueue import TimedUnqueue
from innet.elements.queueing.unqueue import Unqueue
from innet.runtime.build import build
from tests.elements.queueing.timeline import Timeline
from tests.runtime.fakes import MemoryIo

FULL = [(0.0, bytes(1000))] * 500


def within(times: list[float], low: float, high: float) -> int:
    return sum(low <= at < high for at in times)


def test_RatedUnqueue_from_a_full_queue() -> None:
    times = Timeline(RatedUnqueue(100)).times(FULL)
    assert times[:3] == [0, 0, 11]
    assert [within(times, 1000 * n, 1000 * n + 1000) for n in range(4)] == [101, 100, 100, 100]


@pytest.mark.parametrize(
    ("element", "at_once"),
    [
        (RatedUnqueue(10), 1),
        (RatedUnqueue(10, burst_duration_ms=500), 5),
        (RatedUnqueue(10, burst_size=7), 7),
        (RatedUnqueue(0), 0),
        (BandwidthRatedUnqueue(1000), 1),  # 20 bytes
        (BandwidthRatedUnqueue(1000, burst_bytes=2500), 3),
        (BandwidthRatedUnqueue(0), 0),
    ],
)
def test_bursts(element: Element, at_once: int) -> None:
    assert within(Timeline(element).times(FULL, 10), 0, 1) == at_once


def test_BandwidthRatedUnqueue_gives_its_rate() -> None:
    times = Timeline(BandwidthRatedUnqueue(100_000)).times(FULL)
    assert within(times, 1000, 2000) == 100
    assert within(times, 0, 1000) in (101, 102, 103)


@pytest.mark.parametrize("unqueue", [RatedUnqueue(100), DelayUnqueue(0), LinkUnqueue(0, 1_000_000)])
def test_packets_that_come_after_a_while_are_seen(unqueue: Element) -> None:
    for queue in (None, SimpleQueue()):
        times = Timeline(unqueue, queue=queue).times([(700, b""), (900, b""), (900, b"")])
        assert [round(at) for at in times] == [700, 900, 900]


def test_RatedUnqueue_handlers() -> None:
    line = Timeline(RatedUnqueue(100))
    line.times(FULL[:50], 5)
    handlers = line.router.handlers
    assert handlers.read("e0.rate") == "100"
    assert handlers.read("e0.calls").splitlines()[2] == "2 pushes"
    handlers.write("e0.active", "false")
    line.run(200)
    assert (handlers.read("e0.active"), len(line.watch.seen)) == ("false", 2)
    handlers.write("e0.rate", "1000")
    handlers.write("e0.active", "true")
    line.run(210)
    assert len(line.watch.seen) > 10


def test_BandwidthRatedUnqueue_shows_its_rate_as_click_does() -> None:
    assert Timeline(BandwidthRatedUnqueue(1000)).router.handlers.read("e0.rate") == "8kbps"


def test_BandwidthShaper_lets_100_packets_through_each_clock_second() -> None:
    times = Timeline(BandwidthShaper(100_000), Unqueue()).times(FULL)
    assert [within(times, 1000 * n, 1000 * n + 1000) for n in range(4)] == [100, 100, 100, 100]
    assert Timeline(BandwidthShaper(1000), Unqueue()).router.handlers.read("e0.rate") == "8kbps"


def test_Shaper_keeps_a_credit_over_idle_seconds() -> None:
    line = Timeline(Shaper(100), Unqueue())
    times = line.times([(0, b"x"), *[(3090, b"y")] * 400], 5000)
    assert 108 <= within(times, 3090, 3091) <= 112  # what was left of one second, and the phase
    assert within(times, 4000, 5000) == 100


def test_Shaper_in_phase_with_the_clock() -> None:
    times = Timeline(Shaper(10), Unqueue()).times([(520, b"x")] * 20, 2000)
    assert times[:8] == [520] * 6 + [600, 700]  # the second's sixth part has come
    assert within(times, 1000, 2000) == 10


def test_Shaper_gives_by_output_1_what_it_must_not_by_output_0() -> None:
    text = """q :: Queue -> s :: Shaper(10); s [0] -> u :: Unqueue -> a :: Counter -> Discard;
        s [1] -> v :: Unqueue -> b :: Counter -> Discard; Idle -> q;"""
    router, _ = build(Source("c", text), MemoryIo())
    for _ in range(25):
        router.handlers.write("u.active", "true")
    from innet.ir.interpret import PacketBuffer

    for _ in range(25):
        router.push(router.by_name["q"], 0, PacketBuffer(b"x"))
    router.run(50_000_000)
    assert (router.handlers.read("a.count"), router.handlers.read("b.count")) == ("1", "24")


def test_Shaper_handlers() -> None:
    line = Timeline(Shaper(10), Unqueue())
    line.times(FULL[:100], 5)
    line.router.handlers.write("e0.rate", "1000")
    line.run(10)
    assert (line.router.handlers.read("e0.rate"), len(line.watch.seen)) == ("1000", 7)
    line.router.handlers.write("e0.reset", "")
    assert Shaper(4_096_000_001).problems(1, 1)


@pytest.mark.parametrize(
    ("shaper", "more"), [(DelayShaper(50_000_000), (Unqueue(),)), (DelayUnqueue(50_000_000), ())]
)
def test_a_packet_is_delayed_from_its_timestamp(shaper: Element, more: tuple[Element, ...]) -> None:
    line = Timeline(shaper, *more)
    line.run(2000)
    line.push(b"a")  # no timestamp: from now
    line.push(b"b", 2010)
    line.push(b"c", 1000)  # late already, but not before the others
    line.push(b"d", 2100)
    line.run(3000)
    assert line.watch.seen == [(2050, b"a"), (2060, b"b"), (2060, b"c"), (2150, b"d")]
    present = isinstance(shaper, DelayShaper)
    assert line.watch.stamps == [2050, 2060, 2060 if present else 1050, 2150]


def test_DelayShaper_tells_that_it_holds_a_packet() -> None:
    times = Timeline(DelayShaper(300_000_000), RatedUnqueue(1000)).times([(100, b"a")])
    assert times == [400]


def test_delay_handler() -> None:
    for line in (Timeline(DelayUnqueue(50_000_000)), Timeline(DelayShaper(50_000_000), Unqueue())):
        assert line.router.handlers.read("e0.delay") == "50ms"
        line.router.handlers.write("e0.delay", "0.1")
        assert line.times([(1000, b"a")]) == [1100]


def test_LinkUnqueue() -> None:
    line = Timeline(LinkUnqueue(10_000_000, 100_000))
    times = line.times([(1000, bytes(1000)), (1000, bytes(500)), (1200, bytes(100))])
    assert times == [1020, 1025, 1211]  # 10 ms each way; 10, 5 and 1 ms to send
    assert line.watch.stamps == times


def test_LinkUnqueue_holds_what_is_in_flight_and_no_more() -> None:
    line = Timeline(LinkUnqueue(10_000_000, 100_000))
    for _ in range(20):
        line.push(bytes(500))
    line.run(7)
    assert line.router.handlers.read("e0.size") == "2"
    line.run(14)
    assert (line.router.handlers.read("e0.size"), line.router.handlers.read("q.length")) == ("3", "17")


def test_LinkUnqueue_handlers() -> None:
    line = Timeline(LinkUnqueue(10_000_000, 123_456))
    read, write = line.router.handlers.read, line.router.handlers.write
    assert (read("e0.latency"), read("e0.bandwidth"), read("e0.size")) == ("10ms", "123400", "0")
    line.push(bytes(500))
    line.run(1)
    write("e0.reset", "")
    line.run(1000)
    assert line.watch.seen == []
    write("e0.bandwidth", "8kbps")
    write("e0.latency", "1s")
    assert line.times([(1000, bytes(100))]) == [2100]
    assert LinkUnqueue(0, 99).problems(1, 1)


def test_timed_elements_in_one_line() -> None:
    line = Timeline(Shaper(10), DelayShaper(0), TimedUnqueue(50, 5))
    assert line.times([(20, b"x")] * 5, 1000) == [50, 100, 200, 300, 400]


@pytest.mark.parametrize("text", ["RatedUnqueue(5, BURST_SIZE 1, BURST_DURATION 1s)", "LinkUnqueue(1, 50)"])
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        build(Source("c", f"Idle -> Queue -> {text} -> Discard;"), MemoryIo())
