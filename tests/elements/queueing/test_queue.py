"""Queue and its kin."""

import pytest

from innet.elements.base import Element
from innet.elements.device.infinitesource import InfiniteSource
from innet.elements.device.todump import ToDump
from innet.elements.queueing.frontdropqueue import FrontDropQueue
from innet.elements.queueing.mixedqueue import MixedQueue
from innet.elements.queueing.priosched import PrioSched
from innet.elements.queueing.queue import Queue
from innet.elements.queueing.quicknotequeue import QuickNoteQueue
from innet.elements.queueing.roundrobinsched import RoundRobinSched
from innet.elements.queueing.simplequeue import SimpleQueue
from innet.elements.queueing.unqueue import Unqueue
from innet.ir.interpret import PacketBuffer
from innet.runtime.graph import graph
from innet.runtime.router import Router
from tests.runtime.fakes import MemoryIo


class Bench:
    """A queue, an Unqueue that is off, and captures of what leaves by its output and by the queue's output 1."""

    def __init__(self, queue: Element, aside: bool = True, unqueue: Unqueue | None = None) -> None:
        self.io = MemoryIo()
        elements: dict[str, Element] = {
            "q": queue, "u": unqueue or Unqueue(active=False), "out": ToDump("out"), "aside": ToDump("aside"),
        }  # fmt: skip
        inputs = 2 if isinstance(queue, MixedQueue) else 1
        links = [("q", 0, "u", 0), ("u", 0, "out", 0)] + [("q", 1, "aside", 0)] * aside
        context = {
            "q": ("h" * inputs, "lh"[: 1 + aside]),
            "u": ("l", "h"),
            "out": ("h", ""),
            "aside": ("h", ""),
        }
        self.router = Router(graph(elements, links, context), self.io)

    def push(self, packets: str, port: int = 0) -> None:
        for c in packets:
            self.router.push(self.router.by_name["q"], port, PacketBuffer(c.encode()))

    def seen(self, name: str) -> str:
        self.router.run()
        return b"".join(data for data, _, _ in self.io.sinks[name].packets).decode()

    def drain(self) -> str:
        self.router.handlers.write("u.active", "true")
        return self.seen("out")

    def read(self, *handlers: str) -> list[str]:
        return [self.router.handlers.read(h) for h in handlers]


@pytest.mark.parametrize(
    ("queue", "out", "aside"),
    [
        (Queue(3), "abc", "de"),
        (SimpleQueue(3), "abc", "de"),
        (QuickNoteQueue(3), "abc", "de"),
        (FrontDropQueue(3), "cde", "ab"),
        (Queue(0), "", "abcde"),
        (FrontDropQueue(0), "", "abcde"),
        (Queue(), "abcde", ""),
    ],
)
def test_what_a_full_queue_drops(queue: Element, out: str, aside: str) -> None:
    bench = Bench(queue)
    bench.push("abcde")
    assert (bench.drain(), bench.seen("aside")) == (out, aside)
    assert bench.read("q.drops", "q.length") == [str(len(aside)), "0"]


def test_drops_are_counted_without_a_second_output() -> None:
    bench = Bench(Queue(1), aside=False)
    bench.push("abc")
    assert bench.router.drops["q", "queue full"] == 2


def test_MixedQueue_puts_the_second_input_at_the_head() -> None:
    bench = Bench(MixedQueue(3))
    bench.push("abcd")
    bench.push("x", 1)
    assert (bench.drain(), bench.seen("aside")) == ("xab", "dc")


def test_handlers() -> None:
    bench = Bench(Queue(5))
    bench.push("abcd")
    assert bench.read("q.length", "q.highwater_length", "q.capacity") == ["4", "4", "5"]
    bench.router.handlers.write("q.capacity", "2")
    assert (bench.read("q.length"), bench.drain()) == (["2"], "ab")
    bench.router.handlers.write("u.active", "false")
    bench.push("ef")
    bench.router.handlers.write("q.reset", "")
    assert (bench.read("q.length"), bench.seen("aside")) == (["0"], "ef")
    bench.router.handlers.write("q.reset_counts", "")
    assert bench.read("q.highwater_length", "q.drops") == ["0", "0"]


def test_Unqueue_limit_and_burst() -> None:
    bench = Bench(Queue(), unqueue=Unqueue(4, limit=6))
    bench.push("abcdefgh")
    assert bench.seen("out") == "abcdef"
    bench.router.handlers.write("u.reset", "")
    assert bench.seen("out") == "abcdefgh"
    assert bench.read("u.count", "u.limit", "u.burst", "u.active") == ["2", "6", "4", "true"]


@pytest.mark.parametrize(("burst", "out"), [(-1, "abc"), (0, ""), (1, "abc")])
def test_Unqueue_burst(burst: int, out: str) -> None:
    bench = Bench(Queue(), unqueue=Unqueue(burst))
    bench.push("abc")
    assert bench.seen("out") == out


@pytest.mark.parametrize(("scheduler", "out"), [(PrioSched(), "aabbb"), (RoundRobinSched(), "ababb")])
def test_schedulers(scheduler: Element, out: str) -> None:
    io = MemoryIo()
    elements: dict[str, Element] = {
        "a": InfiniteSource(b"a", 2), "b": InfiniteSource(b"b", 3), "s": scheduler, "t": ToDump("out"),
    }  # fmt: skip
    context = {"a": ("", "l"), "b": ("", "l"), "s": ("ll", "l"), "t": ("l", "")}
    Router(graph(elements, [("a", 0, "s", 0), ("b", 0, "s", 1), ("s", 0, "t", 0)], context), io).run()
    assert b"".join(data for data, _, _ in io.sinks["out"].packets).decode() == out
