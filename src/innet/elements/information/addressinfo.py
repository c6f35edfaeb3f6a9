"""AddressInfo."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest
from innet.elements.base import Element, Role


@dataclass(frozen=True)
class AddressInfo(Element):
    """Give names to addresses, for the compound it stands in and all inside.

    Arguments:  `NAME ADDRESS...`, ...: IPv4 addresses, prefixes and Ethernet addresses; a prefix gives both.
    Source:     Click manual, AddressInfo; the entries are read by `argument_names`.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = ("inside 10.0.0.1/24 2:0:0:0:0:1, web 192.0.2.80",)

    entries: Annotated[tuple[str, ...], Rest()] = ()
