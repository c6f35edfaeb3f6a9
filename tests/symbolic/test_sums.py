"""Sums over the integers: numbers a fixed way from others, parts of numbers, and what is left over."""

from itertools import product
from random import Random

import pytest

from innet.symbolic.evaluation import holds
from innet.symbolic.formulas import at_most_zero, equal, in_atom, negate
from innet.symbolic.store import Store
from innet.symbolic.terms import Formula, K, Slice, Sym, add


@pytest.mark.parametrize(
    ("low", "high", "feasible"),
    [(0, 200, False), (0, 254, False), (0, 255, True), (255, 255, True), (250, 254, False)],
)
def test_the_next_number_is_less_only_where_it_wraps(low: int, high: int, feasible: bool) -> None:
    store, x, y = Store(), Sym("x", 8), Sym("y", 8)
    assert store.assume(equal(y, add(x, K(1, 8))))
    assert store.assume(in_atom(x, ((low, high),)))
    held = store.assume(at_most_zero((0, ((y, 1), (x, -1)))))  # y <= x
    assert (held and store.feasible()) is feasible


def test_a_sum_that_became_a_constant_is_looked_at() -> None:
    store, x, y, z = Store(), Sym("x", 8), Sym("y", 8), Sym("z", 8)
    assert store.assume(at_most_zero((1, ((y, 1), (x, -1)))))  # y < x
    assert store.assume(at_most_zero((0, ((z, 1), (x, -1)))))
    assert not (store.assume(equal(x, y)) and store.feasible())


def test_sums_are_of_whole_numbers() -> None:
    """4x is at most 4y + 7 and at least as much: no multiple of four."""
    store, x, y = Store(), Sym("x", 8), Sym("y", 8)
    assert store.assume(at_most_zero((-7, ((x, 4), (y, -4)))))
    assert not (store.assume(at_most_zero((7, ((x, -4), (y, 4))))) and store.feasible())


def test_a_part_and_the_bounds_of_the_whole() -> None:
    """x is at most y - 12, y is known to be small later, and the high half of x is not zero."""
    store, x, y = Store(), Sym("x", 16), Sym("y", 16)
    assert store.assume(at_most_zero((12, ((x, 1), (y, -1)))))
    assert store.assume(in_atom(Slice(x, 8, 8), ((1, 255),)))
    assert store.assume(in_atom(y, ((12, 267),)))
    assert not store.feasible()


@pytest.mark.parametrize(("apart", "feasible"), [(0, False), (1, True)])
def test_two_numbers_that_differ_lie_apart(apart: int, feasible: bool) -> None:
    store, x, y = Store(), Sym("x", 8), Sym("y", 8)
    assert store.assume(negate(equal(x, y)))
    assert store.assume(at_most_zero((apart, ((x, 1), (y, -1)))))  # x + apart <= y
    held = store.assume(at_most_zero((-apart, ((x, -1), (y, 1)))))  # y <= x + apart
    assert (held and store.feasible()) is feasible


def test_what_is_called_impossible_is() -> None:
    """Random sums, parts and differences of two numbers of five bits, against all pairs of numbers."""
    random, refused = Random(5), 0
    for _ in range(400):
        x, y = Sym("x", 5), Sym("y", 5)
        atoms = (x, y, Slice(x, 0, 2), Slice(x, 2, 3), Slice(y, 1, 3))
        facts: list[Formula] = []
        for _ in range(random.randint(2, 5)):
            a, b = random.sample(atoms, 2)
            low = random.randrange(1 << a.width)
            facts.append(
                random.choice((
                    in_atom(a, ((low, min(low + random.randrange(4), (1 << a.width) - 1)),)),
                    at_most_zero((random.randint(-40, 40), ((a, random.choice((-4, -2, -1, 1, 2, 4))),
                                                            (b, random.choice((-4, -1, 1, 4)))))),
                    negate(equal(x, y)),
                ))
            )  # fmt: skip
        store = Store()
        if not (all(store.assume(one) for one in facts) and store.feasible()):
            refused += 1
            for m, n in product(range(32), repeat=2):
                assert not all(holds(one, {x: m, y: n}, {}) for one in facts), (facts, m, n)
    assert 50 < refused < 350


def test_offsets_add_up_modulo_the_width() -> None:
    """x is so far from y, y from z, and together it may be more than once around; against all numbers of four bits."""
    random, refused = Random(3), 0
    for _ in range(400):
        x, y, z = (Sym(name, 4) for name in "xyz")
        facts = [equal(x, add(y, K(random.randrange(16), 4))), equal(y, add(z, K(random.randrange(16), 4)))]
        random.shuffle(facts)
        for _ in range(random.randint(1, 2)):
            a, b = random.sample((x, y, z), 2)
            parts = (a, random.choice((-1, 1, 2))), (b, random.choice((-2, -1, 1)))
            facts.append(at_most_zero((random.randint(-12, 12), parts)))
        store = Store()
        if not (all(store.assume(one) for one in facts) and store.feasible()):
            refused += 1
            for k, m, n in product(range(16), repeat=3):
                assert not all(holds(one, {x: k, y: m, z: n}, {}) for one in facts), (facts, k, m, n)
    assert 50 < refused < 350
