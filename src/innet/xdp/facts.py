"""What is known, while compiling, of numbers that are known only when a packet arrives.

The kernel's verifier wants every access inside bounds that were compared before; the interpreter's rules ask whether
bytes are there. Both questions are answered here as far as they can be, so that a test is compiled once, and only if
nothing before it has answered it already. Facts are about SSA names, which never change, so they hold in every place
that the one where they were learnt dominates.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from innet.ir.nodes import Op

Interval: TypeAlias = tuple[int, int]

MAX_FRAME = 0x3FFF
"""No frame is longer: XDP without fragments has at most a page. The verifier follows offsets up to 65535."""

DERIVATION_DEPTH = 4
UNBOUNDED = 1 << 4096


@dataclass(frozen=True, slots=True)
class Value:
    """An LLVM integer of `width` bits: an SSA name, or a number if `known` is not None."""

    text: str
    width: int
    known: int | None = None

    @property
    def typed(self) -> str:
        return f"i{self.width} {self.text}"


def number(value: int, width: int) -> Value:
    """The constant `value` modulo 2^`width`."""
    value %= 1 << width
    return Value(str(value) if width > 1 else ("false", "true")[value], width, value)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the packet: bytes from where the frame began when it arrived; `base` is a non-negative i64."""

    base: str | None
    offset: int

    def plus(self, offset: int) -> "Position":
        return Position(self.base, self.offset + offset)

    def __str__(self) -> str:
        return f"{self.base or 'frame'}{self.offset:+d}"


def interval(op: Op, left: Interval, right: Interval, width: int) -> Interval:
    """Bounds of `op` applied to numbers within `left` and `right`, modulo 2^`width`."""
    (al, ah), (bl, bh), top = left, right, (1 << width) - 1
    match op:
        case Op.ADD if ah + bh <= top:
            return al + bl, ah + bh
        case Op.SUB if al >= bh:
            return al - bh, ah - bl
        case Op.MUL if ah * bh <= top:
            return al * bl, ah * bh
        case Op.DIV if bl > 0:
            return al // bh, ah // bl
        case Op.MOD if bl > 0:
            return (al, ah) if ah < bl else (0, min(ah, bh - 1))
        case Op.AND:
            return 0, min(ah, bh)
        case Op.OR:
            return max(al, bl), (1 << max(ah.bit_length(), bh.bit_length())) - 1
        case Op.XOR:
            return 0, (1 << max(ah.bit_length(), bh.bit_length())) - 1
        case Op.SHL if bl == bh and ah << bl <= top:
            return al << bl, ah << bl
        case Op.SHR if bl == bh:
            return al >> bl, ah >> bl
        case Op.EQ:
            return int(al == ah == bl == bh), int(al <= bh and bl <= ah)
        case Op.NE:
            return int(ah < bl or bh < al), int(not al == ah == bl == bh)
        case Op.LT:
            return int(ah < bl), int(al < bh)
        case Op.LE:
            return int(ah <= bl), int(al <= bh)
    return 0, 1 if op.is_predicate else top


@dataclass
class Derivations:
    """How SSA names were computed: the same everywhere, so shared by all `Facts`."""

    alias: dict[str, str] = field(default_factory=dict)
    """A name that always equals another: a number extended with zeros."""
    width: dict[str, int] = field(default_factory=dict)
    """The width of what has an alias, in bits."""
    made: dict[str, tuple[Op, Value, Value]] = field(default_factory=dict)
    distance: dict[str, tuple[Position, Position]] = field(default_factory=dict)
    """A name that is the bytes from one position to another that does not lie before it."""

    def root(self, name: str) -> str:
        return self.alias.get(name, name)

    def extended(self, name: str, source: Value) -> None:
        """`name` is `source`, extended with zeros."""
        root = self.root(source.text)
        self.alias[name] = root
        self.width.setdefault(root, source.width)


class Facts:
    """Bounds of names, and `a + gap <= b` for pairs of names, that hold at one place of the program."""

    def __init__(self, derivations: Derivations) -> None:
        self.derivations = derivations
        self.bounds: dict[str, Interval] = {}
        self.gaps: dict[tuple[str, str], int] = {}

    def copy(self) -> "Facts":
        other = Facts(self.derivations)
        other.bounds, other.gaps = dict(self.bounds), dict(self.gaps)
        return other

    def of(self, value: Value, depth: int = DERIVATION_DEPTH) -> Interval:
        """Bounds of `value`."""
        if value.known is not None:
            return value.known, value.known
        root = self.derivations.root(value.text)
        top = (1 << min(value.width, self.derivations.width.get(root, value.width))) - 1
        low, high = self.bounds.get(root, (0, top))
        made = self.derivations.made.get(root)
        if made is not None and depth:
            op, a, b = made
            first, last = interval(op, self.of(a, depth - 1), self.of(b, depth - 1), a.width)
            low, high = max(low, first), min(high, last)
        return low, min(high, top)

    def of_base(self, base: str | None) -> Interval:
        return (0, 0) if base is None else self.of(Value(base, 64))

    def of_position(self, at: Position) -> Interval:
        low, high = self.of_base(at.base)
        return low + at.offset, high + at.offset

    def narrow(self, name: str, low: int, high: int) -> None:
        """`name` lies in [low, high] too."""
        root = self.derivations.root(name)
        old = self.bounds.get(root, (0, UNBOUNDED))
        self.bounds[root] = (max(old[0], low), min(old[1], high))

    def in_order(self, a: Position, b: Position) -> bool:
        """Whether `a` is known not to lie behind `b`."""
        ahead = a.offset - b.offset
        if a.base == b.base:
            return ahead <= 0
        if a.base is not None and b.base is not None:
            gap = self.gap(self.derivations.root(a.base), self.derivations.root(b.base))
            if gap is not None and ahead <= gap:
                return True
        return self.of_position(a)[1] <= self.of_position(b)[0]

    def gap(self, a: str, b: str) -> int | None:
        """The greatest n for which `a + n <= b` is known, at once or by way of one other name."""
        found = [self._gap(a, b)]
        for (middle, last), gap in self.gaps.items():
            if last == b and middle != a:
                first = self._gap(a, middle)
                found.append(None if first is None else first + gap)
        return max((n for n in found if n is not None), default=None)

    def _gap(self, a: str, b: str) -> int | None:
        """The same, if it is known at once: also from `x + p` and `x + q`, by p and q."""
        if (a, b) in self.gaps:
            return self.gaps[a, b]
        left, right = self.derivations.made.get(a), self.derivations.made.get(b)
        if left is None or right is None or left[0] is not Op.ADD or right[0] is not Op.ADD:
            return None
        if left[1] != right[1] or left[2].known is not None or right[2].known is not None:
            return None
        return self.gaps.get((self.derivations.root(left[2].text), self.derivations.root(right[2].text)))

    def room(self, a: Position, b: Position) -> int:
        """The greatest n for which `a + n` is known not to lie behind `b`; may be negative."""
        found = self.of_position(b)[0] - self.of_position(a)[1]
        if a.base is not None and b.base is not None:
            gap = self.gap(self.derivations.root(a.base), self.derivations.root(b.base))
            if gap is not None:
                found = max(found, gap + b.offset - a.offset)
        return max(found, b.offset - a.offset) if a.base == b.base else found

    def learn(self, a: Position, b: Position) -> None:
        """`a` does not lie behind `b`."""
        if a.base == b.base:
            return
        ahead = a.offset - b.offset
        if a.base is not None and b.base is not None:
            key = (self.derivations.root(a.base), self.derivations.root(b.base))
            self.gaps[key] = max(ahead, self.gaps.get(key, ahead))
        if b.base is not None:
            self.narrow(b.base, self.of_base(a.base)[0] + ahead, UNBOUNDED)
        if a.base is not None:
            self.narrow(a.base, 0, self.of_base(b.base)[1] - ahead)

    def learn_order(self, a: Value, b: Value, strict: bool) -> None:
        """`a <= b`, or `a < b` if `strict`."""
        step = int(strict)
        (al, _), (_, bh) = self.of(a), self.of(b)
        if b.known is None:
            self.narrow(b.text, al + step, (1 << b.width) - 1)
        if a.known is None:
            self.narrow(a.text, 0, bh - step)
        if a.known is None and b.known is None:
            key = (self.derivations.root(a.text), self.derivations.root(b.text))
            self.gaps[key] = max(step, self.gaps.get(key, step))

    def learn_equal(self, a: Value, b: Value) -> None:
        """`a == b`."""
        (al, ah), (bl, bh) = self.of(a), self.of(b)
        for value in (a, b):
            if value.known is None:
                self.narrow(value.text, max(al, bl), min(ah, bh))

    def learn_unequal(self, a: Value, b: Value) -> None:
        """`a != b`: matters only at the ends of what is possible."""
        for one, other in ((a, b), (b, a)):
            if one.known is None and other.known is not None:
                low, high = self.of(one)
                self.narrow(one.text, low + (low == other.known), high - (high == other.known))

    def multiple_of(self, value: Value) -> int:
        """A power of two that is known to divide `value`."""
        made = self.derivations.made.get(self.derivations.root(value.text))
        if made is not None and made[0] is Op.SHL and made[2].known is not None:
            return 1 << made[2].known
        return 1

    @staticmethod
    def common(all_facts: "list[Facts]") -> "Facts":
        """What holds in every one of `all_facts`."""
        first, *rest = all_facts
        out = Facts(first.derivations)
        for name, (low, high) in first.bounds.items():
            others = [f.bounds.get(name) for f in rest]
            if all(o is not None for o in others):
                found = [o for o in others if o is not None]
                out.bounds[name] = (min([low, *(o[0] for o in found)]), max([high, *(o[1] for o in found)]))
        for pair, gap in first.gaps.items():
            if all(pair in f.gaps for f in rest):
                out.gaps[pair] = min([gap, *(f.gaps[pair] for f in rest)])
        return out
