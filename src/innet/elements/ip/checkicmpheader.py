"""CheckICMPHeader."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.ip.checked import TransportCheck
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, any_of
from innet.packet.headers import PROTO_ICMP

ERRORS, TIMESTAMPS, INFORMATION = (3, 4, 5, 11, 12), (13, 14), (15, 16)


@dataclass(frozen=True)
class CheckICMPHeader(TransportCheck):
    """Let packets pass whose ICMP message is right: the length its type asks for, and the checksum.

    Ports:      in 0: IPv4 with its header marked.  out 0: right ones, unchanged.
                out 1 (optional; dropped if unconnected): the others, unchanged.
    Arguments:  VERBOSE, DETAILS (keyword, bool, default false): DETAILS counts the failures by reason.
    Drops:      "not ICMP", "bad packet length", "bad ICMP checksum", checked in this order.
    Source:     Click manual, CheckICMPHeader; RFC 792.  The message reaches to the packet's end, padding included.
    """

    REASONS: ClassVar[tuple[str, ...]] = ("not ICMP", "bad packet length", "bad ICMP checksum")

    def push(self, p: Packet, port: int) -> None:
        self.refuse(p, ~p.ip.present(20) | (p.ip.proto != PROTO_ICMP), "not ICMP")
        kind, length = p.icmp.type, p.distance(Mark.TRANSPORT, Mark.END)
        bad = (
            ~p.icmp.present(8)
            | (any_of(kind == k for k in ERRORS) & (length < 36))
            | (any_of(kind == k for k in TIMESTAMPS) & (length != 20))
            | (any_of(kind == k for k in INFORMATION) & (length != 8))
        )
        self.refuse(p, bad, "bad packet length")
        self.refuse(p, p.sum(Mark.TRANSPORT, 0, length) != 0xFFFF, "bad ICMP checksum")
        p.emit(0)
