"""UnstripIPHeader."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip.header import require_mark
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class UnstripIPHeader(Element):
    """Put back the IPv4 header that StripIPHeader took off.

    Ports:      in 0: packets whose header mark may lie before their start.  out 0: the same, with the header.
    Drops:      "no IP header annotation".
    Source:     Click manual, UnstripIPHeader.  Packets that have their header pass unchanged.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        require_mark(p, Mark.NET)
        with p.when(p.distance(Mark.NET, Mark.DATA) < 0x8000):
            p.set_mark(Mark.DATA, Mark.NET)
        p.emit(0)
