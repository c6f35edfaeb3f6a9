"""StaticThreadSched."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest
from innet.elements.base import Element, Role


@dataclass(frozen=True)
class StaticThreadSched(Element):
    """Say which thread runs an element: accepted, without effect.

    Arguments:  `ELEMENT THREAD`, ...
    Source:     Click manual, StaticThreadSched, BalancedThreadSched.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    ALIASES: ClassVar[tuple[str, ...]] = ("BalancedThreadSched",)
    EXAMPLES: ClassVar[tuple[str, ...]] = ("e 0",)

    entries: Annotated[tuple[str, ...], Rest()] = ()
