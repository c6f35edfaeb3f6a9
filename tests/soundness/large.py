"""Modules that are too large, in every direction: exponential in paths, long, wide, deep, full of tables."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

IN = "FromNetfront() -> Strip(14) -> CheckIPHeader -> "
OUT = " -> IPMirror -> ToNetfront();"


def _address(n: int) -> str:
    return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


def _diamonds(size: int, choice: Callable[[int], str], first: Callable[[int], str]) -> str:
    lines = [f"{IN}e0 :: Null;"]
    for n in range(size):
        lines.append(
            f"e{n} -> s{n} :: {choice(n)}; s{n} [0] -> {first(n)} -> e{n + 1} :: Null; s{n} [1] -> e{n + 1};"
        )
    return "\n".join([*lines, f"e{size}{OUT}"])


def diamonds(size: int) -> str:
    """Two ways, and they meet again, and so on: nothing tells the ways apart."""
    return _diamonds(size, lambda n: "RandomSwitch", lambda n: "Null")


def painted_diamonds(size: int) -> str:
    """The same, and each way writes something of its own."""
    return _diamonds(size, lambda n: "RandomSwitch", lambda n: f"Paint({n % 200}, {n % 40})")


def parted_diamonds(size: int) -> str:
    """The same, and each choice is the packet's: a bit of its payload."""
    return _diamonds(size, lambda n: f"Classifier({20 + n}/00%01, -)", lambda n: "Null")


def row(size: int) -> str:
    """Elements one behind the other."""
    return IN + " -> ".join(["Null"] * size) + OUT


def counted_row(size: int) -> str:
    """Elements one behind the other that each change the packet."""
    return IN + " -> ".join(f"Paint({n % 256})" for n in range(size)) + OUT


def classifier(size: int) -> str:
    """A Classifier with an output for each of many patterns."""
    patterns = ", ".join(f"12/{n:08x}" for n in range(size))
    return f"{IN}c :: Classifier({patterns}); m :: IPMirror -> ToNetfront(); " + _to_one(size)


def ip_classifier(size: int) -> str:
    """An IPClassifier with an output for each of many patterns of two fields."""
    patterns = ", ".join(f"dst port {n % 65536} and src host {_address(n)}" for n in range(size))
    return f"{IN}c :: IPClassifier({patterns}); m :: IPMirror -> ToNetfront(); " + _to_one(size)


def _to_one(size: int) -> str:
    return " ".join(f"c [{n}] -> m;" for n in range(size))


def ip_filter(size: int) -> str:
    """An IPFilter of many rules of two fields."""
    rules = ", ".join(f"allow src host {_address(n)} and udp" for n in range(size))
    return f"{IN}IPFilter({rules}){OUT}"


def routes(size: int) -> str:
    """A RadixIPLookup of many routes to four outputs."""
    routes = ", ".join(
        f"{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}.0/24 10.0.0.{n % 4} {n % 4}" for n in range(size)
    )
    return f"{IN}GetIPAddress(16) -> c :: RadixIPLookup({routes}); m :: IPMirror -> ToNetfront(); " + _to_one(
        4
    )


def alternatives(size: int) -> str:
    """Conditions of twelve alternatives over few fields, one behind the other."""
    random = Random(1)

    def one() -> str:
        field = random.choice(("src port", "dst port", "ip tos", "ip ttl", "ip id", "src host 10.0.0."))
        number = random.randrange(200)
        return f"{field}{number}" if field.endswith(".") else f"{field} {number}"

    conditions = (" or ".join(f"(not {one()} and not {one()})" for _ in range(12)) for _ in range(size))
    return IN + " -> ".join(f"IPFilter(allow {condition})" for condition in conditions) + OUT


def nested(size: int) -> str:
    """Compound elements in compound elements, two in each: 2^size elements."""
    lines = ["elementclass A0 { input -> Null -> output; }"]
    lines += [f"elementclass A{n} {{ input -> A{n - 1} -> A{n - 1} -> output; }}" for n in range(1, size + 1)]
    return "\n".join([*lines, f"{IN}A{size}{OUT}"])


def tables(size: int) -> str:
    """Rewriters one behind the other, each with a table."""
    return IN + " -> ".join(["IPRewriter(pattern - - 172.16.15.133 - 0 0)"] * size) + " -> ToNetfront();"


@dataclass(frozen=True)
class Case:
    """A kind of large module, a size that takes the test little time, and the full one; `most`: the largest that is
    read at all, where the full one is not."""

    make: Callable[[int], str]
    small: int
    full: int
    most: int | None = None

    @property
    def name(self) -> str:
        return self.make.__name__


CASES = (
    Case(diamonds, 40, 40),
    Case(painted_diamonds, 40, 1000),
    Case(parted_diamonds, 40, 1000),
    Case(row, 1_000, 100_000),
    Case(counted_row, 1_000, 100_000),
    Case(classifier, 1_000, 1_000_000, 8_000),
    Case(ip_classifier, 600, 1_000_000, 8_000),
    Case(ip_filter, 600, 1_000_000, 50_000),
    Case(routes, 4_000, 1_000_000),
    Case(alternatives, 20, 400),
    Case(nested, 8, 40, 16),
    Case(tables, 20, 10_000),
)

__all__ = ["CASES", "Case"]
