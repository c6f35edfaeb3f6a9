"""What `const` compares: what a packet's fields and payload hold at a place, and when two places hold the same.

A field is kept if its bits are as they were, or absent as they were. A payload is kept if the packet goes on behind its
transport header with the same bytes, to the same length.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from innet import ir
from innet.ir.nodes import Mark
from innet.policy.fields import PAYLOAD_STARTS, ConstField
from innet.symbolic import ranges as rs
from innet.symbolic.execute import evaluate, read
from innet.symbolic.formulas import all_of, any_of, at_most_zero, equal, in_atom, member, negate
from innet.symbolic.memory import Imprecise, Memory, Split, Stretch
from innet.symbolic.state import State, Tables
from innet.symbolic.store import Store
from innet.symbolic.terms import FALSE, TRUE, Formula, Linear, Sym, Term, minus

PROTO, FRAGMENT = ir.Field(Mark.NET, 72, 8), ir.Field(Mark.NET, 51, 13)
HEADER_BITS = 160
"""Bits of the IPv4 header that every packet has."""


@dataclass(frozen=True)
class Held:
    """A field's bits, and the condition that the packet has them."""

    term: Term
    present: Formula


@dataclass(frozen=True)
class Payload:
    """The bytes from TRANSPORT + `start` on; `memory` is None if the packet has no transport header."""

    start: int
    memory: Memory | None
    stretches: tuple[Stretch, ...] = ()


def field_value(const: ConstField, state: State, tables: Tables) -> Iterator[tuple[State, object]]:
    """What a `const` field holds: cases of `state`, each with a tuple of `Held`, or a `Payload`."""
    if const.is_payload:
        yield from _payload(state, tables)
        return
    cases: list[tuple[State, tuple[Held, ...]]] = [(state, ())]
    for f in const.fields:
        after: list[tuple[State, tuple[Held, ...]]] = []
        for case, values in cases:
            for split, term in read(f, case, tables):
                if f.mark is Mark.NET and f.bit + f.width <= HEADER_BITS:
                    after.append((split, (*values, Held(term, TRUE))))
                    continue
                first, last = f.bit // 8, (f.bit + f.width - 1) // 8
                there = ir.Present(f.mark, first, last - first + 1)
                after += [(one, (*values, Held(term, fact))) for one, fact in evaluate(there, split, tables)]
        cases = after
    yield from cases


def _payload(state: State, tables: Tables) -> Iterator[tuple[State, Payload]]:
    """Where the payload starts depends on the protocol, and on whether the header is in this fragment."""
    if Mark.TRANSPORT not in state.memory.marks:
        yield state, Payload(0, None)
        return
    for one, proto in read(PROTO, state, tables):
        for two, fragment in read(FRAGMENT, one, tables):
            first = member(fragment, rs.single(0))
            with_header = member(proto, rs.normal((p, p) for p in PAYLOAD_STARTS))
            ways = [(negate(all_of(first, with_header)), 0)]
            for start in sorted(set(PAYLOAD_STARTS.values())):
                of = rs.normal((p, p) for p, at in PAYLOAD_STARTS.items() if at == start)
                ways.append((all_of(first, member(proto, of)), start))
            for condition, start in ways:
                case = two.fork()
                if case.store.assume(condition) and case.store.feasible():
                    yield from _stretches(case, start)


def _stretches(state: State, start: int) -> Iterator[tuple[State, Payload]]:
    try:
        found = state.memory.stretches(state.memory.marks[Mark.TRANSPORT], start, state.store)
        yield state, Payload(start, state.memory.fork(), found)
    except Split as split:
        for alternative in split.alternatives:
            case = state.fork()
            if case.store.assume(alternative) and case.store.feasible():
                yield from _stretches(case, start)


def kept(before: object, now: object, state: State) -> tuple[Formula, bool]:
    """A condition under which two values of `field_value` are the same (`state` is how things are now), and whether
    they are the same under that condition only."""
    if isinstance(before, Payload) and isinstance(now, Payload):
        if before.memory is None or now.memory is None:
            return (TRUE if before.memory is now.memory else FALSE), True
        return _same_bytes(before, before.memory, now, now.memory, state.store)
    assert isinstance(before, tuple)
    assert isinstance(now, tuple)
    same = (
        all_of(equal(a.term, b.term), _alike(a.present, b.present)) for a, b in zip(before, now, strict=True)
    )
    return all_of(*same), True


def _alike(a: Formula, b: Formula) -> Formula:
    if a == b:
        return TRUE
    return any_of(all_of(a, b), all_of(negate(a), negate(b)))


def unknown() -> Formula:
    """A condition that may hold or not."""
    return in_atom(Sym("unknown", 1, "unknown"), rs.single(1))


def _zero(difference: Linear) -> Formula:
    return all_of(at_most_zero(difference), at_most_zero(minus((0, ()), difference)))


def _same_bytes(
    before: Payload, old: Memory, now: Payload, new: Memory, store: Store
) -> tuple[Formula, bool]:
    """`kept` of payloads: regions are compared one by one, and in them what was written."""
    whole = minus(old.to_end(*old.marks[Mark.TRANSPORT]), new.to_end(*new.marks[Mark.TRANSPORT]))
    length = _zero(store.canonical(whole))
    if store.status(length) is False:
        return FALSE, True
    if before.start != now.start or len(before.stretches) != len(now.stretches):
        return FALSE, False
    found, exact = [length], True
    for n, (a, b) in enumerate(zip(before.stretches, now.stretches, strict=True)):
        if (a.blob, a.first) != (b.blob, b.first):
            return FALSE, False
        size = store.canonical(minus(a.length, b.length))
        if size != (0, ()):
            found.append(_zero(size))
            exact = exact and n + 1 == len(now.stretches)  # if all before are equal, so are the last ones
        low = store.bounds(store.canonical(b.length))[0]
        for bit, width in sorted({*a.written, *b.written}):
            exact = exact and bit + width <= 8 * low  # else nobody may ask for these bytes
            try:
                found.append(
                    equal(old.read(a.region, bit, width, store), new.read(b.region, bit, width, store))
                )
            except (Imprecise, Split):
                return FALSE, False
    return all_of(*found), exact
