"""AverageCounter, TimeFilter, TimeRange, TimestampAccum."""

import pytest

from innet.elements.base import Element
from innet.elements.build import build_one
from innet.elements.device.todump import ToDump
from innet.elements.holder import HandlerError, timestamp
from innet.elements.meter.averagecounter import AverageCounter
from innet.elements.times.timefilter import TimeFilter
from innet.elements.times.timerange import TimeRange
from innet.elements.times.timestampaccum import TimestampAccum
from innet.ir.interpret import PacketBuffer
from innet.runtime.graph import graph
from innet.runtime.router import Router
from tests.runtime.fakes import MemoryIo

S = 1_000_000_000


class Timed:
    """An element that gets packets of given times; `now` is the time on the clock, in seconds."""

    def __init__(self, element: Element) -> None:
        self.now = 0.0
        elements = {"e": element, "a": ToDump("a"), "b": ToDump("b")}
        two = element.PORTS == "1/1-2"
        links = [("e", 0, "a", 0), ("e", 1, "b", 0)][: 1 + two]
        self.router = Router(
            graph(elements, links, {"e": ("h", "hh"[: 1 + two])}), MemoryIo(), lambda: round(self.now * S)
        )

    def __call__(self, *stamps: float) -> str:
        """The outputs that packets with these timestamps leave by."""
        left = ""
        for stamp in stamps:
            packet = PacketBuffer(b"abcde")
            timestamp(packet, round(stamp * S))
            left += "".join(str(out) for out, _ in self.router.outcome(self.router.by_name["e"], 0, packet))
        return left

    def __getitem__(self, handler: str) -> str:
        return self.router.handlers.read(f"e.{handler}")

    def __setitem__(self, handler: str, value: str) -> None:
        self.router.handlers.write(f"e.{handler}", value)


def test_averages():
    see = Timed(AverageCounter())
    assert see["rate"] == "0"
    for now in (10, 11, 12, 14):
        see.now = now
        see(0)
    assert (see["count"], see["byte_count"], see["rate"], see["byte_rate"]) == ("4", "20", "1", "5")
    see["reset"] = ""
    assert (see["count"], see["rate"]) == ("0", "0")
    see(0)
    assert (see["count"], see["rate"]) == ("1", "1000")


def test_the_first_seconds_may_be_ignored():
    see = Timed(AverageCounter(2))
    for now in (10, 11.9, 12, 14):
        see.now = now
        see(0)
    assert (see["count"], see["rate"]) == ("2", "1")


def test_ranges():
    see = Timed(TimeRange())
    see(5, 3.25, 9, 7)
    assert (see["first"], see["last"], see["range"], see["interval"]) == (
        "3.250000", "9.000000", "3.250000 9.000000", "5.750000",
    )  # fmt: skip
    see["reset"] = ""
    assert see["range"] == "0.000000 0.000000"
    see = Timed(TimeRange(simple=True))
    see(5, 3, 9, 7)
    assert see["range"] == "5.000000 7.000000"


def test_ages():
    see = Timed(TimestampAccum())
    assert (see["count"], see["time"], see["average_time"]) == ("0", "0", "0")
    see.now = 10
    see(8, 9, 10.5)
    assert (see["count"], see["time"], see["average_time"]) == ("3", "2.5", "0.833333333333")
    see["reset_counts"] = ""
    assert see["time"] == "0"


@pytest.mark.parametrize(
    ("arguments", "stamps", "left"),
    [
        ("", (0, 1, 4e9), "000"),
        ("START 5", (4.999999999, 5, 6), "100"),
        ("END 5", (4.999999999, 5, 6), "011"),
        ("2, 5", (1, 2, 4, 5), "1001"),
        ("START 2, INTERVAL 3s", (1, 2, 4, 5), "1001"),
        ("START_AFTER 2", (10, 11, 12, 11), "1101"),
        ("END_AFTER 2", (10, 11.9, 12, 5), "0010"),
        ("START_AFTER 0.6, INTERVAL 0.6", (10.5, 11, 11.1, 11.6, 11.7), "11001"),
        ("INTERVAL 2", (10, 11, 12), "001"),
        ("START_DELAY 1, END_DELAY 2", (10, 11, 12), "101"),
        ("START 5000000000", (1,), "1"),
        ("END 5000000000", (1,), "0"),
    ],
)
def test_filters(arguments, stamps, left):
    assert Timed(build_one(TimeFilter, arguments))(*stamps) == left


def test_the_range_of_a_filter_can_be_changed():
    see = Timed(TimeFilter(start_after=S, interval=2 * S))
    assert see(10, 11.5, 13) == "101"
    assert (see["start"], see["end"], see["interval"]) == ("11.000000", "13.000000", "2.000000")
    see["extend_interval"] = "1s"
    assert see(13, 14) == "01"
    see["start"] = "2"
    see["end"] = "3"
    assert see(1, 2, 3) == "101"
    see["interval"] = "5"
    assert see["end"] == "7.000000"
    with pytest.raises(HandlerError):
        see["end"] = "soon"


@pytest.mark.parametrize(
    "element", [TimeFilter(end=5 * S, stop=True), TimeFilter(end=5 * S, end_call=("stop", ""))]
)
def test_the_end_may_end_the_run(element):
    see = Timed(element)
    assert (see(4), see.router._stops) == ("0", 0)
    assert (see(5, 6), see.router._stops, see["late"]) == ("11", 1, "2")


@pytest.mark.parametrize(
    "arguments",
    ["START 1, START_AFTER 2", "END 1, INTERVAL 2", "END_AFTER 1, END_DELAY 2", "STOP true, END_CALL stop"],
)
def test_what_excludes_each_other(arguments):
    assert build_one(TimeFilter, arguments).problems(1, 1)
