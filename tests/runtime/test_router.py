"""The router: order, context, depth, tasks, time, drops, handlers."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.base import Element
from innet.elements.device.fromdevice import FromDevice
from innet.elements.device.fromdump import FromDump
from innet.elements.device.fromnetfront import FromNetfront
from innet.elements.device.infinitesource import InfiniteSource
from innet.elements.device.todump import ToDump
from innet.elements.device.tonetfront import ToNetfront
from innet.elements.holder import HandlerError
from innet.elements.queueing.priosched import PrioSched
from innet.elements.queueing.pulltee import PullTee
from innet.elements.queueing.queue import Queue
from innet.elements.queueing.unqueue import Unqueue
from innet.elements.switching.discard import Discard
from innet.elements.switching.null import Null
from innet.elements.switching.tee import Tee
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.runtime.graph import chain, graph
from innet.runtime.router import Router
from tests.runtime.fakes import MemoryIo

PULL_CHAIN = ("l", "l")


@dataclass(frozen=True)
class Odd(Element):
    """Drops packets whose first byte is even."""

    def push(self, p: Packet, port: int) -> None:
        with p.when((p.raw(Mark.DATA, 0, 1) & 1) == 0):
            p.drop("even")
        p.emit(0)


@dataclass(frozen=True)
class Loop(Element):
    """Emits what it gets."""

    PORTS: ClassVar[str] = "2/1"

    def push(self, p: Packet, port: int) -> None:
        p.emit(0)


def written(io: MemoryIo, name: str) -> list[bytes]:
    return [data for data, _, _ in io.sinks[name].packets]


def test_a_chain_of_100_000_elements_needs_no_stack() -> None:
    elements: dict[str, Element] = {"from": FromDump("in")}
    elements |= {f"n{n}": Null() for n in range(100_000)}
    elements["to"] = ToDump("out")
    io = MemoryIo(**{"in": [b"a", b"b"]})
    Router(chain(elements), io).run()
    assert written(io, "out") == [b"a", b"b"]


def test_a_pull_chain_of_100_000_elements_needs_no_stack() -> None:
    elements: dict[str, Element] = {"from": InfiniteSource(b"x", 2)}
    elements |= {f"n{n}": (PrioSched() if n % 2 else Null()) for n in range(100_000)}
    elements["to"] = ToDump("out")
    context = dict.fromkeys(elements, PULL_CHAIN) | {"from": ("", "l"), "to": ("l", "")}
    io = MemoryIo()
    Router(chain(elements, context), io).run()
    assert written(io, "out") == [b"x", b"x"]


def test_tee_sends_in_the_order_of_its_ports_depth_first() -> None:
    io = MemoryIo(**{"in": [b"\x01", b"\x03"]})
    elements: dict[str, Element] = {"f": FromDump("in"), "t": Tee(), "u": Tee(), "a": ToDump("out")}
    links = [("f", 0, "t", 0), ("t", 0, "u", 0), ("u", 0, "a", 0), ("u", 1, "a", 0), ("t", 1, "a", 0)]
    Router(graph(elements, links), io).run()
    assert written(io, "out") == [b"\x01"] * 3 + [b"\x03"] * 3


def test_copies_do_not_see_each_others_changes() -> None:
    @dataclass(frozen=True)
    class Stain(Element):
        def push(self, p: Packet, port: int) -> None:
            p.set_raw(Mark.DATA, 0, 1, 0xFF)
            p.emit(0)

    io = MemoryIo(**{"in": [b"\x01"]})
    elements: dict[str, Element] = {
        "f": FromDump("in"),
        "t": Tee(),
        "m": Stain(),
        "a": ToDump("a"),
        "b": ToDump("b"),
    }
    links = [("f", 0, "t", 0), ("t", 0, "m", 0), ("m", 0, "a", 0), ("t", 1, "b", 0)]
    Router(graph(elements, links), io).run()
    assert (written(io, "a"), written(io, "b")) == ([b"\xff"], [b"\x01"])


def test_a_drop_in_a_pull_path_gives_nothing_this_time() -> None:
    """SURPRISES 8: the scheduler goes on to its next input."""
    io = MemoryIo(**{"in": [b"\x02", b"\x03"], "low": [b"\x05", b"\x07"]})
    elements: dict[str, Element] = {
        "f": FromDump("in"), "odd": Odd(), "g": FromDump("low"), "s": PrioSched(), "u": Unqueue(), "to": ToDump("out"),
    }  # fmt: skip
    links = [("f", 0, "odd", 0), ("odd", 0, "s", 0), ("g", 0, "s", 1), ("s", 0, "u", 0), ("u", 0, "to", 0)]
    context = {"f": ("", "l"), "g": ("", "l"), "odd": PULL_CHAIN, "s": ("ll", "l"), "u": ("l", "h")}
    router = Router(graph(elements, links, context), io)
    router.run()
    assert written(io, "out") == [b"\x05", b"\x03", b"\x07"]
    assert router.drops["odd", "even"] == 1


def test_pull_tee_pushes_copies_before_it_returns() -> None:
    io = MemoryIo(**{"in": [b"1", b"2"]})
    elements: dict[str, Element] = {"f": FromDump("in"), "t": PullTee(), "u": Unqueue(), "to": ToDump("out")}
    links = [("f", 0, "t", 0), ("t", 0, "u", 0), ("u", 0, "to", 0), ("t", 1, "to", 0)]
    Router(graph(elements, links, {"f": ("", "l"), "t": ("l", "lh"), "u": ("l", "h")}), io).run()
    assert written(io, "out") == [b"1", b"1", b"2", b"2"]


def test_a_sink_in_pull_context_pulls_by_itself() -> None:
    io = MemoryIo(**{"in": [b"1", b"2", b"3"]})
    router = Router(chain({"f": FromDump("in"), "d": Discard()}, {"f": ("", "l"), "d": ("l", "")}), io)
    router.run()
    assert router.drops["d", "discarded"] == 3
    assert router.handlers.read("d.count") == "3"


def test_a_loop_of_pushes_ends() -> None:
    io = MemoryIo(**{"in": [b"1"]})
    elements: dict[str, Element] = {"f": FromDump("in"), "l": Loop(), "n": Null()}
    links = [("f", 0, "l", 0), ("l", 0, "n", 0), ("n", 0, "l", 1)]
    router = Router(graph(elements, links), io)
    router.run()
    assert sum(n for (_, reason), n in router.drops.items() if reason == "loop") == 1


def test_a_loop_of_pushes_that_copies_ends() -> None:
    io = MemoryIo(**{"in": [b"1"]})
    elements: dict[str, Element] = {"f": FromDump("in"), "l": Loop(), "t": Tee()}
    links = [("f", 0, "l", 0), ("l", 0, "t", 0), ("t", 0, "l", 1), ("t", 1, "l", 1)]
    router = Router(graph(elements, links), io)
    router.max_hops = 10
    router.run()
    assert router.drops["t", "loop"] > 16


def test_copies_of_copies_are_no_loop() -> None:
    io = MemoryIo(**{"in": [b"1"]})
    elements: dict[str, Element] = (
        {"f": FromDump("in")} | {f"t{n}": Tee() for n in range(12)} | {"o": ToDump("out")}
    )
    names = list(elements)
    links = [("f", 0, "t0", 0)]
    links += [(a, out, b, 0) for a, b in pairwise(names[1:]) for out in (0, 1)]
    Router(graph(elements, links), io).run()
    assert len(written(io, "out")) == 4096


def test_a_loop_of_pulls_ends() -> None:
    elements: dict[str, Element] = {"s": PrioSched(), "n": Null(), "u": Unqueue()}
    links = [("s", 0, "u", 0), ("s", 0, "n", 0), ("n", 0, "s", 0), ("u", 0, "d", 0)]
    context = {"s": ("l", "l"), "n": PULL_CHAIN, "u": ("l", "h")}
    Router(graph(elements | {"d": Discard()}, links, context), MemoryIo()).run()


def test_stop_ends_the_run_and_packets_in_queues_are_lost() -> None:
    io = MemoryIo(**{"in": [b"1", b"2"]})
    elements: dict[str, Element] = {
        "f": FromDump("in", stop=True),
        "q": Queue(),
        "u": Unqueue(active=False),
        "to": ToDump("out"),
    }
    context = {"q": ("h", "l"), "u": ("l", "h")}
    router = Router(chain(elements, context), io)
    router.run()
    assert router.ended
    assert written(io, "out") == []
    assert router.handlers.read("q.length") == "2"


def test_handlers_of_every_element() -> None:
    router = Router(chain({"a": InfiniteSource(b"x", 5), "d": Discard()}), MemoryIo())
    router.run()
    read = router.handlers.read
    assert [read(f"d.{h}") for h in ("name", "class", "count", "drops")] == ["d", "Discard", "5", "5"]
    assert read("list").split() == ["2", "a", "d"]
    router.handlers.write("d.reset_counts", "")
    assert read("d.count") == "0"
    with pytest.raises(HandlerError, match="no element 'x'"):
        read("x.count")
    with pytest.raises(HandlerError, match=r"no read handler 'd\.nonsense'"):
        read("d.nonsense")
    with pytest.raises(HandlerError, match=r"no write handler 'd\.count'"):
        router.handlers.write("d.count", "1")


def test_a_handler_name_is_looked_up_from_the_compound_outwards() -> None:
    router = Router(chain({"c/a": InfiniteSource(b"x", 1), "c/d": Discard(), "d": Discard()}), MemoryIo())
    find = router.handlers.find
    assert [find("d", "c/a").name, find("d", "a").name, find("c/d", "x/y").name] == ["c/d", "d", "c/d"]


def test_frames_go_to_the_element_of_their_device() -> None:
    io = MemoryIo()
    router = Router(chain({"f": FromNetfront(), "t": ToNetfront()}), io)
    assert router.deliver("0", b"\x02" * 60)
    assert not router.deliver("1", b"\x02" * 60)
    assert io.devices["0"].sent == [(b"\x02" * 60, True)]


def test_every_mistake_of_the_set_up_is_told_at_once() -> None:
    elements: dict[str, Element] = {"a": FromDevice("eth0"), "b": FromDevice("eth0"), "c": FromDevice("eth0")}
    links = [("a", 0, "d", 0), ("b", 0, "d", 0), ("c", 0, "d", 0)]
    with pytest.raises(ConfigurationError) as caught:
        Router(graph(elements | {"d": Discard()}, links), MemoryIo())
    assert len(caught.value.diagnostics) == 2


def test_push_gives_a_packet_to_any_input() -> None:
    io = MemoryIo()
    router = Router(chain({"f": InfiniteSource(b"", 0), "n": Null(), "to": ToDump("out")}), io)
    router.push(router.by_name["n"], 0, PacketBuffer(b"hello"))
    assert written(io, "out") == [b"hello"]
