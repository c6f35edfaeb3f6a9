"""How the text of one argument becomes a value and a value text: one small class for each of Click's types.

Each is used in an element's annotations, `length: Annotated[int, Unsigned(16)]`. `parse` raises ConfigurationError
with the characters that are wrong; `unparse` writes a value so that `parse` gives it back.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction as Rational
from typing import Any, ClassVar, Generic, TypeVar

from innet.diagnostics import ConfigurationError, Diagnostic, suggest
from innet.elements.argument_names import Names
from innet.flowspec import names as literals
from innet.lexical import Text, quote, shift_word, unquote, words

T = TypeVar("T")

CODE = "C163"
_WORD = re.compile(r"[!-~]+")
_NOT_WORD = re.compile(r"[\"'\\,]")
_KEYWORD = re.compile(r"[A-Za-z0-9_.:?!]+")
_REAL = re.compile(r"([+-]?)([0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE]([+-]?[0-9]{1,3}))?")


class ArgumentType(ABC, Generic[T]):
    """One way to read an argument."""

    MOST: ClassVar[int | None] = None
    """How many of them an element takes, where it takes any number."""
    WORK: ClassVar[float] = 1.0
    """Units of work (`innet.symbolic.work`, some 1.5 µs) that reading a character of one takes, where an element takes
    any number."""

    @abstractmethod
    def describe(self) -> str:
        """What is expected, as a message says it: "an IPv4 address"."""

    @abstractmethod
    def parse(self, text: Text, names: Names) -> T:
        """The value of `text`, an argument without comments around it. Raises ConfigurationError."""

    def unparse(self, value: T) -> str:
        """Text that means `value`."""
        return str(value)

    def show(self, value: T) -> str:
        """`value` as a read handler shows it."""
        return self.unparse(value)

    def refused(self, text: Text, message: str = "", help: str = "") -> ConfigurationError:
        """The error that `text` is not what was expected."""
        shown = text.value if len(text.value) <= 60 else text.value[:57] + "..."
        told = message or (
            f"'{shown}' is not {self.describe()}" if text.value else f"expected {self.describe()}"
        )
        return ConfigurationError(Diagnostic(CODE, told, text.span, self.describe(), help, text.facts()))

    def word(self, text: Text) -> str:
        """The one word that `text` has to be, without quotes."""
        parts = words(text)
        if len(parts) != 1:
            raise self.refused(text)
        return unquote(parts[0]).value


def choices(listed: list[str]) -> str:
    return f"{', '.join(listed[:-1])} or {listed[-1]}" if len(listed) > 1 else listed[0]


@dataclass(frozen=True)
class Bool(ArgumentType[bool]):
    """`true`, `false`, and Click's other words for them."""

    def describe(self) -> str:
        return "true or false"

    def parse(self, text: Text, names: Names) -> bool:
        word = self.word(text)
        if word in ("1", "true", "yes", "t", "y"):
            return True
        if word in ("0", "false", "no", "f", "n"):
            return False
        near = suggest(word, ("true", "false"))
        raise self.refused(text, help=f"did you mean '{near}'?" if near else "")

    def unparse(self, value: bool) -> str:
        return "true" if value else "false"


@dataclass(frozen=True)
class Signed(ArgumentType[int]):
    """An integer from `low` to `high`: decimal, `0x`, `0b`, or octal with a leading `0`; `_` between digits."""

    low: int = -(1 << 31)
    high: int = (1 << 31) - 1

    def describe(self) -> str:
        if (self.low, self.high) == (-(1 << 31), (1 << 31) - 1):
            return "an integer of 32 bits"
        return f"an integer from {self.low} to {self.high}"

    def parse(self, text: Text, names: Names) -> int:
        number = literals.integer(self.word(text))
        if number is None:
            raise self.refused(text, f"'{text}' is not a number" if text.value else "")
        if not self.low <= number <= self.high:
            raise self.refused(text, f"{text} is out of range")
        return number


@dataclass(frozen=True, init=False)
class Unsigned(Signed):
    """An integer of `bits` bits, from 0."""

    def __init__(self, bits: int = 32) -> None:
        object.__setattr__(self, "low", 0)
        object.__setattr__(self, "high", (1 << bits) - 1)


def read_real(text: str) -> Rational | None:
    """A decimal number with optional point and exponent, exactly."""
    match = _REAL.fullmatch(text)
    if match is None:
        return None
    value = Rational(match[2].rstrip(".") or "0") * Rational(10) ** int(match[3] or 0)
    return -value if match[1] == "-" else value


@dataclass(frozen=True)
class Real(ArgumentType[float]):
    """A decimal number with optional point and exponent."""

    def describe(self) -> str:
        return "a number such as 0.5 or 1.5e-3"

    def parse(self, text: Text, names: Names) -> float:
        value = read_real(self.word(text))
        if value is None or not self.allowed(value):
            raise self.refused(text)
        return float(value)

    def allowed(self, value: Rational) -> bool:
        return True

    def unparse(self, value: float) -> str:
        return repr(value)


@dataclass(frozen=True)
class FixedPoint(ArgumentType[int]):
    """A decimal number from 0, kept in units of 2^-`bits`; with `share`, at most 1."""

    bits: int
    share: bool = False

    def describe(self) -> str:
        return "a number from 0 to 1" if self.share else "a number from 0 such as 0.5 or 1.5e-3"

    def parse(self, text: Text, names: Names) -> int:
        value = read_real(self.word(text))
        if value is None or value < 0 or (self.share and value > 1):
            raise self.refused(text)
        return int(value * (1 << self.bits) + Rational(1, 2))

    def unparse(self, value: int) -> str:
        return show_fixed(value, self.bits)


def show_decimal(value: int, digits: int) -> str:
    """value / 10^`digits`, without zeros at the end."""
    whole, rest = divmod(value, 10**digits)
    return f"{whole}.{rest:0{digits}}".rstrip("0").rstrip(".") if rest else str(whole)


def show_fixed(value: int, bits: int) -> str:
    """value / 2^`bits` with as few digits as tell it from its neighbours."""
    for digits in range(bits + 1):
        scaled = (value * 10**digits * 2 + (1 << bits)) >> bits + 1
        if (scaled * (1 << bits) * 2 + 10**digits) // (2 * 10**digits) == value:
            return show_decimal(scaled, digits)
    raise AssertionError("`bits` decimal digits are exact")


@dataclass(frozen=True)
class Fraction(Real):
    """A share or probability, from 0 to 1."""

    def describe(self) -> str:
        return "a number from 0 to 1"

    def allowed(self, value: Rational) -> bool:
        return 0 <= value <= 1


@dataclass(frozen=True)
class String(ArgumentType[str]):
    """One word or quoted string."""

    def describe(self) -> str:
        return 'a string; quote it if it has spaces ("a b") or is empty ("")'

    def parse(self, text: Text, names: Names) -> str:
        return self.word(text)

    def unparse(self, value: str) -> str:
        plain = _WORD.fullmatch(value) and not _NOT_WORD.search(value) and "$" not in value
        return value if plain and "//" not in value and "/*" not in value else quote(value)

    def show(self, value: str) -> str:
        return value


@dataclass(frozen=True)
class Filename(String):
    """The name of a file; `-` where an element says so."""

    def describe(self) -> str:
        return "a file name"


@dataclass(frozen=True)
class Word(String):
    """A string of printable characters without quotes, backslash and comma."""

    def describe(self) -> str:
        return "a word without quotes, backslash and comma"

    def parse(self, text: Text, names: Names) -> str:
        value = self.word(text)
        if not _WORD.fullmatch(value) or _NOT_WORD.search(value):
            raise self.refused(text)
        return value


@dataclass(frozen=True)
class Keyword(Word):
    """A word of letters, digits and `_ . : ? !`."""

    def describe(self) -> str:
        return "a word of letters, digits and '_.:?!'"

    def parse(self, text: Text, names: Names) -> str:
        value = self.word(text)
        if not _KEYWORD.fullmatch(value):
            raise self.refused(text)
        return value


@dataclass(frozen=True)
class ByteString(ArgumentType[bytes]):
    r"""One word or quoted string as bytes: `abc`, `"a\x00"`, `\<de ad>`."""

    def describe(self) -> str:
        return r'bytes, such as "abc" or \<de ad be ef>'

    def parse(self, text: Text, names: Names) -> bytes:
        return self.encoded(text, self.word(text))

    def encoded(self, text: Text, value: str) -> bytes:
        try:
            return value.encode("latin-1")
        except UnicodeEncodeError:
            message = "a character that is no byte"
            raise self.refused(text, message, r"write its bytes, as in \<c3 a9>") from None

    def unparse(self, value: bytes) -> str:
        return quote(value.decode("latin-1"))

    def show(self, value: bytes) -> str:
        return value.decode("latin-1")


@dataclass(frozen=True)
class RawString(ByteString):
    """The whole argument as bytes, spaces included."""

    def parse(self, text: Text, names: Names) -> bytes:
        return self.encoded(text, unquote(text).value)


@dataclass(frozen=True)
class Raw(ArgumentType[Text]):
    """The argument as it stands, for elements with a grammar of their own."""

    def describe(self) -> str:
        return "an argument"

    def parse(self, text: Text, names: Names) -> Text:
        return text


# Handlers

_HANDLER = re.compile(r"[A-Za-z0-9_@./]+")


@dataclass(frozen=True)
class HandlerCall(ArgumentType[tuple[str, str]]):
    """`[ELEMENT.]HANDLER [VALUE]`: the handler and the value."""

    def describe(self) -> str:
        return "a handler to write: ELEMENT.HANDLER [VALUE]"

    def parse(self, text: Text, names: Names) -> tuple[str, str]:
        word, value = shift_word(text)
        handler = unquote(word).value
        if not _HANDLER.fullmatch(handler) or handler.startswith(".") or handler.endswith("."):
            raise self.refused(text)
        return handler, unquote(value).value

    def unparse(self, value: tuple[str, str]) -> str:
        return f"{value[0]} {quote(value[1])}" if value[1] else value[0]


@dataclass(frozen=True)
class CountCall(ArgumentType[tuple[int, str, str]]):
    """`N [ELEMENT.]HANDLER [VALUE]`: a number, the handler, and the value."""

    def describe(self) -> str:
        return "a number and a handler to write: N ELEMENT.HANDLER [VALUE]"

    def parse(self, text: Text, names: Names) -> tuple[int, str, str]:
        word, call = shift_word(text)
        number = literals.integer(word.value)
        if number is None or number < 0 or not call.value:
            raise self.refused(text)
        handler, value = HandlerCall().parse(call, names)
        return number, handler, value

    def unparse(self, value: tuple[int, str, str]) -> str:
        return f"{value[0]} {HandlerCall().unparse(value[1:])}"


# Combinations


@dataclass(frozen=True, init=False)
class OneOf(ArgumentType[str]):
    """One of some words."""

    choices: tuple[str, ...]

    def __init__(self, *choices: str) -> None:
        object.__setattr__(self, "choices", choices)

    def describe(self) -> str:
        return choices(list(self.choices))

    def parse(self, text: Text, names: Names) -> str:
        word = self.word(text)
        if word not in self.choices:
            near = suggest(word, self.choices)
            raise self.refused(text, help=f"did you mean '{near}'?" if near else "")
        return word


@dataclass(frozen=True)
class WordOr(ArgumentType[Any]):
    """The word `choice`, which stands for itself, or what `inner` reads."""

    choice: str
    inner: ArgumentType[Any]

    def describe(self) -> str:
        return f"{self.choice} or {self.inner.describe()}"

    def parse(self, text: Text, names: Names) -> Any:  # as the inner type has it, or str
        if text.value == self.choice:
            return self.choice
        try:
            return self.inner.parse(text, names)
        except ConfigurationError as e:
            raise self.refused(text, e.diagnostics[0].message, e.diagnostics[0].help) from None

    def unparse(self, value: Any) -> str:
        return self.choice if value == self.choice else self.inner.unparse(value)


@dataclass(frozen=True)
class ListOf(ArgumentType[tuple[Any, ...]]):
    """The words of one argument, each read by `inner`."""

    inner: ArgumentType[Any]
    least: int = 0

    def describe(self) -> str:
        return f"a list, separated by spaces, each {self.inner.describe()}"

    def parse(self, text: Text, names: Names) -> tuple[Any, ...]:
        found: list[Any] = []
        wrong: list[Diagnostic] = []
        parts = words(text)
        for part in parts:
            try:
                found.append(self.inner.parse(part, names))
            except ConfigurationError as e:
                wrong.extend(e.diagnostics)
        if wrong:
            raise ConfigurationError(wrong)
        if len(parts) < self.least:
            raise self.refused(text)
        return tuple(found)

    def unparse(self, value: tuple[Any, ...]) -> str:
        return " ".join(self.inner.unparse(item) for item in value)


@dataclass(frozen=True)
class Rest:
    """Marks the field that takes all arguments no other one takes, each read by `inner`.

    Without `inner` they stay text: `tuple[Text, ...]` keeps their places, `tuple[str, ...]` does not.
    """

    inner: ArgumentType[Any] | None = None


@dataclass(frozen=True)
class Key:
    """Says which keyword a field has, where that is not its name in upper case."""

    keyword: str
