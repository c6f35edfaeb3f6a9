"""AggregateFilter."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.argument_names import Names
from innet.elements.argument_types import CODE, ArgumentType
from innet.elements.arguments import Rest
from innet.elements.base import Element
from innet.flowspec.names import integer
from innet.ir.trace import Packet, Value
from innet.lexical import Text, words

ALL = (0, 2**32 - 1)
DENIED, NO_MATCH = "denied", "no pattern matches"


@dataclass(frozen=True)
class Filter:
    """Packets of the aggregates in `ranges` leave by `output`; None: they are dropped."""

    output: int | None
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class FilterOf(ArgumentType[Filter]):
    """`ACTION AGGREGATES`."""

    MOST = 50_000
    WORK = 3.0

    def describe(self) -> str:
        return "allow, deny, drop or an output's number, then aggregates: numbers, ranges 3-7, or all"

    def parse(self, text: Text, names: Names) -> Filter:
        parts = words(text)
        if not parts:
            raise self.refused(text, "an empty pattern")
        output = 0 if parts[0].value == "allow" else integer(parts[0].value)
        if parts[0].value not in ("allow", "deny", "drop") and (output is None or output < 0):
            raise self.refused(parts[0], f"'{parts[0]}' is no action")
        if len(parts) == 1:
            raise self.refused(text, f"'{text}' names no aggregates")
        if len(parts) == 2 and parts[1].value in ("all", "-"):
            return Filter(output, (ALL,))
        wrong: list[Diagnostic] = []
        ranges = []
        for part in parts[1:]:
            low, high = self._range(part.value)
            if low is None or high is None or not (0 <= low < 2**32 and 0 <= high < 2**32):
                message = f"'{part}' is no aggregate"
                wrong.append(Diagnostic(CODE, message, part.span, "a number or a range such as 3-7"))
            elif low <= high:
                ranges.append((low, high))
        if wrong:
            raise ConfigurationError(wrong)
        return Filter(output, tuple(ranges))

    def _range(self, word: str) -> tuple[int | None, int | None]:
        low, dash, high = word.partition("-")
        return integer(low), integer(high if dash else low)

    def unparse(self, value: Filter) -> str:
        action = "drop" if value.output is None else str(value.output)
        if not value.ranges:
            return f"{action} 1-0"
        ranges = (
            "all" if r == ALL else str(r[0]) if r[0] == r[1] else f"{r[0]}-{r[1]}" for r in value.ranges
        )
        return f"{action} {' '.join(ranges)}"


@dataclass(frozen=True)
class AggregateFilter(Element):
    """Send packets on by their AGGREGATE annotation.

    Ports:      in 0: packets.  out N: those whose first matching pattern says N.
    Arguments:  one pattern each: `ACTION AGGREGATES`. ACTION is an output's number, `allow` (0), `deny` or `drop`;
                AGGREGATES are numbers and ranges such as `3-7`, or `all` or `-` alone.
    Drops:      "denied"; "no pattern matches"; an ACTION without such an output: "no such output".
    Source:     Click manual, AggregateFilter.
    """

    PORTS: ClassVar[str] = "1/1-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("0 10, 1 192 8", "deny 0-9, allow all", "1 5-7 9, drop 6")

    patterns: Annotated[tuple[Filter, ...], Rest(FilterOf())] = ()

    def push(self, p: Packet, port: int) -> None:
        aggregate = p.anno.aggregate
        left = [ALL]
        for pattern in self.patterns:
            for low, high in pattern.ranges:
                for first, last in _common(left, low, high):
                    if left == [(first, last)]:
                        self._leave(p, pattern.output)
                        return
                    with p.when(_between(aggregate, first, last)):
                        self._leave(p, pattern.output)
                left = _without(left, low, high)
        p.drop(NO_MATCH)

    def _leave(self, p: Packet, output: int | None) -> None:
        if output is None:
            p.drop(DENIED)
        else:
            p.divert(output, "no such output")


def _between(value: Value, first: int, last: int) -> Value:
    if first == last:
        return value == first
    if last == ALL[1]:
        return value >= first
    return value <= last if first == 0 else (value >= first) & (value <= last)


def _common(ranges: list[tuple[int, int]], low: int, high: int) -> list[tuple[int, int]]:
    """What of `ranges` lies in [low, high]."""
    return [(max(a, low), min(b, high)) for a, b in ranges if a <= high and low <= b]


def _without(ranges: list[tuple[int, int]], low: int, high: int) -> list[tuple[int, int]]:
    """`ranges` without [low, high]."""
    parts = ((part for part in ((a, min(b, low - 1)), (max(a, high + 1), b))) for a, b in ranges)
    return [(a, b) for pair in parts for a, b in pair if a <= b]
