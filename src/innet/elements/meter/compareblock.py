"""CompareBlock."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.meter.rateannotations import FWD_RATE, REV_RATE
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value


@dataclass(frozen=True)
class CompareBlock(Element):
    """Send packets aside whose forward rate is too high beside their reverse rate.

    Ports:      in 0: any packet.  out 1: a rate is above THRESH, and FWD_WEIGHT times the forward rate is above
                REV_WEIGHT times the reverse rate.  out 0: the others.
    Arguments:  FWD_WEIGHT, REV_WEIGHT, THRESH (integers). Rates are those that IPRateMonitor noted, at least 1.
    Source:     Click manual, CompareBlock.
    """

    PORTS: ClassVar[str] = "1/2"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("5, 2, 100", "1, -1, 0", "-1, -2, 50", "-1, 1, 7")
    WRITABLE: ClassVar[Mapping[str, str]] = {
        "fwd_weight": "fwd_weight",
        "rev_weight": "rev_weight",
        "thresh": "thresh",
    }

    fwd_weight: int
    rev_weight: int
    thresh: int

    def push(self, p: Packet, port: int) -> None:
        fwd, rev = rate(p, FWD_RATE), rate(p, REV_RATE)
        a, b = self.fwd_weight, self.rev_weight
        over = [(fwd > self.thresh) | (rev > self.thresh)] if self.thresh > 0 else []
        if a <= 0 <= b:
            p.emit(0)  # whatever the rates are, the left side is not the greater one
            return
        if a > 0 and b > 0:
            over.append(rev * b < fwd * a)
        elif a < 0 and b < 0:
            over.append(fwd * -a < rev * -b)
        if not over:
            p.emit(1)
            return
        with p.when(over[0] & over[1] if len(over) == 2 else over[0]):
            p.emit(1)
        p.emit(0)


def rate(p: Packet, at: int) -> Value:
    """The rate in the annotation at byte `at`, as 64 bits: at least 1, also for what Click takes for negative."""
    found = p.raw(Mark.ANNOTATION, at, 4).cast(64)
    positive = p.bind(found * (found < 1 << 31).cast(64))
    return p.bind(positive + (positive == 0).cast(64))
