"""Headers put on and taken off: IPEncap, UDPIPEncap, StripIPHeader and its kin."""

import pytest

from innet.elements.framing.strip import Strip
from innet.elements.ip.ipencap import IPEncap
from innet.elements.ip.stripipheader import StripIPHeader
from innet.elements.ip.striptonetworkheader import StripToNetworkHeader
from innet.elements.ip.truncateippayload import TruncateIPPayload
from innet.elements.ip.udpipencap import UDPIPEncap
from innet.elements.ip.unstripipheader import UnstripIPHeader
from innet.ir.interpret import State, ones_sum
from innet.ir.nodes import Mark
from tests.elements.packets import ICMP, TCP, address, buffer, ipv4, send, tcp, transport_sum, udp

HERE, THERE = address("192.0.2.1"), address("198.51.100.1")


def test_IPEncap():
    done = send(IPEncap(4, HERE, THERE), b"inner")
    assert done.data[20:] == b"inner"
    assert (done["ip.src"], done["ip.dst"], done["anno.dst_ip"]) == (HERE, THERE, THERE)
    assert (done["ip.vers"], done["ip.hl"], done["ip.len"], done["ip.id"]) == (4, 5, 25, 0)
    assert (done["ip.tos"], done["ip.off"], done["ip.ttl"], done["ip.proto"]) == (0, 0, 250, 4)
    assert ones_sum(done.data[:20]) == 0xFFFF
    assert (done.packet.marks[Mark.NET], done.packet.marks[Mark.TRANSPORT]) == (0, 20)


@pytest.mark.parametrize(
    ("arguments", "tos", "off"),
    [
        ({"tos": 0x1F}, 0x1F, 0),
        ({"dscp": 63, "ect": 2}, 0xFE, 0),
        ({"ce": True}, 3, 0),
        ({"df": True, "ect": 1}, 1, 0x4000),
    ],
)
def test_IPEncap_arguments(arguments, tos, off):
    done = send(IPEncap(4, HERE, None, **arguments), buffer(b"", None, dst_ip=7))
    assert (done["ip.tos"], done["ip.off"], done["ip.dst"]) == (tos, off, 7)


@pytest.mark.parametrize("arguments", [{"tos": 0, "dscp": 1}, {"ect": 1, "ce": True}])
def test_IPEncap_refuses_contradictions(arguments):
    assert IPEncap(4, HERE, THERE, **arguments).problems(1, 1)


def test_identification_counts_for_each_element():
    state = State()
    found = [send(IPEncap(4, HERE, THERE), b"", state=state)["ip.id"] for _ in range(3)]
    assert found == [0, 1, 2]


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(200))])
def test_UDPIPEncap(payload):
    done = send(UDPIPEncap(HERE, 4754, THERE, 4755, True), payload)
    assert done.data[28:] == payload
    assert (done["udp.sport"], done["udp.dport"], done["udp.len"]) == (4754, 4755, 8 + len(payload))
    assert (done["ip.proto"], done["ip.len"]) == (17, 28 + len(payload))
    assert (ones_sum(done.data[:20]), transport_sum(done.data)) == (0xFFFF, 0xFFFF)


def test_UDPIPEncap_writes_a_sum_of_zero_as_ffff():
    short = send(UDPIPEncap(HERE, 1, THERE, 2, True), b"\0\0")
    filler = short["udp.sum"].to_bytes(2, "big")
    assert send(UDPIPEncap(HERE, 1, THERE, 2, True), filler)["udp.sum"] == 0xFFFF


def test_UDPIPEncap_without_checksum():
    assert send(UDPIPEncap(HERE, 1, THERE, 2), b"abc")["udp.sum"] == 0


def test_StripIPHeader_takes_the_link_header_too_and_UnstripIPHeader_does_not_bring_it_back():
    packet = buffer(bytes(14) + ipv4(b"inner", options=b"\1\1\1\1"), 14)
    assert send(StripIPHeader(), packet).data == b"inner"
    assert send(UnstripIPHeader(), packet).data == ipv4(b"inner", options=b"\1\1\1\1")


def test_UnstripIPHeader_leaves_packets_that_have_their_header():
    packet = buffer(bytes(14) + ipv4(b"inner"), 14)
    assert send(UnstripIPHeader(), packet).data == bytes(14) + ipv4(b"inner")


@pytest.mark.parametrize("stripped", [0, 14, 20])
def test_StripToNetworkHeader(stripped):
    packet = send(Strip(stripped), buffer(bytes(14) + ipv4(b"inner"), 14)).packet
    assert send(StripToNetworkHeader(), packet).data == ipv4(b"inner")


@pytest.mark.parametrize("element", [StripIPHeader(), UnstripIPHeader(), StripToNetworkHeader()])
def test_packets_without_marks_are_dropped(element):
    assert send(element, buffer(b"abc", None)).to == "no IP header annotation"


@pytest.mark.parametrize(
    ("element", "data", "kept"),
    [
        (TruncateIPPayload(), ipv4(udp(b"abcdef")), 28),
        (TruncateIPPayload(2), ipv4(udp(b"abcdef")), 30),
        (TruncateIPPayload(2, False), ipv4(udp(b"abcdef")), 22),
        (TruncateIPPayload(2), ipv4(tcp(b"abcdef"), proto=TCP), 42),
        (TruncateIPPayload(0), ipv4(b"\x0e" + bytes(40), proto=ICMP), 40),
        (TruncateIPPayload(90), ipv4(udp(b"abcdef")), 34),
    ],
)
def test_TruncateIPPayload(element, data, kept):
    done = send(element, data)
    assert done.data == data[:kept]
    assert done["anno.extra_length"] == len(data) - kept
