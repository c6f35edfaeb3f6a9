"""Lines that are alike are left out of what the YAML parser gets: the tree is the one that it makes of all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import PolicyError, Source
from innet.network.yamltree import Listing, Mapping, Rows, Scalar, Tree, parse

PLAIN = ("out", "eth0.1 via 10.0.0.1", "[a, b-1]", "drop", "1", "[a]")
ODD = (
    "[]",
    "-",
    "a b",
    "'x'",
    '"y"',
    "[a, [b]]",
    "{}",
    "",
    "&x y",
    "a # note",
    "a: b",
    "|",
    "> ",
    "a,b",
    "é",
)
LINES = ("# note", "", "    more", "  - item", "...", "---", "  ? x", "\t", "  10.0.0.0/8 : a", "}", "]")


def plain(tree: Tree) -> object:
    """The tree and its places, comparable; rows as entries."""
    place = (tree.span.start, tree.span.end)
    match tree:
        case Scalar(text):
            return text, place
        case Listing(items):
            return [plain(item) for item in items], place
        case Mapping(pairs):
            return [(plain(key), plain(value)) for key, value in pairs], place
    raise AssertionError(tree)


def read(text: str, rows: bool) -> object:
    try:
        return plain(parse(Source("n", text), rows))
    except PolicyError as error:
        return [
            (d.code, d.message, d.span and (d.span.start, d.span.end), d.facts) for d in error.diagnostics
        ]


def rows_of(tree: Tree) -> int:
    """How many lines were left as they stand."""
    match tree:
        case Mapping():
            return sum(len(p) if isinstance(p, Rows) else rows_of(p[1]) for p in tree.parts)
        case Listing(items):
            return sum(map(rows_of, items))
    return 0


def test_a_long_table_is_left_as_it_stands() -> None:
    rows = "".join(f"    10.{n}.0.0/16: {PLAIN[n % len(PLAIN)]}\r\n" for n in range(100))
    tree = parse(Source("n", f"a: {{b: c}}\nroutes:\n{rows}d: e\n"), rows=True)
    assert rows_of(tree) == 99  # what follows the last line could belong to its value
    assert plain(tree) == plain(parse(tree.span.source))


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Tables, with now and then something in or around them that makes them something else."""
    head = draw(st.sampled_from((
        "routes:\n", "a:\n  b:\n", "", "x: |\n", "x: >-\n", "x: 'a\n", 'x: "a\n', "x: {\n", "x: [\n", "- ", "x: a\n",
        "? \n", "x:\n# c\n", "%YAML 1.1\n---\n", "\ufeffx:\n",
    )))  # fmt: skip
    lines = []
    for block in range(draw(st.integers(1, 2))):
        indent = " " * draw(st.sampled_from((0, 1, 2, 2, 2, 4)))
        for n in range(draw(st.sampled_from((3, 8, 9, 12, 20)))):
            value = draw(st.sampled_from(PLAIN))
            lines.append(f"{indent}{10 + block}.{n}.0.0/16: {value}")
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(lines)))
        what = draw(st.sampled_from((*LINES, *(f"  1.2.3.4/30: {odd}" for odd in ODD))))
        lines.insert(at, what)
    if draw(st.integers(0, 4)) == 0:
        lines.append(lines[0])
    return (
        head
        + draw(st.sampled_from(("\n", "\r\n"))).join(lines)
        + draw(st.sampled_from(("", "\n", "\n'\n", "\n}\n")))
    )


@given(texts())
def test_the_tree_is_that_of_the_whole_text(text: str) -> None:
    found = read(text, True)
    whole = read(text, False)
    if found != whole:
        # a key that is there twice among rows is left to who reads them
        assert any("a second time" in message for _, message, *_ in whole), text
        keys = [key for key, _ in parse(Source("n", text), True).get("routes").pairs]  # type: ignore[union-attr]
        assert len({key.text for key in keys}) < len(keys)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("at", [0, 5, 9])
def test_a_line_that_is_not_alike_is_read_by_the_parser(odd: str, at: int) -> None:
    lines = [f"  10.{n}.0.0/16: out" for n in range(20)]
    lines.insert(at, f"  1.2.3.4/30: {odd}")
    text = "routes:\n" + "\n".join(lines) + "\n"
    assert read(text, True) == read(text, False)


def test_a_value_that_goes_on_behind_the_table_is_read_by_the_parser() -> None:
    text = "routes:\n" + "".join(f"  10.{n}.0.0/16: out\n" for n in range(20)) + "    and more\n"
    tree = parse(Source("n", text), rows=True)
    assert isinstance(tree, Mapping)
    routes = tree.get("routes")
    assert isinstance(routes, Mapping)
    value = routes.pairs[-1][1]
    assert isinstance(value, Scalar)
    assert value.text == "out and more"
