"""ICMP6Error."""

import pytest

from innet.packet.headers import PacketType
from tests.elements.ip6packets import (
    DST,
    SRC,
    annotated,
    destination,
    ipv6,
    made,
    marked,
    packed,
    transport_sum6,
)
from tests.elements.packets import send, udp

ROUTER = "2001:db8::fe"
OFFENDER = ipv6(udp(b"payload"))


@pytest.mark.parametrize(
    ("kind", "code", "rest"),
    [(1, 4, 0), (2, 0, 1500), (2, 1, 0), (3, 0, 0), (4, 0, 6), (4, 1, 0)],
)
def test_the_packet_is_quoted(kind, code, rest):
    packet = marked(OFFENDER)
    packet.annotations[17] = 6
    done = send(made(f"ICMP6Error({ROUTER}, {kind}, {code})"), packet)
    body = bytes([kind, code]) + done.data[42:44] + rest.to_bytes(4, "big") + OFFENDER
    assert done.data == ipv6(body, src=ROUTER, dst=SRC, nxt=58, hlim=255)
    assert transport_sum6(done.data) == 0xFFFF
    assert (destination(done.packet), done["anno.fix_ip_src"], done["anno.icmp_paramprob"]) == (SRC, 1, 0)


@pytest.mark.parametrize(("code", "target", "about"), [(0, "fe80::7", DST), (1, "::", "::")])
def test_a_redirect_tells_the_way(code, target, about):
    packet = annotated(bytes(14) + OFFENDER, "fe80::7", net=14)
    done = send(made(f"ICMP6Error({ROUTER}, 137, {code})"), packet)
    told = packed(target) + packed(about)
    body = bytes([137, code]) + done.data[42:44] + bytes(4) + told + OFFENDER
    assert done.data == ipv6(body, src=ROUTER, dst=SRC, nxt=58, hlim=255)
    assert transport_sum6(done.data) == 0xFFFF


def test_a_long_packet_is_cut():
    long = ipv6(udp(bytes(1000)))
    done = send(made(f"ICMP6Error({ROUTER}, 3, 0)"), marked(bytes(14) + long, 14))
    assert done.data[48:] == long[:568]
    assert transport_sum6(done.data) == 0xFFFF


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (ipv6(b"\x01" + bytes(7), nxt=58), "an ICMPv6 error or a cut-off ICMPv6 packet"),
        (ipv6(b"\x04" + bytes(7), nxt=58), "an ICMPv6 error or a cut-off ICMPv6 packet"),
        (ipv6(nxt=58), "an ICMPv6 error or a cut-off ICMPv6 packet"),
        (ipv6(b"\x80" + bytes(7), nxt=58), 0),
        (ipv6(b"\x01" + bytes(7), nxt=17), 0),
        (ipv6(dst="ff02::1"), "sent to a multicast address"),
        (ipv6(src="ff02::1"), "bad source address"),
        (ipv6(src="::1"), "bad source address"),
        (ipv6(src="1::1"), 0),
    ],
)
def test_some_packets_are_not_answered(packet, reason):
    assert send(made(f"ICMP6Error({ROUTER}, 3, 0)"), marked(packet)).to == reason


@pytest.mark.parametrize("kind", [PacketType.BROADCAST, PacketType.MULTICAST])
def test_link_broadcasts_are_not_answered(kind):
    packet = marked(OFFENDER)
    packet.annotations[48] = kind
    assert send(made(f"ICMP6Error({ROUTER}, 3, 0)"), packet).to == "sent as a link broadcast or multicast"


def test_what_is_refused():
    (first, second) = made("ICMP6Error(::, 128, 0)").problems(1, 1)
    assert first == "TYPE is 128, no ICMPv6 error: expected 1, 2, 3, 4 or 137 (redirect)"
    assert "SRC is '::'" in second
