"""Terms, formulas, store and search against plain arithmetic, and against an SMT solver."""

from itertools import islice, product
from random import Random

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from innet import ir
from innet.symbolic import ranges as rs
from innet.symbolic.evaluation import evaluate as number_of
from innet.symbolic.evaluation import holds
from innet.symbolic.formulas import negate
from innet.symbolic.solve import satisfied, solve
from innet.symbolic.state import formula_atoms
from innet.symbolic.store import Store
from innet.symbolic.terms import Blob, Fn, Sym, concat, pieces, slice_of
from tests.symbolic.expressions import Expressions, evaluate, smt

SMALL = (ir.Var("a", 4), ir.Var("b", 4), ir.Var("c", 3))
WIDE = (
    ir.Var("address", 32),
    ir.Var("other", 32),
    ir.Var("port", 16),
    ir.Var("length", 16),
    ir.Var("proto", 8),
)
EXAMPLES = settings.default.max_examples

SEEDS = st.integers(0, 1 << 32)


@given(SEEDS)
def test_a_term_is_the_number_that_the_expression_is(seed: int) -> None:
    rng = Random(seed)
    made = Expressions(rng, WIDE)
    expr = made.number(rng.choice((1, 8, 16, 32, 48)), 3)
    term = made.term(expr)
    assert term.width == expr.width
    for _ in range(20):
        numbers = {v: rng.choice((0, 1, (1 << v.width) - 1, rng.getrandbits(v.width))) for v in WIDE}
        assert number_of(term, made.values(numbers), {}) == evaluate(expr, numbers)


@given(SEEDS)
def test_a_formula_holds_where_the_condition_does_and_its_negation_elsewhere(seed: int) -> None:
    made = Expressions(Random(seed), SMALL)
    expr = made.condition()
    formula = made.formula(expr)
    opposite = negate(formula)
    for row in product(*(range(1 << v.width) for v in SMALL)):
        numbers = dict(zip(SMALL, row, strict=True))
        expected = evaluate(expr, numbers) == 1
        assert holds(formula, made.values(numbers), {}) is expected
        assert holds(opposite, made.values(numbers), {}) is not expected


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_parts_put_together_again_are_the_same_symbol(widths: list[int]) -> None:
    """What strip and unstrip, or encapsulation and decapsulation, rely on."""
    whole = Sym("payload", sum(widths))
    parts, at = [], whole.width
    for width in widths:
        at -= width
        parts += pieces(slice_of(whole, at, width))
    assert concat(parts) is whole
    if len(widths) > 1:
        inner = slice_of(whole, 1, whole.width - 1)
        assert slice_of(concat([*pieces(inner), *pieces(slice_of(whole, 0, 1))]), 0, whole.width) is whole


def test_neighbours_of_a_payload_are_one_again() -> None:
    blob = Blob("payload", (100, ()))
    whole = blob.carve(16, 32)
    assert concat([blob.carve(16, 8), blob.carve(24, 24)]) is whole
    assert blob.carve(16, 32) is whole


NUMBERS = st.sets(st.integers(0, 255), max_size=40)


@given(NUMBERS, st.integers(0, 7), st.integers(1, 8))
def test_bits_of_a_set(numbers: set[int], low: int, width: int) -> None:
    found = rs.bits(rs.normal((n, n) for n in numbers), low, width)
    assert set(rs.values(found)) == {n >> low & (1 << width) - 1 for n in numbers}


@given(NUMBERS, NUMBERS, st.integers(-300, 300))
def test_sets_of_eight_bits(a: set[int], b: set[int], by: int) -> None:
    x, y = (rs.normal((n, n) for n in numbers) for numbers in (a, b))
    assert set(rs.values(rs.intersect(x, y))) == a & b
    assert set(rs.values(rs.union(x, y))) == a | b
    assert set(rs.values(rs.complement(x, 8))) == set(range(256)) - a
    assert set(rs.values(rs.shift(x, by, 8))) == {(n + by) % 256 for n in a}
    for made in (rs.intersect(x, y), rs.union(x, y), rs.complement(x, 8), rs.shift(x, by, 8)):
        assert made == rs.normal(made), "sorted, apart, not touching"


def facts(made: Expressions, count: int) -> tuple[list[ir.Expr], Store, bool]:
    """Some conditions, and a store that was told them as a path meets them; whether it thinks that they can be true."""
    store, conditions, possible = Store(), [], True
    for _ in range(count):
        expr = made.condition(1)
        conditions.append(expr)
        possible = store.assume(made.formula(expr, store)) and store.feasible()
        if not possible:
            break
    return conditions, store, possible


def test_small_paths_against_every_assignment() -> None:
    """Impossible, entailed and decided are never wrong; possible is wrong at most as often as said here."""
    total = generous = 0
    rows = [dict(zip(SMALL, row, strict=True)) for row in product(*(range(1 << v.width) for v in SMALL))]
    for seed in range(EXAMPLES * 4):
        rng = Random(seed)
        made = Expressions(rng, SMALL, opaque=False)
        conditions, store, possible = facts(made, rng.randint(1, 4))
        solutions = [n for n in rows if all(evaluate(e, n) for e in conditions)]
        assert possible or not solutions, conditions
        if not possible:
            continue
        total += 1
        generous += not solutions
        if solutions:
            asked = made.condition(1)
            formula = made.formula(asked, store)
            truths = {evaluate(asked, n) == 1 for n in solutions}
            decided = store.status(formula)
            assert decided is None or truths == {decided}
            assert not store.entails(formula) or truths == {True}
            assert store.allows(formula) or truths == {False}
    print(f"{generous} of {total} stores called possible have no solution")
    assert generous <= total // 20


def test_wide_paths_against_an_smt_solver() -> None:
    """The same at the widths of real fields, addresses above 128.0.0.0 included."""
    total = generous = 0
    for seed in range(EXAMPLES * 4):
        rng = Random(seed)
        made = Expressions(rng, WIDE, opaque=False)
        conditions, store, possible = facts(made, rng.randint(1, 4))
        solver = z3.Solver()
        solver.set("timeout", 2000)
        solver.add(*(smt(e) == 1 for e in conditions))
        answer = solver.check()
        assert possible or answer != z3.sat, conditions
        if not possible or answer != z3.sat:
            total += possible
            generous += possible and answer == z3.unsat
            continue
        total += 1
        asked = made.condition(1)
        formula = made.formula(asked, store)
        decided = store.status(formula)
        if decided is not False and store.entails(formula):
            solver.add(smt(asked) == 0)
            assert solver.check() != z3.sat
        elif decided is False or not store.allows(formula):
            solver.add(smt(asked) == 1)
            assert solver.check() != z3.sat
    print(f"{generous} of {total} stores called possible have no solution")
    assert generous <= total // 20


def test_what_the_search_finds_is_a_solution() -> None:
    """If it meets the store, which whoever asks looks at; for paths without opaque values it nearly always does."""
    asked = found = 0
    for seed in range(EXAMPLES * 4):
        rng = Random(seed)
        made = Expressions(rng, WIDE, opaque=False)
        conditions, store, possible = facts(made, rng.randint(1, 4))
        tries = list(islice(solve(store, list(made.symbols.values()), {}), 12)) if possible else []
        good = [t for t in tries if satisfied(store, t, {})]
        for one in good:
            assert all(evaluate(e, {v: one[s] for v, s in made.symbols.items()}) for e in conditions)
        atoms = {*store.domains, *store.substitution}.union(*map(formula_atoms, store.clauses))
        if possible and not any(isinstance(a, Fn) for a in atoms):
            asked += 1
            found += bool(good)
    print(f"{found} of {asked} paths got a packet")
    assert found >= asked * 49 // 50


@pytest.mark.parametrize(
    ("constant", "width", "expected"), [(0, 16, "0"), (5, 16, "(port + 5)"), (-3, 16, "(port + 65533)")]
)
def test_sums_are_modular(constant: int, width: int, expected: str) -> None:
    made = Expressions(Random(0), WIDE)
    port = WIDE[2]
    expr = ir.Binary(ir.Op.ADD, port, ir.Const(constant % (1 << width), width))
    assert repr(made.term(expr)) == (expected if constant else "port")
