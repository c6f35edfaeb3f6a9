"""Print, PrintOld, IPPrint: lines as Click prints them."""

import pytest

from innet.elements.base import Element
from innet.elements.build import build_one
from innet.elements.holder import timestamp
from innet.elements.printing.ipprint import IPPrint
from innet.elements.printing.print import Print
from innet.elements.printing.printold import PrintOld
from innet.elements.switching.discard import Discard
from innet.ir.interpret import PacketBuffer
from innet.runtime.graph import chain
from innet.runtime.router import Router
from tests.elements.packets import ICMP, TCP, buffer, ipv4, tcp, udp
from tests.runtime.fakes import MemoryIo

S = 1_000_000_000
A_TO_B = "10.0.0.1 > 192.0.2.9"


def printed(element: Element, packet: PacketBuffer, io: MemoryIo | None = None) -> list[str]:
    """What `element` says about a packet that it hands on."""
    router = Router(chain({"e": element, "d": Discard()}), io or MemoryIo(), lambda: 3 * S)
    router.push(router.by_name["e"], 0, packet)
    assert router.drops == {("d", "discarded"): 1}
    return router.messages


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("", "   6 | 61620063 6465"),
        ("hello", "hello:    6 | 61620063 6465"),
        ("hello, 4", "hello:    6 | 61620063"),
        ("MAXLENGTH -1", "   6 | 61620063 6465"),
        ("NBYTES 1", "   6 | 61"),
        ("CONTENTS none", "   6"),
        ("CONTENTS ASCII", "   6 |  ab.cde"),
        ("x, TIMESTAMP true, CONTENTS false", "x: 2.000001:    6"),
        ("CPU true, CONTENTS NONE", "(0):    6"),
        ("HEADROOM true, 0", "   6 (h0 t0)"),
    ],
)
def test_Print(arguments, line):
    packet = buffer(b"ab\0cde", None)
    timestamp(packet, 2 * S + 1000)
    assert printed(
        build_one(Print, arguments.replace("HEADROOM true, 0", "MAXLENGTH 0, HEADROOM true")), packet
    ) == [line]


def test_Print_shows_annotations():
    (line,) = printed(build_one(Print, "PRINTANNO true, MAXLENGTH 0"), buffer(b"", None, paint=7))
    assert line == f"   0 | {'00' * 16}07{'00' * 31}"


def test_printing_can_be_switched_off_and_on():
    router = Router(chain({"e": Print(active=False), "d": Discard()}), MemoryIo())
    router.push(router.by_name["e"], 0, PacketBuffer(b"a"))
    assert (router.messages, router.handlers.read("e.active")) == ([], "false")
    router.handlers.write("e.active", "true")
    router.push(router.by_name["e"], 0, PacketBuffer(b"a"))
    assert router.messages == ["   1 | 61"]


@pytest.mark.parametrize(
    ("time_ns", "lines"),
    [
        (0, ["e: packet timestamp not set"]),
        (3 * S - 5_000_000, []),
        (3 * S - 6_000_000, ["late(    6 msecs)    2 | 6162"]),
    ],
)
def test_PrintOld(time_ns, lines):
    packet = buffer(b"ab", None)
    timestamp(packet, time_ns)
    assert printed(PrintOld("late"), packet) == lines


UNREACHABLE = ipv4(udp(), "192.0.2.9", "10.9.9.9")


@pytest.mark.parametrize(
    ("arguments", "packet", "line"),
    [
        ("", ipv4(udp(b"ab", 5, 6)), "2.000000: 10.0.0.1.5 > 192.0.2.9.6: udp 10"),
        ("x, TIMESTAMP false", ipv4(udp(b"", 5, 6)), "x: 10.0.0.1.5 > 192.0.2.9.6: udp 8"),
        (
            "TIMESTAMP false, ID true, TTL true, TOS true, LENGTH true",
            ipv4(udp(b"", 5, 6), ttl=9, tos=4, ident=77),
            "id 77 ttl 9 tos 4 length 28 10.0.0.1.5 > 192.0.2.9.6: udp 8",
        ),
        (
            "TIMESTAMP false",
            ipv4(tcp(b"abc", 5, 6, 7, 8), proto=TCP),
            "10.0.0.1.5 > 192.0.2.9.6: . 7:10(3,43,43) ack 8 win 1024",
        ),
        (
            "TIMESTAMP false",
            ipv4(tcp(b"", 5, 6, 2**32 - 1)[:13] + b"\x0f" + bytes(6), proto=TCP),
            "10.0.0.1.5 > 192.0.2.9.6: SFRP 4294967295:1(2,40,40) win 0",
        ),
        (
            "TIMESTAMP false",
            ipv4(tcp(b"", 5, 6)[:14], proto=TCP),
            "10.0.0.1.5 > 192.0.2.9.6: . 1:4294967291(-6,34,34) ack 2truncated-tcp",
        ),
        ("TIMESTAMP false", ipv4(tcp(b"", 5, 6)[:13], proto=TCP), "10.0.0.1.5 > 192.0.2.9.6: truncated-tcp"),
        ("TIMESTAMP false", ipv4(tcp()[:3], proto=TCP), f"{A_TO_B}: truncated-tcp"),
        ("TIMESTAMP false", ipv4(udp()[:3]), f"{A_TO_B}: truncated-udp"),
        ("TIMESTAMP false", ipv4(udp(b"", 5, 6)[:7]), "10.0.0.1.5 > 192.0.2.9.6: truncated-udp"),
        ("TIMESTAMP false", ipv4(b"abcdefgh", off=2, ident=9), f"{A_TO_B}: udp (frag 9:8@16)"),
        (
            "TIMESTAMP false",
            ipv4(udp(b"", 5, 6), off=0x2000),
            "10.0.0.1.5 > 192.0.2.9.6: udp 8 (frag 1:8@0+)",
        ),
        ("TIMESTAMP false", ipv4(b"", proto=TCP, off=1), f"{A_TO_B}: tcp (frag 1:0@8)"),
        ("TIMESTAMP false", ipv4(b"", proto=ICMP, off=1), f"{A_TO_B}: icmp (frag 1:0@8)"),
        ("TIMESTAMP false", ipv4(b"", proto=99), f"{A_TO_B}: ip-proto-99"),
        ("TIMESTAMP false", ipv4(b"\x08", proto=ICMP), f"{A_TO_B}: truncated-icmp"),
        ("TIMESTAMP false", ipv4(b"\x08\0\0\0", proto=ICMP), f"{A_TO_B}: icmp echo truncated-icmp"),
        (
            "TIMESTAMP false",
            ipv4(bytes([8, 0, 0, 0, 0, 7, 1, 0]), proto=ICMP),
            f"{A_TO_B}: icmp echo (7, 256)",
        ),
        (
            "TIMESTAMP false, SWAP false",
            ipv4(bytes([0, 0, 0, 0, 0, 7, 1, 0]), proto=ICMP),
            f"{A_TO_B}: icmp echo-reply (1792, 1)",
        ),
        (
            "TIMESTAMP false",
            ipv4(bytes([3, 3, 0, 0, 0, 0, 0, 0]) + UNREACHABLE, proto=ICMP),
            f"{A_TO_B}: icmp 10.9.9.9 unreachable port udp/53",
        ),
        (
            "TIMESTAMP false",
            ipv4(bytes([3, 2, 0, 0, 0, 0, 0, 0]) + UNREACHABLE, proto=ICMP),
            f"{A_TO_B}: icmp 10.9.9.9 unreachable protocol udp",
        ),
        (
            "TIMESTAMP false",
            ipv4(bytes([3, 4, 0, 0, 0, 0, 5, 220]) + UNREACHABLE, proto=ICMP),
            f"{A_TO_B}: icmp 10.9.9.9 unreachable needfrag (mtu 1500)",
        ),
        (
            "TIMESTAMP false",
            ipv4(bytes([3, 77, 0, 0]), proto=ICMP),
            f"{A_TO_B}: icmp unreachable code 77 truncated-icmp",
        ),
        ("TIMESTAMP false", ipv4(bytes([11, 0]), proto=ICMP), f"{A_TO_B}: icmp timeexceeded transit"),
        ("TIMESTAMP false", ipv4(bytes([99, 5]), proto=ICMP), f"{A_TO_B}: icmp type 99 code 5"),
        ("TIMESTAMP false", ipv4()[:19], "truncated-ip"),
        (
            "TIMESTAMP false, PAYLOAD HEX",
            ipv4(udp(bytes(range(26)), 5, 6)),
            "10.0.0.1.5 > 192.0.2.9.6: udp 34\n  00010203 04050607 08090a0b 0c0d0e0f 10111213 14151617\n  1819",
        ),
        (
            "TIMESTAMP false, PAYLOAD ASCII",
            ipv4(tcp(b"abcdefghi\0", 5, 6), proto=TCP),
            "10.0.0.1.5 > 192.0.2.9.6: . 1:11(10,50,50) ack 2 win 1024\n  abcdefgh i.",
        ),
        (
            "TIMESTAMP false, CONTENTS ASCII, MAXLENGTH 1",
            ipv4(udp(b"", 5, 6)),
            "10.0.0.1.5 > 192.0.2.9.6: udp 8\n  E",
        ),
    ],
)
def test_IPPrint(arguments, packet, line):
    sent = buffer(packet)
    timestamp(sent, 2 * S)
    assert printed(build_one(IPPrint, arguments), sent) == [line]


def test_IPPrint_shows_paint_and_aggregate():
    packet = ipv4(b"", proto=99)
    assert printed(IPPrint(timestamp=False, paint=True), buffer(packet, paint=3)) == [
        f"paint 3: {A_TO_B}: ip-proto-99"
    ]
    both = IPPrint(timestamp=False, paint=True, aggregate=True)
    assert printed(both, buffer(packet, paint=3, aggregate=9)) == [f"#9.3: {A_TO_B}: ip-proto-99"]


def test_IPPrint_is_silent_without_an_ip_header_annotation():
    assert printed(IPPrint(), buffer(ipv4(), None)) == []


def test_IPPrint_prints_to_a_file():
    io = MemoryIo()
    assert printed(IPPrint(timestamp=False, outfile="f"), buffer(ipv4(b"", proto=99)), io) == []
    assert io.files["f"].getvalue() == f"{A_TO_B}: ip-proto-99\n".encode()


def test_contents_and_payload_exclude_each_other():
    assert IPPrint(contents="HEX", payload="ASCII").problems(1, 1)
