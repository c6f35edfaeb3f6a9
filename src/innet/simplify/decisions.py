"""Decisions that always go one way: what each condition of the programs was on all paths of an exploration.

A condition is looked at part by part. The right side of `a & b` counts where `a` holds, that of `a | b` where it does
not: elsewhere its value does not matter. An exploration covers every packet, so a part that never came out otherwise
may be replaced by what it always was; one that the engine could not decide stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from innet import ir
from innet.ir.nodes import Op
from innet.ir.trace import ends
from innet.ir.uses import statements, variables_in
from innet.simplify.values import Values
from innet.symbolic.execute import formula_of
from innet.symbolic.formulas import negate
from innet.symbolic.memory import Imprecise
from innet.symbolic.state import State, Tables
from innet.symbolic.terms import Formula

Place = tuple[int, str]
"""A part of a condition: the identity of the `Branch`, and the way to the part (l, r: sides of & or |; n: of a not)."""

MOST_PARTS = 24
"""Of a condition of more parts (a filter for a hundred hosts) only the whole is looked at."""

Told = tuple[ir.Stmt, ir.Expr | None]
"""A statement that changed: a branch and what is left of its condition, a `Let` and the number it binds, an assignment
that went."""

TRUE, FALSE = ir.Const(1, 1), ir.Const(0, 1)


@dataclass
class Decisions:
    """What each part of each condition was so far: 1, 0, or `OPEN` if it can be both."""

    tables: Tables
    values: Values
    found: dict[Place, int] = field(default_factory=dict)
    kept: list[ir.Branch] = field(default_factory=list)
    """The statements seen, so that no other gets their identity."""
    _settled: set[Place] = field(default_factory=set)
    """Parts that are open, and all of whose parts are."""

    OPEN = 2

    def see(self, branch: ir.Branch, state: State) -> None:
        """The paths of `state` come to `branch`."""
        place = id(branch), ""
        if place not in self.found:
            self.kept.append(branch)
        self._part(place, branch.condition, state)

    def _part(self, place: Place, expr: ir.Expr, state: State) -> None:
        if place in self._settled:
            return
        try:
            formula = formula_of(expr, state.fork(), self.tables)
            value = self._value(formula, state)
        except Imprecise:
            formula, value = None, self.OPEN
        before = self.found.get(place, value)
        self.found[place] = value if before == value else self.OPEN
        where, way = place
        parts: list[Place] = []
        match expr:
            case _ if not way and parts_of(expr) > MOST_PARTS:
                pass
            case ir.Binary(Op.AND | Op.OR as op, left, right) if expr.width == 1:
                parts = [(where, way + "l"), (where, way + "r")]
                self._part(parts[0], left, state)
                self._right(parts[1], right, left, op is Op.AND, state)
            case ir.Not(value=inner):
                parts = [(where, way + "n")]
                self._part(parts[0], inner, state)
        if self.found[place] == self.OPEN and all(part in self._settled for part in parts):
            self._settled.add(place)

    def _right(self, place: Place, right: ir.Expr, left: ir.Expr, holds: bool, state: State) -> None:
        """The right side, on the paths where the left side leaves the matter open."""
        if place in self._settled:
            return
        one = state.fork()
        try:
            formula = formula_of(left, one.fork(), self.tables)
        except Imprecise:
            self._part(place, right, one)
            return
        if one.store.assume(formula if holds else negate(formula)) and one.store.feasible():
            self._part(place, right, one)

    def _value(self, formula: Formula, state: State) -> int:
        decided = state.store.status(formula)
        if decided is None:
            if not state.store.allows(negate(formula)):
                decided = True
            elif not state.store.allows(formula):
                decided = False
        return self.OPEN if decided is None else int(decided)

    # ---- what follows

    def applied(self, block: ir.Block, told: list[Told], places: frozenset[str]) -> ir.Block:
        """`block` with numbers for values that are always the same, without what is never decided otherwise and what
        changes nothing. `told` gets what changed. What limits the variables `places` stays."""
        out: list[ir.Stmt] = []
        for stmt in block:
            match stmt:
                case ir.Let(var) if (number := self.values.number(stmt)) is not None:
                    out.append(ir.Let(var, ir.Const(number, var.width)))
                    told.append((stmt, ir.Const(number, var.width)))
                case ir.Assign() if self.values.needless(stmt):
                    told.append((stmt, None))
                case ir.Branch():
                    pass
                case _:
                    out.append(stmt)
            if not isinstance(stmt, ir.Branch):
                continue
            condition = self._simpler((id(stmt), ""), stmt.condition, places)
            if condition != stmt.condition:
                told.append((stmt, condition))
            if isinstance(condition, ir.Const):
                out += self.applied(stmt.then if condition.value else stmt.otherwise, told, places)
            else:
                then = self.applied(stmt.then, told, places)
                otherwise = self.applied(stmt.otherwise, told, places)
                out.append(ir.Branch(condition, then, otherwise))
            if ends(tuple(out)):
                break
        return tuple(out)

    def _simpler(self, place: Place, expr: ir.Expr, places: frozenset[str]) -> ir.Expr:
        found = self.found.get(place, self.OPEN)
        if found != self.OPEN and places.isdisjoint(variables_in(expr)):
            return expr if isinstance(expr, ir.Const) else (FALSE, TRUE)[found]
        where, way = place
        match expr:
            case ir.Binary(Op.AND | Op.OR as op, left, right) if expr.width == 1:
                a = self._simpler((where, way + "l"), left, places)
                return joined(op, a, self._simpler((where, way + "r"), right, places))
            case ir.Not(value=inner) if expr.width == 1:
                return inverted(self._simpler((where, way + "n"), inner, places))
        return expr


def placing(block: ir.Block) -> frozenset[str]:
    """The variables that say where something is in a packet, or how long.

    A test of one of these tells the kernel's verifier how far a header may reach, and the compiler how many bytes there
    are to look at: a sum over 20 to 60 bytes takes half the time of one over 0 to 60, so that such a test is worth more
    than it costs.
    """
    names: set[str] = set()
    lets: list[ir.Let] = []
    for stmt in statements(block):
        match stmt:
            case ir.SetMark(plus=ir.Binary() | ir.Cast() | ir.Var() | ir.Not() as value):
                names |= variables_in(value)
            case ir.Havoc(length=ir.Binary() | ir.Cast() | ir.Var() | ir.Not() as value):
                names |= variables_in(value)
            case ir.Let(value=value):
                lets.append(stmt)
                names |= {name for length in lengths_in(value) for name in variables_in(length)}
    size = -1
    while size != len(names):
        size = len(names)
        for let in lets:
            if let.var.name in names:
                names |= variables_in(let.value)
    return frozenset(names)


def lengths_in(expr: ir.Expr) -> Iterator[ir.Expr]:
    """How many bytes the sums in `expr` go over."""
    match expr:
        case ir.Sum(length=length):
            yield length
        case ir.Binary(_, left, right):
            yield from lengths_in(left)
            yield from lengths_in(right)
        case ir.Not(value) | ir.Cast(value, _):
            yield from lengths_in(value)


def parts_of(expr: ir.Expr) -> int:
    """How many parts a condition has."""
    match expr:
        case ir.Binary(Op.AND | Op.OR, left, right) if expr.width == 1:
            return parts_of(left) + parts_of(right)
        case ir.Not(value) if expr.width == 1:
            return parts_of(value)
    return 1


def joined(op: Op, a: ir.Expr, b: ir.Expr) -> ir.Expr:
    """`a & b` or `a | b` of one bit."""
    absorbing, neutral = (FALSE, TRUE) if op is Op.AND else (TRUE, FALSE)
    if absorbing in (a, b):
        return absorbing
    if a == neutral:
        return b
    return a if b == neutral else ir.Binary(op, a, b)


def inverted(value: ir.Expr) -> ir.Expr:
    """The complement of one bit."""
    match value:
        case ir.Const(number, 1):
            return (TRUE, FALSE)[number]
        case ir.Not(inner):
            return inner
    return ir.Not(value)
