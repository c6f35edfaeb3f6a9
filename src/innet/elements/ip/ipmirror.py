"""IPMirror."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip.header import first_fragment, require_ip_header, tcp_or_udp
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_TCP


@dataclass(frozen=True)
class IPMirror(Element):
    """Swap source and destination: addresses, TCP and UDP ports, TCP sequence and acknowledgement numbers.

    Ports:      in 0: IPv4 with its header marked.  out 0: the same packet, mirrored.
    Arguments:  DST_ANNO (bool, default true): whether the DST_IP annotation becomes the new destination.
    Drops:      "no IP header annotation".
    Checksum:   none: no sum changes when its parts change places.
    Source:     Click manual, IPMirror.  A TCP header cut before its acknowledgement number keeps both numbers.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "DST_ANNO false")

    dst_anno: bool = True

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        src, proto = p.ip.src, p.ip.proto
        p.ip.src = p.ip.dst
        p.ip.dst = src
        if self.dst_anno:
            p.anno.dst_ip = src
        with p.when(tcp_or_udp(proto) & first_fragment(p) & p.udp.present(8)):
            p.udp.sport, p.udp.dport = p.udp.dport, p.udp.sport
            with p.when((proto == PROTO_TCP) & p.tcp.present(12)):
                p.tcp.seq, p.tcp.ack = p.tcp.ack, p.tcp.seq
        p.emit(0)
