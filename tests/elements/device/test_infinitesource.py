"""InfiniteSource."""

from innet.elements.base import Element
from innet.elements.device.infinitesource import InfiniteSource
from innet.elements.device.todump import ToDump
from innet.elements.queueing.queue import Queue
from innet.elements.queueing.unqueue import Unqueue
from innet.runtime.graph import chain
from innet.runtime.router import Router
from tests.runtime.fakes import MemoryIo


def made(source: InfiniteSource) -> tuple[list[bytes], Router]:
    io = MemoryIo()
    router = Router(chain({"s": source, "t": ToDump("out")}), io)
    router.run()
    return [data for data, _, _ in io.sinks["out"].packets], router


def test_data_limit_and_length() -> None:
    assert made(InfiniteSource(b"abcde", 2))[0] == [b"abcde"] * 2
    assert made(InfiniteSource(b"abc", 1, length=7))[0] == [b"abcabca"]
    assert made(InfiniteSource(b"abc", 1, length=2))[0] == [b"ab"]
    assert made(InfiniteSource(b"abc", 1, length=0))[0] == [b""]
    assert [len(d) for d in made(InfiniteSource(limit=3, burst=2))[0]] == [69] * 3


def test_stop() -> None:
    assert made(InfiniteSource(b"a", 1, stop=True))[1].ended
    assert not made(InfiniteSource(b"a", 1))[1].ended


def test_it_waits_while_the_queue_is_full() -> None:
    elements: dict[str, Element] = {
        "s": InfiniteSource(b"a", 500), "q": Queue(10), "u": Unqueue(active=False), "t": ToDump("out"),
    }  # fmt: skip
    io = MemoryIo()
    router = Router(chain(elements, {"q": ("h", "l"), "u": ("l", "h")}), io)
    router.run()
    assert (router.handlers.read("s.count"), router.handlers.read("q.drops")) == ("10", "0")
    router.handlers.write("u.active", "true")
    router.run()
    assert len(io.sinks["out"].packets) == 500
    assert router.handlers.read("q.drops") == "0"


def test_what_makes_no_sense() -> None:
    assert len(InfiniteSource(b"", 1, 0, length=70000, stop=True, end_call=("a.b", "")).problems(0, 1)) == 4
