"""What an import could not understand: mistakes, or with `lenient` a list of what was ignored and what became of it."""

from dataclasses import dataclass

from innet.diagnostics import Diagnostic, PolicyError, Span

MAX_ERRORS = 1000
"""After so many mistakes an import gives up: one wrong file is not read a million times over."""
MAX_QUOTED = 80
"""Characters of a line that a message quotes."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Text that was passed over, and what that means for answers."""

    span: Span
    text: str
    message: str
    effect: str

    def __str__(self) -> str:
        return f"{self.span}: {self.message}: {self.effect}"


class Report:
    """Carries mistakes and ignored text through one import. Codes: N401 what is wrong in any case, N402 what is not
    understood."""

    def __init__(self, lenient: bool) -> None:
        self.lenient = lenient
        self.errors: list[Diagnostic] = []
        self.ignored: list[Ignored] = []
        self.notes: dict[str, None] = {}

    def error(self, span: Span | None, message: str, expected: str = "", help: str = "") -> None:
        """Note a mistake that nothing can make up for."""
        self.errors.append(Diagnostic("N401", message, span, expected, help))
        if len(self.errors) >= MAX_ERRORS:
            raise PolicyError(self.errors)

    def unknown(self, span: Span, message: str, effect: str, expected: str = "") -> None:
        """Text that is not understood: a mistake; or, if lenient, ignored with this effect."""
        if self.lenient:
            text = span.source.text[span.start : min(span.end, span.start + MAX_QUOTED)]
            self.ignored.append(Ignored(span, text, message, effect))
            return
        help = f"take it out, or --lenient: then {effect}"
        self.errors.append(Diagnostic("N402", message, span, expected, help))
        if len(self.errors) >= MAX_ERRORS:
            raise PolicyError(self.errors)

    def note(self, text: str) -> None:
        """Say what was taken for granted."""
        self.notes[text] = None
