"""TCPRewriter: what it takes, what it remembers, and for how long."""

import pytest

from innet.elements.build import build_one
from innet.elements.rewrite.tcprewriter import TCPRewriter
from innet.ir.interpret import NS
from tests.elements.rewriting import ACK, FIN, RST, SYN, TCP, UDP, Instance, packet, shown

HIDE = "pattern 192.0.2.1 2000-2999# - - 0 1, pass 2"
OUT, BACK = ("10.0.0.1:5", "8.8.8.8:80"), ("8.8.8.8:80", "192.0.2.1:2000")


def hidden(text: str = HIDE) -> Instance:
    return Instance(build_one(TCPRewriter, text), inputs=2, outputs=3)


@pytest.mark.parametrize(
    ("source", "destination", "port", "after"),
    [
        (*OUT, 0, "0 192.0.2.1:2000 > 8.8.8.8:80"),
        (*BACK, 1, "1 8.8.8.8:80 > 10.0.0.1:5"),
        (*BACK, 0, "1 8.8.8.8:80 > 10.0.0.1:5"),
        (*OUT, 1, "0 192.0.2.1:2000 > 8.8.8.8:80"),
        ("9.9.9.9:80", "192.0.2.1:2000", 1, "2 9.9.9.9:80 > 192.0.2.1:2000"),
        ("9.9.9.9:80", "192.0.2.1:2000", 0, "0 192.0.2.1:2001 > 192.0.2.1:2000"),
    ],
)
def test_flows_are_known_by_addresses_and_ports(source: str, destination: str, port: int, after: str) -> None:
    instance = hidden()
    instance.push(packet(*OUT, TCP))
    assert shown(instance.push(packet(source, destination, TCP), port)) == after


@pytest.mark.parametrize("port", [0, 1])
def test_only_first_fragments_of_tcp(port: int) -> None:
    late, short, datagram = packet(*OUT, TCP), packet(*OUT, TCP), packet(*OUT, UDP)
    late.bytes[6:8] = b"\0\7"
    short.marks[next(m for m in short.marks if m.value == "end")] = 27
    for one in (late, short, datagram):
        instance = hidden()
        before = one.data
        result = instance.push(one, port)
        assert [(number, out.data) for number, out in result] == ([(2, before)] if port else [])
        assert instance.reason == ("" if port else "not the first fragment of a TCP packet")


def test_short_segments_keep_their_ports() -> None:
    short = packet(*OUT, TCP)
    short.marks[next(m for m in short.marks if m.value == "end")] = 37
    assert shown(hidden().push(short)) == "0 192.0.2.1:5 > 8.8.8.8:80"


@pytest.mark.parametrize(
    ("flags", "seconds"),
    [([SYN], 300), ([FIN], 300), ([RST], 240), ([RST, SYN], 300), ([FIN, ACK], 300)],
)
def test_how_long_a_flow_may_be_idle(flags: list[int], seconds: int) -> None:
    instance = hidden()
    for one in flags:
        assert instance.push(packet(*OUT, TCP, one))
    rows = instance.state.tables["TCPRewriter", "flows"].rows.values()
    assert {entry.idle_ns // NS for entry in rows} == {seconds}


@pytest.mark.parametrize(
    ("keywords", "seconds"),
    [("TIMEOUT 7", 7), ("TCP_TIMEOUT 8", 8), ("TIMEOUT 7, TCP_TIMEOUT 8", 8), ("TCP_TIMEOUT 1min", 60)],
)
def test_the_idle_time_of_a_flow_with_data_both_ways(keywords: str, seconds: int) -> None:
    instance = hidden(f"{HIDE}, {keywords}")
    instance.push(packet(*OUT, TCP, ACK, b"a"))
    instance.push(packet(*BACK, TCP, ACK, b"b"), 1)
    rows = instance.state.tables["TCPRewriter", "flows"].rows.values()
    assert {entry.idle_ns // NS for entry in rows} == {seconds}
