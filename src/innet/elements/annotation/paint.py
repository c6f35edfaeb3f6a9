"""Paint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.annotation.bytes import PAINT
from innet.elements.arguments import Annotation, Unsigned
from innet.elements.base import Element
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Paint(Element):
    """Set the paint annotation.

    Ports:      in 0: packets.  out 0: the same, painted.
    Arguments:  COLOR (0-255).  ANNO (1-byte annotation, default PAINT).
    Source:     Click manual, Paint.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("1", "7, ANNO 20", "5, 20")
    WRITABLE: ClassVar[Mapping[str, str]] = {"color": "color"}

    color: Annotated[int, Unsigned(8)]
    anno: Annotated[int, Annotation(1)] = PAINT

    def push(self, p: Packet, port: int) -> None:
        p.set_raw(Mark.ANNOTATION, self.anno, 1, self.color)
        p.emit(0)
