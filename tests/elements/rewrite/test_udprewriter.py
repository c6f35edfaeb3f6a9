"""UDPRewriter: one table for all protocols with ports."""

import pytest

from innet.elements.build import build_one
from innet.elements.rewrite.udprewriter import UDPRewriter
from innet.ir.interpret import NS, PacketBuffer
from tests.elements.rewriting import TCP, UDP, Instance, packet, shown

HIDE = "pattern 192.0.2.1 2000-2999# - - 0 1, drop"
OUT, BACK = ("10.0.0.1:5", "8.8.8.8:80"), ("8.8.8.8:80", "192.0.2.1:2000")
DCCP = 33


def hidden(text: str = HIDE) -> Instance:
    return Instance(build_one(UDPRewriter, text), inputs=2, outputs=2)


def of(proto: int, source: str, destination: str, sum_: int = 0) -> PacketBuffer:
    made = packet(source, destination, TCP if proto == TCP else UDP, sum_=sum_)
    made.bytes[9] = proto
    return made


@pytest.mark.parametrize("first", [TCP, UDP, DCCP])
@pytest.mark.parametrize("second", [TCP, UDP, DCCP])
def test_protocols_share_a_mapping(first: int, second: int) -> None:
    instance = hidden()
    assert shown(instance.push(of(first, *OUT))) == "0 192.0.2.1:2000 > 8.8.8.8:80"
    assert shown(instance.push(of(second, *OUT))) == "0 192.0.2.1:2000 > 8.8.8.8:80"
    assert shown(instance.push(of(second, *BACK), 1)) == "1 8.8.8.8:80 > 10.0.0.1:5"


@pytest.mark.parametrize("proto", [1, 47, 132])
def test_other_protocols_are_dropped(proto: int) -> None:
    instance = hidden()
    assert instance.push(of(proto, *OUT)) == []
    assert instance.reason == "not the first fragment of a TCP, UDP or DCCP packet"


@pytest.mark.parametrize(
    ("proto", "length", "before", "after"),
    [
        (UDP, 8, 0, 0),
        (UDP, 8, 0x1111, 0x5145),
        (DCCP, 8, 0x1111, 0x1111),
        (TCP, 20, 0x1111, 0x5145),
        (TCP, 17, 0x1111, 0x1111),
    ],
)
def test_checksums_follow_where_there_are_some(proto: int, length: int, before: int, after: int) -> None:
    """10.0.0.1:5 becomes 192.0.2.1:2000: the sum grows by 0xb800 + 0x07cb, once around."""
    given = of(proto, *OUT, sum_=before)
    given.marks[next(m for m in given.marks if m.value == "end")] = 20 + length
    hidden().push(given)
    at = 36 if proto == TCP else 26
    assert given.bytes[20:22] == (2000).to_bytes(2, "big")
    assert f"{int.from_bytes(given.bytes[at : at + 2], 'big'):#06x}" == f"{after:#06x}"


@pytest.mark.parametrize(
    ("keywords", "ways", "seconds"),
    [
        ("", "oob", 300),
        ("UDP_TIMEOUT 30", "oob", 30),
        ("UDP_TIMEOUT 30, TIMEOUT 40", "o", 40),
        ("UDP_TIMEOUT 30, UDP_STREAMING_TIMEOUT 90", "oob", 90),
        ("UDP_TIMEOUT 30, STREAMING_TIMEOUT 80, UDP_STREAMING_TIMEOUT 90", "oob", 80),
        ("UDP_TIMEOUT 30, STREAMING_TIMEOUT 90", "ooo", 30),
        ("UDP_TIMEOUT 30, STREAMING_TIMEOUT 90", "ob", 30),
    ],
)
def test_how_long_a_flow_may_be_idle(keywords: str, ways: str, seconds: int) -> None:
    instance = hidden(f"{HIDE}, {keywords}" if keywords else HIDE)
    for way in ways:
        assert instance.push(of(UDP, *(OUT if way == "o" else BACK)), 0 if way == "o" else 1)
    rows = instance.state.tables["UDPRewriter", "flows"].rows.values()
    assert {entry.idle_ns // NS for entry in rows} == {seconds}
