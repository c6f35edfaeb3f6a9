"""Longest-prefix tables as disjoint sets of addresses: one set per outcome, however many prefixes there are."""

from collections.abc import Hashable, Iterable, Iterator
from operator import itemgetter
from typing import TypeVar

from innet.symbolic.ranges import Ranges

T = TypeVar("T", bound=Hashable)


def flatten(routes: Iterable[tuple[int, int, T]], width: int = 32) -> list[tuple[int, int, T]]:
    """Disjoint intervals (first, last, outcome), sorted, of `routes` (prefix, length, outcome), in O(n log n).

    The longest prefix that holds an address decides; of two routes with the same prefix the first stands; an address
    in no interval has no route. Neighbouring intervals with equal outcomes are joined. `ValueError` if an address has
    bits behind its prefix length.
    """
    ordered = [(address, length, order, outcome) for order, (address, length, outcome) in enumerate(routes)]
    ordered.sort(key=itemgetter(0, 1, 2))
    return list(sweep(((address, length, outcome) for address, length, _, outcome in ordered), width))


def sweep(ordered: Iterable[tuple[int, int, T]], width: int = 32) -> Iterator[tuple[int, int, T]]:
    """The same of routes that are sorted by prefix and length already, one interval after the other."""
    found: tuple[int, int, T] | None = None
    for low, high, outcome in _pieces(ordered, width):
        if found is None:
            found = low, high, outcome
        elif found[1] + 1 == low and found[2] == outcome:
            found = found[0], high, outcome
        else:
            yield found
            found = low, high, outcome
    if found is not None:
        yield found


def _pieces(ordered: Iterable[tuple[int, int, T]], width: int) -> Iterator[tuple[int, int, T]]:
    """Disjoint intervals in order, not joined."""
    full = (1 << width) - 1
    open_: list[tuple[int, T]] = []  # (last address, outcome) of the prefixes around the current place
    place = 0  # everything below it is told
    before: tuple[int, int] = (-1, -1)
    for address, length, outcome in ordered:
        if (address, length) == before:
            continue
        before = (address, length)
        if not 0 <= length <= width or address & (full >> length) or address > full:
            raise ValueError(f"{address:#x}/{length} is not a prefix")
        while open_ and open_[-1][0] < address:
            high, around = open_.pop()
            if place <= high:
                yield place, high, around
                place = high + 1
        if open_ and place < address:
            yield place, address - 1, open_[-1][1]
        place = address
        open_.append((address | (full >> length), outcome))
    while open_:
        high, around = open_.pop()
        if place <= high:
            yield place, high, around
            place = high + 1


def outcomes(rows: Iterable[tuple[int, int, T]], width: int = 32) -> dict[T, Ranges]:
    """For each outcome the addresses that it applies to."""
    sets: dict[T, list[tuple[int, int]]] = {}
    for low, high, outcome in flatten(rows, width):
        sets.setdefault(outcome, []).append((low, high))
    return {outcome: tuple(parts) for outcome, parts in sets.items()}
