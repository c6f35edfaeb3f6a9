"""Terms: what a field may hold when the packet is not known, in a normal form in which equal values look equal.

A term is a constant (`K`), an *atom* that the constraint store keeps a domain for (`Sym`, `Slice` of a symbol,
`Fn`: an operation the store does not understand), a linear sum of atoms (`Lin`), or pieces side by side (`Concat`).
`Truth` is a formula as a one-bit value. Every term can be evaluated when its symbols have values.
"""

import itertools
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeAlias
from zlib import crc32

from innet.ir.interpret import apply, ones_sum
from innet.ir.nodes import Op


class Blob:
    """Bytes nobody has looked at: a payload, or a whole packet. `parent` and `skip`: the tail of another blob."""

    __slots__ = ("carved", "length", "name", "parent", "skip", "tails")

    def __init__(
        self, name: str, length: "Linear", parent: "Blob | None" = None, skip: "Linear | None" = None
    ) -> None:
        self.name, self.length, self.parent, self.skip = name, length, parent, skip
        self.carved: dict[tuple[int, int], Sym] = {}
        self.tails: dict[Linear, Blob] = {}

    def carve(self, bit: int, width: int) -> "Sym":
        """The symbol for `width` bits from bit `bit` on: the same one each time."""
        sym = self.carved.get((bit, width))
        if sym is None:
            sym = self.carved[bit, width] = Sym(f"{self.name}[{bit}:{width}]", width, "payload", self, bit)
        return sym

    def tail(self, skip: "Linear") -> "Blob":
        """The bytes after the first `skip`: the same blob each time."""
        blob = self.tails.get(skip)
        if blob is None:
            blob = self.tails[skip] = Blob(f"{self.name}+", minus(self.length, skip), self, skip)
        return blob

    @property
    def root(self) -> "Blob":
        """The blob that this one is a tail of, or itself."""
        blob = self
        while blob.parent is not None:
            blob = blob.parent
        return blob

    def __repr__(self) -> str:
        return self.name


_numbers = itertools.count()


@lru_cache(maxsize=1024)
def _place(op: str) -> int:
    return crc32(op.encode())


class Sym:
    """An unknown number. `origin` says where it came from ("injected", "allocated", "payload", …)."""

    __slots__ = ("bit", "blob", "name", "order", "origin", "width")

    def __init__(
        self, name: str, width: int, origin: str = "injected", blob: Blob | None = None, bit: int = 0
    ) -> None:
        self.name, self.width, self.origin, self.blob, self.bit = name, width, origin, blob, bit
        self.order = next(_numbers) << 16
        """Where it stands in sums: as old as it is, so that the same question is always asked in the same order."""

    def __repr__(self) -> str:
        return self.name


class K:
    """The number `value`."""

    __slots__ = ("value", "width")

    def __init__(self, value: int, width: int) -> None:
        self.value, self.width = value, width

    def __eq__(self, other: object) -> bool:
        return other.__class__ is K and self.value == other.value and self.width == other.width

    def __hash__(self) -> int:
        return hash((self.value, self.width))

    def __repr__(self) -> str:
        return f"{self.value:#x}" if self.value > 9 else str(self.value)


class _Structural:
    """Equality by parts, with the hash computed once, when it is first asked for: sets may be large."""

    __slots__ = ("_hash", "_levels", "key", "width")

    def __init__(self, key: tuple[object, ...], width: int) -> None:
        self.key, self.width = key, width
        self._hash = self._levels = 0

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if self.__class__ is not other.__class__:
            return False
        assert isinstance(other, _Structural)
        if self.key != other.key:
            return False
        other.key = self.key  # the same parts from now on: whoever asks again need not look at theirs
        return True

    def __hash__(self) -> int:
        found = self._hash
        if not found:
            found = self._hash = hash(self.key) or 1
        return found


class Slice(_Structural):
    """Bits [low, low + width) of an atom, counted from the least significant one."""

    __slots__ = ("base", "low", "order")

    def __init__(self, base: "Sym | Fn", low: int, width: int) -> None:
        super().__init__((base, low, width), width)
        self.base, self.low = base, low
        self.order = base.order + ((low << 8 | width) & 0xFFFF)

    def __repr__(self) -> str:
        return _shown(self, [MAX_SHOWN])


class Fn(_Structural):
    """An operation the constraint store does not look into; `evaluate` computes it from its arguments' values."""

    __slots__ = ("args", "evaluate", "op", "order")

    def __init__(
        self, op: str, args: tuple["Term | bytes | int", ...], width: int, evaluate: Callable[..., int]
    ) -> None:
        super().__init__((op, args, width), width)
        self.op, self.args, self.evaluate = op, args, evaluate
        self.order = (1 << 62) + (_place(op) << 32) + (self._hash & 0xFFFF_FFFF)

    def __repr__(self) -> str:
        return _shown(self, [MAX_SHOWN])


Atom: TypeAlias = Sym | Slice | Fn
Linear: TypeAlias = tuple[int, tuple[tuple[Atom, int], ...]]
"""A constant and (atom, coefficient) pairs: an integer, not taken modulo anything."""


class Lin(_Structural):
    """`linear` modulo 2^`width`; `exact`: it is known that it never overflows."""

    __slots__ = ("exact", "linear")

    def __init__(self, linear: Linear, width: int) -> None:
        super().__init__((linear, width), width)
        self.linear = linear
        self.exact = False

    def __repr__(self) -> str:
        return _shown(self, [MAX_SHOWN])


class Concat(_Structural):
    """Pieces side by side, the most significant first."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple["Part", ...], width: int) -> None:
        super().__init__(parts, width)
        self.parts = parts

    def __repr__(self) -> str:
        return _shown(self, [MAX_SHOWN])


class Truth:
    """A formula as a one-bit value."""

    __slots__ = ("formula",)
    width = 1

    def __init__(self, formula: "Formula") -> None:
        self.formula = formula

    def __eq__(self, other: object) -> bool:
        return self is other or (other.__class__ is Truth and self.formula == other.formula)

    def __hash__(self) -> int:
        return hash(self.formula)

    def __repr__(self) -> str:
        return f"[{self.formula}]"


MAX_SHOWN = 100
"""How many parts of a term are printed: a term with few statements behind it may have no end of them."""


def _shown(term: object, left: list[int]) -> str:
    """A term as text, cut short where `left` parts were told."""
    left[0] -= 1
    if left[0] < 0:
        return "…"
    match term:
        case Slice(base=base, low=low, width=width):
            return f"{_shown(base, left)}<{low}:{width}>"
        case Fn(op=op, args=args):
            return f"{op}({', '.join(_shown(arg, left) for arg in args)})"
        case Lin(linear=(const, parts)):
            text = " + ".join(f"{c}*{_shown(a, left)}" if c != 1 else _shown(a, left) for a, c in parts)
            return f"({text} + {const})" if const else f"({text})"
        case Concat(parts=parts):
            return "{" + ", ".join(_shown(part, left) for part in parts) + "}"
        case Truth() if left[0] < MAX_SHOWN - 1:
            return "[…]"
        case tuple():
            return f"({', '.join(_shown(part, left) for part in term)})"
    return str(term)


def levels(term: object) -> int:
    """How deep a term is nested in others, all levels of its parts counted."""
    if not isinstance(term, _Structural):
        if isinstance(term, tuple):
            return 1 + max(map(levels, term), default=0)
        return levels(term.formula) if isinstance(term, Truth) else 0
    found = term._levels
    if found:
        return found
    if isinstance(term, Fn | Lin):  # the usual ones, without looking at what has no parts
        inner, own = (term.args, 3) if isinstance(term, Fn) else ([a for a, _ in term.linear[1]], 5)
        for part in inner:
            if part.__class__ is not K and part.__class__ is not Sym:
                found = max(found, levels(part))
        found += own
    else:
        found = 1 + levels(term.atom if isinstance(term, In) else term.key)
    term._levels = found
    return found


Part: TypeAlias = K | Sym | Slice | Fn | Lin | Truth
Term: TypeAlias = Part | Concat

# ---- formulas, in negation normal form


class Always(_Structural):
    """Holds always, or never."""

    __slots__ = ("holds",)

    def __init__(self, holds: bool) -> None:
        super().__init__((holds,), 1)
        self.holds = holds

    def __repr__(self) -> str:
        return str(self.holds)


class In(_Structural):
    """The atom is in the set."""

    __slots__ = ("atom", "ranges")

    def __init__(self, atom: Atom, ranges: tuple[tuple[int, int], ...]) -> None:
        self.key, self.width = (atom, ranges), 1  # the commonest one, without another call
        self._hash = self._levels = 0
        self.atom, self.ranges = atom, ranges

    def __repr__(self) -> str:
        return f"{self.atom} in {self.ranges}"


class Same(_Structural):
    """`left == right + offset` modulo 2^width (or not, if not `equal`)."""

    __slots__ = ("equal", "left", "offset", "right")

    def __init__(self, left: Atom, right: Atom, offset: int, equal: bool) -> None:
        super().__init__((left, right, offset, equal), 1)
        self.left, self.right, self.offset, self.equal = left, right, offset, equal

    def __repr__(self) -> str:
        return f"{self.left} {'==' if self.equal else '!='} {self.right} + {self.offset}"


class AtMostZero(_Structural):
    """The linear sum, as an integer, is at most zero."""

    __slots__ = ("linear",)

    def __init__(self, linear: Linear) -> None:
        super().__init__((linear,), 1)
        self.linear = linear

    def __repr__(self) -> str:
        return f"{self.linear} <= 0"


class All(_Structural):
    """Every part holds."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple["Formula", ...]) -> None:
        super().__init__(parts, 1)
        self.parts = parts


class AnyOf(_Structural):
    """Some part holds."""

    __slots__ = ("_atoms", "parts")

    def __init__(self, parts: tuple["Formula", ...]) -> None:
        super().__init__(parts, 1)
        self.parts = parts
        self._atoms: frozenset[Atom] | None = None

    def atoms(self) -> frozenset[Atom]:
        """The atoms it speaks of, and those that they are parts of."""
        if self._atoms is None:
            self._atoms = frozenset(_spoken_of(self))
        return self._atoms


Formula: TypeAlias = Always | In | Same | AtMostZero | All | AnyOf
TRUE, FALSE = Always(True), Always(False)


def _spoken_of(f: Formula) -> Iterator[Atom]:
    match f:
        case Always():
            return
        case In(atom=atom):
            found: tuple[Atom, ...] = (atom,)
        case Same(left=left, right=right):
            found = left, right
        case AtMostZero(linear=linear):
            found = tuple(atom for atom, _ in linear[1])
        case All(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from _spoken_of(part)
            return
    for atom in found:
        yield atom
        if isinstance(atom, Slice):
            yield atom.base


# ---- linear sums


def linear_const(value: int) -> Linear:
    return value, ()


def plus(a: Linear, b: Linear, factor: int = 1) -> Linear:
    """`a + factor * b`. The parts of both are in order, and so are those of the result."""
    const = a[0] + factor * b[0]
    if not b[1]:
        return const, a[1]
    if not a[1] and factor:
        return const, b[1] if factor == 1 else tuple([(atom, factor * c) for atom, c in b[1]])
    coefficients = dict(a[1])
    ordered = True
    for atom, c in b[1]:
        known = coefficients.get(atom)
        if known is None:
            known, ordered = 0, False
        total = known + factor * c
        if total:
            coefficients[atom] = total
        else:
            coefficients.pop(atom, None)
    parts = coefficients.items()
    return const, tuple(parts if ordered else sorted(parts, key=by_order))


def by_order(part: tuple[Atom, int]) -> int:
    """Where a part of a sum stands in it."""
    return part[0].order


def minus(a: Linear, b: Linear) -> Linear:
    return plus(a, b, -1)


def top(linear: Linear) -> int:
    """The largest value that the widths of the atoms allow."""
    return linear[0] + sum(c * ((1 << a.width) - 1) for a, c in linear[1] if c > 0)


def bottom(linear: Linear) -> int:
    """The smallest value that the widths of the atoms allow."""
    return linear[0] + sum(c * ((1 << a.width) - 1) for a, c in linear[1] if c < 0)


def linear_of(term: Term) -> Linear | None:
    """The term as an integer sum, if its width can never overflow; None if it might, or is none."""
    match term:
        case K(value=value):
            return value, ()
        case Sym() | Slice() | Fn():
            return 0, ((term, 1),)
        case Lin(linear=linear):
            return linear if term.exact or (bottom(linear) >= 0 and top(linear) < 1 << term.width) else None
        case Concat(parts=parts):
            total: Linear = (0, ())
            position = term.width
            for part in parts:
                position -= part.width
                one = linear_of(part)
                if one is None:
                    return None
                total = plus(total, one, 1 << position)
            return total
    return None


def from_linear(linear: Linear, width: int) -> Term:
    """The sum modulo 2^width, in normal form."""
    const, parts = linear
    const %= 1 << width
    if not parts:
        return K(const, width)
    if const == 0 and len(parts) == 1 and parts[0][1] == 1 and parts[0][0].width == width:
        return parts[0][0]
    return Lin((const, parts), width)


# ---- building terms


def pieces(term: Term) -> tuple[Part, ...]:
    """The parts a term is made of, the most significant first."""
    return term.parts if isinstance(term, Concat) else (term,)


def slice_of(term: Term, low: int, width: int) -> Term:
    """Bits [low, low + width) of `term`."""
    if low == 0 and width == term.width:
        return term
    # tests of classes instead of patterns: this is asked for very often
    if term.__class__ is K:
        return K(term.value >> low & (1 << width) - 1, width)
    if term.__class__ is Sym or term.__class__ is Fn:
        return Slice(term, low, width)
    if term.__class__ is Slice:
        return Slice(term.base, term.low + low, width)
    if term.__class__ is Lin:
        if low == 0:
            const, parts = term.linear
            return from_linear((const % (1 << width), parts), width)
        return Fn("bits", (term, low), width, lambda v, at: v >> at & (1 << width) - 1)
    if term.__class__ is Truth:
        raise AssertionError("one bit has no parts")
    assert isinstance(term, Concat)
    out: list[Part] = []
    position = term.width
    end = low + width
    for part in term.parts:
        above, position = position, position - part.width
        if position < end and low < above:
            first, last = max(low, position), min(end, above)
            out.extend(pieces(slice_of(part, first - position, last - first)))
    return concat(out)


def concat(parts: list[Part]) -> Term:
    """Pieces side by side; neighbours that belong together become one again."""
    out: list[Part] = []
    for part in parts:
        last = out[-1] if out else None
        if last is None:
            out.append(part)
            continue
        joined: Part | None = None
        if last.__class__ is K and part.__class__ is K:
            joined = K(last.value << part.width | part.value, last.width + part.width)
        elif (
            last.__class__ is Slice
            and part.__class__ is Slice
            and last.base is part.base
            and last.low == part.low + part.width
        ):
            (joined,) = pieces(slice_of(last.base, part.low, last.width + part.width))
        elif (
            last.__class__ is Sym
            and part.__class__ is Sym
            and last.blob is not None
            and last.blob is part.blob
            and last.bit + last.width == part.bit
            and (whole := last.blob.carved.get((last.bit, last.width + part.width))) is not None
        ):
            joined = whole
        if joined is None:
            out.append(part)
        else:
            out[-1] = joined
    if len(out) == 1:
        return out[0]
    return Concat(tuple(out), sum(p.width for p in out))


def cast(term: Term, width: int) -> Term:
    """Cut to the low bits, or extended with zeros."""
    if width == term.width:
        return term
    if width < term.width:
        return slice_of(term, 0, width)
    return concat([K(0, width - term.width), *pieces(term)])


def shift_left(term: Term, by: int) -> Term:
    width = term.width
    if by >= width:
        return K(0, width)
    return concat([*pieces(slice_of(term, 0, width - by)), K(0, by)]) if by else term


def shift_right(term: Term, by: int) -> Term:
    width = term.width
    if by >= width:
        return K(0, width)
    return concat([K(0, by), *pieces(slice_of(term, by, width - by))]) if by else term


def bitwise(op: Op, a: Term, b: Term) -> Term:
    """AND, OR, XOR: piece by piece, exact where one side of a piece is known."""
    if a.__class__ is K and b.__class__ is K:
        return K(apply(op, a.value, b.value, a.width), a.width)
    if op is Op.AND and b.__class__ is K and b.value and not b.value & b.value + 1:  # the low bits
        return cast(slice_of(a, 0, b.value.bit_length()), a.width)
    cuts: set[int] = {0, a.width}
    for term in (a, b):
        position = term.width
        for part in pieces(term):
            position -= part.width
            cuts.add(position)
            if part.__class__ is K:
                cuts.update(_runs(part.value, part.width, position))
    bounds = sorted(cuts, reverse=True)
    out: list[Part] = []
    for high, low in itertools.pairwise(bounds):
        width = high - low
        x, y = slice_of(a, low, width), slice_of(b, low, width)
        out.extend(pieces(_bitwise_piece(op, x, y, width)))
    return concat(out)


def _runs(value: int, width: int, position: int) -> list[int]:
    """Where runs of equal bits of `value` end."""
    return [position + n for n in range(1, width) if (value >> n & 1) != (value >> n - 1 & 1)]


def _bitwise_piece(op: Op, x: Term, y: Term, width: int) -> Term:
    if x.__class__ is not K and y.__class__ is K:
        x, y = y, x
    ones = (1 << width) - 1
    if x.__class__ is K:
        value = x.value
        if y.__class__ is K:
            return K(apply(op, value, y.value, width), width)
        if op is Op.AND and value in (0, ones):
            return y if value else x
        if op is Op.OR and value in (0, ones):
            return x if value else y
        if op is Op.XOR and value == 0:
            return y
        if op is Op.XOR and value == ones and (linear := linear_of(y)) is not None:
            return from_linear(minus((ones, ()), linear), width)  # it never overflows
    if x == y:
        return K(0, width) if op is Op.XOR else x
    return opaque(op, x, y, width)


def opaque(op: Op, a: Term, b: Term, width: int) -> Fn:
    """An operator as an atom of its own."""
    operand = a.width
    return Fn(op.value, (a, b), width, lambda x, y: apply(op, x, y, operand))


def add(a: Term, b: Term, factor: int = 1) -> Term:
    """`a + factor * b` modulo 2^width."""
    width = a.width
    x, y = _linear_mod(a), _linear_mod(b)
    if x is None or y is None:
        return opaque(Op.ADD if factor == 1 else Op.SUB, a, b, width)
    return from_linear(plus(x, y, factor), width)


def _linear_mod(term: Term) -> Linear | None:
    return term.linear if term.__class__ is Lin else linear_of(term)


__all__ = [
    "FALSE",
    "TRUE",
    "All",
    "Always",
    "AnyOf",
    "AtMostZero",
    "Atom",
    "Blob",
    "Concat",
    "Fn",
    "Formula",
    "In",
    "K",
    "Lin",
    "Linear",
    "Part",
    "Same",
    "Slice",
    "Sym",
    "Term",
    "Truth",
    "add",
    "bitwise",
    "bottom",
    "by_order",
    "cast",
    "concat",
    "from_linear",
    "linear_const",
    "linear_of",
    "minus",
    "ones_sum",
    "opaque",
    "pieces",
    "plus",
    "shift_left",
    "shift_right",
    "slice_of",
    "top",
]  # fmt: skip
