"""ClickyInfo."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest
from innet.elements.base import Element, Role


@dataclass(frozen=True)
class ClickyInfo(Element):
    """Advice to a drawing program: accepted, without effect.

    Arguments:  anything.
    Source:     Click manual, ClickyInfo.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = ("x",)

    entries: Annotated[tuple[str, ...], Rest()] = ()
