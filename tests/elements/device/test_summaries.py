"""FromIPSummaryDump and ToIPSummaryDump."""

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.elements.build import build_one
from innet.elements.device.summary import field_name
from innet.elements.device.todump import ToDump
from innet.elements.device.toipsummarydump import ToIPSummaryDump
from innet.elements.holder import timestamp
from innet.runtime.build import build
from innet.runtime.graph import chain
from innet.runtime.router import Router
from tests.elements.packets import ICMP, TCP, buffer, ipv4, tcp, udp
from tests.runtime.fakes import Kept, MemoryIo


def written(arguments: str, *packets: bytes, second: float = 0) -> list[str]:
    io = MemoryIo()
    router = Router(chain({"e": build_one(ToIPSummaryDump, f"f, {arguments}"), "t": ToDump("t")}), io)
    for data in packets:
        packet = buffer(data)
        timestamp(packet, round(second * 10**9))
        router.push(router.by_name["e"], 0, packet)
    assert router.handlers.read("e.count") == router.handlers.read("t.count") == str(len(packets))
    return io.files["f"].getvalue().decode().splitlines()


def test_a_dump_starts_with_its_fields():
    assert written("", ipv4(udp())) == ["!IPSummaryDump 1.3", "!data ip_src ip_dst", "10.0.0.1 192.0.2.9"]
    assert written("HEADER false", ipv4(udp())) == ["10.0.0.1 192.0.2.9"]
    assert written("BANNER me")[1] == '!creator "me"'


@pytest.mark.parametrize(
    ("fields", "packet", "line"),
    [
        ("timestamp ntimestamp ts_sec ts_usec", ipv4(), "1.500000 1.500000000 1 500000"),
        ("ip_proto sport dport", ipv4(udp(b"", 5, 6)), "U 5 6"),
        ("ip_proto sport dport", ipv4(b"", proto=99), "99 - -"),
        ("ip_len payload_len payload", ipv4(udp(b"a b")), '31 3 "a b"'),
        (
            "tcp_seq tcp_ack tcp_off tcp_flags tcp_win",
            ipv4(tcp(b"x", seq=7, ack=9), proto=TCP),
            "7 9 20 A 1024",
        ),
        ("payload_len tcp_urp", ipv4(tcp(b"x"), proto=TCP), "1 0"),
        ("ip_frag ip_fragoff", ipv4(udp(), off=0x2000), "F 0+"),
        ("ip_frag ip_fragoff sport", ipv4(udp(), off=5), "f 40 -"),
        ("ip_frag ip_tos ip_dscp ip_ecn ip_ttl ip_id ip_hl", ipv4(tos=0xB9), ". 185 46 ect1 64 1 20"),
        (
            "icmp_type icmp_code icmp_id icmp_seq",
            ipv4(bytes([8, 0, 0, 0, 0, 7, 0, 9]), proto=ICMP),
            "8 0 7 9",
        ),
        ("udp_len udp_sum", ipv4(udp(checksum=3)), "8 3"),
        ("count direction link aggregate wire_len", ipv4(), "1 > 0 0 20"),
        ("eth_src ip_src", ipv4()[:19], "- -"),
        ("ip_capture_len", ipv4(b"abc", length=90), "23"),
    ],
)
def test_fields(fields, packet, line):
    assert written(f"HEADER false, FIELDS {fields}", packet, second=1.5) == [line]


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("ip src", "ip_src"),
        ("src", "ip_src"),
        ("ip_dport", "dport"),
        ("tcp_sport", "sport"),
        ("len", "ip_len"),
        ("x", None),
    ],
)
def test_spellings(spelling, name):
    assert field_name(spelling) == name


def test_unknown_fields_are_refused():
    with pytest.raises(ConfigurationError, match="there is no field 'nonsense'"):
        build_one(ToIPSummaryDump, "f, FIELDS ip_src nonsense")


def read(text: str, arguments: str = "", fields: str = "ip_src ip_dst") -> list[str]:
    """What a reader makes of `text`, as a writer tells it."""
    io = MemoryIo()
    io.files["in"] = Kept(text.encode())
    source = f"f :: FromIPSummaryDump(in{arguments}) -> ToIPSummaryDump(out, HEADER false, FIELDS {fields})"
    router, _ = build(Source("t", source), io)
    router.run()
    return [*router.messages, *io.files["out"].getvalue().decode().splitlines()]


ALL = "timestamp ip_src sport ip_dst dport ip_proto ip_len tcp_flags ip_id ip_ttl ip_fragoff payload_len"
ALL += " count direction"
LINES = [
    "1.000000 10.0.0.1 5 10.0.0.2 6 T 40 SA 7 64 0 0 1 >",
    "2.500000 10.0.0.2 6 10.0.0.1 5 U 128 - 8 9 0+ 100 3 <",
    "3.000000001 10.0.0.2 - 10.0.0.1 - 99 20 - 0 1 0 0 1 >",
    "4.000000 10.0.0.2 - 10.0.0.1 - U 28 - 0 1 80 8 1 >",
]


def test_what_was_written_can_be_read():
    text = "\n".join(("!IPSummaryDump 1.3", f"!data {ALL}", *LINES)) + "\n"
    assert read(text, fields=ALL) == LINES


@pytest.mark.parametrize(
    ("text", "arguments", "fields", "lines"),
    [
        ("!data 'ip src' 'ip dst'\n1.2.3.4 5.6.7.8\n", "", "ip_src ip_dst", ["1.2.3.4 5.6.7.8"]),
        ("1.2.3.4 5.6.7.8\n", ", FIELDS src dst", "ip_src ip_proto ip_len", ["1.2.3.4 T 40"]),
        ("1.2.3.4\n", ", CONTENTS src, PROTO udp", "ip_proto udp_len", ["U 8"]),
        ("!data ip_src count\n1.2.3.4 3\n", ", MULTIPACKET true", "ip_src count", ["1.2.3.4 1"] * 3),
        ("!data ip_src count\n1.2.3.4 3\n", "", "ip_src count", ["1.2.3.4 3"]),
        ("!data ip_len\n60\n", "", "ip_capture_len wire_len", ["40 60"]),
        ("!data ip_len\n60\n", ", ZERO true", "ip_capture_len wire_len", ["60 60"]),
        ("!data payload ip_proto\n'a b' U\n", ", CHECKSUM true", "payload ip_sum", ['"a b" 22223']),
        ("!data ip_src\n# a comment\n\n1.2.3.4\n", "", "ip_src", ["1.2.3.4"]),
        ("!data ip_src\n1.2.3\n1.2.3.4\n", "", "ip_src", ["f: in:2: '1.2.3' is no address", "1.2.3.4"]),
        ("!data ip_dscp ip_ecn\n46 ce\n", "", "ip_tos", ["187"]),
        (
            "!data ip_src nonsense sport\n1.2.3.4 x 5\n",
            "",
            "sport",
            ["f: in:1: there is no field 'nonsense'", "5"],
        ),
    ],
)
def test_reading(text, arguments, fields, lines):
    assert read(text, arguments, fields) == lines


def test_the_time_between_packets_is_kept_and_the_end_may_end_the_run():
    io = MemoryIo()
    io.files["in"] = Kept(b"!data timestamp\n5\n7.5\n")
    router, _ = build(Source("t", "f :: FromIPSummaryDump(in, TIMING true, STOP true) -> Discard"), io)
    router.run()
    assert (router.ended, router.clock(), router.handlers.read("f.count")) == (True, 2_500_000_000, "2")
