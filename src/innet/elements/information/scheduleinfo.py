"""ScheduleInfo."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest
from innet.elements.base import Element, Role


@dataclass(frozen=True)
class ScheduleInfo(Element):
    """Say how often elements are scheduled: accepted, without effect.

    Arguments:  `ELEMENT WEIGHT`, ...
    Source:     Click manual, ScheduleInfo.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = ("queue 0.5",)

    entries: Annotated[tuple[str, ...], Rest()] = ()
