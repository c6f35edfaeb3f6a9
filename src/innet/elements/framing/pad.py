"""Pad."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Pad(Element):
    """Lengthen packets with zeros.

    Ports:      in 0: packets.  out 0: the same, at least LENGTH bytes of them; without LENGTH, longer by the
                EXTRA_LENGTH annotation, which then is zero.
    Arguments:  LENGTH (bytes, at most 65535, optional).  ZERO (keyword, bool, default true): without effect, the new
                bytes are always zero.
    Drops:      "EXTRA_LENGTH too large": above 65535.
    Source:     Click manual, Pad.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("60", "", "ZERO false")

    length: Annotated[int, Unsigned(16)] = 0
    _: KW_ONLY
    zero: bool = True

    def push(self, p: Packet, port: int) -> None:
        if self.length:
            with p.when(p.length < self.length):
                p.set_mark(Mark.END, Mark.DATA, self.length)
        else:
            extra = p.anno.extra_length
            with p.when(extra > 0xFFFF):
                p.drop("EXTRA_LENGTH too large")
            p.set_mark(Mark.END, Mark.END, 0, extra.cast(16))
        p.anno.extra_length = 0
        p.emit(0)
