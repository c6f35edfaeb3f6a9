"""CheckPaint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.annotation.bytes import PAINT
from innet.elements.arguments import Annotation, Unsigned
from innet.elements.base import Element
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class CheckPaint(Element):
    """Let packets of one color pass.

    Ports:      in 0: packets.  out 0: those painted COLOR.  out 1 (optional; dropped if unconnected): the others.
    Arguments:  COLOR (0-255).  ANNO (1-byte annotation, default PAINT).
    Drops:      "another color".
    Source:     Click manual, CheckPaint.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("1", "5, 20")
    WRITABLE: ClassVar[Mapping[str, str]] = {"color": "color"}

    color: Annotated[int, Unsigned(8)]
    anno: Annotated[int, Annotation(1)] = PAINT

    def push(self, p: Packet, port: int) -> None:
        with p.when(p.raw(Mark.ANNOTATION, self.anno, 1) != self.color):
            p.divert(1, "another color")
        p.emit(0)
