"""Routes, and how an argument gives one."""

import re
from dataclasses import dataclass
from typing import Protocol

from innet.elements.argument_addresses import IPPrefix
from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.flowspec import names as literals
from innet.lexical import Text, words

ALL_ONES = 0xFFFF_FFFF
MAX_OUTPUT = 0xFFFF


class AnyRoute(Protocol):
    """A route of IPv4 or IPv6; host bits of `address` are zero."""

    @property
    def address(self) -> int: ...

    @property
    def mask(self) -> int: ...

    @property
    def output(self) -> int: ...

    @property
    def gateway(self) -> int: ...

    @property
    def prefix_length(self) -> int | None: ...

    @property
    def prefix(self) -> str: ...

    @property
    def next_hop(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Route:
    """Packets to `address` under `mask` leave by `output`; with a `gateway` (not 0) that becomes the destination."""

    address: int
    mask: int
    output: int
    gateway: int = 0

    @property
    def prefix_length(self) -> int | None:
        """The number of leading ones in the mask, or None if other ones follow."""
        length = self.mask.bit_count()
        return length if self.mask == ALL_ONES ^ ALL_ONES >> length else None

    @property
    def prefix(self) -> str:
        """The addresses it is for, as text."""
        return literals.prefix_text(self.address, self.mask)

    @property
    def next_hop(self) -> str:
        """The gateway as text, `-` if there is none."""
        return literals.dotted(self.gateway) if self.gateway else "-"


_PLAIN = re.compile(
    r"[ \t\r\n\v\f]*+([0-9.]++)/([0-9]{1,2}+)[ \t\r\n\v\f]++(?:([0-9.]++)[ \t\r\n\v\f]++)?+"
    r"(0|[1-9][0-9]{0,4}+)[ \t\r\n\v\f]*+"
)
_OCTETS = {str(n): n for n in range(256)}


def _route(address: str, length: str, gateway: str | None, output: str) -> Route | None:
    """The route of an argument that is written as nearly all are; None if it has to be looked at closer."""
    try:
        a, b, c, d = address.split(".")
        low = _OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d]
        hop = 0
        if gateway is not None:
            a, b, c, d = gateway.split(".")
            hop = _OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d]
    except (KeyError, ValueError):
        return None
    bits, number = int(length), int(output)
    if bits > 32 or number > MAX_OUTPUT:
        return None
    mask = ALL_ONES ^ ALL_ONES >> bits
    return Route(low & mask, mask, number, hop)


@dataclass(frozen=True)
class RouteArgument(ArgumentType[AnyRoute]):
    """`ADDR[/MASK] [GATEWAY] OUTPUT`; `-` stands for no gateway."""

    WORK = 0.3

    def describe(self) -> str:
        return "a route ADDR/MASK [GATEWAY] OUTPUT"

    def parse(self, text: Text, names: Names) -> Route:
        plain = _PLAIN.fullmatch(text.value)
        if plain is not None and (route := _route(*plain.groups())) is not None:
            return route
        parts = words(text)
        if len(parts) not in (2, 3):
            raise self.refused(text)
        address, mask = IPPrefix(bare=True).parse(parts[0], names)
        gateway = 0
        if len(parts) == 3 and parts[1].value != "-":
            found = literals.address(parts[1].value)
            if found is None:
                found = names.address(parts[1].value)
            if found is None:
                raise self.refused(
                    parts[1], f"'{parts[1]}' is not a gateway: expected an IPv4 address or '-'"
                )
            gateway = found
        output = literals.integer(parts[-1].value)
        if output is None or not 0 <= output <= MAX_OUTPUT:
            raise self.refused(parts[-1], f"'{parts[-1]}' is not the number of an output")
        return Route(address & mask, mask, output, gateway)

    def unparse(self, value: AnyRoute) -> str:
        return f"{value.prefix} {value.next_hop} {value.output}"
