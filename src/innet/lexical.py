"""Click's string rules: arguments, comments, words, quotes and variables, keeping where the text came from.

A `Text` is a string that remembers, character by character, which part of a source it stands for. Every
operation here returns Texts, so an error deep inside an argument can point at the very characters a person
wrote, and an error in what a variable stood for points at the reference. Source: Click's configuration
language, "Configuration strings".
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from innet.diagnostics import Span
from innet.records import quick

WHITESPACE = " \t\r\n\v\f"

_SPACE = r"[ \t\r\n\v\f]"
_COMMENT = r"//[^\n\r]*+|/\*(?s:.*?)(?:\*/|\Z)"
_ANGLE = rf"\\<(?:[^>/]++|{_COMMENT}|/)*+>?"
_SINGLE = r"'[^']*+'?"
_INSIDE = rf'(?:[^"\\]++|{_ANGLE}|\\[\s\S]|\\)*+'
_DOUBLE = rf'"{_INSIDE}"?'
_PROTECTED = rf"{_SINGLE}|{_DOUBLE}|{_ANGLE}"

_ARGUMENT = re.compile(rf"(?:[^,'\"/\\]++|{_PROTECTED}|{_COMMENT}|[/\\])*+")
_UNCOMMENT = re.compile(
    rf"(?P<gap>{_SPACE}*+(?:(?:{_COMMENT}){_SPACE}*+)++)"
    rf"|{_PROTECTED}|[^ \t\r\n\v\f'\"/\\]++|{_SPACE}++|[/\\]"
)
_GAP = re.compile(rf"(?:{_SPACE}++|{_COMMENT})*+")
_WORD = re.compile(rf"(?:{_PROTECTED}|[^ \t\r\n\v\f'\"/\\]++|/(?![/*])|\\)++")
_SPECIAL = re.compile(r"['\"\\]|/[/*]")
_PLAIN_WORD = re.compile(r"[^ \t\r\n\v\f]++")
_QUOTED = re.compile(rf"""'(?P<single>[^']*+)'?|"(?P<double>{_INSIDE})"?|(?P<angle>{_ANGLE})|[^'"\\]++|\\""")
_ESCAPE = re.compile(
    rf"[^\\]++|(?P<angle>{_ANGLE})|\\(?P<octal>[0-7]{{1,3}})|\\x(?P<hex>[0-9A-Fa-f]*+)"
    r"|\\(?P<newline>\r\n|\r|\n)|\\(?P<other>[\s\S])|\\"
)
_HEX = re.compile(rf"(?:{_COMMENT})|[0-9A-Fa-f]")
_REFERENCE = r"\$(?:\{(?P<brace>[^}]*+)\}|(?P<name>[A-Za-z0-9_]++(?P<member>\.[A-Za-z_][A-Za-z0-9_]*+)?))"
_SUBSTITUTE = re.compile(rf"{_SINGLE}|(?P<double>{_DOUBLE})|{_COMMENT}|{_REFERENCE}")
_IN_QUOTES = re.compile(rf"\\[\s\S]|{_REFERENCE}")
_INDEX = re.compile(r"(.*)\[([0-9]{1,9})\]\Z", re.DOTALL)
_KEYWORD = re.compile(rf"([A-Za-z_][A-Za-z0-9_:.?!]*+){_SPACE}++(?=[\s\S])")

_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_QUOTE_SAFE = re.compile(r"[ !#%-\[\]-~Ā-\U0010ffff]*\Z")
_QUOTE = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\t": "\\t", "\r": "\\r", "\n": "\\n"}


class Piece(NamedTuple):
    """From character `at` of a text: the source's characters [start, end), one for one if `verbatim`.

    Otherwise the whole piece stands for all of them; `origin` is then where it was written, if known.
    """

    at: int
    start: int
    end: int
    verbatim: bool
    origin: Span | None = None


@quick
@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A string and the characters it came from; equal to another Text if the strings are.

    Without `pieces`, it stands character for character at `span` (or nowhere, if that is None).
    """

    value: str
    span: Span | None = field(default=None, repr=False)
    pieces: tuple[Piece, ...] | None = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return self.value

    def __len__(self) -> int:
        return len(self.value)

    def part(self, start: int, end: int) -> "Text":
        """Characters [start, end)."""
        if start == 0 and end == len(self.value):
            return self
        if self.span is None:
            return Text(self.value[start:end])
        if self.pieces is None:
            at = self.span.start
            return Text(self.value[start:end], Span(self.span.source, at + start, at + end))
        return Text(self.value[start:end], self.span_of(start, end), tuple(self._sliced(start, end)))

    def span_of(self, start: int, end: int) -> Span | None:
        """The source's characters that [start, end) of this text stand for."""
        if self.span is None:
            return None
        if not self.pieces:
            at = self.span.start
            return Span(self.span.source, at + start, at + max(end, start))
        first = self.pieces[max(self._piece(start), 0)]
        last = self.pieces[max(self._piece(max(end - 1, start)), 0)]
        a = min(first.start + start - first.at, first.end) if first.verbatim else first.start
        b = min(last.start + end - last.at, last.end) if last.verbatim else last.end
        return Span(self.span.source, a, max(a, b))

    def facts(self) -> tuple[tuple[str, str], ...]:
        """For a diagnostic: where the values were written that variables put into this text."""
        found: dict[str, None] = {}
        for index, piece in enumerate(self.pieces or ()):
            if piece.origin is not None:
                end = self.pieces[index + 1].at if self.pieces and index + 1 < len(self.pieces) else len(self)
                found[f"'{self.value[piece.at : end]}', from {piece.origin}"] = None
        return tuple(("value", fact) for fact in found)

    def _piece(self, at: int) -> int:
        assert self.pieces is not None
        return bisect_right(self.pieces, at, key=lambda piece: piece.at) - 1

    def _sliced(self, start: int, end: int) -> Iterable[Piece]:
        assert self.pieces is not None
        for index in range(max(self._piece(start), 0), len(self.pieces)):
            at, first, last, verbatim, origin = self.pieces[index]
            if at >= end and at > start:
                break
            skipped = max(start - at, 0)
            yield Piece(max(at - start, 0), first + skipped if verbatim else first, last, verbatim, origin)


class _Builder:
    """Puts a text together from parts of another one and from replacements for parts of it."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.strings: list[str] = []
        self.pieces: list[Piece] = []
        self.length = 0

    def take(self, start: int, end: int) -> None:
        """Characters [start, end), as they are."""
        if end <= start:
            return
        span = self.text.span
        if span is not None:
            if self.text.pieces is None:
                self.pieces.append(Piece(self.length, span.start + start, span.start + end, True))
            else:
                for piece in self.text._sliced(start, end):
                    self.pieces.append(piece._replace(at=piece.at + self.length))
        self.strings.append(self.text.value[start:end])
        self.length += end - start

    def put(self, string: str, start: int, end: int, origin: Span | None = None) -> None:
        """`string` in the place of characters [start, end)."""
        if not string:
            return
        span = self.text.span_of(start, end)
        if span is not None:
            self.pieces.append(Piece(self.length, span.start, span.end, False, origin))
        self.strings.append(string)
        self.length += len(string)

    def text_of(self) -> Text:
        if self.text.span is None or not self.pieces:
            return Text("".join(self.strings), self.text.span)
        span = Span(self.text.span.source, self.pieces[0].start, max(p.end for p in self.pieces))
        return Text("".join(self.strings), span, tuple(self.pieces))


# Splitting


def arguments(text: Text) -> tuple[Text, ...]:
    """The comma-separated arguments of a configuration string, uncommented; an empty last one is dropped."""
    value = text.value
    if text.pieces is None and _SPECIAL.search(value) is None:
        return _plain_arguments(text)
    found: list[Text] = []
    at = 0
    while True:
        match = _ARGUMENT.match(value, at)
        assert match is not None
        found.append(uncomment(text.part(at, match.end())))
        at = match.end() + 1
        if match.end() >= len(value):
            break
    if not found[-1].value:
        found.pop()
    return tuple(found)


def _plain_arguments(text: Text) -> tuple[Text, ...]:
    """The same of a text without quotes, escapes and comments, as very long ones mostly are."""
    parts = text.value.split(",")
    if len(parts) == 1:
        whole = uncomment(text)
        return (whole,) if whole.value else ()
    found: list[Text] = []
    source, at = (text.span.source, text.span.start) if text.span is not None else (None, 0)
    for part in parts:
        value = part.strip(WHITESPACE)
        start = at + len(part) - len(part.lstrip(WHITESPACE))
        found.append(Text(value, Span(source, start, start + len(value)) if source is not None else None))
        at += len(part) + 1
    if not found[-1].value:
        found.pop()
    return tuple(found)


def uncomment(text: Text) -> Text:
    """Without space around it, and with one space for each comment and the space that touches it."""
    value = text.value
    if "//" not in value and "/*" not in value:
        start = len(value) - len(value.lstrip(WHITESPACE))
        return text.part(start, max(start, len(value.rstrip(WHITESPACE))))
    kept: list[tuple[int, int, bool]] = []
    for match in _UNCOMMENT.finditer(value):
        gap = match["gap"] is not None or value[match.start()] in WHITESPACE
        kept.append((match.start(), match.end(), gap and match["gap"] is not None))
        if gap and (len(kept) == 1 or match.end() == len(value)):
            kept.pop()
            if not kept:
                kept.append((match.end(), match.end(), False))
    builder = _Builder(text)
    for start, end, gap in kept:
        if gap:
            builder.put(" ", start, end)
        else:
            builder.take(start, end)
    return builder.text_of()


def words(text: Text) -> tuple[Text, ...]:
    """The words of an argument, separated by space or comments, still quoted."""
    value = text.value
    if text.pieces is None and _SPECIAL.search(value) is None:
        return tuple(text.part(word.start(), word.end()) for word in _PLAIN_WORD.finditer(value))
    found: list[Text] = []
    at = 0
    while True:
        gap = _GAP.match(value, at)
        assert gap is not None
        word = _WORD.match(value, gap.end())
        if word is None:
            return tuple(found)
        found.append(text.part(word.start(), word.end()))
        at = word.end()


def shift_word(text: Text) -> tuple[Text, Text]:
    """The first word, still quoted, and what stands behind it, without the space between them."""
    value = text.value
    gap = _GAP.match(value, 0)
    assert gap is not None
    word = _WORD.match(value, gap.end())
    end = word.end() if word is not None else gap.end()
    return text.part(gap.end(), end), uncomment(text.part(end, len(value)))


# Quoting


def unquote(text: Text) -> Text:
    """One level of quotes removed, escapes replaced; quoted and bare pieces side by side are joined.

    Characters stand for bytes: an escape gives a character below 256.
    """
    value = text.value
    if '"' not in value and "'" not in value and "\\" not in value:
        return text
    builder = _Builder(text)
    for match in _QUOTED.finditer(value):
        start, end = match.span()
        if match["single"] is not None:
            builder.take(*match.span("single"))
        elif match["angle"] is not None:
            builder.put(_bytes(match["angle"]), start, end)
        elif match["double"] is not None:
            _unescape(builder, value, *match.span("double"))
        else:
            builder.take(start, end)
    return builder.text_of()


def _unescape(builder: _Builder, value: str, start: int, end: int) -> None:
    for match in _ESCAPE.finditer(value, start, end):
        first, last = match.span()
        if match["angle"] is not None:
            builder.put(_bytes(match["angle"]), first, last)
        elif match["octal"] is not None:
            builder.put(chr(int(match["octal"], 8) & 0xFF), first, last)
        elif match["hex"] is not None:
            builder.put(chr(int(match["hex"][-2:] or "0", 16)), first, last)
        elif match["other"] is not None:
            builder.put(_LETTERS.get(match["other"], match["other"]), first, last)
        elif match["newline"] is None:
            builder.take(first, last)


def _bytes(angle: str) -> str:
    digits = [d for d in _HEX.findall(angle[2:]) if len(d) == 1]
    return "".join(chr(int(a + b, 16)) for a, b in zip(digits[::2], digits[1::2], strict=False))


def escape(string: str) -> str:
    """`string` as written inside `"..."`; characters above 255, which are no bytes, stay as they are."""
    if _QUOTE_SAFE.match(string):
        return string
    return "".join(
        _QUOTE[c] if c in _QUOTE else c if 32 <= ord(c) < 127 or ord(c) > 255 else f"\\{ord(c):03o}"
        for c in string
    )


def quote(string: str) -> str:
    """`string` in double quotes, so that `unquote` gives it back."""
    return f'"{escape(string)}"'


# Variables

MAX_DEPTH = 10
"""How deep values are themselves expanded."""
REFERENCE_COST = 32
"""What one replacement takes from the budget beside its characters: it takes time even if it is empty."""


class ExpansionTooLargeError(Exception):
    """Variables produced more text than allowed; the caller says where."""


@dataclass(slots=True)
class Expander:
    """Replaces variable references; `budget` bounds the characters that all its work may produce.

    References: `$name`, `${name}`, `${name-default}`, `${name[k]}`. A name that `lookup` does not know stays
    as it is written. `$one.two` looks up `one.two` first, and `one` if there is no such variable.
    """

    budget: int

    def expand(self, text: Text, lookup: Callable[[str], Text | None], depth: int = 0) -> Text:
        """`text` with its references replaced, except in '...' and comments."""
        if "$" not in text.value or depth > MAX_DEPTH:
            return text
        value = text.value
        builder = _Builder(text)
        at = 0
        for match in _SUBSTITUTE.finditer(value):
            if match["double"] is not None:
                for inner in _IN_QUOTES.finditer(value, match.start() + 1, match.end()):
                    if inner[0][0] == "$":
                        at = self._replace(builder, inner, at, lookup, depth, escape)
            elif match["brace"] is not None or match["name"] is not None:
                at = self._replace(builder, match, at, lookup, depth, str)
        builder.take(at, len(value))
        return builder.text_of()

    def _replace(
        self,
        builder: _Builder,
        match: re.Match[str],
        at: int,
        lookup: Callable[[str], Text | None],
        depth: int,
        form: Callable[[str], str],
    ) -> int:
        end = match.end()
        if match["brace"] is not None:
            replacement = self._braced(match["brace"], lookup, depth)
        else:
            replacement = lookup(match["name"])
            if replacement is None and match["member"] is not None:
                replacement = lookup(match["name"][: -len(match["member"])])
                end -= len(match["member"])
        if replacement is None:
            return at
        string = form(self.expand(replacement, lookup, depth + 1).value)
        self.budget -= len(string) + REFERENCE_COST
        if self.budget < 0:
            raise ExpansionTooLargeError
        builder.take(at, match.start())
        builder.put(string, match.start(), end, replacement.span)
        return end

    def _braced(self, inside: str, lookup: Callable[[str], Text | None], depth: int) -> Text | None:
        name, dash, default = inside.partition("-")
        value = lookup(name)
        if value is None and (indexed := _INDEX.match(name)):
            whole = lookup(indexed[1])
            if whole is not None:
                parts = words(self.expand(whole, lookup, depth + 1))
                index = int(indexed[2])
                value = parts[index] if index < len(parts) else Text("")
        return Text(default) if value is None and dash else value


# Which argument goes to which parameter


class Parameter(NamedTuple):
    """One parameter: its keyword (may be empty), whether a position gives it, whether it must be given."""

    name: str
    positional: bool
    mandatory: bool


@dataclass(slots=True)
class Assignment:
    """What `assign` found: a text for each parameter given (by index), and what is wrong."""

    values: dict[int, Text] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    extra: list[Text] = field(default_factory=list)
    unknown: list[tuple[Text, Text]] = field(default_factory=list)


def keyword_of(argument: Text) -> tuple[Text, Text] | None:
    """The keyword that `argument` may start with, and what follows it; None if it has no such shape."""
    match = _KEYWORD.match(argument.value)
    if match is None:
        return None
    return argument.part(0, match.end(1)), argument.part(match.end(), len(argument))


def assign(
    given: Sequence[Text], parameters: Sequence[Parameter], keywords_first: bool = False, rest: bool = False
) -> Assignment:
    """Give arguments to parameters as Click does.

    An argument goes to the parameter whose keyword it starts with; the last one wins. A positional parameter
    also takes the first argument that no position took, if that has no keyword, or if the parameter is
    mandatory and not yet given; positions end at the first argument taken by keyword (not if `keywords_first`).
    With `rest`, arguments that nobody takes all land in `extra`, whatever their shape.
    """
    result = Assignment()
    open_ = [(argument, keyword_of(argument)) for argument in given]
    taken_by_keyword: set[int] = set()
    taken_by_position: set[int] = set()

    def by_keyword(parameter: Parameter) -> int:
        got = -1
        for index, (_, keyword) in enumerate(open_):
            if keyword is None or keyword[0].value != parameter.name or not parameter.name:
                continue
            if index not in taken_by_keyword and index not in taken_by_position:
                got = index
                taken_by_keyword.add(index)
        return got

    if keywords_first:
        for number, parameter in enumerate(parameters):
            if not parameter.positional and (got := by_keyword(parameter)) >= 0:
                keyword = open_[got][1]
                assert keyword is not None
                result.values[number] = keyword[1]
        open_ = [entry for index, entry in enumerate(open_) if index not in taken_by_keyword]
        taken_by_keyword.clear()

    named = {keyword[0].value for _, keyword in open_ if keyword is not None}
    for number, parameter in enumerate(parameters):
        if number in result.values:
            continue
        asked = parameter.name in named
        if not asked and (not parameter.positional or (not named and len(taken_by_position) == len(open_))):
            if parameter.mandatory:
                result.missing.append(number)
            continue  # nothing is left that it may take
        place = next((i for i in range(len(open_)) if i not in taken_by_position), -1)
        if place in taken_by_keyword:
            place = -1
        got = by_keyword(parameter) if asked else -1
        whole = False
        if parameter.positional and place >= 0 and place not in taken_by_keyword:
            bare = open_[place][1] is None
            if bare or (got < 0 and parameter.mandatory):
                taken_by_position.add(place)
                if got < place:
                    got, whole = place, True
        if got < 0:
            if parameter.mandatory:
                result.missing.append(number)
            continue
        argument, keyword = open_[got]
        result.values[number] = argument if whole or keyword is None else keyword[1]

    for index, (argument, keyword) in enumerate(open_):
        if index in taken_by_keyword or index in taken_by_position:
            continue
        if keyword is None or rest:
            result.extra.append(argument)
        else:
            result.unknown.append((keyword[0], argument))
    return result


def scoped_names(element: str, name: str) -> tuple[str, ...]:
    """The full names that `name`, used by `element`, may mean: in its innermost compound first, then outwards."""
    prefix = element
    found: list[str] = []
    while "/" in prefix:
        prefix = prefix[: prefix.rindex("/")]
        found.append(f"{prefix}/{name}")
    return (*found, name)
