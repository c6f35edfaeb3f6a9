"""Click's string rules (ELEMENTS 1.2, 1.6, 1.7)."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from innet import lexical
from innet.diagnostics import Source, Span
from innet.lexical import Expander, ExpansionTooLargeError, Parameter, Text, assign

BYTES = st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=30)
PIECES = st.lists(
    st.sampled_from(
        [
            " ",
            "\t",
            "\n",
            ",",
            "a",
            "b1",
            "'x, y'",
            '"p\\"q"',
            "\\<4 1>",
            "// c\n",
            "/* c */",
            "(",
            ")",
            "/",
            "\\",
        ]
    ),
    max_size=12,
).map("".join)


def located(string: str, before: str = "") -> Text:
    """`string` as a part of a source, behind `before`."""
    source = Source("t", before + string)
    return Text(string, Span(source, len(before), len(before) + len(string)))


def shown(span: Span | None) -> str:
    assert span is not None
    return span.source.text[span.start : span.end]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", []),
        ("1", ["1"]),
        ("1,", ["1"]),
        ("1, /*x*/", ["1"]),
        ("1,,2", ["1", "", "2"]),
        (",", [""]),
        (" a  b , c ", ["a  b", "c"]),
        ("'a,b', c", ["'a,b'", "c"]),
        ('"a,\\"b", c', ['"a,\\"b"', "c"]),
        ("\\<41, 42>, c", ["\\<41, 42>", "c"]),
        ("a // x, y\n, b", ["a", "b"]),
        ("a /* x, y */ b, c", ["a b", "c"]),
        ("f(1, 2)", ["f(1", "2)"]),
        ('"open, end', ['"open, end']),
        ("a\\,b", ["a\\", "b"]),
    ],
)
def test_arguments(raw: str, expected: list[str]) -> None:
    assert [text.value for text in lexical.arguments(Text(raw))] == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("  a  b ", "a  b"),
        ("a/*x*/b", "a b"),
        ("a /*x*/ // y\n  b", "a b"),
        ("/*x*/a/*y*/", "a"),
        ("'a /*x*/ b'", "'a /*x*/ b'"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("a /* never closed", "a"),
        (" /*x*/ ", ""),
    ],
)
def test_uncomment(raw: str, expected: str) -> None:
    assert lexical.uncomment(Text(raw)).value == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", []),
        (" a b\tc\n", ["a", "b", "c"]),
        ("a'b c'd e", ["a'b c'd", "e"]),
        ("a/*x*/b", ["a", "b"]),
        ("10.0.0.0/8 1", ["10.0.0.0/8", "1"]),
        ("\\<41 42> x", ["\\<41 42>", "x"]),
    ],
)
def test_words(raw: str, expected: list[str]) -> None:
    assert [text.value for text in lexical.words(Text(raw))] == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("abc", "abc"),
        ('a"b"c', "abc"),
        (r"'x\y'", r"x\y"),
        (r'"a\"b\\c"', 'a"b\\c'),
        (r'"\a\b\f\n\r\t\v"', "\a\b\f\n\r\t\v"),
        (r'"\101\7\0"', "A\x07\0"),
        (r'"\x41\x2d2x"', "A\xd2x"),
        (r'"\<41 42 /* 43 */ 4>"', "AB"),
        ("\\<41 42\n 43 >44", "ABC44"),
        ('"a\\\nb"', "ab"),
        (r'"\$\,\z"', "$,z"),
        ('"end\\', "end\\"),
        (r"bare\n", r"bare\n"),
        ('""', ""),
        ('"', ""),
    ],
)
def test_unquote(raw: str, expected: str) -> None:
    assert lexical.unquote(Text(raw)).value == expected


@pytest.mark.parametrize(
    ("string", "expected"),
    [("", '""'), ("a b", '"a b"'), ('"$\\', '"\\"\\$\\\\"'), ("\t\r\n\x01\xe9", '"\\t\\r\\n\\001\\351"')],
)
def test_quote(string: str, expected: str) -> None:
    assert lexical.quote(string) == expected


@given(st.text(max_size=30))
def test_unquote_undoes_quote(string: str) -> None:
    assert lexical.unquote(Text(lexical.quote(string))).value == string


@given(st.lists(BYTES, min_size=1, max_size=5))
def test_quoted_strings_are_one_argument_and_one_word_each(strings: list[str]) -> None:
    joined = Text(", ".join(lexical.quote(s) for s in strings))
    found = lexical.arguments(joined)
    assert [lexical.unquote(text).value for text in found] == strings
    assert all(len(lexical.words(text)) == 1 for text in found)


@given(PIECES, PIECES)
def test_every_piece_of_text_points_at_the_characters_it_came_from(before: str, raw: str) -> None:
    text = located(raw, before)
    for argument in lexical.arguments(text):
        for word in lexical.words(argument):
            assert shown(word.span) == word.value  # words hold no comments, so they are verbatim


def test_positions_survive_comments_quotes_and_slices() -> None:
    argument = lexical.arguments(located('  one /* c */ "t\\x41o"  three, x', "Element("))[0]
    assert argument.value == 'one "t\\x41o"  three'
    assert shown(argument.span_of(argument.value.index("three"), len(argument))) == "three"
    word = lexical.unquote(lexical.words(argument)[1])
    assert word.value == "tAo"
    assert shown(word.span_of(1, 2)) == "\\x41"
    assert shown(word.span_of(2, 3)) == "o"


VALUES = {
    "a": Text("foo bar baz"),
    "b": Text("[$a]"),
    "c": Text('say "hi"'),
    "m.ADDR": Text("1.2.3.4"),
    "loop": Text("$loop"),
}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("$a", "foo bar baz"),
        ("x${a}y", "xfoo bar bazy"),
        ("${a[1]}", "bar"),
        ("${a[7]}", ""),
        ("$b", "[foo bar baz]"),
        ("${none-dflt} ${a-dflt}", "dflt foo bar baz"),
        ("${none-$a}", "foo bar baz"),
        ("$none ${none}", "$none ${none}"),
        ("'$a' // $a\n/* $a */ $a", "'$a' // $a\n/* $a */ foo bar baz"),
        ('"$c \\$a"', '"say \\"hi\\" \\$a"'),
        ("$c", 'say "hi"'),
        ("$m.ADDR $a.x", "1.2.3.4 foo bar baz.x"),
        ("$ $$a", "$ $foo bar baz"),
        ("$loop", "$loop"),
    ],
)
def test_variables(raw: str, expected: str) -> None:
    assert Expander(10_000).expand(Text(raw), VALUES.get).value == expected


def test_a_replaced_variable_points_at_its_reference_and_says_where_the_value_is() -> None:
    value = located("ten", "define($n ")
    text = Expander(1000).expand(located("5, x $n y", "Strip("), {"n": value}.get)
    word = lexical.words(lexical.arguments(text)[1])[1]
    assert (word.value, shown(word.span)) == ("ten", "$n")
    assert word.facts() == (("value", "'ten', from t:1:11"),)
    assert shown(lexical.words(lexical.arguments(text)[1])[2].span) == "y"


def test_variables_that_grow_without_end_are_stopped() -> None:
    values = {f"v{i}": Text(f"$v{i + 1}" * 1000) for i in range(9)}
    with pytest.raises(ExpansionTooLargeError):
        Expander(100_000).expand(Text("$v0"), values.get)


LENGTH, BURST, STOP = (
    Parameter("LENGTH", True, True),
    Parameter("BURST", True, False),
    Parameter("STOP", False, False),
)


@pytest.mark.parametrize(
    ("raw", "expected", "problems"),
    [
        ("5", {0: "5"}, ""),
        ("5, 6, STOP true", {0: "5", 1: "6", 2: "true"}, ""),
        ("LENGTH 3, LENGTH 4", {0: "4"}, ""),
        ("5, LENGTH 7", {0: "7"}, ""),
        ("BURST 2", {0: "BURST 2"}, ""),  # a mandatory one takes even what looks like a keyword argument
        ("5, STOP true, 6", {0: "5", 2: "true"}, "extra 6"),  # positions end at a keyword
        ("STOP true, 5", {0: "STOP true", 1: "5"}, ""),
        ("LENGTH 5, 6", {0: "5"}, "extra 6"),
        ("", {}, "missing 0"),
        ("5, 6, 7", {0: "5", 1: "6"}, "extra 7"),
        ("5, STPO true", {0: "5"}, "unknown STPO"),
        ("5, STOP", {0: "5", 1: "STOP"}, ""),  # no value: not a keyword argument
    ],
)
def test_assign(raw: str, expected: dict[int, str], problems: str) -> None:
    found = assign(lexical.arguments(Text(raw)), [LENGTH, BURST, STOP])
    assert {number: text.value for number, text in found.values.items()} == expected
    told = [f"missing {n}" for n in found.missing] + [f"extra {t}" for t in found.extra]
    assert ", ".join(told + [f"unknown {keyword}" for keyword, _ in found.unknown]) == problems


def test_keywords_first_may_stand_anywhere() -> None:
    found = assign(lexical.arguments(Text("STOP true, 5, 6")), [LENGTH, BURST, STOP], keywords_first=True)
    assert {number: text.value for number, text in found.values.items()} == {0: "5", 1: "6", 2: "true"}


def test_rest_takes_all_that_is_left_whatever_its_shape() -> None:
    found = assign(lexical.arguments(Text("drop all, STOP x, allow tcp")), [STOP], rest=True)
    assert [text.value for text in found.extra] == ["drop all", "allow tcp"]


def test_scoped_names_go_from_the_inside_out() -> None:
    assert lexical.scoped_names("a/b/e", "n") == ("a/b/n", "a/n", "n")
    assert lexical.scoped_names("e", "n") == ("n",)


@given(
    st.lists(st.sampled_from([" ", "\t", "\n", ",", "a", "b1", "/", "(", ")", "*", "\v"]), max_size=12),
    st.booleans(),
)
def test_arguments_and_words_without_quotes_are_those_between_commas_and_space(
    parts: list[str], placed: bool
) -> None:
    raw = "".join(parts)
    assume("//" not in raw and "/*" not in raw)
    source = Source("n", f"xx{raw}yy")
    found = lexical.arguments(Text(raw, Span(source, 2, 2 + len(raw)) if placed else None))
    expected = [part.strip(" \t\r\n\v\f") for part in raw.split(",")]
    assert [text.value for text in found] == expected[: None if expected[-1] else -1]
    for text in found:
        assert [word.value for word in lexical.words(text)] == text.value.split()
        for one in (text, *lexical.words(text)):
            assert (one.span is not None) is placed
            assert one.span is None or source.text[one.span.start : one.span.end] == one.value
    # with a comment at the end the same text goes the long way
    assert [t.value for t in lexical.arguments(Text(raw + " /**/"))] == [t.value for t in found]
