"""Elements that change fields of the IPv4 header, and those that move addresses to and from annotations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.elements.ip.decipttl import DecIPTTL
from innet.elements.ip.fixipsrc import FixIPSrc
from innet.elements.ip.getipaddress import GetIPAddress
from innet.elements.ip.icmppingresponder import ICMPPingResponder
from innet.elements.ip.ipmirror import IPMirror
from innet.elements.ip.markipce import MarkIPCE
from innet.elements.ip.setipaddress import SetIPAddress
from innet.elements.ip.setipdscp import SetIPDSCP
from innet.elements.ip.setipecn import SetIPECN
from innet.elements.ip.storeipaddress import StoreIPAddress
from innet.ir.interpret import ones_sum
from tests.elements.packets import ICMP, TCP, UDP, address, buffer, ipv4, send, tcp, transport_sum, udp

NO_HEADER = "no IP header annotation"


def checksum_right(data: bytes) -> bool:
    return ones_sum(data[: data[0] % 16 * 4]) == 0xFFFF


@pytest.mark.parametrize(("ttl", "to", "after"), [(0, 1, 0), (1, 1, 1), (2, 0, 1), (255, 0, 254)])
def test_DecIPTTL(ttl, to, after):
    done = send(DecIPTTL(), ipv4(ttl=ttl), outputs=2)
    assert (done.to, done["ip.ttl"], checksum_right(done.data)) == (to, after, True)


def test_expired_packet_is_dropped_without_output_1():
    assert send(DecIPTTL(), ipv4(ttl=1)).to == "TTL expired"


@pytest.mark.parametrize(
    ("element", "dst", "after"),
    [
        (DecIPTTL(multicast=False), "224.0.0.1", 64),
        (DecIPTTL(multicast=False), "223.255.255.255", 63),
        (DecIPTTL(), "224.0.0.1", 63),
        (DecIPTTL(active=False), "192.0.2.1", 64),
    ],
)
def test_DecIPTTL_arguments(element, dst, after):
    assert send(element, ipv4(dst=dst))["ip.ttl"] == after


@pytest.mark.parametrize(
    "element",
    [
        DecIPTTL(),
        IPMirror(),
        SetIPDSCP(1),
        SetIPECN(1),
        MarkIPCE(),
        ICMPPingResponder(),
        GetIPAddress(ip="src"),
    ],
)
@pytest.mark.parametrize("packet", [buffer(ipv4(), None), buffer(ipv4()[:19])], ids=["unmarked", "short"])
def test_packets_without_an_IPv4_header_are_dropped(element, packet):
    assert send(element, packet.copy(), outputs=1).to == NO_HEADER


@given(st.binary(max_size=60), st.sampled_from([TCP, UDP, ICMP]), st.integers(0, 0xFFFF))
def test_IPMirror_twice_is_the_identity(payload, proto, off):
    data = ipv4(payload, proto=proto, off=off)
    once = send(IPMirror(), data)
    assert once["anno.dst_ip"] == address("10.0.0.1")
    assert ones_sum(once.data) == ones_sum(data)
    assert send(IPMirror(), once.data).data == data


@pytest.mark.parametrize(
    ("data", "after"),
    [
        (ipv4(udp(sport=1, dport=2)), b"\0\2\0\1"),
        (ipv4(udp(sport=1, dport=2), off=5), b"\0\1\0\2"),
        (ipv4(udp(sport=1, dport=2)[:7]), b"\0\1\0\2"),
        (ipv4(udp(sport=1, dport=2), proto=ICMP), b"\0\1\0\2"),
        (ipv4(tcp(sport=1, dport=2, seq=3, ack=4), proto=TCP), b"\0\2\0\1\0\0\0\4\0\0\0\3"),
        (ipv4(tcp(sport=1, dport=2, seq=3, ack=4)[:11], proto=TCP), b"\0\2\0\1\0\0\0\3\0\0\0"),
    ],
)
def test_IPMirror_transport(data, after):
    assert send(IPMirror(dst_anno=False), data).data[20:].startswith(after)


@pytest.mark.parametrize(("before", "dscp", "after"), [(0x03, 46, 0xBB), (0xFF, 0, 0x03)])
def test_SetIPDSCP(before, dscp, after):
    done = send(SetIPDSCP(dscp), ipv4(tos=before))
    assert (done["ip.tos"], checksum_right(done.data)) == (after, True)


@pytest.mark.parametrize(
    ("element", "before", "after"),
    [
        (SetIPECN(3), 0xB8, 0xBB),
        (SetIPECN(0), 0x03, 0x00),
        (MarkIPCE(), 0x01, 0x03),
        (MarkIPCE(), 0x03, 0x03),
        (MarkIPCE(True), 0x00, 0x03),
        (MarkIPCE(), 0x10, "not ECN capable"),
    ],
)
def test_ECN(element, before, after):
    done = send(element, ipv4(tos=before))
    assert checksum_right(done.data)
    assert (done["ip.tos"] if done.to == 0 else done.to) == after


@pytest.mark.parametrize("where", ["src", "dst"])
@pytest.mark.parametrize(
    "payload", [(TCP, tcp(b"abc")), (UDP, udp(b"abc", checksum=0x1234))], ids=["tcp", "udp"]
)
def test_StoreIPAddress_keeps_checksums_right(where, payload):
    proto, segment = payload
    data = ipv4(segment, proto=proto)
    done = send(StoreIPAddress(address("198.51.100.7"), where), data)
    assert done[f"ip.{where}"] == address("198.51.100.7")
    assert checksum_right(done.data)
    assert transport_sum(done.data) == transport_sum(data)


@pytest.mark.parametrize(
    "data", [ipv4(udp(b"abc")), ipv4(udp(b"abc", checksum=7), off=3), ipv4(udp(checksum=7)[:7])]
)
def test_StoreIPAddress_leaves_other_bytes(data):
    assert send(StoreIPAddress(1, "dst"), data).data[20:] == data[20:]


@pytest.mark.parametrize(
    ("element", "packet", "to", "after"),
    [
        (StoreIPAddress(0x01020304, 2), buffer(b"abcdefg"), 0, b"ab\1\2\3\4g"),
        (StoreIPAddress(0x01020304, 4), buffer(b"abcdefg"), "no room for the address", b"abcdefg"),
        (StoreIPAddress(None, 0), buffer(b"abcd"), "no room for the address", b"abcd"),
        (StoreIPAddress(None, 0), buffer(b"abcd", dst_ip=0x01020304), 0, b"\1\2\3\4"),
        (StoreIPAddress(1, "src"), buffer(b"abcd", None), NO_HEADER, b"abcd"),
    ],
)
def test_StoreIPAddress_raw(element, packet, to, after):
    done = send(element, packet)
    assert (done.to, done.data) == (to, after)


def test_StoreIPAddress_stores_a_zero_annotation_into_the_header():
    assert send(StoreIPAddress(None, "dst"), ipv4())["ip.dst"] == 0


@pytest.mark.parametrize(
    ("element", "after"),
    [
        (GetIPAddress(12), address("10.0.0.1")),
        (GetIPAddress(17), 0),
        (GetIPAddress(ip="dst"), address("192.0.2.9")),
    ],
)
def test_GetIPAddress(element, after):
    assert send(element, buffer(ipv4(), dst_ip=5))["anno.dst_ip"] == after


@pytest.mark.parametrize("element", [GetIPAddress(), GetIPAddress(16, ip="src")])
def test_GetIPAddress_needs_one_place(element):
    assert element.problems(1, 1)


def test_SetIPAddress():
    done = send(SetIPAddress(0x01020304, anno=8), b"")
    assert done.packet.annotations[8:12] == b"\1\2\3\4"
    assert send(SetIPAddress(7), b"")["anno.dst_ip"] == 7


def test_FixIPSrc_acts_once():
    packet = buffer(ipv4(options=b"\1\1\1\1"), fix_ip_src=1)
    done = send(FixIPSrc(7), packet)
    assert (done["ip.src"], done["anno.fix_ip_src"], checksum_right(done.data)) == (7, 0, True)
    assert send(FixIPSrc(8), packet)["ip.src"] == 7


def ping(kind: int = 8, code: int = 0, rest: bytes = b"\0\1\0\2abc") -> bytes:
    message = bytearray(bytes([kind, code, 0, 0]) + rest)
    message[2:4] = (ones_sum(bytes(message)) ^ 0xFFFF).to_bytes(2, "big")
    return bytes(message)


@pytest.mark.parametrize("code", [0, 5])
def test_ICMPPingResponder(code):
    done = send(ICMPPingResponder(), buffer(ipv4(ping(code=code), proto=ICMP, off=0x2003, ttl=3), paint=9))
    assert (done.to, done["ip.src"], done["ip.dst"]) == (0, address("192.0.2.9"), address("10.0.0.1"))
    assert (done["ip.ttl"], done["ip.off"], done["icmp.type"], done["icmp.code"]) == (255, 0, 0, 0)
    assert (done["anno.paint"], done["anno.dst_ip"]) == (0, address("10.0.0.1"))
    assert checksum_right(done.data)
    assert ones_sum(done.data[20:]) == 0xFFFF


def test_reply_of_zeros_has_checksum_ffff():
    request = bytearray(ping(rest=b"\0\0\0\0"))
    done = send(ICMPPingResponder(), ipv4(bytes(request), proto=ICMP))
    assert done.data[20:] == b"\0\0\xff\xff\0\0\0\0"


@pytest.mark.parametrize(
    "data", [ipv4(ping(0), proto=ICMP), ipv4(ping(), proto=UDP), ipv4(ping()[:7], proto=ICMP)]
)
def test_what_is_no_echo_request_goes_aside(data):
    done = send(ICMPPingResponder(), data, outputs=2)
    assert (done.to, done.data) == (1, data)
