"""Formulas from terms: comparisons as facts about atoms, exact wherever the normal form allows."""

import itertools

from innet.ir.nodes import Op
from innet.symbolic import ranges as rs
from innet.symbolic.ranges import Ranges
from innet.symbolic.terms import (
    FALSE,
    TRUE,
    All,
    Always,
    AnyOf,
    AtMostZero,
    Atom,
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
    bottom,
    concat,
    linear_of,
    minus,
    opaque,
    pieces,
    plus,
    slice_of,
    top,
)

MAX_CUTS = 64
"""How many pieces a set of numbers may fall into when a value made of several parts is compared with it."""


def always(fact: bool) -> Formula:
    return TRUE if fact else FALSE


def all_of(*parts: Formula) -> Formula:
    """Conjunction, flattened."""
    out: list[Formula] = []
    for part in parts:
        if part.__class__ is Always:
            if part.holds:
                continue
            return FALSE
        out.extend(part.parts if part.__class__ is All else (part,))
    if not out:
        return TRUE
    return out[0] if len(out) == 1 else All(tuple(out))


def any_of(*parts: Formula) -> Formula:
    """Disjunction, flattened; sets of one atom are merged."""
    out: list[Formula] = []
    for part in parts:
        if part.__class__ is Always:
            if part.holds:
                return TRUE
            continue
        for p in part.parts if part.__class__ is AnyOf else (part,):
            if p.__class__ is In:
                n = next((n for n, q in enumerate(out) if q.__class__ is In and q.atom == p.atom), None)
                if n is not None:
                    out[n] = in_atom(p.atom, rs.union(out[n].ranges, p.ranges))  # type: ignore[union-attr]
                    if out[n] is TRUE:
                        return TRUE
                    continue
            out.append(p)
    if not out:
        return FALSE
    return out[0] if len(out) == 1 else AnyOf(tuple(out))


def negate(f: Formula) -> Formula:
    """The exact complement, in negation normal form."""
    if isinstance(f, In):  # the commonest one, without a pattern
        return in_atom(f.atom, rs.complement(f.ranges, f.atom.width))
    match f:
        case Always(holds=known):
            return always(not known)
        case Same(left=left, right=right, offset=offset, equal=equal):
            return Same(left, right, offset, not equal)
        case AtMostZero(linear=linear):
            return at_most_zero((1 - linear[0], tuple((a, -c) for a, c in linear[1])))
        case All(parts=parts):
            return any_of(*(negate(p) for p in parts))
        case AnyOf(parts=parts):
            return all_of(*(negate(p) for p in parts))
    raise AssertionError(f)


def in_atom(atom: Atom, ranges: Ranges) -> Formula:
    """`atom` is in the set; the top bits of a symbol become a set of the symbol itself."""
    if not ranges:
        return FALSE
    if ranges == rs.full(atom.width):
        return TRUE
    if atom.__class__ is Slice and atom.low + atom.width == atom.base.width:
        low = atom.low
        return in_atom(atom.base, tuple((a << low, (b + 1 << low) - 1) for a, b in ranges))
    return In(atom, ranges)


def at_most_zero(linear: Linear) -> Formula:
    """The sum is at most zero; decided, or turned into a set, where that is exact."""
    const, parts = linear
    if top(linear) <= 0:
        return TRUE
    if bottom(linear) > 0:
        return FALSE
    if len(parts) == 1:
        atom, c = parts[0]
        limit = (1 << atom.width) - 1
        if c > 0:
            return in_atom(atom, rs.normal([(0, min(limit, -const // c))]))
        return in_atom(atom, rs.normal([(max(0, -(-const // -c)), limit)]))
    return AtMostZero(linear)


def member(term: Term, ranges: Ranges) -> Formula:
    """Whether `term` is in the set."""
    width = term.width
    if not ranges:
        return FALSE
    if ranges == rs.full(width):
        return TRUE
    if isinstance(term, Sym):  # the commonest one, without a pattern
        return in_atom(term, ranges)
    match term:
        case K(value=value):
            return always(rs.contains(ranges, value))
        case Truth(formula=formula):
            return formula if rs.contains(ranges, 1) else negate(formula)
        case Slice() | Fn():
            return in_atom(term, ranges)
        case Lin(linear=(const, parts)):
            if len(parts) == 1 and parts[0][1] == 1 and parts[0][0].width == width:
                return in_atom(parts[0][0], rs.shift(ranges, -const, width))
            linear = linear_of(term)
            if linear is None or len(ranges) > MAX_CUTS:
                return in_atom(_as_atom(term), ranges)
            return any_of(*(_between(linear, low, high) for low, high in ranges))
        case Concat():
            return _pieces_member(term, ranges)
    raise AssertionError(term)


def _as_atom(term: Term) -> Fn:
    return Fn("value", (term,), term.width, lambda v: v)


def _between(linear: Linear, low: int, high: int) -> Formula:
    above = at_most_zero(minus((low, ()), linear))
    below = at_most_zero(plus(linear, (-high, ())))
    return all_of(above, below)


def _pieces_member(term: Concat, ranges: Ranges) -> Formula:
    """Whether the number made of pieces is in the set: by its leading part; only where that is the first or the last
    of a range the rest matters, too."""
    head, tail = term.parts[0], concat(list(term.parts[1:]))
    rest = term.width - head.width
    mask = (1 << rest) - 1
    if head.__class__ is K:
        base = head.value << rest
        here = rs.intersect(ranges, ((base, base | mask),))
        return member(tail, tuple((low - base, high - base) for low, high in here))
    whole: list[tuple[int, int]] = []
    edges: dict[int, list[tuple[int, int]]] = {}
    for low, high in ranges:
        first, last = low >> rest, high >> rest
        if first == last:
            edges.setdefault(first, []).append((low & mask, high & mask))
            continue
        edges.setdefault(first, []).append((low & mask, mask))
        edges.setdefault(last, []).append((0, high & mask))
        whole.append((first + 1, last - 1))
    choices: list[Formula] = []
    for value, some in edges.items():
        inside = rs.normal(some)
        if inside == rs.full(rest):
            whole.append((value, value))
        else:
            choices.append(all_of(member(head, rs.single(value)), member(tail, inside)))
    if len(choices) > MAX_CUTS:
        return in_atom(_as_atom(term), ranges)
    return any_of(member(head, rs.normal(whole)), *choices)


def equal(a: Term, b: Term) -> Formula:
    """Whether two terms of one width have the same value."""
    if a == b:
        return TRUE
    if a.__class__ is K:
        a, b = b, a
    if b.__class__ is K:
        value = b.value
        if a.__class__ is K:
            return always(a.value == value)
        if a.__class__ is Concat:
            out: list[Formula] = []
            position = a.width
            for part in pieces(a):
                position -= part.width
                out.append(member(part, rs.single(value >> position & (1 << part.width) - 1)))
            return all_of(*out)
        return member(a, rs.single(value))
    if a.__class__ is Truth or b.__class__ is Truth:
        x, y = truth(a), truth(b)
        return any_of(all_of(x, y), all_of(negate(x), negate(y)))
    if a.__class__ is Concat or b.__class__ is Concat:
        return _equal_pieces(a, b)
    one, other = _simple(a), _simple(b)
    if one is not None and other is not None:
        (left, k), (right, m) = one, other
        if left == right:
            return always((k - m) % (1 << a.width) == 0)
        return Same(left, right, (m - k) % (1 << a.width), True)
    if a.__class__ is Lin and b.__class__ is Lin and not (d := minus(a.linear, b.linear))[1]:
        return always(d[0] % (1 << a.width) == 0)
    la, lb = linear_of(a), linear_of(b)
    if la is not None and lb is not None:
        d = minus(la, lb)
        return all_of(at_most_zero(d), at_most_zero((-d[0], tuple((t, -c) for t, c in d[1]))))
    return in_atom(opaque(Op.EQ, a, b, 1), rs.single(1))


def _simple(term: Term) -> tuple[Atom, int] | None:
    """The term as one atom plus a constant modulo its width."""
    match term:
        case Sym() | Slice() | Fn():
            return term, 0
        case Lin(linear=(const, ((atom, 1),))) if atom.width == term.width:
            return atom, const
    return None


def _equal_pieces(a: Term, b: Term) -> Formula:
    cuts: set[int] = {0, a.width}
    for term in (a, b):
        position = term.width
        for part in pieces(term):
            position -= part.width
            cuts.add(position)
    bounds = sorted(cuts)
    found: list[Formula] = []
    for low, high in itertools.pairwise(bounds):
        x, y = slice_of(a, low, high - low), slice_of(b, low, high - low)
        if x.__class__ is Concat or y.__class__ is Concat:
            return in_atom(opaque(Op.EQ, a, b, 1), rs.single(1))
        found.append(equal(x, y))
    return all_of(*found)


def less(a: Term, b: Term, or_equal: bool) -> Formula:
    """Unsigned order of two terms of one width."""
    width = a.width
    if b.__class__ is K:
        high = b.value if or_equal else b.value - 1
        return member(a, ((0, high),)) if high >= 0 else FALSE
    if a.__class__ is K:
        low = a.value if or_equal else a.value + 1
        return member(b, ((low, (1 << width) - 1),)) if low < 1 << width else FALSE
    if a == b:
        return always(or_equal)
    la, lb = linear_of(a), linear_of(b)
    if la is None or lb is None:
        return in_atom(opaque(Op.LE if or_equal else Op.LT, a, b, 1), rs.single(1))
    return at_most_zero(plus(minus(la, lb), (0 if or_equal else 1, ())))


def truth(term: Term) -> Formula:
    """A one-bit term as a formula."""
    return term.formula if term.__class__ is Truth else member(term, rs.single(1))


def as_term(f: Formula) -> Term:
    """A formula as a one-bit term."""
    return K(int(f.holds), 1) if f.__class__ is Always else Truth(f)
