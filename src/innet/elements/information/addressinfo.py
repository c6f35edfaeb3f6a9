"""AddressInfo."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest
from innet.elements.base import Element, Role


@dataclass(frozen=True)
class AddressInfo(Element):
    """Give names to addresses, for the compound it stands in and all inside.

    Arguments:  `NAME ADDRESS...`, ...: IPv4 and IPv6 addresses and prefixes, Ethernet addresses; a prefix gives
                both. `NAME:ip`, `:ipnet`, `:ip6`, `:ip6net`, `:eth`, `:bcast` and `:gw` say which one is meant.
    Source:     Click manual, AddressInfo; the entries are read by `argument_names`.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = ("inside 10.0.0.1/24 2001:db8::1/64 2:0:0:0:0:1, web 192.0.2.80",)

    entries: Annotated[tuple[str, ...], Rest()] = ()
