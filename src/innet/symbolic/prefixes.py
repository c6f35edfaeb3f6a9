"""Longest-prefix tables as disjoint sets of addresses: one set per outcome, however many prefixes there are."""

from collections.abc import Hashable, Iterable
from typing import TypeVar

from innet.symbolic.ranges import Ranges, normal

T = TypeVar("T", bound=Hashable)


def flatten(rows: Iterable[tuple[int, int, T]], width: int = 32) -> list[tuple[int, int, T]]:
    """Disjoint (low, high, outcome) ranges, in order, of (prefix, length, outcome) rows; the first of equals wins.

    O(n log n). Addresses without a route are in no range.
    """
    out: list[tuple[int, int, T]] = []
    stack: list[tuple[int, T]] = []  # (last address, outcome) of the prefixes that hold `at`
    at = 0

    def close(until: int) -> None:
        nonlocal at
        while stack and stack[-1][0] < until:
            last, outcome = stack.pop()
            if at <= last:
                out.append((at, last, outcome))
                at = last + 1

    seen: set[tuple[int, int]] = set()
    for prefix, length, outcome in sorted(rows, key=lambda r: (r[0] >> width - r[1] << width - r[1], r[1])):
        low = prefix >> width - length << width - length
        if (low, length) in seen:
            continue
        seen.add((low, length))
        close(low)
        if stack and at < low:
            out.append((at, low - 1, stack[-1][1]))
        at = low
        stack.append((low | (1 << width - length) - 1, outcome))
    close(1 << width)
    return out


def outcomes(rows: Iterable[tuple[int, int, T]], width: int = 32) -> dict[T, Ranges]:
    """For each outcome the addresses that it applies to."""
    sets: dict[T, list[tuple[int, int]]] = {}
    for low, high, outcome in flatten(rows, width):
        sets.setdefault(outcome, []).append((low, high))
    return {outcome: normal(parts) for outcome, parts in sets.items()}
