"""SetAnnoByte."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Annotation, Unsigned
from innet.elements.base import Element
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class SetAnnoByte(Element):
    """Set one byte of the annotations; Paint is the name to use today.

    Ports:      in 0: packets.  out 0: the same, annotated.
    Arguments:  ANNO (1-byte annotation), VALUE (0-255).
    Source:     Click manual, SetAnnoByte.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("PAINT, 7", "20, 0xff")
    WRITABLE: ClassVar[Mapping[str, str]] = {"value": "value"}

    anno: Annotated[int, Annotation(1)]
    value: Annotated[int, Unsigned(8)]

    def push(self, p: Packet, port: int) -> None:
        p.set_raw(Mark.ANNOTATION, self.anno, 1, self.value)
        p.emit(0)
