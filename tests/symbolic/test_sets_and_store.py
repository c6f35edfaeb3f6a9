"""Sets of numbers against Python's sets; the constraint store against every assignment of small symbols."""

from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.symbolic import ranges as rs
from innet.symbolic.evaluation import holds
from innet.symbolic.formulas import all_of, any_of, at_most_zero, equal, less, member, negate
from innet.symbolic.prefixes import outcomes
from innet.symbolic.store import Store, find_value, meets
from innet.symbolic.terms import Formula, K, Sym, add, concat, slice_of
from innet.symbolic.work import unlimited

WIDTH = 4
NUMBERS = st.sets(st.integers(0, 15))


def ranges_of(numbers: set[int]) -> rs.Ranges:
    return rs.normal((n, n) for n in numbers)


@given(NUMBERS, NUMBERS, st.integers(-20, 20))
def test_sets_are_sets(a: set[int], b: set[int], by: int) -> None:
    x, y = ranges_of(a), ranges_of(b)
    assert set(rs.values(rs.intersect(x, y))) == a & b
    assert set(rs.values(rs.union(x, y))) == a | b
    assert set(rs.values(rs.complement(x, WIDTH))) == set(range(16)) - a
    assert set(rs.values(rs.shift(x, by, WIDTH))) == {(n + by) % 16 for n in a}
    assert rs.size(x) == len(a)
    assert all(rs.contains(x, n) == (n in a) for n in range(16))


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 8), st.integers(0, 3)), max_size=12))
def test_longest_prefixes_decide(rows: list[tuple[int, int, int]]) -> None:
    table = [(p >> 8 - n << 8 - n, n, out) for p, n, out in rows]
    found = outcomes(table, 8)
    for address in range(256):
        best = max((n for p, n, _ in table if address >> 8 - n == p >> 8 - n), default=None)
        want = (
            None
            if best is None
            else next(o for p, n, o in table if n == best and address >> 8 - n == p >> 8 - n)
        )
        assert [o for o, r in found.items() if rs.contains(r, address)] == ([] if want is None else [want])


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=12),
    st.sampled_from([(4, 4), (2, 3, 3), (1, 7), (5, 1, 1, 1)]),
)
def test_a_number_made_of_pieces_is_in_a_set(some: list[tuple[int, int]], widths: tuple[int, ...]) -> None:
    ranges = rs.normal((min(pair), max(pair)) for pair in some)
    symbols = [Sym(f"s{n}", width) for n, width in enumerate(widths)]
    formula = member(concat(list(symbols)), ranges)
    for number in range(256):
        values, left = {}, 8
        for symbol in symbols:
            left -= symbol.width
            values[symbol] = number >> left & (1 << symbol.width) - 1
        assert holds(formula, values, {}) == rs.contains(ranges, number)


def test_however_many_halves_of_an_address_a_set_takes_it_stays_exact() -> None:
    high, low = Sym("high", 64), Sym("low", 64)
    networks = rs.normal((n << 65, (n << 65) + (1 << 64) - 1) for n in range(1000))
    formula = member(concat([high, low]), networks)
    assert formula == member(high, rs.normal((n << 1, n << 1) for n in range(1000)))


@given(
    st.sets(st.integers(0, 255)),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3), st.sets(st.integers(0, 7)))),
)
def test_some_number_has_parts_in_these_sets(
    numbers: set[int], parts: list[tuple[int, int, set[int]]]
) -> None:
    whole = ranges_of(numbers)
    wanted = [(at, n, ranges_of({v for v in some if v < 1 << n})) for at, n, some in parts]

    def fits(value: int) -> bool:
        return all(rs.contains(allowed, value >> at & (1 << n) - 1) for at, n, allowed in wanted)

    for among in (whole, rs.full(8)):
        if among:
            possible = any(fits(value) for value in rs.values(among))
            assert meets(8, among, wanted, unlimited()) is possible
            value = find_value(8, among, wanted, unlimited())
            assert (value is not None) is possible
            assert value is None or (rs.contains(among, value) and fits(value))


def random_formula(rng: Random, symbols: list[Sym], depth: int = 2) -> Formula:
    if depth and rng.random() < 0.5:
        parts = [random_formula(rng, symbols, depth - 1) for _ in range(rng.randint(2, 3))]
        return rng.choice([all_of, any_of])(*parts)
    a, b = rng.choice(symbols), rng.choice(symbols)
    k = rng.randrange(16)
    match rng.randrange(7):
        case 0:
            return member(a, ranges_of({rng.randrange(16) for _ in range(rng.randint(1, 8))}))
        case 1:
            return equal(add(a, K(k, WIDTH)), b)
        case 2:
            return negate(equal(add(a, K(k, WIDTH)), b))
        case 3:
            return less(a, b, rng.random() < 0.5)
        case 4:
            return member(slice_of(a, rng.randrange(3), 2), ranges_of({rng.randrange(4)}))
        case 5:
            return at_most_zero((rng.randint(-20, 20), ((a, rng.choice([-2, -1, 1, 3])),)))
    other = next(s for s in symbols if s is not a)
    return at_most_zero(
        (rng.randint(-20, 20), ((a, rng.choice([-2, -1, 1, 3])), (other, rng.choice([-1, 1, 2]))))
    )


@pytest.mark.parametrize("seed", range(8))
def test_what_the_store_calls_impossible_is_impossible(seed: int) -> None:
    """And what it calls entailed, or decided, is so. It may call possible what is not: how often is bounded here."""
    rng = Random(seed)
    symbols = [Sym(name, WIDTH) for name in "abc"]
    generous = total = 0
    for _ in range(120):
        facts = [random_formula(rng, symbols) for _ in range(rng.randint(1, 5))]
        asked = random_formula(rng, symbols, 1)
        solutions = [
            values
            for numbers in product(range(16), repeat=3)
            if all(holds(f, values := dict(zip(symbols, numbers, strict=True)), {}) for f in facts)
        ]
        store = Store()
        possible = all(store.assume(f) and store.feasible() for f in facts)
        assert possible or not solutions, facts
        total += 1
        generous += possible and not solutions
        if possible and solutions:
            truths = {holds(asked, values, {}) for values in solutions}
            decided = store.status(asked)
            assert decided is None or truths == {decided}
            assert not store.entails(asked) or truths == {True}
            assert store.allows(asked) or truths == {False}
    assert generous <= total // 10
