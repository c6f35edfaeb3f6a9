"""RandomSwitch."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.switching.outputs import emit_by_number
from innet.ir.trace import Packet


@dataclass(frozen=True)
class RandomSwitch(Element):
    """Send each packet to an output chosen at random, all equally likely.

    Ports:      in 0: any packet.  out 0..n-1: chosen ones.
    Verifier:   any output is possible for any packet.
    Source:     Click manual, RandomSwitch.
    """

    PORTS: ClassVar[str] = "1/1-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        if p.outputs == 1:
            p.emit(0)
        else:
            scaled = p.random(32).cast(64) * p.outputs
            emit_by_number(p, p.bind((scaled >> 32).cast(32)))
