"""Classifier, IPClassifier, IPFilter, CheckLength."""

import pytest

from innet.elements.arguments import NO_NAMES
from innet.elements.classify.checklength import CheckLength
from innet.elements.classify.classifier import Classifier
from innet.elements.classify.ipclassifier import IPClassifier
from innet.elements.classify.ipfilter import IPFilter
from innet.elements.classify.patterns import BytePattern, FilterRule, IPPattern
from innet.lexical import Text
from tests.elements.packets import TCP, buffer, ipv4, send, tcp, udp


def classifier(*patterns: str) -> Classifier:
    return Classifier(tuple(BytePattern().parse(Text(p), NO_NAMES) for p in patterns))


def ip_classifier(*patterns: str) -> IPClassifier:
    return IPClassifier(tuple(IPPattern().parse(Text(p), NO_NAMES) for p in patterns))


def ip_filter(*rules: str) -> IPFilter:
    return IPFilter(tuple(FilterRule().parse(Text(r), NO_NAMES) for r in rules))


@pytest.mark.parametrize(
    ("data", "to"),
    [
        (b"\x45" + bytes(8) + b"\x11", 0),
        (b"\x45" + bytes(8) + b"\x06", 1),
        (b"\x60" + bytes(9), 2),
        (b"\x46", "no pattern matched"),
        (b"\x60", 2),
        (b"", 2),
    ],
)
def test_Classifier(data, to):
    assert send(classifier("0/45 9/11", "0/4? 9/06", "!0/40%f0"), buffer(data, None), outputs=3).to == to


def test_nothing_comes_behind_a_pattern_that_always_matches():
    element = classifier("12/0800", "-", "12/0806")
    assert send(element, b"", outputs=3).to == 1
    assert "emit 2" not in str(element.trace(0, 3))


@pytest.mark.parametrize(
    ("data", "to"),
    [
        (ipv4(udp(dport=53)), 0),
        (ipv4(udp(dport=54)), 1),
        (ipv4(udp(dport=53), off=8), 1),
        (ipv4(udp()[:3]), 1),
        (ipv4(tcp(), proto=TCP), "no pattern matched"),
    ],
)
def test_IPClassifier(data, to):
    assert send(ip_classifier("udp dst port 53", "udp"), data, outputs=2).to == to


@pytest.mark.parametrize(
    ("data", "to"),
    [
        (ipv4(tcp(dport=80), proto=TCP), 1),
        (ipv4(tcp(dport=80), proto=TCP, src="172.16.0.1"), "denied by a rule"),
        (ipv4(udp()), 0),
        (ipv4(proto=50), "no rule matched"),
    ],
)
def test_IPFilter(data, to):
    element = ip_filter("deny src net 172.16.0.0/12", "1 tcp dst port 80", "allow udp")
    assert send(element, data, outputs=2).to == to


@pytest.mark.parametrize("element", [ip_classifier("-"), ip_filter("allow all")])
def test_packets_without_a_header_mark_are_dropped(element):
    assert send(element, buffer(ipv4(), None)).to == "no IP header annotation"


@pytest.mark.parametrize(
    ("element", "outputs", "part"),
    [
        (classifier("-", "-"), 1, "2 patterns"),
        (ip_classifier("-"), 2, "1 pattern "),
        (ip_filter("allow", "2 udp"), 2, "rule 2 sends packets to output 2"),
        (ip_filter("allow"), 0, "output 0"),
    ],
)
def test_problems(element, outputs, part):
    assert part in element.problems(1, outputs)[0]


@pytest.mark.parametrize(("length", "to"), [(0, 0), (4, 0), (5, 1)])
def test_CheckLength(length, to):
    assert send(CheckLength(4), buffer(bytes(length), None), outputs=2).to == to


def test_CheckLength_beyond_any_packet():
    assert send(CheckLength(1 << 20), b"").to == 0
