"""AggregateCounter, AggregateFirst, AggregateLast, AggregatePacketCounter."""

import pytest

from innet.elements.aggregate.aggregatecounter import AggregateCounter
from innet.elements.aggregate.aggregatefirst import AggregateFirst
from innet.elements.aggregate.aggregatelast import AggregateLast
from innet.elements.aggregate.aggregatepacketcounter import AggregatePacketCounter
from innet.elements.base import Element
from innet.elements.device.todump import ToDump
from innet.elements.holder import HandlerError, timestamp
from innet.ir.interpret import PacketBuffer
from innet.runtime.graph import graph
from innet.runtime.router import Router
from tests.elements.packets import buffer, ipv4
from tests.runtime.fakes import MemoryIo


def router(element: Element, inputs: int = 1, outputs: int = 2) -> Router:
    elements = {"e": element} | {f"t{n}": ToDump(f"t{n}") for n in range(outputs)}
    links = [("e", n, f"t{n}", 0) for n in range(outputs)]
    return Router(graph(elements, links, {"e": ("h" * inputs, "h" * outputs)}), MemoryIo())


def packet(aggregate: int, data: bytes = b"x", **more: int) -> PacketBuffer:
    return buffer(data, None, aggregate=aggregate, **more)


def feed(running: Router, *aggregates: int, port: int = 0) -> str:
    """The outputs by which packets of these aggregates leave, in a row: `0`, `1`, `-` for none."""
    node, left = running.by_name["e"], ""
    for aggregate in aggregates:
        outs = running.outcome(node, port, packet(aggregate))
        left += "".join(str(out) for out, _ in outs) or "-"
    return left


def table(running: Router) -> str:
    return running.handlers.read("e.table")


def test_packets_are_counted_by_aggregate():
    running = router(AggregateCounter())
    assert feed(running, 7, 3, 7, 2**32 - 1) == "0000"
    assert table(running) == "$num_nonzero 3\n3 1\n7 2\n4294967295 1\n"
    assert (running.handlers.read("e.nagg"), running.handlers.read("e.count")) == ("3", "4")
    running.handlers.write("e.reaggregate_counts", "")
    assert table(running) == "$num_nonzero 2\n1 2\n2 1\n"
    running.handlers.write("e.clear", "")
    assert table(running) == "$num_nonzero 0\n"


@pytest.mark.parametrize(
    ("element", "data", "more", "count"),
    [
        (AggregateCounter(), b"abc", {}, 1),
        (AggregateCounter(bytes=True), b"abc", {}, 3),
        (AggregateCounter(bytes=True), b"abc", {"extra_length": 5}, 8),
        (AggregateCounter(bytes=True, extra_length=False), b"abc", {"extra_length": 5}, 3),
        (AggregateCounter(bytes=True, ip_bytes=True), b"abc", {}, 3),
        (AggregateCounter(bytes=True), b"", {}, None),
    ],
)
def test_what_is_counted(element, data, more, count):
    running = router(element)
    assert [out for out, _ in running.outcome(running.by_name["e"], 0, packet(5, data, **more))] == [0]
    assert table(running) == ("$num_nonzero 0\n" if count is None else f"$num_nonzero 1\n5 {count}\n")


def test_packets_that_stand_for_several_and_those_behind_a_link_header():
    running = router(AggregateCounter())
    many = packet(5)
    many.annotations[24:28] = bytes([0, 0, 0, 9])
    running.outcome(running.by_name["e"], 0, many)
    assert table(running) == "$num_nonzero 1\n5 10\n"
    running = router(AggregateCounter(bytes=True, ip_bytes=True))
    running.outcome(running.by_name["e"], 0, buffer(bytes(14) + ipv4(b"ab"), 14, aggregate=5))
    assert table(running) == "$num_nonzero 1\n5 22\n"


def test_the_second_input_counts_what_is_known():
    running = router(AggregateCounter(), inputs=2)
    assert feed(running, 5, port=1) + feed(running, 5) + feed(running, 5, 6, port=1) == "1001"
    assert table(running) == "$num_nonzero 1\n5 2\n"
    assert feed(router(AggregateCounter(freeze=True), outputs=1), 5) == "0"


@pytest.mark.parametrize(
    ("element", "left", "ended"),
    [
        (AggregateCounter(aggregate_freeze=2), "001100", 0),
        (AggregateCounter(freeze_after_agg=2), "001100", 0),
        (AggregateCounter(aggregate_stop=2), "001111", 1),
        (AggregateCounter(count_freeze=3), "000100", 0),
        (AggregateCounter(count_stop=3), "000111", 1),
        (AggregateCounter(aggregate_call=(2, "stop", "")), "000000", 1),
        (AggregateCounter(call_after_count=(3, "stop", "")), "000000", 1),
    ],
)
def test_limits(element, left, ended):
    running = router(element)
    assert feed(running, 1, 2, 3, 4, 1, 2) == left
    assert running._stops == ended


def test_freezing_by_hand():
    running = router(AggregateCounter(aggregate_freeze=1))
    assert (feed(running, 1, 2), running.handlers.read("e.freeze")) == ("01", "true")
    running.handlers.write("e.freeze", "false")
    assert (feed(running, 2), running.handlers.read("e.freeze")) == ("0", "false")
    running.handlers.write("e.freeze", "true")
    assert feed(running, 3, 2) == "10"
    running.handlers.write("e.active", "false")
    assert (feed(running, 2), running.handlers.read("e.active")) == ("1", "false")
    with pytest.raises(HandlerError):
        running.handlers.write("e.freeze", "maybe")


def test_the_table_goes_to_files():
    running = router(AggregateCounter(banner="# mine"))
    feed(running, 0x0A000001, 5)
    for handler in ("write_text_file", "write_ip_file", "write_file"):
        running.handlers.write(f"e.{handler}", handler)
    files = {name: kept.getvalue() for name, kept in running.io.files.items() if name.startswith("write")}
    assert files == {
        "write_text_file": b"# mine\n$num_nonzero 2\n5 1\n167772161 1\n",
        "write_ip_file": b"# mine\n$num_nonzero 2\n0.0.0.5 1\n10.0.0.1 1\n",
        "write_file": b"# mine\n$num_nonzero 2\n$packed_le\n\5\0\0\0\1\0\0\0\1\0\0\x0a\1\0\0\0",
    }
    assert running.handlers.writable("e.write_text_file")


def test_the_first_of_each_aggregate_passes():
    running = router(AggregateFirst())
    assert feed(running, 5, 5, 6, 5, 0) == "01010"
    running.handlers.write("e.clear", "")
    assert feed(running, 5) == "0"
    assert feed(router(AggregateFirst(), outputs=1), 5, 5) == "0-"


def test_the_last_of_each_aggregate_passes_when_told():
    running = router(AggregateLast(stop_after_clear=True))
    node = running.by_name["e"]
    for second, aggregate in enumerate((9, 5, 9, 9)):
        one = packet(aggregate, b"abc")
        timestamp(one, second * 10**9)
        running.push(node, 0, one)
    assert [running.handlers.read(f"t{n}.count") for n in (0, 1)] == ["0", "2"]
    left = []
    running.push_out = lambda node, outs: left.extend(outs)
    running.handlers.write("e.clear", "")
    running.run()
    assert running.ended
    assert [(out, p.annotations[20:40].hex(" ", 4)) for out, p in left] == [
        (0, "00000005 00000000 00000000 00000001 00000000"),
        (0, "00000009 00000002 00000006 00000000 00000000"),
    ]


def test_packet_numbers_are_counted():
    running = router(AggregatePacketCounter(), 2, 2)
    node = running.by_name["e"]
    for port, aggregate, number in ((0, 5, 1), (0, 5, 2), (1, 5, 1), (0, 5, 2), (1, 6, 9), (0, 0, 3)):
        one = packet(aggregate)
        one.annotations[32:36] = number.to_bytes(4, "big")
        assert [out for out, _ in running.outcome(node, port, one)] == [port]
    assert running.handlers.read("e.count") == "5"
    assert running.handlers.read("e.received 5") == "1\n2\n"
    assert running.handlers.read("e.undelivered 5") == "2\n"
    running.handlers.write("e.clear", "")
    assert running.handlers.read("e.count") == "0"
    with pytest.raises(HandlerError):
        running.handlers.read("e.received x")
