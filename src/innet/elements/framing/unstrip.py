"""Unstrip."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Unstrip(Element):
    """Put bytes back in front of the packet: those stripped before, or zeros where there were none.

    Ports:      in 0: packets.  out 0: the same with LENGTH more bytes in front.
    Arguments:  LENGTH (bytes, at most 65535).
    Source:     Click manual, Unstrip.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("14", "0")

    length: Annotated[int, Unsigned(16)]

    def push(self, p: Packet, port: int) -> None:
        p.unstrip(self.length)
        p.emit(0)
