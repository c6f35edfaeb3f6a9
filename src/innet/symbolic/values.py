"""What the expressions of a packet program are on one path: terms, and formulas where they are one bit wide."""

from typing import TypeAlias, assert_never

from innet import ir
from innet.ir.interpret import apply, ones_sum
from innet.ir.nodes import PREDICATES, Mark, Op
from innet.symbolic.checksums import shape_of
from innet.symbolic.formulas import (
    all_of,
    any_of,
    as_term,
    at_most_zero,
    equal,
    less,
    member,
    negate,
    truth,
)
from innet.symbolic.memory import ANNOTATIONS, Memory, Split, length_term
from innet.symbolic.state import State, Tables, overlay
from innet.symbolic.store import Store
from innet.symbolic.terms import (
    FALSE,
    TRUE,
    Fn,
    Formula,
    K,
    Lin,
    Linear,
    Sym,
    Term,
    add,
    bitwise,
    cast,
    from_linear,
    levels,
    linear_of,
    minus,
    opaque,
    pieces,
    shift_left,
    shift_right,
    slice_of,
)
from innet.symbolic.work import OPERATION

MAX_OVERFLOWS = 8
"""How many ways a sum can overflow are told apart where a position depends on it."""

LONGEST = 0xFFFF
"""The longest distance between two marks that a program can tell: 16 bits."""

MAX_LEVELS = 300
"""How deep terms may be nested: about 150 operations, one on the result of the other."""

AND, OR, SHR, ONES, MUL = Op.AND, Op.OR, Op.SHR, Op.ONES, Op.MUL
EQ, NE, LE = Op.EQ, Op.NE, Op.LE
"""By names of their own: members of an `Enum` take long to be looked up in it."""

UNKNOWN = (-2, 0)
"""The position of a mark that the engine does not follow: reads there give fresh values."""


class Values:
    """The expressions of a program on a path; one that depends on an open question raises `Split`."""

    __slots__ = ("memory", "program", "scope", "state", "store", "tables", "wanted")

    def __init__(
        self,
        program: ir.Program,
        state: State,
        tables: Tables,
        scope: str,
        wanted: frozenset[str] = frozenset(),
    ) -> None:
        self.program, self.state, self.tables, self.scope, self.wanted = program, state, tables, scope, wanted
        self.memory: Memory = state.memory
        self.store: Store = state.store

    def shallow(self, term: Term) -> Term:
        """`term`, or any number in place of one that is nested too deep to work with."""
        if term.__class__ is K or term.__class__ is Sym or levels(term) <= MAX_LEVELS:
            return term
        self.state.over = (*self.state.over, "a number that is computed of many others")
        return Sym("computed", term.width, "unknown")

    def row(self, values: tuple[ir.Expr, ...]) -> tuple[Term, ...]:
        return tuple([self.value(v) for v in values])

    def present_bytes(self, mark: Mark, length: int) -> Formula:
        """Whether `length` bytes from `mark` on are there."""
        there = self.memory.available(mark, 0, length, self.store)
        return FALSE if there is None else there

    def present(self, f: ir.Field) -> bool:
        """Whether the field is there on this path; splits the path if both can be."""
        first, last = f.bit // 8, (f.bit + f.width + 7) // 8
        there = self.memory.available(f.mark, first, last - first, self.store)
        if there is None:
            return False
        if there is TRUE:
            return True
        decided = self.store.status(there)
        if decided is not None:
            return decided
        if self.store.entails(there):
            return True
        if self.store.allows(there):
            raise Split(there, negate(there))
        return False

    def load(self, f: ir.Field) -> Term:
        at = self.memory.marks.get(f.mark)
        if at is not None:
            if at is UNKNOWN:
                self.state.over = (*self.state.over, "IPv4 option content")
                return Sym(f"{f.mark.value}[{f.bit}:{f.width}]", f.width, "unknown")
            cell = self.memory.cells[at[0]].get(at[1] * 8 + f.bit)
            if cell is not None and cell[0] == f.width and not self.memory.lengths[at[0]][1]:
                return cell[1]
        if not self.present(f):
            return K(0, f.width)
        at = self.memory.position(f.mark)
        assert at is not None
        return self.memory.read(at[0], at[1] * 8 + f.bit, f.width, self.store)

    # ---- expressions

    def value(self, e: ir.Expr) -> Term:
        kind = e.__class__  # the most frequent ones first: patterns look at one class after the other
        if kind is ir.Field:
            return self.load(e)  # type: ignore[arg-type]
        if kind is ir.Binary:
            op = e.op  # type: ignore[union-attr]
            if op is ONES or op is MUL:
                shape = shape_of(e)  # type: ignore[arg-type]
                if shape is not None:
                    self.tables.work.left -= OPERATION * len(shape.leaves)
                    return shape.term(self.state.env)
            return self.binary(op, e.left, e.right)  # type: ignore[union-attr]
        if kind is ir.Var:
            return self.state.env[e.name]  # type: ignore[union-attr]
        if kind is ir.Const:
            return K(e.value, e.width)  # type: ignore[union-attr,arg-type]
        if e.__class__ is ir.Cast:
            inner, width = e.value, e.width
            if inner.__class__ is ir.Binary and inner.op is SHR and inner.right.__class__ is ir.Const:
                by = inner.right.value
                if by + width <= inner.left.width:
                    return slice_of(self.value(inner.left), by, width)
            return cast(self.value(inner), width)
        if e.__class__ is ir.Not:
            width = e.width
            if width == 1:
                return as_term(negate(self.formula(e.value)))
            return bitwise_not(self.value(e.value), width)
        match e:
            case ir.Present(mark, offset, length):
                if self.memory.marks.get(mark) is UNKNOWN:
                    return Sym(f"has {mark.value}", 1, "unknown")
                there = self.memory.available(mark, offset, length, self.store)
                return as_term(FALSE if there is None else there)
            case ir.Marked(mark):
                return K(int(mark in (Mark.END, Mark.ANNOTATION) or mark in self.memory.marks), 1)
            case ir.Distance(start, end):
                return self.distance(start, end)
            case ir.Sum(mark, offset, length):
                return self.sum(mark, offset, self.value(length))
            case ir.Const() | ir.Var() | ir.Field() | ir.Binary() | ir.Cast() | ir.Not():
                raise AssertionError("handled above")
            case _:
                assert_never(e)

    def formula(self, e: ir.Expr) -> Formula:
        """What has to be so for an expression of one bit to be 1."""
        if e.__class__ is ir.Binary:
            op = e.op
            if op in PREDICATES or ((op is AND or op is OR) and e.left.width == 1):
                return self.joined_or_compared(op, e.left, e.right)
        elif e.__class__ is ir.Not:
            return negate(self.formula(e.value))
        return truth(self.value(e))

    def joined_or_compared(self, op: Op, left: ir.Expr, right: ir.Expr) -> Formula:
        """Two conditions joined by AND or OR, or two values compared."""
        self.tables.work.left -= OPERATION
        if op in PREDICATES:
            if left.__class__ is ir.Field and right.__class__ is ir.Const:
                return self.field_test(op, left, K(right.value, right.width))
            return compare(op, self.value(left), self.value(right))
        both = op is AND
        x = self.formula(left)
        decisive = FALSE if both else TRUE
        if x == decisive or self.store.status(x) is (not both):
            return decisive
        try:
            y = self.formula(right)
        except Split as split:
            if not self.store.allows(x if both else negate(x)):
                return decisive
            # what the right side asks matters only where the left side leaves it open
            raise Split(
                *(all_of(x if both else negate(x), a) for a in split.alternatives),
                negate(x) if both else x,
            ) from None
        return all_of(x, y) if both else any_of(x, y)

    def binary(self, op: Op, left: ir.Expr, right: ir.Expr) -> Term:
        if op in PREDICATES or ((op is AND or op is OR) and left.width == 1):
            return as_term(self.joined_or_compared(op, left, right))
        self.tables.work.left -= OPERATION
        a, b = self.value(left), self.value(right)
        parts = len(pieces(a)) + len(pieces(b))
        if parts > 4:
            self.tables.work.left -= parts * parts >> 2
        match op:
            case Op.ADD | Op.SUB:
                return self.exact(add(a, b, 1 if op is Op.ADD else -1))
            case Op.AND | Op.OR | Op.XOR:
                return bitwise(op, a, b)
            case Op.SHL | Op.SHR:
                if not isinstance(b, K):
                    return opaque(op, a, b, a.width)
                return shift_left(a, b.value) if op is Op.SHL else shift_right(a, b.value)
            case Op.DIV | Op.MOD:
                return self.divided(op, a, b)
            case Op.MUL | Op.ONES:
                if isinstance(a, K) and isinstance(b, K):
                    return K(apply(op, a.value, b.value, a.width), a.width)
                if isinstance(a, K):
                    a, b = b, a
                if op is Op.MUL and b == K(0, b.width):
                    return b
                if op is Op.MUL and isinstance(b, K) and (linear := linear_of(a)) is not None:
                    return from_linear(
                        (linear[0] * b.value, tuple((t, c * b.value) for t, c in linear[1])), a.width
                    )
                return opaque(op, a, b, a.width)
        raise AssertionError(op)

    def divided(self, op: Op, a: Term, b: Term) -> Term:
        """Quotient or remainder of a division by a constant."""
        assert isinstance(b, K), "a checked program divides by constants"
        divisor, width = b.value, a.width
        if isinstance(a, K):
            return K(apply(op, a.value, divisor, width), width)
        if divisor & (divisor - 1) == 0:
            bits = divisor.bit_length() - 1
            return shift_right(a, bits) if op is Op.DIV else cast(slice_low(a, bits), width)
        result = opaque(op, a, b, width)
        most = ((1 << width) - 1) // divisor if op is Op.DIV else divisor - 1
        self.store.assume(member(result, ((0, most),)))
        return result

    def exact(self, term: Term) -> Term:
        """A sum that cannot overflow on this path, as an integer; any other term as it is."""
        if term.__class__ is Lin and not term.exact and (linear := self.wrapped(term)) is not None:
            term = Lin(linear, term.width)
            term.exact = True
        return term

    def wrapped(self, term: Lin) -> Linear | None:
        """The integer that a sum modulo 2^width is on this path; None if it overflows for some packets only."""
        low, high = self.store.bounds(self.store.canonical(term.linear))
        times = low >> term.width
        if high >> term.width != times:
            return None
        const, parts = term.linear
        return const - (times << term.width), parts

    def integer(self, term: Term) -> Linear | None:
        """A term as an integer sum, if it is one; splits the path where the sum overflows for some packets only."""
        linear = linear_of(term)
        if linear is not None or not isinstance(term, Lin):
            return linear
        const, parts = term.linear
        low, high = self.store.bounds(self.store.canonical(term.linear))
        first, last = low >> term.width, high >> term.width
        for times in range(first, min(last, first + MAX_OVERFLOWS) + 1):
            start = const - (times << term.width)
            if times == last or self.memory.decide(
                at_most_zero((start + 1 - (1 << term.width), parts)), self.store
            ):
                return start, parts
        return None

    def field_test(self, op: Op, f: ir.Field, number: K) -> Formula:
        """A field compared with a constant; where it may be absent (and so zero), both cases in one formula."""
        at = self.memory.marks.get(f.mark)
        if at is not None and at is not UNKNOWN:
            first, last = f.bit // 8, (f.bit + f.width + 7) // 8
            there = self.memory.available(f.mark, first, last - first, self.store)
            if there is not None and there is not TRUE and self.store.status(there) is None:
                value = self.memory.read(at[0], at[1] * 8 + f.bit, f.width, self.store)
                absent = compare(op, K(0, f.width), number)
                return any_of(all_of(there, compare(op, value, number)), all_of(negate(there), absent))
        return compare(op, self.load(f), number)

    def distance(self, start: Mark, end: Mark) -> Term:
        if UNKNOWN in (self.memory.marks.get(start), self.memory.marks.get(end)):
            both = self.memory.marks.keys() | {Mark.END}
            return Sym("distance", 16, "unknown") if {start, end} <= both else K(0, 16)
        length = self.memory.distance(start, end)
        if length is None:
            return K(0, 16)
        length = self.store.canonical(length)
        if not length[1]:
            return K(length[0] % 65536, 16)
        low, high = self.store.bounds(length)
        if low == high:
            return K(low % 65536, 16)
        if low < 0 or high > LONGEST:  # 16 bits do not hold all of them
            inside = all_of(at_most_zero(minus((0, ()), length)), at_most_zero(minus(length, (LONGEST, ()))))
            if not self.store.entails(inside):
                if self.store.allows(inside):
                    raise Split(inside, negate(inside))
                return from_linear(length, 16)
        return length_term(length)

    def sum(self, mark: Mark, offset: int, length: Term) -> Term:
        """A checksum: opaque to the store, but computable when the packet is known."""
        if mark is not Mark.END and self.memory.position(mark) is None:
            return K(0, 16)
        if self.memory.marks.get(mark) is UNKNOWN:
            return Sym("sum", 16, "unknown")
        content, start = self.content(mark, offset)
        return Fn("sum", (content, start, length), 16, _sum_bytes)  # type: ignore[arg-type]  # nested

    def content(self, mark: Mark, offset: int = 0) -> tuple[tuple[object, ...], int | Term]:
        """Bytes from some place on, as an argument for opaque values, and where `mark + offset` is among them.

        A place in front of the buffer is negative, or counts as 16 bits.
        """
        memory = self.memory
        at = memory.end() if mark is Mark.END else memory.position(mark)
        assert at is not None
        start: int | Term = at[1] + offset
        order = (at[0],) if at[0] == ANNOTATIONS else memory.order[memory.order.index(at[0]) :]
        if at[1] + offset < 0 and at[0] != ANNOTATIONS:
            order = memory.order
            const, parts = memory.from_start(at[0], at[1] + offset)
            start = length_term((const, parts)) if parts else const
        regions = []
        for rid in order:
            cells = tuple((b, c[0], c[1]) for b, c in sorted(memory.cells[rid].items()))
            regions.append((memory.blobs[rid] or "", length_term(memory.lengths[rid]), cells))
        return tuple(regions), start


Content: TypeAlias = "tuple[tuple[bytes | str, int, tuple[tuple[int, int, int], ...]], ...]"
"""Regions as `Values.content` gives them, their terms evaluated: bytes, length, (bit, width, number) cells."""


def content_bytes(regions: Content) -> bytes:
    data = bytearray()
    for content, size, cells in regions:
        data += overlay(content if isinstance(content, bytes) else b"", size, cells)
    return bytes(data)


def signed(place: int) -> int:
    return place - 0x10000 if place >= 0x8000 else place


def _sum_bytes(regions: Content, start: int, length: int) -> int:
    start = signed(start)
    return ones_sum(content_bytes(regions)[max(start, 0) : max(start + length, 0)])


def compare(op: Op, a: Term, b: Term) -> Formula:
    """A comparison of two terms."""
    if op is EQ:
        return equal(a, b)
    return negate(equal(a, b)) if op is NE else less(a, b, op is LE)


def slice_low(term: Term, bits: int) -> Term:
    """The low `bits` bits of `term`; zero if there are none."""
    return cast(term, bits) if bits else K(0, 1)


def bitwise_not(term: Term, width: int) -> Term:
    """The complement, bit by bit."""
    if isinstance(term, K):
        return K(~term.value & (1 << width) - 1, width)
    return bitwise(Op.XOR, term, K((1 << width) - 1, width))
