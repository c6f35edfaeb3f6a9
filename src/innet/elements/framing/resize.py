"""Resize."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Signed
from innet.elements.base import Element
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Resize(Element):
    """Add or remove bytes at both ends of the packet.

    Ports:      in 0: packets.  out 0: the same, resized; a packet that has not the bytes to lose is empty then.
    Arguments:  HEAD, TAIL (bytes, -65535 to 65535, default 0): above zero to add so many, below to remove. Bytes added
                in front are those stripped before, or zeros, those at the end zeros.
    Source:     Click manual, Resize.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "4, 6", "-14, -4", "-4, 8")
    WRITABLE: ClassVar[Mapping[str, str]] = {"head": "head", "tail": "tail"}

    head: Annotated[int, Signed(-0xFFFF, 0xFFFF)] = 0
    tail: Annotated[int, Signed(-0xFFFF, 0xFFFF)] = 0

    def push(self, p: Packet, port: int) -> None:
        if self.head > 0:
            p.unstrip(self.head)
        elif self.head < 0:
            p.strip(-self.head)
        if self.tail:
            p.set_mark(Mark.END, Mark.END, self.tail)
        p.emit(0)
