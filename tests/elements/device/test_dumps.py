"""FromDump and ToDump."""

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.base import Element
from innet.elements.device.fromdump import FromDump
from innet.elements.device.todump import ToDump
from innet.elements.queueing.unqueue import Unqueue
from innet.packet.record import Record
from innet.runtime.graph import chain, graph
from innet.runtime.router import Router
from tests.elements.device.test_netfront import frame, ipv4
from tests.runtime.fakes import MemoryCapture, MemoryIo

S = 1_000_000_000


def run_dump(
    element: FromDump, records: list[Record], link_type: int = 1, aside: bool = True
) -> tuple[Router, MemoryIo]:
    io = MemoryIo()
    io.captures["in"] = MemoryCapture(records, link_type)
    elements: dict[str, Element] = {"f": element, "a": ToDump("a"), "b": ToDump("b")}
    links = [("f", 0, "a", 0), ("f", 1, "b", 0)]
    router = Router(graph(elements, links if aside else links[:1]), io)
    router.run()
    return router, io


def out(io: MemoryIo, name: str) -> list[bytes]:
    return [data for data, _, _ in io.sinks[name].packets]


def record(data: bytes, at: int = 0, length: int = 0, link_type: int = 1) -> Record:
    return Record(data, max(length, len(data)), at, link_type)


TAGGED = frame(b"\x00\x05\x08\x00" + ipv4(), kind=0x8100)


def test_FORCE_IP_takes_ethernet_and_one_tag() -> None:
    others = [frame(ipv4(), kind=0x0806), frame(ipv4(0x44)), b"short"]
    _, io = run_dump(FromDump("in", force_ip=True), [record(d) for d in (frame(ipv4()), TAGGED, *others)])
    assert (out(io, "a"), out(io, "b")) == ([frame(ipv4()), TAGGED], others)


def test_FORCE_IP_drops_others_without_a_second_output() -> None:
    router, _ = run_dump(FromDump("in", force_ip=True), [record(b"x")], aside=False)
    assert router.drops["f", "not IPv4"] == 1


def test_link_type_raw_implies_FORCE_IP() -> None:
    _, io = run_dump(FromDump("in"), [record(d, link_type=101) for d in (ipv4(), b"\x60", ipv4(0x44))], 101)
    assert (out(io, "a"), out(io, "b")) == ([ipv4()], [b"\x60", ipv4(0x44)])


def test_FORCE_IP_needs_a_link_type_it_knows() -> None:
    with pytest.raises(ConfigurationError, match="link type 9"):
        run_dump(FromDump("in", force_ip=True), [], 9)


def test_time_and_missing_length_go_through_to_the_file() -> None:
    _, io = run_dump(FromDump("in"), [record(b"abc", 7 * S + 5, 60)], aside=False)
    assert io.sinks["a"].packets == [(b"abc", 7 * S + 5, 60)]


def test_ToDump_cuts_to_the_snapshot_length() -> None:
    io = MemoryIo(**{"in": [bytes(3000)]})
    Router(
        chain({"f": FromDump("in"), "a": ToDump("a"), "b": ToDump("b", 10), "c": ToDump("c", 0)}), io
    ).run()
    assert [(len(data), wire) for n in "abc" for data, _, wire in io.sinks[n].packets] == [
        (2000, 3000), (10, 3000), (3000, 3000),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("span", "packets"),
    [
        ({"start": 12 * S}, "cde"),
        ({"start_after": 3 * S}, "de"),
        ({"end": 12 * S}, "ab"),
        ({"end_after": 1 * S}, "a"),
        ({"start": 11 * S, "interval": 2 * S}, "bc"),
    ],
)
def test_a_span_of_time(span: dict[str, int], packets: str) -> None:
    records = [record(c.encode(), (10 + n) * S) for n, c in enumerate("abcde")]
    _, io = run_dump(FromDump("in", **span), records, aside=False)  # type: ignore[arg-type]
    assert b"".join(out(io, "a")).decode() == packets


def test_TIMING_keeps_the_time_between_packets() -> None:
    records = [record(b"a", 10 * S), record(b"b", 13 * S)]
    router, io = run_dump(FromDump("in", True), records, aside=False)
    assert router.clock() == 3 * S
    assert out(io, "a") == [b"a", b"b"]


def test_pulled_it_gives_packets_and_passes_over_others() -> None:
    io = MemoryIo(**{"in": [b"x", frame(ipv4()), frame(ipv4(0x46, 24))]})
    elements: dict[str, Element] = {
        "f": FromDump("in", stop=True, force_ip=True),
        "u": Unqueue(),
        "a": ToDump("a"),
    }
    router = Router(chain(elements, {"f": ("", "l"), "u": ("l", "h")}), io)
    router.run()
    assert out(io, "a") == [frame(ipv4()), frame(ipv4(0x46, 24))]
    assert router.ended


def test_END_CALL_and_ACTIVE() -> None:
    io = MemoryIo(one=[b"1"], two=[b"2"])
    elements: dict[str, Element] = {
        "f": FromDump("one", end_call=("g.active", "true")), "g": FromDump("two", active=False), "a": ToDump("a"),
    }  # fmt: skip
    router = Router(graph(elements, [("f", 0, "a", 0), ("g", 0, "a", 0)]), io)
    router.run()
    assert out(io, "a") == [b"1", b"2"]
    assert [router.handlers.read(f"f.{h}") for h in ("count", "active", "encap", "filename")] == [
        "1", "false", "ETHER", "one",
    ]  # fmt: skip


def test_options_that_exclude_each_other() -> None:
    element = FromDump("in", stop=True, end_call=("x.y", ""), start=1, start_after=1, end=1, interval=1)
    assert len(element.problems(0, 1)) == 3
