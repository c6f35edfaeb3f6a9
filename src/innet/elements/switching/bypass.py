"""Bypass."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Bypass(Element):
    """Send packets around something, or through it.

    Ports:      in 0: any packet.  out 0: those of input 0 if inactive, those of input 1.  out 1: those of input 0 if
                active and packets are pushed.  A pull on output 0 asks input 1 if active, input 0 if not; without a
                second port there is nothing to go through, and everything goes from input 0 to output 0.
    Arguments:  ACTIVE (bool, default false).  INLINE (keyword, bool): without effect.
    Source:     Click manual, Bypass.
    """

    PORTS: ClassVar[str] = "1-2/1-2"
    FLOW: ClassVar[str] = "xy/[xy]x"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "true")
    WRITABLE: ClassVar[Mapping[str, str]] = {"active": "active"}

    active: bool = False
    _: KW_ONLY
    inline: bool = False

    def push(self, p: Packet, port: int) -> None:
        p.emit(1 if self.active and port == 0 and p.outputs > 1 else 0)

    def pull_input(self, output: int) -> int | None:
        return None if output else int(self.active)
