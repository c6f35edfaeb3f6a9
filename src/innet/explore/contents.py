"""Whether two symbolic packets have the same bytes: their contents as runs of bits in one normal form, side by side."""

from dataclasses import dataclass
from typing import TypeAlias

from innet.ir.nodes import Mark
from innet.symbolic.evaluation import adjust
from innet.symbolic.formulas import all_of, at_most_zero, equal
from innet.symbolic.memory import ANNOTATIONS, Memory
from innet.symbolic.store import Store
from innet.symbolic.terms import (
    FALSE,
    TRUE,
    Blob,
    Fn,
    Formula,
    K,
    Linear,
    Slice,
    Sym,
    Term,
    minus,
    pieces,
    plus,
    slice_of,
)


@dataclass(frozen=True)
class Value:
    """Bits that hold `term`."""

    term: Term

    @property
    def width(self) -> int:
        return self.term.width


@dataclass(frozen=True)
class Raw:
    """Bits of a blob that nobody changed: `width` of them from bit `bit` on."""

    blob: Blob
    bit: int
    width: int


@dataclass(frozen=True)
class Rest:
    """All of a region from bit `bit` of its blob on (zeros if it has none): `length` bytes."""

    blob: Blob | None
    bit: int
    length: Linear


Piece: TypeAlias = Value | Raw | Rest


def contents(memory: Memory, at: tuple[int, int], store: Store) -> list[Piece]:
    """The bytes from a position to END. Raises Split or Imprecise where that is not one thing."""
    rid, offset = memory.locate(*at, store)
    out: list[Piece] = []
    order = (rid,) if rid == ANNOTATIONS else memory.order[memory.order.index(rid) :]
    for n, region in enumerate(order):
        out += _region(memory, region, offset if n == 0 else 0, store)
    return out


def _region(memory: Memory, rid: int, offset: int, store: Store) -> list[Piece]:
    length, blob, cells = store.canonical(memory.lengths[rid]), memory.blobs[rid], memory.cells[rid]
    low, high = store.bounds(length)
    first, last = 8 * offset, 8 * low
    if low != high:
        changed = [
            bit + width
            for bit, (width, term, _) in cells.items()
            if blob is None or term is not blob.carved.get((bit, width))
        ]
        last = max([first, *(-(-end // 8) * 8 for end in changed)])
        if last > 8 * low and not Memory.decide(at_most_zero(minus((last // 8, ()), length)), store):
            memory.by_value(length, store)
    out: list[Piece] = []
    at = first
    for bit, (width, term, _) in sorted(cells.items(), key=lambda cell: cell[0]):
        begin, end = max(bit, at), min(bit + width, last)
        if begin >= end:
            continue
        out += _unchanged(blob, at, begin)
        out += [_piece(part) for part in pieces(slice_of(term, bit + width - end, end - begin))]
        at = end
    out += _unchanged(blob, at, last)
    if low != high:
        out.append(Rest(blob, last, minus(length, (last // 8, ()))))
    return out


def _unchanged(blob: Blob | None, first: int, last: int) -> list[Piece]:
    if first >= last:
        return []
    if blob is None:
        return [Value(K(0, last - first))]
    return [Raw(blob, first, last - first)]


def _piece(term: Term) -> Piece:
    """A value; unchanged bits of a blob are recognized by their symbols."""
    if isinstance(term, Sym) and term.blob is not None:
        return Raw(term.blob, term.bit, term.width)
    if isinstance(term, Slice) and isinstance(term.base, Sym) and term.base.blob is not None:
        base = term.base
        return Raw(term.base.blob, base.bit + base.width - term.low - term.width, term.width)
    return Value(term)


def _plain(blob: Blob, bit: int) -> tuple[Blob, int]:
    """The same place, counted from the start of the blob that a tail at a constant distance is of."""
    while (parent := blob.parent) is not None and (skip := blob.skip) is not None and not skip[1]:
        blob, bit = parent, bit + 8 * skip[0]
    return blob, bit


def _value(piece: Value | Raw, first: int, width: int) -> Term:
    """Some bits of a piece, counted from its first, as a term."""
    if isinstance(piece, Raw):
        return piece.blob.carve(piece.bit + first, width)
    return slice_of(piece.term, piece.width - first - width, width)


def alike(one: list[Piece], other: list[Piece], store: Store) -> Formula:
    """Under what condition both are the same bytes. `FALSE` where no condition is known (they may be the same)."""
    a, b = [*reversed(one)], [*reversed(other)]
    found: list[Formula] = []
    while a or b:
        if not a or not b:
            piece = (a or b).pop()
            if not isinstance(piece, Rest):
                return FALSE
            found.append(at_most_zero(piece.length))  # a length is not negative
            continue
        x, y = a.pop(), b.pop()
        if isinstance(x, Rest) and isinstance(y, Rest):
            if not _same_place(x.blob, x.bit, y.blob, y.bit):
                return FALSE
            if not a and not b:
                difference = store.canonical(minus(x.length, y.length))
                found += [at_most_zero(difference), at_most_zero(minus((0, ()), difference))]
                continue
            if store.canonical(minus(x.length, y.length)) != (0, ()):
                return FALSE
            continue
        if isinstance(x, Rest):
            a, b, x, y = b, a, y, x
        if isinstance(y, Rest):
            assert not isinstance(x, Rest)
            if x.width % 8:
                return FALSE
            size = x.width // 8
            found.append(at_most_zero(minus((size, ()), y.length)))
            b.append(Rest(y.blob, y.bit + x.width, plus(y.length, (-size, ()))))
            y = Value(K(0, x.width)) if y.blob is None else Raw(y.blob, y.bit, x.width)
        assert not isinstance(x, Rest)
        assert not isinstance(y, Rest)
        width = min(x.width, y.width)
        if not _same_raw(x, y):
            found.append(equal(ordered(_value(x, 0, width)), ordered(_value(y, 0, width))))
            if found[-1] is FALSE:
                return FALSE
        for piece, stack in ((x, a), (y, b)):
            if piece.width > width:
                stack.append(_after(piece, width))
    return all_of(*found)


def _same_raw(x: Value | Raw, y: Value | Raw) -> bool:
    return isinstance(x, Raw) and isinstance(y, Raw) and _same_place(x.blob, x.bit, y.blob, y.bit)


def _same_place(one: Blob | None, bit: int, other: Blob | None, other_bit: int) -> bool:
    if one is None or other is None:
        return one is other
    return _plain(one, bit) == _plain(other, other_bit)


def _after(piece: Value | Raw, bits: int) -> Value | Raw:
    if isinstance(piece, Raw):
        return Raw(piece.blob, piece.bit + bits, piece.width - bits)
    return Value(slice_of(piece.term, 0, piece.width - bits))


def ordered(term: Term) -> Term:
    """Updates of a checksum in one order: one's complement sums do not depend on it (RFC 1071, section 2)."""
    chain: list[Fn] = []
    inner: object = term
    while isinstance(inner, Fn) and inner.op == "adjust" and inner.args[4] == 0:
        chain.append(inner)
        inner = inner.args[0]
    if len(chain) < 2:
        return term
    for change in sorted(chain, key=lambda fn: (repr(fn.args[1:]), hash(fn.args[1:]))):
        inner = Fn("adjust", (inner, *change.args[1:]), 16, adjust)  # type: ignore[arg-type]  # a term, as it was
    assert isinstance(inner, Fn)
    return inner


def same_packet(one: Memory, other: Memory, store: Store) -> Formula:
    """Under what condition two packets are the same inside a configuration: bytes, marks and annotations."""
    if one.marks.keys() != other.marks.keys():
        return FALSE
    found: list[Formula] = []
    for mark in one.marks:
        if one.marks[mark][0] not in one.order or other.marks[mark][0] not in other.order:
            return FALSE
        difference = store.canonical(minus(one.to_end(*one.marks[mark]), other.to_end(*other.marks[mark])))
        found += [at_most_zero(difference), at_most_zero(minus((0, ()), difference))]
    for a, b in ((one.marks[Mark.DATA], other.marks[Mark.DATA]), ((ANNOTATIONS, 0), (ANNOTATIONS, 0))):
        found.append(alike(contents(one, a, store), contents(other, b, store), store))
    return all_of(*found)


__all__ = ["TRUE", "alike", "contents", "same_packet"]
