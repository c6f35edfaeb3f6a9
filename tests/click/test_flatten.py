"""Names, compounds, variables, connections (ELEMENTS 1.4 to 1.6, annex B.2), and how their mistakes read."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from innet import click
from innet.click.report import Limits
from innet.diagnostics import ConfigurationError
from tests.click.classes import CODES, mistakes, source


def flatten(text: str, **options: object) -> click.Configuration:
    return click.flatten(click.parse(source(text)), CODES, **options)  # type: ignore[arg-type]  # passed on


def names(configuration: click.Configuration) -> list[str]:
    return [element.name for element in configuration.elements]


def links(configuration: click.Configuration) -> str:
    return " ".join(f"{c.source}[{c.output}]-[{c.input}]{c.target}" for c in configuration.connections)


def arguments(configuration: click.Configuration) -> Mapping[str, str]:
    return {element.name: element.arguments.value for element in configuration.elements}


def refused(text: str, **options: object) -> str:
    with pytest.raises(ConfigurationError) as error:
        flatten(text, **options)
    return mistakes(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a::Idle; Idle -> Null -> Discard", "a Idle@2 Null@3 Discard@4"),
        ("Idle -> Null@2 :: Null -> Null -> Discard", "Idle@1 Null@2 Null@3 Discard@4"),
        ("Idle -> Null -> Discard; Null@2 :: Null", "Idle@1 Null@3 Discard@3 Null@2"),
        ("Idle -> (->) -> Null -> Discard", "Idle@1 Null@5 Discard@6"),
        ("Idle -> { input -> Null -> x::Null -> output } -> Discard", "Idle@1 Discard@3 @2/Null@1 @2/x"),
        ("Idle -> (-> {->} ->) -> Null -> Discard", "Idle@1 Null@6 Discard@7"),
        ("a, b :: Null; c :: Null, d :: Counter", "a b c d"),
        ("elementclass M Null; Idle -> M -> Discard", "Idle@1 M@2 Discard@3"),
    ],
)
def test_names_of_elements(text: str, expected: str) -> None:
    assert " ".join(names(flatten(text))) == expected


BASE = "a :: Idle; b :: Idle; c :: Idle; d :: Idle; "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a -> b -> c", "a[0]-[0]b b[0]-[0]c"),
        ("a [1] -> [2] b [3] -> c", "a[1]-[2]b b[3]-[0]c"),
        ("a -> b; a -> b", "a[0]-[0]b"),
        ("a, b -> c", "a[0]-[0]c b[0]-[0]c"),
        ("a -> b, c", "a[0]-[0]b a[0]-[0]c"),
        ("a [0,2] -> b", "a[0]-[0]b a[2]-[0]b"),
        ("a [0-2] => b, c, d", "a[0]-[0]b a[1]-[0]c a[2]-[0]d"),
        ("a, b => c, d", "a[0]-[0]c b[0]-[0]d"),
        ("a => b, c", "a[0]-[0]b a[1]-[0]c"),
        ("a, b => c", "a[0]-[0]c b[0]-[1]c"),
        ("a [0] => b, c", "a[0]-[0]b a[0]-[0]c"),
        ("a [2-] => b, c", "a[2]-[0]b a[3]-[0]c"),
        ("a [] => b, c", "a[0]-[0]b a[1]-[0]c"),
        ("a [0,1,] => b, c, [1] d", "a[0]-[0]b a[1]-[0]c a[2]-[1]d"),
        ("a [5], b [4-] => c, [2,3] d", "a[5]-[0]c b[4]-[2]d b[5]-[3]d"),
        ("a, b [0,1] => [0]c, d, [1]c", "a[0]-[0]c b[0]-[0]d b[1]-[1]c"),
        ("a -> ([0] -> b -> [0]) -> c", "a[0]-[0]b b[0]-[0]c"),
        ("a => ([0] -> b -> [1]; [1] -> [0]) => c, d", "a[0]-[0]b a[1]-[0]c b[0]-[0]d"),
        ("a -> (input -> n :: Null -> output) -> c; b -> n", "a[0]-[0]n b[0]-[0]n n[0]-[0]c"),
        ("a -> { input [0] -> [0] output } -> b", "a[0]-[0]b"),
        ("a, b -> { -> x :: Null -> } -> c, d", "a[0]-[0]@5/x b[0]-[0]@5/x @5/x[0]-[0]c @5/x[0]-[0]d"),
        ("a -> { [0], [1] => [1], [0] } -> b", None),
        ("a [0,1] => { [0], [1] => [1], [0] } => [0,1] b", "a[0]-[1]b a[1]-[0]b"),
        ("elementclass E { input, Idle -> output } a, b -> E -> c, d",
         "a[0]-[0]c a[0]-[0]d b[0]-[0]c b[0]-[0]d E@5/Idle@1[0]-[0]c E@5/Idle@1[0]-[0]d"),
    ],
)  # fmt: skip
def test_connections(text: str, expected: str | None) -> None:
    if expected is None:
        assert "C13" in refused(BASE + text)
    else:
        assert links(flatten(BASE + text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("elementclass A { $x | Print($x) } A(1)", {"A@1/Print@1": "1"}),
        ("elementclass A { $x, K $y | Print($x, $y) } A(1, K 2 3)", {"A@1/Print@1": "1, 2 3"}),
        ("elementclass A { $x, K $y | Print($x, $y) } A(K 2, 1)", None),
        ("elementclass A { $x, __REST__ $r | Print($x, $r) } A(1, 2, K 3)", {"A@1/Print@1": "1, 2, K 3"}),
        ("elementclass A { $x, K $y, __REST__ $r | Print($r) } A(1, 2, K 3)", {"A@1/Print@1": "2"}),
        ("elementclass A { $x | Print(a) || $x, $y | Print(b) } A(1, 2)", {"A@1/Print@1": "b"}),
        ("elementclass Print { $x, $y | Print($y) || ... } Print(1, 2) ; Print(3)",
         {"Print@1/Print@1": "2", "Print@2": "3"}),
        ("elementclass A { $x | Print(1) } elementclass A { $x, $y | Print(2) || ... } A(1); A(1, 2)",
         {"A@1/Print@1": "1", "A@2/Print@1": "2"}),
        ("define($a foo bar baz); Print(${a[1]})", {"Print@1": "bar"}),
        ("Print($a); define($a 1)", {"Print@1": "1"}),
        ("define($a $b, $b 2); Print($a)", {"Print@1": "2"}),
        ("elementclass A { $x | define($y <$x>); Print($y, $z) } define($z 9); A(1)", {"A@1/Print@1": "<1>, 9"}),
        ("elementclass A { $x | elementclass B { $y | Print($x$y$z) } B(2) } define($z 3); A(1)",
         {"A@1/B@1/Print@1": "123"}),
        ("elementclass B { Print($x) } elementclass A { $x | B } A(1)", {"A@1/B@1/Print@1": "$x"}),
        ("Print($none, '$a', ${b-5}); define($a 1)", {"Print@1": "$none, '$a', 5"}),
        ("{ $x | Print($x) } (7)", {"@1/Print@1": "7"}),
        ("elementclass Null { input -> Null -> Paint(1) -> output } Idle -> Null -> Discard",
         {"Idle@1": "", "Discard@3": "", "Null@2/Null@1": "", "Null@2/Paint@2": "1"}),
        ("({ elementclass L Null; L }) ; Idle", {"Idle@5": "", "@4/L@1": ""}),
    ],
)  # fmt: skip
def test_compounds_and_variables(text: str, expected: Mapping[str, str] | None) -> None:
    if expected is None:
        assert "C140" in refused(text)
    else:
        assert arguments(flatten(text)) == expected


def test_overloads_are_chosen_by_ports_too() -> None:
    two = "elementclass T { input -> Paint(1) -> output || [0] -> Paint(2) -> [0]; [1] -> Paint(3) -> [1] } "
    flat = flatten(two + "Idle -> T -> Discard; Idle => t :: T => Discard, Discard; Idle -> [1] t")
    assert [e.name for e in flat.elements if e.class_name == "Paint"] == [
        "T@2/Paint@1",
        "t/Paint@1",
        "t/Paint@2",
    ]


def test_operators_variables_override_those_of_the_file() -> None:
    flat = flatten("define($a 1, $b 2); Print($a, $b, $m.ADDR)", variables={"a": "9", "m.ADDR": "192.0.2.1"})
    assert arguments(flat) == {"Print@1": "9, 2, 192.0.2.1"}


def test_a_scope_closes_with_its_braces() -> None:
    text = "elementclass A { elementclass B Null; Idle -> B -> Discard } A; x :: B"
    assert "unknown element class 'B'" in refused(text)


def test_an_error_in_an_expanded_argument_points_at_the_reference() -> None:
    text = "elementclass A { $x | Idle -> Strip(1, $x) -> Discard }\nA(14)"
    flat = flatten(text)
    word = click.find_element(flat, "A@1/Idle@1", "Strip@2")
    assert word is not None
    span = word.arguments.span_of(3, 5)
    assert span is not None
    assert (word.arguments.value[3:5], text[span.start : span.end]) == ("14", "$x")
    assert word.arguments.facts() == (("value", "'14', from config.click:2:3"),)


def test_requirements_need_permission() -> None:
    assert flatten("require(compact_config); Idle").requirements == ()
    assert flatten("require(p, package q); Idle", allowed_requirements={"p", "q"}).requirements == ("p", "q")
    libraries = {"lib": source("elementclass L { Print(1) }")}
    assert names(flatten('require(library "lib"); require(library lib); L', libraries=libraries)) == [
        "L@1/Print@1"
    ]


MISTAKES = {
    "a :: Nul;": """\
config.click:1:6: error[C120]: unknown element class 'Nul'
1 | a :: Nul;
  |      ^^^
  = expected: an element class
  = help: did you mean 'Null'?""",
    "Idle -> IPFlter(allow all);": """\
config.click:1:9: error[C121]: undeclared element 'IPFlter'
1 | Idle -> IPFlter(allow all);
  |         ^^^^^^^
  = expected: a declared element or an element class
  = help: did you mean 'IPFilter'?""",
    "Idle -> later;\nlater :: Null;": """\
config.click:1:9: error[C121]: undeclared element 'later'
1 | Idle -> later;
  |         ^^^^^
  = expected: a declared element or an element class
  = help: 'later' is declared in line 2; an element must be declared before it is used""",
    "input -> Null;": """\
config.click:1:1: error[C121]: undeclared element 'input'
1 | input -> Null;
  | ^^^^^
  = expected: a declared element or an element class
  = help: 'input' has a meaning only inside { } and ( )""",
    "elementclass A { input -> A -> output }": """\
config.click:1:27: error[C121]: undeclared element 'A'
1 | elementclass A { input -> A -> output }
  |                           ^
  = expected: a declared element or an element class
  = help: 'A' is not known inside its own definition: compound elements cannot contain themselves""",
    "a :: Null;\na :: Counter;": """\
config.click:2:1: error[C122]: redeclaration of element 'a'
2 | a :: Counter;
  | ^
  = expected: a new name
  = 'a' was declared at: config.click:1:1""",
    "Null :: Counter;": """\
config.click:1:1: error[C123]: class 'Null' used as element name
1 | Null :: Counter;
  | ^^^^
  = expected: an element name
  = help: call it something else: null1 :: Counter""",
    "a :: Null; a(3);": """\
config.click:1:14: error[C113]: 'a' is an element already: arguments do nothing here
1 | a :: Null; a(3);
  |              ^
  = expected: arguments where the element is declared""",
    "a/1 :: Null;": """\
config.click:1:1: error[C114]: element name 'a/1' has a component of digits only
1 | a/1 :: Null;
  | ^^^
  = expected: a name with a letter in it""",
    "[1] Null -> Null [2];": """\
config.click:1:1: error[C109]: input ports at the start of a chain
1 | [1] Null -> Null [2];
  | ^^^
  = help: ports before an element are its inputs, ports behind it its outputs
config.click:1:18: error[C109]: output ports at the end of a chain
1 | [1] Null -> Null [2];
  |                  ^^^
  = help: ports before an element are its inputs, ports behind it its outputs""",
    "define(a 1, $b 1, $b 2);": """\
config.click:1:8: error[C111]: 'a' is not a variable
1 | define(a 1, $b 1, $b 2);
  |        ^
  = expected: $name
  = help: define($name value, ...)
config.click:1:19: error[C111]: '$b' is defined twice in one scope
1 | define(a 1, $b 1, $b 2);
  |                   ^^""",
    "require(bpf);": """\
config.click:1:9: error[C112]: requirement 'package bpf' is not allowed here
1 | require(bpf);
  |         ^^^
  = expected: no requirement: none is allowed here""",
    "require(a b c);": """\
config.click:1:9: error[C112]: 'a b c' is no requirement
1 | require(a b c);
  |         ^^^^^
  = expected: 'package NAME', 'library FILE' or 'compact_config'""",
    "elementclass A { $x || ... }; elementclass B { a :: Null || ... }": """\
config.click:1:21: error[C110]: '||' in a list of parameters
1 | elementclass A { $x || ... }; elementclass B { a :: Null || ... }
  |                     ^^
  = expected: ',' or '|'
  = help: { $a, KEYWORD $b | ... }""",
    "elementclass B { a :: Null || ... }": """\
config.click:1:16: error[C115]: cannot extend unknown element class 'B'
1 | elementclass B { a :: Null || ... }
  |                ^^^^^^^^^^^^^^^^^^^^
  = help: '|| ...' continues the class that had this name before""",
    "c :: Tee; c [0,1] -> Paint(0), Paint(1);": """\
config.click:1:11: error[C130]: 2 outputs cannot be connected to 2 inputs with '->'
1 | c :: Tee; c [0,1] -> Paint(0), Paint(1);
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = expected: '=>' between lists, which connects them in order
  = help: write '=>' in place of '->'""",
    "c :: Tee; c [0,1] => Null, Null, Null;": """\
config.click:1:11: error[C131]: 2 outputs connected to 3 inputs
1 | c :: Tee; c [0,1] => Null, Null, Null;
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = expected: equally many ports on both sides""",
    "c :: Tee; c [0-] => [0-] Idle;": """\
config.click:1:11: error[C132]: more than one open-ended list of ports in one connection
1 | c :: Tee; c [0-] => [0-] Idle;
  |           ^^^^^^^^^^^^^^^^^^^
  = expected: at most one of [N-], [N,] and []""",
    "{ Idle -> input; }": """\
config.click:1:11: error[C133]: 'input' is where packets come from
1 | { Idle -> input; }
  |           ^^^^^
  = expected: 'input' before an arrow""",
    "{ output -> Discard; }": """\
config.click:1:3: error[C133]: 'output' is where packets go to
1 | { output -> Discard; }
  |   ^^^^^^
  = expected: 'output' behind an arrow""",
    "elementclass A { input [2] -> Discard; }": """\
config.click:1:18: error[C134]: input 0, 1 of 'A' is missing, but input 2 is used
1 | elementclass A { input [2] -> Discard; }
  |                  ^^^^^^^^^^^^^^^^^^^^^
  = expected: inputs numbered from 0 without gaps""",
    "elementclass A { input -> Discard } Idle -> A -> Discard;": """\
config.click:1:45: error[C135]: 'A@2' has no output 0
1 | elementclass A { input -> Discard } Idle -> A -> Discard;
  |                                             ^^^^^^^^^^^^
  = expected: no output""",
    "elementclass A { input -> Discard } A;": """\
config.click:1:37: error[C136]: 'A@1' input 0 unused
1 | elementclass A { input -> Discard } A;
  |                                     ^
  = help: connect it, or leave input 0 out inside""",
    "elementclass A { $x, $y | Null || K $z | Null } A(3);": """\
config.click:1:49: error[C140]: no match for 'A[1 argument, 0 inputs, 0 outputs]'
1 | elementclass A { $x, $y | Null || K $z | Null } A(3);
  |                                                 ^^^^
  = candidate: A($x, $y)[0 inputs, 0 outputs], at config.click:1:18
  = candidate: A(K $z)[0 inputs, 0 outputs], at config.click:1:35""",
    "elementclass A { x :: Null } a/x :: Null; a :: A;": """\
config.click:1:43: error[C124]: expanding 'a' gives a second element 'a/x'
1 | elementclass A { x :: Null } a/x :: Null; a :: A;
  |                                           ^^^^^^
  = expected: names without '/', or other ones
  = 'a/x' was declared at: config.click:1:30""",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_read_well(text: str) -> None:
    assert refused(text) == MISTAKES[text]


def test_all_mistakes_are_told_in_one_run() -> None:
    found = refused("a :: Nul; b -> c; a :: Null; elementclass E { x -> y }; E(1); a [0,1] => a, a, a")
    assert [line.split("[")[1][:4] for line in found.splitlines() if "error[" in line] == [
        "C120", "C121", "C121", "C122", "C121", "C121", "C131", "C140",
    ]  # fmt: skip


SMALL = Limits(elements=1000, connections=1000, depth=20, substituted=100_000, errors=10)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("elementclass A0 { Idle } "
         + " ".join(f"elementclass A{n + 1} {{ A{n}; A{n} }}" for n in range(60)) + " A60", "C141"),
        ("elementclass A0 { Idle } "
         + " ".join(f"elementclass A{n + 1} {{ A{n}; A{n} }}" for n in range(15)) + " A15", "C142"),
        ("define(" + ", ".join(f"$v{n} " + f"$v{n + 1}" * 100 for n in range(9)) + "); Print($v0)", "C143"),
        ("define(" + ", ".join(f"$v{n} " + f"$v{n + 1}" * 100 for n in range(9)) + ", $v9 ); Print($v0)", "C143"),
        ("a :: Idle; a [0-7999] -> Discard", "C144"),
        (", ".join(["Idle"] * 100) + " -> { " + "input -> Discard;" * 100 + " }", "C144"),
        ("x -> " * 20 + "x", "C121"),
        (" ".join(f"x{n};" for n in range(50)), "C100"),
    ],
)  # fmt: skip
def test_work_is_bounded(text: str, code: str) -> None:
    assert f"error[{code}]" in refused(text, limits=SMALL)


def test_a_flat_configuration_prints_as_text_that_means_the_same() -> None:
    flat = flatten(
        "elementclass A { $x | input -> Strip($x) -> output } Idle -> A(1) -> a :: A(2) -> Discard"
    )
    assert flatten(str(flat)) == flat


VECTORS = sorted(Path(__file__).parent.glob("../vectors/*/config.click"))


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.parent.name)
def test_vectors_parse_and_print(path: Path) -> None:
    tree = click.parse(source(path.read_text(encoding="utf-8")))
    assert click.parse(source(click.unparse(tree))) == tree
