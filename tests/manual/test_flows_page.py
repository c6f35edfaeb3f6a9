"""docs/reference/flows.md: each of its examples, by our reader and by libpcap's."""

import re
import struct

import pytest

from innet.diagnostics import ConfigurationError
from innet.flowspec import lower, parse_flow
from innet.ir import Mark
from innet.ir.interpret import PacketBuffer, evaluate
from tests.flowspec.libpcap import Filter
from tests.flowspec.test_libpcap import needs_libpcap
from tests.manual.examples import blocks

PAGE = blocks("flows.md")
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "sctp": 132}
_PACKET = re.compile(
    r"(\w+): +(?:proto )?(\w+) ([\d.]+)(?::(\d+))? > ([\d.]+)(?::(\d+))?((?:, \w+ (?:\"[^\"]*\"|\w+))*)"
)


def packet(line: str) -> tuple[str, bytes]:
    """Name and bytes of a line of the page's table."""
    found = _PACKET.fullmatch(line)
    assert found is not None, line
    name, word, src, sport, dst, dport, rest = found.groups()
    more = {key: value.strip('"') for key, value in re.findall(r", (\w+) (\"[^\"]*\"|\w+)", rest)}

    def number(key: str, default: int) -> int:
        return int(more.get(key, str(default)), 0)

    ports = struct.pack("!HH", int(sport or 0), int(dport or 0))
    data = more.get("data", "").encode()
    behind = {
        "tcp": ports + struct.pack("!IIBBHHH", 1, 2, 0x50, number("flags", 0x10), 8192, 0, 0) + data,
        "udp": ports + struct.pack("!HH", 8, 0) + data,
        "icmp": struct.pack("!BBHHH", number("type", 0), 0, 0, 1, 1),
    }.get(word, ports + bytes(8))
    options = bytes(number("options", 0))
    proto = PROTOCOLS.get(word) or int(word)
    header = struct.pack(
        "!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(behind), 7, number("fragment", 0),
        number("ttl", 64), proto, 0,
    )  # fmt: skip
    ends = b"".join(bytes(map(int, end.split("."))) for end in (src, dst))
    return name, header + ends + options + behind


PACKETS = dict(packet(line) for block in PAGE if block.kind == "packets" for line in block.text.splitlines())
FLOWS = [line for block in PAGE if block.kind == "flows" for line in block.lines()]
MISTAKES = [line for block in PAGE if block.kind == "mistakes" for line in block.lines()]


def claimed(claim: str) -> set[str]:
    if claim in ("all", "none"):
        return set(PACKETS) if claim == "all" else set()
    names = set(claim.removeprefix("not ").split(", "))
    assert names <= set(PACKETS), claim
    return set(PACKETS) - names if claim.startswith("not ") else names


def test_the_page_has_examples() -> None:
    assert len(PACKETS) > 10
    assert len(FLOWS) > 40
    assert len(MISTAKES) > 5


@pytest.mark.parametrize(("place", "flow", "claim"), FLOWS, ids=[flow for _, flow, _ in FLOWS])
def test_a_flow_is_true_of_the_packets_that_the_page_says(place: str, flow: str, claim: str) -> None:
    condition = lower(parse_flow(flow).predicate)
    matched = set()
    for name, data in PACKETS.items():
        buffer = PacketBuffer(data)
        buffer.marks |= {Mark.NET: 0, Mark.TRANSPORT: 4 * (data[0] & 15)}
        if evaluate(condition, buffer):
            matched.add(name)
    assert matched == claimed(claim), place


@needs_libpcap
@pytest.mark.parametrize(("place", "flow", "claim"), FLOWS, ids=[flow for _, flow, _ in FLOWS])
def test_libpcap_says_the_same(place: str, flow: str, claim: str) -> None:
    oracle = Filter(flow)
    assert {name for name, data in PACKETS.items() if oracle.matches(data)} == claimed(claim), place


@pytest.mark.parametrize(("place", "flow", "claim"), MISTAKES, ids=[flow for _, flow, _ in MISTAKES])
def test_a_mistake_is_told_as_the_page_says(place: str, flow: str, claim: str) -> None:
    code, _, words = claim.partition(": ")
    with pytest.raises(ConfigurationError) as caught:
        parse_flow(flow)
    assert caught.value.diagnostics[0].code == code, place
    assert words in str(caught.value), place
