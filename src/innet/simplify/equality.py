"""When two terms are the same on a path, though they are written differently.

A term is put into the words of the path's store at any depth: representatives for symbols, constants where one value is
left. What comes out equal is equal; what does not may be equal all the same.
"""

from collections.abc import Hashable

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


def known(term: Term, store: Store) -> Hashable:
    """What `term` is, in the words of `store`: equal for terms that are."""
    match term:
        case K(value=value, width=width):
            return "number", value, width
        case Sym() | Slice() | Fn():
            found = resolve(term, store)
            return known(found, store) if found is not term else _atom(term, store)
        case Lin(linear=linear, width=width):
            return _linear(linear, store, width)
        case Concat(parts=parts):
            return _beside([known(part, store) for part in parts], term.width)
        case Truth(formula=formula):
            return "fact", _formula(formula, store)
    raise AssertionError(term)


def _atom(atom: Sym | Slice | Fn, store: Store) -> Hashable:
    """An atom that no other stands for."""
    match atom:
        case Slice(base=base, low=low, width=width):
            inner = known(base, store)
            match inner:
                case ("number", int(value), _):
                    return "number", value >> low & (1 << width) - 1, width
            return "part", inner, low, width, base.width
        case Fn(op=op, args=args, width=width):
            inner_args = [_argument(arg, store) for arg in args]
            numbers = [_plain(arg) for arg in inner_args]
            if None not in numbers:
                return "number", atom.evaluate(*numbers), width
            return ("function", op, width, *inner_args)
    return atom


def _plain(arg: Hashable) -> int | None:
    """The number that an argument is; None if it is not known."""
    match arg:
        case int(number) | ("number", int(number), _):
            return number
    return None


def _beside(parts: list[Hashable], width: int) -> Hashable:
    """Values side by side; neighbouring bits of one value are one."""
    out: list[Hashable] = []
    for part in parts:
        match out[-1:], part:
            case [("part", left, int(start), int(size), whole)], ("part", right, int(low), int(more), _) if (
                left == right and low + more == start
            ):
                out[-1] = "part", left, low, size + more, whole
            case _:
                out.append(part)
    match out:
        case [("part", inner, 0, int(size), whole)] if size == whole == width:
            return inner
    return ("beside", *out)


def _argument(arg: object, store: Store) -> Hashable:
    """An argument of a function: a term, plain data, or a packet's content."""
    if isinstance(arg, tuple):
        return tuple(_argument(part, store) for part in arg)
    if isinstance(arg, K | Sym | Slice | Fn | Lin | Concat | Truth):
        return known(arg, store)
    assert isinstance(arg, Hashable)
    return arg


def _linear(linear: Linear, store: Store, width: int | None) -> Hashable:
    """A sum, modulo 2^`width` if that is given."""
    const, parts = store.canonical(linear)
    counted: dict[Hashable, int] = {}
    for atom, factor in parts:
        inner = known(atom, store)
        match inner:
            case ("number", int(value), _):
                const += value * factor
            case _:
                counted[inner] = counted.get(inner, 0) + factor
    if width is not None:
        const %= 1 << width
        if not counted:
            return "number", const, width
    return "sum", const, frozenset(counted.items()), width


def _formula(f: Formula, store: Store) -> Hashable:
    decided = store.status(f)
    if decided is not None:
        return decided
    match f:
        case Always(holds=holds):
            return holds
        case In(atom=atom, ranges=ranges):
            return "in", known(atom, store), ranges
        case Same(left=left, right=right, offset=offset, equal=equal):
            return "same", known(left, store), known(right, store), offset, equal
        case AtMostZero(linear=linear):
            return "at most zero", _linear(linear, store, None)
        case All(parts=parts):
            return ("all", *(_formula(part, store) for part in parts))
        case AnyOf(parts=parts):
            return ("any", *(_formula(part, store) for part in parts))
    raise AssertionError(f)


__all__ = ["known"]
