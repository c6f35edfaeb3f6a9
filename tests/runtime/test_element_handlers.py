"""Handlers that an element computes from what it remembers, and those that change it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pytest

from innet import ir
from innet.elements.base import Element
from innet.elements.device.infinitesource import InfiniteSource
from innet.elements.holder import HandlerError, Remembered
from innet.elements.meter.counter import Counter
from innet.elements.switching.discard import Discard
from innet.elements.switching.switch import Switch
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet
from innet.runtime.graph import chain
from innet.runtime.router import Router
from tests.runtime.fakes import MemoryIo

SEEN = ir.Table("seen", key=(8,), values=(32,), capacity=8)


@dataclass(frozen=True)
class FirstBytes(Element):
    """Counts packets by their first byte; `limit` of them."""

    limit: int = 255

    READS: ClassVar[tuple[str, ...]] = ("table", "lookup")
    WRITES: ClassVar[tuple[str, ...]] = ("clear", "limit", "put")

    def push(self, p: Packet, port: int) -> None:
        byte = p.raw(ir.Mark.DATA, 0, 1)
        with p.when(byte > self.limit):
            p.drop("above the limit")
        _, (count,) = p.lookup(SEEN, (byte,))
        p.insert(SEEN, (byte,), (count + 1,), 3600)
        p.emit(0)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        rows: Mapping[tuple[int, ...], tuple[int, ...]] = memory.rows(SEEN)
        if handler == "lookup":
            if not argument.isdigit():
                raise HandlerError(f"expected a byte, not '{argument}'")
            return str(rows.get((int(argument),), (0,))[0])
        return "".join(f"{key} {count}\n" for (key,), (count,) in rows.items())

    def write(self, handler: str, value: str, memory: Remembered) -> "Element | None":
        match handler:
            case "clear":
                memory.clear(SEEN)
            case "put":
                memory.put(SEEN, (int(value),), (100,), 60)
            case "limit":
                return FirstBytes(int(value))
        return None


@pytest.fixture
def router() -> Router:
    return Router(chain({"e": FirstBytes(), "end": Discard()}), MemoryIo())


def feed(router: Router, *packets: bytes) -> None:
    for packet in packets:
        router.push(router.by_name["e"], 0, PacketBuffer(packet))


def test_a_handler_reads_the_tables(router: Router):
    feed(router, b"\x05", b"\x05", b"\x07")
    assert router.handlers.read("e.table") == "5 2\n7 1\n"
    assert router.handlers.read("e.lookup 5") == "2"
    with pytest.raises(HandlerError, match="expected a byte, not 'x'"):
        router.handlers.read("e.lookup x")


def test_a_handler_changes_the_tables(router: Router):
    feed(router, b"\x05")
    router.handlers.write("e.put", "9")
    assert router.handlers.read("e.table") == "5 1\n9 100\n"
    router.handlers.write("e.clear", "")
    assert router.handlers.read("e.table") == ""


def test_a_handler_changes_the_element(router: Router):
    router.handlers.write("e.limit", "6")
    feed(router, b"\x05", b"\x07")
    assert router.handlers.read("e.table") == "5 1\n"
    assert router.handlers.read("e.drops") == "1"


def test_handlers_are_listed_and_writable(router: Router):
    listed = dict(line.split("\t") for line in router.handlers.read("e.handlers").splitlines())
    assert listed == {
        "class": "r", "config": "rw", "drops": "r", "handlers": "r", "name": "r", "ports": "r",
        "table": "r", "lookup": "r", "clear": "w", "limit": "w", "put": "w",
    }  # fmt: skip
    assert router.handlers.writable("e.clear")
    assert not router.handlers.writable("e.table")


def test_a_new_configuration_is_taken_whole_or_not_at_all(router: Router):
    with pytest.raises(HandlerError, match=r"e\.config"):
        router.handlers.write("e.config", "x")
    feed(router, b"\x05")
    router.handlers.write("e.config", "4")
    feed(router, b"\x05")
    assert (router.handlers.read("e.config"), router.handlers.read("e.drops")) == ("4", "1")


@pytest.mark.parametrize(("handler", "value"), [("e.limit", "6"), ("e.config", "6"), ("sw.switch", "0")])
def test_a_frozen_router_changes_no_element(handler: str, value: str):
    router = Router(chain({"e": FirstBytes(), "sw": Switch(0), "end": Discard()}), MemoryIo())
    router.frozen = True
    with pytest.raises(HandlerError, match="what was proven must not change"):
        router.handlers.write(handler, value)
    router.handlers.write("e.clear", "")
    router.handlers.write("sw.reset_counts", "")


def test_tasks_are_scheduled():
    router = Router(
        chain({"s": InfiniteSource(limit=1), "end": Discard()}, {"s": ("", "h"), "end": ("h", "")}),
        MemoryIo(),
    )
    assert (router.handlers.read("s.scheduled"), router.handlers.read("s.tickets")) == ("true", "1024")
    router.run()
    assert router.handlers.read("s.scheduled") == "false"
    with pytest.raises(HandlerError):
        router.handlers.read("end.scheduled")


def test_handlers_that_arguments_name_are_known():
    assert Counter(count_call=(5, "sw.switch", "1")).written() == ("sw.switch", "sw.switch")
    assert InfiniteSource(end_call=("sw.switch", "1")).written() == ("sw.switch",)
    assert Discard().written() == ()
