"""Texts that remember where they stand in a source, and the collection of what is wrong with them."""

from bisect import bisect_right
from dataclasses import dataclass, field

from innet.diagnostics import Diagnostic, Severity, Source, Span
from innet.records import quick

MAX_DIAGNOSTICS = 50
MAX_TEXT = 1 << 20


@quick
@dataclass(frozen=True, slots=True)
class Piece:
    """The text from offset `at` on comes from `span`: character by character if `verbatim`, as a whole if not."""

    at: int
    span: Span
    verbatim: bool = True


@quick
@dataclass(frozen=True, slots=True)
class Text:
    """`text`, put together from `pieces` (in order; the first one starts at 0)."""

    text: str
    pieces: tuple[Piece, ...] = field(repr=False)

    @classmethod
    def of(cls, text: str, span: Span | None = None, name: str = "pattern") -> "Text":
        """`text`, which was read from `span`; without one it is its own source, called `name`.

        Where `text` no longer stands in the source as it is (unquoted, variables replaced), all of it is at `span`.
        """
        if span is None:
            return cls(text, (Piece(0, Span(Source(name, text), 0, len(text))),))
        at = span.source.text.find(text, span.start, span.end) if text else span.start
        if at < 0:
            return cls(text, (Piece(0, span, verbatim=False),))
        return cls(text, (Piece(0, Span(span.source, at, at + len(text))),))

    def where(self, start: int, end: int) -> Span:
        """The place of characters [start, end)."""
        first, last = self._piece(start), self._piece(max(start, end - 1))
        if not first.verbatim and first is last:
            return first.span
        begin = first.span.start + (start - first.at if first.verbatim else 0)
        stop = last.span.start + (end - last.at) if last.verbatim else last.span.end
        return Span(first.span.source, begin, max(begin, stop))

    def part(self, start: int, end: int) -> "Text":
        """Characters [start, end), which know their place as well."""
        first = bisect_right(self.pieces, start, key=lambda p: p.at) - 1
        pieces: list[Piece] = []
        for piece in self.pieces[first:]:
            if piece.at >= end and pieces:
                break
            cut = max(0, start - piece.at) if piece.verbatim else 0
            span = Span(piece.span.source, piece.span.start + cut, piece.span.end)
            pieces.append(Piece(max(0, piece.at - start), span, piece.verbatim))
        return Text(self.text[start:end], tuple(pieces))

    def _piece(self, at: int) -> Piece:
        return self.pieces[bisect_right(self.pieces, at, key=lambda p: p.at) - 1]


class Findings:
    """Mistakes and warnings found in one text, in the order found; only the first `MAX_DIAGNOSTICS` are kept."""

    def __init__(self) -> None:
        self.errors: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []

    def error(
        self, code: str, message: str, span: Span, expected: str = "", help: str = "",
        facts: tuple[tuple[str, str], ...] = (),
    ) -> None:  # fmt: skip
        """Note a mistake."""
        if len(self.errors) < MAX_DIAGNOSTICS:
            self.errors.append(Diagnostic(code, message, span, expected, help, facts))

    def warn(self, code: str, message: str, span: Span, help: str = "") -> None:
        """Note something that is allowed and hardly meant."""
        if len(self.warnings) < MAX_DIAGNOSTICS:
            self.warnings.append(Diagnostic(code, message, span, "", help, severity=Severity.WARNING))

    def in_order(self) -> list[Diagnostic]:
        """The mistakes by their place in the text."""
        return sorted(self.errors, key=lambda d: d.span.start if d.span else -1)

    @property
    def full(self) -> bool:
        """Whether there is no point in looking for more mistakes."""
        return len(self.errors) >= MAX_DIAGNOSTICS


def quoted(word: str) -> str:
    """`word` in quotes for a message, cut if it is long."""
    return f"'{word if len(word) <= 40 else word[:37] + '...'}'"
