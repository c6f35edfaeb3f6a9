"""Click's port count, processing and flow codes, which an element class states as short strings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache


class Kind(Enum):
    """How packets pass a port. AGNOSTIC ones become what they are connected to, or push."""

    PUSH = "push"
    PULL = "pull"
    AGNOSTIC = "agnostic"


_LETTERS = {"h": Kind.PUSH, "l": Kind.PULL, "a": Kind.AGNOSTIC}
ANY = 1 << 30
"""Stands for no upper bound."""


@dataclass(frozen=True, slots=True)
class PortCount:
    """How many inputs and outputs a class may have; `equal`: as many outputs as inputs, and `extra` ones."""

    inputs: tuple[int, int]
    outputs: tuple[int, int]
    equal: bool = False
    extra: int = 0


def _halves(code: str) -> tuple[str, str]:
    left, slash, right = code.partition("/")
    return left.strip(), right.strip() if slash else left.strip()


@lru_cache(maxsize=1024)
def port_count(code: str) -> PortCount:
    """What `IN/OUT` means: each a number, `a-b`, `a-`, `-` or `-b`; OUT also `=`, `=+`. One side stands for both."""
    left, right = _halves(code)
    equal = right.startswith("=")
    inputs = _range(left)
    extra = right.count("+")
    outputs = (inputs[0] + extra, min(inputs[1] + extra, ANY)) if equal else _range(right)
    return PortCount(inputs, outputs, equal, extra)


def _range(code: str) -> tuple[int, int]:
    first, dash, last = code.partition("-")
    low = int(first) if first else 0
    return low, int(last) if last else (ANY if dash else low)


@lru_cache(maxsize=1024)
def processing(code: str) -> tuple[tuple[Kind, ...], tuple[Kind, ...]]:
    """The kinds of the inputs and of the outputs; the last of each repeats."""
    left, right = _halves(code)
    return tuple(_LETTERS[c] for c in left.lower()), tuple(_LETTERS[c] for c in right.lower())


def kinds(codes: tuple[Kind, ...], count: int) -> tuple[Kind, ...]:
    """The kinds of `count` ports."""
    if len(codes) == 1:
        return codes * count
    return (codes + codes[-1:] * (count - len(codes)))[:count]


@dataclass(frozen=True, slots=True)
class _Symbols:
    """Which packets a port takes part in: those marked with one of `letters`, or all but those if `complement`."""

    letters: frozenset[str]
    complement: bool = False

    def meets(self, other: "_Symbols") -> bool:
        if self.complement and other.complement:
            return True
        if self.complement or other.complement:
            positive, negative = (other, self) if self.complement else (self, other)
            return not positive.letters <= negative.letters
        return bool(self.letters & other.letters)


@lru_cache(maxsize=1024)
def is_complete(code: str) -> bool:
    """Whether packets can go from every input to every output."""
    left, right = _halves(code)
    return left == right and len(left) == 1 and left.isalpha()


def flows(code: str, inputs: Iterable[int], outputs: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The pairs of an input and an output between which packets can flow."""
    left, right = _halves(code)
    sinks = [(port, _symbol(right, port)) for port in outputs]
    for input_ in inputs:
        symbols = _symbol(left, input_)
        for output, others in sinks:
            if symbols.meets(others):
                yield input_, output


def _symbol(code: str, port: int) -> _Symbols:
    """The symbols of port number `port`; `#` stands for the port's own number."""
    items = _items(code)
    letters, complement = items[min(port, len(items) - 1)] if items else (frozenset[str](), False)
    own = frozenset(f"#{port}" if letter == "#" else letter for letter in letters)
    return _Symbols(own, complement)


@lru_cache(maxsize=1024)
def _items(code: str) -> tuple[tuple[frozenset[str], bool], ...]:
    found: list[tuple[frozenset[str], bool]] = []
    at = 0
    while at < len(code):
        if code[at] == "[":
            end = code.index("]", at)
            inside = code[at + 1 : end]
            complement = inside.startswith("^")
            found.append((frozenset(inside.lstrip("^")), complement))
            at = end + 1
        else:
            found.append((frozenset(code[at]), False))
            at += 1
    return tuple(found)
