"""What terms and formulas are once their symbols have values."""

from collections.abc import Mapping
from typing import TypeAlias, assert_never

from innet.ir.interpret import fold
from innet.symbolic.terms import (
    All,
    Always,
    AnyOf,
    AtMostZero,
    Blob,
    Concat,
    Fn,
    Formula,
    In,
    K,
    Lin,
    Linear,
    Same,
    Slice,
    Sym,
    Term,
    Truth,
)


class Unbound(Exception):  # noqa: N818 - a question without an answer, no error
    """A symbol has no value."""


Known: TypeAlias = dict[int, int]
"""What functions were, by their identity, with one set of values: terms share parts, and share them again."""


def evaluate(
    term: Term, values: Mapping[Sym, int], blobs: Mapping[Blob, bytes], known: Known | None = None
) -> int:
    """The number a term is, once its symbols have values; `known` is what was found out with the same ones."""
    # tests of types instead of patterns, the commonest first: much faster
    if isinstance(term, Sym):
        number = values.get(term)
        if number is not None:
            return number
        if term in values:  # by a mapping that has values for more than it keeps
            return values[term]
        if term.blob is not None:
            return _carve(blob_bytes(term.blob, values, blobs), term.bit, term.width)
        raise Unbound(term.name)
    if isinstance(term, K):
        return term.value
    if isinstance(term, Slice):
        return evaluate(term.base, values, blobs, known) >> term.low & (1 << term.width) - 1
    if isinstance(term, Lin):
        return evaluate_linear(term.linear, values, blobs, known) % (1 << term.width)
    if isinstance(term, Concat):
        total, known = 0, {} if known is None else known
        for part in term.parts:
            total = total << part.width | evaluate(part, values, blobs, known)
        return total
    if isinstance(term, Fn):
        known = {} if known is None else known
        found = known.get(id(term))
        if found is None:
            found = known[id(term)] = term.evaluate(*[_argument(a, values, blobs, known) for a in term.args])
        return found
    if isinstance(term, Truth):
        return int(holds(term.formula, values, blobs, known))
    assert_never(term)


def _argument(a: object, values: Mapping[Sym, int], blobs: Mapping[Blob, bytes], known: Known) -> object:
    if isinstance(a, Blob):
        return blob_bytes(a, values, blobs)
    if isinstance(a, tuple):
        return tuple([_argument(x, values, blobs, known) for x in a])
    if isinstance(a, int | bytes | str | bool):
        return a
    return evaluate(a, values, blobs, known)  # type: ignore[arg-type]  # all else is a term


def evaluate_linear(
    linear: Linear, values: Mapping[Sym, int], blobs: Mapping[Blob, bytes], known: Known | None = None
) -> int:
    known = {} if known is None else known
    return linear[0] + sum([c * evaluate(a, values, blobs, known) for a, c in linear[1]])


def blob_bytes(blob: Blob, values: Mapping[Sym, int], blobs: Mapping[Blob, bytes]) -> bytes:
    """The bytes of a blob."""
    if blob in blobs:
        return blobs[blob]
    if blob.parent is not None and blob.skip is not None:
        return blob_bytes(blob.parent, values, blobs)[max(0, evaluate_linear(blob.skip, values, blobs)) :]
    raise Unbound(blob.name)


def _carve(data: bytes, bit: int, width: int) -> int:
    first, last = bit // 8, (bit + width + 7) // 8
    number = int.from_bytes(data[first:last].ljust(last - first, b"\0"), "big")
    return number >> (last * 8 - bit - width) & (1 << width) - 1


def holds(
    formula: "Formula", values: Mapping[Sym, int], blobs: Mapping[Blob, bytes], known: Known | None = None
) -> bool:
    """Whether the formula is true, once its symbols have values; `known` as in `evaluate`."""
    known = {} if known is None else known
    match formula:
        case Always(holds=always):
            return always
        case In(atom=atom, ranges=ranges):
            value = evaluate(atom, values, blobs, known)
            return any(low <= value <= high for low, high in ranges)
        case Same(left=left, right=right, offset=offset, equal=equal):
            difference = evaluate(left, values, blobs, known) - evaluate(right, values, blobs, known) - offset
            return (difference % (1 << left.width) == 0) is equal
        case AtMostZero(linear=linear):
            return evaluate_linear(linear, values, blobs, known) <= 0
        case All(parts=parts):
            return all(holds(p, values, blobs, known) for p in parts)
        case AnyOf(parts=parts):
            return any(holds(p, values, blobs, known) for p in parts)
    raise AssertionError(formula)


def adjust(total: int, old: int, new: int, width: int, keep_zero: int) -> int:
    """RFC 1624 equation 3, on numbers."""
    if keep_zero and total == 0:
        return 0
    acc = ~total & 0xFFFF
    for half in range(0, width, 16):
        acc += (~old >> half & 0xFFFF) + (new >> half & 0xFFFF)
    return ~fold(acc) & 0xFFFF
