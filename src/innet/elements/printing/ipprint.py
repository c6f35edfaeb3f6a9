"""IPPrint."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Filename
from innet.elements.base import Element, Role
from innet.elements.holder import Holder, Io, show_time, timestamp_of
from innet.elements.ip.header import FRAGMENT_OFFSET, HEADER_BYTES, MORE_OR_OFFSET
from innet.elements.printing.lines import HEX, NONE, Contents, Printer, dump
from innet.flowspec.names import dotted
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_ICMP, PROTO_TCP, PROTO_UDP
from innet.packet.names import ICMP_CODES, ICMP_TYPES, PROTOCOLS

PROTOCOL_NAMES = {number: word for word, number in PROTOCOLS.items()}
TYPE_NAMES = {number: word for word, number in ICMP_TYPES.items()}
CODE_NAMES = {kind: {number: word for word, number in codes.items()} for kind, codes in ICMP_CODES.items()}
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
UNREACHABLE, PROTOCOL_CODE, PORT_CODE, NEED_FRAGMENT = 3, 2, 3, 4
ECHO_NAMES = {0: "echo-reply", 8: "echo"}


def number(data: bytes | bytearray, at: int, length: int) -> int:
    """`length` bytes of `data` from `at` on; absent ones are zero."""
    return int.from_bytes(data[at : at + length].ljust(length, b"\0"), "big")


@dataclass(frozen=True)
class Header:
    """An IPv4 packet from its IP header on, and what stands behind that, as far as the header says it is there."""

    ip: bytes
    transport: bytes

    @property
    def off(self) -> int:
        return number(self.ip, 6, 2)

    @property
    def first(self) -> bool:
        return not self.off & FRAGMENT_OFFSET

    @property
    def length(self) -> int:
        return number(self.ip, 2, 2)

    @property
    def payload_bytes(self) -> int:
        return self.length - self.ip[0] % 16 * 4

    def pair(self, ports: bool = False) -> str:
        """`SRC > DST`, with the ports behind the addresses."""
        src, dst = dotted(number(self.ip, 12, 4)), dotted(number(self.ip, 16, 4))
        if ports:
            return f"{src}.{number(self.transport, 0, 2)} > {dst}.{number(self.transport, 2, 2)}: "
        return f"{src} > {dst}: "


def tcp_line(h: Header, packet_bytes: int) -> str:
    """A TCP segment, as tcpdump tells of it."""
    there = len(h.transport)
    if there < 4 or not h.first:
        return h.pair() + ("truncated-tcp" if h.first else "tcp")
    line = h.pair(ports=True)
    if there < 14:
        return line + "truncated-tcp"
    flags = h.transport[13]
    takes = h.payload_bytes - h.transport[12] // 16 * 4 + bool(flags & SYN) + bool(flags & FIN)
    letters = "".join(letter for letter, bit in zip("SFRP", (SYN, FIN, RST, PSH), strict=True) if flags & bit)
    seq = number(h.transport, 4, 4)
    line += f"{letters or '.'} {seq}:{(seq + takes) % 2**32}({takes},{packet_bytes},{h.length})"
    if flags & ACK:
        line += f" ack {number(h.transport, 8, 4)}"
    return line + (f" win {number(h.transport, 14, 2)}" if there >= 16 else "truncated-tcp")


def udp_line(h: Header) -> str:
    """A UDP datagram."""
    there = len(h.transport)
    if there < 4 or not h.first:
        return h.pair() + ("truncated-udp" if h.first else "udp")
    return h.pair(ports=True) + (f"udp {number(h.transport, 4, 2)}" if there >= 8 else "truncated-udp")


def icmp_line(h: Header, swap: bool) -> str:
    """An ICMP message."""
    line, data = h.pair(), h.transport
    if not h.first:
        return line + "icmp"
    if len(data) < 2:
        return line + "truncated-icmp"
    kind, code = data[0], data[1]
    if kind in ECHO_NAMES:
        line += f"icmp {ECHO_NAMES[kind]} "
        if len(data) < 8:
            return line + "truncated-icmp"
        step = 1 if swap else -1
        return line + f"({number(data[4:6][::step], 0, 2)}, {number(data[6:8][::step], 0, 2)})"
    codes = CODE_NAMES.get(kind, {})
    if kind == UNREACHABLE:
        return line + unreachable(data, codes.get(code, f"code {code}"))
    line += f"icmp {TYPE_NAMES.get(kind, f'type {kind}')}"
    return line + (f" {codes[code]}" if code in codes else f" code {code}" if code else "")


def unreachable(data: bytes, code: str) -> str:
    """What could not be reached, from an ICMP message and the packet it quotes."""
    quoted = data[8:]
    if len(quoted) < HEADER_BYTES:
        return f"icmp unreachable {code} truncated-icmp"
    line = f"icmp {dotted(number(quoted, 16, 4))} unreachable {code}"
    protocol = quoted[9]
    if data[1] == PROTOCOL_CODE:
        return f"{line} {PROTOCOL_NAMES.get(protocol, protocol)}"
    if data[1] == PORT_CODE:
        line += f" {PROTOCOL_NAMES.get(protocol, f'protocol {protocol}')}"
        behind = quoted[quoted[0] % 16 * 4 :]
        return f"{line}/{number(behind, 2, 2)}" if len(behind) >= 4 else f"{line}truncated-icmp"
    mtu = number(data, 6, 2)
    return f"{line} (mtu {mtu})" if data[1] == NEED_FRAGMENT and mtu else line


@dataclass(frozen=True)
class IPPrint(Element):
    """Print a line about each IPv4 packet, much as tcpdump does.

    Ports:      in 0: packets.  out 0: the same; those without IP header annotation pass in silence.
    Arguments:  LABEL.  CONTENTS or PAYLOAD (keywords, default NONE): HEX or ASCII prints the packet's bytes, or those
                behind its TCP or UDP header.  MAXLENGTH (keyword, bytes, default 1500; negative: all; NBYTES: its old
                name): how many.  TIMESTAMP (keyword, bool, default true).  ID, PAINT, TOS, TTL, LENGTH, AGGREGATE
                (keywords, bool, default false): print these, too.  SWAP (keyword, bool, default true): numbers of
                echo messages in network byte order.  ACTIVE (keyword, bool, default true): print at all.
                OUTFILE (keyword, a file): print there.  CHANNEL (keyword): accepted, without effect.
    State:      handler `active`.
    Errors:     both CONTENTS and PAYLOAD.
    Source:     Click manual, IPPrint.
    """

    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "",
        "in, TTL true, LENGTH true",
        "x, PAYLOAD ASCII, TIMESTAMP false",
    )

    label: str = ""
    _: KW_ONLY
    contents: Annotated[str, Contents()] = NONE
    payload: Annotated[str, Contents()] = NONE
    maxlength: int = 1500
    nbytes: int | None = None
    id: bool = False
    timestamp: bool = True
    paint: bool = False
    tos: bool = False
    ttl: bool = False
    length: bool = False
    swap: bool = True
    aggregate: bool = False
    active: bool = True
    outfile: Annotated[str | None, Filename()] = None
    channel: str = ""

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        both = self.contents != NONE and self.payload != NONE
        return ("CONTENTS and PAYLOAD exclude each other",) if both else ()

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return Printer(self.line, self.active, io.create_file(self.outfile) if self.outfile else None)

    def line(self, packet: PacketBuffer) -> str | None:
        """What is printed about `packet`; None: nothing."""
        start = packet.marks.get(Mark.NET)
        if start is None:
            return None
        end = packet.marks[Mark.END]
        text = self._front(packet)
        ip = bytes(packet.bytes[start:end])
        if len(ip) < HEADER_BYTES:
            return text + "truncated-ip"
        behind = packet.marks.get(Mark.TRANSPORT, end)
        hl = ip[0] % 16 * 4
        header = Header(ip, bytes(packet.bytes[behind:end])[: max(0, number(ip, 2, 2) - hl)])
        text += self._numbers(header)
        match ip[9]:
            case n if n == PROTO_TCP:
                text += tcp_line(header, len(packet.data))
            case n if n == PROTO_UDP:
                text += udp_line(header)
            case n if n == PROTO_ICMP:
                text += icmp_line(header, self.swap)
            case other:
                text += f"{header.pair()}ip-proto-{other}"
        if header.off & MORE_OR_OFFSET:
            more = "+" if header.off & 0x2000 else ""
            place = (header.off & FRAGMENT_OFFSET) * 8
            text += f" (frag {number(ip, 4, 2)}:{header.payload_bytes}@{place}{more})"
        return text + self._bytes(packet, header, bytes(packet.bytes[behind:end]))

    def _front(self, packet: PacketBuffer) -> str:
        text = f"{self.label}: " if self.label else ""
        if self.timestamp:
            text += f"{show_time(timestamp_of(packet))}: "
        if self.aggregate:
            text += f"#{number(packet.annotations, 20, 4)}"
        if self.paint:
            text += f"{'.' if self.aggregate else 'paint '}{packet.annotations[16]}"
        return text + (": " if self.aggregate or self.paint else "")

    def _numbers(self, h: Header) -> str:
        parts = (
            (self.id, f"id {number(h.ip, 4, 2)} "),
            (self.ttl, f"ttl {h.ip[8]} "),
            (self.tos, f"tos {h.ip[1]} "),
            (self.length, f"length {h.length} "),
        )
        return "".join(text for wanted, text in parts if wanted)

    def _bytes(self, packet: PacketBuffer, h: Header, transport: bytes) -> str:
        how = self.contents if self.contents != NONE else self.payload
        if how == NONE:
            return ""
        data = packet.data
        if self.payload != NONE:
            skip = 0
            if h.first and h.ip[9] == PROTO_TCP:
                skip = number(transport, 12, 1) // 16 * 4
            elif h.first and h.ip[9] == PROTO_UDP:
                skip = 8
            data = transport[skip:]
        most = self.maxlength if self.nbytes is None else self.nbytes
        return dump(data if most < 0 else data[:most], how, 24 if how == HEX else 48)
