"""IP6Fragmenter."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.holder import Remembered
from innet.ir.trace import Packet


@dataclass(frozen=True)
class IP6Fragmenter(Element):
    """Turn away packets that are longer than a link takes; IPv6 routers do not fragment.

    Ports:      in 0: packets.  out 0: those of at most MTU bytes, unchanged.
                out 1 (optional; dropped if unconnected): longer ones, unchanged: for ICMP6Error.
    Arguments:  MTU (bytes).
    Drops:      "longer than the MTU".
    Source:     Click manual, IP6Fragmenter, which loses longer packets; RFC 8200 section 5.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("1280", "60")
    READS: ClassVar[tuple[str, ...]] = ("fragments",)

    mtu: Annotated[int, Unsigned()]

    def push(self, p: Packet, port: int) -> None:
        if self.mtu <= 0xFFFF:
            with p.when(p.length > self.mtu):
                p.count("drops")
                p.divert(1, "longer than the MTU")
        p.emit(0)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        return "0"
