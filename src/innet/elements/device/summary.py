"""IP summary dumps (Click manual, ToIPSummaryDump): the fields of a line, read from packets and put into them.

A field has a name of the current kind (`ip_src`); older spellings (`ip src`, `src`) mean the same. A field that a
packet does not have is `-`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from innet.elements.holder import show_time, timestamp_of
from innet.flowspec.names import address, dotted, ether, integer
from innet.ir.interpret import NS, PacketBuffer
from innet.ir.nodes import Mark
from innet.lexical import Text, quote, unquote, words
from innet.packet.headers import PROTO_ICMP, PROTO_TCP, PROTO_UDP

VERSION = "1.3"
FLAG_LETTERS = "FSRPAUECN"
PROTOCOL_LETTERS = {PROTO_TCP: "T", PROTO_UDP: "U", PROTO_ICMP: "I"}
_ECN = ("no", "ect1", "ect2", "ce")
ABSENT = "-"
ALIASES = {
    "src": "ip_src", "dst": "ip_dst", "proto": "ip_proto", "length": "ip_len", "len": "ip_len", "packets": "count",
    "pkt_count": "count", "packet_count": "count", "payload_length": "payload_len", "wire_length": "wire_len",
    "ip_length": "ip_len", "ip_protocol": "ip_proto", "ts": "timestamp", "sec": "ts_sec", "usec": "ts_usec",
    "tcp_seqno": "tcp_seq", "tcp_ackno": "tcp_ack", "tcp_window": "tcp_win", "agg": "aggregate",
    "ip_fragment": "ip_frag", "ip_fragment_offset": "ip_fragoff", "ip_cap_len": "ip_capture_len",
    "ethertype": "eth_type", "frag": "ip_frag",
    "fragoff": "ip_fragoff", "ttl": "ip_ttl", "tos": "ip_tos", "id": "ip_id", "capture_length": "ip_capture_len",
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A packet's headers as bytes: nothing of one that it does not have."""

    packet: PacketBuffer
    ip: bytes
    transport: bytes

    @classmethod
    def of(cls, packet: PacketBuffer) -> "Seen":
        end = packet.marks[Mark.END]
        start, behind = packet.marks.get(Mark.NET), packet.marks.get(Mark.TRANSPORT, end)
        ip = b"" if start is None else bytes(packet.bytes[start:end])
        if len(ip) < 20:
            return cls(packet, b"", b"")
        first = not int.from_bytes(ip[6:8], "big") & 0x1FFF
        hl, total = ip[0] % 16 * 4, int.from_bytes(ip[2:4], "big")
        return cls(packet, ip, bytes(packet.bytes[behind:end])[: max(0, total - hl)] if first else b"")

    def number(self, at: int, length: int, anno: bool = False) -> int:
        data = self.packet.annotations if anno else self.ip
        return int.from_bytes(data[at : at + length], "big")

    def behind(self, at: int, length: int, *protocols: int) -> int | None:
        """A number of the TCP, UDP or ICMP header."""
        if not self.ip or self.ip[9] not in protocols or len(self.transport) < at + length:
            return None
        return int.from_bytes(self.transport[at : at + length], "big")

    @property
    def headers(self) -> int:
        """Bytes of the IPv4 header and the TCP or UDP header."""
        hl = self.ip[0] % 16 * 4
        if not self.transport:
            return hl
        if self.ip[9] == PROTO_TCP:
            return hl + (self.transport[12] // 16 * 4 if len(self.transport) > 12 else 20)
        return hl + (8 if self.ip[9] in (PROTO_UDP, PROTO_ICMP) else 0)


def _fragment(p: Seen) -> str:
    off = p.number(6, 2)
    return "f" if off & 0x1FFF else "F" if off & 0x2000 else "."


def _offset(p: Seen) -> str:
    off = p.number(6, 2)
    return f"{(off & 0x1FFF) * 8}{'+' if off & 0x2000 else ''}"


def _flags(p: Seen) -> str | None:
    flags = p.behind(13, 1, PROTO_TCP)
    if flags is None:
        return None
    return "".join(letter for n, letter in enumerate(FLAG_LETTERS[:8]) if flags >> n & 1) or "."


def _ip(read: Callable[[Seen], object]) -> Callable[[Seen], object]:
    return lambda p: read(p) if p.ip else None


def _behind(at: int, length: int, *protocols: int) -> Callable[[Seen], object]:
    return lambda p: p.behind(at, length, *protocols)


def _ether(at: int, length: int) -> Callable[[Seen], object]:
    def read(p: Seen) -> object:
        mac = p.packet.marks.get(Mark.MAC)
        if mac is None or not p.packet.present(Mark.MAC, 0, 14):
            return None
        data = bytes(p.packet.bytes[mac + at : mac + at + length])
        return data.hex("-").upper() if length == 6 else f"0x{data.hex()}"

    return read


def _payload(p: Seen) -> bytes:
    return p.ip[p.headers : p.number(2, 2)]


def _offset_words(p: Seen) -> object:
    byte = p.behind(12, 1, PROTO_TCP)
    return None if byte is None else byte // 16 * 4


READ: Mapping[str, Callable[[Seen], object]] = MappingProxyType(
    {
        "timestamp": lambda p: show_time(timestamp_of(p.packet)),
        "ntimestamp": lambda p: "{}.{:09d}".format(*divmod(timestamp_of(p.packet), NS)),
        "ts_sec": lambda p: timestamp_of(p.packet) // NS,
        "ts_usec": lambda p: timestamp_of(p.packet) % NS // 1000,
        "first_timestamp": lambda p: show_time(p.number(32, 4, True) * NS + p.number(36, 4, True)),
        "ip_src": _ip(lambda p: dotted(p.number(12, 4))),
        "ip_dst": _ip(lambda p: dotted(p.number(16, 4))),
        "ip_hl": _ip(lambda p: p.ip[0] % 16 * 4),
        "ip_tos": _ip(lambda p: p.ip[1]),
        "ip_dscp": _ip(lambda p: p.ip[1] >> 2),
        "ip_ecn": _ip(lambda p: _ECN[p.ip[1] & 3]),
        "ip_len": _ip(lambda p: p.number(2, 2)),
        "ip_id": _ip(lambda p: p.number(4, 2)),
        "ip_frag": _ip(_fragment),
        "ip_fragoff": _ip(_offset),
        "ip_ttl": _ip(lambda p: p.ip[8]),
        "ip_proto": _ip(lambda p: PROTOCOL_LETTERS.get(p.ip[9], p.ip[9])),
        "ip_sum": _ip(lambda p: p.number(10, 2)),
        "ip_capture_len": _ip(lambda p: min(len(p.ip), p.number(2, 2))),
        "sport": _behind(0, 2, PROTO_TCP, PROTO_UDP),
        "dport": _behind(2, 2, PROTO_TCP, PROTO_UDP),
        "udp_len": _behind(4, 2, PROTO_UDP),
        "udp_sum": _behind(6, 2, PROTO_UDP),
        "tcp_seq": _behind(4, 4, PROTO_TCP),
        "tcp_ack": _behind(8, 4, PROTO_TCP),
        "tcp_off": _offset_words,
        "tcp_flags": _flags,
        "tcp_win": _behind(14, 2, PROTO_TCP),
        "tcp_sum": _behind(16, 2, PROTO_TCP),
        "tcp_urp": _behind(18, 2, PROTO_TCP),
        "icmp_type": _behind(0, 1, PROTO_ICMP),
        "icmp_code": _behind(1, 1, PROTO_ICMP),
        "icmp_sum": _behind(2, 2, PROTO_ICMP),
        "icmp_id": _behind(4, 2, PROTO_ICMP),
        "icmp_seq": _behind(6, 2, PROTO_ICMP),
        "payload_len": _ip(lambda p: max(0, p.number(2, 2) - p.headers)),
        "payload": _ip(lambda p: quote(_payload(p).decode("latin-1"))),
        "count": lambda p: p.number(24, 4, True) + 1,
        "direction": lambda p: {0: ">", 1: "<"}.get(p.packet.annotations[16], p.packet.annotations[16]),
        "link": lambda p: p.packet.annotations[16],
        "aggregate": lambda p: p.number(20, 4, True),
        "wire_len": lambda p: len(p.packet.data) + p.number(28, 4, True),
        "eth_dst": _ether(0, 6),
        "eth_src": _ether(6, 6),
        "eth_type": _ether(12, 2),
    }
)
"""What each field says of a packet; None: it has no such thing."""


def field_name(text: str) -> str | None:
    """The field that `text` means, in any spelling."""
    name = "_".join(text.replace("_", " ").split())
    name = ALIASES.get(name, name)
    if name not in READ and name.startswith("ip_") and name[3:] in READ:
        name = name[3:]
    for prefix in ("tcp_", "udp_"):
        if name in (f"{prefix}sport", f"{prefix}dport"):
            name = name[4:]
    return name if name in READ else None


def line(packet: PacketBuffer, fields: tuple[str, ...]) -> str:
    """One line about `packet`."""
    seen = Seen.of(packet)
    values = (READ[name](seen) for name in fields)
    return " ".join(ABSENT if value is None else str(value) for value in values)


# ---- back to packets


@dataclass
class Draft:
    """A packet in the making: what a line says of it."""

    numbers: dict[str, int] = field(default_factory=dict)
    payload: bytes | None = None
    time_ns: int = 0
    first_ns: int = 0
    paint: int | None = None

    def packet(self, protocol: int, checksum: bool) -> PacketBuffer:
        """An IPv4 packet with a TCP, UDP or ICMP header if it is of such a protocol and no later fragment."""
        n = self.numbers
        proto = n.get("ip_proto", protocol)
        off = n.get("off", 0)
        transport = b"" if off & 0x1FFF else self.transport(proto)
        payload = self.payload or b""
        length = n.get("ip_len", 20 + len(transport) + n.get("payload_len", len(payload)))
        head = bytearray(20)
        head[0], head[1] = 0x45, n.get("ip_tos", 0)
        head[2:4], head[4:6] = min(length, 0xFFFF).to_bytes(2, "big"), n.get("ip_id", 0).to_bytes(2, "big")
        head[6:8], head[8], head[9] = off.to_bytes(2, "big"), n.get("ip_ttl", 100), proto
        head[10:12] = n.get("ip_sum", 0).to_bytes(2, "big")
        head[12:16], head[16:20] = (
            n.get("ip_src", 0).to_bytes(4, "big"),
            n.get("ip_dst", 0).to_bytes(4, "big"),
        )
        data = bytes(head) + transport + payload
        missing = max(0, length - len(data))
        if checksum and "ip_sum" not in n:
            from innet.ir.interpret import ones_sum

            data = data[:10] + (ones_sum(data[:20]) ^ 0xFFFF).to_bytes(2, "big") + data[12:]
        packet = PacketBuffer(data)
        area = packet.annotations
        area[28:32] = missing.to_bytes(4, "big")
        area[24:28] = (n.get("count", 1) - 1 & 0xFFFF_FFFF).to_bytes(4, "big")
        area[20:24] = n.get("aggregate", 0).to_bytes(4, "big")
        area[16] = self.paint or 0
        seconds, rest = divmod(self.first_ns, NS)
        area[32:40] = seconds.to_bytes(4, "big") + rest.to_bytes(4, "big")
        return packet

    def transport(self, proto: int) -> bytes:
        n = self.numbers

        def number(name: str, length: int, default: int = 0) -> bytes:
            return (n.get(name, default) % (1 << 8 * length)).to_bytes(length, "big")

        ports = number("sport", 2) + number("dport", 2)
        match proto:
            case 6:
                flags = bytes([n.get("tcp_off", 20) // 4 << 4, n.get("tcp_flags", 0)])
                tail = number("tcp_win", 2) + number("tcp_sum", 2) + number("tcp_urp", 2)
                return ports + number("tcp_seq", 4) + number("tcp_ack", 4) + flags + tail
            case 17:
                payload = n.get("payload_len", len(self.payload or b""))
                length = n.get("ip_len", 28 + payload) - 20
                return ports + number("udp_len", 2, length) + number("udp_sum", 2)
            case 1:
                kinds = number("icmp_type", 1) + number("icmp_code", 1) + number("icmp_sum", 2)
                return kinds + number("icmp_id", 2) + number("icmp_seq", 2)
        return b""


class LineError(Exception):
    """A line that does not fit its fields."""


def read_line(text: str, fields: tuple[str, ...]) -> Draft:
    """What a line says. Raises LineError."""
    draft = Draft()
    for name, word in zip(fields, words(Text(text)), strict=False):
        if word.value != ABSENT:
            _take(draft, name, word.value)
    return draft


def _take(draft: Draft, name: str, word: str) -> None:
    match name:
        case "timestamp" | "ntimestamp" | "first_timestamp":
            seconds, _, rest = word.partition(".")
            if not seconds.isdecimal() or not (rest or "0").isdecimal():
                raise LineError(f"'{word}' is no time")
            time_ns = int(seconds) * NS + int((rest + "0" * 9)[:9])
            if name == "first_timestamp":
                draft.first_ns = time_ns
            else:
                draft.time_ns = time_ns
        case "ts_sec":
            draft.time_ns = draft.time_ns % NS + _number(word) * NS
        case "ts_usec":
            draft.time_ns = draft.time_ns // NS * NS + _number(word) * 1000
        case "ip_src" | "ip_dst":
            found = address(word)
            if found is None:
                raise LineError(f"'{word}' is no address")
            draft.numbers[name] = found
        case "ip_proto":
            letters = {letter: number for number, letter in PROTOCOL_LETTERS.items()}
            draft.numbers[name] = letters[word] if word in letters else _number(word)
        case "ip_ecn":
            code = _ECN.index(word) if word in _ECN else _number(word)
            draft.numbers["ip_tos"] = draft.numbers.get("ip_tos", 0) & ~3 | code & 3
        case "ip_dscp":
            draft.numbers["ip_tos"] = draft.numbers.get("ip_tos", 0) & 3 | _number(word) << 2 & 0xFF
        case "ip_frag":
            if word not in ("F", "f", "."):
                raise LineError(f"'{word}' is none of F, f and .")
            draft.numbers.setdefault("off", {"F": 0x2000, "f": 100, ".": 0}[word])
        case "ip_fragoff":
            more = word.endswith("+")
            draft.numbers["off"] = _number(word.rstrip("+")) // 8 & 0x1FFF | 0x2000 * more
        case "tcp_flags":
            if word.isdecimal():
                draft.numbers[name] = _number(word) & 0xFF
            elif any(letter not in FLAG_LETTERS for letter in word.strip(".")):
                raise LineError(f"'{word}' are no TCP flags")
            else:
                draft.numbers[name] = (
                    sum(1 << FLAG_LETTERS.index(letter) for letter in word.strip(".")) & 0xFF
                )
        case "payload":
            draft.payload = unquote(Text(word)).value.encode("latin-1", "replace")
        case "direction" | "link":
            draft.paint = {">": 0, "L": 0, "<": 1, "X": 1, "R": 1}.get(word)
            if draft.paint is None:
                draft.paint = _number(word) & 0xFF
        case "unknown":
            pass
        case "eth_src" | "eth_dst":
            if ether(word) is None:
                raise LineError(f"'{word}' is no Ethernet address")
        case _:
            draft.numbers[name] = _number(word)


def _number(word: str) -> int:
    number = integer(word)
    if number is None or not 0 <= number < 2**32:
        raise LineError(f"'{word}' is no number")
    return number
