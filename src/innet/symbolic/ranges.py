"""Sets of numbers of a fixed width, as sorted tuples of closed ranges that neither touch nor overlap."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]

EMPTY: Ranges = ()


class _Full(dict[int, Ranges]):
    """By width; made when first asked for."""

    def __missing__(self, width: int) -> Ranges:
        found = self[width] = ((0, (1 << width) - 1),)
        return found


full: Callable[[int], Ranges] = _Full().__getitem__
"""Every number of so many bits."""


def single(value: int) -> Ranges:
    """Just `value`."""
    return ((value, value),)


def normal(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Any ranges, put in order and merged; empty ones (low above high) vanish."""
    out: list[tuple[int, int]] = []
    for low, high in sorted([r for r in ranges if r[0] <= r[1]]):
        if out and low <= out[-1][1] + 1:
            if high > out[-1][1]:
                out[-1] = (out[-1][0], high)
        else:
            out.append((low, high))
    return tuple(out)


def intersect(a: Ranges, b: Ranges) -> Ranges:
    """Numbers in both."""
    if a is b or a == b:
        return a
    if len(a) > len(b):
        a, b = b, a
    if not a or a[-1][1] < b[0][0] or b[-1][1] < a[0][0]:
        return EMPTY
    if len(b) == 1:
        (low, high), (x, y) = b[0], a[0]
        return ((max(low, x), min(high, y)),)
    if len(a) == 1 and a[0][0] <= b[0][0] and a[0][1] >= b[-1][1]:
        return b
    out: list[tuple[int, int]] = []
    for low, high in a:
        first = bisect_left(b, (low, low))
        if first and b[first - 1][1] >= low:
            first -= 1
        last = bisect_left(b, (high + 1,), first) - 1
        if first > last:
            continue
        if first == last:
            out.append((max(low, b[first][0]), min(high, b[first][1])))
            continue
        out.append((max(low, b[first][0]), b[first][1]))
        out += b[first + 1 : last]
        out.append((b[last][0], min(high, b[last][1])))
    return b if len(out) == len(b) and tuple(out) == b else tuple(out)


def meets(a: Ranges, low: int, high: int) -> bool:
    """Whether some number from `low` to `high` is in `a`."""
    n = bisect_left(a, (high + 1,)) - 1
    return n >= 0 and a[n][1] >= low


def within(a: Ranges, b: Ranges) -> bool | None:
    """Whether the numbers of `a` are in `b`: all (True), none (False), or some (None)."""
    if len(a) == 1 == len(b):
        (first, last), (low, high) = a[0], b[0]
        return True if low <= first and last <= high else False if last < low or high < first else None
    if len(a) < len(b):
        inside = outside = False
        for low, high in a:
            n = bisect_left(b, (low + 1,)) - 1
            if n >= 0 and b[n][1] >= high:
                inside = True
            elif meets(b, low, high):
                return None
            else:
                outside = True
            if inside and outside:
                return None
        return inside
    if not any(meets(a, low, high) for low, high in b):
        return False
    at = a[0][0]
    for low, high in b:
        if at < low and meets(a, at, low - 1):
            return None
        at = max(at, high + 1)
    return True if a[-1][1] < at else None


def union(a: Ranges, b: Ranges) -> Ranges:
    """Numbers in either."""
    if not a or a == b:
        return b
    return normal((*a, *b)) if b else a


def complement(a: Ranges, width: int) -> Ranges:
    """Numbers of `width` bits that are not in `a`."""
    out: list[tuple[int, int]] = []
    at = 0
    for low, high in a:
        if low > at:
            out.append((at, low - 1))
        at = high + 1
    if at < 1 << width:
        out.append((at, (1 << width) - 1))
    return tuple(out)


def shift(a: Ranges, by: int, width: int) -> Ranges:
    """Every number of `a` plus `by`, modulo 2^`width`."""
    top = 1 << width
    by %= top
    if by == 0 or a == full(width):
        return a
    out: list[tuple[int, int]] = []
    for low, high in a:
        low, high = low + by, high + by
        if low >= top:
            out.append((low - top, high - top))
        elif high >= top:
            out += [(low, top - 1), (0, high - top)]
        else:
            out.append((low, high))
    return normal(out)


@lru_cache(maxsize=4096)
def bits(a: Ranges, low: int, width: int) -> Ranges:
    """Bits [low, low + width) of every number of `a`, counted from the least significant one."""
    top = 1 << width
    out: list[tuple[int, int]] = []
    for first, last in a:
        first, last = first >> low, last >> low
        if last - first >= top - 1:
            return full(width)
        first, last = first % top, last % top
        out += [(first, last)] if first <= last else [(first, top - 1), (0, last)]
    return normal(out)


def contains(a: Ranges, value: int) -> bool:
    """Whether `value` is in `a`."""
    n = bisect_left(a, (value + 1,)) - 1
    return n >= 0 and a[n][1] >= value


def size(a: Ranges) -> int:
    """How many numbers."""
    return sum(high - low + 1 for low, high in a)


def values(a: Ranges) -> Iterable[int]:
    """Every number, in order."""
    for low, high in a:
        yield from range(low, high + 1)
