"""AggregatePaint."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Signed
from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class AggregatePaint(Element):
    """Number packets by their color.

    Ports:      in 0: packets.  out 0: the same, their PAINT annotation as AGGREGATE annotation.
    Arguments:  BITS (1-8, default 8): how many low bits of the color.  INCREMENTAL (keyword, bool, default false): put
                them behind the bits of the annotation.
    Source:     Click manual, AggregatePaint.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "2", "4, INCREMENTAL true")

    bits: Annotated[int, Signed(1, 8)] = 8
    _: KW_ONLY
    incremental: bool = False

    def push(self, p: Packet, port: int) -> None:
        color = p.anno.paint.cast(32) & ((1 << self.bits) - 1)
        p.anno.aggregate = (p.anno.aggregate << self.bits) + color if self.incremental else color
        p.emit(0)
