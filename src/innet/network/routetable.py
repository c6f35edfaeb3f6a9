"""The routes of a router with very many of them, in arrays: a `Route` is made only of one that is looked at.

A route takes 21 bytes: address, length, number of its outcome, place in the text, and the place in the order of
prefixes, by which routes are found and the table is flattened.
"""

import hashlib
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from heapq import merge
from typing import TypeAlias, overload

from innet.diagnostics import Source, Span
from innet.network.addresses import Prefix
from innet.network.lpm import Packed
from innet.network.model import Output, Route
from innet.symbolic.prefixes import sweep

Outcome: TypeAlias = tuple[Output, int | None]
"""Where a route sends, and the next hop's address."""

_KEY = re.compile(r"[\"']?([0-9./]*)[\"']?")
BITS = 26
"""Of a key: address, length (6 bits), and this many for the number of the route."""
MOST = 1 << BITS


class RouteTable(Sequence[Route]):
    """Routes in the order of the text, then `more`; one a prefix."""

    __slots__ = ("_order", "addresses", "lengths", "more", "outcomes", "source", "starts", "which")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.addresses, self.lengths = array("I"), array("B")
        self.which, self.starts = array("I"), array("Q")
        self.outcomes: list[Outcome] = []
        self.more: tuple[Route, ...] = ()
        self._order: array[int] = array("Q")

    def ordered(self) -> bool:
        """Put the routes in order, once all are there; False if two have the same prefix, or there are too many."""
        if len(self.addresses) > MOST:
            return False
        rows = enumerate(zip(self.addresses, self.lengths, strict=True))
        keys = [address << 32 | length << BITS | n for n, (address, length) in rows]
        keys.sort()
        self._order = array("Q", keys)
        before = -1
        for key in keys:
            if key >> BITS == before:
                return False
            before = key >> BITS
        return True

    def with_more(self, routes: Sequence[Route]) -> "RouteTable":
        """The same with routes that are not in the text, but for those whose prefix has one."""
        other = RouteTable(self.source)
        other.addresses, other.lengths, other.which = self.addresses, self.lengths, self.which
        other.starts, other.outcomes, other._order = self.starts, self.outcomes, self._order
        other.more = (*self.more, *(route for route in routes if self.find(route.prefix) is None))
        return other

    def __len__(self) -> int:
        return len(self.addresses) + len(self.more)

    @overload
    def __getitem__(self, at: int) -> Route: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Route, ...]: ...
    def __getitem__(self, at: int | slice) -> Route | tuple[Route, ...]:
        if isinstance(at, slice):
            return tuple(self[n] for n in range(*at.indices(len(self))))
        n = at if at >= 0 else at + len(self)
        if not 0 <= n < len(self):
            raise IndexError(at)
        return self._route(n) if n < len(self.addresses) else self.more[n - len(self.addresses)]

    def __iter__(self) -> Iterator[Route]:
        for n in range(len(self.addresses)):
            yield self._route(n)
        yield from self.more

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RouteTable | tuple):
            return NotImplemented
        if isinstance(other, RouteTable) and len(self.more) == len(other.more):
            if self.addresses != other.addresses or self.lengths != other.lengths:
                return False
            if self.which == other.which and self.outcomes == other.outcomes:
                return self.more == other.more
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # equal to a tuple of routes, and nobody asks for the hash of one

    def __repr__(self) -> str:
        """A digest stands for the routes in arrays: other routes are shown otherwise, and none of so many is made."""
        total = hashlib.sha256(repr(self.outcomes).encode())
        for column in (self.addresses, self.lengths, self.which):
            total.update(column.tobytes())
        return f"RouteTable({len(self.addresses)} routes, {total.hexdigest()}, {self.more!r})"

    def _route(self, n: int) -> Route:
        start = self.starts[n]
        key = _KEY.match(self.source.text, start)
        span = Span(self.source, start, key.end() if key else start)
        return Route(Prefix(self.addresses[n], self.lengths[n]), *self.outcomes[self.which[n]], span=span)

    def firsts(self) -> list[Route]:
        """For each outcome the first route of the text that has it."""
        return [self._route(self.which.index(n)) for n in range(len(self.outcomes))]

    def find(self, prefix: Prefix) -> Route | None:
        """The route for exactly that prefix."""
        key = prefix.address << 6 | prefix.length
        at = bisect_left(self._order, key << BITS)
        if at < len(self._order) and self._order[at] >> BITS == key:
            return self._route(self._order[at] & MOST - 1)
        return next((route for route in self.more if route.prefix == prefix), None)

    def flat(self) -> Packed[Output]:
        """The table as disjoint intervals."""
        outputs: dict[Output, int] = {}
        number = [outputs.setdefault(output, len(outputs)) for output, _ in self.outcomes]
        which = self.which
        rows: Iterator[tuple[int, int, int]] = (
            (key >> 32, key >> BITS & 63, number[which[key & MOST - 1]]) for key in self._order
        )
        more = sorted(
            (r.prefix.address, r.prefix.length, outputs.setdefault(r.output, len(outputs))) for r in self.more
        )
        return Packed(sweep(merge(rows, more) if more else rows), tuple(outputs))
