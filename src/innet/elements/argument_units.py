"""Times and rates in arguments: numbers with a unit."""

import re
from dataclasses import dataclass
from fractions import Fraction as Rational

from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType, read_real, show_decimal
from innet.lexical import Text, unquote

_SECONDS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hr": 3600, "d": 86400, "day": 86400}
_SMALL = {"m": Rational(1, 1000), "u": Rational(1, 10**6), "n": Rational(1, 10**9)}
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)[ \t]*([A-Za-z/]*)")
MAX_TICKS = (1 << 63) - 1
MAX_DIGITS = 40
"""Of whole numbers, as `read_real` has it."""


def _unit(unit: str) -> Rational | None:
    if unit in _SECONDS:
        return Rational(_SECONDS[unit])
    if unit[1:] in _SECONDS and unit[0] in _SMALL and len(unit) > 1:
        return _SECONDS[unit[1:]] * _SMALL[unit[0]]
    return None


def read_seconds(text: str, digits: int = 0) -> int | None:
    """A time span in units of 10^-`digits` seconds, rounded; None if it is none. `5m` is five minutes."""
    text = text.strip()
    if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS:  # as most are, without fractions
        ticks = int(text) * 10**digits
        return ticks if ticks <= MAX_TICKS else None
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, unit = read_real(match[1]), _unit(match[2])
    if number is None or unit is None or number < 0:
        return None
    ticks = int(number * unit * 10**digits + Rational(1, 2))
    return ticks if ticks <= MAX_TICKS else None


def show_interval(time_ns: int) -> str:
    """A time span as Click prints it: `1.500000s`, with nine digits where six do not do; below a second `500ms`."""
    if time_ns < 0:
        return "-" + show_interval(-time_ns)
    whole, rest = divmod(time_ns, 10**9)
    if whole:
        return f"{whole}.{rest // 1000:06}s" if rest % 1000 == 0 else f"{whole}.{rest:09}s"
    unit, factor = next((u, f) for u, f in (("ms", 10**6), ("us", 1000), ("ns", 1)) if rest % f == 0)
    return f"{rest // factor}{unit}"


@dataclass(frozen=True)
class Seconds(ArgumentType[int]):
    """A time span, kept in units of 10^-`digits` seconds; no unit means seconds. With `signed` it may be negative."""

    digits: int = 0
    signed: bool = False

    def describe(self) -> str:
        return "a time such as 2, 1.5s, 20ms, 5min or 1hr"

    def parse(self, text: Text, names: Names) -> int:
        word = unquote(text).value.strip()
        negative = self.signed and word.startswith("-")
        ticks = read_seconds(word.removeprefix("-") if negative else word, self.digits)
        if ticks is None:
            raise self.refused(text)
        return -ticks if negative else ticks

    def unparse(self, value: int) -> str:
        sign = "-" if value < 0 else ""
        if not self.digits:
            return f"{value}s"
        whole, rest = divmod(abs(value), 10**self.digits)
        return f"{sign}{whole}.{rest:0{self.digits}d}s"

    def show(self, value: int) -> str:
        return show_interval(value * 10 ** (9 - self.digits))

    @property
    def suffix(self) -> str:
        """What a field of this unit is called by: `_ms` for 3 digits."""
        return {0: "_s", 3: "_ms", 6: "_us", 9: "_ns"}.get(self.digits, "")


_BITS = Rational(1, 8)
_RATES = {"Bps": Rational(1), "B/s": Rational(1), "bps": _BITS, "b/s": _BITS, "baud": _BITS, "": Rational(1)}
_LARGE = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}


def read_bandwidth(text: str) -> int | None:
    """A rate in bytes per second, rounded; None if it is none or 2^32 or more. No unit means bytes per second."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        return None
    number, unit = read_real(match[1]), match[2]
    if unit in _RATES:
        factor = _RATES[unit]
    elif unit[:1] in _LARGE and unit[1:] in _RATES and unit[1:]:
        factor = _RATES[unit[1:]] * _LARGE[unit[:1]]
    else:
        return None
    if number is None or number < 0:
        return None
    rate = int(number * factor + Rational(1, 2))
    return rate if rate < 1 << 32 else None


@dataclass(frozen=True)
class Bandwidth(ArgumentType[int]):
    """A rate, kept in bytes per second."""

    suffix = "_bytes_per_s"

    def describe(self) -> str:
        return "a rate such as 8kbps, 1.5MBps or 1000 (bytes per second)"

    def parse(self, text: Text, names: Names) -> int:
        rate = read_bandwidth(unquote(text).value)
        if rate is None:
            raise self.refused(text)
        return rate

    def unparse(self, value: int) -> str:
        if value >= 1 << 29:
            return f"{show_decimal(value, 6)}MBps"
        unit, digits = (
            ("Gbps", 9) if value * 8 >= 10**9 else ("Mbps", 6) if value * 8 >= 10**6 else ("kbps", 3)
        )
        return f"{show_decimal(value * 8, digits)}{unit}"
