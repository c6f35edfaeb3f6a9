"""The newer capture format (draft-ietf-opsawg-pcapng): reader and writer.

Understood are section headers (a file may have several, each in its own byte order), interface descriptions
(if_tsresol, if_tsoffset, snapshot length), and enhanced, simple and the obsolete packet blocks. Every other block is
skipped. A simple packet has no time; its record has time 0. Written are little-endian files of one section and one
interface, times in nanoseconds.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from innet.packet.record import ETHERNET, MAX_PACKET, CaptureReader, Record

MAGIC = b"\x0a\x0d\x0d\x0a"
"""The type of a section header block: the same in both byte orders."""

INTERFACE, OBSOLETE_PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 1, 2, 3, 6

# Interface, high and low half of the time stamp, captured length, length on the wire.
PACKET_HEADER = {OBSOLETE_PACKET: "HxxIIII", ENHANCED_PACKET: "IIIII"}
BYTE_ORDER = {struct.pack(order + "I", 0x1A2B3C4D): order for order in "<>"}
END_OF_OPTIONS, IF_TSRESOL, IF_TSOFFSET = 0, 9, 14

MAX_BLOCK = 16 * 1024 * 1024
"""Most bytes of one block, as Wireshark has it."""


@dataclass(frozen=True, slots=True)
class Interface:
    """Where packets were captured; a time stamp counts 1/`units` seconds, from `offset_s` seconds after 1970."""

    link_type: int
    snaplen: int
    units: int = 1_000_000
    offset_s: int = 0

    def time_ns(self, stamp: int) -> int:
        return self.offset_s * 1_000_000_000 + stamp * 1_000_000_000 // self.units


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a section: its type, its body, and where the body lies in the file."""

    kind: int
    body: bytes
    at: int


@dataclass(slots=True)
class Section:
    """What is known, between two packets, of the section they are in."""

    order: str = "<"
    interfaces: list[Interface] = field(default_factory=list)


def records(reader: CaptureReader, now: Section | None = None) -> Iterator[Record]:
    """The packets of a file whose first four bytes, MAGIC, have been read; `now` is kept up to date."""
    now = Section() if now is None else now
    now.order = section(reader)
    while (kind := reader.record(4, "a block's type")) is not None:
        if kind == MAGIC:
            now.order = section(reader)
            now.interfaces = []
            continue
        block = next_block(reader, now.order, kind)
        if block.kind == INTERFACE:
            now.interfaces.append(interface(reader, now.order, block))
        elif block.kind == SIMPLE_PACKET:
            yield simple_packet(reader, now.order, block, now.interfaces)
        elif block.kind in PACKET_HEADER:
            yield packet(reader, now.order, block, now.interfaces)


def section(reader: CaptureReader) -> str:
    """Read a section header, after its type; return the section's byte order."""
    at = reader.offset - 4
    head = reader.exactly(8, "a section header")
    order = BYTE_ORDER.get(head[4:])
    if order is None:
        raise reader.error(
            "F104", f"byte-order magic {head[4:].hex(' ')}", at=at + 8, expected="1a 2b 3c 4d or 4d 3c 2b 1a"
        )
    (total,) = struct.unpack(order + "I", head[:4])
    body = rest_of_block(reader, order, at, total, 12)
    if len(body) < 12:
        raise reader.error("F103", f"a section header of {total} bytes", at=at + 4, expected="at least 28")
    major, minor = struct.unpack_from(order + "HH", body)
    if major != 1:
        raise reader.error(
            "F104", f"a pcapng file of version {major}.{minor}", at=at + 12, expected="version 1"
        )
    return order


def next_block(reader: CaptureReader, order: str, kind: bytes) -> Block:
    """Read a block, after its type."""
    at = reader.offset - 4
    (number,) = struct.unpack(order + "I", kind)
    (total,) = struct.unpack(order + "I", reader.exactly(4, "a block's length"))
    return Block(number, rest_of_block(reader, order, at, total, 8), at + 8)


def rest_of_block(reader: CaptureReader, order: str, at: int, total: int, done: int) -> bytes:
    """The body of the block at byte `at`, `total` bytes long, of which `done` were read; both lengths are checked."""
    if total % 4 or not 12 <= total <= MAX_BLOCK or total < done + 4:
        raise reader.error(
            "F103",
            f"a block of {total} bytes",
            at=at + 4,
            expected=f"a multiple of 4 from 12 to {MAX_BLOCK}",
            help="the file is damaged before this point",
        )
    rest = reader.exactly(total - done, "a block")
    (again,) = struct.unpack(order + "I", rest[-4:])
    if again != total:
        raise reader.error(
            "F103",
            f"a block ends with length {again}",
            at=reader.offset - 4,
            expected=f"{total}, as it began",
        )
    return rest[:-4]


def fields(reader: CaptureReader, layout: str, block: Block, what: str) -> tuple[int, ...]:
    """The numbers a block's body begins with."""
    size = struct.calcsize(layout)
    if len(block.body) < size:
        raise reader.error(
            "F103", f"{what} with a body of {len(block.body)} bytes", at=block.at, expected=f"at least {size}"
        )
    return struct.unpack_from(layout, block.body)


def interface(reader: CaptureReader, order: str, block: Block) -> Interface:
    """An interface description block."""
    link_type, snaplen = fields(reader, order + "HxxI", block, "an interface description")
    units, offset_s = 1_000_000, 0
    at = 8
    while at + 4 <= len(block.body):
        code, length = struct.unpack_from(order + "HH", block.body, at)
        value = block.body[at + 4 : at + 4 + length]
        wanted = {IF_TSRESOL: 1, IF_TSOFFSET: 8}.get(code, length)
        if len(value) < length or length != wanted:
            raise reader.error(
                "F103",
                f"interface option {code} of {length} bytes",
                at=block.at + at,
                expected=f"{wanted} bytes, inside its block",
            )
        if code == END_OF_OPTIONS:
            break
        if code == IF_TSRESOL:
            units = 2 ** (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
        elif code == IF_TSOFFSET:
            (offset_s,) = struct.unpack(order + "q", value)
        at += 4 + (length + 3) // 4 * 4
    return Interface(link_type, snaplen, units, offset_s)


def packet(reader: CaptureReader, order: str, block: Block, interfaces: list[Interface]) -> Record:
    """An enhanced or an obsolete packet block: they differ in the width of the interface's number."""
    number, high, low, captured, length = fields(
        reader, order + PACKET_HEADER[block.kind], block, "a packet block"
    )
    origin = known_interface(reader, block, interfaces, number)
    data = captured_bytes(reader, block, 20, captured)
    time_ns = reader.checked_time(origin.time_ns(high << 32 | low), block.at + 4)
    return Record(data, max(length, captured), time_ns, origin.link_type)


def simple_packet(reader: CaptureReader, order: str, block: Block, interfaces: list[Interface]) -> Record:
    """A simple packet block: from interface 0, cut at that one's snapshot length (0: none), without a time."""
    (length,) = fields(reader, order + "I", block, "a simple packet block")
    origin = known_interface(reader, block, interfaces, 0)
    captured = min(length, origin.snaplen) if origin.snaplen else length
    return Record(captured_bytes(reader, block, 4, captured), length, 0, origin.link_type)


def known_interface(
    reader: CaptureReader, block: Block, interfaces: list[Interface], number: int
) -> Interface:
    """Interface `number` of the section."""
    if number >= len(interfaces):
        raise reader.error(
            "F104",
            f"a packet from interface {number}",
            at=block.at,
            expected=f"one of the {len(interfaces)} described so far in this section",
        )
    return interfaces[number]


def captured_bytes(reader: CaptureReader, block: Block, start: int, captured: int) -> bytes:
    """The `captured` bytes of the packet that starts at byte `start` of the block's body."""
    reader.checked_length(captured, block.at)
    data = block.body[start : start + captured]
    if len(data) < captured:
        raise reader.error(
            "F103",
            f"a packet of {captured} captured bytes in a block with room for {len(data)}",
            at=block.at,
            expected=f"at most {len(data)}",
        )
    return data


class Writer:
    """Writes packets to `stream` as a pcapng file; its headers at once. As `pcap.Writer`, which see."""

    def __init__(self, stream: BinaryIO, link_type: int = ETHERNET, snaplen: int = 0) -> None:
        self._stream, self._snaplen = stream, snaplen or MAX_PACKET
        self._block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        resolution = struct.pack("<HHBxxxHH", IF_TSRESOL, 1, 9, END_OF_OPTIONS, 0)
        self._block(INTERFACE, struct.pack("<HHI", link_type, 0, self._snaplen) + resolution)

    def write(self, data: bytes, time_ns: int, wire_length: int | None = None) -> None:
        """Append one packet: its bytes, nanoseconds from 1970, and its length on the wire (by default len(data))."""
        kept = data[: self._snaplen]
        length = max(len(data), wire_length or 0)
        head = struct.pack("<IIIII", 0, time_ns >> 32, time_ns & 0xFFFF_FFFF, len(kept), length)
        self._block(ENHANCED_PACKET, head + kept + bytes(-len(kept) % 4))

    def _block(self, kind: int, body: bytes) -> None:
        total = len(body) + 12
        self._stream.write(struct.pack("<II", kind, total) + body + struct.pack("<I", total))
