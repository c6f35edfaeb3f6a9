"""YAML with places: every scalar, list and mapping keeps where it stands in the text, and every scalar stays text.

Built from the parser's events without recursion, so that no depth of nesting can exhaust the stack. Aliases and
tags are not supported: a network file gains nothing from them, and an alias can make a small text enormous.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import yaml

from innet.diagnostics import Diagnostic, PolicyError, Source, Span

MAX_DEPTH = 16
"""A deeper text is refused; a network file needs five levels."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A word; `text` is what it says, without quotes."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Listing:
    """A YAML sequence."""

    items: "tuple[Tree, ...]"
    span: Span


@dataclass(frozen=True, slots=True)
class Mapping:
    """A YAML mapping; keys are words, each there once."""

    pairs: "tuple[tuple[Scalar, Tree], ...]"
    span: Span

    def get(self, key: str) -> "Tree | None":
        """What stands under `key`, or None."""
        return next((value for name, value in self.pairs if name.text == key), None)


Tree: TypeAlias = Scalar | Listing | Mapping


def describe(tree: Tree) -> str:
    """The tree in a few words, for messages."""
    match tree:
        case Scalar(text):
            return f"'{text[:60]}'" if text else "nothing"
        case Listing():
            return "a list"
        case Mapping():
            return "a mapping"


class _Open:
    """A list or mapping whose end has not come yet."""

    def __init__(self, event: yaml.Event, is_mapping: bool) -> None:
        self.event = event
        self.is_mapping = is_mapping
        self.children: list[Tree] = []


def parse(source: Source) -> Tree:
    """The tree of a text with one YAML document; `PolicyError` if it is not YAML, nested too deeply, empty, or uses
    a key twice."""
    problems: list[Diagnostic] = []
    try:
        tree = _build(source, problems)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = None if mark is None else _span(source, mark, mark)
        message = f"this is not YAML: {error.problem or error.context or 'the text ends too early'}"
        raise PolicyError([*problems, Diagnostic("N101", message, where)]) from None
    except (yaml.YAMLError, UnicodeError) as error:
        text = " ".join(str(error).split())
        raise PolicyError([*problems, Diagnostic("N101", f"this is not YAML: {text}")]) from None
    if tree is None:
        problems.append(Diagnostic("N101", f"{source.name} is empty", expected="a mapping"))
    if problems or tree is None:
        raise PolicyError(problems)
    return tree


def _events(text: str) -> Iterator[yaml.Event]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


class _Place(Protocol):
    """A parser's mark, of either of PyYAML's parsers; both count from 0."""

    line: int
    column: int


def _span(source: Source, start: _Place | None, end: _Place | None) -> Span:
    return Span(source, _offset(source, start), _offset(source, end))


def _offset(source: Source, mark: _Place | None) -> int:
    if mark is None:
        return 0
    starts: list[int] = source._starts  # type: ignore[attr-defined]  # set once in Source.__post_init__
    if mark.line >= len(starts):
        return len(source.text)
    return min(starts[mark.line] + mark.column, len(source.text))


def _build(source: Source, problems: list[Diagnostic]) -> Tree | None:
    root: Tree | None = None
    stack: list[_Open] = []
    documents = 0

    def fatal(message: str, event: yaml.Event, help: str = "") -> PolicyError:
        span = _span(source, event.start_mark, event.end_mark)
        return PolicyError([*problems, Diagnostic("N102", message, span, help=help)])

    starts: list[int] = source._starts  # type: ignore[attr-defined]  # set once in Source.__post_init__
    for event in _events(source.text):
        if stack and isinstance(event, yaml.ScalarEvent):  # by far the most
            start, end = event.start_mark, event.end_mark
            if start is not None and end is not None and end.line < len(starts):
                span = Span(source, starts[start.line] + start.column, starts[end.line] + end.column)
                stack[-1].children.append(Scalar(event.value, span))
                continue
        done: Tree | None = None
        match event:
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    raise fatal("a second YAML document starts here", event, "keep one document in a file")
            case yaml.AliasEvent():
                raise fatal(f"aliases (*{event.anchor}) are not supported", event, "write the value out")
            case yaml.ScalarEvent():
                done = Scalar(event.value, _span(source, event.start_mark, event.end_mark))
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                if len(stack) == MAX_DEPTH:
                    raise fatal(f"nested more than {MAX_DEPTH} deep", event)
                stack.append(_Open(event, isinstance(event, yaml.MappingStartEvent)))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                done = _close(source, stack.pop(), event, problems)
        if done is not None:
            if stack:
                stack[-1].children.append(done)
            else:
                root = done
    return root


def _close(source: Source, opened: _Open, end: yaml.Event, problems: list[Diagnostic]) -> Listing | Mapping:
    span = _span(source, opened.event.start_mark, end.end_mark)
    if not opened.is_mapping:
        return Listing(tuple(opened.children), span)
    pairs: dict[str, tuple[Scalar, Tree]] = {}
    for key, value in zip(opened.children[::2], opened.children[1::2], strict=True):
        if not isinstance(key, Scalar):
            problems.append(
                Diagnostic("N103", "a key has to be a word", key.span, expected="a word and a colon")
            )
        elif key.text in pairs:
            first = pairs[key.text][0].span
            problems.append(
                Diagnostic(
                    "N103",
                    f"'{key.text}' is here a second time",
                    key.span,
                    help="keep one of the two",
                    facts=(("first", str(first)),),
                )
            )
        else:
            pairs[key.text] = (key, value)
    return Mapping(tuple(pairs.values()), span)
