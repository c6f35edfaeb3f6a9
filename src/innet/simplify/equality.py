"""When two terms are the same on a path, though they are written differently.

A term is put into the words of the path's store at any depth: representatives for symbols, constants where one value is
left. What comes out equal is equal; what does not may be equal all the same. Terms share their parts (a checksum over
headers with checksums), so each part is looked at once, and equal ones are one `Word`.
"""

from collections.abc import Hashable

from innet.symbolic.formulas import equal
from innet.symbolic.state import resolve
from innet.symbolic.store import Store
from innet.symbolic.terms import (
    All,
    Always,
    AnyOf,
    AtMostZero,
    Concat,
    Fn,
    Formula,
    In,
    K,
    Lin,
    Linear,
    Same,
    Slice,
    Sym,
    Term,
    Truth,
)

DEEPEST = 100
"""How deep in a term parts are told apart; a term below is equal to itself only."""


def same(a: Term, b: Term, store: Store) -> bool:
    """Whether two terms must be equal."""
    if a is b:
        return True
    if a.width != b.width:
        return False
    values = number(a, store), number(b, store)
    if values != (None, None):
        return values[0] == values[1]
    words = Words(store)
    return words.of(a) is words.of(b) or store.entails(equal(a, b))


def number(term: Term, store: Store) -> int | None:
    """The number that a term must be; None if it may be several, or that is not plain."""
    if isinstance(term, Truth):
        decided = store.status(term.formula)
        return None if decided is None else int(decided)
    found = resolve(term, store)
    return found.value if isinstance(found, K) else None


class Word:
    """What terms are, whose word is this one: `form` says how it is made of others."""

    __slots__ = ("form",)

    def __init__(self, form: Hashable) -> None:
        self.form = form


class Words:
    """Terms in the words of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.words: dict[Hashable, Word] = {}
        self.seen: dict[int, tuple[object, Word]] = {}
        """What a term is, by its identity; the term is kept so that no other gets it."""
        self.depth = 0

    def word(self, *form: Hashable) -> Word:
        found = self.words.get(form)
        if found is None:
            found = self.words[form] = Word(form)
        return found

    def number(self, value: int, width: int) -> Word:
        return self.word("number", value % (1 << width), width)

    def of(self, term: object) -> Word:
        """What `term` is (or an argument of a function, or a formula): one word for all that are equal to it."""
        found = self.seen.get(id(term))
        if found is None:
            self.store.work.spend(1)
            self.depth += 1
            word = self._new(term) if self.depth <= DEEPEST else Word(("unknown",))
            self.depth -= 1
            found = self.seen[id(term)] = term, word
        return found[1]

    def _new(self, term: object) -> Word:
        match term:
            case K(value=value, width=width):
                return self.number(value, width)
            case Sym() | Slice() | Fn():
                found = resolve(term, self.store)
                return self.of(found) if found is not term else self.atom(term)
            case Lin(linear=linear, width=width):
                return self.linear(linear, width)
            case Concat(parts=parts):
                return self.beside([self.of(part) for part in parts], term.width)
            case Truth(formula=formula):
                return self.word("fact", self.formula(formula))
            case tuple():
                return self.word("row", *(self.of(part) for part in term))
        assert isinstance(term, Hashable)
        return self.word("data", term)

    def atom(self, atom: Sym | Slice | Fn) -> Word:
        """An atom that no other stands for."""
        match atom:
            case Slice(base=base, low=low, width=width):
                inner = self.of(base)
                match inner.form:
                    case ("number", int(value), _):
                        return self.number(value >> low, width)
                return self.word("part", inner, low, width, base.width)
            case Fn(op=op, args=args, width=width):
                words = [self.of(arg) for arg in args]
                numbers = [_plain(word) for word in words]
                if None not in numbers:
                    return self.number(atom.evaluate(*numbers), width)
                return self.word("function", op, width, *words)
        return self.word("symbol", atom)

    def beside(self, parts: list[Word], width: int) -> Word:
        """Values side by side; neighbouring bits of one value are one."""
        out: list[Word] = []
        for part in parts:
            match out[-1].form if out else None, part.form:
                case ("part", left, int(start), int(size), whole), (
                    "part",
                    right,
                    int(low),
                    int(more),
                    _,
                ) if left is right and low + more == start:
                    out[-1] = self.word("part", left, low, size + more, whole)
                case _:
                    out.append(part)
        match [one.form for one in out]:
            case [("part", Word() as inner, 0, int(size), whole)] if size == whole == width:
                return inner
        return self.word("beside", *out)

    def linear(self, linear: Linear, width: int | None) -> Word:
        """A sum, modulo 2^`width` if that is given."""
        const, parts = self.store.canonical(linear)
        counted: dict[Word, int] = {}
        for atom, factor in parts:
            word = self.of(atom)
            match word.form:
                case ("number", int(value), _):
                    const += value * factor
                case _:
                    counted[word] = counted.get(word, 0) + factor
        if width is not None:
            const %= 1 << width
            if not counted:
                return self.number(const, width)
        return self.word("sum", const, frozenset(counted.items()), width)

    def formula(self, f: Formula) -> Word:
        decided = self.store.status(f)
        if decided is not None:
            return self.word("truth", decided)
        match f:
            case Always(holds=holds):
                return self.word("truth", holds)
            case In(atom=atom, ranges=ranges):
                return self.word("in", self.of(atom), ranges)
            case Same(left=left, right=right, offset=offset, equal=holds):
                return self.word("same", self.of(left), self.of(right), offset, holds)
            case AtMostZero(linear=linear):
                return self.word("at most zero", self.linear(linear, None))
            case All(parts=parts):
                return self.word("all", *(self.formula(part) for part in parts))
            case AnyOf(parts=parts):
                return self.word("any", *(self.formula(part) for part in parts))
        raise AssertionError(f)


def _plain(word: Word) -> int | None:
    """The number that an argument is; None if it is not known."""
    match word.form:
        case ("number", int(value), _) | ("data", int(value)):
            return value
    return None


__all__ = ["number", "same"]
