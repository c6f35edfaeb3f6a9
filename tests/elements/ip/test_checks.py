"""CheckIPHeader, CheckIPHeader2, MarkIPHeader and the transport header checks."""

import pytest

from innet.elements.ip.checkicmpheader import CheckICMPHeader
from innet.elements.ip.checkipheader import CheckIPHeader
from innet.elements.ip.checkipheader2 import CheckIPHeader2
from innet.elements.ip.checktcpheader import CheckTCPHeader
from innet.elements.ip.checkudpheader import CheckUDPHeader
from innet.elements.ip.markipheader import MarkIPHeader
from innet.elements.ip.settcpchecksum import SetTCPChecksum
from innet.elements.ip.setudpchecksum import SetUDPChecksum
from innet.ir.interpret import State, ones_sum
from innet.ir.nodes import Mark
from tests.elements.packets import ICMP, TCP, address, buffer, ipv4, send, tcp, udp


@pytest.mark.parametrize(
    ("data", "to"),
    [
        (ipv4(b"1234"), 0),
        (ipv4(b"1234")[:19], "tiny packet"),
        (b"", "tiny packet"),
        (b"\x65" + ipv4()[1:], "bad IP version"),
        (b"\x44" + ipv4()[1:], "bad IP header length"),
        (ipv4(b"1234", length=25), "bad IP length"),
        (ipv4(b"1234", length=19), "bad IP length"),
        (ipv4(options=b"\1\1\1\0", length=23), "bad IP length"),
        (ipv4(checksum=1), "bad IP checksum"),
        (ipv4(options=b"\1\1\1\0"), 0),
    ],
)
def test_CheckIPHeader(data, to):
    assert send(CheckIPHeader(), data).to == to
    assert send(CheckIPHeader(), data, outputs=2).to == (0 if to == 0 else 1)
    assert send(CheckIPHeader(details=True), data, outputs=2).to == (0 if to == 0 else 1)


def test_good_packet_is_marked_cut_and_annotated():
    done = send(CheckIPHeader(14), buffer(bytes(14) + ipv4(b"1234", options=b"\1\1\1\0") + b"padding", None))
    assert (done.to, len(done.data)) == (0, 14 + 28)
    assert done.packet.marks[Mark.NET] == 14
    assert done.packet.marks[Mark.TRANSPORT] == 38
    assert done["anno.dst_ip"] == address("192.0.2.9")


def test_bad_packet_is_not_changed():
    done = send(CheckIPHeader(), buffer(ipv4(b"1234", checksum=9) + b"padding", None), outputs=2)
    assert (done.to, done.data[24:], Mark.NET in done.packet.marks) == (1, b"padding", False)


@pytest.mark.parametrize(
    ("src", "dst", "to"),
    [
        ("192.0.2.255", "10.0.0.9", "bad source address"),
        ("192.0.2.255", "192.0.2.1", 0),
        ("192.0.2.255", "10.0.0.7", 0),
        ("0.0.0.0", "10.0.0.9", "bad source address"),
        ("255.255.255.255", "10.0.0.9", "bad source address"),
        ("127.0.0.1", "10.0.0.9", "bad source address"),
        ("192.0.2.254", "10.0.0.9", 0),
    ],
)
def test_bad_sources(src, dst, to):
    interfaces = ((address("192.0.2.1"), address("255.255.255.0")),)
    check = CheckIPHeader(
        interfaces=interfaces, badsrc=(address("127.0.0.1"),), gooddst=(address("10.0.0.7"),)
    )
    assert send(check, ipv4(src=src, dst=dst)).to == to


def test_CheckIPHeader2_leaves_the_checksum():
    assert send(CheckIPHeader2(), ipv4(checksum=1)).to == 0
    assert send(CheckIPHeader2(checksum=True), ipv4(checksum=1)).to == "bad IP checksum"


def test_details_count_reasons():
    state = State()
    send(CheckIPHeader(details=True), ipv4(checksum=1), state=state)
    assert state.statistics == {("e", "drops"): 1, ("e", "bad IP checksum"): 1}


@pytest.mark.parametrize(
    ("data", "transport"), [(ipv4(options=bytes(8)), 28), (ipv4()[:12], 20), (b"\x4f" + bytes(19), 60)]
)
def test_MarkIPHeader(data, transport):
    done = send(MarkIPHeader(), buffer(data, None))
    assert (done.packet.marks[Mark.NET], done.packet.marks[Mark.TRANSPORT]) == (0, transport)


def right(data: bytes) -> bytes:
    """`data` with its transport checksum computed."""
    return send(SetTCPChecksum() if data[9] == TCP else SetUDPChecksum(), data).data


GOOD_TCP, GOOD_UDP = right(ipv4(tcp(b"abc"), proto=TCP)), right(ipv4(udp(b"abc")))


@pytest.mark.parametrize(
    ("data", "to"),
    [
        (GOOD_TCP, 0),
        (GOOD_TCP + b"padding", 0),
        (GOOD_UDP, "not TCP"),
        (GOOD_TCP[:-1], "bad packet length"),
        (GOOD_TCP[:-1] + b"d", "bad TCP checksum"),
        (ipv4(tcp()[:16], proto=TCP), "bad packet length"),
        (GOOD_TCP[:32] + b"\x40" + GOOD_TCP[33:], "bad packet length"),
        (GOOD_TCP[:32] + b"\xf0" + GOOD_TCP[33:], "bad packet length"),
        (ipv4(tcp(), proto=TCP, length=10), "bad packet length"),
    ],
)
def test_CheckTCPHeader(data, to):
    assert send(CheckTCPHeader(), data).to == to


@pytest.mark.parametrize(
    ("data", "to"),
    [
        (GOOD_UDP, 0),
        (ipv4(udp(b"abc")), 0),
        (GOOD_TCP, "not UDP"),
        (GOOD_UDP[:-1] + b"d", "bad UDP checksum"),
        (GOOD_UDP[:-1], "bad packet length"),
        (ipv4(udp(length=7)), "bad packet length"),
        (ipv4(udp()[:6]), "bad packet length"),
    ],
)
def test_CheckUDPHeader(data, to):
    assert send(CheckUDPHeader(), data).to == to
    assert send(CheckUDPHeader(), data, outputs=2).to == (0 if to == 0 else 1)


def icmp(kind: int, length: int = 8, wrong: int = 0) -> bytes:
    """An ICMP message of `length` bytes."""
    message = bytearray([kind, 0, 0, 0, *range(length - 4)])
    message[2:4] = (ones_sum(bytes(message)) ^ 0xFFFF ^ wrong).to_bytes(2, "big")
    return ipv4(bytes(message), proto=ICMP)


@pytest.mark.parametrize(
    ("data", "to"),
    [
        (icmp(8), 0),
        (icmp(8, 9), 0),
        (icmp(8, wrong=1), "bad ICMP checksum"),
        (icmp(3, 36), 0),
        (icmp(3, 35), "bad packet length"),
        (icmp(13, 20), 0),
        (icmp(13, 21), "bad packet length"),
        (icmp(16, 8), 0),
        (icmp(16, 12), "bad packet length"),
        (icmp(8, 8)[:27], "bad packet length"),
        (GOOD_UDP, "not ICMP"),
    ],
)
def test_CheckICMPHeader(data, to):
    assert send(CheckICMPHeader(), data).to == to


@pytest.mark.parametrize("check", [CheckTCPHeader(), CheckUDPHeader(), CheckICMPHeader()])
def test_packets_without_a_header_mark_go_aside(check):
    assert send(check, buffer(GOOD_TCP, None), outputs=2).to == 1
