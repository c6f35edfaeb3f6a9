import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import ConfigurationError
from innet.flowspec import describe, lower, parse_flow
from tests.flowspec.evaluate import Cut, is_told, value

VECTORS = json.loads((Path(__file__).parent / "data" / "tcpdump_vectors.json").read_text())
PACKETS = [Cut(bytes.fromhex(data)) for data in VECTORS["packets"].values()]


@pytest.mark.parametrize("flow", VECTORS["flows"])
def test_flow_means_what_libpcap_says(flow: str) -> None:
    expr = lower(parse_flow(flow).predicate)
    assert "".join(str(value(expr, packet)) for packet in PACKETS) == VECTORS["flows"][flow]


@pytest.mark.parametrize("flow", VECTORS["refused"])
def test_flow_that_libpcap_refuses_is_refused(flow: str) -> None:
    assert VECTORS["refused"][flow].startswith("error")
    with pytest.raises(ConfigurationError):
        parse_flow(flow)


@pytest.mark.parametrize(
    ("flow", "meaning"),
    [
        ("", "any packet"),
        ("port http", "(tcp or udp or sctp) and first fragment and (src port == 80 or dst port == 80)"),
        ("src 192.168.0.0/16", "src 192.168.0.0/16"),
        ("ether host 00:11:22:33:44:55", "ether src == 00:11:22:33:44:55 or ether dst == 00:11:22:33:44:55"),
        ("ether proto \\ip", "ether type == 2048"),
        ("tcp dst port 80 or 443", "tcp and first fragment and (dst port == 80 or dst port == 443)"),
        ("not port 80 or 443",
         "not ((tcp or udp or sctp) and first fragment and (src port == 80 or dst port == 80)) or "
         "(tcp or udp or sctp) and first fragment and (src port == 443 or dst port == 443)"),
        ("ip[0:2] & 0xff00 = 0x4500", "ip[0:2] & 0xff00 == 0x4500 and ip[0:2] >= 0"),
        ("len > 20", "len > 20"),
    ],
)  # fmt: skip
def test_flow_in_words(flow: str, meaning: str) -> None:
    assert describe(parse_flow(flow).predicate) == meaning


@pytest.mark.parametrize(
    ("flow", "code", "column", "words"),
    [
        ("tcp # 5", "F141", 5, "'#'"),
        ("tcp prt 80", "F142", 5, "did you mean 'port'?"),
        ("udp dst port 5 tcp", "F142", 16, "and tcp"),
        ("tcp)", "F142", 4, "'and', 'or'"),
        ("tcp[13]", "F144", 1, "no test"),
        ("(tcp", "F145", 1, "not closed"),
        ("tcp[13 = 5", "F145", 1, "not closed"),
        ("tcp[13] = udp", "F146", 11, "not a number"),
        ("tcp[0:3] = 5", "F147", 7, "1, 2 or 4"),
        ("tcp[tcp[12]:4] = 5", "F148", 5, "at most six bits"),
        ("arp", "F149", 1, "IPv4"),
        ("ip[2:2] / ip[0] = 5", "F150", 11, "by a constant"),
        ("ip[2:2] << 32 = 5", "F150", 12, "31 bits"),
        ("esp[0] = 5", "F149", 1, "libpcap reads no bytes"),
        ("ip port 80", "F155", 4, "no ports"),
        ("ip[2:2] / 0 = 5", "F150", 11, "zero"),
        ("greater x", "F151", 9, "bytes"),
        ("10.0.0.1", "F153", 1, "write `host 10.0.0.1`"),
        ("tcp or 80", "F153", 8, "write `port 80`"),
        ("udp and", "F154", 8, "missing at the end"),
        ("frobnicate", "F154", 1, "not a keyword"),
        ("port 80 and prt 443", "F154", 13, "did you mean 'port'?"),
        ("udp dst 10.0.0.1", "F155", 5, "write `udp and dst 10.0.0.1`"),
        ("icmp port 80", "F155", 6, "no ports"),
        ("host example", "F156", 6, "write the address"),
        ("port htp", "F156", 6, "did you mean 'http'?"),
        ("port 65536", "F157", 6, "0 to 65535"),
        ("net 10.0.0.1/8", "F158", 5, "write `10.0.0.0/8`"),
        ("host 10.0.0.0/8", "F158", 6, "'net'"),
    ],
)
def test_mistake_is_shown_in_its_place(flow: str, code: str, column: int, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_flow(flow)
    first = caught.value.diagnostics[0]
    assert first.span is not None
    assert (first.code, first.span.source.position(first.span.start)[1]) == (code, column)
    assert words in str(caught.value)


def test_every_mistake_is_reported_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_flow("tcp prt 80 and port 99999 or (host example and udp) or net 10.0.0.1/8")
    assert [d.code for d in caught.value.diagnostics] == ["F142", "F157", "F156", "F158"]


def test_tags_are_not_on_plain_packets_and_it_is_said() -> None:
    flow = parse_flow("vlan 5 and udp")
    assert [d.code for d in flow.warnings] == ["F152"]
    assert not any(value(lower(flow.predicate), packet) for packet in PACKETS)
    with pytest.raises(ConfigurationError, match="0 to 4095"):
        parse_flow("vlan 4096")


def test_variables_are_addresses_known_later() -> None:
    assert parse_flow("udp and dst $Batcher.ADDR").variables == ("Batcher.ADDR",)
    known = parse_flow("udp and dst $Batcher.ADDR", variables={"Batcher.ADDR": 0x01020304})
    assert known.variables == ()
    assert describe(known.predicate) == "udp and dst 1.2.3.4"


@pytest.mark.parametrize(
    ("flow", "cut", "expected"),
    [
        ("port 80", 22, 1),  # the source port is there
        ("dst port 80", 22, 0),
        ("not dst port 80", 22, 1),
        ("tcp[13] != 99", 30, 0),
        ("not tcp[13] = 99", 30, 1),
        ("tcp[12:2] & 0xff00 != 0", 33, 0),  # libpcap loads both bytes
    ],
)
def test_absent_bytes_make_tests_false(flow: str, cut: int, expected: int) -> None:
    syn = bytes.fromhex("4500002800010000400677cd010000010200000200500063000003e8000007d05002006400000000")
    assert value(lower(parse_flow(flow).predicate), Cut(syn[:cut])) == expected


WORDS = [
    "tcp", "udp", "src", "dst", "port", "host", "net", "80", "10.0.0.1", "10.0.0.0", "/", "8", "and", "or", "not", "(",
    ")", "ip", "[", "]", ":", "2", "&", "=", "!=", "+", "-", "len", "proto", "portrange", "1-5", "mask", "vlan",
    "\\", "$X", "ether", "tcpflags", "less",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=20))
def test_any_words_give_a_meaning_or_an_error(words: list[str]) -> None:
    try:
        flow = parse_flow(" ".join(words))
    except ConfigurationError as error:
        is_told(error)
        return
    expr = lower(flow.predicate)
    assert expr.width == 1
    assert value(expr, PACKETS[0]) in (0, 1)
    assert describe(flow.predicate)


@given(st.text(max_size=60))
def test_any_text_gives_a_meaning_or_an_error(text: str) -> None:
    try:
        parse_flow(text)
    except ConfigurationError as error:
        is_told(error)


@pytest.mark.parametrize(
    "text",
    ["(" * 100_000, "not " * 100_000, "port (" * 50_000, "tcp[" * 50_000, "1+" * 100_000, "-" * 100_000 + "1 = 1x",
     "ip[0]+" * 50_000 + "1 = 1", "tcp and udp or " * 50_000 + "tcp", "x" * (1 << 21), "x " * 100_000,
     "(1 + " * 50_000, "tcp[(" * 50_000],
)  # fmt: skip
def test_huge_text_ends_in_an_error(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_flow(text)
    assert len(caught.value.diagnostics) <= 60
