"""PaintTee."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.annotation.bytes import PAINT
from innet.elements.arguments import Annotation, Unsigned
from innet.elements.base import Element
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class PaintTee(Element):
    """Copy packets of one color to a second output.

    Ports:      in 0: packets.  out 0: all of them, unchanged.  out 1: a copy of those painted COLOR, first.
    Arguments:  COLOR (0-255).  ANNO (1-byte annotation, default PAINT).
    Source:     Click manual, PaintTee.
    """

    PORTS: ClassVar[str] = "1/2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("1", "5, ANNO 20")
    WRITABLE: ClassVar[Mapping[str, str]] = {"color": "color"}

    color: Annotated[int, Unsigned(8)]
    anno: Annotated[int, Annotation(1)] = PAINT

    def push(self, p: Packet, port: int) -> None:
        with p.when(p.raw(Mark.ANNOTATION, self.anno, 1) == self.color):
            p.copy(1)
        p.emit(0)
