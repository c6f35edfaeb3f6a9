"""DPDKInfo."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest
from innet.elements.base import Element, Role


@dataclass(frozen=True)
class DPDKInfo(Element):
    """Settings of drivers, locks and analysers that In-Net does without: accepted, without effect.

    Arguments:  anything.
    Source:     Click manual: DPDKInfo, NetmapInfo, IPFieldInfo, IPNameInfo, Spinlock, JSON.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    ALIASES: ClassVar[tuple[str, ...]] = ("NetmapInfo", "IPFieldInfo", "IPNameInfo", "Spinlock", "JSON")
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "NB_MBUF 1024")

    entries: Annotated[tuple[str, ...], Rest()] = ()
