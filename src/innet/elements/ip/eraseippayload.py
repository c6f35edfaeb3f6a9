"""EraseIPPayload."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip.header import header_bytes, require_ip_header
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, as_value
from innet.packet.headers import PROTO_ICMP, PROTO_TCP, PROTO_UDP

TCP_BYTES, UDP_BYTES = 20, 8


@dataclass(frozen=True)
class EraseIPPayload(Element):
    """Zero what TCP and UDP carry; the packet keeps its length.

    Ports:      in 0: IPv4 with its header marked.  out 0: the same with its payload zero; ICMP unchanged.
    Drops:      "not TCP, UDP or ICMP", "no IP header annotation".
    Checksum:   that of TCP or UDP becomes zero.
    Source:     Click manual, EraseIPPayload.  Later fragments are taken for whole packets.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        proto = p.ip.proto
        with p.when(proto == PROTO_ICMP):
            p.emit(0)
        with p.when(proto == PROTO_UDP):
            self.erase(p, as_value(UDP_BYTES, 16))
            p.udp.sum = 0
            p.emit(0)
        with p.when(proto == PROTO_TCP):
            kept = p.local(TCP_BYTES)
            with p.when(p.tcp.present(13)):
                kept.set(header_bytes(p.tcp.off))
            self.erase(p, kept.value)
            p.tcp.sum = 0
            p.emit(0)
        p.drop("not TCP, UDP or ICMP")

    def erase(self, p: Packet, kept: Value) -> None:
        """Cut the packet `kept` bytes after its transport header's start, and make it as long again, with zeros."""
        room = p.distance(Mark.TRANSPORT, Mark.END)
        with p.when(p.present(Mark.TRANSPORT, 0, 1) & (kept < room)):
            p.set_mark(Mark.END, Mark.TRANSPORT, 0, kept)
            p.set_mark(Mark.END, Mark.END, 0, room - kept)
