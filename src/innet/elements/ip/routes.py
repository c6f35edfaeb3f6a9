"""Routes, and how an argument gives one."""

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


@dataclass(frozen=True)
class RouteArgument(ArgumentType[AnyRoute]):
    """`ADDR[/MASK] [GATEWAY] OUTPUT`; `-` stands for no gateway."""

    def describe(self) -> str:
        return "a route ADDR/MASK [GATEWAY] OUTPUT"

    def parse(self, text: Text, names: Names) -> Route:
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
