"""Figures: what was measured, what it is held against, and whether it is reached."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """How much to measure: `pairs` of interleaved measurements; `quick` for a look at whether all of it works."""

    pairs: int = 20
    quick: bool = False

    def of(self, full: int, quick: int) -> int:
        """A count for this scale."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Figure:
    """One line of the table: `values` in `unit`, of which `statistic` (median or p99) is held against `limit`.

    `at_least` tells on which side of it the values should be; without a limit the line only informs. `against` says
    what was compared, `note` what else is to be known.
    """

    what: str
    unit: str
    values: tuple[float, ...]
    limit: float | None = None
    at_least: bool = False
    statistic: str = "median"
    against: str = ""
    note: str = ""

    @property
    def value(self) -> float:
        return p99(self.values) if self.statistic == "p99" else statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def target(self) -> str:
        return "" if self.limit is None else f"{'≥' if self.at_least else '≤'} {number(self.limit)}"

    def lines(self) -> list[str]:
        """The figure as text."""
        verdict = {None: "", True: "reached", False: "MISSED"}[self.reached]
        spread = ""
        if len(self.values) > 1:
            low, high = quartiles(self.values)
            spread = f"{number(low)} – {number(high)}"
        shown = f"{number(self.value)} {self.unit}"
        kind = "" if self.statistic == "median" else f" ({self.statistic})"
        out = [f"{self.what + kind:62}{shown:>16}  {spread:>19}  {self.target:>9}  {verdict}".rstrip()]
        count = f"{len(self.values)} values" if len(self.values) > 1 else ""
        out += [
            f"    {text}" for text in (", ".join(t for t in (self.against, count) if t), self.note) if text
        ]
        return out

    def json(self) -> dict[str, object]:
        return {
            "what": self.what,
            "unit": self.unit,
            self.statistic: self.value,
            "quartiles": list(quartiles(self.values)),
            "values": len(self.values),
            "target": self.target,
            "reached": self.reached,
            "against": self.against,
            "note": self.note,
        }


HEAD = f"{'':62}{'median':>16}  {'quartiles':>19}  {'target':>9}"

Row = Callable[[Scale], Iterator[Figure]]
"""Measures some figures that belong together."""


def number(value: float) -> str:
    """Three digits that count, and thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def p99(values: Sequence[float]) -> float:
    """The value that 99 in 100 do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, -(-len(ordered) * 99 // 100) - 1)]


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third."""
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def pairs(count: int, one: Callable[[], float], other: Callable[[], float]) -> list[tuple[float, float]]:
    """Measure in turn, beginning with the one and with the other by turns, after one of each that does not count."""
    one(), other()
    found = []
    for n in range(count):
        if n % 2:
            second = other()
            found.append((one(), second))
        else:
            first = one()
            found.append((first, other()))
    return found


def share(found: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    """The one of each pair in percent of the other."""
    return tuple(100 * one / other for one, other in found)
