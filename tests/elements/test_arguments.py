"""How elements read their arguments (ELEMENTS 1.7, 1.8), and how mistakes read."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import ConfigurationError, Source, Span, render_all
from innet.elements import arguments as args
from innet.elements.arguments import NO_NAMES, Key, NameBook, Names, Rest, bind, unparse, with_argument
from innet.elements.base import Element
from innet.lexical import Text
from innet.packet import names as tables


def text(string: str) -> Text:
    source = Source("config.click", f"Sample({string})")
    return Text(string, Span(source, 7, 7 + len(string)))


@dataclass(frozen=True)
class Declared:
    name: str
    class_name: str
    arguments: Text


BOOK = NameBook.of(
    [
        Declared(
            "AddressInfo@1",
            "AddressInfo",
            Text("gw 10.0.0.1/24 2:0:0:0:0:1, host 1.2.3.4, net 10.1/16, v6 ::1, six 2001:db8::9/64"),
        ),
        Declared("in/AddressInfo@1", "AddressInfo", Text("gw 192.0.2.9")),
        Declared("PortInfo@2", "PortInfo", Text("web 8080/tcp www2 # the new one, game 4000")),
        Declared("AnnotationInfo@3", "AnnotationInfo", Text("MINE 44 4")),
        Declared("in/q", "Queue", Text("")),
    ],
    {"eth0": "198.51.100.1 3:0:0:0:0:1"},
)
NAMES = BOOK.at("x")


def value(kind: args.ArgumentType[Any], string: str, names: Names = NAMES) -> Any:
    """What `kind` reads, or the message."""
    try:
        return kind.parse(Text(string), names)
    except ConfigurationError as error:
        return error.diagnostics[0].message


IP = 0x0A000001
SIX = 0x20010DB8_00000000_00000000_00000009


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (args.Bool(), {"true": True, "y": True, "0": False, "'no'": False, "True": "'True' is not true or false"}),
        (args.Signed(), {"-5": -5, "+7": 7, "0x10": 16, "0b11": 3, "010": 8, "1_000": 1000,
                    "08": "'08' is not a number",
                         "": "expected an integer of 32 bits", "4000000000": "4000000000 is out of range",
                         "fourteen": "'fourteen' is not a number", "1 2": "'1 2' is not an integer of 32 bits"}),
        (args.Unsigned(8), {"255": 255, "256": "256 is out of range", "-1": "-1 is out of range"}),
        (args.Real(), {"1.5e-3": 0.0015, ".5": 0.5, "2.": 2.0, "1e": "'1e' is not a number such as 0.5 or 1.5e-3"}),
        (args.FixedPoint(16), {"0.25": 1 << 14, "1e-9": 0, "2": 2 << 16,
                               "-1": "'-1' is not a number from 0 such as 0.5 or "
                               "1.5e-3"}),
        (args.FixedPoint(28, share=True), {"1": 1 << 28, "1.1": "'1.1' is not a number from 0 to 1"}),
        (args.Seconds(3, signed=True), {"-1.5": -1500, "20ms": 20}),
        (args.Fraction(), {"0.25": 0.25, "1.5": "'1.5' is not a number from 0 to 1"}),
        (args.String(), {"a": "a", '"a b"c': "a bc", '""': "",
                         "a b": "'a b' is not a string; quote it if it has spaces (\"a b\") or is empty (\"\")"}),
        (args.Word(), {"a-b/c": "a-b/c", "'a,b'": "''a,b'' is not a word without quotes, backslash and comma"}),
        (args.Keyword(), {"a.b:c": "a.b:c", "a-b": "'a-b' is not a word of letters, digits and '_.:?!'"}),
        (args.ByteString(), {r"\<de ad>b": b"\xde\xadb", '"é"': b"\xe9", '"ł"': "a character that is no byte"}),
        (args.RawString(), {"a  'b'": b"a  b"}),
        (args.Seconds(), {"2": 2, "1.5s": 2, "5m": 300, "2hr": 7200, "1d": 86400, "1.4999": 1,
                          "x": "'x' is not a time such as 2, 1.5s, 20ms, 5min or 1hr"}),
        (args.Seconds(3), {"0.2": 200, "20ms": 20, "1500 usec": 2, "1 min": 60000,
                    "-1": "'-1' is not a time such as 2, "
                           "1.5s, 20ms, 5min or 1hr"}),
        (args.Seconds(9), {"1ns": 1, "0.000001": 1000, "1e-9s": 1}),
        (args.Seconds(6), {" 007 ": 7_000_000, "9223372036855":
                           "'9223372036855' is not a time such as 2, 1.5s, 20ms, 5min or 1hr", f"{7:041}":
                           f"'{7:041}' is not a time such as 2, 1.5s, 20ms, 5min or 1hr"}),
        (args.Bandwidth(), {"1000": 1000, "8kbps": 1000, "100kBps": 100_000, "1.5MB/s": 1_500_000, "1Gbps": 125_000_000,
                            "8baud": 1, "100GBps": "'100GBps' is not a rate such as 8kbps, 1.5MBps or 1000 (bytes per "
                            "second)", "5k": "'5k' is not a rate such as 8kbps, 1.5MBps or 1000 (bytes per second)"}),
        (args.IPAddress(), {"10.0.0.1": IP, "gw": IP, "gw:ip": IP, "gw:bcast": 0x0A0000FF, "gw:gw": IP,
                    "net": 0x0A010000,
                            "eth0": 0xC6336401, "10.0.0.256": "'10.0.0.256' is not an IPv4 address",
                            "gw:eth": "'gw:eth' is not an IPv4 address", "1.2.3": "'1.2.3' is not an IPv4 address"}),
        (args.IPPrefix(), {"10.1/16": (0x0A010000, 0xFFFF0000), "10.0.0.1/255.0.255.0": (IP, 0xFF00FF00),
                           "gw:ipnet": (IP, 0xFFFFFF00), "10.0.0.0/33": "'10.0.0.0/33' is not an IPv4 prefix ADDR/LEN",
                           "host": "'host' is not an IPv4 prefix ADDR/LEN"}),
        (args.IPPrefix(bare=True), {"10.0.0.1": (IP, 0xFFFFFFFF), "host": (0x01020304, 0xFFFFFFFF)}),
        (args.IP6Address(), {"::1": 1, "2001:DB8::9": SIX, "::ffff:10.0.0.1": 0xFFFF0A000001, "v6": 1, "six:ip6": SIX,
                             "1:2:3:4:5:6:7:8": 0x00010002000300040005000600070008,
                             "10.0.0.1": "'10.0.0.1' is not an IPv6 address such as 2001:db8::1",
                             "fe80::1%eth0": "'fe80::1%eth0' is not an IPv6 address such as 2001:db8::1",
                             "gw": "'gw' is not an IPv6 address such as 2001:db8::1"}),
        (args.IP6Prefix(), {"2001:db8::9/64": (SIX, 64), "six": (SIX, 64), "six:ip6net": (SIX, 64), "::/0": (0, 0),
                            "::1/ffff::": (1, 16), "::1/129": "'::1/129' is not an IPv6 prefix ADDR/LEN",
                            "::1/ff00:1::": "'::1/ff00:1::' is not an IPv6 prefix ADDR/LEN",
                            "v6": "'v6' is not an IPv6 prefix ADDR/LEN"}),
        (args.IP6Prefix(bare=True), {"::1": (1, 128), "v6": (1, 128)}),
        (args.EtherAddress(), {"2:0:0:0:0:1": 0x020000000001, "00-11-22-33-44-55": 0x001122334455, "gw": 0x020000000001,
                               "gw:eth": 0x020000000001,
                               "1:1:1:1:1": "'1:1:1:1:1' is not an Ethernet address such as 2:0:0:0:0:1"}),
        (args.Port("tcp"), {"80": 80, "www": 80, "web": 8080, "www2": 8080, "game": 4000,
                    "70000": "'70000' is not a TCP port"}),
        (args.Port("udp"), {"web": "'web' is not a UDP port", "game": 4000}),
        (args.Protocol(), {"17": 17, "udp": 17, "256": "'256' is not an IP protocol",
                    "upd": "'upd' is not an IP protocol"}),
        (args.Annotation(1), {"PAINT": 16, "47": 47, "48": "byte 48 is beyond the 48 annotation bytes",
                              "DST_IP": "annotation 'DST_IP' has 4 bytes", "PIANT": "'PIANT' is no annotation"}),
        (args.Annotation(4), {"DST_IP": 0, "MINE": 44, "AGGREGATE": 20}),
        (args.ElementRef(), {"in/q": "in/q", "r": "there is no element 'r'"}),
        (args.HandlerCall(), {"stop": ("stop", ""), "q.reset  1 'b c'": ("q.reset", "1 b c"),
                              ".x": "'.x' is not a handler to write: ELEMENT.HANDLER [VALUE]"}),
        (args.CountCall(), {"100 sw.switch 2": (100, "sw.switch", "2"),
                            "stop": "'stop' is not a number and a handler to write: N ELEMENT.HANDLER [VALUE]"}),
        (args.OneOf("src", "dst"), {"src": "src", "sr": "'sr' is not src or dst"}),
        (args.WordOr("ANNO", args.Unsigned(8)), {"ANNO": "ANNO", "7": 7, "x": "'x' is not a number"}),
        (args.ListOf(args.IPAddress()), {"": (), "10.0.0.1 gw": (IP, IP), "10.0.0.1 x": "'x' is not an IPv4 address"}),
    ],
)  # fmt: skip
def test_types(kind: args.ArgumentType[Any], rows: dict[str, Any]) -> None:
    assert {string: value(kind, string) for string in rows} == rows


def test_names_are_those_of_the_innermost_compound() -> None:
    assert value(args.IPAddress(), "gw", BOOK.at("in/e")) == 0xC0000209
    assert value(args.IPPrefix(), "gw", BOOK.at("in/e")) == "'gw' is not an IPv4 prefix ADDR/LEN"
    assert value(args.ElementRef(), "q", BOOK.at("in/deep/e")) == "in/q"


def test_bad_entries_of_information_elements_are_told() -> None:
    book = NameBook.of(
        [
            Declared("a", "AddressInfo", Text("gw 1.2.3, lonely, six ::1::2")),
            Declared("p", "PortInfo", Text("web 99999, x 5/sctp, y")),
            Declared("n", "AnnotationInfo", Text("PAINT 3 1, FAR 47 4")),
        ]
    )
    assert [d.message for d in book.problems] == [
        "'1.2.3' is not an address",
        "no address for 'lonely'",
        "'::1::2' is not an address",
        "'99999' is not a port",
        "'5/sctp' is not a port",
        "no port for 'y'",
        "annotation 'PAINT' is built in and cannot be redefined",
        "'FAR' is not an annotation",
    ]


@dataclass(frozen=True)
class Sample(Element):
    """An element with one of each."""

    length: Annotated[int, args.Unsigned(16)]
    burst: int = 1
    _: KW_ONLY
    interval_ms: Annotated[int, args.Seconds(digits=3)] = 0
    source: Annotated[int | None, args.IPAddress(), Key("SRC")] = None
    stop: bool = False


@dataclass(frozen=True)
class Many(Element):
    """An element that takes any number of arguments."""

    KEYWORDS_FIRST: ClassVar[bool] = True

    numbers: Annotated[tuple[int, ...], Rest(args.Unsigned())]
    _: KW_ONLY
    active: bool = True


@dataclass(frozen=True)
class Lines(Element):
    """An element with a grammar of its own, for single arguments."""

    lines: Annotated[tuple[Text, ...], Rest()] = ()


@dataclass(frozen=True)
class Own(Element):
    """An element with a grammar of its own, for all arguments."""

    count: int

    @classmethod
    def configure(cls, arguments: tuple[Text, ...], names: Names) -> "Own":
        return cls(len(arguments))


@pytest.mark.parametrize(
    ("cls", "string", "expected"),
    [
        (Sample, "5", Sample(5)),
        (
            Sample,
            "5, 6, STOP true, INTERVAL 20ms, SRC gw",
            Sample(5, 6, interval_ms=20, source=IP, stop=True),
        ),
        (Sample, "LENGTH 3, LENGTH 4", Sample(4)),
        (Sample, "5, BURST 7", Sample(5, 7)),
        (Many, "1, ACTIVE false, 2", Many((1, 2), active=False)),
        (Lines, "drop all, ALLOW tcp", Lines((Text("drop all"), Text("ALLOW tcp")))),
        (Lines, "", Lines()),
        (Own, "a, b", Own(2)),
    ],
)
def test_bind(cls: type[Element], string: str, expected: Element) -> None:
    assert bind(cls, text(string), NAMES) == expected


@dataclass(frozen=True)
class Quiet(Element):
    """An element without arguments."""


MISTAKES: list[tuple[type[Element], str, str]] = [
    (Sample, "fourteen", """\
config.click:1:8: error[C163]: Sample: LENGTH: 'fourteen' is not a number
1 | Sample(fourteen)
  |        ^^^^^^^^
  = expected: an integer from 0 to 65535"""),
    (Sample, "", """\
config.click:1:8: error[C160]: Sample: LENGTH: required argument missing
1 | Sample()
  |        ^
  = expected: an integer from 0 to 65535
  = help: arguments of Sample: LENGTH [, BURST]; KW: INTERVAL, SRC, STOP"""),
    (Sample, "1, 2, 3, 4", """\
config.click:1:14: error[C161]: Sample: too many arguments
1 | Sample(1, 2, 3, 4)
  |              ^
  = expected: at most 2 without a keyword
  = help: arguments of Sample: LENGTH [, BURST]; KW: INTERVAL, SRC, STOP"""),
    (Sample, "1, STPO true", """\
config.click:1:11: error[C162]: Sample: STPO: unknown argument
1 | Sample(1, STPO true)
  |           ^^^^
  = expected: one of LENGTH, BURST, INTERVAL, SRC, STOP
  = help: did you mean 'STOP'?"""),
    (Sample, "99999, STOP ture, SRC 1.2.3, X y", """\
config.click:1:8: error[C163]: Sample: LENGTH: 99999 is out of range
1 | Sample(99999, STOP ture, SRC 1.2.3, X y)
  |        ^^^^^
  = expected: an integer from 0 to 65535
config.click:1:20: error[C163]: Sample: STOP: 'ture' is not true or false
1 | Sample(99999, STOP ture, SRC 1.2.3, X y)
  |                    ^^^^
  = expected: true or false
  = help: did you mean 'true'?
config.click:1:30: error[C163]: Sample: SRC: '1.2.3' is not an IPv4 address
1 | Sample(99999, STOP ture, SRC 1.2.3, X y)
  |                              ^^^^^
  = expected: an IPv4 address
config.click:1:37: error[C162]: Sample: X: unknown argument
1 | Sample(99999, STOP ture, SRC 1.2.3, X y)
  |                                     ^
  = expected: one of LENGTH, BURST, INTERVAL, SRC, STOP"""),
    (Many, "1, x, -2", """\
config.click:1:11: error[C163]: Many: NUMBERS: 'x' is not a number
1 | Sample(1, x, -2)
  |           ^
  = expected: an integer from 0 to 4294967295
config.click:1:14: error[C163]: Many: NUMBERS: -2 is out of range
1 | Sample(1, x, -2)
  |              ^^
  = expected: an integer from 0 to 4294967295"""),
    (Many, "", """\
config.click:1:8: error[C160]: Many: NUMBERS: required argument missing
1 | Sample()
  |        ^
  = expected: an integer from 0 to 4294967295
  = help: arguments of Many: NUMBERS, ...; KW: ACTIVE"""),
    (Quiet, "x", """\
config.click:1:8: error[C161]: Quiet: too many arguments
1 | Sample(x)
  |        ^
  = expected: no arguments"""),
]  # fmt: skip


@pytest.mark.parametrize(("cls", "string", "expected"), MISTAKES)
def test_mistakes_read_well(cls: type[Element], string: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        bind(cls, text(string), NAMES)
    assert render_all(error.value.diagnostics) == expected


def test_a_missing_argument_points_at_the_declaration_if_there_are_none() -> None:
    span = Span(Source("c", "s :: Sample;"), 0, 11)
    with pytest.raises(ConfigurationError) as error:
        bind(Sample, Text("", Span(span.source, 11, 11)), span=span)
    assert error.value.diagnostics[0].span == span


def test_positions_end_at_a_keyword_unless_keywords_come_first() -> None:
    with pytest.raises(ConfigurationError, match="C161"):
        bind(Sample, text("5, STOP true, 6"))


def test_a_field_without_a_type_is_the_authors_mistake() -> None:
    @dataclass(frozen=True)
    class Wrong(Element):
        pair: tuple[int, int]

    with pytest.raises(TypeError, match="needs an argument type"):
        bind(Wrong, Text("1"))


def test_one_argument_can_be_read_anew() -> None:
    assert with_argument(Sample(5), "interval_ms", " 1.5 ") == Sample(5, interval_ms=1500)
    with pytest.raises(ConfigurationError, match="LENGTH: 'x' is not a number"):
        with_argument(Sample(5), "length", "x")


@given(
    st.builds(
        Sample,
        st.integers(0, 65535),
        st.integers(-(1 << 31), (1 << 31) - 1),
        interval_ms=st.integers(0, 1 << 40),
        source=st.none() | st.integers(0, 0xFFFFFFFF),
        stop=st.booleans(),
    )
)
def test_bind_undoes_unparse(element: Sample) -> None:
    assert bind(Sample, Text(unparse(element))) == element


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (args.String(), st.text(max_size=20)),
        (args.ByteString(), st.binary(max_size=20)),
        (args.Bool(), st.booleans()),
        (args.Seconds(9), st.integers(0, 1 << 62)),
        (args.Bandwidth(), st.integers(0, (1 << 32) - 1)),
        (args.Seconds(9, signed=True), st.integers(-(1 << 62), 1 << 62)),
        (args.FixedPoint(16), st.integers(0, 1 << 32)),
        (args.FixedPoint(28, share=True), st.integers(0, 1 << 28)),
        (args.IPAddress(), st.integers(0, 0xFFFFFFFF)),
        (args.IPPrefix(), st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))),
        (args.EtherAddress(), st.integers(0, (1 << 48) - 1)),
        (args.IP6Address(), st.integers(0, (1 << 128) - 1)),
        (args.IP6Prefix(), st.tuples(st.integers(0, (1 << 128) - 1), st.integers(0, 128))),
        (args.Fraction(), st.floats(0, 1)),
        (args.HandlerCall(), st.tuples(st.sampled_from(["stop", "a/b.c"]), st.text(max_size=9))),
        (args.ListOf(args.Signed()), st.lists(st.integers(-9, 9)).map(tuple)),
    ],
    ids=lambda x: type(x).__name__,
)
def test_parse_undoes_unparse(kind: args.ArgumentType[Any], values: st.SearchStrategy[Any]) -> None:
    @given(values)
    def check(wanted: Any) -> None:
        assert kind.parse(Text(kind.unparse(wanted)), NO_NAMES) == wanted

    check()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (args.Bandwidth(), {1000: "8kbps", 1: "0.008kbps", 0: "0kbps", 1_500_000: "12Mbps", 125_000_000: "1Gbps",
                            1 << 30: "1073.741824MBps"}),
        (args.Seconds(), {3: "3.000000s", 0: "0ms"}),
        (args.Seconds(9), {1_500_000_000: "1.500000s", 1_000_000_001: "1.000000001s", 5 * 10**8: "500ms",
                           20_000: "20us", 7: "7ns"}),
        (args.Seconds(3, signed=True), {-1500: "-1.500000s"}),
        (args.FixedPoint(16), {1 << 16: "1", 1 << 15: "0.5", 655: "0.01", 6554: "0.1"}),
        (args.Bool(), {True: "true"}),
        (args.String(), {"a b": "a b"}),
        (args.IPAddress(), {IP: "10.0.0.1"}),
        (args.Signed(), {-5: "-5"}),
    ],
    ids=lambda x: type(x).__name__,
)  # fmt: skip
def test_how_handlers_show_a_value(kind: args.ArgumentType[Any], values: dict[Any, str]) -> None:
    assert {value: kind.show(value) for value in values} == values


def test_tables_are_inside_their_ranges() -> None:
    assert all(a.offset + a.size <= tables.ANNOTATION_BYTES for a in tables.ANNOTATIONS.values())
    assert all(0 <= n < 1 << 16 for n in tables.PORTS.values())
    assert tables.ICMP_CODES.keys() <= set(tables.ICMP_TYPES.values())
