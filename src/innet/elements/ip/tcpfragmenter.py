"""TCPFragmenter."""

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Annotation, Unsigned
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out
from innet.elements.ip.header import header_bytes, require_ip_header
from innet.elements.ip.inhand import LENGTH, bytes_of, fill_checksum, number, put_number
from innet.ir.interpret import PacketBuffer, ones_sum
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value

TCP_BYTES, FIN = 20, 1
MAX_HEADERS = 120
NO_TCP_HEADER = "no TCP header"
FLAGS, TCP_CHECKSUM, SEQUENCE = 13, slice(16, 18), slice(4, 8)


class Segments(Holder):
    """Cuts segments at once; keeps nothing but counts."""

    def __init__(self, element: "TCPFragmenter") -> None:
        self.element = element
        self.sent = self.cut = 0

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        self.cut += 1
        made = [(0, segment) for segment in self.segments(packet)]
        self.sent += len(made)
        if not made:
            context.drop(NO_TCP_HEADER)
        return made

    def segments(self, packet: PacketBuffer) -> Iterator[PacketBuffer]:
        """The segments of one that does not fit. What follows the IPv4 length (padding) stays at the end of each."""
        data = bytes_of(packet)
        hlen = (data[0] & 15) * 4
        start = packet.marks[Mark.TRANSPORT] - packet.marks[Mark.NET]
        tcp_bytes = (data[start + 12] >> 4) * 4
        mtu = self.element.mtu_of(packet)
        size = mtu - hlen - tcp_bytes
        body = start + tcp_bytes
        length = min(number(data, LENGTH), len(data)) - body
        rest = len(data) - body - length
        for at in range(0, length, size):
            taken = min(size, length - at)
            segment = bytearray(data[:body] + data[body + at :][: taken + rest])
            put_number(segment, LENGTH, len(segment))
            head = segment[:hlen]
            fill_checksum(head)
            segment[:hlen] = head
            if at + mtu < length:
                segment[start + FLAGS] &= ~FIN & 0xFF
            sequence = int.from_bytes(segment[start:][SEQUENCE], "big") + at
            segment[start + 4 : start + 8] = (sequence & 0xFFFF_FFFF).to_bytes(4, "big")
            segment[start + 16 : start + 18] = b"\0\0"
            pseudo = segment[12:20] + bytes((0, 6)) + (len(segment) - start & 0xFFFF).to_bytes(2, "big")
            total = ones_sum(bytes(pseudo + segment[start:])) ^ 0xFFFF
            segment[start + 16 : start + 18] = total.to_bytes(2, "big")
            made = packet.copy()
            made.bytes[packet.marks[Mark.NET] :] = segment
            made.marks[Mark.END] = len(made.bytes)
            yield made

    def read(self, handler: str) -> str | None:
        match handler:
            case "fragments":
                return str(self.sent)
            case "fragmented_count":
                return str(self.cut)
        return None


@dataclass(frozen=True)
class TCPFragmenter(Element):
    """Cut TCP segments that are larger than an MTU into several segments.

    Ports:      in 0: TCP over IPv4, both headers marked.  out 0: packets of at most MTU bytes; those that fit are
                unchanged.
    Arguments:  MTU (keyword, bytes) and MTU_ANNO (keyword, an annotation of 2 bytes): the smaller of those that are
                not zero counts; at least one must be given.
    Drops:      "no TCP header", "no IP header annotation".
    Checksum:   IPv4 and TCP full.
    Verifier:   a segment that is cut leaves with any sequence number, length, payload, flags and checksums.
    Source:     Click manual, TCPFragmenter.  A segment of just the MTU counts as cut. The identification is that of the
                packet in all of them. FIN goes from those with more than MTU bytes of payload after their start.
    """

    PROCESSING: ClassVar[str] = "h/h"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("MTU 1500", "MTU 100", "MTU_ANNO 24", "MTU 576, MTU_ANNO 24")

    _: KW_ONLY
    mtu: Annotated[int, Unsigned(16)] = 0
    mtu_anno: Annotated[int | None, Annotation(2)] = None

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if self.mtu or self.mtu_anno is not None:
            return ()
        return ("neither MTU nor MTU_ANNO is given; expected at least one",)

    def mtu_of(self, packet: PacketBuffer) -> int:
        """The MTU that holds for a packet; zero: any size."""
        at = self.mtu_anno
        noted = 0 if at is None else int.from_bytes(packet.annotations[at : at + 2], "big")
        return min((size for size in (self.mtu, noted) if size), default=0)

    def limit(self, p: Packet) -> Value | int:
        """The same, in a program."""
        if self.mtu_anno is None:
            return self.mtu
        noted = p.raw(Mark.ANNOTATION, self.mtu_anno, 2)
        if not self.mtu:
            return noted
        limit = p.local(self.mtu)
        with p.when((noted != 0) & (noted < self.mtu)):
            limit.set(noted)
        return limit.value

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        p.count("count")
        limit = p.local(self.limit(p)).value
        with p.when(p.ip.len < limit):
            p.emit(0)
        hlen = header_bytes(p.ip.hl)
        with p.when(~p.tcp.present(TCP_BYTES)):
            p.drop(NO_TCP_HEADER)
        off = p.tcp.off
        with p.when((off < TCP_BYTES // 4) | (p.distance(Mark.NET, Mark.TRANSPORT) != hlen)):
            p.drop(NO_TCP_HEADER)
        if self.mtu_anno is not None or self.mtu <= MAX_HEADERS:
            with p.when(limit <= hlen + header_bytes(off)):
                p.emit(0)
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        total = p.random(16)
        with p.when(total > p.distance(Mark.NET, Mark.END)):
            p.drop("no such segment")
        with p.when(total < header_bytes(p.ip.hl) + TCP_BYTES):
            p.drop("no such segment")
        p.set_mark(Mark.END, Mark.NET, 0, total)
        p.ip.len = total
        p.ip.sum = p.random(16)
        p.tcp.seq = p.random(32)
        p.tcp.flags = p.random(8)
        p.tcp.sum = p.random(16)
        p.havoc(Mark.TRANSPORT, TCP_BYTES)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return Segments(self)
