"""Reading program text word by word: where the reader is, what it may cost, and the mistakes it found."""

from dataclasses import dataclass, field
from typing import NoReturn

from innet.diagnostics import Diagnostic, Source, Span
from innet.ir.words import Kind, Word, unescape, words

SYNTAX, NAME, WIDTH, VERDICT, LIMIT, DECLARED, RESERVED, VALUE = (
    "T101", "T102", "T103", "T104", "T105", "T106", "T107", "T108",
)  # fmt: skip


class Trouble(Exception):  # noqa: N818 - never leaves this package: the current statement cannot be read further
    """The statement cannot be read further; what is wrong was told."""


class Enough(Exception):  # noqa: N818 - never leaves this package: there is no use in going on
    """The text cannot be read further; what is wrong was told."""


@dataclass(frozen=True)
class Limits:
    """How large program text may be. Exceeding a limit is an error, never a crash or a long wait."""

    characters: int = 65_536
    """Of one program or element program."""
    statements: int = 2_000
    nesting: int = 24
    """Blocks inside each other."""
    depth: int = 32
    """Operators and parentheses inside each other."""
    terms: int = 20_000
    """Operands of all expressions."""
    width: int = 64
    """Bits of a number."""
    offset: int = 4_096
    """Bytes between a mark and a field."""
    columns: int = 8
    """Of a table's key, and of its values."""
    tables: int = 8
    counters: int = 16
    memory: int = 16 << 20
    """Bytes that all tables may take when they are full."""
    inputs: int = 16
    outputs: int = 64
    parameters: int = 32
    copies: int = 64
    """Statements that copy a packet."""
    errors: int = 50
    """Mistakes told."""


GENEROUS = Limits(
    1 << 30, 200_000, 120, 120, 1 << 24, 4096, 1 << 29, 1 << 10, 1 << 16, 1 << 16, 1 << 60, 1 << 16, 1 << 16, 0, 1 << 20
)  # fmt: skip
"""For programs that were traced: what `dump` printed can be read."""


@dataclass
class Mistakes:
    """What is wrong with a text, in the order it was found."""

    limits: Limits
    found: list[Diagnostic] = field(default_factory=list)

    def tell(
        self,
        code: str,
        message: str,
        span: Span,
        expected: str = "",
        help: str = "",
        facts: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.found.append(Diagnostic(code, message, span, expected, help, facts))
        if len(self.found) >= self.limits.errors:
            rest = f"{len(self.found)} mistakes: the rest of the text was not looked at"
            self.found.append(Diagnostic("T100", rest, span))
            raise Enough


class Cursor:
    """A place in the words of a text, and the mistakes found on the way."""

    def __init__(self, source: Source, start: int, end: int, limits: Limits) -> None:
        self.source, self.limits = source, limits
        self.mistakes = Mistakes(limits)
        self.words: list[Word] = []
        self.at = 0
        if end - start > limits.characters:
            message = f"a program of {end - start} characters"
            self.mistakes.found.append(
                Diagnostic(LIMIT, message, Span(source, start, start + 1), f"at most {limits.characters}")
            )
            end = start
        self.words = words(source.text, start, end)

    # ---- words

    @property
    def word(self) -> Word:
        return self.words[self.at]

    def peek(self, more: int = 1) -> Word:
        return self.words[min(self.at + more, len(self.words) - 1)]

    def next(self) -> Word:
        """The current word; go on to the one behind it."""
        word = self.words[self.at]
        if word.kind is not Kind.END:
            self.at += 1
        return word

    def sees(self, *texts: str) -> bool:
        """Whether the current word is one of `texts`, names or signs."""
        word = self.words[self.at]
        return word.text in texts and word.kind in (Kind.NAME, Kind.SIGN)

    def takes(self, *texts: str) -> Word | None:
        """The current word if it is one of `texts`; then go on."""
        return self.next() if self.sees(*texts) else None

    def needs(self, text: str, expected: str = "", help: str = "") -> Word:
        word = self.takes(text)
        if word is None:
            self.unexpected(expected or f"'{text}'", help)
        return word

    def span(self, word: Word | None = None) -> Span:
        """Where `word` stands, by default the current one."""
        word = word or self.word
        return Span(self.source, word.start, word.end)

    def since(self, first: Word) -> Span:
        """From the start of `first` to the end of what was read last."""
        return Span(self.source, first.start, max(self.words[max(self.at - 1, 0)].end, first.start))

    # ---- mistakes

    def unexpected(self, expected: str, help: str = "") -> NoReturn:
        """The current word does not belong here."""
        word = self.word
        if word.kind is Kind.WRONG and word.text == '"':
            self.mistakes.tell(
                SYNTAX, "this string is not closed", self.span(), "'\"' on the same line",
                r'quotes and backslashes inside are written \" and \\',
            )  # fmt: skip
        elif word.kind in (Kind.END, Kind.NEWLINE) and word.text != ";":
            self.mistakes.tell(SYNTAX, f"{word.kind.value} comes too early", self.span(), expected, help)
        else:
            shown = word.text if len(word.text) <= 40 else word.text[:37] + "..."
            if word.text == "$":
                help = (
                    "values come from outside by the arguments of the element: name a parameter in its head"
                )
            self.mistakes.tell(SYNTAX, f"'{shown}' does not belong here", self.span(), expected, help)
        raise Trouble

    def too_large(self, message: str, span: Span, most: int | str) -> NoReturn:
        """A limit is exceeded; nothing behind it is looked at."""
        self.mistakes.tell(LIMIT, message, span, f"at most {most}")
        raise Enough

    # ---- small things

    def integer(self, what: str, low: int = 0, high: int = (1 << 63)) -> int:
        """A plain number, with its sign if `low` is negative."""
        first = self.word
        negative = low < 0 and self.takes("-") is not None
        if self.word.kind is not Kind.NUMBER:
            self.unexpected(what)
        word = self.next()
        value, width = number_of(word.text)
        if width is not None or value is None:
            self.mistakes.tell(VALUE, f"'{word.text}' is not {what}", self.span(word), what)
            return max(low, 0)
        value = -value if negative else value
        if not low <= value <= high:
            self.mistakes.tell(
                VALUE, f"{value} is out of range", self.since(first), f"{what}, {low} to {high}"
            )
            return max(low, 0)
        return value

    def string(self, what: str) -> str:
        if self.word.kind is not Kind.STRING:
            self.unexpected(what)
        word = self.next()
        value = unescape(word.text)
        if value is None:
            self.mistakes.tell(
                VALUE, "an unknown escape in a string", self.span(word), r"\\, \", \n, \r, \t, \0 or \xHH"
            )
            return ""
        return value


def number_of(text: str) -> tuple[int | None, int | None]:
    """Value and width of a NUMBER; the value is None if it is none, as in `0x`."""
    digits, _, suffix = text.partition("u")
    width = int(suffix) if suffix and len(suffix) < 6 else 1 << 20 if suffix else None
    lower = digits.lower().replace("_", "")
    base = 16 if lower.startswith("0x") else 2 if lower.startswith("0b") else 10
    if base == 10:
        if len(lower) > 1300:
            return None, width
        return int(lower), width
    return (int(lower[2:], base), width) if lower[2:] else (None, width)
