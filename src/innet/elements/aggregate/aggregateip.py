"""AggregateIP."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.aggregate.fields import IP, PAYLOAD, TCP_OR_UDP, TRANSP, WORD_BITS, FieldOf, IPField
from innet.elements.base import Element
from innet.elements.ip.header import first_fragment, tcp_or_udp
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_TCP, PROTO_UDP

NO_FIELD = "no such field"
ADDRESS_BITS = range(12 * 8, 20 * 8)
UDP_BYTES, TCP_BYTES = 8, 20


@dataclass(frozen=True)
class AggregateIP(Element):
    """Number packets by a field of their IPv4, TCP, UDP or ICMP header.

    Ports:      in 0: packets with IP header annotation.  out 0: those that have the field, which is now their AGGREGATE
                annotation.  out 1 (optional; dropped if unconnected): the others: without IP header annotation, too
                short, of another protocol, or later fragments if the field is behind the IPv4 header.
    Arguments:  FIELD: `HEADER NAME`, `HEADER[OFFSET]`, `HEADER[OFFSET:LENGTH]` or `HEADER[FIRST-LAST]` in bytes, the
                same with braces in bits; then `/BITS` (the top ones) or `& MASK` (one run of ones). HEADER is ip, tcp,
                udp, icmp, tcpudp, transp (any header behind IPv4's), payload or data, `ip proto N`. The field lies
                within four bytes, counted from the header, and a packet that does not have all four of them does not
                have the field.  INCREMENTAL (keyword, bool, default false): put the field's bits behind those of the
                annotation.  UNSHIFT_IP_ADDR (keyword, bool, default false): bits of an address keep their place.
    Drops:      "no such field".
    Errors:     INCREMENTAL with a field of 32 bits.
    Source:     Click manual, AggregateIP.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "ip dst/8",
        "tcp sport",
        "ip tos & 0xfc, INCREMENTAL true",
        "ip src/16, UNSHIFT_IP_ADDR true",
        "transp[0:2]",
        "payload{4:4}",
        "icmp type",
        "ip sport",
        "ip proto 47[3]",
    )

    field: Annotated[IPField, FieldOf()]
    _: KW_ONLY
    incremental: bool = False
    unshift_ip_addr: bool = False

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if self.incremental and self.field.width == WORD_BITS:
            return (f"INCREMENTAL needs a field of less than 32 bits, not '{self.field}'",)
        return ()

    def push(self, p: Packet, port: int) -> None:
        with p.when(~p.marked(Mark.NET)):
            p.divert(1, NO_FIELD)
        header = self.field.header
        if header == IP:
            self._take(p, Mark.NET)
            return
        with p.when(~first_fragment(p)):
            p.divert(1, NO_FIELD)
        if header == PAYLOAD:
            self._take_payload(p)
            return
        if header != TRANSP:
            proto = p.ip.proto
            with p.when(~(tcp_or_udp(proto) if header == TCP_OR_UDP else proto == header)):
                p.divert(1, NO_FIELD)
        self._take(p, Mark.TRANSPORT)

    def _take_payload(self, p: Packet) -> None:
        proto = p.ip.proto
        with p.when(proto == PROTO_UDP):
            self._take(p, Mark.TRANSPORT, UDP_BYTES)
        with p.when(proto == PROTO_TCP), p.when(p.tcp.present(TCP_BYTES)):
            words = p.tcp.off
            for n in range(15):
                with p.when(words == n):
                    self._take(p, Mark.TRANSPORT, 4 * n, TCP_BYTES)
            self._take(p, Mark.TRANSPORT, 60)
        p.divert(1, NO_FIELD)

    def _take(self, p: Packet, mark: Mark, offset: int = 0, known: int = 0) -> None:
        """Annotate a packet with the field in the header at `mark + offset`, if it is there; `known` bytes are."""
        at = offset + self.field.word
        if at + 4 <= known:
            self._annotate(p, mark, at)
            return
        with p.when(p.present(mark, at, 4)):
            self._annotate(p, mark, at)
        p.divert(1, NO_FIELD)

    def _annotate(self, p: Packet, mark: Mark, at: int) -> None:
        field, value = self.field, p.raw(mark, at, 4)
        mask = (1 << field.width) - 1
        if self.unshift_ip_addr and field.header == IP and field.bit in ADDRESS_BITS:
            value = value & (mask << field.shift)
        else:
            value = (value >> field.shift) & mask
        if self.incremental:
            value = (p.anno.aggregate << field.width) + value
        p.anno.aggregate = value
        p.emit(0)
