"""ICMPPingEncap."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import IPAddress, Unsigned
from innet.elements.base import Element
from innet.elements.icmp.encap import ECHO, icmp_header
from innet.ir.trace import Packet


@dataclass(frozen=True)
class ICMPPingEncap(Element):
    """Make the packet the contents of an ICMP echo request.

    Ports:      in 0: any packet.  out 0: it, behind new IPv4 and ICMP headers, which are marked.
    Arguments:  SRC, DST (IPv4 addresses).  IDENTIFIER (keyword, 16 bits, default 0).
    State:      `sequence`: IP identification and sequence number, from 1; 0 is left out.
    Checksum:   IPv4 and ICMP, full.
    Source:     Click manual, ICMPPingEncap; RFC 792.  The DST_IP annotation becomes DST. Numbers are in network order.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "192.0.2.1, 198.51.100.1",
        "192.0.2.1, 198.51.100.1, IDENTIFIER 77",
    )
    WRITABLE: ClassVar[Mapping[str, str]] = {"src": "src", "dst": "dst"}

    src: Annotated[int, IPAddress()]
    dst: Annotated[int, IPAddress()]
    _: KW_ONLY
    identifier: Annotated[int, Unsigned(16)] = 0

    def push(self, p: Packet, port: int) -> None:
        icmp_header(p, src=self.src, dst=self.dst, kind=ECHO, code=0, identifier=self.identifier)
        p.emit(0)
