"""The functions that scripts compute with: a word for the function, text for its arguments, text for its value.

They are Script's read handlers with parameters (`$(add 1 2)`). Numbers are 64-bit integers or, where one of them is
not, floating point.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

from innet.elements.holder import HandlerError, handler_bool, show_bool
from innet.flowspec.names import integer
from innet.lexical import Text, quote, unquote, words

RAND_MAX = 2**31 - 1
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_FORMAT = re.compile(r"%([0# +-]*)(\*|\d*)(?:(\.)(\*|\d*))?([hlLq]*)(.?)", re.DOTALL)
TWO_NUMBERS, ONE_NUMBER = "expected two numbers", "expected one number"


def split(text: str) -> list[str]:
    """The words of `text`, still quoted."""
    return [word.value for word in words(Text(text))]


def unquoted(text: str) -> str:
    """`text` without one layer of quotes."""
    return unquote(Text(text)).value


def whole(word: str) -> int | None:
    """The 64-bit integer that `word` is."""
    number = integer(word)
    return number if number is not None and -(2**63) <= number < 2**64 else None


def real(word: str) -> float | None:
    """The number that `word` is."""
    number = whole(word)
    if number is not None:
        return float(number)
    return float(word) if _REAL.fullmatch(word) else None


def wrapped(number: int) -> int:
    """`number` as 64 bits with a sign hold it."""
    return (number + 2**63) % 2**64 - 2**63


def show_number(number: float) -> str:
    """A number as Click prints it."""
    return str(wrapped(number)) if isinstance(number, int) else f"{number:.12g}"


def numbers(text: str) -> list[int] | list[float]:
    """The numbers in `text`: integers if all of them are."""
    parts = split(text)
    integers = [whole(word) for word in parts]
    found = [number for number in integers if number is not None]
    if len(found) == len(parts):
        return found
    reals = [number for word in parts if (number := real(word)) is not None]
    if len(reals) < len(parts):
        raise HandlerError("expected list of numbers")
    return reals


def _fold(step: Callable[[float, float], float], empty: int) -> Callable[[str], str]:
    def function(text: str) -> str:
        given = numbers(text)
        if not given:
            return str(empty)
        total: float = given[0]
        for number in given[1:]:
            total = step(total, number)
        return show_number(total)

    return function


def _divide(text: str) -> float:
    given = [float(number) for number in numbers(text)]
    total = given[0] if given else 1.0
    for number in given[1:]:
        if number == 0:
            raise HandlerError("division by zero")
        total /= number
    return total


def _pair(text: str) -> tuple[str, str]:
    parts = split(text)
    if len(parts) != 2:
        raise HandlerError(TWO_NUMBERS)
    return parts[0], parts[1]


def _remainder(text: str, only_integers: bool) -> str:
    one, other = _pair(text)
    a, b = whole(one), whole(other)
    if a is not None and b is not None:
        if b == 0:
            raise HandlerError("division by zero")
        return str(int(math.copysign(1, a)) * (abs(a) % abs(b)))
    x, y = real(one), real(other)
    if only_integers or x is None or y is None or y == 0:
        raise HandlerError(TWO_NUMBERS)
    return show_number(math.fmod(x, y))


def _compare(test: Callable[[Any, Any], bool]) -> Callable[[str], str]:
    """Numbers compare as numbers, anything else as bytes."""

    def function(text: str) -> str:
        one, other = _pair(text)
        a, b = whole(one), whole(other)
        if a is not None and b is not None:
            return show_bool(test(a, b))
        x, y = real(one), real(other)
        if x is not None and y is not None:
            return show_bool(test(x, y))
        return show_bool(test(unquoted(one), unquoted(other)))

    return function


def _sign(of: Callable[[float], float]) -> Callable[[str], str]:
    def function(text: str) -> str:
        number = whole(text.strip())
        value: float | None = real(text.strip()) if number is None else number
        if value is None:
            raise HandlerError(ONE_NUMBER)
        return show_number(of(value))

    return function


def _logic(combine: Callable[[list[bool]], bool]) -> Callable[[str], str]:
    return lambda text: show_bool(combine([handler_bool(word) for word in split(text)]))


def _if(text: str) -> str:
    parts = [*split(text), "", "", ""]
    return parts[1] if handler_bool(parts[0]) else parts[2]


def _in(text: str) -> str:
    parts = [unquoted(word) for word in split(text)]
    return show_bool(bool(parts) and parts[0] in parts[1:])


def _nth(text: str) -> str:
    parts = split(text)
    at = whole(parts[0]) if parts else None
    if at is None or at < 0:
        raise HandlerError("expected a number from 0, and words")
    return parts[at + 1] if at + 1 < len(parts) else ""


def sprintf(text: str) -> str:
    """C's sprintf of the words of `text`."""
    parts = split(text)
    if not parts:
        raise HandlerError("expected a format")
    given = iter(parts[1:])

    def number() -> int:
        value = whole(next(given, ""))
        if value is None:
            raise HandlerError("expected a number for the format")
        return value

    def replaced(found: re.Match[str]) -> str:
        flags, width, point, precision, size, kind = found.groups()
        spec = "%" + flags + (str(number()) if width == "*" else width)
        if point:
            spec += "." + (str(number()) if precision == "*" else precision)
        match kind:
            case "%":
                return "%"
            case "s":
                return (spec + "s") % unquoted(next(given, ""))
            case "d" | "i":
                value = number()
                return (spec + "d") % ((value + 2**15) % 2**16 - 2**15 if "h" in size else wrapped(value))
            case "u" | "o" | "x" | "X":
                value = number() % (2**16 if "h" in size else 2**64)
                text = (spec + kind.replace("u", "d")) % value
                return text.replace("0o", "0", 1) if kind == "o" and "#" in flags else text
        raise HandlerError(f"'{found[0]}' is no conversion")

    result = _FORMAT.sub(replaced, unquoted(parts[0]))
    if next(given, None) is not None:
        raise HandlerError("more arguments than the format takes")
    return result


def random(text: str, source: Random) -> str:
    """A random number: below 2^31, below N, or from N1 to N2."""
    limits = [whole(word) for word in split(text)]
    match limits:
        case []:
            return str(source.randint(0, RAND_MAX))
        case [int(n)] if 0 < n < 2**32:
            return str(source.randint(0, n - 1))
        case [int(low), int(high)] if 0 <= low <= high < 2**32:
            return str(source.randint(low, high))
    raise HandlerError("expected [N] or N1 N2")


def _swapped(size: int) -> Callable[[str], str]:
    """The bytes of a number in the other order, as on machines that keep the lowest byte first."""

    def function(text: str) -> str:
        number = whole(text.strip())
        if number is None:
            raise HandlerError(ONE_NUMBER)
        return str(int.from_bytes((number % (1 << 8 * size)).to_bytes(size, "little"), "big"))

    return function


def _average(text: str) -> str:
    given = numbers(text)
    if not given:
        raise HandlerError("expected list of numbers")
    total = sum(given)
    return show_number(int(total / len(given)) if isinstance(total, int) else total / len(given))


FUNCTIONS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "add": _fold(operator.add, 0),
        "sub": _fold(operator.sub, 0),
        "mul": _fold(operator.mul, 1),
        "min": _fold(min, 1),
        "max": _fold(max, 1),
        "div": lambda text: show_number(_divide(text)),
        "idiv": lambda text: show_number(int(_divide(text))),
        "mod": lambda text: _remainder(text, True),
        "rem": lambda text: _remainder(text, False),
        "neg": _sign(operator.neg),
        "abs": _sign(abs),
        "avg": _average,
        "eq": _compare(operator.eq),
        "ne": _compare(operator.ne),
        "lt": _compare(operator.lt),
        "le": _compare(operator.le),
        "gt": _compare(operator.gt),
        "ge": _compare(operator.ge),
        "not": lambda text: show_bool(not handler_bool(text)),
        "and": _logic(all),
        "or": _logic(any),
        "nand": _logic(lambda given: not all(given)),
        "nor": _logic(lambda given: not any(given)),
        "if": _if,
        "in": _in,
        "first": lambda text: next(iter(split(text)), ""),
        "nth": _nth,
        "length": lambda text: str(len(text)),
        "unquote": unquoted,
        "quote": quote,
        "sprintf": sprintf,
        "htons": _swapped(2),
        "ntohs": _swapped(2),
        "htonl": _swapped(4),
        "ntohl": _swapped(4),
    }
)
"""The functions that need nothing but their arguments."""
