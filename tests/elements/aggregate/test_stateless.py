"""AggregateIP, AggregateLength, AggregatePaint, AggregateFilter."""

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.aggregate.aggregatefilter import AggregateFilter
from innet.elements.aggregate.aggregateip import AggregateIP
from innet.elements.aggregate.aggregatelength import AggregateLength
from innet.elements.aggregate.aggregatepaint import AggregatePaint
from innet.elements.aggregate.fields import IPField, read_field
from innet.elements.build import build_one
from tests.elements.packets import ICMP, TCP, buffer, ipv4, send, tcp, udp

SEGMENT = ipv4(tcp(b"abcdefgh", 1000, 80, seq=0x01020304), "10.1.2.3", "192.0.2.9", TCP, ttl=9, tos=0xB9)
DATAGRAM = ipv4(udp(b"abcdefgh", 5, 6), off=0x2000)
ECHO = ipv4(bytes([8, 3, 0, 7, 0, 0, 0, 0]), proto=ICMP)


@pytest.mark.parametrize(
    ("field", "packet", "aggregate"),
    [
        ("ip src", SEGMENT, 0x0A010203),
        ("ip dst/8", SEGMENT, 192),
        ("ip src & 0x00ffff00", SEGMENT, 0x0102),
        ("ip tos", SEGMENT, 0xB9),
        ("ip dscp", SEGMENT, 0x2E),
        ("ip ecn", SEGMENT, 1),
        ("ip len", SEGMENT, 48),
        ("ip ttl", SEGMENT, 9),
        ("ip proto", SEGMENT, 6),
        ("ip vers", SEGMENT, 4),
        ("ip hl", SEGMENT, 5),
        ("ip mf", DATAGRAM, 1),
        ("ip off", DATAGRAM, 0x2000),
        ("ip[8]", SEGMENT, 9),
        ("ip[12:2]", SEGMENT, 0x0A01),
        ("ip[12-13]", SEGMENT, 0x0A01),
        ("ip{96:4}", SEGMENT, 0),
        ("ip{100-103}", SEGMENT, 0xA),
        ("ip src[1]", SEGMENT, 1),
        ("tcp sport", SEGMENT, 1000),
        ("ip dport", SEGMENT, 80),
        ("sport", DATAGRAM, 5),
        ("tcpudp dport", DATAGRAM, 6),
        ("udp len", DATAGRAM, 16),
        ("tcp seq", SEGMENT, 0x01020304),
        ("tcp ack", SEGMENT, 1),
        ("tcp hl", SEGMENT, 5),
        ("icmp type", ECHO, 8),
        ("transp[1]", ECHO, 3),
        ("payload[0:2]", SEGMENT, 0x6162),
        ("data[4:4]", DATAGRAM, 0x65666768),
        ("ip proto 1[3]", ECHO, 7),
        # what is not there
        ("udp sport", SEGMENT, None),
        ("tcp sport", ECHO, None),
        ("payload[8]", SEGMENT, None),
        ("payload[0]", ECHO, None),
        ("tcp urp", ipv4(tcp()[:18], proto=TCP), None),
        ("tcp sum", ipv4(tcp()[:18], proto=TCP), None),  # its word is not complete
        ("tcp dport", ipv4(tcp(), proto=TCP, off=1), None),  # a later fragment
        ("ip dport", ipv4(udp(), off=1), None),
        ("ip proto", ipv4(udp(), off=1), 17),
    ],
)
def test_AggregateIP(field, packet, aggregate):
    done = send(build_one(AggregateIP, field), packet, outputs=2)
    assert (done.to, done["anno.aggregate"]) == ((1, 0) if aggregate is None else (0, aggregate))


def test_AggregateIP_adds_bits_or_leaves_them_in_place():
    grown = send(build_one(AggregateIP, "ip ttl, INCREMENTAL true"), buffer(SEGMENT, aggregate=0x01000005))
    assert grown["anno.aggregate"] == 0x00000509
    kept = send(build_one(AggregateIP, "ip src/16, UNSHIFT_IP_ADDR true"), SEGMENT)
    assert kept["anno.aggregate"] == 0x0A010000
    other = send(build_one(AggregateIP, "ip ttl, UNSHIFT_IP_ADDR true"), SEGMENT)
    assert other["anno.aggregate"] == 9


def test_AggregateIP_needs_an_ip_header_annotation():
    assert send(build_one(AggregateIP, "ip ttl"), buffer(SEGMENT, None), outputs=2).to == 1
    assert send(build_one(AggregateIP, "ip ttl"), buffer(SEGMENT, None)).to == "no such field"


@pytest.mark.parametrize(
    "text",
    [
        "", "ip", "nonsense", "tcp nonsense", "ip src/0", "ip src/33", "ip tos & 0x5", "ip tos & 0x100", "ip[4",
        "ip[5-4]", "ip[2:4]", "ip[0:5]", "tcp sport[1:2]", "seq", "ip proto 400[1]", "ip src x",
    ],
)  # fmt: skip
def test_what_is_no_field(text):
    with pytest.raises(ConfigurationError):
        build_one(AggregateIP, text)


def test_incremental_needs_room():
    assert build_one(AggregateIP, "ip src, INCREMENTAL true").problems(1, 1)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("ip dst / 8", "ip dst/8"),
        ("tcp  sport", "tcp sport"),
        ("ip[9]", "ip proto"),
        ("transp[0-1]", "transp[0:2]"),
        ("ip{97}", "ip{97}"),
        ("ip proto 47[3]", "gre[3]"),
        ("ip proto 99 [3]", "ip proto 99[3]"),
    ],
)
def test_fields_are_printed_as_they_can_be_read(text, printed):
    field = read_field(text)
    assert str(field) == printed
    assert read_field(printed) == field
    assert isinstance(field, IPField)


@pytest.mark.parametrize(
    ("element", "packet", "to", "aggregate"),
    [
        (AggregateLength(), buffer(b"abc", None), 0, 3),
        (AggregateLength(), buffer(b"abc", None, extra_length=7), 0, 10),
        (AggregateLength(ip=True), buffer(bytes(14) + SEGMENT, 14), 0, 48),
        (AggregateLength(ip=True), buffer(b"abc", None), 1, 0),
        (AggregatePaint(), buffer(b"", None, paint=0xAB), 0, 0xAB),
        (AggregatePaint(4), buffer(b"", None, paint=0xAB), 0, 0xB),
        (AggregatePaint(4, incremental=True), buffer(b"", None, paint=0xAB, aggregate=3), 0, 0x3B),
    ],
)
def test_AggregateLength_and_AggregatePaint(element, packet, to, aggregate):
    done = send(element, packet, outputs=2)
    assert (done.to, done["anno.aggregate"]) == (to, aggregate)


@pytest.mark.parametrize(
    ("patterns", "aggregate", "to"),
    [
        ("0 10, 1 192 8", 10, 0),
        ("0 10, 1 192 8", 8, 1),
        ("0 10, 1 192 8", 9, "no pattern matches"),
        ("deny 0-9, allow all", 9, "denied"),
        ("deny 0-9, allow all", 10, 0),
        ("1 5-7, drop 6", 6, 1),  # the first pattern counts
        ("drop 6, 1 5-7", 6, "denied"),
        ("allow -, 1 5", 5, 0),
        ("7 1", 1, "no such output"),
        ("1 4294967295", 4294967295, 1),
        ("", 0, "no pattern matches"),
    ],
)
def test_AggregateFilter(patterns, aggregate, to):
    element = build_one(AggregateFilter, patterns)
    assert send(element, buffer(b"", None, aggregate=aggregate), outputs=2).to == to


@pytest.mark.parametrize("text", ["allow", "pass 3", "-1 3", "0 x", "0 5-", "0 4294967296", "0 1 all"])
def test_what_is_no_aggregate_pattern(text):
    with pytest.raises(ConfigurationError):
        build_one(AggregateFilter, text)
