"""ClampMTU, IPDecap, EtherDecap."""

import pytest

from tests.elements.ip6packets import made
from tests.elements.packets import TCP, buffer, ipv4, send, udp

INNER = ipv4(udp(b"data"))


@pytest.mark.parametrize(("length", "to"), [(20, 0), (100, 0), (101, 1), (65535, 1)])
def test_ClampMTU(length, to):
    packet = ipv4(udp(b"data"), length=length)
    assert send(made("ClampMTU(100)"), packet, 2).to == to
    assert send(made("ClampMTU(100)"), packet).to == ("longer than the MTU" if to else 0)


@pytest.mark.parametrize(
    ("text", "packet", "after"),
    [
        ("IPDecap()", ipv4(INNER, proto=4), INNER),
        ("IPDecap()", ipv4(INNER, proto=4, options=bytes(4)), INNER),
        ("IPDecap()", ipv4(INNER, proto=47), "another protocol"),
        ("IPDecap(47)", ipv4(INNER, proto=47), INNER),
        ("IPDecap()", ipv4(INNER, proto=4, off=0x2000), INNER),
        ("IPDecap()", ipv4(INNER, proto=4, off=1), "a later fragment"),
        ("IPDecap(tcp)", ipv4(b"", proto=TCP), b""),
    ],
)
def test_IPDecap(text, packet, after):
    done = send(made(text), packet)
    assert (done.data if done.to == 0 else done.to) == after


@pytest.mark.parametrize(
    ("text", "kind", "after"),
    [
        ("EtherDecap()", "0800", INNER),
        ("EtherDecap()", "86dd", "another type"),
        ("EtherDecap(0x86dd)", "86dd", INNER),
    ],
)
def test_EtherDecap(text, kind, after):
    done = send(made(text), buffer(bytes(12) + bytes.fromhex(kind) + INNER, None))
    assert (done.data if done.to == 0 else done.to) == after


@pytest.mark.parametrize("text", ["ClampMTU(100)", "IPDecap()", "EtherDecap()"])
def test_short_packets_are_dropped(text):
    assert str(send(made(text), buffer(INNER[:13], None)).to).startswith("no ")


@pytest.mark.parametrize(
    "text", ["Clipboard(x)", "EnsureDPDKBuffer()", "SpinlockAcquire(a)", "CPUSwitch()", "CPUQueue(5)", "SimpleIdle()",
             "DiscardNoFree()", "PollDevice(eth0)", "FromDPDKDevice(0)", "ToDPDKDevice(0)", "BalancedThreadSched(1)",
             "NetmapInfo(x)", "IPNameInfo(x y)", "JSON()"]
)  # fmt: skip
def test_other_names_are_understood(text):
    element = made(text)
    assert text.partition("(")[0] in (type(element).__name__, *element.ALIASES)
