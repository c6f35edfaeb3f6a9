"""From predicates to IR: one expression of width 1, the same for interpreter, prover and compiler.

An absent field reads as zero in the IR, so a test needs `Present` only if zero would satisfy it, and not even then
if another part of the same conjunction can hold only when those bytes are there: `udp port 80` asks for no presence.
A mask becomes a narrower field where it has no holes (`dst net 10.0.0.0/8` reads eight bits).
"""

from collections.abc import Callable, Mapping, Sequence
from operator import is_
from typing import TypeAlias, assert_never

from innet import ir
from innet.flowspec import predicate as pr
from innet.flowspec.predicate import Predicate, Relation
from innet.ir import Mark, Op

Extent: TypeAlias = Mapping[Mark, int]
"""For each mark, up to which byte after it the packet is known to reach."""

ALWAYS, NEVER = ir.Const(1, 1), ir.Const(0, 1)
EQUALITIES = Relation.EQ, Relation.NE


def lower(predicate: Predicate) -> ir.Expr:
    """An expression that is 1 exactly for the packets of which `predicate` is true."""
    return _lower(simplify(predicate), {})


def simplify(predicate: Predicate) -> Predicate:
    """An equivalent predicate in which no test reads more than it needs and none is decided beforehand."""
    match predicate:
        case pr.Test():
            return _narrow(predicate)
        case pr.And(parts):
            simple = [simplify(part) for part in parts]
            return predicate if parts and all(map(is_, simple, parts)) else pr.conjunction(simple)
        case pr.Or(parts):
            simple = [simplify(part) for part in parts]
            return predicate if parts and all(map(is_, simple, parts)) else pr.disjunction(simple)
        case pr.Not(part):
            return pr.negation(simplify(part))
        case pr.Truth() | pr.Comparison():
            return predicate
        case _:
            assert_never(predicate)


def _narrow(test: pr.Test) -> Predicate:
    """`test` on the bits between the ends of its mask; `>= 0` is left of a test that only asks for presence."""
    field, mask, value = test.field, test.mask & (1 << test.field.width) - 1, test.value
    if mask == 0:
        return pr.Truth(test.relation.holds(0, value))
    low, high = (mask & -mask).bit_length() - 1, mask.bit_length()
    if test.relation in EQUALITIES and (low, high, mask) == (0, field.width, test.mask) and not value & ~mask:
        return test
    narrow = ir.Field(field.mark, field.bit + field.width - high, high - low)
    mask >>= low
    relation, value = _scaled(test.relation, value, low)
    match relation:
        case Relation.EQ | Relation.NE if value & ~mask:
            verdict = relation is Relation.NE
        case Relation.LT | Relation.GE if value > mask:
            verdict = relation is Relation.LT
        case Relation.LE | Relation.GT if value >= mask:
            verdict = relation is Relation.LE
        case Relation.LT | Relation.GE if value <= 0:
            verdict = relation is Relation.GE
        case Relation.LE | Relation.GT if value < 0:
            verdict = relation is Relation.GT
        case Relation.LT | Relation.GE if value == 1:
            return pr.Test(narrow, mask, Relation.EQ if relation is Relation.LT else Relation.NE, 0)
        case Relation.LE | Relation.GT if value == 0:
            return pr.Test(narrow, mask, Relation.EQ if relation is Relation.LE else Relation.NE, 0)
        case _:
            return pr.Test(narrow, mask, relation, value, test.early)
    return pr.Test(narrow, mask, Relation.GE, 0) if verdict else pr.FALSE


def _scaled(relation: Relation, value: int, low: int) -> tuple[Relation, int]:
    """What x has to satisfy for x << `low` to stand in `relation` to `value`; -1 stands for "no x equals it"."""
    match relation:
        case Relation.EQ | Relation.NE:
            return relation, value >> low if value >= 0 and not value & (1 << low) - 1 else -1
        case Relation.LT | Relation.GE:
            return relation, -(-value >> low)
        case _:
            return relation, value >> low


def _bytes(field: ir.Field) -> ir.Present:
    first, last = field.bit // 8, (field.bit + field.width - 1) // 8
    return ir.Present(field.mark, first, last - first + 1)


def _end(field: ir.Field) -> int:
    """Up to which byte after its mark a packet reaches that holds `field`."""
    return (field.bit + field.width - 1) // 8 + 1


def _ensured(predicate: Predicate) -> Extent:
    """What any packet that satisfies `predicate` is known to hold."""
    match predicate:
        case pr.Test(field):
            if not predicate.early:
                return {field.mark: _end(field)}
            least = min(
                (_bytes(top).length for top, _, _ in _prefixes(predicate)), default=_bytes(field).length
            )
            return {field.mark: _bytes(field).offset + least}
        case pr.Comparison(left, _, right):
            return _union([{p.mark: p.offset + p.length} for p in _needs(left) + _needs(right)])
        case pr.And(parts):
            return _union([_ensured(part) for part in parts])
        case pr.Or(parts):
            first, *others = (_ensured(part) for part in parts)
            return {
                mark: min([end, *(o[mark] for o in others)])
                for mark, end in first.items()
                if all(mark in o for o in others)
            }
        case _:
            return {}


def _union(extents: Sequence[Extent]) -> Extent:
    out: dict[Mark, int] = {}
    for extent in extents:
        for mark, end in extent.items():
            out[mark] = max(out.get(mark, 0), end)
    return out


def _needs(expr: ir.Expr) -> list[ir.Present]:
    """The bytes that `expr` reads, and an empty range at every mark it measures from."""
    match expr:
        case ir.Field():
            return [_bytes(expr)]
        case ir.Distance(start, end):
            return [ir.Present(start, 0, 0), ir.Present(end, 0, 0)]
        case ir.Binary(_, left, right):
            return _needs(left) + _needs(right)
        case ir.Not(value) | ir.Cast(value):
            return _needs(value)
        case _:
            return []


def _lower(predicate: Predicate, known: Extent) -> ir.Expr:
    """The expression for `predicate`, right for packets that reach as far as `known`."""
    match predicate:
        case pr.Truth(value):
            return ALWAYS if value else NEVER
        case pr.Test():
            return _lower_test(predicate, known)
        case pr.Comparison(left, relation, right):
            needs = [_present(p, known) for p in dict.fromkeys(_needs(left) + _needs(right))]
            return _balanced(_and, [*needs, _compare(left, relation, right)])
        case pr.And(parts):
            return _lower_and(parts, known)
        case pr.Or(parts):
            return _balanced(_or, [_lower(part, known) for part in parts])
        case pr.Not(part):
            return _not(_lower(part, known))
        case _:
            assert_never(predicate)


def _lower_and(parts: Sequence[Predicate], known: Extent) -> ir.Expr:
    """Cheap parts first; for each mark one part vouches for the bytes that the others read."""
    ordered = sorted(parts, key=_rank)
    ensured = [_ensured(part) for part in ordered]
    exprs: dict[int, ir.Expr] = {}
    for mark in dict.fromkeys(mark for extent in ensured for mark in extent):
        farthest = max(range(len(ordered)), key=lambda n: ensured[n].get(mark, -1))
        if farthest not in exprs:
            exprs[farthest] = _lower(ordered[farthest], known)
            known = _union([known, ensured[farthest]])
    for n, part in enumerate(ordered):
        if n not in exprs:
            exprs[n] = _lower(part, known)
    return _balanced(_and, [exprs[n] for n in range(len(ordered))])


def _rank(predicate: Predicate) -> int:
    match predicate:
        case pr.Test(_, _, Relation.EQ, _):
            return 0
        case pr.Or(parts) if all(isinstance(p, pr.Test) and p.field.mark is Mark.NET for p in parts):
            return 0  # one of a few protocols or addresses
        case pr.Test():
            return 1
        case pr.Comparison():
            return 2
        case _:
            return 3


def _lower_test(test: pr.Test, known: Extent) -> ir.Expr:
    field, mask = test.field, test.mask
    present = ALWAYS if known.get(field.mark, -1) >= _end(field) else _present(_bytes(field), known)
    if test.relation is Relation.GE and test.value == 0:
        return present
    whole = mask == (1 << field.width) - 1
    value: ir.Expr = field if whole else ir.Binary(Op.AND, field, ir.Const(mask, field.width))
    compared = _compare(value, test.relation, ir.Const(test.value, field.width))
    exact = _and(present, compared) if test.relation.holds(0, test.value) else compared
    if present == ALWAYS or not (prefixes := _prefixes(test)):
        return exact
    decided = [
        _lower_test(pr.Test(top, (1 << top.width) - 1, relation, value), known)
        for top, relation, value in prefixes
    ]
    return _or(exact, _and(_not(present), _balanced(_or, decided)))


def _prefixes(test: pr.Test) -> list[tuple[ir.Field, Relation, int]]:
    """For an `early` order: what suffices for it when the last bytes are absent, as tests of the first bits."""
    field, least = test.field, test.value + (test.relation in (Relation.GT, Relation.LE))
    if not test.early or test.relation in (Relation.EQ, Relation.NE) or test.mask != (1 << field.width) - 1:
        return []
    below = test.relation in (Relation.LT, Relation.LE)
    total = _bytes(field).length
    out: list[tuple[ir.Field, Relation, int]] = []
    covered = 0
    for end in _runs(least, field.width):
        top = ir.Field(field.mark, field.bit, end)
        if _bytes(top).length == total:
            break
        bound, final = least >> field.width - end, not least & (1 << field.width - end) - 1
        if below:
            out.append((top, Relation.LT, bound))
        else:
            out.append((top, Relation.GE if final else Relation.GT, bound))
        covered = end
    # of prefixes with the same bytes only the longest says more
    longest = {_bytes(top).length: (top, relation, bound) for top, relation, bound in out}
    return list(longest.values()) if covered else []


def _runs(least: int, width: int) -> list[int]:
    """Where the runs end (in bits from the top) in which `x >= least` is decided, the last deciding one included.

    A run of zeros takes the lowest one of `least` with it, if that comes next: both together are one test.
    """
    lowest = least & -least
    bits = f"{least - lowest:0{width}b}"  # up to `lowest` these are the bits of the greatest number below `least`
    stop = width - lowest.bit_length() + 1
    ends: list[int] = []
    at = 0
    while at < stop:
        end = at
        if bits[at] == "0":
            while end < stop and bits[end] == "0":
                end += 1
        else:
            while end < stop and (bits[end] == "1" or end == stop - 1):
                end += 1
        ends.append(end)
        at = end
    return ends


def _present(present: ir.Present, known: Extent) -> ir.Expr:
    if known.get(present.mark, -1) >= present.offset + present.length:
        return ALWAYS
    if present.length:
        return present
    always = present.mark in (Mark.DATA, Mark.END, Mark.ANNOTATION)
    return ALWAYS if always else ir.Marked(present.mark)


def _compare(left: ir.Expr, relation: Relation, right: ir.Expr) -> ir.Expr:
    match relation:
        case Relation.EQ:
            return ir.Binary(Op.EQ, left, right)
        case Relation.NE:
            return ir.Binary(Op.NE, left, right)
        case Relation.LT:
            return ir.Binary(Op.LT, left, right)
        case Relation.LE:
            return ir.Binary(Op.LE, left, right)
        case Relation.GT:
            return ir.Binary(Op.LT, right, left)
        case Relation.GE:
            return ir.Binary(Op.LE, right, left)
        case _:
            assert_never(relation)


def _and(left: ir.Expr, right: ir.Expr) -> ir.Expr:
    if left.__class__ is ir.Const or right.__class__ is ir.Const:
        if NEVER in (left, right):
            return NEVER
        if ALWAYS in (left, right):
            return right if left == ALWAYS else left
    return left if right == left else ir.Binary(Op.AND, left, right)


def _or(left: ir.Expr, right: ir.Expr) -> ir.Expr:
    if left.__class__ is ir.Const or right.__class__ is ir.Const:
        if ALWAYS in (left, right):
            return ALWAYS
        if NEVER in (left, right):
            return right if left == NEVER else left
    return left if right == left else ir.Binary(Op.OR, left, right)


def _not(expr: ir.Expr) -> ir.Expr:
    match expr:
        case ir.Const(value, 1):
            return ir.Const(1 - value, 1)
        case ir.Not(value):
            return value
        case ir.Binary(Op.EQ, left, right):
            return ir.Binary(Op.NE, left, right)
        case ir.Binary(Op.NE, left, right):
            return ir.Binary(Op.EQ, left, right)
        case ir.Binary(Op.LT, left, right):
            return ir.Binary(Op.LE, right, left)
        case ir.Binary(Op.LE, left, right):
            return ir.Binary(Op.LT, right, left)
        case _:
            return ir.Not(expr)


def _balanced(join: Callable[[ir.Expr, ir.Expr], ir.Expr], exprs: Sequence[ir.Expr]) -> ir.Expr:
    """All of `exprs` joined in order, as a tree of logarithmic depth."""
    if len(exprs) == 1:
        return exprs[0]
    middle = (len(exprs) + 1) // 2
    return join(_balanced(join, exprs[:middle]), _balanced(join, exprs[middle:]))
