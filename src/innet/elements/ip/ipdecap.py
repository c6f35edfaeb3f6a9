"""IPDecap."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Protocol
from innet.elements.base import Element
from innet.elements.ip.header import first_fragment, require_ip_header
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_IPIP


@dataclass(frozen=True)
class IPDecap(Element):
    """Take a packet out of the IPv4 packet that carries it.

    Ports:      in 0: IPv4 with its header marked.  out 0: what it carries, whole or a first fragment.
    Arguments:  PROTO (name or 0-255, default ipip): what it has to carry.
    Drops:      "another protocol", "a later fragment", "no IP header annotation".
    Source:     SymNet's model of that name; RFC 2003 section 3.  As StripIPHeader, it moves no header mark: let
                CheckIPHeader follow.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "gre")

    proto: Annotated[int, Protocol()] = PROTO_IPIP

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        with p.when(p.ip.proto != self.proto):
            p.drop("another protocol")
        with p.when(~first_fragment(p)):
            p.drop("a later fragment")
        p.set_mark(Mark.DATA, Mark.TRANSPORT)
        p.emit(0)
