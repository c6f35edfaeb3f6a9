"""EtherEncap."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import EtherAddress, Unsigned
from innet.elements.base import Element
from innet.elements.ethernet.frame import put_header
from innet.ir.trace import Packet


@dataclass(frozen=True)
class EtherEncap(Element):
    """Put an Ethernet header in front of the packet.

    Ports:      in 0: any packet.  out 0: it, behind a new header, which is marked, as is what follows it.
    Arguments:  ETHERTYPE (16 bits), SRC, DST (Ethernet addresses).
    Source:     Click manual, EtherEncap; IEEE 802.3.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2",)
    WRITABLE: ClassVar[Mapping[str, str]] = {name: name for name in ("src", "dst", "ethertype")}

    ethertype: Annotated[int, Unsigned(16)]
    src: Annotated[int, EtherAddress()]
    dst: Annotated[int, EtherAddress()]

    def push(self, p: Packet, port: int) -> None:
        put_header(p, self.dst, self.src, self.ethertype)
        p.emit(0)
