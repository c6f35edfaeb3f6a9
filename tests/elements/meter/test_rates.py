"""Token buckets and averages, as holders and as programs have them, and the elements that go by them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.elements.base import Element
from innet.elements.build import build_one
from innet.elements.meter.average import TABLE, Average, RateAverage, row_average
from innet.elements.meter.bandwidthmeter import BandwidthMeter
from innet.elements.meter.bandwidthratedsplitter import BandwidthRatedSplitter
from innet.elements.meter.block import Block
from innet.elements.meter.bucket import DEBT, TokenBucket, TokenRate, capacity
from innet.elements.meter.compareblock import CompareBlock
from innet.elements.meter.gaprate import GapRate
from innet.elements.meter.meter import Meter, threshold
from innet.elements.meter.rateannotations import FWD_RATE, REV_RATE
from innet.elements.meter.ratedsplitter import RatedSplitter
from innet.elements.registry import REGISTRY
from innet.ir.interpret import NS, State
from tests.elements.packets import buffer, send

MS = 1_000_000


class Line:
    """Packets to one element at given times."""

    def __init__(self, element: Element, outputs: int = 2) -> None:
        self.element, self.outputs, self.now = element, outputs, 0
        self.state = State(clock=lambda: self.now)

    def send(self, at_ns: int, length: int = 100) -> int | str:
        self.now = at_ns
        return send(self.element, buffer(bytes(length), None), self.outputs, self.state).to


TIMES = st.lists(st.tuples(st.integers(0, 400 * MS), st.integers(0, 1500)), max_size=40)


@given(st.integers(0, 10**7), st.integers(0, 200), TIMES)
def test_RatedSplitter_is_the_bucket_of_RatedUnqueue(
    rate: int, burst: int, packets: list[tuple[int, int]]
) -> None:
    line, bucket = Line(RatedSplitter(rate, burst_size=burst)), TokenBucket(TokenRate.of(rate, burst or 1))
    now = 0
    for gap, length in packets:
        now += gap
        bucket.refill(now)
        assert line.send(now, length) == (0 if bucket.remove_if(1) else 1)


@given(st.integers(1, 10**7), st.integers(0, 3000), TIMES)
def test_BandwidthRatedSplitter_is_the_bucket_of_BandwidthRatedUnqueue(
    rate: int, burst: int, packets: list[tuple[int, int]]
) -> None:
    line = Line(BandwidthRatedSplitter(rate, burst_bytes=burst))
    bucket = TokenBucket(TokenRate.of(rate, burst + DEBT))
    now = 0
    for gap, length in packets:
        now += gap
        bucket.refill(now)
        passes = bucket.contains(DEBT)
        if passes:
            bucket.remove(length)
        assert line.send(now, length) == (0 if passes else 1)


@pytest.mark.parametrize(
    ("element", "passed"),
    [
        (RatedSplitter(100), 2),  # 20 ms of it
        (RatedSplitter(1), 1),  # at least one
        (RatedSplitter(100, burst_duration_ms=100), 10),
        (RatedSplitter(100, burst_size=5), 5),
        (RatedSplitter(7000, burst_size=1), 7),  # at least what a millisecond gives
        (RatedSplitter(0), 0),
        (RatedSplitter(0, burst_size=5), 0),
        (BandwidthRatedSplitter(1000), 1),  # 20 bytes; then in debt by 80
        (BandwidthRatedSplitter(1000, burst_bytes=250), 3),
        (BandwidthRatedSplitter(0), 0),
    ],
)
def test_the_bucket_is_full_at_first(element: Element, passed: int) -> None:
    line = Line(element)
    assert [line.send(5) for _ in range(20)] == [0] * passed + [1] * (20 - passed)


def test_RatedSplitter_gives_its_rate_afterwards() -> None:
    line = Line(RatedSplitter(100))
    assert sum(line.send(n * MS) == 0 for n in range(2000)) in (200, 201, 202)
    assert Line(RatedSplitter(0), outputs=1).send(0) == "over the rate"


def test_BandwidthRatedSplitter_pays_its_debt_first() -> None:
    line = Line(BandwidthRatedSplitter(1000, burst_bytes=10))
    assert [line.send(n * MS, 60) for n in (0, 1, 45, 51, 52)] == [0, 1, 1, 0, 1]


def test_a_clock_that_goes_back_gives_no_tokens() -> None:
    line = Line(RatedSplitter(1))
    assert [line.send(n * NS) for n in (5, 4, 5)] == [0, 1, 1]


@pytest.mark.parametrize(("rate", "duration", "tokens", "wanted"), [
    (100, None, None, 2), (1, None, None, 1), (100, 0, None, 1), (100, None, 0, 1), (100, None, 9, 9),
    (1 << 31, 10_000, None, (1 << 32) - 1),
])  # fmt: skip
def test_capacity(rate: int, duration: int | None, tokens: int | None, wanted: int) -> None:
    assert capacity(rate, duration, tokens) == wanted


def test_a_burst_is_given_once() -> None:
    assert RatedSplitter(1, burst_duration_ms=1, burst_size=1).problems(1, 2)
    assert BandwidthRatedSplitter(1, burst_duration_ms=1, burst_bytes=1).problems(1, 2)


# ---- averages


def click_update(average: int, number: int, bits: int = 10) -> int:
    """Click's own step, with its arithmetic shift of a signed number."""
    return average + ((number << bits) + 8 - average >> 4)


def test_an_average_is_clicks() -> None:
    average, expected = Average(), 0
    for number in [random.Random(3).randrange(2000) for _ in range(200)] + [0] * 99:
        average.update(number)
        expected = click_update(expected, number)
        assert average.value == expected
    average.update(0, 100)
    assert average.value == 0
    average.update(7, 1000)
    assert (average.rounded(), average.show()) == (7, "7")


@given(st.integers(1, 60), TIMES)
def test_Meter_is_the_average_of_holders(rate: int, packets: list[tuple[int, int]]) -> None:
    line, average = Line(Meter((rate, 3 * rate)), 3), RateAverage()
    now = 0
    for gap, length in packets:
        now += gap // 3
        average.update(1, now)
        level = average.average.value
        assert line.send(now, length) == sum(threshold(r) <= level for r in (rate, 3 * rate))
        assert row_average(line.state.table("e", TABLE).get((0,))).show(now) == average.show(now)


@given(st.integers(1, 10**6), TIMES)
def test_BandwidthMeter_counts_bytes(rate: int, packets: list[tuple[int, int]]) -> None:
    line, average = Line(BandwidthMeter((rate,))), RateAverage()
    now = 0
    for gap, length in packets:
        now += gap // 50
        average.update(length, now)
        assert line.send(now, length) == (threshold(rate) <= average.average.value)


def test_a_single_burst_moves_the_average_a_lot() -> None:
    line = Line(Meter((5000,)))
    assert [line.send(0) for _ in range(100)] == [0] * 100
    assert line.send(MS) == 1  # a sixteenth of 100 in a millisecond
    assert line.send(20 * MS) == 0


def test_a_steady_stream_is_measured() -> None:
    line = Line(Meter((900, 1100)), 3)
    assert {line.send(n * MS) for n in range(200, 400) if n > 300 or line.send(n * MS) is None} == {1}


@pytest.mark.parametrize(("rates", "outputs", "problems"), [
    ((100,), 2, 0), ((100,), 3, 1), ((100, 100), 3, 1), ((200, 100), 2, 2), ((1, 2, 3), 4, 0),
])  # fmt: skip
def test_rates_of_a_meter(rates: tuple[int, ...], outputs: int, problems: int) -> None:
    assert len(Meter(rates).problems(1, outputs)) == problems


@pytest.mark.parametrize(
    ("text", "rates"),
    [("100, 2000", (100, 2000)), ("8kbps", (1000,)), ("20kBps, 1Mbps", (20_000, 125_000))],
)
def test_rates_are_bandwidths(text: str, rates: tuple[int, ...]) -> None:
    for name in ("Meter", "BandwidthMeter"):
        assert build_one(REGISTRY[name], text).rates == rates  # type: ignore[attr-defined]


# ---- the counter of wall-clock seconds


def allowed(gap: GapRate, times: range) -> int:
    """How many pass, if all is asked that may."""
    passed = 0
    for now in times:
        while gap.allows(now * MS):
            gap.passed()
            passed += 1
    return passed


def test_GapRate_spreads_over_the_second() -> None:
    gap = GapRate(10)
    assert [allowed(gap, range(n, n + 100)) for n in range(0, 1000, 100)] == [1] * 10
    assert allowed(gap, range(1000, 2000)) == 10


def test_GapRate_starts_in_phase_with_the_clock() -> None:
    gap = GapRate(10)
    assert (gap.allows(740 * MS), gap.count) == (True, 7)
    gap.reset()
    assert (gap.allows(760 * MS), gap.count) == (False, 8)


def test_GapRate_remembers_what_was_too_much_and_too_little() -> None:
    gap = GapRate(100)
    assert gap.allows(0)
    gap.passed()
    assert allowed(gap, range(3000, 3001)) == 100  # one second's unused part, however many passed
    gap = GapRate(100)
    assert gap.allows(0)
    gap.passed(250)
    assert allowed(gap, range(2000)) == 0
    assert GapRate(1 << 33).rate == 4_096_000_000
    assert [GapRate(0).allows(n * MS) for n in (0, 600)] == [True, False]


def test_GapRate_says_when_to_ask_again() -> None:
    gap = GapRate(10)
    gap.allows(0)
    gap.passed()
    assert gap.wake_ns(5) == 100 * MS
    gap.passed(20)
    assert gap.wake_ns(200 * MS) == NS


# ---- blocks


def rated(fwd: int, rev: int = 0):
    packet = buffer(b"abc", None)
    packet.annotations[FWD_RATE : FWD_RATE + 4] = fwd.to_bytes(4, "big")
    packet.annotations[REV_RATE : REV_RATE + 4] = rev.to_bytes(4, "big")
    return packet


@pytest.mark.parametrize(("thresh", "fwd", "to"), [(100, 100, 0), (100, 101, 1), (0, 1 << 31, 0), (1, 0, 0)])
def test_Block(thresh: int, fwd: int, to: int) -> None:
    assert send(Block(thresh), rated(fwd), 2).to == to


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(-5, 20), st.integers(0, 30), st.integers(0, 30))
def test_CompareBlock(a: int, b: int, thresh: int, fwd: int, rev: int) -> None:
    f, r = max(fwd, 1), max(rev, 1)
    aside = (f > thresh or r > thresh) and a * f > b * r
    assert send(CompareBlock(a, b, thresh), rated(fwd, rev), 2).to == aside


def test_CompareBlock_takes_huge_rates_for_negative() -> None:
    assert send(CompareBlock(1, 1, 0), rated(1 << 31, 5), 2).to == 0
