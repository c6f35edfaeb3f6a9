"""FixIPSrc."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import IPAddress
from innet.elements.base import Element
from innet.elements.ip.header import fill_checksum, header_bytes
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class FixIPSrc(Element):
    """Give packets that ask for it (ICMP errors made here) the address of the interface they leave by.

    Ports:      in 0: IPv4.  out 0: the same; those with the FIX_IP_SRC annotation set have a new source, once.
    Arguments:  IPADDR (IPv4 address): the new source.
    Checksum:   full, over the IPv4 header; a transport checksum is not touched.
    Source:     Click manual, FixIPSrc.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("192.0.2.1",)

    ipaddr: Annotated[int, IPAddress()]

    def push(self, p: Packet, port: int) -> None:
        with p.when((p.anno.fix_ip_src != 0) & p.ip.present(20)):
            p.anno.fix_ip_src = 0
            p.ip.src = self.ipaddr
            fill_checksum(p, Mark.NET, header_bytes(p.ip.hl))
        p.emit(0)
