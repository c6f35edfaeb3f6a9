"""ICMPPingRewriter: requests make mappings, replies find back."""

import pytest

from innet.elements.build import build_one
from innet.elements.rewrite.icmppingrewriter import ICMPPingRewriter
from innet.flowspec import names
from innet.ir.interpret import PacketBuffer, ones_sum
from tests.elements.packets import ipv4
from tests.elements.rewriting import Instance, marked

REQUEST, REPLY = 8, 0
HIDE = "pattern 192.0.2.1 500-599# - - 0 1, drop"


def ping(
    source: str, destination: str, identifier: int, kind: int = REQUEST, body: bytes = b"ab"
) -> PacketBuffer:
    message = bytes([kind, 0, 0, 0]) + identifier.to_bytes(2, "big") + body
    sum_ = (ones_sum(message) ^ 0xFFFF).to_bytes(2, "big")
    return marked(ipv4(message[:2] + sum_ + message[4:], source, destination, 1))


def pinger(text: str = HIDE) -> Instance:
    return Instance(build_one(ICMPPingRewriter, text), inputs=2, outputs=3)


def shown(result: list[tuple[int, PacketBuffer]]) -> str:
    """`OUTPUT SOURCE > DESTINATION IDENTIFIER`; the checksum is right."""
    if not result:
        return ""
    [(port, out)] = result
    data = out.data
    assert ones_sum(data[20:]) in (0xFFFF, 0), data[20:].hex()
    ends = (names.dotted(int.from_bytes(data[n : n + 4], "big")) for n in (12, 16))
    return f"{port} {' > '.join(ends)} {int.from_bytes(data[24:26], 'big')}"


@pytest.mark.parametrize(
    ("source", "destination", "identifier", "kind", "port", "after"),
    [
        ("8.8.8.8", "192.0.2.1", 500, REPLY, 1, "1 8.8.8.8 > 10.0.0.1 7"),
        ("8.8.8.8", "192.0.2.1", 500, REPLY, 0, "1 8.8.8.8 > 10.0.0.1 7"),
        ("10.0.0.1", "8.8.8.8", 7, REQUEST, 1, "0 192.0.2.1 > 8.8.8.8 500"),
        ("10.0.0.1", "8.8.8.8", 8, REQUEST, 0, "0 192.0.2.1 > 8.8.8.8 501"),
        ("8.8.8.8", "192.0.2.1", 501, REPLY, 1, ""),
        ("9.9.9.9", "192.0.2.1", 500, REPLY, 0, ""),
        ("10.0.0.1", "8.8.8.8", 7, REPLY, 0, ""),
        ("8.8.8.8", "192.0.2.1", 500, REQUEST, 1, ""),
    ],
)
def test_replies_find_back(
    source: str, destination: str, identifier: int, kind: int, port: int, after: str
) -> None:
    instance = pinger()
    assert shown(instance.push(ping("10.0.0.1", "8.8.8.8", 7))) == "0 192.0.2.1 > 8.8.8.8 500"
    assert shown(instance.push(ping(source, destination, identifier, kind), port)) == after
    assert after or instance.reason == "no mapping for the flow"


@pytest.mark.parametrize("port", [0, 1])
def test_what_is_no_echo_leaves_by_pass_only(port: int) -> None:
    late, short = ping("10.0.0.1", "8.8.8.8", 7), ping("10.0.0.1", "8.8.8.8", 7)
    late.bytes[6:8] = b"\0\7"
    short.marks[next(m for m in short.marks if m.value == "end")] = 25
    for one in (late, short, ping("10.0.0.1", "8.8.8.8", 7, 13)):
        instance = pinger("pattern 192.0.2.1 - 500-599 0 1, pass 2")
        before = one.data
        result = [(number, out.data) for number, out in instance.push(one, port)]
        assert result == ([(2, before)] if port else [])
        assert port or instance.reason == "not the first fragment of an ICMP echo request or reply"


def test_unexpected_replies_pass() -> None:
    instance = pinger("keep 0 1, pass 2")
    reply = ping("8.8.8.8", "10.0.0.1", 7, REPLY)
    assert shown(instance.push(reply, 1)) == "2 8.8.8.8 > 10.0.0.1 7"


def test_the_own_identifier_is_kept_if_free() -> None:
    instance = pinger("pattern 192.0.2.1 - 0-65535 0 1, drop")
    assert shown(instance.push(ping("10.0.0.1", "8.8.8.8", 7))) == "0 192.0.2.1 > 8.8.8.8 7"
    other = shown(instance.push(ping("10.0.0.2", "8.8.8.8", 7)))
    assert other.startswith("0 192.0.2.1 > 8.8.8.8 ")
    assert other != "0 192.0.2.1 > 8.8.8.8 7"
    assert shown(instance.push(ping("10.0.0.2", "9.9.9.9", 7))) == "0 192.0.2.1 > 9.9.9.9 7"


def test_with_all_identifiers_in_use_the_older_mapping_makes_room() -> None:
    """As in Click, which looks for them under another key."""
    instance = pinger("pattern 192.0.2.1 500-501# - - 0 1, drop")
    for source, identifier in (("10.0.0.1", 500), ("10.0.0.2", 501), ("10.0.0.3", 500)):
        assert shown(instance.push(ping(source, "8.8.8.8", 7))) == f"0 192.0.2.1 > 8.8.8.8 {identifier}"
    assert shown(instance.push(ping("8.8.8.8", "192.0.2.1", 500, REPLY), 1)) == "1 8.8.8.8 > 10.0.0.3 7"


@pytest.mark.parametrize(
    ("body", "sum_"), [(bytes(2), 0xFFFF), (bytes(3), 0xFFFF), (b"\xff\xff", 0), (b"\xff\xfe\0\1", 0)]
)
def test_a_message_of_zeros_gets_a_sum_of_ones(body: bytes, sum_: int) -> None:
    instance = pinger()
    instance.push(ping("10.0.0.1", "8.8.8.8", 0))
    [(_, out)] = instance.push(ping("8.8.8.8", "192.0.2.1", 500, REPLY, body), 1)
    assert out.data[20:26] == bytes(2) + sum_.to_bytes(2, "big") + bytes(2)
