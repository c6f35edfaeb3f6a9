"""Block."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.meter.rateannotations import FWD_RATE
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Block(Element):
    """Send packets aside whose forward rate, as IPRateMonitor noted it, is above a threshold.

    Ports:      in 0: any packet.  out 0: FWD_RATE is at most THRESH.  out 1: it is above.
    Arguments:  THRESH (packets or bytes a second): 0 sends nothing aside.
    Source:     Click manual, Block.
    """

    PORTS: ClassVar[str] = "1/2"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("100", "0")
    WRITABLE: ClassVar[Mapping[str, str]] = {"thresh": "thresh"}

    thresh: Annotated[int, Unsigned()]

    def push(self, p: Packet, port: int) -> None:
        if self.thresh:
            with p.when(p.raw(Mark.ANNOTATION, FWD_RATE, 4) > self.thresh):
                p.emit(1)
        p.emit(0)
