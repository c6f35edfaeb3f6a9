"""CheckTCPHeader."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.ip.checked import TransportCheck
from innet.elements.ip.header import header_bytes, pseudo_header_sum
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_TCP


@dataclass(frozen=True)
class CheckTCPHeader(TransportCheck):
    """Let packets pass whose TCP header is right: lengths and checksum.

    Ports:      in 0: IPv4 with its header marked.  out 0: right ones, unchanged.
                out 1 (optional; dropped if unconnected): the others, unchanged.
    Arguments:  VERBOSE, DETAILS (keyword, bool, default false): DETAILS counts the failures by reason.
    Drops:      "not TCP", "bad packet length", "bad TCP checksum", checked in this order.
    Source:     Click manual, CheckTCPHeader; RFC 9293 section 3.1.  Fragments fail the checksum.
    """

    REASONS: ClassVar[tuple[str, ...]] = ("not TCP", "bad packet length", "bad TCP checksum")

    def push(self, p: Packet, port: int) -> None:
        self.refuse(p, ~p.ip.present(20) | (p.ip.proto != PROTO_TCP), "not TCP")
        total, hlen, off = p.ip.len, header_bytes(p.ip.hl), header_bytes(p.tcp.off)
        length = p.bind(total - hlen)
        short = ~p.tcp.present(20) | (total < hlen) | (total > p.distance(Mark.NET, Mark.END))
        self.refuse(p, short | (off < 20) | (length < off), "bad packet length")
        sum = p.sum(Mark.TRANSPORT, 0, length).ones_add(pseudo_header_sum(p, PROTO_TCP, length))
        self.refuse(p, sum != 0xFFFF, "bad TCP checksum")
        p.emit(0)
