"""PortInfo."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest
from innet.elements.base import Element, Role


@dataclass(frozen=True)
class PortInfo(Element):
    """Give names to ports, for the compound it stands in and all inside.

    Arguments:  `NAME PORT[/PROTOCOL] [ALIAS...]`, ...: without a protocol for TCP and UDP.
    Source:     Click manual, PortInfo; the entries are read by `argument_names`.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = ("game 2000/udp play, web 80",)

    entries: Annotated[tuple[str, ...], Rest()] = ()
