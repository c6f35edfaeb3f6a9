"""RoundRobinSwitch."""

from dataclasses import dataclass
from typing import ClassVar

from innet import ir
from innet.elements.base import Element
from innet.elements.switching.outputs import emit_by_number
from innet.ir.trace import Packet


@dataclass(frozen=True)
class RoundRobinSwitch(Element):
    """Send packets to the outputs in rotation.

    Ports:      in 0: any packet.  out 0..n-1: each n-th packet, the first one to output 0.
    State:      `next`, the output whose turn it is.
    Verifier:   any output is possible for any packet.
    Source:     Click manual, RoundRobinSwitch.
    """

    PORTS: ClassVar[str] = "1/1-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        if p.outputs == 1:
            p.emit(0)
        else:
            emit_by_number(p, p.next(ir.Counter("next", 32, wrap=p.outputs)))
