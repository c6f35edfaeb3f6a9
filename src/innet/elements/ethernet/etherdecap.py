"""EtherDecap."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.ethernet.frame import ETHERNET_BYTES, frame, require_ethernet_header
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import ETHERTYPE_IPV4


@dataclass(frozen=True)
class EtherDecap(Element):
    """Take a packet out of its Ethernet frame.

    Ports:      in 0: frames.  out 0: what those of type ETHERTYPE carry.
    Arguments:  ETHERTYPE (16 bits, default 0x0800).
    Drops:      "another type", "no Ethernet header".
    Source:     SymNet's model of that name.  As Strip, it moves no header mark.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "0x86dd")

    ethertype: Annotated[int, Unsigned(16)] = ETHERTYPE_IPV4

    def push(self, p: Packet, port: int) -> None:
        require_ethernet_header(p)
        with p.when(frame(p).type != self.ethertype):
            p.drop("another type")
        p.set_mark(Mark.DATA, Mark.DATA, ETHERNET_BYTES)
        p.emit(0)
