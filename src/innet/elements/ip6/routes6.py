"""IPv6 routes, and how an argument gives one."""

from dataclasses import dataclass

from innet.elements.argument_addresses import IP6Address, IP6Prefix
from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.elements.ip.routes import MAX_OUTPUT, AnyRoute
from innet.flowspec import names as literals
from innet.lexical import Text, words


@dataclass(frozen=True, slots=True)
class Route6:
    """Packets to `address`/`prefix_length` leave by `output`; with a `gateway` (not 0) that becomes the destination."""

    address: int
    prefix_length: int
    output: int
    gateway: int = 0

    @property
    def mask(self) -> int:
        return literals.length_mask6(self.prefix_length)

    @property
    def prefix(self) -> str:
        return f"{literals.colons(self.address)}/{self.prefix_length}"

    @property
    def next_hop(self) -> str:
        return literals.colons(self.gateway) if self.gateway else "-"


@dataclass(frozen=True)
class Route6Argument(ArgumentType[AnyRoute]):
    """`DST[/LEN] [GATEWAY] OUTPUT`; `-` and `::` stand for no gateway."""

    def describe(self) -> str:
        return "a route DST/LEN [GATEWAY] OUTPUT"

    def parse(self, text: Text, names: Names) -> Route6:
        parts = words(text)
        if len(parts) not in (2, 3):
            raise self.refused(text)
        address, length = IP6Prefix(bare=True).parse(parts[0], names)
        gateway = 0
        if len(parts) == 3 and parts[1].value != "-":
            gateway = IP6Address().parse(parts[1], names)
        output = literals.integer(parts[-1].value)
        if output is None or not 0 <= output <= MAX_OUTPUT:
            raise self.refused(parts[-1], f"'{parts[-1]}' is not the number of an output")
        return Route6(address & literals.length_mask6(length), length, output, gateway)

    def unparse(self, value: AnyRoute) -> str:
        return f"{value.prefix} {value.next_hop} {value.output}"
