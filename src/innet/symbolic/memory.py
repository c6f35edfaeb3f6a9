"""A symbolic packet: regions of bytes in order, cells in them that hold terms, marks, annotations.

A region is a run of bytes whose length is a linear sum (a constant for a header, `4*hl - 20` for IPv4 options, a symbol
for a payload). Positions are (region, byte): what follows a header of unknown length has its own region, so ports are
read without asking how long the options are. Bytes that were stripped stay in front and come back with Unstrip.

Where a question has no single answer (is this byte there?) the operation raises `Split` with alternatives that are
exclusive and leave nothing out; the executor goes on with each.
"""

from dataclasses import dataclass
from itertools import count

from innet.ir.nodes import Mark
from innet.packet.headers import ANNOTATION_BYTES
from innet.symbolic import ranges as rs
from innet.symbolic.formulas import at_most_zero, in_atom, negate
from innet.symbolic.store import Store
from innet.symbolic.terms import (
    Blob,
    Concat,
    Formula,
    K,
    Lin,
    Linear,
    Part,
    Term,
    concat,
    from_linear,
    minus,
    pieces,
    plus,
    slice_of,
)

MAX_VALUES = 64
"""How many concrete values of a header length are told apart when a question needs it."""

ANNOTATIONS = -1
"""The region of the annotation area."""

DATA, END, ANNOTATION = Mark.DATA, Mark.END, Mark.ANNOTATION
"""Marks that every packet has, by names of their own: members of an `Enum` take long to be looked up in it."""

_numbers = count()


class Split(Exception):  # noqa: N818 - steers the executor, no error
    """The operation depends on which of `alternatives` holds: exclusive, and one always does."""

    def __init__(self, *alternatives: Formula) -> None:
        super().__init__(alternatives)
        self.alternatives = alternatives


class Imprecise(Exception):  # noqa: N818 - steers the executor, no error
    """The engine cannot follow this operation; the answer will be `undecided`, with this reason."""


Cell = tuple[int, Term, object]
"""Width in bits, what it holds, and the hop that wrote it last."""


class Memory:
    """The packet on one path. `fork` is cheap; cells are shared until written."""

    __slots__ = ("_owned", "blobs", "cells", "lengths", "marks", "order")

    def __init__(self) -> None:
        self.order: tuple[int, ...] = ()
        self.lengths: dict[int, Linear] = {ANNOTATIONS: (ANNOTATION_BYTES, ())}
        self.blobs: dict[int, Blob | None] = {ANNOTATIONS: None}
        self.cells: dict[int, dict[int, Cell]] = {ANNOTATIONS: {}}
        self.marks: dict[Mark, tuple[int, int]] = {}
        self._owned: set[int] = set()

    def fork(self) -> "Memory":
        other = Memory.__new__(Memory)
        other.order, other.lengths, other.blobs = self.order, self.lengths, self.blobs
        other.cells, other.marks = dict(self.cells), dict(self.marks)
        other._owned, self._owned = set(), set()
        return other

    # ---- structure

    def add_region(self, length: Linear, blob: Blob | None, at: int | None = None) -> int:
        """A new region before index `at` of the order (at the end if None); zeros if it has no blob."""
        rid = next(_numbers)
        at = len(self.order) if at is None else at
        self.order = (*self.order[:at], rid, *self.order[at:])
        self.lengths = {**self.lengths, rid: length}
        self.blobs = {**self.blobs, rid: blob}
        self.cells[rid] = {}
        self._owned.add(rid)
        return rid

    def _own(self, rid: int) -> dict[int, Cell]:
        if rid not in self._owned:
            self.cells[rid] = dict(self.cells[rid])
            self._owned.add(rid)
        return self.cells[rid]

    def to_end(self, rid: int, offset: int) -> Linear:
        """Bytes from a position to END."""
        at = self.order.index(rid)
        total: Linear = (-offset, ())
        for region in self.order[at:]:
            total = plus(total, self.lengths[region])
        return total

    def from_start(self, rid: int, offset: int) -> Linear:
        """Bytes from the start of the buffer to a position."""
        total: Linear = (offset, ())
        for region in self.order[: self.order.index(rid)]:
            total = plus(total, self.lengths[region])
        return total

    def position(self, mark: Mark) -> tuple[int, int] | None:
        if mark is ANNOTATION:
            return ANNOTATIONS, 0
        if mark is END:
            last = self.order[-1]
            length = self.lengths[last]
            if length[1]:
                raise Imprecise("a position counted from the end of a packet of unknown length")
            return last, length[0]
        return self.marks.get(mark)

    def end(self) -> tuple[int, int]:
        """The position of END; an empty region begins there if the last one is of unknown length."""
        last = self.order[-1]
        length = self.lengths[last]
        return (self.add_region((0, ()), None), 0) if length[1] else (last, length[0])

    def distance(self, start: Mark, end: Mark) -> Linear | None:
        """Bytes from `start` to `end`; None if one is not set."""
        if start is end:
            return (0, ()) if start is END or start in self.marks else None
        ends: list[Linear] = []
        for mark in (start, end):
            if mark is END:
                ends.append((0, ()))
                continue
            at = self.marks.get(mark)
            if at is None:
                return None
            ends.append(self.to_end(*at))
        return minus(ends[0], ends[1])

    def available(self, mark: Mark, offset: int, length: int, store: Store) -> Formula | None:
        """Whether `length` bytes from `mark + offset` are in the packet; None if `mark` is not set.

        Only the end is a matter of the packet; before the start of the buffer there is nothing.
        """
        if mark is END:
            return at_most_zero((offset + length, ()))
        at = self.position(mark)
        if at is None:
            return None
        rid, start = at
        size = self.lengths[rid]
        if not size[1] and start + offset >= 0 and start + offset + length <= size[0]:
            return at_most_zero((0, ()))
        if start + offset < 0 and store.bounds(self.from_start(rid, start + offset))[0] < 0:
            before = self.from_start(rid, start + offset)
            inside = at_most_zero(minus((0, ()), before))
            if store.status(inside) is None:
                raise Split(inside, negate(inside))
            if store.status(inside) is False:
                return inside
        if rid == ANNOTATIONS:
            return at_most_zero((start + offset + length - ANNOTATION_BYTES, ()))
        return at_most_zero(minus((offset + length, ()), self.to_end(rid, start)))

    def locate(self, rid: int, offset: int, store: Store) -> tuple[int, int]:
        """The region that byte `offset` of region `rid` really lies in, and its offset there."""
        if rid == ANNOTATIONS:
            return rid, offset
        at = self.order.index(rid)
        while offset < 0:
            if at == 0:
                raise Imprecise("a byte in front of the packet")
            at -= 1
            low, high = store.bounds(store.canonical(self.lengths[self.order[at]]))
            if low != high:
                self.by_value(self.lengths[self.order[at]], store)
            offset += low
        while True:
            rid = self.order[at]
            length = self.lengths[rid]
            if not length[1]:
                low = high = length[0]
            else:
                low, high = store.bounds(store.canonical(length))
            if offset < low or at + 1 == len(self.order):
                return rid, offset
            if low == high:
                at, offset = at + 1, offset - low
                continue
            inside = at_most_zero(minus((offset + 1, ()), length))
            decided = store.status(inside)
            if decided is True or (decided is None and store.entails(inside)):
                return rid, offset
            if decided is None and store.allows(inside):
                raise Split(inside, negate(inside))
            self.by_value(length, store)

    def by_value(self, length: Linear, store: Store) -> None:
        """Tell apart the values of a length that has only a few."""
        canonical = store.canonical(length)
        for atom, _ in canonical[1]:
            domain = store.domain(atom)
            if 1 < rs.size(domain) <= MAX_VALUES:
                raise Split(*(in_atom(atom, rs.single(v)) for v in rs.values(domain)))
        raise Imprecise("a position behind a part of unknown length")

    # ---- cells

    def read(self, rid: int, bit: int, width: int, store: Store) -> Term:
        """The bits of a field that is known to be present."""
        cell = self.cells[rid].get(bit)
        if cell is not None and cell[0] == width:
            return cell[1]
        first, inner = divmod(bit, 8)
        rid, first = self.locate(rid, first, store)
        bit = first * 8 + inner
        length = self.lengths[rid]
        low = length[0] if not length[1] else store.bounds(store.canonical(length))[0]
        end = bit + width
        if end > 8 * low and rid != self.order[-1] and rid != ANNOTATIONS:
            last, _ = self.locate(rid, (end + 7) // 8 - 1, store)
            if last != rid:
                size = low * 8 - bit
                if size <= 0:
                    raise Imprecise("a field across parts of unknown length")
                head = self.read(rid, bit, size, store)
                following = self.order[self.order.index(rid) + 1]
                tail = self.read(following, 0, width - size, store)
                return concat([*pieces(head), *pieces(tail)])
        store.work.spend(1 + (len(self.cells[rid]) >> 2))  # all of them are looked at
        return self._gather(rid, bit, width)

    def _gather(self, rid: int, bit: int, width: int) -> Term:
        cells = self.cells[rid]
        cell = cells.get(bit)
        if cell is not None and cell[0] == width:
            return cell[1]
        end = bit + width
        at = bit
        tiles: list[Part] = []
        while cell is not None and at + cell[0] <= end:  # mostly, cells lie side by side
            tiles += pieces(cell[1])
            at += cell[0]
            if at == end:
                return concat(tiles)
            cell = cells.get(at)
        over = sorted((b, c) for b, c in cells.items() if b < end and b + c[0] > bit)
        parts: list[Part] = []
        at = bit
        holes: list[tuple[int, int]] = []
        for b, (w, term, _) in over:
            if b > at:
                holes.append((at, b - at))
                parts.extend(pieces(self._bytes_of(rid, at, b - at)))
            first, last = max(b, bit), min(b + w, end)
            parts.extend(pieces(slice_of(term, b + w - last, last - first)))
            at = last
        if at < end:
            holes.append((at, end - at))
            parts.extend(pieces(self._bytes_of(rid, at, end - at)))
        if holes and self.blobs[rid] is not None:
            owned = self._own(rid)
            for b, w in holes:
                owned[b] = (w, self._bytes_of(rid, b, w), None)
        return concat(parts)

    def _bytes_of(self, rid: int, bit: int, width: int) -> Term:
        blob = self.blobs[rid]
        return K(0, width) if blob is None else blob.carve(bit, width)

    def write(self, rid: int, bit: int, width: int, term: Term, hop: object, store: Store) -> None:
        """Set the bits of a field that is known to be present."""
        cell = self.cells[rid].get(bit)
        if cell is None or cell[0] != width:
            first, inner = divmod(bit, 8)
            rid, first = self.locate(rid, first, store)
            bit = first * 8 + inner
            last, _ = self.locate(rid, (bit + width + 7) // 8 - 1, store)
            if last != rid and rid != ANNOTATIONS:
                low, high = store.bounds(store.canonical(self.lengths[rid]))
                size = low * 8 - bit
                if low != high or size <= 0:
                    self.by_value(self.lengths[rid], store)
                following = self.order[self.order.index(rid) + 1]
                self.write(rid, bit, size, slice_of(term, width - size, size), hop, store)
                self.write(following, 0, width - size, slice_of(term, 0, width - size), hop, store)
                return
        owned = self._own(rid)
        end = bit + width
        cell = owned.get(bit)
        if cell is None or cell[0] != width:
            for b, (w, old, by) in list(owned.items()):
                if b < end and b + w > bit:
                    del owned[b]
                    if b < bit:
                        owned[b] = (bit - b, slice_of(old, b + w - bit, bit - b), by)
                    if b + w > end:
                        owned[end] = (b + w - end, slice_of(old, 0, b + w - end), by)
        owned[bit] = (width, term, hop)

    # ---- moving marks

    def advance(self, at: tuple[int, int], by: Linear, store: Store) -> tuple[int, int]:
        """The position `by` bytes after `at`; a new region begins there if that is not a constant away."""
        rid, offset = at
        by = store.canonical(by)
        if not by[1]:
            return self.settled(rid, offset + by[0])
        rest = plus(by, (offset, ()))
        index = self.order.index(rid)
        while True:
            length = store.canonical(self.lengths[rid])
            left = minus(rest, length)
            if not left[1] and left[0] == 0:
                if index + 1 < len(self.order):
                    return self.order[index + 1], 0
                return self.add_region((0, ()), None), 0
            low, high = store.bounds(rest)
            if low == high:
                return rid, low
            if low < 0 and not self.decide(at_most_zero(minus((0, ()), rest)), store):
                self.by_value(rest, store)
            last = index + 1 == len(self.order)
            if not last and self.decide(at_most_zero(minus((0, ()), left)), store):
                index, rest = index + 1, left
                rid = self.order[index]
                continue
            if not self.decide(at_most_zero(left), store):
                self.by_value(rest, store)  # beyond the packet: only at constant distances
            return self._cut(rid, rest, store), 0

    @staticmethod
    def decide(f: Formula, store: Store) -> bool:
        """Whether `f` holds on this path; splits it if both can be."""
        decided = store.status(f)
        if decided is None:
            if store.entails(f):
                return True
            if store.allows(f):
                raise Split(f, negate(f))
            return False
        return decided

    def settled(self, rid: int, offset: int) -> tuple[int, int]:
        """The position in the region that it lies in, as far as lengths are constants."""
        at = self.order.index(rid)
        while offset < 0 and at > 0 and not self.lengths[self.order[at - 1]][1]:
            at -= 1
            offset += self.lengths[self.order[at]][0]
        while at + 1 < len(self.order) and not self.lengths[self.order[at]][1]:
            length = self.lengths[self.order[at]][0]
            if offset < length:
                break
            at, offset = at + 1, offset - length
        return self.order[at], offset

    def _cut(self, rid: int, at: Linear, store: Store) -> int:
        """Cut region `rid` after `at` bytes; the new region that begins there."""
        low, _ = store.bounds(at)
        if any(b + c[0] > 8 * low for b, c in self.cells[rid].items()):
            self.by_value(at, store)
        blob = self.blobs[rid]
        rest = minus(self.lengths[rid], at)
        new = self.add_region(rest, None if blob is None else blob.tail(at), self.order.index(rid) + 1)
        self.lengths[rid] = at
        return new

    def havoc(self, at: tuple[int, int], offset: int, by: Linear | None, name: str, store: Store) -> None:
        """Fresh unknown bytes for the `by` bytes from `at + offset` on, or for all up to END."""
        at = at[0], at[1] + offset
        if at[1] < 0:
            before = self.from_start(*at)
            if not self.decide(at_most_zero(minus((0, ()), before)), store):
                at = self.order[0], 0
                by = None if by is None else plus(by, before)
                if by is not None and self.decide(at_most_zero(by), store):
                    return
        if self.decide(at_most_zero(self.to_end(*at)), store):
            return
        rid, first = self.locate(*at, store)
        if by is not None and not self.decide(at_most_zero(minus(by, self.to_end(rid, first))), store):
            by = None
        rid = self._split(rid, first)
        last = len(self.order)
        if by is not None:
            to, inside = self.advance((rid, 0), by, store)
            to, inside = self.locate(to, inside, store)
            behind = self._split(to, inside)
            last = self.order.index(behind)
        begin = self.order.index(rid)
        self.blobs = dict(self.blobs)
        for n, region in enumerate(self.order[begin:last]):
            self.blobs[region] = Blob(f"{name}{n or ''}", self.lengths[region])
            self.cells[region] = {}
            self._owned.add(region)

    def _split(self, rid: int, at: int) -> int:
        """The region that begins `at` bytes into region `rid`, which is known to be that long."""
        if at == 0:
            return rid
        blob, length = self.blobs[rid], self.lengths[rid]
        new = self.add_region(
            minus(length, (at, ())), None if blob is None else blob.tail((at, ())), self.order.index(rid) + 1
        )
        owned, after = self._own(rid), self.cells[new]
        for b, (width, term, by) in list(owned.items()):
            if b >= 8 * at:
                after[b - 8 * at] = owned.pop(b)
            elif b + width > 8 * at:
                beyond = b + width - 8 * at
                owned[b] = (width - beyond, slice_of(term, beyond, width - beyond), by)
                after[0] = (beyond, slice_of(term, 0, beyond), by)
        self.lengths = {**self.lengths, rid: (at, ())}
        return new

    def set_data(self, at: tuple[int, int], store: Store) -> None:
        """DATA moves; in front of the buffer zeros appear."""
        rid, offset = at
        index = self.order.index(rid)
        while offset < 0 and index > 0:
            before = store.canonical(self.lengths[self.order[index - 1]])
            low, high = store.bounds(before)
            if low != high:
                self.by_value(before, store)
            index -= 1
            offset += low
        rid = self.order[index]
        if offset < 0:
            rid = self.add_region((-offset, ()), None, 0)
            offset = 0
        self.marks[DATA] = (rid, offset)

    def cut_end(self, at: tuple[int, int], by: Linear, store: Store) -> None:
        """END moves to `by` bytes after `at`, which is known not to be behind it: bytes after it are gone."""
        rid, offset = at if by[1] else self.settled(at[0], at[1] + by[0])
        rest = plus(by, (offset, ())) if by[1] else (offset, ())
        index = self.order.index(rid)
        while index > 0 and not self.decide(at_most_zero(minus((0, ()), rest)), store):
            index -= 1
            rid = self.order[index]
            rest = plus(self.lengths[rid], rest)
        while index + 1 < len(self.order):
            left = minus(rest, self.lengths[rid])
            if not self.decide(at_most_zero(minus((0, ()), left)), store):
                break
            index, rest = index + 1, left
            rid = self.order[index]
        rest = store.canonical(rest)
        low, high = store.bounds(rest)
        if low == high:
            rest = (low, ())
            self._cut_cells(rid, rest, store)
        # otherwise cells may lie behind the new end; nobody reads them, since `available` asks first
        self._drop_after(index, store)
        self.lengths = {**self.lengths, rid: rest}

    def grow(self, by: Linear, store: Store) -> None:
        """END moves up by `by` bytes: zeros appear."""
        last = self.order[-1]
        self._cut_cells(last, store.canonical(self.lengths[last]), store)
        self.add_region(by, None)

    def _cut_cells(self, rid: int, rest: Linear, store: Store) -> None:
        """Forget the cells behind the first `rest` bytes of a region."""
        low, _ = store.bounds(rest)
        behind = {b: c for b, c in self.cells[rid].items() if b + c[0] > 8 * low}
        if not behind:
            return
        blob = self.blobs[rid]
        own = {b for b, c in behind.items() if blob is not None and c[1] is blob.carved.get((b, c[0]))}
        if rest[1] and len(own) < len(behind):
            self.by_value(rest, store)
        owned = self._own(rid)
        for b, (width, term, by) in behind.items():
            del owned[b]
            if b < 8 * low and b not in own:
                owned[b] = (8 * low - b, slice_of(term, b + width - 8 * low, 8 * low - b), by)

    def _drop_after(self, index: int, store: Store) -> None:
        gone = self.order[index + 1 :]
        if not gone:
            return
        last = self.order[index]
        for mark, (rid, offset) in list(self.marks.items()):
            if rid in gone:
                away = store.canonical(minus(self.from_start(rid, offset), self.from_start(last, 0)))
                low, high = store.bounds(away)
                if low != high:
                    self.by_value(away, store)
                self.marks[mark] = (last, low)
        self.order = self.order[: index + 1]
        for rid in gone:
            self.cells.pop(rid, None)

    def clip(self) -> None:
        """Forget what is in front of DATA, where a packet leaves on a wire."""
        rid, offset = self.marks[DATA]
        index = self.order.index(rid)
        self.order = self.order[index:]
        for mark, (r, o) in list(self.marks.items()):
            if r not in self.order or (r == rid and o < offset):
                del self.marks[mark]
        if offset:
            blob, length = self.blobs[rid], self.lengths[rid]
            first = 8 * offset
            kept = {b - first: c for b, c in self.cells[rid].items() if b >= first}
            for b, (width, term, by) in self.cells[rid].items():
                if b < first < b + width:
                    kept[0] = (b + width - first, slice_of(term, 0, b + width - first), by)
            new = self.add_region(
                minus(length, (offset, ())), None if blob is None else blob.tail((offset, ())), 0
            )
            self.order = (new, *(r for r in self.order if r not in (rid, new)))
            self.cells[new] = kept
            for mark, (r, o) in list(self.marks.items()):
                if r == rid:
                    self.marks[mark] = (new, o - offset)

    def stretches(self, at: tuple[int, int], offset: int, store: Store) -> "tuple[Stretch, ...]":
        """What is from `at + offset` to END, in order."""
        rid, start = self.locate(at[0], at[1] + offset, store)
        out: list[Stretch] = []
        for n, region in enumerate(self.order[self.order.index(rid) :]):
            first = start if n == 0 else 0
            blob = self.blobs[region]
            written = frozenset(
                (max(b, 8 * first), b + c[0] - max(b, 8 * first))
                for b, c in self.cells[region].items()
                if b + c[0] > 8 * first and (blob is None or c[1] is not blob.carved.get((b, c[0])))
            )
            out.append(Stretch(region, blob, first, self.lengths[region], written))
        return tuple(out)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of one region from byte `first` on, to the region's `length`; `written` are bits (first, width) that may
    not hold what they held at first."""

    region: int
    blob: Blob | None
    first: int
    length: Linear
    written: frozenset[tuple[int, int]]


def length_term(length: Linear) -> Term:
    """A length in bytes that is known not to be negative, as 16 bits; lengths of packets do not overflow."""
    term = from_linear(length, 16)
    if isinstance(term, Lin):
        term = Lin(length, 16)  # with the constant as it is: the sum is an integer
        term.exact = True
    return term


__all__ = ["ANNOTATIONS", "Cell", "Concat", "Imprecise", "Memory", "Split", "length_term"]
