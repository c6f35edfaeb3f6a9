"""Hub."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Hub(Element):
    """Send each packet out of every port but the one it came by.

    Ports:      in k: any packet.  out 0..n-1 except k: copies of it, in port order.
    Drops:      "no other port".
    Source:     Click manual, Hub.
    """

    PORTS: ClassVar[str] = "-/="
    PROCESSING: ClassVar[str] = "h/h"
    FLOW: ClassVar[str] = "#/[^#]"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        others = [output for output in range(p.outputs) if output != port]
        if not others:
            p.drop("no other port")
            return
        for output in others[:-1]:
            p.copy(output)
        p.emit(others[-1])
