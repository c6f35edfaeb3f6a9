"""CheckUDPHeader."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.ip.checked import TransportCheck
from innet.elements.ip.header import pseudo_header_sum
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_UDP


@dataclass(frozen=True)
class CheckUDPHeader(TransportCheck):
    """Let packets pass whose UDP header is right: length, and checksum if there is one.

    Ports:      in 0: IPv4 with its header marked.  out 0: right ones, unchanged.
                out 1 (optional; dropped if unconnected): the others, unchanged.
    Arguments:  VERBOSE, DETAILS (keyword, bool, default false): DETAILS counts the failures by reason.
    Drops:      "not UDP", "bad packet length", "bad UDP checksum", checked in this order.
    Source:     Click manual, CheckUDPHeader; RFC 768.  Fragments fail the length or the checksum.
    """

    REASONS: ClassVar[tuple[str, ...]] = ("not UDP", "bad packet length", "bad UDP checksum")

    def push(self, p: Packet, port: int) -> None:
        self.refuse(p, ~p.ip.present(20) | (p.ip.proto != PROTO_UDP), "not UDP")
        length, room = p.udp.len, p.distance(Mark.TRANSPORT, Mark.END)
        self.refuse(p, ~p.udp.present(8) | (length < 8) | (length > room), "bad packet length")
        with p.when(p.udp.sum == 0):
            p.emit(0)
        sum = p.sum(Mark.TRANSPORT, 0, length).ones_add(pseudo_header_sum(p, PROTO_UDP, length))
        self.refuse(p, sum != 0xFFFF, "bad UDP checksum")
        p.emit(0)
