"""EtherMirror."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ethernet.frame import frame, require_ethernet_header
from innet.ir.trace import Packet


@dataclass(frozen=True)
class EtherMirror(Element):
    """Swap the Ethernet addresses.

    Ports:      in 0: frames.  out 0: the same, on their way back.
    Drops:      "no Ethernet header": fewer than 12 bytes.
    Source:     Click manual, EtherMirror.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        require_ethernet_header(p, 12)
        h = frame(p)
        h.dst, h.src = h.src, h.dst
        p.emit(0)
