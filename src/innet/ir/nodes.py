"""The nodes of the packet-program IR: what an element becomes once its arguments are known.

A program is a `Block`, a tuple of statements. Every path through it ends in exactly one verdict (`Emit`, `Drop`
or `Hold`). There are no loops and no calls. All numbers are unsigned and of fixed width; arithmetic wraps.

Positions. A packet is a buffer of bytes, positions in it (`Mark`), and an annotation area. DATA and END are marks
like MAC, NET and TRANSPORT: stripping, adding, cutting and padding all are `SetMark`. Bytes in front of DATA stay in
the buffer (Click's Unstrip returns them); bytes that enter the packet where none ever were are zero.

Absent bytes. A `Field` that does not lie wholly inside the buffer's bytes before END, or whose mark is not set,
reads as zero, and an `Assign` to it does nothing, in every back end alike; `Present` asks.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from innet.records import quick


class Mark(Enum):
    """A position in the packet. ANNOTATION stands for the annotation area, which is always present."""

    DATA = "data"
    END = "end"
    MAC = "mac"
    NET = "net"
    TRANSPORT = "transport"
    AUX = "aux"
    ANNOTATION = "anno"

    __hash__ = object.__hash__  # members are unique; this is much faster than hashing the name


class Op(Enum):
    """Operators on two values of one width; the predicates give one bit.

    ONES adds with end-around carry. DIV and MOD divide by a constant above zero.
    """

    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "//"
    MOD = "%"
    AND = "&"
    OR = "|"
    XOR = "^"
    SHL = "<<"
    SHR = ">>"
    ONES = "+1s"
    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="

    __hash__ = object.__hash__

    @property
    def is_predicate(self) -> bool:
        return self in PREDICATES


PREDICATES = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE})


@quick
@dataclass(frozen=True, slots=True)
class Const:
    """The number `value`, `width` bits wide."""

    value: int
    width: int


@quick
@dataclass(frozen=True, slots=True)
class Var:
    """A variable of the program: bound by a statement before it is used; binding it again changes it."""

    name: str
    width: int


@quick
@dataclass(frozen=True, slots=True)
class Field:
    """`width` bits of the packet, most significant first, that start `bit` bits after `mark`; zero if absent."""

    mark: Mark
    bit: int
    width: int


@quick
@dataclass(frozen=True, slots=True)
class Present:
    """One bit: `mark` is set and the `length` bytes from `mark + offset` are all in the packet, before END."""

    mark: Mark
    offset: int
    length: int

    @property
    def width(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class Marked:
    """One bit: `mark` is set."""

    mark: Mark

    @property
    def width(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class Distance:
    """Bytes from mark `start` to mark `end`, modulo 2^16; zero if one of them is not set."""

    start: Mark
    end: Mark

    @property
    def width(self) -> int:
        return 16


@quick
@dataclass(frozen=True, slots=True)
class Binary:
    """`op` applied to `left` and `right`."""

    op: Op
    left: "Expr"
    right: "Expr"

    @property
    def width(self) -> int:
        return 1 if self.op in PREDICATES else self.left.width


@quick
@dataclass(frozen=True, slots=True)
class Not:
    """The complement, bit by bit, of `value`."""

    value: "Expr"

    @property
    def width(self) -> int:
        return self.value.width


@quick
@dataclass(frozen=True, slots=True)
class Cast:
    """`value` cut to its low `width` bits, or extended with zeros."""

    value: "Expr"
    width: int


@dataclass(frozen=True, slots=True)
class Sum:
    """The folded 16-bit one's complement sum of the `length` bytes from `mark + offset`; absent ones are zero."""

    mark: Mark
    offset: int
    length: "Expr"

    @property
    def width(self) -> int:
        return 16


Expr: TypeAlias = Const | Var | Field | Present | Marked | Distance | Binary | Not | Cast | Sum


class TableKind(Enum):
    """EXACT: key to values. PAIRED: two entries (forward and reply) that live and die together. PREFIX: longest
    prefix first; the columns of the key, side by side, are one address; filled when the element is configured."""

    EXACT = "exact"
    PAIRED = "paired"
    PREFIX = "prefix"


@dataclass(frozen=True, slots=True)
class Table:
    """An element's state: `key` and `values` are widths in bits; at most `capacity` entries (flows if PAIRED).

    An entry not touched for its idle time may be forgotten. When the table is full, the entry that expires first
    makes room if it was last touched over `guarantee_s` seconds ago; without a guarantee only expired ones do.
    `entries` of a PREFIX table are (prefix, prefix length, values). `owner` names another element instance whose
    table this is; empty: its own.
    """

    name: str
    key: tuple[int, ...]
    values: tuple[int, ...]
    capacity: int = 65536
    kind: TableKind = TableKind.EXACT
    entries: tuple[tuple[int, int, tuple[int, ...]], ...] = ()
    owner: str = ""
    guarantee_s: int | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """A number kept by the element (or by all of its class, if `shared`), from `first`, modulo 2^`width`.

    With `wrap` it is modulo `wrap`, which is at most 2^`width`: always below it.
    """

    name: str
    width: int
    first: int = 0
    shared: bool = False
    wrap: int | None = None


class Order(Enum):
    """Where `Allocate` starts to look: after the last value it gave (SEQUENTIAL), or anywhere (RANDOM)."""

    SEQUENTIAL = "sequential"
    RANDOM = "random"


@quick
@dataclass(frozen=True, slots=True)
class Let:
    """Bind `var` to what `value` is now; to proofs it may be any number, unless it is `followed`."""

    var: Var
    value: Expr
    followed: bool = True


@quick
@dataclass(frozen=True, slots=True)
class Assign:
    """Set `field` to `value`; nothing happens if the field is absent."""

    field: Field
    value: Expr


@dataclass(frozen=True, slots=True)
class Adjust:
    """Update checksum `sum` because covered data changed from `old` to `new` (RFC 1624 equation 3).

    `old` and `new` are 16 or 32 bits. With `keep_zero` a sum of zero (UDP: none) stays zero. `pseudo` (16 bits) is what
    the pseudo header (addresses) has in it: the one's complement sum of ~old + new over its halfwords; None if that is
    not known. It means nothing for packets as they are on a wire, only where a kernel has yet to sum the segment up.
    """

    sum: Field
    old: Expr
    new: Expr
    keep_zero: bool = False
    pseudo: Expr | None = None


@dataclass(frozen=True, slots=True)
class SetMark:
    """Set `mark` to the position `base + offset + plus` (bytes); if `base` is not set, `mark` becomes unset.

    DATA and END are always set: they stay where they are then.
    """

    mark: Mark
    base: Mark
    offset: int = 0
    plus: Expr | None = None


@dataclass(frozen=True, slots=True)
class ClearMark:
    """Forget `mark`."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class Havoc:
    """Put bytes that nobody can foretell in place of the `length` bytes from `mark + offset` (None: all up to END).

    Only those that are in the buffer before END change; if `mark` is not set, none.
    """

    mark: Mark
    offset: int = 0
    length: Expr | None = None


@quick
@dataclass(frozen=True, slots=True)
class Branch:
    """Run `then` if `condition` is 1, `otherwise` if not; go on after it unless a verdict was met."""

    condition: Expr
    then: "Block"
    otherwise: "Block" = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """Emit a copy of the packet, as it is now, on `port`, and go on."""

    port: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """Bind `found` to whether `table` has `key`, and `values` to its values (zero if it has not)."""

    table: Table
    key: tuple[Expr, ...]
    values: tuple[Var, ...]
    found: Var


@dataclass(frozen=True, slots=True)
class Insert:
    """Set the entry of `key` to `values`, idle for at most `idle_s` seconds; `ok` is 0 if there was no room.

    `reply` holds key and values of the second entry of a PAIRED table; pairs in the way are removed whole.
    """

    table: Table
    key: tuple[Expr, ...]
    values: tuple[Expr, ...]
    ok: Var
    idle_s: Expr
    reply: tuple[tuple[Expr, ...], tuple[Expr, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Replace the values of the entry of `key`, if there is one, and count it as used now, idle for `idle_s`."""

    table: Table
    key: tuple[Expr, ...]
    values: tuple[Expr, ...]
    idle_s: Expr


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the entry of `key`, and its partner in a PAIRED table."""

    table: Table
    key: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Allocate:
    """Bind `candidate` to a value in [low, high] for which `key` (a tuple that uses it) is not in `table`.

    `prefer` is tried first if it is in range; then the values from a start given by `order`, with wrap-around.
    `cursor` names the last value given, for SEQUENTIAL. `ok` is 0 if every value is taken. Click's port search.
    """

    table: Table
    key: tuple[Expr, ...]
    candidate: Var
    low: int
    high: int
    prefer: Expr | None
    order: Order
    cursor: Counter
    ok: Var


@dataclass(frozen=True, slots=True)
class Next:
    """Bind `var` to the value of `counter` and add one to it."""

    counter: Counter
    var: Var


@dataclass(frozen=True, slots=True)
class Now:
    """Bind `var` (64 bits) to the time in nanoseconds."""

    var: Var


@dataclass(frozen=True, slots=True)
class Random:
    """Bind `var` to a number that nobody can foretell."""

    var: Var


@dataclass(frozen=True, slots=True)
class FindOption:
    """Look for the first IPv4 option whose type is in `kinds`, in the header at NET (RFC 791 section 3.1).

    `found` is 0 if there is none or the options are malformed before it; `offset` counts from NET, `length` is the
    option's own, at least 2 and inside the header.
    """

    kinds: tuple[int, ...]
    offset: Var
    length: Var
    found: Var


@dataclass(frozen=True, slots=True)
class Count:
    """Add `amount` to the statistic `name` of this element (what handlers read); no effect on packets."""

    name: str
    amount: Expr


@dataclass(frozen=True, slots=True)
class Emit:
    """Verdict: the packet leaves by output `port`."""

    port: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Verdict: the packet is discarded and counted under `reason`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Verdict: the packet goes to the element's holder, which lets it out later or never: unchanged, by any output, if
    the element does not say otherwise (`Element.released`)."""


Verdict: TypeAlias = Emit | Drop | Hold
Stmt: TypeAlias = (
    Let | Assign | Adjust | SetMark | ClearMark | Havoc | Branch | Copy | Lookup | Insert | Update | Delete | Allocate
    | Next | Now | Random | FindOption | Count | Verdict
)  # fmt: skip
Block: TypeAlias = tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """What one input port of one element instance does with a packet."""

    element: str
    port: int
    outputs: int
    body: Block
