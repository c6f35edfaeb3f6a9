"""Longest-prefix tables as disjoint intervals: nested prefixes are flattened once (`innet.symbolic.prefixes`).

A flat table branches once per output, never once per route, and intersecting it with a set of addresses is a
bisection. A table of very many routes is kept in arrays (`Packed`), nine bytes an interval, and so are the addresses
that an output gets (`Addresses`): what is asked about a few addresses looks at the intervals around them, and no
others are ever made numbers of Python's.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Generic, TypeAlias, TypeVar, overload

from innet.symbolic import ranges as rs
from innet.symbolic.prefixes import flatten
from innet.symbolic.ranges import Ranges

T = TypeVar("T", bound=Hashable)

Flat: TypeAlias = Sequence[tuple[int, int, T]]
"""Disjoint intervals (first address, last address, output), sorted; an address in none of them has no route."""


class Packed(Sequence[tuple[int, int, T]], Generic[T]):
    """A flat table in arrays: `outputs[which[n]]` is where interval n goes."""

    __slots__ = ("highs", "lows", "outputs", "which")

    def __init__(self, intervals: Iterable[tuple[int, int, int]], outputs: Sequence[T]) -> None:
        """`intervals`: with the number of the output of each, among `outputs`."""
        self.lows, self.highs, self.which = array("I"), array("I"), array("I")
        self.outputs = tuple(outputs)
        low_add, high_add, which_add = self.lows.append, self.highs.append, self.which.append
        for low, high, output in intervals:
            low_add(low)
            high_add(high)
            which_add(output)

    def __len__(self) -> int:
        return len(self.lows)

    @overload
    def __getitem__(self, at: int) -> tuple[int, int, T]: ...
    @overload
    def __getitem__(self, at: slice) -> list[tuple[int, int, T]]: ...
    def __getitem__(self, at: int | slice) -> tuple[int, int, T] | list[tuple[int, int, T]]:
        if isinstance(at, slice):
            return [self[n] for n in range(*at.indices(len(self)))]
        return self.lows[at], self.highs[at], self.outputs[self.which[at]]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Packed):
            same = self.lows == other.lows and self.highs == other.highs
            if not same or (self.which == other.which and self.outputs == other.outputs):
                return same
        if not isinstance(other, Packed | list):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # equal to a list, and nobody asks for the hash of a table

    def __iter__(self) -> Iterator[tuple[int, int, T]]:
        outputs = self.outputs
        for low, high, n in zip(self.lows, self.highs, self.which, strict=True):
            yield low, high, outputs[n]

    def addresses(self, rest: T) -> "dict[T, Addresses]":
        """What each output gets; what is in no interval is `rest`'s."""
        outputs = {output: Addresses() for output in self.outputs}
        others = outputs.setdefault(rest, Addresses())
        parts = [outputs[output] for output in self.outputs]
        place = 0
        for low, high, n in zip(self.lows, self.highs, self.which, strict=True):
            if place < low:
                others.add(place, low - 1)
            parts[n].add(low, high)
            place = high + 1
        if place <= rs.full(32)[0][1]:
            others.add(place, rs.full(32)[0][1])
        return {output: part for output, part in outputs.items() if part.lows}


class Addresses:
    """A set of addresses in arrays: disjoint intervals [lows[n], highs[n]] that do not touch, in order."""

    __slots__ = ("_all", "highs", "lows")

    def __init__(self) -> None:
        self.lows, self.highs = array("I"), array("I")
        self._all: Ranges | None = None

    def add(self, low: int, high: int) -> None:
        """Put in an interval behind all others."""
        if self.highs and self.highs[-1] + 1 == low:
            self.highs[-1] = high
        else:
            self.lows.append(low)
            self.highs.append(high)

    def all(self) -> Ranges:
        """The whole set; made when first asked for."""
        if self._all is None:
            self._all = tuple(zip(self.lows, self.highs, strict=True))
        return self._all

    def first(self, among: Ranges) -> Ranges:
        """The first interval of those addresses that are in `among`; empty if none is."""
        lows, highs = self.lows, self.highs
        for low, high in among:
            at = bisect_left(highs, low)
            if at < len(lows) and lows[at] <= high:
                return ((max(low, lows[at]), min(high, highs[at])),)
        return rs.EMPTY

    def part(self, among: Ranges) -> Ranges:
        """The addresses that are in `among`."""
        lows, highs = self.lows, self.highs
        if not lows or not among:
            return rs.EMPTY
        if self._all is not None or (among[0][0] <= lows[0] and among[0][1] >= highs[-1]):
            return rs.intersect(among, self.all())
        if len(among) > len(lows) >> 4:
            return rs.intersect(among, self.all())
        out: list[tuple[int, int]] = []
        for low, high in among:
            first, last = bisect_left(highs, low), bisect_right(lows, high)
            if first < last:
                found = list(zip(lows[first:last], highs[first:last], strict=True))
                found[0] = max(low, found[0][0]), found[0][1]
                found[-1] = found[-1][0], min(high, found[-1][1])
                out += found
        return tuple(out)


@dataclass(frozen=True, slots=True)
class Cut:
    """Those of the addresses in arrays that are `among` others, some at least; put together when asked for."""

    table: Addresses
    among: Ranges

    def all(self) -> Ranges:
        """All of them."""
        return self.table.part(self.among)

    def to(self, addresses: Ranges) -> Ranges:
        """Those that are among `addresses`."""
        return self.table.part(rs.intersect(self.among, addresses))

    def first(self, addresses: Ranges) -> Ranges:
        """The first interval of those that are among `addresses`."""
        return self.table.first(rs.intersect(self.among, addresses))


def cut(addresses: Ranges | Addresses, among: Ranges) -> Ranges | Cut:
    """The addresses that are `among` others."""
    if isinstance(addresses, tuple):
        return rs.intersect(among, addresses)
    return Cut(addresses, among) if addresses.first(among) else rs.EMPTY


def whole(part: Ranges | Cut) -> Ranges:
    """A part of a table, put together."""
    return part if isinstance(part, tuple) else part.all()


def lookup(table: Sequence[tuple[int, int, T]], address: int) -> T | None:
    """The output for `address` in a flat table, or None if it has no route."""
    at = bisect_right(table, address, key=itemgetter(0)) - 1
    return table[at][2] if at >= 0 and address <= table[at][1] else None


def only(table: Flat[T], low: int, high: int) -> T | None:
    """The output of all the addresses from `low` to `high`, where one interval of the table holds them; else None."""
    at = bisect_right(table, low, key=itemgetter(0)) - 1
    return table[at][2] if at >= 0 and high <= table[at][1] else None


def by_output(table: Iterable[tuple[int, int, T]]) -> dict[T, list[tuple[int, int]]]:
    """For each output its intervals, sorted and joined where they touch."""
    outputs: dict[T, list[tuple[int, int]]] = {}
    for low, high, output in table:
        outputs.setdefault(output, []).append((low, high))
    return outputs


def overlay(
    table: Sequence[tuple[int, int, T]], changes: Iterable[tuple[int, int, T]]
) -> list[tuple[int, int, T]]:
    """`table` with the disjoint intervals `changes` put over it: how a module's route is added without a new sort."""
    result = list(table)
    for low, high, output in changes:
        first = max(bisect_right(result, low, key=itemgetter(0)) - 1, 0)
        if first < len(result) and result[first][1] < low:
            first += 1
        last = first
        pieces: list[tuple[int, int, T]] = []
        while last < len(result) and result[last][0] <= high:
            start, end, old = result[last]
            if start < low:
                pieces.append((start, low - 1, old))
            if end > high:
                pieces.append((high + 1, end, old))
            last += 1
        pieces.append((low, high, output))
        result[first:last] = sorted(pieces, key=itemgetter(0))
    return result


__all__ = [
    "Addresses",
    "Cut",
    "Flat",
    "Packed",
    "by_output",
    "cut",
    "flatten",
    "lookup",
    "only",
    "overlay",
    "whole",
]
