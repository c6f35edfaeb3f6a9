"""Ports, push and pull, completeness (ELEMENTS 1.10), and queues put in by themselves."""

from types import MappingProxyType

import pytest

from innet import click
from innet.click.codes import flows, is_complete, port_count
from innet.diagnostics import ConfigurationError, render
from tests.click.classes import CODES, mistakes, source


def load(text: str, autoqueue: bool = False) -> click.Resolved:
    return click.load(source(text), CODES, autoqueue=autoqueue)


def refused(text: str, autoqueue: bool = False) -> str:
    with pytest.raises(ConfigurationError) as error:
        load(text, autoqueue)
    return mistakes(error.value)


def kinds(resolved: click.Resolved, name: str) -> str:
    """`h/l`: the kinds of an element's inputs and outputs."""
    letters = MappingProxyType({click.Kind.PUSH: "h", click.Kind.PULL: "l"})
    ports = resolved.ports[name]
    return "/".join("".join(letters[kind] for kind in side) for side in (ports.inputs, ports.outputs))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a :: InfiniteSource -> b :: Null -> c :: Discard", {"a": "/h", "b": "h/h", "c": "h/"}),
        ("a :: InfiniteSource -> b :: Null -> c :: Queue -> d :: Null -> e :: Unqueue -> Discard",
         {"a": "/h", "b": "h/h", "c": "h/l", "d": "l/l", "e": "l/h"}),
        ("a :: InfiniteSource -> b :: Null -> c :: Unqueue -> Discard", {"a": "/l", "b": "l/l"}),
        ("q :: Queue -> a :: CheckPaint -> Unqueue -> Discard; a [1] -> d :: Discard; Idle -> q",
         {"a": "l/lh", "d": "h/"}),
        ("Idle -> q :: Queue; q -> a :: Null -> ToDump; q -> b :: Null -> Unqueue -> Discard",
         {"q": "h/l", "a": "l/l", "b": "l/l"}),
        ("Idle -> Queue -> [0] w :: Wires => Unqueue -> Discard; w [1] -> Discard; PushNull@1 :: PushNull; "
         "Idle -> PushNull@1 -> [1] w", {"w": "lh/lh"}),
        ("i :: Idle -> Unqueue -> Discard; InfiniteSource -> Queue -> [1] s :: RoundRobinSched -> ToDump; i [1] -> s",
         {"i": "/ll", "s": "ll/l"}),
    ],
)  # fmt: skip
def test_push_and_pull(text: str, expected: dict[str, str]) -> None:
    resolved = load(text)
    assert {name: kinds(resolved, name) for name in expected} == expected


MISTAKES = {
    "d :: DecIPTTL; Idle -> d -> Discard; d [2] -> Discard;": """\
config.click:1:38: error[C150]: 'd :: DecIPTTL' has no output 2
1 | d :: DecIPTTL; Idle -> d -> Discard; d [2] -> Discard;
  |                                      ^^^^^^^^^^^^^^^^
  = expected: 1 to 2 outputs, numbered from 0""",
    "Idle -> Discard -> Null -> Discard;": """\
config.click:1:9: error[C150]: 'Discard@2 :: Discard' has no output 0
1 | Idle -> Discard -> Null -> Discard;
  |         ^^^^^^^^^^^^^^^
  = expected: no output""",
    "Idle -> c :: Classifier(-) -> Unqueue -> Discard;": """\
config.click:1:9: error[C151]: 'c :: Classifier' push output 0 connected to 'Unqueue@3 :: Unqueue' pull input 0
1 | Idle -> c :: Classifier(-) -> Unqueue -> Discard;
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = expected: push on both sides, or pull on both
  = help: put a Queue between them: c -> Queue -> Unqueue@3""",
    "Idle -> q :: Queue -> c :: Classifier(-) -> Discard;": """\
config.click:1:9: error[C151]: 'q :: Queue' pull output 0 connected to 'c :: Classifier' push input 0
1 | Idle -> q :: Queue -> c :: Classifier(-) -> Discard;
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = expected: push on both sides, or pull on both
  = help: put an Unqueue between them: q -> Unqueue -> c""",
    "i :: InfiniteSource; i -> PushNull -> n :: Null -> PullNull -> Discard;": """\
config.click:1:39: error[C152]: agnostic 'n :: Null' in mixed context: push input 0, pull output 0
1 | i :: InfiniteSource; i -> PushNull -> n :: Null -> PullNull -> Discard;
  |                                       ^^^^^^^^^
  = expected: one kind on both sides
  = help: put a Queue before or behind n""",
    "f :: FromNetfront; f -> Discard; f -> ToDump;": """\
config.click:1:34: error[C153]: illegal reuse of 'f :: FromNetfront' push output 0
1 | f :: FromNetfront; f -> Discard; f -> ToDump;
  |                                  ^^^^^^^^^^^
  = expected: one connection
  = connected first at: config.click:1:20
  = help: use a Tee to copy packets""",
    "Idle -> q :: Queue; Idle -> r :: Queue; u :: Unqueue -> Discard; q, r -> u;": """\
config.click:1:69: error[C153]: illegal reuse of 'u :: Unqueue' pull input 0
1 | Idle -> q :: Queue; Idle -> r :: Queue; u :: Unqueue -> Discard; q, r -> u;
  |                                                                     ^^^^^^
  = expected: one connection
  = connected first at: config.click:1:66
  = help: use a scheduler such as RoundRobinSched to choose""",
    "q :: Queue -> Unqueue -> Discard;": """\
config.click:1:1: error[C154]: 'q :: Queue' input 0 unused
1 | q :: Queue -> Unqueue -> Discard;
  | ^^^^^^^^^^
  = help: connect something to it, or leave q out""",
    "Idle -> t :: Tee; t [3] -> Discard;": """\
config.click:1:9: error[C154]: 't :: Tee' output 0, 1, 2 unused
1 | Idle -> t :: Tee; t [3] -> Discard;
  |         ^^^^^^^^
  = help: connect it: t [0] -> Discard""",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_read_well(text: str) -> None:
    assert refused(text) == MISTAKES[text]


def test_several_connections_of_pull_outputs_and_push_inputs_are_fine() -> None:
    load("Idle, Idle -> q :: Queue; q -> ToDump; q -> ToDump; q [1] -> Discard")


BATCHER = "FromNetfront -> rw :: IPRewriter(drop) -> n :: Null -> t :: TimedUnqueue(120) -> ToNetfront;"


def test_figure_4_gets_its_queue_and_a_warning() -> None:
    resolved = load(BATCHER, autoqueue=True)
    names = [element.name for element in resolved.configuration.elements]
    assert names == ["FromNetfront@1", "rw", "n", "t", "ToNetfront@5", "autoqueue@1"]
    assert resolved.configuration.element["autoqueue@1"].arguments.value == "1000"
    assert kinds(resolved, "autoqueue@1") == "h/l"
    assert [render(warning) for warning in resolved.warnings] == [
        """\
config.click:1:43: warning[C155]: 'n' pushes and 't' pulls: Queue(1000) was put between them
1 | FromNetfront -> rw :: IPRewriter(drop) -> n :: Null -> t :: TimedUnqueue(120) -> ToNetfront;
  |                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: write it: n -> Queue(1000) -> t"""
    ]


def test_strict_mode_refuses_it() -> None:
    assert "error[C152]: agnostic 'n :: Null' in mixed context" in refused(BATCHER)


def test_outputs_that_meet_one_pull_input_share_a_queue() -> None:
    text = "FromNetfront, FromNetfront -> u :: Unqueue -> Discard; autoqueue@1 :: Null; Idle -> autoqueue@1 -> Discard"
    resolved = load(text, autoqueue=True)
    assert [e.name for e in resolved.configuration.elements if e.class_name == "Queue"] == ["autoqueue@2"]
    assert sum(c.target == "autoqueue@2" for c in resolved.configuration.connections) == 2


def test_a_queue_cannot_turn_pull_into_push() -> None:
    assert "error[C151]" in refused("Idle -> Queue -> Classifier(-) -> Discard", autoqueue=True)


def test_complete_configurations_get_no_queue() -> None:
    resolved = load("Idle -> Queue -> Unqueue -> Discard", autoqueue=True)
    assert resolved.warnings == ()
    assert len(resolved.configuration.elements) == 4


@pytest.mark.parametrize(
    ("code", "inputs", "outputs", "equal"),
    [
        ("1/1-2", (1, 1), (1, 2), False),
        ("-/1", (0, 1 << 30), (1, 1), False),
        ("1-/=", (1, 1 << 30), (1, 1 << 30), True),
        ("2", (2, 2), (2, 2), False),
        ("-3/0", (0, 3), (0, 0), False),
    ],
)
def test_port_count_codes(code: str, inputs: tuple[int, int], outputs: tuple[int, int], equal: bool) -> None:
    count = port_count(code)
    assert (count.inputs, count.outputs, count.equal) == (inputs, outputs, equal)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x/x", "00 01 02 10 11 12 20 21 22"),
        ("x/y", ""),
        ("#/#", "00 11 22"),
        ("#/[^#]", "01 02 10 12 20 21"),
        ("xy/x", "00 01 02"),
        ("xy/[xy]x", "00 01 02 10 20"),
        ("xyx/xy", "00 11 12 20"),
    ],
)
def test_flow_codes(code: str, expected: str) -> None:
    assert " ".join(f"{i}{o}" for i, o in flows(code, range(3), range(3))) == expected
    assert is_complete(code) == (code == "x/x")


def test_other_mistakes_than_of_the_graph_are_told_together_with_them() -> None:
    found = refused("a :: Nul; Idle -> a; t :: Tee; Idle -> t; t [1] -> Discard")
    assert [line.split("[")[1][:4] for line in found.splitlines() if "error[" in line] == ["C120", "C154"]


def test_missing_connections_do_not_make_ports_unused() -> None:
    found = refused("t :: Tee; Idle -> t; t [0,1] => Discard, Discard, Discard;")
    assert [line.split("[")[1][:4] for line in found.splitlines() if "error[" in line] == ["C131"]
