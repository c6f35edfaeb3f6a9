"""How many ports instances of an element class may have, from its Click port code."""

from innet.elements.base import Element

MAX_PORTS = 8
"""The most ports considered where a port code has no end."""


def port_counts(code: str, inputs: int) -> list[int]:
    """The port counts that half of a port code allows, up to `MAX_PORTS`."""
    if code.startswith("="):
        return [inputs + code.count("+")]
    low, dash, high = code.partition("-")
    first = int(low or 0)
    return [first] if not dash else list(range(first, min(int(high or MAX_PORTS), MAX_PORTS) + 1))


def shapes(element: type[Element]) -> list[tuple[int, int]]:
    """Numbers of inputs and outputs that instances may have."""
    into, _, out = element.PORTS.partition("/")
    return [(i, o) for i in port_counts(into, 0) for o in port_counts(out, i)]
