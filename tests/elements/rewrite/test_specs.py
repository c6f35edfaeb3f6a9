"""Input specifications and patterns as text."""

from typing import NamedTuple

import pytest

from innet import ir
from innet.diagnostics import ConfigurationError, Diagnostic, Source, Span, render
from innet.elements.arguments import NameBook, bind, unparse
from innet.elements.rewrite import specs
from innet.elements.rewrite.iprewriterpatterns import IPRewriterPatterns
from innet.elements.rewrite.patterns import Pattern, Range
from innet.elements.rewrite.specs import Discard, InputSpec, InputSpecification, Keep, Pass, Rewrite
from innet.lexical import Text

ADDRESS = 0x0A000001
HIDE = Pattern(saddr=ADDRESS, name="nat/hide")
SEQUENTIAL = ir.Order.SEQUENTIAL


class Declared(NamedTuple):
    name: str
    class_name: str
    arguments: Text


NAMES = NameBook.of(
    [
        Declared("info", "AddressInfo", Text("inside 10.0.0.1/29")),
        Declared("nat/info", "AddressInfo", Text("own 10.0.0.1")),
        Declared("nat/patterns", "IPRewriterPatterns", Text("hide own - - -, wrong x y")),
    ]
).at("nat/rw")


def parse(text: str) -> tuple[InputSpec | None, list[Diagnostic]]:
    found: list[Diagnostic] = []
    return specs.parse(Text(text, Span(Source("t", text), 0, len(text))), NAMES, found), found


def rewrite(fout: int = 0, rout: int = 1, **parts: object) -> Rewrite:
    return Rewrite(Pattern(**parts), fout, rout)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("drop", Discard()),
        ("discard", Discard()),
        ("pass", Pass(0)),
        ("passthrough 2", Pass(2)),
        ("nochange 0x1", Pass(1)),
        ("keep 0 1", Keep(0, 1)),
        ("pattern hide 2 3", Rewrite(HIDE, 2, 3)),
        ("pattern - - - - 0 1", rewrite()),
        ("xpattern 0.0.0.0 - 0.0.0.0 - 0 1", rewrite()),
        ("pattern 1.2.3.4 5 6.7.8.9 10 0 1", rewrite(saddr=0x01020304, sport=5, daddr=0x06070809, dport=10)),
        ("pattern inside 6.7.8.9 5 0 1", rewrite(saddr=ADDRESS, sport=5, daddr=0x06070809)),
        ("pattern 1.2.3.4 - 0 1", rewrite(saddr=0x01020304)),
        ("pattern - 7-9 - - 0 1", rewrite(sport=Range(7, 9))),
        ("pattern - 7-9? - - 0 1", rewrite(sport=Range(7, 9), prefer_own=False)),
        ("pattern - 7-9# - - 0 1", rewrite(sport=Range(7, 9), prefer_own=False, order=SEQUENTIAL)),
        ("pattern - 7-7 - - 0 1", rewrite(sport=7)),
        ("pattern - 0-65535 - - 0 1", rewrite(sport=Range(0, 65535))),
        ("pattern 1.0.0.1-1.0.0.3 - 0 1", rewrite(saddr=Range(0x01000001, 0x01000003))),
        ("pattern 1.0.0.0/29 - 0 1", rewrite(saddr=Range(0x01000001, 0x01000006))),
        ("pattern 1.0.0.2/31 - 0 1", rewrite(saddr=Range(0x01000002, 0x01000003))),
        ("pattern 1.0.0.2/32 5 - - 0 1", rewrite(saddr=0x01000002, sport=5)),
        (
            "pattern inside:ipnet# - 0 1",
            rewrite(saddr=Range(ADDRESS, ADDRESS + 5), prefer_own=False, order=SEQUENTIAL),
        ),
    ],
)
def test_reads(text: str, spec: InputSpec) -> None:
    assert parse(text) == (spec, [])


@pytest.mark.parametrize(
    ("text", "marked", "message"),
    [
        ("", "", "an input without a specification"),
        ("kep 0 1", "kep", "'kep' is no input specification"),
        ("drop 1", "1", "'1' after 'drop'"),
        ("pass x", "x", "'x' is no output"),
        ("pass 0 1", "1", "'1' is no output"),
        ("keep 0", "0", "1 outputs after 'keep'"),
        ("keep 0 1 2", "2", "3 outputs after 'keep'"),
        ("keep a 1", "a", "bad forward output 'a'"),
        ("keep 0 -1", "-1", "bad reply output '-1'"),
        ("pattern 0 1", "1", "'pattern' needs a pattern and two outputs"),
        ("pattern show 0 1", "show", "there is no pattern 'show'"),
        ("pattern - - 10.0.0.1 0 0", "10.0.0.1", "bad source port '10.0.0.1'"),
        ("pattern wrong 0 1", "wrong", "pattern 'wrong' has mistakes"),
        ("pattern a - - - 0 0", "a", "bad source address 'a'"),
        ("pattern 2.0.0.2-2.0.0.1 - 0 0", "2.0.0.2-2.0.0.1", "bad source address '2.0.0.2-2.0.0.1'"),
        (
            "pattern 1.0.0.0/29 5 - - 0 0",
            "1.0.0.0/29",
            "several source addresses '1.0.0.0/29' beside a source port",
        ),
        ("pattern - 0 - - 0 0", "0", "bad source port '0'"),
        ("pattern - 5# - - 0 0", "5#", "bad source port '5#'"),
        ("pattern - 9-7 - - 0 0", "9-7", "bad source port '9-7'"),
        ("pattern - - 1.2.3.4/24 - 0 0", "1.2.3.4/24", "bad destination address '1.2.3.4/24'"),
        ("pattern - - - 65536 0 0", "65536", "bad destination port '65536'"),
        ("pattern - - - - - 0 0", "-", "a pattern of 5 words"),
        ("pattern -- 172.16.15.133 - 0 0", "--", "'--' is no pattern word"),
    ],
)
def test_refuses_and_points_at_the_word(text: str, marked: str, message: str) -> None:
    spec, found = parse(text)
    assert spec is None
    [diagnostic] = found
    assert diagnostic.message == message
    assert diagnostic.span is not None
    assert text[diagnostic.span.start : diagnostic.span.end] == marked


def test_every_mistake_is_told() -> None:
    _, found = parse("pattern a b c d e f")
    assert [d.message for d in found] == [
        "bad source address 'a'",
        "bad source port 'b'",
        "bad destination address 'c'",
        "bad destination port 'd'",
        "bad forward output 'e'",
        "bad reply output 'f'",
    ]


def test_the_papers_pattern_is_mended() -> None:
    _, found = parse("pattern -- 172.16.15.133 - 0 0")
    assert render(found[0]).splitlines() == [
        "t:1:9: error[C165]: '--' is no pattern word",
        "1 | pattern -- 172.16.15.133 - 0 0",
        "  |         ^^",
        "  = expected: one '-' for each part to keep",
        "  = help: write `pattern - - 172.16.15.133 - 0 0`",
    ]


def test_a_misspelt_word_is_suggested() -> None:
    _, found = parse("patern - - 10.0.0.1 - 0 0")
    assert found[0].help == "did you mean 'pattern'?"


@pytest.mark.parametrize(
    "text",
    [
        "pattern 1.2.3.4 5 6.7.8.9 10 0 1",
        "pattern - 7-9? - - 0 1",
        "pattern 1.0.0.1-1.0.0.3# 1.2.3.4 0 1",
        "pattern hide 0 1",
        "keep 0 1",
        "drop",
        "pass 2",
    ],
)
def test_is_written_as_it_is_read(text: str) -> None:
    spec, _ = parse(text)
    assert InputSpecification().unparse(spec) == text


def named(text: str) -> IPRewriterPatterns:
    book = NameBook.of([Declared("nat/patterns", "IPRewriterPatterns", Text(text))])
    return bind(IPRewriterPatterns, Text(text), book.at("nat/patterns"))


def test_named_patterns_go_by_their_full_name() -> None:
    text = "hide 1.2.3.4 5-9# - -, web - - 10.0.0.80 8080"
    [(hide, hidden), (web, forward)] = named(text).patterns
    assert (hide, hidden.name, web, forward.name) == ("hide", "nat/hide", "web", "nat/web")
    assert unparse(named(text)) == text


@pytest.mark.parametrize("text", ["hide", "hide -", "hide - x", "hide 1.2.3.4 5-9# - - 0"])
def test_bad_named_patterns_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        named(text)


def test_a_name_given_twice_is_refused() -> None:
    book = NameBook.of(
        [Declared(name, "IPRewriterPatterns", Text("hide - -")) for name in ("one", "two", "nat/three")]
    )
    assert [problem.message for problem in book.problems] == ["rewriter pattern 'hide' is there already"]
