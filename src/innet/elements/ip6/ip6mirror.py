"""IP6Mirror."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip.header import tcp_or_udp
from innet.elements.ip6.header6 import UDP_BYTES, require_ip6_header
from innet.ir.trace import Packet


@dataclass(frozen=True)
class IP6Mirror(Element):
    """Swap source and destination: IPv6 addresses, TCP and UDP ports.

    Ports:      in 0: IPv6 with its header marked.  out 0: the same packet, mirrored.
    Drops:      "no IPv6 header annotation".
    Checksum:   none: no sum changes when its parts change places.
    Source:     Click manual, IP6Mirror.  Ports behind extension headers stay, as does the DST_IP6 annotation.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        require_ip6_header(p)
        h = p.ip6
        h.src_high, h.dst_high = h.dst_high, h.src_high
        h.src_low, h.dst_low = h.dst_low, h.src_low
        with p.when(tcp_or_udp(h.nxt) & p.udp.present(UDP_BYTES)):
            p.udp.sport, p.udp.dport = p.udp.dport, p.udp.sport
        p.emit(0)
