"""The language elements are written in: run an element's `push` once, on a packet that records.

Python's `if` and `for` act when the configuration is built; `with p.when(condition)` acts on each packet. Reading a
field is an event: `p.ip.ttl` records a load there and then. `emit`, `drop` and `hold` are verdicts: what follows a
`when` that ends in one is for the other packets.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import NoReturn

from innet.diagnostics import TraceError
from innet.ir import nodes as ir
from innet.ir.nodes import Mark, Op
from innet.packet import headers
from innet.packet.headers import Header, HeaderField

MARK_OF = {
    Header.ETHERNET: Mark.MAC,
    Header.NETWORK: Mark.NET,
    Header.TRANSPORT: Mark.TRANSPORT,
    Header.ANNOTATION: Mark.ANNOTATION,
}


class ChecksumEffect(Enum):
    """What an assignment to the IPv4 header does to `ip.sum`: nothing, or the RFC 1624 update."""

    NONE = "none"
    INCREMENTAL = "incremental"


def constant(value: int, width: int) -> ir.Const:
    """A constant, checked against its width."""
    if not 0 <= value < 1 << width:
        raise TraceError(f"{value} does not fit into {width} bits")
    return ir.Const(value, width)


class Value:
    """A number known only when a packet arrives: an IR expression that takes Python's operators."""

    __slots__ = ("expr",)

    def __init__(self, expr: ir.Expr) -> None:
        self.expr = expr

    @property
    def width(self) -> int:
        return self.expr.width

    def __add__(self, other: "Value | int") -> "Value":
        return self._binary(Op.ADD, other)

    def __radd__(self, other: int) -> "Value":
        return Value(constant(other, self.width))._binary(Op.ADD, self)

    def __sub__(self, other: "Value | int") -> "Value":
        return self._binary(Op.SUB, other)

    def __mul__(self, other: "Value | int") -> "Value":
        return self._binary(Op.MUL, other)

    def __floordiv__(self, divisor: int) -> "Value":
        return self._binary(Op.DIV, divisor)

    def __mod__(self, divisor: int) -> "Value":
        return self._binary(Op.MOD, divisor)

    def __and__(self, other: "Value | int") -> "Value":
        return self._binary(Op.AND, other)

    def __or__(self, other: "Value | int") -> "Value":
        return self._binary(Op.OR, other)

    def __xor__(self, other: "Value | int") -> "Value":
        return self._binary(Op.XOR, other)

    def __lshift__(self, bits: int) -> "Value":
        return self._binary(Op.SHL, bits)

    def __rshift__(self, bits: int) -> "Value":
        return self._binary(Op.SHR, bits)

    def __invert__(self) -> "Value":
        return Value(ir.Not(self.expr))

    def __eq__(self, other: object) -> "Value":  # type: ignore[override]  # builds an expression
        return self._binary(Op.EQ, other)

    def __ne__(self, other: object) -> "Value":  # type: ignore[override]  # builds an expression
        return self._binary(Op.NE, other)

    def __lt__(self, other: "Value | int") -> "Value":
        return self._binary(Op.LT, other)

    def __le__(self, other: "Value | int") -> "Value":
        return self._binary(Op.LE, other)

    def __gt__(self, other: "Value | int") -> "Value":
        return as_value(other, self.width)._binary(Op.LT, self)

    def __ge__(self, other: "Value | int") -> "Value":
        return as_value(other, self.width)._binary(Op.LE, self)

    def ones_add(self, other: "Value | int") -> "Value":
        """One's complement sum: the carry comes round."""
        return self._binary(Op.ONES, other)

    def cast(self, width: int) -> "Value":
        """The low `width` bits, or the value extended with zeros."""
        return self if width == self.width else Value(ir.Cast(self.expr, width))

    def bits(self, low: int, width: int) -> "Value":
        """Bits [low, low + width), counted from the least significant one."""
        return (self >> low).cast(width) if low else self.cast(width)

    def __bool__(self) -> NoReturn:
        raise TraceError(
            "this value is known only when a packet arrives, so Python's if/and/or/not cannot test it; "
            "use `with p.when(condition):`, and combine conditions with &, | and ~"
        )

    __hash__ = None  # type: ignore[assignment]  # a value compares by building an expression

    def _binary(self, op: Op, other: object) -> "Value":
        return Value(ir.Binary(op, self.expr, as_value(other, self.width).expr))


def as_value(value: object, width: int) -> Value:
    """`value` as `width` bits; a Python int becomes a constant."""
    if isinstance(value, Value):
        if value.width != width:
            raise TraceError(
                f"a value of {value.width} bits stands where {width} bits are needed; use .cast()"
            )
        return value
    if isinstance(value, int):
        return Value(constant(int(value), width))
    raise TraceError(f"expected a packet value or a number of at most {width} bits, got {value!r}")


def any_of(conditions: Iterable[Value]) -> Value:
    """Whether one of `conditions` holds; false if there are none."""
    result = Value(ir.Const(0, 1))
    for n, condition in enumerate(conditions):
        result = condition if n == 0 else result | condition
    return result


class FieldAccess:
    """A header field as an attribute: reading records a load, assigning records a store."""

    def __init__(self, name: str) -> None:
        self.field: HeaderField = headers.BY_NAME[name]

    def __get__(self, view: "View", owner: type) -> Value:
        return view.packet.load(view.at(self.field))

    def __set__(self, view: "View", value: "Value | int") -> None:
        view.packet.store(view.at(self.field), as_value(value, self.field.width), view.covered)


class View:
    """A header of the packet being traced; `mark` is where it starts."""

    covered = False

    def __init__(self, packet: "Packet", mark: Mark, shift: int = 0) -> None:
        self.packet, self.mark, self.shift = packet, mark, shift

    def at(self, field: HeaderField) -> ir.Field:
        return ir.Field(self.mark, field.bit + 8 * self.shift, field.width)

    def raw(self, byte: int, length: int) -> Value:
        """`length` bytes from the `byte`-th of this header on, as one number."""
        return self.packet.load(ir.Field(self.mark, 8 * (self.shift + byte), 8 * length))

    def present(self, length: int, offset: int = 0) -> Value:
        """Whether `length` bytes from `offset` on are in the packet."""
        return Value(ir.Present(self.mark, self.shift + offset, length))


class Ethernet(View):
    """IEEE 802.3, at MAC."""

    dst, src, type = FieldAccess("ether.dst"), FieldAccess("ether.src"), FieldAccess("ether.type")


class IPv4(View):
    """RFC 791 section 3.1, at NET."""

    covered = True
    vers, hl, tos, len = (
        FieldAccess("ip.vers"),
        FieldAccess("ip.hl"),
        FieldAccess("ip.tos"),
        FieldAccess("ip.len"),
    )
    id, off, ttl = FieldAccess("ip.id"), FieldAccess("ip.off"), FieldAccess("ip.ttl")
    proto, sum = FieldAccess("ip.proto"), FieldAccess("ip.sum")
    src, dst = FieldAccess("ip.src"), FieldAccess("ip.dst")


class IPv6(View):
    """RFC 8200 section 3, at NET. An address is its upper and its lower 64 bits."""

    vers, flow, plen = FieldAccess("ip6.vers"), FieldAccess("ip6.flow"), FieldAccess("ip6.plen")
    traffic_class, nxt, hlim = FieldAccess("ip6.class"), FieldAccess("ip6.nxt"), FieldAccess("ip6.hlim")
    src_high, src_low = FieldAccess("ip6.src_high"), FieldAccess("ip6.src_low")
    dst_high, dst_low = FieldAccess("ip6.dst_high"), FieldAccess("ip6.dst_low")


class ARP(View):
    """RFC 826, for IPv4 over Ethernet, where the network header is."""

    hrd, pro, op = FieldAccess("arp.hrd"), FieldAccess("arp.pro"), FieldAccess("arp.op")
    hln, pln = FieldAccess("arp.hln"), FieldAccess("arp.pln")
    sha, spa = FieldAccess("arp.sha"), FieldAccess("arp.spa")
    tha, tpa = FieldAccess("arp.tha"), FieldAccess("arp.tpa")


class UDP(View):
    """RFC 768, at TRANSPORT."""

    sport, dport = FieldAccess("udp.sport"), FieldAccess("udp.dport")
    len, sum = FieldAccess("udp.len"), FieldAccess("udp.sum")


class TCP(View):
    """RFC 9293 section 3.1, at TRANSPORT."""

    sport, dport = FieldAccess("tcp.sport"), FieldAccess("tcp.dport")
    seq, ack, off = FieldAccess("tcp.seq"), FieldAccess("tcp.ack"), FieldAccess("tcp.off")
    flags, win, sum = FieldAccess("tcp.flags"), FieldAccess("tcp.win"), FieldAccess("tcp.sum")


class ICMP(View):
    """RFC 792, at TRANSPORT."""

    type, code, sum = FieldAccess("icmp.type"), FieldAccess("icmp.code"), FieldAccess("icmp.sum")
    rest, id, seq = FieldAccess("icmp.rest"), FieldAccess("icmp.id"), FieldAccess("icmp.seq")


class Annotations(View):
    """The annotation area (ELEMENTS 2.3)."""

    dst_ip, paint = FieldAccess("anno.dst_ip"), FieldAccess("anno.paint")
    dst_ip6_high, dst_ip6_low = FieldAccess("anno.dst_ip6_high"), FieldAccess("anno.dst_ip6_low")
    icmp_paramprob, fix_ip_src = FieldAccess("anno.icmp_paramprob"), FieldAccess("anno.fix_ip_src")
    vlan_tci, aggregate = FieldAccess("anno.vlan_tci"), FieldAccess("anno.aggregate")
    extra_length, packet_type = FieldAccess("anno.extra_length"), FieldAccess("anno.packet_type")
    time_s, time_ns = FieldAccess("anno.time_s"), FieldAccess("anno.time_ns")


class Packet:
    """The packet an element's `push` sees while it is traced, and the statements recorded so far."""

    def __init__(
        self, scope: str, inputs: int = 1, outputs: int = 1, checksum: ChecksumEffect = ChecksumEffect.NONE
    ) -> None:
        self.scope, self.inputs, self.outputs, self.checksum = scope, inputs, outputs, checksum
        self.ether, self.ip, self.ip6 = Ethernet(self, Mark.MAC), IPv4(self, Mark.NET), IPv6(self, Mark.NET)
        self.udp, self.tcp, self.icmp = (
            UDP(self, Mark.TRANSPORT),
            TCP(self, Mark.TRANSPORT),
            ICMP(self, Mark.TRANSPORT),
        )
        self.anno = Annotations(self, Mark.ANNOTATION)
        self._open: list[list[ir.Stmt]] = [[]]
        self._vars = 0

    # ---- reading

    def load(self, field: ir.Field) -> Value:
        """The value of `field` as of now: a later assignment does not change it. Zero if it is absent."""
        return self.bind(Value(field))

    def bind(self, value: Value) -> Value:
        """`value` as of now, in a variable."""
        var = self.var(value.width)
        self.append(ir.Let(var, value.expr))
        return Value(var)

    def unfollowed(self, value: Value) -> Value:
        """`value` as of now, which is any number to proofs: for averages, buckets and other reckoning with time."""
        var = self.var(value.width)
        self.append(ir.Let(var, value.expr, followed=False))
        return Value(var)

    def var(self, width: int) -> ir.Var:
        self._vars += 1
        return ir.Var(f"{self.scope}%{self._vars}", width)

    def raw(self, mark: Mark, byte: int, length: int) -> Value:
        """`length` bytes from `mark + byte` on, as one number; zero if one of them is absent."""
        return self.load(ir.Field(mark, 8 * byte, 8 * length))

    def present(self, mark: Mark, offset: int, length: int) -> Value:
        """Whether `length` bytes from `mark + offset` on are in the packet."""
        return Value(ir.Present(mark, offset, length))

    def marked(self, mark: Mark) -> Value:
        """Whether `mark` is set."""
        return Value(ir.Marked(mark))

    def distance(self, start: Mark, end: Mark) -> Value:
        """Bytes from `start` to `end`, modulo 2^16."""
        return self.bind(Value(ir.Distance(start, end)))

    @property
    def length(self) -> Value:
        """Bytes from the packet's data pointer to its end."""
        return self.distance(Mark.DATA, Mark.END)

    def sum(self, mark: Mark, offset: int, length: "Value | int") -> Value:
        """The one's complement sum over `length` bytes from `mark + offset`."""
        return self.bind(Value(ir.Sum(mark, offset, as_value(length, 16).expr)))

    def now(self) -> Value:
        """The time in nanoseconds, 64 bits."""
        var = self.var(64)
        self.append(ir.Now(var))
        return Value(var)

    def random(self, width: int) -> Value:
        """A number nobody can foretell."""
        var = self.var(width)
        self.append(ir.Random(var))
        return Value(var)

    def next(self, counter: ir.Counter) -> Value:
        """The counter's value; the counter then goes on by one."""
        var = self.var(counter.width)
        self.append(ir.Next(counter, var))
        return Value(var)

    # ---- writing

    def store(self, field: ir.Field, value: Value, covered: bool = False) -> None:
        """Set `field`; if it is `covered` by the IPv4 checksum and the element says so, update that too."""
        if covered and self.checksum is ChecksumEffect.INCREMENTAL and field.bit != 80:
            old = self.load(field)
            self.append(ir.Assign(field, value.expr))
            self.adjust(ir.Field(field.mark, 80, 16), old, value, field.bit)
        else:
            self.append(ir.Assign(field, value.expr))

    def adjust(
        self,
        sum: ir.Field,
        old: Value,
        new: Value,
        bit: int = 0,
        keep_zero: bool = False,
        pseudo: Value | None = None,
    ) -> None:
        """Update checksum `sum` for a covered field at bit `bit` going from `old` to `new`.

        Of a transport checksum, `pseudo` is what the addresses contribute to the change (see `ir.Adjust`).
        """
        if old.width not in (16, 32) or bit % 16:
            shift = 16 - bit % 16 - old.width
            if shift < 0:
                raise TraceError("a field that crosses a halfword cannot be adjusted for; split it")
            old, new = (v.cast(16) << shift if shift else v.cast(16) for v in (old, new))
        self.append(ir.Adjust(sum, old.expr, new.expr, keep_zero, None if pseudo is None else pseudo.expr))

    def set_raw(self, mark: Mark, byte: int, length: int, value: "Value | int") -> None:
        """Set `length` bytes from `mark + byte` on; no checksum follows."""
        self.append(ir.Assign(ir.Field(mark, 8 * byte, 8 * length), as_value(value, 8 * length).expr))

    def set_mark(self, mark: Mark, base: Mark, offset: int = 0, plus: Value | None = None) -> None:
        """Move `mark` to `base + offset + plus` (bytes)."""
        self.append(ir.SetMark(mark, base, offset, plus.expr if plus is not None else None))

    def clear_mark(self, mark: Mark) -> None:
        """Forget `mark`."""
        self.append(ir.ClearMark(mark))

    def havoc(self, mark: Mark, offset: int = 0, length: "Value | int | None" = None) -> None:
        """Bytes that nobody can foretell for the `length` ones from `mark + offset` on (None: all up to END)."""
        self.append(ir.Havoc(mark, offset, None if length is None else as_value(length, 16).expr))

    def strip(self, length: int) -> None:
        """Remove `length` bytes in front; all of them if there are not so many (Click's `pull`)."""
        if length > 0xFFFF:  # no packet is so long
            self.set_mark(Mark.DATA, Mark.END)
            return
        with self.when(self.length < length):
            self.set_mark(Mark.DATA, Mark.END)
        with self.otherwise():
            self.set_mark(Mark.DATA, Mark.DATA, length)

    def unstrip(self, length: int) -> None:
        """Add `length` bytes in front: those stripped before, or zeros (Click's `push`)."""
        self.set_mark(Mark.DATA, Mark.DATA, -length)

    # ---- control

    def append(self, stmt: ir.Stmt) -> None:
        block = self._open[-1]
        if block and isinstance(block[-1], ir.Emit | ir.Drop | ir.Hold):
            raise TraceError(f"unreachable: the packet already met its verdict, {block[-1]}")
        block.append(stmt)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Statements inside apply only to packets for which `condition` holds."""
        if condition.width != 1:
            raise TraceError(f"a condition is one bit wide, this value has {condition.width}; compare it")
        self._open.append([])
        yield
        then = tuple(self._open.pop())
        self.append(ir.Branch(condition.expr, then, ()))

    @contextmanager
    def otherwise(self) -> Iterator[None]:
        """Statements inside apply to the packets that the `when` just before left out."""
        block = self._open[-1]
        last = block[-1] if block else None
        if not isinstance(last, ir.Branch) or last.otherwise:
            raise TraceError("`otherwise` must follow a `when` directly")
        self._open.append([])
        yield
        other = tuple(self._open.pop())
        block[-1] = ir.Branch(last.condition, last.then, other)

    def local(self, value: "Value | int", width: int = 16) -> "Local":
        """A variable that may be set again."""
        initial = as_value(value, value.width if isinstance(value, Value) else width)
        var = self.var(initial.width)
        self.append(ir.Let(var, initial.expr))
        return Local(self, var)

    # ---- tables

    def lookup(self, table: ir.Table, key: Sequence["Value | int"]) -> tuple[Value, tuple[Value, ...]]:
        """Whether `table` has `key`, and its values (zeros if not)."""
        found, values = self.var(1), tuple(self.var(width) for width in table.values)
        self.append(ir.Lookup(table, _row(key, table.key), values, found))
        return Value(found), tuple(Value(v) for v in values)

    def insert(
        self,
        table: ir.Table,
        key: Sequence["Value | int"],
        values: Sequence["Value | int"],
        idle_s: "Value | int",
        reply: tuple[Sequence["Value | int"], Sequence["Value | int"]] | None = None,
    ) -> Value:
        """Set an entry (two, in a paired table); whether there was room."""
        ok = self.var(1)
        pair = None if reply is None else (_row(reply[0], table.key), _row(reply[1], table.values))
        self.append(
            ir.Insert(
                table, _row(key, table.key), _row(values, table.values), ok, as_value(idle_s, 32).expr, pair
            )
        )
        return Value(ok)

    def update(
        self,
        table: ir.Table,
        key: Sequence["Value | int"],
        values: Sequence["Value | int"],
        idle_s: "Value | int",
    ) -> None:
        """Replace the values of an entry and mark it used."""
        self.append(
            ir.Update(table, _row(key, table.key), _row(values, table.values), as_value(idle_s, 32).expr)
        )

    def delete(self, table: ir.Table, key: Sequence["Value | int"]) -> None:
        """Remove an entry, and its partner."""
        self.append(ir.Delete(table, _row(key, table.key)))

    def candidate(self, width: int) -> ir.Var:
        """A variable for `allocate` to try values in."""
        return self.var(width)

    def allocate(
        self,
        table: ir.Table,
        key: Sequence["Value | int"],
        candidate: ir.Var,
        low: int,
        high: int,
        order: ir.Order,
        cursor: ir.Counter,
        prefer: Value | None = None,
    ) -> Value:
        """Bind `candidate` to a value for which `key` is free; whether there was one."""
        ok = self.var(1)
        expr = None if prefer is None else prefer.expr
        self.append(ir.Allocate(table, _row(key, table.key), candidate, low, high, expr, order, cursor, ok))
        return Value(ok)

    def find_option(self, *kinds: int) -> tuple[Value, Value, Value]:
        """Whether the IPv4 header has an option of one of `kinds`, its offset from NET, and its length."""
        found, offset, length = self.var(1), self.var(16), self.var(16)
        self.append(ir.FindOption(kinds, offset, length, found))
        return Value(found), Value(offset), Value(length)

    def count(self, name: str, amount: "Value | int" = 1) -> None:
        """Add to a statistic that handlers read."""
        self.append(ir.Count(name, as_value(amount, 64 if isinstance(amount, int) else amount.width).expr))

    # ---- verdicts

    def copy(self, port: int) -> None:
        """Emit a copy on `port` and go on."""
        self._check_port(port)
        self.append(ir.Copy(port))

    def emit(self, port: int) -> None:
        """The packet leaves by `port`."""
        self._check_port(port)
        self.append(ir.Emit(port))

    def divert(self, port: int, reason: str) -> None:
        """The packet leaves by `port` if that output is connected, otherwise it is dropped."""
        if port < self.outputs:
            self.emit(port)
        else:
            self.drop(reason)

    def drop(self, reason: str) -> None:
        """The packet is discarded and counted under `reason`."""
        self.append(ir.Drop(reason))

    def hold(self) -> None:
        """The packet goes to the element's holder."""
        self.append(ir.Hold())

    def _check_port(self, port: int) -> None:
        if not 0 <= port < self.outputs:
            raise TraceError(f"{self.scope} emits on output {port}, but has {self.outputs} outputs")

    def finish(self) -> ir.Block:
        """What was recorded; every path must have met its verdict."""
        block = tuple(self._open[0])
        if not ends(block):
            raise TraceError("push() returned, but some packets were neither emitted, dropped nor held")
        return block


class Local:
    """A variable of the program that may be set again: `x.set(x.value + 1)`."""

    def __init__(self, packet: Packet, var: ir.Var) -> None:
        self._packet, self._var = packet, var

    @property
    def value(self) -> Value:
        return self._packet.bind(Value(self._var))

    def set(self, value: "Value | int") -> None:
        self._packet.append(ir.Let(self._var, as_value(value, self._var.width).expr))


def ends(block: ir.Block) -> bool:
    """Whether every path through `block` meets a verdict."""
    match block[-1:]:
        case (ir.Branch(_, then, otherwise),):
            return ends(then) and ends(otherwise)
        case (last,):
            return isinstance(last, ir.Emit | ir.Drop | ir.Hold)
    return False


def _row(values: Sequence["Value | int"], widths: Sequence[int]) -> tuple[ir.Expr, ...]:
    if len(values) != len(widths):
        raise TraceError(f"{len(values)} values stand where the table has {len(widths)} columns")
    return tuple(as_value(v, w).expr for v, w in zip(values, widths, strict=True))
