"""PaintSwitch."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.annotation.bytes import PAINT
from innet.elements.arguments import Annotation
from innet.elements.base import Element
from innet.elements.switching.tee import copy_to_all
from innet.ir.nodes import Mark
from innet.ir.trace import Packet

EVERYWHERE = 255


@dataclass(frozen=True)
class PaintSwitch(Element):
    """Choose the output by the paint annotation.

    Ports:      in 0: packets.  out 0..n-1: those painted so; color 255 goes to all.
    Arguments:  ANNO (1-byte annotation, default PAINT).
    Drops:      "no output of that color".
    Source:     Click manual, PaintSwitch.
    """

    PORTS: ClassVar[str] = "1/-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "ANNO 20")

    anno: Annotated[int, Annotation(1)] = PAINT

    def push(self, p: Packet, port: int) -> None:
        color = p.raw(Mark.ANNOTATION, self.anno, 1)
        for output in range(min(p.outputs, EVERYWHERE)):
            with p.when(color == output):
                p.emit(output)
        if p.outputs:
            with p.when(color == EVERYWHERE):
                copy_to_all(p)
        p.drop("no output of that color")
