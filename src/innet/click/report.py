"""Collecting mistakes, and the bounds that keep a hostile text from costing more than a moment."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from innet.diagnostics import ConfigurationError, Diagnostic, Severity, Span


@dataclass(frozen=True)
class Limits:
    """What a configuration may cost. Exceeding one is an error, never a crash or a long wait."""

    nesting: int = 50
    """Compounds and groups inside each other in the text, as in Click."""
    depth: int = 200
    """Compound elements inside each other once expanded."""
    elements: int = 1_000_000
    """Elements after flattening."""
    uses: int = 3_000_000
    """Elements named in the text, in declarations and connections."""
    connections: int = 2_000_000
    """Connections followed while flattening."""
    port: int = 8_191
    """Highest port number."""
    substituted: int = 32_000_000
    """Characters that variables may produce, all in all; each reference counts as 32 more."""
    programs: int = 32
    """Element programs."""
    errors: int = 100
    """Mistakes told in one run."""


class StopError(Exception):
    """No use in going on; the diagnostics so far are the answer."""


COPY = 10
"""Units of work (`innet.symbolic.work`) that connecting a name of a compound element takes, for each copy of it."""


def free(units: int) -> None:
    """Nobody counts the work."""


@dataclass
class Report:
    """The mistakes and warnings of one run, in the order they were found. `spend` is told of the work that the elements
    take, and may raise an exception to end it."""

    limits: Limits = field(default_factory=Limits)
    spend: Callable[[int], None] = free
    found: list[Diagnostic] = field(default_factory=list)
    errors: int = 0

    def error(
        self,
        code: str,
        message: str,
        span: Span | None,
        expected: str = "",
        help: str = "",
        facts: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Note a mistake; stop the run when there are too many to be of use."""
        self.found.append(Diagnostic(code, message, span, expected, help, facts))
        self.errors += 1
        if self.errors >= self.limits.errors:
            raise self.fatal("C100", f"{self.errors} mistakes: the rest of the text was not looked at", span)

    def add(self, mistakes: Iterable[Diagnostic]) -> None:
        """Note what another reader found."""
        for mistake in mistakes:
            if self.errors < self.limits.errors:
                self.found.append(mistake)
                self.errors += 1

    def fatal(
        self, code: str, message: str, span: Span | None, expected: str = "", help: str = ""
    ) -> StopError:
        """Note a mistake after which nothing sensible can be said; raise what is returned."""
        self.found.append(Diagnostic(code, message, span, expected, help))
        self.errors += 1
        return StopError()

    def warning(self, code: str, message: str, span: Span | None, help: str = "") -> None:
        """Note something that is legal and probably not meant, or done on the writer's behalf."""
        self.found.append(Diagnostic(code, message, span, help=help, severity=Severity.WARNING))

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.found if d.severity is Severity.WARNING)

    def check(self) -> None:
        """Raise every mistake found, if there is one."""
        mistakes = [d for d in self.found if d.severity is not Severity.WARNING]
        if mistakes:
            raise ConfigurationError(mistakes)
