"""ICMP6Error."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import IP6Address, Unsigned
from innet.elements.base import Element
from innet.elements.ip6.header6 import (
    IP6_BYTES,
    halves6,
    is_one_of,
    pseudo_header_sum6,
    require_ip6_header,
)
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, any_of
from innet.packet.headers import CLICK_ANNOTATION_BYTES, PROTO_ICMP6, PacketType

UNREACHABLE, PACKET_TOO_BIG, TIME_EXCEEDED, PARAMETER_PROBLEM = ERROR_TYPES = (1, 2, 3, 4)
REDIRECT = 137
ICMP_BYTES, REDIRECT_BYTES = 8, 40
MOST_QUOTED = 568
LINK_MTU = 1500
LOOPBACK = 1


@dataclass(frozen=True)
class ICMP6Error(Element):
    """Make an ICMPv6 error message that quotes the packet; the packet itself ends here.

    Ports:      in 0: IPv6 with its header marked.  out 0: the message, from its IPv6 header on.
    Arguments:  SRC (IPv6 address): the message's source.  TYPE: 1 (unreachable), 2 (packet too big), 3 (time exceeded),
                4 (parameter problem) or 137 (redirect).  CODE (0-255).
    Drops:      the packet gives no right to an error: "an ICMPv6 error or a cut-off ICMPv6 packet", "sent to a
                multicast address", "sent as a link broadcast or multicast", "bad source address";
                "no IPv6 header annotation".
    Checksum:   ICMPv6, full.
    Source:     Click manual, ICMP6Error; RFC 4443 section 2.4, RFC 4861 section 4.5.  At most 568 bytes are quoted,
                from the IPv6 header on. With code 0, the MTU told is 1500 and the pointer of a parameter problem
                ICMP_PARAMPROB. A redirect's target is the DST_IP6 annotation. The DST_IP6 annotation becomes the
                destination, FIX_IP_SRC is set; the time stays that of the quoted packet.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "2001:db8::1, 3, 0",
        "2001:db8::1, 2, 0",
        "2001:db8::1, 4, 0",
        "2001:db8::1, 137, 0",
    )

    src: Annotated[int, IP6Address()]
    type: Annotated[int, Unsigned(8)]
    code: Annotated[int, Unsigned(8)]

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        if self.type not in (*ERROR_TYPES, REDIRECT):
            found.append(f"TYPE is {self.type}, no ICMPv6 error: expected 1, 2, 3, 4 or 137 (redirect)")
        if self.src == 0:
            found.append("SRC is '::', which no packet may come from: give the router's address")
        return tuple(found)

    def push(self, p: Packet, port: int) -> None:
        require_ip6_header(p)
        self.refuse(p)
        h, anno = p.ip6, p.anno
        answer_to, sent_to = (h.src_high, h.src_low), (h.dst_high, h.dst_low)
        target, pointer = (anno.dst_ip6_high, anno.dst_ip6_low), anno.icmp_paramprob.cast(32)
        added = IP6_BYTES + (REDIRECT_BYTES if self.type == REDIRECT else ICMP_BYTES)
        p.set_mark(Mark.DATA, Mark.NET, -added)
        with p.when(p.length > added + MOST_QUOTED):
            p.set_mark(Mark.END, Mark.DATA, added + MOST_QUOTED)
        p.set_mark(Mark.NET, Mark.DATA)
        p.set_mark(Mark.TRANSPORT, Mark.DATA, IP6_BYTES)
        p.clear_mark(Mark.MAC)
        p.clear_mark(Mark.AUX)
        length = p.distance(Mark.TRANSPORT, Mark.END)
        p.set_raw(Mark.NET, 0, 4, 6 << 28)
        h.plen, h.nxt, h.hlim = length, PROTO_ICMP6, 255
        h.src_high, h.src_low = halves6(self.src)
        h.dst_high, h.dst_low = answer_to
        p.icmp.type, p.icmp.code, p.icmp.sum, p.icmp.rest = self.type, self.code, 0, 0
        match self.type, self.code:
            case (2, 0):
                p.icmp.rest = LINK_MTU
            case (4, 0):
                p.icmp.rest = pointer
            case (137, _):
                told: tuple[Value | int, ...] = (*target, *sent_to) if self.code == 0 else (0, 0, 0, 0)
                for n, half in enumerate(told):
                    p.set_raw(Mark.TRANSPORT, ICMP_BYTES + 8 * n, 8, half)
        p.icmp.sum = ~p.sum(Mark.TRANSPORT, 0, length).ones_add(pseudo_header_sum6(p, length))
        for byte in range(0, CLICK_ANNOTATION_BYTES, 8):
            p.set_raw(Mark.ANNOTATION, byte, 8, 0)
        anno.packet_type = PacketType.HOST
        anno.dst_ip6_high, anno.dst_ip6_low = answer_to
        anno.fix_ip_src = 1
        p.emit(0)

    def refuse(self, p: Packet) -> None:
        """Drop what must not be answered by an error (RFC 4443 section 2.4 (e))."""
        inner = p.raw(Mark.NET, IP6_BYTES, 1)
        error = ~p.ip6.present(1, IP6_BYTES) | any_of(inner == kind for kind in ERROR_TYPES)
        with p.when((p.ip6.nxt == PROTO_ICMP6) & error):
            p.drop("an ICMPv6 error or a cut-off ICMPv6 packet")
        with p.when(p.ip6.dst_high.bits(56, 8) == 0xFF):
            p.drop("sent to a multicast address")
        kind = p.anno.packet_type
        with p.when((kind == PacketType.BROADCAST) | (kind == PacketType.MULTICAST)):
            p.drop("sent as a link broadcast or multicast")
        high, low = p.ip6.src_high, p.ip6.src_low
        with p.when((high.bits(56, 8) == 0xFF) | is_one_of(high, low, LOOPBACK)):
            p.drop("bad source address")
