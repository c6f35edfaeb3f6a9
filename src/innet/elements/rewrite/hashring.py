"""The ring of SourceIPHashMapper: places drawn from the GNU C library's random(3), and who is met first from where.

The ring is kept as a balanced tree laid out as in Click, whose corner cases (a key behind all places, two places alike)
are part of what it does.
"""

from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from typing import NamedTuple

DEGREE, SEPARATION, DISCARDED = 31, 3, 310
LAST = 0x7FFF_FFFF
"""Keys are taken modulo this."""


def random_numbers(seed: int) -> Iterator[int]:
    """What the GNU C library's random(3) gives after srandom(seed), 31 bits each (its TYPE_3, additive)."""
    word = seed & 0xFFFF_FFFF or 1
    word -= (word & 0x8000_0000) << 1
    state = [word]
    for _ in range(DEGREE - 1):
        high, low = divmod(abs(word), 127773)
        sign = -1 if word < 0 else 1
        word = sign * (16807 * low - 2836 * high)
        word += LAST if word < 0 else 0
        state.append(word)
    front, rear = SEPARATION, 0
    for drawn in count():
        state[front] = (state[front] + state[rear]) & 0xFFFF_FFFF
        if drawn >= DISCARDED:
            yield state[front] >> 1
        front, rear = (front + 1) % DEGREE, (rear + 1) % DEGREE


class Place(NamedTuple):
    """A place on the ring, and the number of the server that has it."""

    key: int
    server: int


def ring(identifiers: Sequence[int], places: int, seed: int) -> list[Place]:
    """`places` for each server, whose numbers are by rank of their identifiers.

    Numbers are drawn for identifiers that nobody has too: a server that comes or goes leaves the others' places.
    """
    numbers, found = random_numbers(seed), []
    rank = {identifier: n for n, identifier in enumerate(sorted(identifiers))}
    for identifier in range(max(identifiers) + 1):
        for _ in range(places):
            key = next(numbers)
            if identifier in rank:
                found.append(Place(key, rank[identifier]))
    return found


def tree(places: Sequence[Place]) -> list[Place]:
    """The places as a search tree in an array: the children of n are 2n + 1 and 2n + 2."""
    ordered = sorted(places, key=lambda place: place.key)
    size = len(ordered)
    whole = 1 << size.bit_length()
    first_odd = 2 * ((size + 1) // 2) - 2 * ((whole - 1 - size) // 2) + 1
    found: list[Place] = []
    step = whole
    half = step >> 1
    while half > 0 and len(found) < size:
        for x in range(half, whole, step):
            if len(found) == size:
                break
            found.append(ordered[(x if x < first_odd else (x + first_odd - 1) // 2) - 1])
        step, half = half, half >> 1
    return found


def search(places: Sequence[Place], key: int) -> int:
    """The server of the first place from `key` on, by the tree; the root's behind all."""
    at, found = 0, places[0]
    while at < len(places):
        place = places[at]
        if key == place.key:
            return place.server
        if key > place.key:
            at = 2 * at + 2
        else:
            at, found = 2 * at + 1, place
    return found.server


def segments(places: Sequence[Place]) -> Iterator[tuple[int, int, int]]:
    """First key, last key and server: all keys from 0 to LAST - 1, then LAST for 0 and LAST + 1 for 1."""
    starts = {0, *(place.key for place in places), *(place.key + 1 for place in places)}
    cuts = [*sorted(start for start in starts if start < LAST), LAST]
    rows = [(low, high - 1, search(places, low)) for low, high in pairwise(cuts)]
    rows += [(LAST, LAST, search(places, 0)), (LAST + 1, LAST + 1, search(places, 1))]
    first, last, server = rows[0]
    for low, high, other in rows[1:]:
        if other != server:
            yield first, last, server
            first, server = low, other
        last = high
    yield first, last, server


def prefixes(low: int, high: int, width: int = 32) -> Iterator[tuple[int, int]]:
    """The fewest prefixes (number, length) that are just the numbers from `low` to `high`."""
    while low <= high:
        size = min((low & -low).bit_length() - 1 if low else width, (high - low + 1).bit_length() - 1)
        yield low, width - size
        low += 1 << size
