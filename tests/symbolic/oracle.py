"""z3's opinion on what the constraint store says: the same questions as bit vectors.

An opaque value of the store is an unknown here too, the same for the same operation on the same values, as in the
store. Sums are over the integers: vectors wide enough for the largest one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import z3

from innet.symbolic import ranges as rs
from innet.symbolic.formulas import all_of, any_of, at_most_zero, equal, less, member, negate
from innet.symbolic.ranges import Ranges
from innet.symbolic.store import Store
from innet.symbolic.terms import (
    TRUE,
    All,
    Always,
    AnyOf,
    AtMostZero,
    Atom,
    Fn,
    Formula,
    In,
    K,
    Linear,
    Same,
    Slice,
    Sym,
    add,
    concat,
    slice_of,
)

TIMEOUT_MS = 5_000


@dataclass(frozen=True)
class Query:
    """A store as it was asked, whether with one more fact, and what it answered."""

    store: Store
    feasible: bool
    fact: Formula = TRUE


class Oracle:
    """The store's constraints for z3."""

    def __init__(self) -> None:
        self.names: dict[Atom, z3.BitVecRef] = {}

    def atom(self, atom: Atom) -> z3.BitVecRef:
        """The vector that stands for an atom."""
        if isinstance(atom, Slice):
            return z3.Extract(atom.low + atom.width - 1, atom.low, self.atom(atom.base))
        found = self.names.get(atom)
        if found is None:
            found = self.names[atom] = z3.BitVec(f"v{len(self.names)}", atom.width)
        return found

    def member(self, atom: Atom, ranges: Ranges) -> z3.BoolRef:
        v = self.atom(atom)
        return z3.Or(*(z3.And(z3.UGE(v, low), z3.ULE(v, high)) for low, high in ranges))

    def same(self, left: Atom, right: Atom, offset: int) -> z3.BoolRef:
        return self.atom(left) == self.atom(right) + z3.BitVecVal(offset, left.width)

    def at_most_zero(self, linear: Linear) -> z3.BoolRef:
        const, parts = linear
        size = 2 + (abs(const) + sum(abs(c) << a.width for a, c in parts)).bit_length()
        total = z3.BitVecVal(const, size)
        for a, c in parts:
            total = total + z3.ZeroExt(size - a.width, self.atom(a)) * z3.BitVecVal(c, size)
        return total <= 0

    def formula(self, f: Formula) -> z3.BoolRef:
        match f:
            case Always(holds=known):
                return z3.BoolVal(known)
            case In(atom=atom, ranges=ranges):
                return self.member(atom, ranges)
            case Same(left=left, right=right, offset=offset, equal=same):
                found = self.same(left, right, offset)
                return found if same else z3.Not(found)
            case AtMostZero(linear=linear):
                return self.at_most_zero(linear)
            case All(parts=parts):
                return z3.And(*map(self.formula, parts))
            case AnyOf(parts=parts):
                return z3.Or(*map(self.formula, parts))
        raise AssertionError(f)

    def known(self, store: Store) -> Iterator[z3.BoolRef]:
        """All that a store knows."""
        for atom, ranges in store.domains.items():
            yield self.member(atom, ranges)
        for a, (b, by) in store.substitution.items():
            yield self.same(a, b, by)
        for a, b, by in store.unequal:
            yield z3.Not(self.same(a, b, by))
        for linear in store.inequalities:
            yield self.at_most_zero(linear)
        for clause in store.clauses:
            yield self.formula(clause)


def possible(query: Query) -> bool | None:
    """Whether all that a store knows can be true together, says z3; None if it cannot tell in time."""
    solver, oracle = z3.Solver(), Oracle()
    solver.set("timeout", TIMEOUT_MS)
    solver.add(*oracle.known(query.store), oracle.formula(query.fact))
    found = solver.check()
    return None if found == z3.unknown else bool(found == z3.sat)


def possible_together(facts: Sequence[Formula]) -> bool | None:
    """Whether the facts can be true together, says z3."""
    solver, oracle = z3.Solver(), Oracle()
    solver.set("timeout", TIMEOUT_MS)
    solver.add(*map(oracle.formula, facts))
    found = solver.check()
    return None if found == z3.unknown else bool(found == z3.sat)


@contextmanager
def asked(take: Callable[[Query], None]) -> Iterator[None]:
    """Everything that stores are asked meanwhile, as it was when they were asked, and every eighth fact that they take
    or refuse."""
    feasible, assume = Store.feasible, Store.assume
    facts = 0

    def noted(self: Store) -> bool:
        before = self.fork()
        found = feasible(self)
        take(Query(before, found))
        return found

    def assumed(self: Store, f: Formula) -> bool:
        nonlocal facts
        facts += 1
        if facts % 8:
            return assume(self, f)
        before = self.fork()
        found = assume(self, f)
        if not found:
            take(Query(before, False, f))
        return found

    Store.feasible, Store.assume = noted, assumed  # type: ignore[method-assign]
    try:
        yield
    finally:
        Store.feasible, Store.assume = feasible, assume  # type: ignore[method-assign]


# ---- questions at random, as packets give them: fields of many widths, prefixes, lengths

WIDTHS = (1, 4, 8, 13, 16, 16, 32, 32)


def symbols(random: Random, count: int) -> list[Sym]:
    """Fields with names."""
    return [Sym(f"s{n}", random.choice(WIDTHS)) for n in range(count)]


def number(random: Random, width: int) -> int:
    """A number near a corner, or any."""
    top = (1 << width) - 1
    return min(max(random.choice((0, 1, 2, top, top - 1, top // 2, random.randint(0, top))), 0), top)


def some_ranges(random: Random, width: int) -> Ranges:
    """A prefix, a few ranges, or all but them."""
    if random.random() < 0.4:
        n = random.randint(0, width)
        low = number(random, width) >> n << n
        found = rs.normal([(low, low | (1 << n) - 1)])
    else:
        pairs = (sorted((number(random, width), number(random, width))) for _ in range(random.randint(1, 3)))
        found = rs.normal((a, b) for a, b in pairs)
    return rs.complement(found, width) if random.random() < 0.3 else found


def fact(random: Random, known: Sequence[Sym], depth: int = 2) -> Formula:
    """A condition on some of the symbols."""
    if depth and random.random() < 0.45:
        parts = [fact(random, known, depth - 1) for _ in range(random.randint(2, 4))]
        return random.choice([all_of, any_of, any_of])(*parts)
    a = random.choice(known)
    alike = [s for s in known if s.width == a.width]
    b = random.choice(alike)
    k = K(number(random, a.width), a.width)
    match random.randrange(8):
        case 0 | 1:
            return member(a, some_ranges(random, a.width))
        case 2:
            return equal(add(a, k), b)
        case 3:
            return negate(equal(add(a, k), b))
        case 4:
            return less(a, b, random.random() < 0.5)
        case 5 if a.width > 1:
            size = random.randint(1, a.width - 1)
            return member(slice_of(a, random.randint(0, a.width - size), size), some_ranges(random, size))
        case 6 if len(alike) > 1:
            return member(concat([a, b]), some_ranges(random, 2 * a.width))
    other = random.choice(known)
    parts: dict[Any, int] = {}
    for sym in (a, other):
        parts[sym] = parts.get(sym, 0) + random.choice((-4, -1, 1, 2))
    linear = tuple((s, c) for s, c in parts.items() if c)
    return at_most_zero((random.randint(-3000, 3000), linear))


__all__ = ["Fn", "Query", "asked", "fact", "possible", "possible_together", "symbols"]
