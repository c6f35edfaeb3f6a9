"""Reference interpreter: the meaning of a packet program. Every other back end must agree with this file.

It is written to be read; the native back end is for speed. Time and randomness are arguments.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import assert_never

from innet.ir import nodes as ir
from innet.ir.nodes import Mark, Op
from innet.packet.headers import ANNOTATION_BYTES

NS = 1_000_000_000

DATA, END, ANNOTATION = Mark.DATA, Mark.END, Mark.ANNOTATION
"""Marks that every packet has, by names of their own: members of an `Enum` take long to be looked up in it."""


class PacketBuffer:
    """A packet: bytes with room in front, positions in them, annotations. `marks` are indices into `bytes`."""

    __slots__ = ("annotations", "bytes", "marks")

    def __init__(self, data: bytes = b"") -> None:
        self.bytes = bytearray(data)
        self.marks: dict[Mark, int] = {DATA: 0, END: len(data)}
        self.annotations = bytearray(ANNOTATION_BYTES)

    @property
    def data(self) -> bytes:
        """The bytes from DATA to END: what a device would send."""
        return bytes(self.bytes[self.marks[DATA] : self.marks[END]])

    def copy(self) -> "PacketBuffer":
        """An independent copy: no branch of a configuration sees another's changes."""
        other = PacketBuffer.__new__(PacketBuffer)
        other.bytes, other.marks = bytearray(self.bytes), dict(self.marks)
        other.annotations = bytearray(self.annotations)
        return other

    def area(self, mark: Mark) -> tuple[bytearray, int, int] | None:
        """The bytes that fields of `mark` lie in, the index of `mark`, and the end; None if it is not set."""
        if mark is ANNOTATION:
            return self.annotations, 0, ANNOTATION_BYTES
        at = self.marks.get(mark)
        return None if at is None else (self.bytes, at, self.marks[END])

    def present(self, mark: Mark, offset: int, length: int) -> bool:
        area = self.area(mark)
        return area is not None and area[1] + offset >= 0 and area[1] + offset + length <= area[2]

    def load(self, f: ir.Field) -> int:
        bit, width = f.bit, f.width
        area = self.area(f.mark)
        if area is None:
            return 0
        data, at, end = area
        first, last = at + bit // 8, at + (bit + width + 7) // 8
        if first < 0 or last > end:
            return 0
        number = int.from_bytes(data[first:last], "big")
        return number >> (-(bit + width) & 7) & (1 << width) - 1

    def store(self, f: ir.Field, value: int) -> None:
        bit, width = f.bit, f.width
        area = self.area(f.mark)
        if area is None:
            return
        data, at, end = area
        first, last = at + bit // 8, at + (bit + width + 7) // 8
        if first < 0 or last > end:
            return
        shift = -(bit + width) & 7
        mask = (1 << width) - 1 << shift
        number = int.from_bytes(data[first:last], "big") & ~mask | value << shift
        data[first:last] = number.to_bytes(last - first, "big")

    def set_mark(self, mark: Mark, at: int) -> None:
        """Put `mark` at index `at`; DATA and END make room or cut as they move, and never cross."""
        if mark is DATA:
            if at < 0:
                self.bytes[:0] = bytes(-at)
                self.marks = {m: i - at for m, i in self.marks.items()}
                at = 0
            at = min(at, self.marks[END])
        elif mark is END:
            at = max(at, self.marks[DATA])
            self.bytes[at:] = bytes(max(0, at - len(self.bytes)))
        self.marks[mark] = at


@dataclass(slots=True)
class Entry:
    """A table entry: its values, the key of its partner in a paired table, and when it was last used."""

    values: tuple[int, ...]
    partner: tuple[int, ...] | None
    touched_ns: int
    idle_ns: int


class TableState:
    """What one table holds."""

    def __init__(self, table: ir.Table) -> None:
        self.table = table
        self.rows: dict[tuple[int, ...], Entry] = {}
        self.prefixes: dict[int, dict[int, tuple[int, ...]]] = {}
        for prefix, length, values in table.entries:
            shift = sum(table.key) - length
            self.prefixes.setdefault(length, {}).setdefault(prefix >> shift, values)

    def get(self, key: tuple[int, ...]) -> tuple[int, ...] | None:
        if self.table.kind is ir.TableKind.PREFIX:
            address, width = side_by_side(key, self.table.key)
            for length in sorted(self.prefixes, reverse=True):
                values = self.prefixes[length].get(address >> width - length)
                if values is not None:
                    return values
            return None
        entry = self.rows.get(key)
        return None if entry is None else entry.values

    def entry(self, key: tuple[int, ...]) -> Entry | None:
        """The entry of a key; to look at, not to change."""
        return self.rows.get(key)

    def entries(self) -> Mapping[tuple[int, ...], Entry]:
        """All entries; to look at, not to change."""
        return self.rows

    def clear(self) -> None:
        """Remove all entries."""
        self.rows.clear()

    def delete(self, key: tuple[int, ...]) -> None:
        entry = self.rows.pop(key, None)
        if entry is not None and entry.partner is not None:
            self.rows.pop(entry.partner, None)

    def update(self, key: tuple[int, ...], values: tuple[int, ...], now_ns: int, idle_ns: int) -> None:
        """Give an entry other values, if it is there; it and its partner were used now."""
        entry = self.rows.get(key)
        if entry is None:
            return
        entry.values = values
        partner = None if entry.partner is None else self.rows.get(entry.partner)
        for one in (entry, partner):
            if one is not None:
                one.touched_ns, one.idle_ns = now_ns, idle_ns

    def insert(
        self,
        key: tuple[int, ...],
        values: tuple[int, ...],
        reply: tuple[tuple[int, ...], tuple[int, ...]] | None,
        now_ns: int,
        idle_ns: int,
    ) -> bool:
        """Set the entry (and its partner); whether there was room."""
        if reply is None:
            self.rows.pop(key, None)
        else:
            self.delete(key)
            self.delete(reply[0])
        per_flow = 1 if reply is None else 2
        if len(self.rows) >= self.table.capacity * per_flow and not self.make_room(now_ns):
            return False
        if reply is None:
            self.rows[key] = Entry(values, None, now_ns, idle_ns)
        elif reply[0] == key:
            self.rows[key] = Entry(reply[1], None, now_ns, idle_ns)
        else:
            self.rows[key] = Entry(values, reply[0], now_ns, idle_ns)
            self.rows[reply[0]] = Entry(reply[1], key, now_ns, idle_ns)
        return True

    def make_room(self, now_ns: int) -> bool:
        """Remove the entry that expires first, if the table's rule allows it."""
        guarantee = self.table.guarantee_s

        def removable(entry: Entry) -> bool:
            if guarantee is None:
                return entry.touched_ns + entry.idle_ns <= now_ns
            return entry.touched_ns + guarantee * NS <= now_ns

        free = [(e.touched_ns + e.idle_ns, key) for key, e in self.rows.items() if removable(e)]
        if not free:
            return False
        self.delete(min(free)[1])
        return True


def _zero_clock() -> int:
    return 0


@dataclass
class State:
    """All that the elements of one router remember, and what they take from the world."""

    tables: dict[tuple[str, str], TableState] = field(default_factory=dict)
    counters: dict[tuple[str, str], int] = field(default_factory=dict)
    statistics: dict[tuple[str, str], int] = field(default_factory=dict)
    listeners: dict[tuple[str, str], list[Callable[[int, int], None]]] = field(default_factory=dict)
    """What wants to hear of each addition to a statistic, and of its time: handlers that show rates."""
    clock: Callable[[], int] = _zero_clock
    random: Random = field(default_factory=lambda: Random(0))

    def table(self, element: str, table: ir.Table) -> TableState:
        key = (table.owner or element, table.name)
        state = self.tables.get(key)
        changed = state is not None and state.table is not table and state.table.entries != table.entries
        if state is None or changed:  # a handler may give a PREFIX table other entries
            state = self.tables[key] = TableState(table)
        elif table.kind is not ir.TableKind.PREFIX:
            state.table = table  # its capacity may be another since
        return state

    def first(self, counter: ir.Counter) -> int:
        """What a counter that nobody has asked yet begins with."""
        return counter.first


@dataclass(slots=True)
class Outcome:
    """What became of a packet: copies sent on the way (port, packet), in order, and the verdict."""

    verdict: ir.Verdict
    copies: list[tuple[int, PacketBuffer]]


def run(
    program: ir.Program,
    packet: PacketBuffer,
    state: State,
    watch: Callable[[ir.Branch, bool], None] | None = None,
) -> Outcome:
    """Run `program` on `packet`, which it changes; `watch` is told of each branch taken."""
    r = _Run(program.element, packet, state, watch)
    verdict = r.block(program.body)
    assert verdict is not None, "a checked program ends every path with a verdict"
    return Outcome(verdict, r.copies)


def evaluate(expr: ir.Expr, packet: PacketBuffer, variables: Mapping[str, int] | None = None) -> int:
    """An expression on a packet; `variables` are those that it uses."""
    one = _Run("", packet, _STATELESS, None)
    if variables is not None:
        one.env.update(variables)
    return one.value(expr)


_STATELESS = State()
"""What expressions are evaluated with: they neither read nor change it."""


class _Run:
    def __init__(
        self,
        element: str,
        packet: PacketBuffer,
        state: State,
        watch: Callable[[ir.Branch, bool], None] | None,
    ) -> None:
        self.element, self.packet, self.state, self.watch = element, packet, state, watch
        self.env: dict[str, int] = {}
        self.copies: list[tuple[int, PacketBuffer]] = []

    def block(self, block: ir.Block) -> ir.Verdict | None:
        """Run `block`; the verdict it met, or None if the packet goes on after it."""
        for stmt in block:
            verdict = self.stmt(stmt)
            if verdict is not None:
                return verdict
        return None

    def stmt(self, stmt: ir.Stmt) -> ir.Verdict | None:
        if stmt.__class__ is ir.Let:  # the commonest ones without patterns for what they hold: much faster
            self.env[stmt.var.name] = self.value(stmt.value)
            return None
        packet, state, env = self.packet, self.state, self.env
        match stmt:
            case ir.Assign():
                packet.store(stmt.field, self.value(stmt.value))
            case ir.Branch():
                taken = bool(self.value(stmt.condition))
                if self.watch is not None:
                    self.watch(stmt, taken)
                return self.block(stmt.then if taken else stmt.otherwise)
            case ir.Emit() | ir.Drop() | ir.Hold():
                return stmt
            case ir.Adjust(sum_field, old, new, keep_zero, _):
                self.adjust(sum_field, old, new, keep_zero)
            case ir.SetMark(mark, base, offset, plus):
                at = packet.marks.get(base)
                if at is not None:
                    packet.set_mark(mark, at + offset + (0 if plus is None else self.value(plus)))
                elif mark not in (DATA, END):
                    packet.marks.pop(mark, None)
            case ir.ClearMark(mark):
                packet.marks.pop(mark, None)
            case ir.Havoc(mark, offset, length):
                area = packet.area(mark)
                if area is not None:
                    first = area[1] + offset
                    last = area[2] if length is None else min(first + self.value(length), area[2])
                    first = max(first, 0)
                    if first < last:
                        packet.bytes[first:last] = state.random.randbytes(last - first)
            case ir.Copy(port):
                self.copies.append((port, packet.copy()))
            case ir.Lookup(table, key, values, found):
                row = state.table(self.element, table).get(self.row(key))
                env[found.name] = int(row is not None)
                for n, var in enumerate(values):
                    env[var.name] = 0 if row is None else row[n]
            case ir.Insert(table, key, values, ok, idle_s, reply):
                pair = None if reply is None else (self.row(reply[0]), self.row(reply[1]))
                idle_ns = self.value(idle_s) * NS
                env[ok.name] = int(
                    state.table(self.element, table).insert(
                        self.row(key), self.row(values), pair, state.clock(), idle_ns
                    )
                )
            case ir.Update(table, key, values, idle_s):
                idle_ns = self.value(idle_s) * NS
                state.table(self.element, table).update(
                    self.row(key), self.row(values), state.clock(), idle_ns
                )
            case ir.Delete(table, key):
                state.table(self.element, table).delete(self.row(key))
            case ir.Allocate():
                self.allocate(stmt)
            case ir.Next(counter, var):
                at_counter = ("" if counter.shared else self.element, counter.name)
                number = state.counters.get(at_counter)
                if number is None:
                    number = state.first(counter)
                env[var.name] = number
                state.counters[at_counter] = (number + 1) % (counter.wrap or 1 << counter.width)
            case ir.Now(var):
                env[var.name] = state.clock() % (1 << 64)
            case ir.Random(var):
                env[var.name] = state.random.getrandbits(var.width)
            case ir.FindOption(kinds, offset, length, found):
                option = find_option(packet, kinds)
                env[found.name] = int(option is not None)
                env[offset.name], env[length.name] = option or (0, 0)
            case ir.Count(name, amount):
                at_name = (self.element, name)
                more = self.value(amount)
                state.statistics[at_name] = state.statistics.get(at_name, 0) + more
                for hear in state.listeners.get(at_name, ()):
                    hear(more, state.clock())
            case ir.Let():
                raise AssertionError("handled above")
            case _:
                assert_never(stmt)
        return None

    def row(self, values: tuple[ir.Expr, ...]) -> tuple[int, ...]:
        return tuple([self.value(v) for v in values])

    def adjust(self, sum_field: ir.Field, old: ir.Expr, new: ir.Expr, keep_zero: bool) -> None:
        sum_now = self.packet.load(sum_field)
        if keep_zero and sum_now == 0:
            return
        total = ~sum_now & 0xFFFF
        for half in range(0, old.width, 16):
            total += (~self.value(old) >> half & 0xFFFF) + (self.value(new) >> half & 0xFFFF)
        self.packet.store(sum_field, ~fold(total) & 0xFFFF)

    def allocate(self, stmt: ir.Allocate) -> None:
        held = self.state.table(self.element, stmt.table)
        name = stmt.candidate.name

        def free(candidate: int) -> bool:
            self.env[name] = candidate
            return held.get(self.row(stmt.key)) is None

        cursor = ("" if stmt.cursor.shared else self.element, stmt.cursor.name)
        for candidate in self.candidates(stmt, cursor):
            if free(candidate):
                self.state.counters[cursor] = candidate + 1 - stmt.low
                self.env[stmt.ok.name] = 1
                return
        self.env[name], self.env[stmt.ok.name] = 0, 0

    def candidates(self, stmt: ir.Allocate, cursor: tuple[str, str]) -> Iterator[int]:
        size = stmt.high - stmt.low + 1
        if stmt.prefer is not None:
            preferred = self.value(stmt.prefer)
            if stmt.low <= preferred <= stmt.high:
                yield preferred
        if stmt.order is ir.Order.SEQUENTIAL:
            start = self.state.counters.get(cursor, 0)
        else:
            start = self.state.random.randrange(size)
        for step in range(size):
            yield stmt.low + (start + step) % size

    def value(self, expr: ir.Expr) -> int:
        kind = expr.__class__  # the commonest ones first, without patterns: twice as fast
        if kind is ir.Var:
            return self.env[expr.name]  # type: ignore[union-attr]
        if kind is ir.Const:
            return expr.value  # type: ignore[union-attr,return-value]
        if kind is ir.Binary:
            op, left = expr.op, expr.left  # type: ignore[union-attr]
            a, b = self.value(left), self.value(expr.right)  # type: ignore[union-attr]
            wraps = WRAPPING.get(op)
            return PLAIN[op](a, b) if wraps is None else wraps(a, b, left.width)
        if kind is ir.Field:
            return self.packet.load(expr)  # type: ignore[arg-type]
        if kind is ir.Cast:
            return self.value(expr.value) & (1 << expr.width) - 1  # type: ignore[union-attr,arg-type]
        if isinstance(expr, ir.Present):
            return int(self.packet.present(expr.mark, expr.offset, expr.length))
        if isinstance(expr, ir.Not):
            return ~self.value(expr.value) & (1 << expr.value.width) - 1
        if isinstance(expr, ir.Marked):
            return int(expr.mark is ANNOTATION or expr.mark in self.packet.marks)
        if isinstance(expr, ir.Distance):
            start, end, marks = expr.start, expr.end, self.packet.marks
            return (marks[end] - marks[start]) % 65536 if start in marks and end in marks else 0
        if isinstance(expr, ir.Sum):
            area = self.packet.area(expr.mark)
            if area is None:
                return 0
            first = area[1] + expr.offset
            last = first + self.value(expr.length)
            return ones_sum(bytes(area[0][max(first, 0) : max(min(last, area[2]), 0)]))
        if isinstance(expr, ir.Var | ir.Const | ir.Binary | ir.Field | ir.Cast):
            raise AssertionError("handled above")
        assert_never(expr)


WRAPPING: dict[Op, Callable[[int, int, int], int]] = {
    Op.ADD: lambda a, b, width: a + b & (1 << width) - 1,
    Op.SUB: lambda a, b, width: a - b & (1 << width) - 1,
    Op.MUL: lambda a, b, width: a * b & (1 << width) - 1,
    Op.SHL: lambda a, b, width: a << b & (1 << width) - 1 if b < width else 0,
    Op.SHR: lambda a, b, width: a >> b if b < width else 0,
}
"""Operators whose result depends on the width of their operands."""
PLAIN: dict[Op, Callable[[int, int], int]] = {
    Op.AND: operator.and_,
    Op.OR: operator.or_,
    Op.XOR: operator.xor,
    Op.DIV: operator.floordiv,
    Op.MOD: operator.mod,
    Op.ONES: lambda a, b: fold(a + b),
    Op.EQ: lambda a, b: int(a == b),
    Op.NE: lambda a, b: int(a != b),
    Op.LT: lambda a, b: int(a < b),
    Op.LE: lambda a, b: int(a <= b),
}


def apply(op: Op, a: int, b: int, width: int) -> int:
    """`op` on two numbers of `width` bits."""
    wrapping = WRAPPING.get(op)
    return PLAIN[op](a, b) if wrapping is None else wrapping(a, b, width)


def side_by_side(values: tuple[int, ...], widths: tuple[int, ...]) -> tuple[int, int]:
    """Numbers of these widths as one, the first on top, and its width."""
    number, width = 0, 0
    for value, bits in zip(values, widths, strict=True):
        number, width = number << bits | value, width + bits
    return number, width


def fold(total: int) -> int:
    """`total` as a 16-bit one's complement sum: carries come round."""
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def ones_sum(data: bytes) -> int:
    """The folded one's complement sum of `data`, padded with a zero to an even length (RFC 1071)."""
    number = int.from_bytes(data, "big") << 8 * (len(data) % 2)
    return number % 0xFFFF or (
        0xFFFF if number else 0
    )  # 2^16 = 1 modulo 2^16 - 1; only nothing but zeros gives zero


def find_option(packet: PacketBuffer, kinds: tuple[int, ...]) -> tuple[int, int] | None:
    """Offset from NET and length of the first IPv4 option of one of `kinds`, or None."""
    net, end = packet.marks.get(Mark.NET), packet.marks[END]
    if net is None or net < 0 or net + 20 > end:
        return None
    header = packet.bytes[net : min(net + (packet.bytes[net] & 15) * 4, end)]
    at = 20
    while at < len(header) and header[at] != 0:
        if header[at] == 1:
            at += 1
            continue
        length = header[at + 1] if at + 1 < len(header) else 0
        if length < 2 or at + length > len(header):
            return None
        if header[at] in kinds:
            return at, length
        at += length
    return None
