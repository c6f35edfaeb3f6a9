"""Grammar: every production, every syntax error and how it reads, the printer, and hostile texts."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet import click
from innet.click import syntax
from innet.click.load import analyse
from innet.diagnostics import ConfigurationError, Severity
from tests.click.classes import CODES, mistakes, source


def parse(text: str) -> syntax.File:
    return click.parse(source(text))


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a::Null;", "a :: Null;\n"),
        ("a :: Null b :: Null", "a :: Null;\nb :: Null;\n"),
        ("a,b :: Null(1)", "a, b :: Null(1);\n"),
        (";;a->b;", "a -> b;\n"),
        ("a[1]->[2]b[3]=>c", "a [1] -> [2] b [3] => c;\n"),
        ("a [0,1] => [0-2] b, [1-] c, [] d, [4,] e", "a [0,1] => [0-2] b, [1-] c, [0-] d, [4-] e;\n"),
        ("a [0-2,] -> b", "a [0-1,2-] -> b;\n"),
        ("a/b//c\n-> c@1", "a/b -> c@1;\n"),
        ("Null(a, (b) /* ) */ ')' \\<)> // )\n)", "Null(a, (b) /* ) */ ')' \\<)> // )\n);\n"),
        ("a -> { -> } -> b", "a -> { |\n->;\n} -> b;\n"),
        ("a -> ( -> ) -> b", "a -> (\n->;\n) -> b;\n"),
        ("({ a -> ; [0] -> b -> [1]; [0], [1] => c })", "(\n{ |\na ->;\n[0] -> b -> [1];\n[0], [1] => c;\n};\n);\n"),
        ("elementclass A B; elementclass C { $x, KEY $y, __REST__ $z | a || | b || ... }",
         "elementclass A B;\nelementclass C { $x, KEY $y, __REST__ $z |\na;\n|| |\nb;\n|| ...\n};\n"),
        ("elementclass E {} a", "elementclass E { |\n};\na;\n"),
        ("define($a 2) require(compact_config); a", "define($a 2);\nrequire(compact_config);\na;\n"),
        ("x :: { a -> b } (1, 2) [1] -> y", "x :: { |\na -> b;\n}(1, 2) [1] -> y;\n"),
        ("elementclass A B (a -> b)", "elementclass A B;\n(\na -> b;\n);\n"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_is_read_is_printed_the_same(text: str, printed: str) -> None:
    tree = parse(text)
    assert click.unparse(tree) == printed
    assert parse(printed) == tree


SYNTAX_ERRORS = {
    "a -> -> b": """\
config.click:1:6: error[C101]: syntax error near '->'
1 | a -> -> b
  |      ^^
  = expected: an element name, an element class, '{' or '('""",
    "-> a": """\
config.click:1:1: error[C101]: syntax error near '->'
1 | -> a
  | ^^
  = expected: an element name, an element class, '{' or '('
  = help: name the element that stands before '->'""",
    "a ->": """\
config.click:1:5: error[C101]: syntax error near the end of the text
1 | a ->
  |     ^
  = expected: an element name, an element class, '{' or '('""",
    "a :: ;": """\
config.click:1:6: error[C101]: syntax error near ';'
1 | a :: ;
  |      ^
  = expected: an element class or '{'""",
    "a - b": """\
config.click:1:3: error[C101]: syntax error near '-'
1 | a - b
  |   ^
  = expected: '->', '=>', ',', '::' or ';'
  = help: an arrow is written '->' or '=>'""",
    "provide(x)": """\
config.click:1:1: error[C101]: syntax error near 'provide'
1 | provide(x)
  | ^^^^^^^
  = expected: a statement
  = help: 'provide' is reserved and has no meaning; leave it out""",
    "$x -> a": """\
config.click:1:1: error[C101]: syntax error near '$x'
1 | $x -> a
  | ^^
  = expected: a statement
  = help: '$' variables stand for text inside parentheses only""",
    "a -> b [0] (x)": """\
config.click:1:12: error[C101]: syntax error near '('
1 | a -> b [0] (x)
  |            ^
  = expected: '->', '=>', ',', '::' or ';'
  = help: parentheses follow the class at once: Class(arguments) [port]""",
    "(a) (b)": """\
config.click:1:5: error[C101]: syntax error near '('
1 | (a) (b)
  |     ^
  = expected: '->', '=>', ',', '[' or ';'
  = help: a group takes no arguments""",
    "a [x] -> b": """\
config.click:1:4: error[C108]: port number 'x' is not a number
1 | a [x] -> b
  |    ^
  = expected: a port number: 0, 1, ...""",
    "a [99999] -> b": """\
config.click:1:4: error[C108]: port number 99999 is too large
1 | a [99999] -> b
  |    ^^^^^
  = expected: at most 8191
  = help: let several patterns leave by one output, or put a second element behind the last output""",
    "a [3-1] => b": """\
config.click:1:3: error[C108]: ports 3-1 run backwards
1 | a [3-1] => b
  |   ^^^^
  = expected: 1-3""",
    "Strip(14 -> Null; b": """\
config.click:1:6: error[C102]: this '(' is never closed
1 | Strip(14 -> Null; b
  |      ^
  = expected: ')'
  = help: add ')' before '->'""",
    "Print('abc) -> Null;": """\
config.click:1:7: error[C103]: this quote is never closed
1 | Print('abc) -> Null;
  |       ^
  = help: add ' where the string ends""",
    "elementclass A { a -> b; ": """\
config.click:1:26: error[C102]: the end of the text where '}' is missing
1 | elementclass A { a -> b; 
  |                          ^
  = expected: '}'
  = '{' was opened at: line 1, column 16""",
    "# pragma\na": """\
config.click:1:1: error[C105]: unknown preprocessor directive
1 | # pragma
  | ^^^^^^^^
  = expected: a line directive: # NUMBER "FILE"
  = help: a comment starts with '//'""",
    "elementclass A { $x, | a }": """\
config.click:1:22: error[C110]: '|' in a list of parameters
1 | elementclass A { $x, | a }
  |                      ^
  = expected: a '$' variable
  = help: { $a, KEYWORD $b | ... }""",
    "elementclass A { $x, $x | a }": """\
config.click:1:22: error[C110]: parameter '$x' is defined twice
1 | elementclass A { $x, $x | a }
  |                      ^^""",
    "elementclass A { K $x, K $y | a }": """\
config.click:1:24: error[C110]: keyword parameter 'K' is repeated
1 | elementclass A { K $x, K $y | a }
  |                        ^^^^""",
    "elementclass A { K $x, $y | a }": """\
config.click:1:24: error[C110]: parameter '$y' is out of order
1 | elementclass A { K $x, $y | a }
  |                        ^^
  = expected: positional parameters, then keyword parameters, then __REST__""",
    "elementclass A { ... }": """\
config.click:1:18: error[C115]: '...' continues the former definition and comes last
1 | elementclass A { ... }
  |                  ^^^
  = expected: a '||' before '...' and '}' behind it
  = help: elementclass A { $x | ... statements ... || ... }""",
    "{ a -> [1] -> b }": """\
config.click:1:8: error[C116]: ports without an element in the middle of a chain
1 | { a -> [1] -> b }
  |        ^^^
  = expected: an element name, an element class, '{' or '('
  = help: open ends stand only at the start (input) or the end (output) of a chain""",
    "{ a -> [0], b -> c }": """\
config.click:1:8: error[C116]: ports without an element in the middle of a chain
1 | { a -> [0], b -> c }
  |        ^^^
  = expected: an element name, an element class, '{' or '('
  = help: open ends stand only at the start (input) or the end (output) of a chain""",
}


@pytest.mark.parametrize("text", SYNTAX_ERRORS)
def test_syntax_errors_read_well(text: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse(text)
    assert mistakes(error.value) == SYNTAX_ERRORS[text]


def test_all_mistakes_are_told_in_one_run() -> None:
    text = "a :: ;\nb -> -> c;\nelementclass { x };\n{ y -> ) } -> z;\ndefine $x;\nd [q] -> e;\n"
    with pytest.raises(ConfigurationError) as error:
        parse(text)
    found = [(d.code, str(d.span).split(":")[1]) for d in error.value.diagnostics]
    assert found == [("C101", "1"), ("C101", "2"), ("C101", "3"), ("C101", "4"), ("C101", "5"), ("C108", "6")]


def test_a_broken_declaration_causes_no_further_complaints() -> None:
    result = analyse(source("a :: ; Idle -> b :: Null -> a; Idle -> Nul -> a;"), CODES)
    assert [d.code for d in result.diagnostics] == ["C101", "C121"]
    assert result.diagnostics[1].help == "did you mean 'Null'?"


def test_line_directives_change_positions_only() -> None:
    text = '// x\n# 10 "inner.click"\na :: Null;\n#line 20\nb :: ;\n# 1 ""\n-> c'
    with pytest.raises(ConfigurationError) as error:
        parse(text)
    assert [str(d.span) for d in error.value.diagnostics] == ["inner.click:20:6", "config.click:1:1"]


def test_a_line_directive_in_arguments_is_cut_out_with_a_warning() -> None:
    result = analyse(source('Idle -> Print(a,\n# 5 "x"\n  b) -> Discard;'), CODES)
    assert result.configuration is not None
    assert result.configuration.elements[1].arguments.value == "a,\n\n  b"
    assert [(d.code, d.severity) for d in result.diagnostics] == [("C106", Severity.WARNING)]
    quoted = analyse(source("Idle -> Print(a, '\n# 5\n') -> Discard; /*\n# x\n*/"), CODES)
    assert quoted.diagnostics == ()


def test_an_endless_comment_is_a_warning() -> None:
    result = analyse(source("Idle -> Discard; /* a"), CODES)
    assert [d.code for d in result.diagnostics] == ["C104"]
    assert analyse(source("Idle -> Discard; // a /* b"), CODES).diagnostics == ()


# Trees at random

NAMES = st.sampled_from(["a", "b/c", "Null", "x@1", "input", "output", "7"])
PORTS = st.lists(st.integers(0, 9).map(str), min_size=1, max_size=3).map(
    lambda p: f"[{','.join(p)}]"
) | st.sampled_from(["[]", "[1-]", "[0-3]", "[0,1,]", ""])
ARGUMENTS = st.sampled_from(["", "()", "(1, 2)", '(\'a)\' /*)*/ "\\")" \n ())', "($x, ${y-2})"])


@st.composite
def elements(draw: st.DrawFn, depth: int) -> str:
    kind = draw(st.sampled_from(["name", "name", "declared", "group", "compound"] if depth else ["name"]))
    if kind == "group":
        what = f"({draw(statements(depth - 1))})"
    elif kind == "compound":
        what = draw(compounds(depth - 1)) + draw(ARGUMENTS)
    else:
        what = draw(NAMES)
        if kind == "declared":
            what += " :: " + draw(NAMES | compounds(depth - 1))
        what += draw(ARGUMENTS)
    return f"{draw(PORTS)}{what}{draw(PORTS)}"


@st.composite
def compounds(draw: st.DrawFn, depth: int) -> str:
    formals = st.sampled_from(["", "|", "$a |", "$a, K $b |", "__REST__ $r |"])
    variants = [draw(formals) + draw(statements(max(depth, 0))) for _ in range(draw(st.integers(1, 2)))]
    return "{ " + " || ".join(variants) + draw(st.sampled_from(["", " || ..."])) + "}"


@st.composite
def statements(draw: st.DrawFn, depth: int) -> str:
    found = []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["chain", "chain", "class", "define"]))
        if kind == "chain":
            chain = draw(elements(depth))
            for _ in range(draw(st.integers(0, 2))):
                chain += draw(st.sampled_from([" -> ", "=>", ", "])) + draw(elements(depth))
            found.append(chain)
        elif kind == "class":
            found.append(f"elementclass C {draw(compounds(max(depth - 1, 0)) | NAMES)}")
        else:
            found.append(draw(st.sampled_from(["define($v 1)", "require(package p)"])))
    return ";".join(found)


@given(statements(3))
def test_parsing_what_was_printed_gives_an_equal_tree(text: str) -> None:
    tree = parse(text)
    assert parse(click.unparse(tree)) == tree


@given(st.text(st.sampled_from("ab:[](){}|->=;,.$'\"\\/*#\n 01<>"), max_size=60))
def test_any_text_gives_a_tree_or_diagnostics(text: str) -> None:
    analyse(source(text), CODES)


# Hostile texts

MANY = 10_000_000
HOSTILE = {
    "open groups": "(" * MANY,
    "open compounds": "{" * MANY,
    "closed": ")" * MANY,
    "pairs": "()" * (MANY // 2),
    "arguments": "a(" + "(" * MANY,
    "pairs in arguments": "a(" + "()" * (MANY // 2),
    "endless arguments": "a(" * (MANY // 2),
    "endless quotes": "a('" * (MANY // 3),
    "directives": "#\n" * (MANY // 2),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_ten_megabytes_of_brackets_end_soon_with_an_error(name: str) -> None:
    text = source(HOSTILE[name])
    start = time.process_time()
    with pytest.raises(ConfigurationError):
        click.parse(text)
    assert (
        time.process_time() - start < 5
    )  # a tenth of that on an idle machine; quadratic work would take hours


def test_nesting_is_limited_to_50() -> None:
    assert parse("(" * 50 + ")" * 50)
    with pytest.raises(ConfigurationError, match=r"C107.*nested more than 50 deep"):
        parse("({" * 26)
