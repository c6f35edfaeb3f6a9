"""AlignmentInfo."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest
from innet.elements.base import Element, Role


@dataclass(frozen=True)
class AlignmentInfo(Element):
    """Say how packets are aligned in memory: accepted, without effect.

    Arguments:  `ELEMENT MODULUS OFFSET...`, ...
    Source:     Click manual, AlignmentInfo.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = ("e 4 2",)

    entries: Annotated[tuple[str, ...], Rest()] = ()
