"""What can go wrong and how it is told: spans, diagnostics, rendering, and the error tree.

A mistake is data (`Diagnostic`) until it reaches the edge of the program, where `render` makes it text once.
Exceptions carry every mistake that was found, not only the first.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from innet.records import quick


class Severity(Enum):
    """How much a diagnostic weighs: only an error (or a refusal) stops the work."""

    ERROR = "error"
    WARNING = "warning"
    REFUSED = "refused"


@dataclass(frozen=True)
class Source:
    """A text and the name it goes by in messages; `origins` holds line directives (line, name, number)."""

    name: str
    text: str = field(repr=False)
    origins: tuple[tuple[int, str, int], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        object.__setattr__(self, "_starts", starts)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of the character at `offset`, in the text as it stands."""
        starts: list[int] = self._starts  # type: ignore[attr-defined]  # set once in __post_init__
        line = bisect_right(starts, min(max(offset, 0), len(self.text)))
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its end."""
        starts: list[int] = self._starts  # type: ignore[attr-defined]  # set once in __post_init__
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")

    def landmark(self, offset: int) -> tuple[str, int, int]:
        """Name, line and column to show for `offset`: line directives are honoured."""
        line, column = self.position(offset)
        name, number = self.name, line
        for at, file, first in self.origins:
            if at > line:
                break
            name, number = file, first + line - at
        return name, number, column


@quick
@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of a source."""

    source: Source
    start: int
    end: int

    def part(self, start: int, end: int) -> "Span":
        """Characters [start, end) counted from the start of this span."""
        return Span(self.source, self.start + start, self.start + max(end, start))

    def __str__(self) -> str:
        return "{}:{}:{}".format(*self.source.landmark(self.start))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake: a stable code, what is wrong, where, what was expected there, and how to mend it.

    `facts` are further labelled lines (rule, trace, witness, "previously declared here").
    """

    code: str
    message: str
    span: Span | None = None
    expected: str = ""
    help: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    severity: Severity = Severity.ERROR


MAX_SHOWN = 120
MAX_TOLD = 100


def render(diagnostic: Diagnostic) -> str:
    """The diagnostic as a person reads it: landmark, line, caret, expectation, help."""
    d = diagnostic
    out = []
    head = f"{d.severity.value}[{d.code}]: {d.message}"
    if d.span is None:
        out.append(head)
    else:
        name, number, column = d.span.source.landmark(d.span.start)
        out.append(f"{name}:{number}:{column}: {head}")
        line, at = d.span.source.position(d.span.start)
        text = d.span.source.line(line)
        first = max(0, at - 1 - MAX_SHOWN // 2) if len(text) > MAX_SHOWN else 0
        shown = text[first : first + MAX_SHOWN]
        width = max(1, min(d.span.end - d.span.start, len(shown) - (at - 1 - first)))
        gutter = f"{number} | "
        pad = "".join("\t" if c == "\t" else " " for c in shown[: at - 1 - first])
        out.append(gutter + shown)
        out.append(" " * (len(gutter) - 2) + "| " + pad + "^" * width)
    if d.expected:
        out.append(f"  = expected: {d.expected}")
    out.extend(f"  = {label}: {text}" for label, text in d.facts)
    if d.help:
        out.append(f"  = help: {d.help}")
    return "\n".join(out)


def render_all(diagnostics: Sequence[Diagnostic]) -> str:
    """Diagnostics one after the other, without repeating one: the first `MAX_TOLD`, and how many there are."""
    told = dict.fromkeys(render(d) for d in diagnostics[:MAX_TOLD])
    more = len(diagnostics) - MAX_TOLD
    return "\n".join((*told, f"... and {more} more mistakes") if more > 0 else told)


class InNetError(Exception):
    """Base of every error a user can cause; carries all diagnostics that were found."""

    def __init__(self, diagnostics: Diagnostic | Sequence[Diagnostic]) -> None:
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        super().__init__(found)
        self.diagnostics: tuple[Diagnostic, ...] = found

    def __str__(self) -> str:
        return render_all(self.diagnostics)


class ConfigurationError(InNetError):
    """The tenant's text is wrong."""


class PolicyError(InNetError):
    """The operator's text is wrong: network, policy, accounts."""


class PlatformError(InNetError):
    """The kernel or the host refused."""


class TraceError(Exception):
    """An element's author used the packet language wrongly; never caused by a user."""


def suggest(word: str, known: Iterable[str]) -> str:
    """The known word nearest to `word`, or an empty string if none is near."""
    return _nearest(word, tuple(known))


@lru_cache(maxsize=256)
def _nearest(word: str, names: tuple[str, ...]) -> str:
    """A text full of one mistake asks for the same word again and again."""
    from difflib import get_close_matches

    exact = [n for n in names if n.lower() == word.lower()]
    near = exact or get_close_matches(word, names, n=1, cutoff=0.7)
    return near[0] if near else ""
