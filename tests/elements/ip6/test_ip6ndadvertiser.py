"""IP6NDAdvertiser."""

import pytest

from innet.diagnostics import ConfigurationError
from tests.elements.ip6packets import ipv6, made, packed, with_sum
from tests.elements.packets import buffer, send

ASKER, US = bytes.fromhex("0a0000000001"), bytes.fromhex("020000000001")
ELEMENT = "IP6NDAdvertiser(2001:db8::/32 2:0:0:0:0:9, 2001:db8::7 fe80::1 2:0:0:0:0:1)"


def solicitation(
    target: str = "2001:db8::7", kind: str = "86dd", icmp: bytes = b"\x87\0", bad: int = 0, **fields
) -> bytes:
    message = icmp + bytes(2) + bytes(4) + packed(target) + b"\x01\x01" + ASKER
    packet = with_sum(
        ipv6(message, **{"src": "fe80::a", "dst": "ff02::1:ff00:7", "nxt": 58, "hlim": 255} | fields), 2
    )
    wrong = int.from_bytes(packet[42:44], "big") ^ bad
    packet = packet[:42] + wrong.to_bytes(2, "big") + packet[44:]
    return bytes.fromhex("3333ff000007") + ASKER + bytes.fromhex(kind) + packet


def advertisement(target: str, ether: bytes) -> bytes:
    message = b"\x88\0" + bytes(2) + b"\xc0\0\0\0" + packed(target) + b"\x02\x01" + ether
    packet = with_sum(ipv6(message, src=target, dst="fe80::a", nxt=58, hlim=255), 2)
    return ASKER + ether + bytes.fromhex("86dd") + packet


@pytest.mark.parametrize(
    ("target", "ether"),
    [("2001:db8::7", US), ("fe80::1", US), ("2001:db8::8", bytes.fromhex("020000000009")), ("fe80::2", None)],
)
@pytest.mark.parametrize("padding", [b"", b"padding"])
def test_who_asks_for_one_of_ours_is_answered(target, ether, padding):
    packet = buffer(solicitation(target) + padding, None)
    packet.annotations[:20] = b"\xff" * 20
    done = send(made(ELEMENT), packet)
    if ether is None:
        assert done.to == "an address of someone else"
    else:
        assert (done.to, done.data) == (0, advertisement(target, ether))
        assert bytes(done.packet.annotations[:48]) == bytes(48)


@pytest.mark.parametrize(
    "data",
    [
        solicitation()[:-1],
        b"",
        solicitation(kind="0800"),
        solicitation(icmp=b"\x88\0"),
        solicitation(icmp=b"\x87\1"),
        solicitation(hlim=254),
        solicitation(nxt=17),
        solicitation(bad=1),
    ],
)
def test_all_else_is_dropped(data):
    assert send(made(ELEMENT), buffer(data, None)).to == "no neighbour solicitation"


def test_a_later_entry_for_the_same_prefix_stands():
    element = made("IP6NDAdvertiser(2001:db8::/32 2:0:0:0:0:9, 2001:db8::1/32 2:0:0:0:0:1)")
    assert send(element, buffer(solicitation(), None)).data == advertisement("2001:db8::7", US)


@pytest.mark.parametrize(
    "arguments", ["2001:db8::1", "2:0:0:0:0:1", "::1 2:0:0:0:0:1 2:0:0:0:0:2", "10.0.0.1 2:0:0:0:0:1"]
)
def test_what_is_refused(arguments):
    with pytest.raises(ConfigurationError):
        made(f"IP6NDAdvertiser({arguments})")
