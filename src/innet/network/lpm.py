"""Longest-prefix tables as disjoint intervals: nested prefixes are flattened once (`innet.symbolic.prefixes`).

A flat table branches once per output, never once per route, and intersecting it with a set of addresses is a
bisection. 100,000 prefixes take well under a second.
"""

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Sequence
from operator import itemgetter
from typing import TypeAlias, TypeVar

from innet.symbolic.prefixes import flatten

T = TypeVar("T", bound=Hashable)

Flat: TypeAlias = list[tuple[int, int, T]]
"""Disjoint intervals (first address, last address, output), sorted; an address in none of them has no route."""


def lookup(table: Sequence[tuple[int, int, T]], address: int) -> T | None:
    """The output for `address` in a flat table, or None if it has no route."""
    at = bisect_right(table, address, key=itemgetter(0)) - 1
    return table[at][2] if at >= 0 and address <= table[at][1] else None


def by_output(table: Iterable[tuple[int, int, T]]) -> dict[T, list[tuple[int, int]]]:
    """For each output its intervals, sorted and joined where they touch."""
    outputs: dict[T, list[tuple[int, int]]] = {}
    for low, high, output in table:
        outputs.setdefault(output, []).append((low, high))
    return outputs


def overlay(table: Sequence[tuple[int, int, T]], changes: Iterable[tuple[int, int, T]]) -> Flat[T]:
    """`table` with the disjoint intervals `changes` put over it: how a module's route is added without a new sort."""
    result: Flat[T] = list(table)
    for low, high, output in changes:
        first = max(bisect_right(result, low, key=itemgetter(0)) - 1, 0)
        if first < len(result) and result[first][1] < low:
            first += 1
        last = first
        pieces: Flat[T] = []
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


__all__ = ["Flat", "by_output", "flatten", "lookup", "overlay"]
