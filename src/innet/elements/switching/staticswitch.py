"""StaticSwitch."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Signed
from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class StaticSwitch(Element):
    """Send all packets to one output, for ever.

    Ports:      in 0: any packet.  out 0..n-1: OUTPUT.
    Arguments:  OUTPUT; an output that is not in use: drop all packets.
    Drops:      "switched off".
    Source:     Click manual, StaticSwitch.
    """

    PORTS: ClassVar[str] = "1/-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("0", "-1")

    output: Annotated[int, Signed()]

    def push(self, p: Packet, port: int) -> None:
        if 0 <= self.output < p.outputs:
            p.emit(self.output)
        else:
            p.drop("switched off")
