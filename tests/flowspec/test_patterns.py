import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import ConfigurationError, Source, Span
from innet.flowspec import FALSE, TRUE, describe, lower, parse_pattern, parse_rule, unreachable
from tests.flowspec.evaluate import Cut, is_told, value

VECTORS = json.loads((Path(__file__).parent / "data" / "ipfilter_vectors.json").read_text())
REFERENCE_ERRORS = {("port > 79", "S2")}  # the one cell not to copy (ELEMENTS B.1)


@pytest.mark.parametrize("pattern", VECTORS["patterns"])
def test_pattern_means_what_was_measured(pattern: str) -> None:
    expr = lower(parse_pattern(pattern).predicate)
    for name, expected in VECTORS["patterns"][pattern].items():
        packet = Cut(bytes.fromhex(VECTORS["packets"][name]))
        wrong_there = (pattern, name) in REFERENCE_ERRORS
        assert value(expr, packet) == int(expected) ^ wrong_there, name


@pytest.mark.parametrize(
    ("pattern", "meaning"),
    [
        ("", "any packet"),
        ("-", "any packet"),
        ("any", "any packet"),
        ("all", "any packet"),
        ("true", "any packet"),
        ("false", "no packet"),
        ("not a_name_that_is_no_word_is_an_error", None),
        ("udp", "udp"),
        ("ip proto udp", "udp"),
        ("proto 99", "proto 99"),
        ("tcpudp", "tcp or udp"),
        ("ip proto != tcpudp", "proto != 6 and proto != 17"),
        ("src 10.0.0.0/8", "src 10.0.0.0/8"),
        ("net 10.0.0.1/24", "src 10.0.0.0/24 or dst 10.0.0.0/24"),
        ("dst net 10.1.2.3 mask 255.255.0.0", "dst 10.1.0.0/16"),
        ("src host & 255.0.255.0 10.9.1.9", "src 10.0.1.0/255.0.255.0"),
        ("dst host != 1.2.3.4", "dst != 1.2.3.4"),
        ("src or dst host != 1.2.3.4", "src != 1.2.3.4 and dst != 1.2.3.4"),
        ("src and dst host != 1.2.3.4", "src != 1.2.3.4 or dst != 1.2.3.4"),
        ("udp dst port 53 or 67", "udp and first fragment and (dst port == 53 or dst port == 67)"),
        ("tcp src port > 1023 and < 5000", "tcp and first fragment and src port > 1023 and src port < 5000"),
        ("dst port & 0xfff0 80", "(tcp or udp) and first fragment and dst port & 0xfff0 == 0x50"),
        ("src tcp port & 10 == 8", "tcp and first fragment and src port & 0xa == 0x8"),
        ("not not icmp", "icmp"),
        ("not a", None),
        ("tcp port 80", "tcp and first fragment and (src port == 80 or dst port == 80)"),
        ("icmp type unreachable or redirect", "icmp and first fragment and (transport[0] == 3 or transport[0] == 5)"),
        ("icmp echo", "icmp and first fragment and transport[0] == 8"),
        ("tcp echo", "tcp and first fragment and (src port == 7 or dst port == 7)"),
        ("ip vers 4", "ip vers == 4"),
        ("ip hl > 5 and ip id < 100", "ip hl > 5 and ip id < 100"),
        ("ip dscp 46", "ip bits 8-13 == 46"),
        ("ip ect 1", "ip bits 14-15 == 1"),
        ("tcp opt 0x12", "tcp and first fragment and transport[13] & 0x12 == 0x12"),
        ("tcp win 0", "tcp and first fragment and transport[14:2] == 0"),
        ("ip[12:4] == 0x0a000001", "src 10.0.0.1"),
        ("ip[12,15] == 0x0a000001", "src 10.0.0.1"),
        ("transp[0:2] 53", "first fragment and src port == 53"),
        ("unfrag && ip[6] & 0x40 == 0x40", "ip bits 50-63 == 0 and ip[6] & 0x40 == 0x40"),
        ("tcp ? dst port 80 : icmp", "tcp and first fragment and dst port == 80 or not tcp and icmp"),
        ("ether src 02:00:00:00:00:01", "ether src == 02:00:00:00:00:01"),
        ("02-00-00-00-00-01", "ether src == 02:00:00:00:00:01 or ether dst == 02:00:00:00:00:01"),
        ("src net 10.0.0.0/8 and not 10.1.0.0/16", "src 10.0.0.0/8 and not src 10.1.0.0/16"),
        ("(src port 80 or 81) or 443",
         "(tcp or udp) and first fragment and (src port == 80 or src port == 81 or src port == 443)"),
        ("src port > 1023 or 80", "(tcp or udp) and first fragment and (src port > 1023 or src port == 80)"),
        ("a ? b : c", None),
    ],
)  # fmt: skip
def test_pattern_in_words(pattern: str, meaning: str | None) -> None:
    if meaning is None:
        with pytest.raises(ConfigurationError):
            parse_pattern(pattern)
    else:
        assert describe(parse_pattern(pattern).predicate) == meaning


@pytest.mark.parametrize(
    ("pattern", "code", "column", "words"),
    [
        ("tcp and prt 80", "F103", 9, "did you mean 'port'?"),
        ("tcp and", "F103", 8, "missing at the end"),
        ("not", "F103", 4, "missing at the end"),
        ("tcp)", "F103", 4, "comes after the end"),
        ("(tcp and port 80", "F106", 17, "not closed"),
        ("ip[9", "F106", 3, "not closed"),
        ("tcp ? udp", "F105", 10, "no ':'"),
        ("tcp # udp", "F102", 5, "'#'"),
        ("port", "F107", 1, "'port' has no fitting value"),
        ("port > ", "F107", 7, "a value is missing"),
        ("ip", "F107", 1, "not complete"),
        ("transp", "F107", 1, "transp[POS:LEN]"),
        ("host 10.0.0.0/24", "F107", 1, "an IPv4 address"),
        ("tcp port 10-20", "F107", 10, "dst port >= 10 and dst port <= 20"),
        ("portrange 10-20", "F103", 1, "not a pattern keyword"),
        ("ip ttl 256", "F108", 1, "0 to 255"),
        ("dst port 65536", "F108", 1, "0 to 65535"),
        ("tcp opt 256", "F108", 1, "0 to 255"),
        ("ip[16:4] 0xe0000001", "F108", 10, "ip[16:2] 0xe000"),
        ("ip ttl -5", "F108", 8, "signed"),
        ("tcp udp port 5", "F109", 5, "another protocol"),
        ("src src host 1.2.3.4", "F109", 5, "second qualifier"),
        ("host port 5", "F109", 6, "second qualifier"),
        ("ip frag udp", "F109", 9, "ip frag and udp"),
        ("sctp port 80", "F109", 1, "no ports"),
        ("udp win 5", "F109", 1, "another protocol"),
        ("tcp host 1.2.3.4", "F109", 1, "cannot qualify"),
        ("ip[2:4] 5", "F111", 3, "aligned"),
        ("ip[0:5] 5", "F111", 3, "aligned"),
        ("ip[x] 5", "F111", 3, "range of bytes"),
        ("[0] 5", "F111", 1, "after 'ip'"),
        ("ip ttl & 0 5", "F112", 10, "not a mask"),
        ("ip ttl & 0x100 5", "F112", 1, "too wide"),
        ("dst host & 0x0000ff00 0.7.0.0", "F112", 1, "dotted"),
        ("echo", "F113", 1, "port echo"),
        ("src host www", "F113", 10, "meaningless"),
        ("port syn", "F113", 6, "meaningless"),
        ("src port 80 or dst 99", "F114", 16, "write `dst port 99`"),
        ("5", "F114", 1, "port"),
        ("tcp opt != 5", "F116", 1, "neither"),
        ("src host > 1.2.3.4", "F116", 1, "'=' or '!='"),
    ],
)
def test_mistake_is_shown_in_its_place(pattern: str, code: str, column: int, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_pattern(pattern)
    first = caught.value.diagnostics[0]
    assert first.span is not None
    assert (first.code, first.span.source.position(first.span.start)[1]) == (code, column)
    assert words in str(caught.value)


def test_every_mistake_is_reported_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_pattern("prt 80 and (tcp udp port 5 or ip ttl 300) and 5 or src host www")
    assert [d.code for d in caught.value.diagnostics] == ["F103", "F109", "F108", "F113"]


@pytest.mark.parametrize(
    ("pattern", "code", "meaning"),
    [
        ("ip ttl >= 0", "F117", "any packet"),
        ("dst port > 65535", "F117", "no packet"),
        ("ip ttl & 1 2", "F117", "no packet"),
        ("src tcp", "F115", "tcp"),
        ("tcp not port 80", "F110", "not (tcp and first fragment and (src port == 80 or dst port == 80))"),
    ],
)
def test_odd_pattern_is_warned_about(pattern: str, code: str, meaning: str) -> None:
    parsed = parse_pattern(pattern)
    assert [d.code for d in parsed.warnings] == [code]
    assert describe(parsed.predicate) == meaning


@pytest.mark.parametrize(
    ("pattern", "ports", "expected"),
    [
        (
            "tcp[0:4] > 0x00400000",
            "0400",
            1,
        ),  # nine zeros come first in the bound, and one of these bits is set
        ("tcp[0:4] > 0x00400000", "0060", 0),
        ("tcp[0:4] < 0x00400000", "0020", 1),  # the next bit of the bound is a one, and this one is not set
        ("tcp[0:4] < 0x00400000", "0060", 0),
        ("src port > 1023", "04", 1),
        ("src port > 1023", "03", 0),
        ("src port < 1024", "03", 1),
        ("src port > 80", "ff", 0),  # nine zeros, which lie in both bytes
        ("src port <= 50000", "80", 1),
        ("src port != 80", "ff", 0),
    ],
)
def test_order_may_be_decided_by_the_first_bytes(pattern: str, ports: str, expected: int) -> None:
    header = bytes.fromhex("4500001800010000400677dd0100000102000002")
    assert value(lower(parse_pattern(pattern).predicate), Cut(header + bytes.fromhex(ports))) == expected


def test_rule_has_an_action() -> None:
    assert parse_rule("allow udp port 1500").output == 0
    assert parse_rule("3").predicate == TRUE
    assert parse_rule("2 -").predicate == TRUE
    assert parse_rule("drop false").predicate == FALSE
    assert parse_rule("deny src 10.0.0.1").output is None
    for text in ("permit tcp", "", "tcp"):
        with pytest.raises(ConfigurationError) as caught:
            parse_rule(text)
        assert caught.value.diagnostics[0].code == "F101"


def test_mistake_points_into_the_configuration() -> None:
    source = Source("a.click", "f :: IPFilter(allow udp prot 1500);\n")
    with pytest.raises(ConfigurationError) as caught:
        parse_rule("allow udp prot 1500", Span(source, 14, 33))
    assert "a.click:1:25: error[F103]" in str(caught.value)


class Book:
    """AddressInfo(inside 10.0.0.0/24, gw 10.0.0.1), PortInfo(game 4000)."""

    def address(self, word: str) -> int | None:
        return 0x0A000001 if word in ("gw", "inside") else None

    def prefix(self, word: str) -> tuple[int, int] | None:
        return (0x0A000000, 0xFFFFFF00) if word in ("inside", "inside:ipnet") else None

    def ether(self, word: str) -> int | None:
        return 1 if word == "station" else None

    def port(self, word: str) -> int | None:
        return 4000 if word == "game" else None


@pytest.mark.parametrize(
    ("pattern", "meaning"),
    [
        ("src host gw", "src 10.0.0.1"),
        ("src net inside", "src 10.0.0.0/24"),
        ("dst inside", "dst 10.0.0.1"),
        ("dst inside:ipnet", "dst 10.0.0.0/24"),
        ("ether src station", "ether src == 00:00:00:00:00:01"),
        ("udp dst port game", "udp and first fragment and dst port == 4000"),
    ],
)
def test_names_of_the_configuration_are_known(pattern: str, meaning: str) -> None:
    assert describe(parse_pattern(pattern, names=Book()).predicate) == meaning


def test_unreachable_patterns_are_found() -> None:
    predicates = tuple(parse_pattern(p).predicate for p in ("tcp", "ip proto 6", "false", "-", "udp"))
    assert unreachable(predicates) == (1, 2, 4)


WORDS = [
    "tcp", "udp", "src", "dst", "port", "host", "net", "80", "10.0.0.1", "10.0.0.0/8", "and", "or", "not", "(", ")",
    "ip", "ttl", ">", "!=", "&", "0xff", "[", "]", "0:2", "?", ":", "syn", "www", "icmp", "type", "ether", "frag",
    "mask",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=20))
def test_any_words_give_a_meaning_or_an_error(words: list[str]) -> None:
    try:
        parsed = parse_pattern(" ".join(words))
    except ConfigurationError as error:
        is_told(error)
        return
    assert lower(parsed.predicate).width == 1
    assert describe(parsed.predicate)


@given(st.text(max_size=60))
def test_any_text_gives_a_meaning_or_an_error(text: str) -> None:
    try:
        parse_rule(text)
    except ConfigurationError as error:
        is_told(error)


@pytest.mark.parametrize(
    "text",
    ["(" * 100_000, "not " * 100_000, "a ? " * 50_000, "tcp ? " * 50_000 + "tcp", "(tcp ? tcp : " * 40_000,
     "x" * (1 << 21),
     "ip[" * 100_000, "tcp or (udp and " * 50_000, "5 " * 100_000, "tcp and " * 200_000],
)  # fmt: skip
def test_huge_text_ends_in_an_error(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_pattern(text)
    assert len(caught.value.diagnostics) <= 60


def test_nested_choices_do_not_explode() -> None:
    text = "tcp"
    for _ in range(30):
        text = f"({text}) ? udp : icmp"
    with pytest.raises(ConfigurationError, match="F104"):
        parse_pattern(text)
