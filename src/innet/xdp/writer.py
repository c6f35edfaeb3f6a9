"""Writing LLVM IR, block by block, together with what is known at the place being written.

The text is in SSA form from the start: a variable of the program is a name in `State.env`, and where paths meet, phis
are made for what differs. A path's end stays open (an `Edge`) until it is known where it goes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

from innet.ir.nodes import Mark, Op
from innet.xdp.facts import Derivations, Facts, Position, Value, interval, number

K = TypeVar("K")
V = TypeVar("V")
Shape: TypeAlias = tuple[object, ...]

BARRIER = 'call {type} asm sideeffect "", "=r,0"({type} {value}) nounwind memory(none)'
FENCE = 'call void asm sideeffect "", ""() nounwind memory(none)'
"""An instruction that is nothing, but that LLVM neither moves nor merges: without it two tests in a row become one
test of a combined bit, from which the verifier learns no bounds."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a mark is; `sure` is None if it is set for certain, otherwise the bit that says whether it is."""

    at: Position
    sure: Value | None = None


@dataclass
class State:
    """What is known at one place of the program about the packet and the program's variables.

    `data` and `end` are pointers to the first byte of the frame and behind its last one, `tail` is the position of the
    latter, `head` the bytes that were added in front so far, `low` the position before which there are no bytes.
    `reach` says how many bytes behind a pointer (`anchors`) were compared with `end`. `fields`, `pure` and `entries`
    are results that need not be computed again: packet fields, operations, and table look-ups. `touched` says whether
    the element at work has changed anything on the way here.
    """

    facts: Facts
    data: str
    end: str
    tail: Position
    marks: dict[Mark, Placed]
    head: int = 0
    low: Position = field(default=Position(None, 0))
    env: dict[str, Value] = field(default_factory=dict)
    pure: dict[tuple[object, ...], Value] = field(default_factory=dict)
    fields: dict[tuple[str | None, int, int], Value] = field(default_factory=dict)
    anchors: dict[tuple[str, str | None, int], str] = field(default_factory=dict)
    reach: dict[tuple[str, str], int] = field(default_factory=dict)
    entries: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)
    touched: bool = False

    def copy(self) -> "State":
        return replace(
            self,
            facts=self.facts.copy(),
            marks=dict(self.marks),
            env=dict(self.env),
            pure=dict(self.pure),
            fields=dict(self.fields),
            anchors=dict(self.anchors),
            reach=dict(self.reach),
            entries=dict(self.entries),
        )

    @property
    def shape(self) -> Shape:
        """Paths of one shape may be joined for nothing: their headers are at the same places."""
        marks = tuple(
            (m, p) for m, p in sorted(self.marks.items(), key=lambda i: i[0].value) if m is not Mark.END
        )
        return (marks, self.head, self.low)


@dataclass(frozen=True, slots=True)
class Edge:
    """A path that is written up to the end of the open block `label`, and what is known there."""

    label: str
    state: State


class Writer:
    """The function being written and the current place in it: an open block and its `state`.

    What only helps the kernel's verifier is left out if the function is not `verified`.
    """

    def __init__(self, derivations: Derivations, verified: bool = True) -> None:
        self.derivations, self.verified = derivations, verified
        self.blocks: dict[str, list[str]] = {}
        self.entry: list[str] = []
        self.refused: dict[str, str] = {}
        self.here = ""
        self.names = 0
        self.state: State = None  # type: ignore[assignment]  # set by the target's prologue, the first thing written

    # ---- text

    def fresh(self) -> str:
        self.names += 1
        return f"%v{self.names}"

    def label(self, hint: str) -> str:
        self.names += 1
        return f"{hint}.{self.names}"

    def start(self, label: str, state: State) -> None:
        """Go on writing at `label`."""
        self.blocks.setdefault(label, [])
        self.here, self.state = label, state

    def resume(self, edge: Edge) -> None:
        """Go on writing at the end of an open block."""
        self.here, self.state = edge.label, edge.state

    def edge(self) -> Edge:
        """The current place, left open."""
        return Edge(self.here, self.state)

    def line(self, text: str) -> None:
        if text == FENCE and not self.verified:
            return
        self.blocks[self.here].append(text)

    def name(self, text: str) -> str:
        """A new name for the result of the instruction `text`."""
        name = self.fresh()
        self.line(f"{name} = {text}")
        return name

    def value(self, text: str, width: int) -> Value:
        return Value(self.name(text), width)

    def alloca(self, bytes_: int, again: str = "") -> str:
        """Room on the stack, aligned to eight bytes; with `again`, more of what has that name."""
        name = again or self.fresh()
        if again:
            self.entry = [line for line in self.entry if not line.startswith(f"{again} = alloca ")]
        self.entry.append(f"{name} = alloca [{bytes_} x i8], align 8")
        return name

    def goto(self, label: str) -> None:
        self.line(f"br label %{label}")

    def fork(self, condition: str, hints: tuple[str, str] = ("yes", "no")) -> tuple[Edge, Edge]:
        """Branch on the bit `condition`: the paths on which it is 1 and 0."""
        yes, no = (self.label(h) for h in hints)
        self.line(f"br i1 {condition}, label %{yes}, label %{no}")
        self.blocks[yes], self.blocks[no] = [], []
        return Edge(yes, self.state.copy()), Edge(no, self.state)

    def demand(self, condition: str, otherwise: str) -> None:
        """Go on if `condition` holds, leave to block `otherwise` if not; LLVM keeps it a branch of its own."""
        yes = self.label("ok")
        self.line(f"br i1 {condition}, label %{yes}, label %{otherwise}")
        self.start(yes, self.state)
        self.line(FENCE)

    def refuse(self, reason: str) -> str:
        """The block where packets end that the target cannot deal with, for `reason`."""
        if reason not in self.refused:
            label = self.refused[reason] = self.label("refused")
            self.blocks[label] = []
        return self.refused[reason]

    def pointer(self, base: str, offset: int | str) -> str:
        if offset == 0:
            return base
        return self.name(f"getelementptr i8, ptr {base}, i64 {offset}")

    def barrier(self, value: str, type_: str = "i64") -> str:
        """`value`, of which LLVM knows nothing any more, so that it computes nothing from its parts."""
        if not self.verified:
            return value
        return self.name(BARRIER.format(type=type_, value=value))

    def settled(self, value: Value) -> Value:
        """`value`, computed here and not later; its bounds are forgotten."""
        if value.width != 64 or value.known is not None:
            return value
        return Value(self.barrier(value.text), 64)

    # ---- numbers

    def pure(self, key: tuple[object, ...], make: Callable[[], str], width: int) -> Value:
        """The result of an operation without effects: computed once for each place that can see it."""
        found = self.state.pure.get(key)
        if found is None:
            found = self.state.pure[key] = Value(self.name(make()), width)
        return found

    def extend(self, value: Value, width: int) -> Value:
        """`value` cut to its low `width` bits, or extended with zeros."""
        if value.width == width:
            return value
        if value.known is not None:
            return number(value.known, width)
        how = "zext" if value.width < width else "trunc"
        key = (how, value.text, width)
        result = self.pure(key, lambda: f"{how} {value.typed} to i{width}", width)
        low, high = self.state.facts.of(value)
        if how == "zext" or high < 1 << width:
            if result.text not in self.derivations.alias:
                self.derivations.extended(result.text, value)
            self.state.facts.narrow(result.text, low, high)
        return result

    def binary(self, op: Op, a: Value, b: Value) -> Value:
        """`op` on two numbers of one width; folded if their bounds decide it."""
        bounds = interval(op, self.state.facts.of(a), self.state.facts.of(b), a.width)
        width = 1 if op.is_predicate else a.width
        if bounds[0] == bounds[1] and op is not Op.ONES:
            return number(bounds[0], width)
        if b.known == 0 and op in (Op.ADD, Op.SUB, Op.OR, Op.XOR, Op.SHL, Op.SHR, Op.ONES):
            return a
        if a.known == 0 and op in (Op.ADD, Op.OR, Op.XOR, Op.ONES):
            return b
        if op is Op.ONES:
            return self.ones(a, b)
        if op in (Op.SHL, Op.SHR) and b.known is not None and b.known >= a.width:
            return number(0, width)
        result = self.pure(
            (op, a.text, b.text, a.width), lambda: f"{INSTRUCTION[op]} i{a.width} {a.text}, {b.text}", width
        )
        self.derivations.made.setdefault(result.text, (op, a, b))
        return result

    def ones(self, a: Value, b: Value) -> Value:
        """One's complement addition of two 16-bit numbers."""
        total = self.binary(Op.ADD, self.extend(a, 32), self.extend(b, 32))
        carry = self.binary(Op.SHR, total, number(16, 32))
        return self.extend(self.binary(Op.ADD, self.binary(Op.AND, total, number(0xFFFF, 32)), carry), 16)

    def swap(self, value: Value) -> Value:
        """`value` with its bytes in the other order; its width is a number of bytes."""
        width = value.width
        if value.known is not None:
            return number(int.from_bytes(value.known.to_bytes(width // 8, "big"), "little"), width)
        if width == 8:
            return value
        if width % 16:
            wide = self.swap(self.extend(value, width + 8))
            return self.extend(self.binary(Op.SHR, wide, number(8, width + 8)), width)
        return self.pure(
            ("swap", value.text), lambda: f"call i{width} @llvm.bswap.i{width}({value.typed})", width
        )

    def at(self, place: Position) -> Value:
        """`place` as a signed 64-bit number."""
        if place.base is None:
            return Value(str(place.offset), 64, place.offset if place.offset >= 0 else None)
        if place.offset == 0:
            return Value(place.base, 64)
        text = f"add i64 {place.base}, {place.offset}"
        result = self.pure(("at", place.base, place.offset), lambda: text, 64)
        if place.offset > 0:
            self.derivations.made.setdefault(
                result.text, (Op.ADD, Value(place.base, 64), number(place.offset, 64))
            )
        return result

    # ---- meeting paths

    def join(self, edges: "Iterable[Edge]", hint: str = "join", variables: bool = True) -> None:
        """Go on where all of `edges` meet; without `variables` those of the program are forgotten."""
        edges = list(edges)
        if len(edges) == 1:
            self.resume(edges[0])
            if not variables:
                self.state.env.clear()
            return
        label = self.label(hint)
        for edge in edges:
            self.resume(edge)
            self.goto(label)
        self.start(label, edges[0].state)
        self.state = _Join(self, edges).run(variables)


def group(edges: Iterable[Edge], limit: int) -> list[list[Edge]]:
    """`edges` by shape; if there are more than `limit` shapes, those that came last are taken together."""
    groups: dict[Shape, list[Edge]] = {}
    for edge in edges:
        groups.setdefault(edge.state.shape, []).append(edge)
    all_groups = list(groups.values())
    own, rest = all_groups[: limit - 1], all_groups[limit - 1 :]
    return [*own, [edge for same in rest for edge in same]] if rest else own


class _Join:
    """One state out of several, with phis for what differs."""

    def __init__(self, writer: Writer, edges: list[Edge]) -> None:
        self.writer, self.edges = writer, edges
        self.states = [e.state for e in edges]
        self.state = State(
            Facts.common([s.facts for s in self.states]), "", "", Position(None, 0), {}, self.states[0].head
        )
        self.positions: dict[tuple[Position, ...], Position] = {}

    def run(self, variables: bool) -> State:
        state, states = self.state, self.states
        state.touched = any(s.touched for s in states)
        assert len({s.head for s in states}) == 1, "the frame's start is the same on all paths that meet"
        state.data = self.pointer([s.data for s in states])
        state.end = self.pointer([s.end for s in states])
        state.tail = self.position([s.tail for s in states])
        state.low = self.position([s.low for s in states])
        for mark in Mark:
            places = [s.marks.get(mark) for s in states]
            if any(p is not None for p in places):
                state.marks[mark] = self.placed(places)
        if variables:
            for name in shared(s.env for s in states):
                state.env[name] = self.number([s.env[name] for s in states])
        state.pure = same(s.pure for s in states)
        state.fields = same(s.fields for s in states)
        state.anchors = same(s.anchors for s in states)
        for entry in shared(s.entries for s in states):
            state.entries[entry] = self.pointer([s.entries[entry] for s in states])
        for key in shared(s.reach for s in states):
            state.reach[key] = min(s.reach[key] for s in states)
        return state

    def phi(self, type_: str, values: list[str]) -> str:
        pairs = ", ".join(f"[ {v}, %{e.label} ]" for v, e in zip(values, self.edges, strict=True))
        return self.writer.name(f"phi {type_} {pairs}")

    def pointer(self, values: list[str]) -> str:
        return values[0] if len(set(values)) == 1 else self.phi("ptr", values)

    def number(self, values: list[Value]) -> Value:
        if len({v.text for v in values}) == 1:
            return values[0]
        width = values[0].width
        result = Value(self.phi(f"i{width}", [v.text for v in values]), width)
        bounds = [s.facts.of(v) for s, v in zip(self.states, values, strict=True)]
        self.state.facts.bounds[result.text] = (min(b[0] for b in bounds), max(b[1] for b in bounds))
        return result

    def position(self, places: list[Position]) -> Position:
        key = tuple(places)
        if len(set(key)) == 1:
            return key[0]
        if key not in self.positions:
            self.positions[key] = self.merged(places)
        return self.positions[key]

    def merged(self, places: list[Position]) -> Position:
        """A new base for positions that differ, with the bounds and gaps that all of them have."""
        writer, facts = self.writer, self.state.facts
        least = min(0, *(s.facts.of_position(p)[0] for s, p in zip(self.states, places, strict=True)))
        values = []
        for edge, place in zip(self.edges, places, strict=True):
            here = writer.edge()
            writer.resume(edge)
            jump = writer.blocks[edge.label].pop()
            values.append(writer.at(place.plus(-least)).text)
            writer.line(jump)
            writer.resume(here)
        base = self.phi("i64", values)
        bounds = [s.facts.of_position(p) for s, p in zip(self.states, places, strict=True)]
        facts.bounds[base] = (min(b[0] for b in bounds) - least, max(b[1] for b in bounds) - least)
        merged = Position(base, least)
        others = {a for s in self.states for a, _ in s.facts.gaps} | {
            b for s in self.states for _, b in s.facts.gaps
        }
        for other in others:
            before = [s.facts.room(Position(other, 0), p) for s, p in zip(self.states, places, strict=True)]
            if min(before) > -MAX_GAP:
                facts.learn(Position(other, min(before)), merged)
            after = [s.facts.room(p, Position(other, 0)) for s, p in zip(self.states, places, strict=True)]
            if min(after) > -MAX_GAP:
                facts.learn(merged.plus(min(after)), Position(other, 0))
        return merged

    def placed(self, places: list[Placed | None]) -> Placed:
        known = next(p.at for p in places if p is not None)
        unset = known if known.base is None else Position(None, 0)
        at = self.position([p.at if p is not None else unset for p in places])
        bits = [number(0, 1) if p is None else p.sure or number(1, 1) for p in places]
        sure = self.number(bits)
        return Placed(at, None if sure.known == 1 else sure)


MAX_GAP = 4096
INSTRUCTION = {
    Op.ADD: "add", Op.SUB: "sub", Op.MUL: "mul", Op.AND: "and", Op.OR: "or", Op.XOR: "xor", Op.SHL: "shl",
    Op.SHR: "lshr", Op.DIV: "udiv", Op.MOD: "urem", Op.EQ: "icmp eq", Op.NE: "icmp ne", Op.LT: "icmp ult",
    Op.LE: "icmp ule",
}  # fmt: skip


def shared(tables: Iterable[dict[K, V]]) -> list[K]:
    """The keys that all of `tables` have."""
    first, *rest = tables
    return [k for k in first if all(k in t for t in rest)]


def same(tables: Iterable[dict[K, V]]) -> dict[K, V]:
    """What all of `tables` agree on."""
    first, *rest = tables
    return {k: v for k, v in first.items() if all(t.get(k) == v for t in rest)}
