"""The constraint store: what is known of the symbols on one path, and whether it can all be true.

Per atom a set of values; equalities with offsets by substitution; disequalities; linear inequalities over the
integers (lengths); and disjunctions that are not decided yet. "Cannot be true" is always exact; "can be true" may be
too generous (the caller marks nothing: every yes is replayed on a concrete packet, every safe looks at all paths).
"""

from collections import Counter
from collections.abc import Mapping
from math import gcd
from typing import TypeAlias

from innet.symbolic import ranges as rs
from innet.symbolic.formulas import any_of, at_most_zero, in_atom, negate
from innet.symbolic.ranges import Ranges
from innet.symbolic.terms import (
    FALSE,
    TRUE,
    All,
    Always,
    AnyOf,
    AtMostZero,
    Atom,
    Formula,
    In,
    Linear,
    Same,
    Slice,
    Sym,
    plus,
)
from innet.symbolic.work import Work, unlimited

Part: TypeAlias = tuple[int, int, Ranges]
"""Bits of an atom: the first one, how many, and what they may be."""

MAX_CHOICES = 400
"""How many disjuncts a feasibility search may try before it settles for "can be true"."""
MAX_INEQUALITIES = 120
MAX_DIGITS = 4000


def _opposite(atoms: tuple[tuple[Atom, int], ...]) -> tuple[tuple[Atom, int], ...]:
    return tuple((a, -c) for a, c in atoms)


class Store:
    """Constraints of one path. `assume` adds to it and says False once nothing can satisfy it."""

    __slots__ = (
        "_changed", "_consistent", "_met", "clauses", "domains", "inequalities", "sliced", "substitution", "unequal",
        "work",
    )  # fmt: skip

    def __init__(self) -> None:
        self.domains: dict[Atom, Ranges] = {}
        self.substitution: dict[Atom, tuple[Atom, int]] = {}
        self.unequal: tuple[tuple[Atom, Atom, int], ...] = ()
        self.inequalities: tuple[Linear, ...] = ()
        self.clauses: tuple[AnyOf, ...] = ()
        self.sliced: tuple[Slice, ...] = ()
        self.work = unlimited()
        """What asking this store, and those that are forked from it, is charged to."""
        self._changed: set[Atom] | None = set()
        """The atoms that a fact has just told something of; None: any."""
        self._consistent: object = None
        """The inequalities with their atoms' sets that were last found consistent."""
        self._met: Mapping[Atom, tuple[Ranges, list[Part]]] = {}
        """For atoms, the sets of them and of their parts that some value was last found to meet."""

    def fork(self, work: Work | None = None) -> "Store":
        """A copy to go on with; it is charged to `work`, or to whatever this one is charged to."""
        work = work or self.work
        work.spend(12 + (len(self.domains) + len(self.substitution) >> 2))
        other = Store.__new__(Store)
        other.domains, other.substitution = dict(self.domains), dict(self.substitution)
        other.unequal, other.inequalities = self.unequal, self.inequalities
        other.clauses, other.sliced = self.clauses, self.sliced
        other._consistent, other._met = self._consistent, self._met
        other.work = work
        other._changed = set()
        return other

    # ---- looking

    def find(self, atom: Atom) -> tuple[Atom, int]:
        """The atom that stands for `atom`'s class, and what to add to it."""
        by = 0
        while (step := self.substitution.get(atom)) is not None:
            atom, by = step[0], by + step[1] & (1 << atom.width) - 1
        if atom.__class__ is Slice and self.substitution:
            base, k = self.find(atom.base)
            if k == 0 and base is not atom.base and not isinstance(base, Slice):
                return Slice(base, atom.low, atom.width), by
        return atom, by

    def domain(self, atom: Atom) -> Ranges:
        """The values that `atom` may have, as far as its own set says."""
        if atom.__class__ is Sym and atom not in self.substitution:
            own = self.domains.get(atom)
            return rs.full(atom.width) if own is None else own
        rep, by = self.find(atom)
        found = self.domains.get(rep)
        if rep.__class__ is Slice and (base := self.domains.get(rep.base)) is not None:
            part = rs.bits(base, rep.low, rep.width)
            # should the two contradict each other, `feasible` says so
            found = part if found is None else rs.intersect(found, part) or found
        if found is None:
            return rs.full(atom.width)
        return rs.shift(found, by, atom.width) if by else found

    def bounds(self, linear: Linear) -> tuple[int, int]:
        """Least and greatest value of a sum, by its atoms' sets."""
        low = high = linear[0]
        for atom, c in linear[1]:
            d = self.domain(atom)
            first, last = d[0][0], d[-1][1]
            low, high = (low + c * first, high + c * last) if c > 0 else (low + c * last, high + c * first)
        return low, high

    def status(self, f: Formula) -> bool | None:
        """True or False if the sets alone decide `f`, None if they do not."""
        if isinstance(f, In):  # the commonest one, without a pattern
            return rs.within(self.domain(f.atom), f.ranges)
        match f:
            case Always(holds=known):
                return known
            case Same(left=left, right=right, offset=offset, equal=equal):
                (a, j), (b, k) = self.find(left), self.find(right)
                width = left.width
                shift = (k + offset - j) % (1 << width)
                if a == b:
                    return (shift == 0) is equal
                da, db = self.domain(left), rs.shift(self.domain(right), offset, width)
                if not rs.intersect(da, db):
                    return not equal
                if rs.size(da) == 1 and da == db:
                    return equal
                for x, y, n in self.unequal:
                    if (x, y, n) == (a, b, shift) or (x, y, n) == (b, a, -shift % (1 << width)):
                        return not equal
                return None
            case AtMostZero(linear=linear):
                const, atoms = linear = self.canonical(linear)
                low, high = self.bounds(linear)
                if high <= 0 or low > 0:
                    return high <= 0
                self.work.left -= len(self.inequalities) >> 3
                for bound, same in self.inequalities:
                    if same == atoms and bound >= const:
                        return True
                    if len(same) == len(atoms) and bound + const > 0 and same == _opposite(atoms):
                        return False
                return None
            case All(parts=parts):
                found = [self.status(p) for p in parts]
                return False if False in found else None if None in found else True
            case AnyOf(parts=parts):
                found = [self.status(p) for p in parts]
                return True if True in found else None if None in found else False
        raise AssertionError(f)

    def canonical(self, linear: Linear) -> Linear:
        """The sum over representatives (offsets that may wrap keep their own atom)."""
        if not self.substitution:
            return linear
        total: Linear = (linear[0], ())
        for atom, c in linear[1]:
            rep, by = self.find(atom)
            total = plus(total, (0, ((rep if by == 0 else atom, c),)))
        return total

    # ---- assuming

    def assume(self, f: Formula) -> bool:
        """Add `f`; False if that is impossible (the store is then useless)."""
        known = len(self.clauses)
        self._changed = set()
        if not self._add(f):
            return False
        return self._settle(known)

    def _add(self, f: Formula) -> bool:
        if isinstance(f, In):
            return self._restrict(f.atom, f.ranges)
        match f:
            case Always(holds=known):
                return known
            case Same():
                return self._relate(f)
            case AtMostZero(linear=linear):
                return self._bound(linear)
            case All(parts=parts):
                for part in parts:  # noqa: SIM110 - this is asked for very often
                    if not self._add(part):
                        return False
                return True
            case AnyOf():
                self.clauses = (*self.clauses, f)
                return True
        raise AssertionError(f)

    def _restrict(self, atom: Atom, ranges: Ranges) -> bool:
        rep, by = self.find(atom)
        if by:
            ranges = rs.shift(ranges, -by, atom.width)
        current = self.domain(rep)
        self.work.spend(1 + (len(current) + len(ranges) >> 5))
        new = rs.intersect(current, ranges)
        if not new:
            return False
        if new is not current and new != current:
            self.domains[rep] = new
            if self._changed is not None:
                self._changed.add(rep)
                if rep.__class__ is Slice:
                    self._changed.add(rep.base)
            if rep.__class__ is Slice and rep not in self.sliced:
                self.sliced = (*self.sliced, rep)
        return True

    def _relate(self, f: Same) -> bool:
        (a, j), (b, k) = self.find(f.left), self.find(f.right)
        width = f.left.width
        top = 1 << width
        by = (k + f.offset - j) % top  # a == b + by
        if a == b:
            return (by == 0) is f.equal
        da, db = self.domain(a), self.domain(b)
        if f.equal:
            both = rs.intersect(da, rs.shift(db, by, width))
            if not both:
                return False
            if a.__class__ is Slice and b.__class__ is not Slice:
                a, b, by = b, a, -by % top
                both = rs.shift(both, by, width)
            self.substitution[a] = (b, by)
            self._changed = None
            self.domains.pop(a, None)
            self.domains[b] = rs.shift(both, -by, width)
            self.inequalities = tuple(self.canonical(linear) for linear in self.inequalities)
            pending, self.unequal = self.unequal, ()
            return all(self._relate(Same(x, y, n, False)) for x, y, n in pending)
        if rs.size(da) == 1:
            return self._restrict(b, rs.complement(rs.single((da[0][0] - by) % top), width))
        if rs.size(db) == 1:
            return self._restrict(a, rs.complement(rs.single((db[0][0] + by) % top), width))
        if rs.intersect(da, rs.shift(db, by, width)):
            self.unequal = (*self.unequal, (a, b, by))
        return True

    def _bound(self, linear: Linear) -> bool:
        linear = self.canonical(linear)
        low, high = self.bounds(linear)
        if high <= 0:
            return True
        if low > 0:
            return False
        exact = at_most_zero(linear)
        if not isinstance(exact, AtMostZero):
            return self._add(exact)
        if linear not in self.inequalities:
            self.inequalities = (*self.inequalities, linear)
        return self._tighten(linear, low)

    def _tighten(self, linear: Linear, low: int) -> bool:
        """Bounds that one inequality puts on each of its atoms."""
        for atom, c in linear[1]:
            d = self.domain(atom)
            first, last = d[0][0], d[-1][1]
            rest = low - (c * first if c > 0 else c * last)
            if c > 0 and -rest // c < last:
                if not self._restrict(atom, rs.normal([(0, -rest // c)])):
                    return False
            elif c < 0 and (bound := -(-rest // -c) if rest > 0 else 0) > first:
                limit = (1 << atom.width) - 1
                if bound > limit or not self._restrict(atom, ((bound, limit),)):
                    return False
        return True

    def _settle(self, known: int) -> bool:
        """Decide disjunctions and disequalities that the sets decide now. Of the first `known` disjunctions only those
        are looked at that speak of something that has changed; the others stay, to be decided when it matters."""
        again = True
        while again:
            again = False
            if self.clauses:
                left: list[AnyOf] = []
                clauses, self.clauses = self.clauses, ()
                changed, self._changed = self._changed, set()
                for n, clause in enumerate(clauses):
                    if n < known and changed is not None and changed.isdisjoint(clause.atoms()):
                        left.append(clause)
                        continue
                    rest = self._reduce(clause)
                    if rest is FALSE:
                        return False
                    if rest is TRUE:
                        continue
                    if isinstance(rest, AnyOf):
                        left.append(rest)
                    else:
                        again = True
                        if not self._add(rest):
                            return False
                known = len(left)
                self.clauses = (*left, *self.clauses)
            if self.unequal:
                pending, self.unequal = self.unequal, ()
                for x, y, n in pending:
                    if not self._relate(Same(x, y, n, False)):
                        return False
        return True

    def _reduce(self, clause: AnyOf) -> Formula:
        parts: list[Formula] = []
        self.work.spend(3 * len(clause.parts))
        for part in clause.parts:
            decided = self.status(part)
            if decided is True:
                return TRUE
            if decided is None:
                parts.append(part)
        if len(parts) == len(clause.parts):
            return clause
        return any_of(*parts)

    # ---- deciding

    def feasible(self) -> bool:
        """Whether all that was assumed can be true together."""
        return self._feasible([MAX_CHOICES])

    def _feasible(self, budget: list[int]) -> bool:
        self.work.spend(1 + len(self.sliced) + len(self.unequal))
        if self.inequalities and not self._linear_feasible():
            return False
        if self.sliced and not self._slices_feasible():
            return False
        if self.unequal and not self._unequal_feasible():
            return False
        if self.inequalities and self.substitution:
            wrapping = self._wrapping()
            if wrapping is not None:
                budget[0] -= 1
                cases = (self._unwrapped(*wrapping, over) for over in (False, True))
                return budget[0] < 0 or any(case is not None and case._feasible(budget) for case in cases)
        for atom in self.substitution:
            if atom.__class__ is Slice and not self._part_feasible(atom):
                return False
        if not self.clauses:
            return True
        clause = min(self.clauses, key=lambda c: len(c.parts))
        parts: tuple[Formula, ...] = clause.parts
        self.work.spend(sum([len(c.parts) for c in self.clauses]) >> 1)
        if len(self.clauses) > 1:  # first what settles most of them
            asked = Counter(part for other in self.clauses for part in other.parts)
            parts = tuple(sorted(parts, key=lambda part: -asked[part]))
        taken: list[Formula] = []
        for part in parts:
            budget[0] -= 1
            if budget[0] < 0:
                return True
            trial = self.fork()
            trial.clauses = tuple(c for c in self.clauses if c is not clause)
            if trial.assume(part) and all(trial.assume(negate(t)) for t in taken) and trial._feasible(budget):
                return True
            if not isinstance(part, All):
                taken.append(part)
        return False

    def _wrapping(self) -> tuple[Atom, int] | None:
        """An atom that another in a sum is offset from, and by how much, modulo its width."""
        for _, parts in self.inequalities:
            for atom, _ in parts:
                if atom in self.substitution:
                    rep, offset = self.find(atom)
                    if offset:
                        return rep, offset
        return None

    def _unwrapped(self, rep: Atom, offset: int, over: bool) -> "Store | None":
        """The same where `rep` and `offset` together exceed the width, or do not: then what is so far from `rep` is a
        sum like others. None if that cannot be."""
        size = 1 << rep.width
        values = ((size - offset, size - 1),) if over else ((0, size - offset - 1),)
        trial = self.fork()
        if not trial.assume(in_atom(rep, values)):
            return None
        shift = offset - size if over else offset
        sums = []
        for const, parts in trial.inequalities:
            total: Linear = (const, ())
            for atom, c in parts:
                far = trial.find(atom) == (rep, offset)
                total = plus(total, (c * shift, ((rep, c),)) if far else (0, ((atom, c),)))
            sums.append(total)
        trial.inequalities = tuple(sums)
        return trial

    def allows(self, f: Formula) -> bool:
        """Whether `f` can be true beside all that was assumed."""
        decided = self.status(f)
        if decided is False:
            return False
        if decided is True and not self.clauses:
            return True
        trial = self.fork()
        return trial.assume(f) and trial.feasible()

    def entails(self, f: Formula) -> bool:
        """Whether `f` must be true."""
        decided = self.status(f)
        if decided is not None:
            return decided
        return not self.allows(negate(f))

    def _linear_feasible(self) -> bool:
        """Fourier-Motzkin elimination over the rationals: an empty result is exact."""
        if len(self.inequalities) == 1:
            return self.bounds(self.canonical(self.inequalities[0]))[0] <= 0
        sums = self.inequalities
        self.work.left -= len(sums)
        place = {a: n for n, a in enumerate(dict.fromkeys(a for _, parts in sums for a, _ in parts))}
        hulls = [(d[0][0], d[-1][1]) for d in map(self.domain, place)]
        question = (self.inequalities, hulls, len(self.substitution))
        if question == self._consistent:
            return True
        rows: dict[tuple[int, ...], int] = {}
        for const, parts in sums:
            vector = [0] * len(place)
            for atom, c in parts:
                vector[place[atom]] = c
            if not parts and const > 0:
                return False
            divisor = gcd(*vector)
            if divisor > 1:  # whole numbers: what is left over is rounded
                vector, const = [c // divisor for c in vector], -(-const // divisor)
            key = tuple(vector)
            rows[key] = max(const, rows.get(key, const))
        if not eliminate(rows, hulls, self.work):
            return False
        self._consistent = question
        return True

    def _part_feasible(self, part: Slice) -> bool:
        """Whether what stands for `part` of a symbol may be what the symbol has there."""
        whole = self.domain(part.base)
        return bool(rs.intersect(rs.bits(whole, part.low, part.width), self.domain(part)))

    def _slices_feasible(self) -> bool:
        """For each symbol whose parts are restricted: whether some value of the whole meets every set."""
        bases: dict[Atom, list[Part]] = {}
        summed = self._summed() if self.inequalities else {}
        for part in self.sliced:
            rep, _ = self.find(part)
            d = self.domains.get(part) or self.domains.get(rep)
            if d is not None and isinstance(rep, Slice):
                if rep in summed:
                    d = self._left(rep, d, summed[rep])
                bases.setdefault(rep.base, []).append((rep.low, rep.width, d))
        for base, parts in bases.items():
            whole = self.domain(base)
            if base in summed:
                whole = self._left(base, whole, summed[base])
            if self._met.get(base) == (whole, parts):
                continue
            if not whole or not meets(base.width, whole, parts, self.work):
                return False
            self._met = {**self._met, base: (whole, parts)}
        return True

    def _summed(self) -> dict[Atom, list[tuple[int, int]]]:
        """For symbols whose parts are restricted, and for these: how often inequalities count them, and the least value
        that each of the sums may have."""
        asked = {
            atom
            for part in self.sliced
            if isinstance(rep := self.find(part)[0], Slice)
            for atom in (rep, rep.base)
        }
        found: dict[Atom, list[tuple[int, int]]] = {}
        for linear in self.inequalities:
            counted = [(atom, c) for atom, c in linear[1] if atom in asked]
            if counted:
                self.work.left -= len(linear[1])
                least = self.bounds(linear)[0]
                for atom, c in counted:
                    found.setdefault(atom, []).append((c, least))
        return found

    def _left(self, atom: Atom, found: Ranges, sums: list[tuple[int, int]]) -> Ranges:
        """Of the values `found` those that none of the sums rules out by itself: each counts the atom so often, and has
        this least value, where the atom has its least or, counted down, its greatest."""
        d = self.domain(atom)
        first, last = 0, (1 << atom.width) - 1
        for c, least in sums:
            rest = least - (c * d[0][0] if c > 0 else c * d[-1][1])
            if c > 0:
                last = min(last, -rest // c)
            else:
                first = max(first, -(-rest // -c))
        return rs.intersect(found, ((first, last),)) if first <= last else rs.EMPTY

    def _apart(self, a: Atom, b: Atom) -> int | None:
        """What `a - b` is, where two inequalities leave one number."""
        least: list[int] = []
        most: list[int] = []
        for const, parts in self.inequalities:
            if len(parts) == 2:
                c, d = dict(parts).get(a), dict(parts).get(b)
                if c == 1 and d == -1:
                    most.append(-const)
                elif c == -1 and d == 1:
                    least.append(const)
        return max(least) if least and most and max(least) == min(most) else None

    def _unequal_feasible(self) -> bool:
        """Small sets that must all differ: a search; large ones always can."""
        edges: dict[Atom, int] = {}
        for a, b, k in self.unequal:
            apart = self._apart(a, b)
            if apart is not None and (apart - k) % (1 << a.width) == 0:
                return False
            edges[a], edges[b] = edges.get(a, 0) + 1, edges.get(b, 0) + 1
        tight = [a for a, n in edges.items() if rs.size(self.domain(a)) <= n]
        if not tight:
            return True
        order = sorted(edges, key=lambda a: rs.size(self.domain(a)))
        chosen: dict[Atom, int] = {}
        budget = [MAX_DIGITS]

        def search(n: int) -> bool:
            if n == len(order):
                return True
            atom = order[n]
            for value in rs.values(self.domain(atom)):
                self.work.spend(1 + len(self.unequal))
                budget[0] -= 1
                if budget[0] < 0:
                    return True
                chosen[atom] = value
                if all(
                    (chosen[a] - chosen[b] - k) % (1 << a.width) != 0
                    for a, b, k in self.unequal
                    if a in chosen and b in chosen
                ) and search(n + 1):
                    return True
                del chosen[atom]
            return False

        return search(0)


def eliminate(rows: dict[tuple[int, ...], int], hulls: list[tuple[int, int]], work: Work) -> bool:
    """Whether numbers within `hulls` can make every sum (coefficients to constant) at most zero.

    Fourier-Motzkin elimination over the rationals: False is exact. True also when it grows too large.
    """
    columns = list(range(len(hulls)))
    while columns:

        def cost(n: int) -> int:
            signs = [key[n] for key in rows if key[n]]  # noqa: B023 - called at once
            below = sum(1 for c in signs if c < 0)
            return (below + 1) * (len(signs) - below + 1)

        n = min(columns, key=cost)
        columns.remove(n)
        first, last = hulls[n]
        zeros = [0] * len(hulls)
        unit_low, unit_high = zeros.copy(), zeros.copy()
        unit_low[n], unit_high[n] = -1, 1
        lower = [(key, c) for key, c in rows.items() if key[n] < 0]
        upper = [(key, c) for key, c in rows.items() if key[n] > 0]
        rows = {key: c for key, c in rows.items() if not key[n]}
        lower.append((tuple(unit_low), first))
        upper.append((tuple(unit_high), -last))
        work.spend(len(lower) * len(upper) * (1 + (len(hulls) >> 2)))
        for low, low_const in lower:
            q = -low[n]
            for up, up_const in upper:
                p = up[n]
                key = tuple(q * a + p * b for a, b in zip(up, low, strict=True))
                const = up_const * q + low_const * p
                divisor = gcd(*key)
                if divisor == 0:
                    if const > 0:
                        return False
                    continue
                if divisor > 1:
                    key = tuple(a // divisor for a in key)
                    const = -(-const // divisor)
                greatest = const + sum(
                    a * hulls[k][1] if a > 0 else a * hulls[k][0] for k, a in enumerate(key) if a
                )
                if greatest <= 0:
                    continue  # holds for all numbers within the hulls
                known = rows.get(key)
                if known is None or const > known:
                    rows[key] = const
        if len(rows) > MAX_INEQUALITIES:
            return True
    return True


def meets(width: int, whole: Ranges, parts: list[Part], work: Work) -> bool:
    """Whether there is a number as `find_value` finds one. True also if that takes too long."""
    work.spend(1 + len(parts))
    for value in (whole[0][0], whole[-1][1]):  # often one that is near them
        for at, n, allowed in parts:
            if allowed and not rs.contains(allowed, value >> at & (1 << n) - 1):
                value += allowed[0][0] - (value >> at & (1 << n) - 1) << at
        if rs.contains(whole, value) and all(
            rs.contains(allowed, value >> at & (1 << n) - 1) for at, n, allowed in parts
        ):
            return True
    return find_value(width, whole, parts, work) is not None


def find_value(width: int, whole: Ranges, parts: list[Part], work: Work) -> int | None:
    """A number in `whole` whose bits [low, low + n) are in each part's set; None if there is none.

    Searches from the most significant bit down. Gives a member of `whole` alone when it takes too long.
    """
    if len(parts) == 1 and whole == rs.full(width):
        at, _, allowed = parts[0]
        return allowed[0][0] << at if allowed else None
    budget = [MAX_DIGITS]
    free: set[int] = set()  # bits that nothing asks about
    if whole == rs.full(width):
        free = set(range(width)).difference(*(range(at, at + n) for at, n, _ in parts))

    def possible(prefix: int, known: int) -> bool:
        """Whether the numbers that start with `prefix` (its low `known` bits undecided) can meet every set."""
        low, high = prefix, prefix | (1 << known) - 1
        if not rs.intersect(whole, ((low, high),)):
            return False
        for at, n, allowed in parts:
            if known <= at:
                if not rs.contains(allowed, prefix >> at & (1 << n) - 1):
                    return False
            elif known < at + n:
                first = prefix >> at & (1 << n) - 1
                if not rs.intersect(allowed, ((first, first | (1 << known - at) - 1),)):
                    return False
        return True

    def search(prefix: int, known: int) -> int | None:
        work.spend(1 + len(parts))
        budget[0] -= 1
        if budget[0] < 0:
            return whole[0][0]
        if not possible(prefix, known):
            return None
        if known == 0:
            return prefix
        found = search(prefix, known - 1)
        if found is not None or known - 1 in free:
            return found
        return search(prefix | 1 << known - 1, known - 1)

    return search(0, width)


__all__ = ["Store", "find_value", "in_atom", "meets"]
