import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import ConfigurationError, Diagnostic, Source, Span, render
from innet.flowspec import describe
from innet.policy import ElementPort, Place, Region, Request, StockCall, parse_request, unparse_request
from tests.flowspec.evaluate import is_told

FIGURE_4 = """Batcher module:
FromNetfront() -> IPFilter(allow udp port 1500) -> IPRewriter(pattern - - 172.16.15.133 - 0 0)
  -> TimedUnqueue(${INTERVAL-120}, 100) -> dst :: ToNetfront()

reach from internet udp
  -> Batcher:dst:0 dst 172.16.15.133
  -> client dst port 1500 const proto && dst port && payload
"""
REACH = "reach from internet -> client\n"


def request(text: str, **parameters: str) -> Request:
    return parse_request(Source("batcher.click", text), parameters)


def test_request_of_figure_4() -> None:
    parsed = request(FIGURE_4)
    (module,) = parsed.modules
    assert module.name == "Batcher"
    assert module.code.startswith("FromNetfront() -> ")
    assert module.code.endswith("-> dst :: ToNetfront()")
    (requirement,) = parsed.requirements
    assert requirement.start.node == Region(Place.INTERNET)
    batcher, client = requirement.hops
    assert batcher.node == ElementPort("Batcher", "dst", 0)
    assert batcher.flow is not None
    assert describe(batcher.flow.predicate) == "dst 172.16.15.133"
    assert [f.name for f in client.const] == ["proto", "dst port", "payload"]


def test_request_as_the_paper_prints_it() -> None:
    lines = (
        "reach from internet udp",
        "-> Batcher:dst:0 dst 172.16.15.133",
        "-> client dst port 1500",
        "const proto && dst port && payload",
    )
    text = "\n".join(lines)
    assert request(text).requirements == request(FIGURE_4).requirements


def test_quotes_comments_and_parentheses_hide_headers() -> None:
    hiding = [
        "X(\")\", '\nB module:\n')",
        "X(\nB module:\nreach from\n)",
        "/*\nB module:\n*/ X",
        "// (\nX",
        'X("\\"\nreach\n")',
        "X(\\<00)\nreach ff>)",
        "X // don't\n",
    ]
    for code in hiding:
        parsed = request(f"A module:\n{code}\n{REACH}")
        assert [m.name for m in parsed.modules] == ["A"], code
        assert parsed.modules[0].code == code.strip()
        assert len(parsed.requirements) == 1


def test_modules_and_requirements_may_alternate() -> None:
    first = f"# mine\n{REACH}A module: X\n{REACH}\n  reach from client -> internet\n"
    parsed = request(first + "B module:\nY\nC  module :\nZ")
    assert [(m.name, m.code) for m in parsed.modules] == [("A", "X"), ("B", "Y"), ("C", "Z")]
    assert len(parsed.requirements) == 3


def test_module_without_requirements_and_the_reverse() -> None:
    assert request("A module:\nX").requirements == ()
    assert request(REACH).modules == ()


def test_messages_of_the_click_front_end_have_the_lines_of_the_request() -> None:
    module = request(f"{REACH}\nA module: X -> Y\n-> Z").modules[0]
    source = module.source()
    for word, landmark in (("Y", "batcher.click:3:16"), ("Z", "batcher.click:4:4")):
        at = source.text.index(word)
        assert render(Diagnostic("C1", "m", Span(source, at, at + 1))).startswith(landmark)


def test_stock_module() -> None:
    (module,) = request(
        'A module:\n  stock dns-geo(zone="a, b", ttl=${TTL-30}, to=$ADDR, list=[1, 2]); // comment\n'
    ).modules
    assert module.stock == StockCall(
        "dns-geo", (("zone", "a, b"), ("ttl", "30"), ("to", "$ADDR"), ("list", "[1, 2]"))
    )
    assert request("A module:\nstock nothing()").modules[0].stock == StockCall("nothing", ())
    assert request("A module:\nstock :: Queue; X -> stock").modules[0].stock is None


def test_parameters() -> None:
    parsed = request(FIGURE_4, INTERVAL="5")
    assert parsed.parameters == (("INTERVAL", "5"),)
    assert "${INTERVAL-120}" in parsed.modules[0].code
    with pytest.raises(ConfigurationError, match="did you mean 'INTERVAL'"):
        request(FIGURE_4, INTERVALL="5")
    flow = request("reach from internet dst port ${P-80} -> client", P="99").requirements[0].start.flow
    assert flow is not None
    assert flow.text == "dst port 99"


@pytest.mark.parametrize(
    ("text", "code", "at", "words"),
    [
        ("", "R101", (1, 1), "neither a module nor a requirement"),
        ("// nothing\n\n", "R101", (1, 1), "neither"),
        ("A module:\nX(\n" + REACH, "R102", (2, 2), "not closed"),
        ("X -> Y\n", "R103", (1, 1), "Mine module:"),
        ("/* c */ foo\nA module:\nX", "R103", (1, 9), "'foo'"),
        ("module:\nX", "R104", (1, 1), "no name"),
        ("1st module:\nX", "R104", (1, 1), "not a name"),
        ("client module:\nX", "R104", (1, 1), "word of the language"),
        ("A module:\n// only this\n", "R105", (1, 1), "no configuration"),
        ("A module:\nstock x(a=1) -> Y", "R106", (2, 1), "not complete"),
        ("A module:\nstock x(a)", "R106", (2, 9), "key=value"),
        ("A module:\nstock x(a=1, a=2)", "R106", (2, 14), "twice"),
        ("A module:\nstock x(a=1,, b=2)", "R106", (2, 13), "missing"),
        ("A module:\nX\nA module:\nY", "R107", (3, 1), "batcher.click:1:1"),
        ("reach from internet\n", "R117", (1, 20), "'->'"),
        ("always reach from internet -> client\n", "R119", (1, 1), "operators"),
        ("A module:\nX\nnever new reach from internet -> client\n", "R119", (3, 1), "operators"),
        ("reach from module -> client\n", "R125", (1, 12), "operators"),
    ],
)
def test_mistake_is_shown_in_its_place(text: str, code: str, at: tuple[int, int], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        request(text)
    first = caught.value.diagnostics[0]
    assert first.span is not None
    assert (first.code, first.span.source.position(first.span.start)) == (code, at)
    assert words in str(caught.value)


def test_every_mistake_is_reported_in_order() -> None:
    with pytest.raises(ConfigurationError) as caught:
        request(
            "A module:\nX\nA module:\n\nreach internet -> client\nreach from internet udp prt 5 -> client\n"
        )
    assert [d.code for d in caught.value.diagnostics] == ["R105", "R107", "R115", "F142"]


MODULE_TEXTS = st.sampled_from(
    [
        "X -> Y",
        "FromNetfront() -> ToNetfront()\n\n-> Z // c",
        "stock dns(a=1, b=$ADDR)",
        "X(')')",
        "/* reach */ Y",
        "x;",
    ]
)
NAMES = st.from_regex(r"M[A-Za-z0-9_\-]{0,6}", fullmatch=True)


@given(
    st.lists(st.tuples(NAMES, MODULE_TEXTS), unique_by=lambda m: m[0], max_size=3),
    st.lists(st.sampled_from([REACH, FIGURE_4[FIGURE_4.index("reach") :]]), max_size=3),
)
def test_text_of_a_request_reads_back(modules: list[tuple[str, str]], requirements: list[str]) -> None:
    text = "".join([f"{name} module:\n{code}\n" for name, code in modules] + requirements)
    if not text:
        return
    parsed = request(text)
    assert len(parsed.modules) == len(modules)
    assert len(parsed.requirements) == len(requirements)
    assert request(unparse_request(parsed)) == parsed


PIECES = [
    "A module:\n",
    "reach from ",
    "-> ",
    "client ",
    "(",
    ")",
    '"',
    "'",
    "/*",
    "*/",
    "//",
    "\n",
    "\\<",
    "${X-",
    "}",
    "stock a(",
    "#",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=80))
def test_any_text_gives_a_request_or_an_error(text: str) -> None:
    try:
        request(text)
    except ConfigurationError as error:
        is_told(error)


@pytest.mark.parametrize(
    "unit",
    [
        "(",
        '"\\',
        "/*",
        "reach ",
        "A module:\n",
        "new ",
        "x",
        "\nreach",
        "reach from internet (",
        "\\<",
        "${",
        "#\n",
        "\n",
        "'",
    ],
)
@pytest.mark.parametrize("head", ["", "A module:\nX("])
def test_a_megabyte_of_garbage_is_judged_soon(unit: str, head: str) -> None:
    before = time.process_time()
    with pytest.raises(ConfigurationError) as caught:
        request(head + unit * (1_000_000 // len(unit)))
    assert len(caught.value.diagnostics) <= 110
    assert time.process_time() - before < 5
