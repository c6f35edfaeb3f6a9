"""Numbers that are a fixed way from others, modulo their width, in sums over the integers: both cases are looked at."""

import pytest

from innet.symbolic.formulas import at_most_zero, equal, in_atom
from innet.symbolic.store import Store
from innet.symbolic.terms import K, Sym, add


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
