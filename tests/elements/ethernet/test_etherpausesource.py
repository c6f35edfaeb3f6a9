"""EtherPauseSource, in virtual time."""

from innet.elements.queueing.unqueue import Unqueue
from innet.runtime.clock import VirtualClock
from innet.runtime.graph import chain
from innet.runtime.router import Router
from tests.elements.ip6packets import made
from tests.elements.queueing.test_timedunqueue import Watch
from tests.runtime.fakes import MemoryIo

HEAD = bytes.fromhex("0180c2000001 020000000001 8808 0001 00ff")
TEXT = "EtherPauseSource(2:0:0:0:0:1, 255, LIMIT 3, INTERVAL 20ms)"


def run(text: str, until_ms: int = 1000) -> tuple[list[tuple[int, bytes]], Router]:
    watch, clock = Watch(), VirtualClock()
    router = Router(chain({"s": made(text), "w": watch}), MemoryIo(), clock=clock)
    router.run(until_ns=until_ms * 1_000_000)
    return watch.seen, router


def test_a_frame_every_interval():
    seen, router = run(TEXT)
    assert seen == [(at, HEAD + bytes(46)) for at in (20, 40, 60)]
    assert router.handlers.read("s.count") == "3"


def test_arguments_can_be_written():
    seen, router = run(TEXT)
    router.handlers.write("s.pausetime", "0x1234")
    router.handlers.write("s.dst", "2:0:0:0:0:2")
    router.handlers.write("s.limit", "4")
    router.run(until_ns=2_000_000_000)
    assert seen[3][1][:18] == bytes.fromhex("020000000002 020000000001 8808 0001 1234")
    assert len(seen) == 4


def test_an_inactive_one_is_silent():
    seen, router = run("EtherPauseSource(2:0:0:0:0:1, 255, ACTIVE false)")
    assert (seen, router.handlers.read("s.active")) == ([], "false")


def test_it_can_be_pulled():
    watch = Watch()
    elements = {"s": made(TEXT), "u": Unqueue(), "w": watch}
    router = Router(chain(elements, {"s": ("", "l"), "u": ("l", "h")}), MemoryIo(), clock=VirtualClock())
    router.run(until_ns=1_000_000)
    assert [data[:18] for _, data in watch.seen] == [HEAD] * 3
