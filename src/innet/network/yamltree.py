"""YAML with places: every scalar, list and mapping keeps where it stands in the text, and every scalar stays text.

Built from the parser's events without recursion, so that no depth of nesting can exhaust the stack. Aliases and
tags are not supported: a network file gains nothing from them, and an alias can make a small text enormous.

A routing table is many lines that are all alike, and a YAML parser takes ten times as long for each as it takes to
read it. So such lines can be left out of what the parser gets (`parse` with `rows`), but for the first and the last
of them: where it finds those to be entries of one block mapping, one right behind the other, then the lines between
them, at the same indent, are entries of that mapping too. Where it does not, the parser gets the whole text.
"""

import re
from bisect import bisect_right
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


_ROW = (
    r"[0-9][0-9.]*+(?:/[0-9]++)?+: "
    r"(?:\w[\w.-]*+(?: via [0-9.]++)?+|\[\w[\w.-]*+(?:, \w[\w.-]*+)*+\])\r?\n"
)
_ROWS = re.compile(rf"(?ma)^( *+){_ROW}(?:\1{_ROW}){{7,}}+")
_PARTS = re.compile(r" *+([0-9./]++): ([^\r\n]++)")
_WORD = re.compile(r"[^][, ]++")


@dataclass(frozen=True, slots=True)
class Rows:
    """Entries of a mapping left as they stand in the text: lines [first, last], counted from 0, that are alike. Each is
    an address or a prefix and, behind a colon, a word, `WORD via ADDRESS`, or a list of words in brackets."""

    source: Source
    first: int
    last: int
    column: int
    """Where the keys begin, from 0."""

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def starts(self) -> list[int]:
        """Where each of the keys begins in the text."""
        return [start + self.column for start in _starts(self.source)[self.first : self.last + 1]]

    def texts(self) -> Iterator[tuple[str, str]]:
        """Key and value of each line."""
        starts = _starts(self.source)
        for row in _PARTS.finditer(self.source.text, starts[self.first], starts[self.last + 1]):
            yield row[1], row[2]

    def pairs(self) -> "Iterator[tuple[Scalar, Tree]]":
        """The entries as trees."""
        for (key, value), start in zip(self.texts(), self.starts, strict=True):
            end = start + len(key)
            yield Scalar(key, Span(self.source, start, end)), value_tree(value, self.source, end + 2)


def value_tree(text: str, source: Source, start: int) -> "Tree":
    """The value of a line of `Rows`, which begins at `start`."""
    span = Span(source, start, start + len(text))
    if not text.startswith("["):
        return Scalar(text, span)
    return Listing(tuple(Scalar(w[0], span.part(w.start(), w.end())) for w in _WORD.finditer(text)), span)


@dataclass(frozen=True, slots=True, match_args=False)
class Mapping:
    """A YAML mapping; keys are words, each there once (`rows` may have a key twice)."""

    __match_args__ = ("pairs", "span")

    parts: "tuple[tuple[Scalar, Tree] | Rows, ...]"
    span: Span

    @property
    def pairs(self) -> "tuple[tuple[Scalar, Tree], ...]":
        """All entries, those of `Rows` too."""
        if not any(isinstance(part, Rows) for part in self.parts):
            return self.parts  # type: ignore[return-value]  # there are none
        out: list[tuple[Scalar, Tree]] = []
        for part in self.parts:
            out += part.pairs() if isinstance(part, Rows) else [part]
        return tuple(out)

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


def parse(source: Source, rows: bool = False) -> Tree:
    """The tree of a text with one YAML document; `PolicyError` if it is not YAML, nested too deeply, empty, or uses
    a key twice. With `rows`, long runs of lines that are alike stay `Rows` of their mapping."""
    if rows and (short := _Text.without_rows(source)) is not None:
        problems: list[Diagnostic] = []
        try:
            tree = _build(short, problems)
        except (yaml.YAMLError, UnicodeError, PolicyError):
            tree = None
        if tree is not None and not problems and not short.rows:
            return tree
    return _parse(source)


def _parse(source: Source) -> Tree:
    problems: list[Diagnostic] = []
    text = _Text(source, source.text, _starts(source), {})
    try:
        tree = _build(text, problems)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = None if mark is None else text.span(mark, mark)
        message = f"this is not YAML: {error.problem or error.context or 'the text ends too early'}"
        raise PolicyError([*problems, Diagnostic("N101", message, where)]) from None
    except (yaml.YAMLError, UnicodeError) as error:
        said = " ".join(str(error).split())
        raise PolicyError([*problems, Diagnostic("N101", f"this is not YAML: {said}")]) from None
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


def _starts(source: Source) -> list[int]:
    """Where the lines of a source begin."""
    starts: list[int] = source._starts  # type: ignore[attr-defined]  # set once in Source.__post_init__
    return starts


@dataclass(frozen=True, slots=True)
class _Text:
    """What the parser gets of a source: all of it, or of lines that are alike only the first and the last."""

    source: Source
    text: str
    starts: list[int]
    """Where each line of `text` begins in the source."""
    rows: dict[int, Rows]
    """By where the first key of each begins in the source; those that were found to be in a mapping are taken out."""

    @classmethod
    def without_rows(cls, source: Source) -> "_Text | None":
        """The text without lines that are alike; None if it has no runs of those."""
        lines = _starts(source)
        pieces: list[str] = []
        starts: list[int] = []
        rows: dict[int, Rows] = {}
        at = line = 0
        for run in _ROWS.finditer(source.text):
            first = bisect_right(lines, run.start()) - 1
            last = bisect_right(lines, run.end() - 1) - 1
            rows[run.end(1)] = Rows(source, first, last - 1, len(run[1]))
            pieces += [source.text[at : lines[first + 1]], source.text[lines[last] : run.end()]]
            starts += [*lines[line : first + 1], lines[last]]
            at, line = run.end(), last + 1
        if not rows:
            return None
        pieces.append(source.text[at:])
        starts += lines[line:]
        return cls(source, "".join(pieces), starts, rows)

    def span(self, start: _Place | None, end: _Place | None) -> Span:
        """The characters between two marks."""
        return Span(self.source, self.offset(start), self.offset(end))

    def offset(self, mark: _Place | None) -> int:
        """Where a mark is in the source."""
        if mark is None:
            return 0
        if mark.line >= len(self.starts):
            return len(self.source.text)
        return min(self.starts[mark.line] + mark.column, len(self.source.text))


def _build(text: _Text, problems: list[Diagnostic]) -> Tree | None:
    root: Tree | None = None
    stack: list[_Open] = []
    documents = 0

    def fatal(message: str, event: yaml.Event, help: str = "") -> PolicyError:
        span = text.span(event.start_mark, event.end_mark)
        return PolicyError([*problems, Diagnostic("N102", message, span, help=help)])

    source, starts = text.source, text.starts
    for event in _events(text.text):
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
                done = Scalar(event.value, text.span(event.start_mark, event.end_mark))
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                if len(stack) == MAX_DEPTH:
                    raise fatal(f"nested more than {MAX_DEPTH} deep", event)
                stack.append(_Open(event, isinstance(event, yaml.MappingStartEvent)))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                done = _close(text, stack.pop(), event, problems)
        if done is not None:
            if stack:
                stack[-1].children.append(done)
            else:
                root = done
    return root


def _close(text: _Text, opened: _Open, end: yaml.Event, problems: list[Diagnostic]) -> Listing | Mapping:
    span = text.span(opened.event.start_mark, end.end_mark)
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
    whole = tuple(pairs.values())
    if not text.rows or not isinstance(opened.event, yaml.MappingStartEvent) or opened.event.flow_style:
        return Mapping(whole, span)
    return Mapping(tuple(_with_rows(text, whole)), span)


def _with_rows(text: _Text, pairs: tuple[tuple[Scalar, Tree], ...]) -> "Iterator[tuple[Scalar, Tree] | Rows]":
    """Entries of a block mapping, with `Rows` where lines that are alike begin and the one behind them comes next."""
    starts = _starts(text.source)
    for n, pair in enumerate(pairs):
        start = pair[0].span.start
        rows = text.rows.get(start)
        after = pairs[n + 1][0].span.start if n + 1 < len(pairs) else -1
        if rows is not None and after == starts[rows.last + 1] + rows.column:
            del text.rows[start]
            yield rows
        else:
            yield pair
