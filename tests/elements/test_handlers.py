"""Handlers of elements without a holder: arguments that can be read and written, programs, patterns, reasons."""

import pytest

from innet.diagnostics import Source
from innet.elements.holder import HandlerError
from innet.ir.interpret import PacketBuffer
from innet.runtime.build import build
from innet.runtime.router import Router
from tests.elements.packets import ICMP, buffer, ipv4, tcp, udp
from tests.runtime.fakes import MemoryIo


def router(element: str, outputs: int = 1) -> Router:
    sinks = "".join(f"e[{n}] -> Discard; " for n in range(outputs))
    made, _ = build(Source("t", f"Idle -> e :: {element}; {sinks}"), MemoryIo())
    return made


def feed(made: Router, *packets: PacketBuffer | bytes) -> None:
    for packet in packets:
        made.push(made.by_name["e"], 0, packet if isinstance(packet, PacketBuffer) else buffer(packet))


@pytest.mark.parametrize(
    ("element", "handlers"),
    [
        ("Paint(5)", {"color": ("5", "7")}),
        ("SetAnnoByte(PAINT, 5)", {"value": ("5", "7")}),
        ("CheckPaint(5)", {"color": ("5", "7")}),
        ("CheckLength(5)", {"length": ("5", "7")}),
        ("Truncate(5)", {"nbytes": ("5", "7")}),
        ("Resize(5, -2)", {"head": ("5", "7"), "tail": ("-2", "0")}),
        ("SetIPDSCP(5)", {"dscp": ("5", "7")}),
        ("SetIPECN(1)", {"ecn": ("1", "2")}),
        ("SetIPAddress(10.0.0.1)", {"addr": ("10.0.0.1", "10.0.0.2")}),
        ("SetIP6Address(::1)", {"addr": ("::1", "fe80::2")}),
        ("SetIP6DSCP(5)", {"dscp": ("5", "7")}),
        ("SetEtherAddress(2:0:0:0:0:1, 24)", {"addr": ("02-00-00-00-00-01", "02-00-00-00-00-02")}),
        ("StoreEtherAddress(2:0:0:0:0:1, src)", {"addr": ("02-00-00-00-00-01", "02-00-00-00-00-02")}),
        ("HostEtherFilter(2:0:0:0:0:1)", {"ether": ("02-00-00-00-00-01", "02-00-00-00-00-02")}),
        ("DecIPTTL()", {"active": ("true", "false")}),
        ("IPEncap(4, 10.0.0.1, 10.0.0.2)", {"src": ("10.0.0.1", "10.0.0.3"), "dst": ("10.0.0.2", "10.0.0.4")}),
        ("IP6Encap(4, ::1, ::2)", {"src": ("::1", "::3"), "dst": ("::2", "::4")}),
        ("UDPIPEncap(10.0.0.1, 1, 10.0.0.2, 2)", {"sport": ("1", "3"), "dport": ("2", "4")}),
        ("UDPIP6Encap(::1, 1, ::2, 2)", {"src": ("::1", "::3"), "sport": ("1", "3"), "dport": ("2", "4")}),
        ("ICMPPingEncap(10.0.0.1, 10.0.0.2)", {"src": ("10.0.0.1", "10.0.0.3"), "dst": ("10.0.0.2", "10.0.0.4")}),
        ("ICMPError(10.0.0.1, redirect)", {"src": ("10.0.0.1", "10.0.0.3"), "mtu": ("576", "600"), "pmtu": ("0", "9")}),
        ("VLANEncap(5)", {"vlan_tci": ("5", "7"), "native_vlan": ("0", "-1")}),
        ("EtherVLANEncap(0x800, 2:0:0:0:0:1, 2:0:0:0:0:2, 5)", {"vlan_tci": ("5", "7"), "vlan_pcp": ("0", "3")}),
    ],
)  # fmt: skip
def test_arguments_are_read_and_written(element, handlers):
    h = router(element).handlers
    for name, (before, after) in handlers.items():
        assert h.read(f"e.{name}").lower().replace(":", "-") == before.replace(":", "-")
        h.write(f"e.{name}", after.replace("-", ":") if after.count("-") == 5 else after)
        assert h.read(f"e.{name}").lower().replace(":", "-") == after.replace(":", "-")
        assert name in {line.partition("\t")[0] for line in h.read("e.handlers").splitlines()}


def test_IPClassifier_patterns_can_be_replaced():
    made = router("IPClassifier(tcp, udp port 53, -)", 3)
    h = made.handlers
    assert (h.read("e.pattern0"), h.read("e.pattern1"), h.read("e.pattern2")) == ("tcp", "udp port 53", "-")
    for _ in range(2):
        feed(made, ipv4(udp(dport=53)), ipv4(tcp(), proto=6), ipv4(proto=ICMP))
        h.write("e.pattern1", "icmp")
    counts = [h.read(f"{name}.count") for name in made.by_name if "Discard" in name]
    assert (h.read("e.pattern1"), counts) == ("icmp", ["2", "2", "2"])
    with pytest.raises(HandlerError, match="'pattern1': "):
        h.write("e.pattern1", "udp prot 5")
    assert not h.writable("e.pattern3")


@pytest.mark.parametrize(
    ("element", "outputs"),
    [("Classifier(12/0800, -)", 2), ("IPFilter(allow udp, deny all)", 1), ("IPClassifier(udp, -)", 2)],
)
def test_the_program_is_shown(element, outputs):
    assert "emit 0" in router(element, outputs).handlers.read("e.program")


@pytest.mark.parametrize(
    ("element", "packets", "told"),
    [
        (
            "CheckIPHeader(DETAILS true, BADSRC 10.0.0.1)",
            [b"", ipv4(), ipv4(src="10.0.0.2"), ipv4(checksum=1), b"", ipv4(length=99)],
            "2\ttiny packet\n0\tbad IP version\n0\tbad IP header length\n1\tbad IP length\n1\tbad IP checksum\n"
            "1\tbad source address\n",
        ),
        (
            "CheckIPHeader(70000, DETAILS true)",
            [ipv4()],
            "1\ttiny packet\n0\tbad IP version\n0\tbad IP header length\n0\tbad IP length\n0\tbad IP checksum\n"
            "0\tbad source address\n",
        ),
        (
            "CheckUDPHeader(DETAILS true)",
            [ipv4(udp()), ipv4(tcp(), proto=6), ipv4(udp(length=99)), ipv4(udp(checksum=1))],
            "1\tnot UDP\n1\tbad packet length\n1\tbad UDP checksum\n",
        ),
        (
            "CheckTCPHeader(DETAILS true)",
            [ipv4(udp()), ipv4(tcp(), proto=6), ipv4(tcp()[:9], proto=6)],
            "1\tnot TCP\n1\tbad packet length\n1\tbad TCP checksum\n",
        ),
        (
            "CheckICMPHeader(DETAILS true)",
            [ipv4(udp()), ipv4(bytes(7), proto=1), ipv4(bytes(8), proto=1)],
            "1\tnot ICMP\n1\tbad packet length\n1\tbad ICMP checksum\n",
        ),
        (
            "CheckARPHeader(DETAILS true)",
            [b"", bytes([0, 1, 8, 0, 5, 4]) + bytes(30)],
            "1\ttiny packet\n0\ttoo small for addresses\n1\tbad hardware type/length\n0\tbad protocol type/length\n",
        ),
    ],
)
def test_details_are_counted_by_reason(element, packets, told):
    made = router(element)
    feed(made, *packets)
    assert made.handlers.read("e.drop_details") == told
    without = router(element.replace("DETAILS true", "DETAILS false"))
    assert not without.handlers.readable("e.drop_details")
