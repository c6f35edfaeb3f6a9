"""TruncateIPPayload."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.ip.header import header_bytes, require_ip_header
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, any_of
from innet.packet.headers import PROTO_ICMP, PROTO_TCP, PROTO_UDP

TCP_BYTES, UDP_BYTES = 20, 8
ICMP_TIMESTAMPS, TIMESTAMP_BYTES = (13, 14), 12


@dataclass(frozen=True)
class TruncateIPPayload(Element):
    """Cut the payload of IPv4 packets, and keep their headers.

    Ports:      in 0: IPv4 with its header marked.  out 0: the same, at most LENGTH bytes of payload.
    Arguments:  LENGTH (bytes, default 0).  TRANSPORT (bool, default true): whether the TCP, UDP or ICMP header is
                kept, too; of later fragments as many bytes.  EXTRA_LENGTH (keyword, bool, default true): whether
                the EXTRA_LENGTH annotation grows by what was cut.
    Drops:      "no IP header annotation".
    Source:     Click manual, TruncateIPPayload.  No length field of a header is adjusted.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "3", "5, false")

    length: Annotated[int, Unsigned(16)] = 0
    transport: bool = True
    _: KW_ONLY
    extra_length: bool = True

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        kept = p.local(p.distance(Mark.DATA, Mark.NET) + header_bytes(p.ip.hl) + self.length)
        if self.transport:
            proto = p.ip.proto
            with p.when(proto == PROTO_TCP):
                with p.when(p.tcp.present(13)):
                    kept.set(kept.value + header_bytes(p.tcp.off))
                with p.otherwise():
                    kept.set(kept.value + TCP_BYTES)
            with p.when((proto == PROTO_UDP) | (proto == PROTO_ICMP)):
                kept.set(kept.value + UDP_BYTES)
            with p.when((proto == PROTO_ICMP) & any_of(p.icmp.type == kind for kind in ICMP_TIMESTAMPS)):
                kept.set(kept.value + TIMESTAMP_BYTES)
        length, limit = p.length, kept.value
        with p.when(limit < length):
            p.set_mark(Mark.END, Mark.DATA, 0, limit)
            if self.extra_length:
                p.anno.extra_length += (length - limit).cast(32)
        p.emit(0)
