"""IP6Encap, UDPIP6Encap."""

import pytest

from innet.ir.nodes import Mark
from tests.elements.ip6packets import annotated, destination, ipv6, made, transport_sum6
from tests.elements.packets import buffer, send


@pytest.mark.parametrize(
    ("text", "fields", "annotation"),
    [
        (
            "IP6Encap(41, 2001:db8::1, 2001:db8::2)",
            {"nxt": 41, "dst": "2001:db8::2", "hlim": 250},
            "2001:db8::2",
        ),
        (
            "IP6Encap(udp, 2001:db8::1, DST_ANNO, HLIM 7, CLASS 0xb8)",
            {"dst": "fe80::9", "hlim": 7, "traffic_class": 0xB8},
            "fe80::9",
        ),
    ],
)
def test_IP6Encap(text, fields, annotation):
    done = send(made(text), annotated(b"payload", "fe80::9"))
    assert done.data == ipv6(b"payload", **fields)
    assert destination(done.packet) == annotation
    assert (done.packet.marks[Mark.NET], done.packet.marks[Mark.TRANSPORT]) == (0, 40)


def test_IP6Encap_without_an_annotation_sends_to_nowhere():
    done = send(made("IP6Encap(41, ::1, DST_ANNO)"), buffer(b"", None))
    assert done.data == ipv6(src="::1", dst="::", nxt=41, hlim=250)


@pytest.mark.parametrize("payload", [b"", b"x", b"payload", bytes(range(256)) * 5])
@pytest.mark.parametrize(("to", "dst"), [("2001:db8::2", "2001:db8::2"), ("DST_ANNO", "fe80::9")])
def test_UDPIP6Encap(payload, to, dst):
    done = send(made(f"UDPIP6Encap(2001:db8::1, 4000, {to}, 53)"), annotated(payload, "fe80::9"))
    head = (4000).to_bytes(2, "big") + (53).to_bytes(2, "big") + (8 + len(payload)).to_bytes(2, "big")
    assert done.data == ipv6(head + done.data[46:48] + payload, dst=dst, hlim=255)
    assert transport_sum6(done.data) == 0xFFFF
    assert destination(done.packet) == dst


def test_UDPIP6Encap_writes_no_checksum_of_zero():
    element = made("UDPIP6Encap(2001:db8::1, 4000, 2001:db8::2, 53)")
    plain = send(element, buffer(bytes(2), None)).data
    chosen = send(element, buffer(plain[46:48], None)).data
    assert chosen[46:48] == b"\xff\xff"
