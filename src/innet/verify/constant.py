"""What `const` compares: what a packet's fields and payload hold at a place, and when two places hold the same.

A field is kept if its bits are as they were, or absent as they were. A payload is kept if the packet goes on behind its
transport header with the same bytes, up to the end that the IP header says (padding behind it does not count).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from innet import ir
from innet.ir.nodes import Mark
from innet.policy.fields import PAYLOAD_STARTS, ConstField
from innet.symbolic import ranges as rs
from innet.symbolic.execute import evaluate, read
from innet.symbolic.formulas import all_of, any_of, at_most_zero, equal, in_atom, member, negate
from innet.symbolic.memory import Imprecise, Memory, Split, Stretch
from innet.symbolic.state import State, Tables, possible
from innet.symbolic.store import Store
from innet.symbolic.terms import FALSE, TRUE, Formula, Linear, Sym, Term, linear_of, minus, plus

TOTAL, PROTO, FRAGMENT = ir.Field(Mark.NET, 16, 16), ir.Field(Mark.NET, 72, 8), ir.Field(Mark.NET, 51, 13)
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
    end: Linear = (0, ())
    """How many bytes there are up to the packet's end."""
    said: Linear | None = None
    """How many there are up to where the IP header's length says that the packet ends."""

    @classmethod
    def of(cls, start: int, memory: Memory, store: Store) -> "Payload":
        """What `memory` has; may raise Split or Imprecise."""
        net, transport = memory.marks[Mark.NET], memory.marks[Mark.TRANSPORT]
        found = memory.stretches(transport, start, store)
        behind = plus(memory.to_end(*transport), (-start, ()))
        total = linear_of(memory.read(net[0], 8 * net[1] + TOTAL.bit, TOTAL.width, store))
        padding = None if total is None else minus(memory.to_end(*net), total)
        return cls(start, memory, found, behind, None if padding is None else minus(behind, padding))


def terms_held(values: Iterable[object]) -> Iterator[Term]:
    """What `const` fields held, of those that `field_value` gave."""
    for value in values:
        if isinstance(value, Payload):
            if value.memory is not None:
                yield from (term for cells in value.memory.cells.values() for _, term, _ in cells.values())
        elif isinstance(value, tuple):
            yield from (one.term for one in value if isinstance(one, Held))


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
    if Mark.TRANSPORT not in state.memory.marks or Mark.NET not in state.memory.marks:
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
        found = Payload.of(start, state.memory.fork(), state.store)
        yield state, found
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


def payload_kept(before: Memory, state: State) -> bool | None:
    """Whether the packets of `state` have the payload that they had when their bytes were `before`; None if not all
    have it, or if that is not known."""
    start = _one_start(state)
    if any(
        mark not in memory.marks for mark in (Mark.NET, Mark.TRANSPORT) for memory in (before, state.memory)
    ):
        return None
    try:
        first, last = (Payload.of(start, memory, state.store) for memory in (before, state.memory))
        same, exact = _same_bytes(first, before, last, state.memory, state.store)
    except (Imprecise, Split):
        return None
    if state.store.entails(same):
        return True
    return False if exact and not state.store.allows(same) else None


def _one_start(state: State) -> int:
    """Where the payload starts in all packets of `state`; 0 (behind the IP header) if that differs."""
    rid, offset = state.memory.marks[Mark.NET]
    proto, fragment = (
        possible(state.memory.read(rid, 8 * offset + f.bit, f.width, state.store), state.store)
        for f in (PROTO, FRAGMENT)
    )
    known = [start for p, start in PAYLOAD_STARTS.items() if proto == rs.single(p)]
    return known[0] if known and fragment == rs.single(0) else 0


def unknown() -> Formula:
    """A condition that may hold or not."""
    return in_atom(Sym("unknown", 1, "unknown"), rs.single(1))


def _zero(difference: Linear) -> Formula:
    return all_of(at_most_zero(difference), at_most_zero(minus((0, ()), difference)))


def _same_bytes(
    before: Payload, old: Memory, now: Payload, new: Memory, store: Store
) -> tuple[Formula, bool]:
    """`kept` of payloads: regions are compared one by one, and in them what was written."""
    ends_old, ends_new = _ends(before, store), _ends(now, store)
    exact = before.said is not None and now.said is not None
    length = any_of(
        *(all_of(when, also, _alike_long(a, b, store)) for when, a in ends_old for also, b in ends_new)
    )
    if store.status(length) is False:
        return FALSE, exact
    if before.start != now.start or len(before.stretches) != len(now.stretches):
        return FALSE, False
    found: list[Formula] = [length]
    passed: Linear = (0, ())
    for n, (a, b) in enumerate(zip(before.stretches, now.stretches, strict=True)):
        if (a.blob, a.first) != (b.blob, b.first):
            return FALSE, False
        size = store.canonical(minus(a.length, b.length))
        if size != (0, ()) and n + 1 < len(now.stretches):
            found.append(_zero(size))
            exact = False
        passed = plus(passed, (-b.first, ()))
        for bit, width in sorted({*a.written, *b.written}):
            try:
                same = equal(old.read(a.region, bit, width, store), new.read(b.region, bit, width, store))
            except (Imprecise, Split):
                return FALSE, False
            first, last = plus(passed, (bit // 8, ())), plus(passed, ((bit + width + 7) // 8, ()))
            if all(store.bounds(store.canonical(minus(end, last)))[0] >= 0 for _, end in ends_new):
                found.append(same)
                continue
            behind = (
                all_of(when, at_most_zero(store.canonical(minus(end, first)))) for when, end in ends_new
            )
            found.append(any_of(same, *behind))
            exact = (
                exact and bit // 8 == (bit + width - 1) // 8
            )  # a part of several bytes may be behind the end
        passed = plus(passed, b.length)
    return all_of(*found), exact


def _ends(payload: Payload, store: Store) -> list[tuple[Formula, Linear]]:
    """How many bytes the payload has: cases, each with its condition."""
    end = store.canonical(payload.end)
    if payload.said is None:
        return [(TRUE, end)]
    said = store.canonical(payload.said)
    shorter = at_most_zero(store.canonical(minus(said, end)))
    if store.entails(shorter):
        return [(TRUE, said)]
    if not store.allows(shorter):
        return [(TRUE, end)]
    return [(shorter, said), (negate(shorter), end)]


def _alike_long(a: Linear, b: Linear, store: Store) -> Formula:
    """Two payloads have so many bytes, or none: a number below zero is none."""
    difference = store.canonical(minus(a, b))
    if difference == (0, ()):
        return TRUE
    return any_of(_zero(difference), all_of(at_most_zero(a), at_most_zero(b)))
