"""TimedUnqueue in virtual time (ELEMENTS 3.11 and annex B.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out
from innet.elements.queueing.burster import Burster
from innet.elements.queueing.queue import Queue
from innet.elements.queueing.simplequeue import SimpleQueue
from innet.elements.queueing.timedunqueue import TimedUnqueue
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet
from innet.runtime.clock import VirtualClock
from innet.runtime.graph import Connection, Graph, Vertex
from innet.runtime.router import Router
from tests.runtime.fakes import MemoryIo

MS = 1_000_000


@dataclass(frozen=True)
class Watch(Element):
    """Notes when packets come: (milliseconds, bytes)."""

    PORTS: ClassVar[str] = "1/0"
    ROLE: ClassVar[Role] = Role.EXIT
    seen: list[tuple[int, bytes]] = field(default_factory=list)

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return WatchHolder(self.seen)


class WatchHolder(Holder):
    def __init__(self, seen: list[tuple[int, bytes]]) -> None:
        self.seen = seen

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        self.seen.append((context.now_ns // MS, packet.data))
        return ()


def released(
    unqueue: Element, arrivals: Sequence[tuple[int, bytes]], end: int = 5000, queue: Element | None = None
):
    """(milliseconds, bytes) of the packets that come out, given those that go in."""
    watch = Watch()
    vertices = (
        Vertex("q", queue or Queue(), "h", "l"),
        Vertex("u", unqueue, "l", "h"),
        Vertex("w", watch, "h", ""),
    )
    router = Router(
        Graph(vertices, (Connection(0, 0, 1, 0), Connection(1, 0, 2, 0))), MemoryIo(), VirtualClock()
    )
    for at, data in arrivals:
        router.run(at * MS)
        router.push(router.by_name["q"], 0, PacketBuffer(data))
    router.run(end * MS)
    return watch.seen


@pytest.mark.parametrize(
    ("arrives", "leaves"), [(500, 600), (1100, 1200), (1700, 1800), (1900, 1900), (2300, 2300)]
)
def test_a_packet_waits_for_the_next_tick_or_passes_at_once_after_ten_empty_ones(
    arrives: int, leaves: int
) -> None:
    assert released(TimedUnqueue(200, 2), [(arrives, b"a")]) == [(leaves, b"a")]


def test_at_most_burst_packets_an_interval() -> None:
    seen = released(TimedUnqueue(200, 2), [(50, bytes([n])) for n in range(5)])
    assert seen == [(200, b"\0"), (200, b"\1"), (400, b"\2"), (400, b"\3"), (600, b"\4")]


def test_an_idle_element_ticks_again_from_the_packet_that_woke_it() -> None:
    seen = released(TimedUnqueue(200, 1), [(2050, b"a"), (2100, b"b"), (2300, b"c")])
    assert seen == [(2050, b"a"), (2250, b"b"), (2450, b"c")]


def test_ticks_do_not_drift() -> None:
    seen = released(TimedUnqueue(300, 1), [(10, b"a"), (310, b"b"), (640, b"c")])
    assert seen == [(300, b"a"), (600, b"b"), (900, b"c")]


def test_figure_4_batches_for_two_minutes() -> None:
    packets = [(1000 * n, bytes([n])) for n in range(1, 131)]
    seen = released(TimedUnqueue(120_000, 100), packets, 400_000)
    assert [at for at, _ in seen] == [120_000] * 100 + [240_000] * 30


def test_a_queue_without_notifier_never_lets_it_go_idle() -> None:
    assert released(TimedUnqueue(200, 1), [(2950, b"a")], queue=SimpleQueue()) == [(3000, b"a")]


def test_Burster_takes_eight_by_default() -> None:
    seen = released(Burster(100), [(10, b"x")] * 10)
    assert [at for at, _ in seen] == [100] * 8 + [200] * 2


def test_a_run_ends_although_the_element_ticks() -> None:
    vertices = (
        Vertex("q", SimpleQueue(), "h", "l"),
        Vertex("u", TimedUnqueue(200), "l", "h"),
        Vertex("w", Watch(), "h", ""),
    )
    router = Router(Graph(vertices, (Connection(0, 0, 1, 0), Connection(1, 0, 2, 0))), MemoryIo())
    router.run()


def test_burst_must_be_positive() -> None:
    assert TimedUnqueue(200, 0).problems(1, 1) == ("BURST is 0; expected at least 1 packet",)
