"""From constraints to numbers: a value for every symbol, so that a path gets a concrete packet that takes it.

A search with preferences (an ordinary small packet, right checksums), not a decision procedure: it may fail although
there is a solution. Whatever it finds is checked against every constraint.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from innet.symbolic import ranges as rs
from innet.symbolic.evaluation import Known, Unbound, evaluate, holds
from innet.symbolic.formulas import in_atom, negate
from innet.symbolic.ranges import Ranges
from innet.symbolic.store import Store, find_value
from innet.symbolic.terms import All, AtMostZero, Atom, Blob, Concat, Fn, Formula, Lin, Same, Slice, Sym

MAX_TRIES = 120
MAX_HASHED = 2
MAX_ANYTHING = 24


def satisfied(store: Store, values: Mapping[Sym, int], blobs: Mapping[Blob, bytes]) -> bool:
    """Whether the numbers meet every constraint of the store. Raises `Unbound` if one of its symbols has none."""
    known: Known = {}
    return (
        all(
            rs.contains(domain, evaluate(atom, values, blobs, known))
            for atom, domain in store.domains.items()
        )
        and all(holds(Same(a, b, k, True), values, blobs, known) for a, (b, k) in store.substitution.items())
        and all(holds(Same(a, b, k, False), values, blobs, known) for a, b, k in store.unequal)
        and all(holds(AtMostZero(linear), values, blobs, known) for linear in store.inequalities)
        and all(holds(clause, values, blobs, known) for clause in store.clauses)
    )


def choices(store: Store) -> Iterator[Store]:
    """The store without disjunctions: one for each way to decide them that is not impossible."""
    if not store.clauses:
        yield store
        return
    clause = min(store.clauses, key=lambda c: len(c.parts))
    before: list[Formula] = []
    for part in clause.parts:
        trial = store.fork()
        trial.clauses = tuple(c for c in store.clauses if c is not clause)
        if trial.assume(part) and all(trial.assume(negate(b)) for b in before) and trial.feasible():
            yield from choices(trial)
        if not isinstance(part, All):
            before.append(part)


def solve(
    store: Store, order: Sequence[Sym], preferred: Mapping[Sym, Iterable[int]]
) -> Iterator[dict[Sym, int]]:
    """Values for the symbols of `order` (and any other the store knows) that the store does not rule out."""
    more: list[tuple[Store, list[Sym]]] = []
    tries = [MAX_TRIES]
    for decided in choices(store):
        extra = [a for a in _symbols(decided) if a not in order]
        hashed = _hashed(decided)
        # what a hash depends on varies first: nothing but trying tells whether it comes out right
        order = [s for s in order if s not in hashed] + [s for s in order if s in hashed]
        every = [*extra, *order] if hashed else [*order, *extra]
        yield from _assign(decided, every, 0, _wide(preferred, hashed), {}, tries, _tied(decided))
        others = hashed.difference(every)
        if others:  # bytes that were left as they happened to be
            more.append((decided, [*every, *sorted(others, key=lambda s: s.order)]))
        if tries[0] <= 0:
            break
    tries = [MAX_TRIES]
    for decided, every in more:
        yield from _assign(decided, every, 0, _wide(preferred, _hashed(decided)), {}, tries, _tied(decided))


def _wide(preferred: Mapping[Sym, Iterable[int]], hashed: Iterable[Sym]) -> Mapping[Sym, Iterable[int]]:
    """What to try, and anything of what a hash depends on."""
    return {**preferred, **{s: [*preferred.get(s, ()), *_anything(s)] for s in hashed}}


def _hashed(store: Store) -> set[Sym]:
    """The symbols on which restricted opaque values depend that depend on one or two."""
    found: set[Sym] = set()
    for one in functions(store):
        inputs = _inputs(one)
        if len(inputs) <= MAX_HASHED:
            found |= inputs
    return found


def _inputs(value: Fn) -> set[Sym]:
    """The symbols that an opaque value is computed from."""
    found: set[Sym] = set()
    todo: list[object] = [value]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        match one:
            case Sym() as sym:
                found.add(sym)
            case Slice(base=base):
                todo.append(base)
            case Fn(args=args):
                todo += args
            case Lin(linear=(_, parts)):
                todo += [atom for atom, _ in parts]
            case Concat(parts=inner):
                todo += inner
    return found


def _tied(store: Store) -> set[Atom]:
    """The atoms of which more is known than what is in their own sets; of slices, what they are slices of."""
    found: set[Atom] = set()
    for atom, (rep, _) in store.substitution.items():
        found.update((atom, rep))
    for a, b, _ in store.unequal:
        found.update((a, b))
    for _, parts in store.inequalities:
        found.update(atom for atom, _ in parts)
    found.update(store.sliced)
    return found | {atom.base for atom in found if isinstance(atom, Slice)}


def _anything(sym: Sym) -> Iterator[int]:
    """Numbers to try, the same each time."""
    dice = Random(sym.name)
    return (dice.getrandbits(sym.width) for _ in range(MAX_ANYTHING))


def _symbols(store: Store) -> list[Sym]:
    found: dict[Sym, None] = {}

    def visit(atom: Atom) -> None:
        if isinstance(atom, Sym):
            found[atom] = None
        elif isinstance(atom, Slice):
            visit(atom.base)

    for atom in (*store.domains, *store.substitution):
        visit(atom)
    for rep, _ in store.substitution.values():
        visit(rep)
    for a, b, _ in store.unequal:
        visit(a)
        visit(b)
    for _, parts in store.inequalities:
        for atom, _ in parts:
            visit(atom)
    return list(found)


def _assign(
    store: Store,
    order: list[Sym],
    at: int,
    preferred: Mapping[Sym, Iterable[int]],
    values: dict[Sym, int],
    tries: list[int],
    tied: set[Atom],
) -> Iterator[dict[Sym, int]]:
    if at == len(order):
        tries[0] -= 1
        yield dict(values)
        return
    sym = order[at]
    for value in _candidates(store, sym, preferred.get(sym, ())):
        if tries[0] <= 0:
            return
        tries[0] -= 1
        trial = store
        if sym in tied:
            trial = store.fork()
            if not trial.assume(in_atom(sym, rs.single(value))) or not trial.feasible():
                continue
        values[sym] = value
        yield from _assign(trial, order, at + 1, preferred, values, tries, tied)
        del values[sym]


def _candidates(store: Store, sym: Sym, preferred: Iterable[int]) -> Iterator[int]:
    domain = store.domain(sym)
    rep, _ = store.find(sym)
    parts: list[tuple[int, int, Ranges]] = []
    for part in store.sliced:
        if store.find(part.base)[0] is rep and part in store.domains:
            parts.append((part.low, part.width, store.domains[part]))
    seen: set[int] = set()

    def fits(value: int) -> bool:
        return rs.contains(domain, value) and all(
            rs.contains(allowed, value >> low & (1 << width) - 1) for low, width, allowed in parts
        )

    pool: list[int] = [*preferred]
    if parts:
        found = find_value(sym.width, domain, parts, store.work)
        if found is not None:
            pool.append(found)
    for low, high in (*domain[:3], *domain[-1:]):
        if high - low > 100:
            pool.append(low + 10)
        pool += [low, high, (low + high) // 2]
    for value in pool:
        if value not in seen and fits(value):
            seen.add(value)
            yield value


def functions(store: Store) -> list[Fn]:
    """The opaque values that the store restricts."""
    return [a for a in store.domains if isinstance(a, Fn)]


__all__ = ["Unbound", "choices", "evaluate", "functions", "satisfied", "solve"]
