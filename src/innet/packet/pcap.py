"""The classic capture format (draft-ietf-opsawg-pcap): reader and writer.

Read are version 2.4 files in both byte orders, with microseconds (0xA1B2C3D4) or nanoseconds (0xA1B23C4D). The
header's time zone and accuracy mean nothing, as everywhere; its snapshot length is not enforced, since many writers
state it wrongly: MAX_PACKET bounds every record instead. Written are little-endian files, so that the same packets
make the same bytes on every machine.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from innet.diagnostics import ConfigurationError, Diagnostic
from innet.packet.record import ETHERNET, MAX_PACKET, CaptureReader, Record, stream_name

MICROSECONDS = 0xA1B2C3D4
NANOSECONDS = 0xA1B23C4D

# First four bytes -> byte order, nanoseconds in one unit of the fraction of a second.
MAGIC = {
    struct.pack(order + "I", magic): (order, unit)
    for order in "<>"
    for magic, unit in ((MICROSECONDS, 1000), (NANOSECONDS, 1))
}


def records(reader: CaptureReader, magic: bytes) -> Iterator[Record]:
    """The packets of a file whose first four bytes, `magic` (a key of MAGIC), have been read."""
    order, unit = MAGIC[magic]
    at = reader.offset
    header = reader.exactly(20, "the file header")
    major, minor, _zone, _accuracy, _snaplen, link = struct.unpack(order + "HHiIII", header)
    if (major, minor) != (2, 4):
        raise reader.error("F104", f"a pcap file of version {major}.{minor}", at=at, expected="version 2.4")
    link_type = link & 0xFFFF  # the upper half tells whether and how long a frame check sequence is
    packet_header = struct.Struct(order + "IIII")
    while (head := reader.record(16, "a packet's header")) is not None:
        at = reader.offset - 16
        seconds, fraction, captured, length = packet_header.unpack(head)
        data = reader.exactly(reader.checked_length(captured, at + 8), "a packet's bytes")
        time_ns = reader.checked_time(seconds * 1_000_000_000 + fraction * unit, at)
        # Some writers leave the length on the wire zero; what was captured was on the wire.
        yield Record(data, max(length, captured), time_ns, link_type)


class Writer:
    """Writes packets to `stream` as a pcap file; its header at once.

    Arguments: `link_type` a LINKTYPE_ number; `snaplen` bytes are kept of each packet (0: all there may be,
    MAX_PACKET); `nanoseconds` false writes microseconds, for readers that know nothing else (time is cut, not rounded).
    Errors: ConfigurationError for what the format cannot hold. The stream stays the caller's to flush and close.
    `unit` is how many nanoseconds there are in one unit of the fraction of a second.
    """

    def __init__(
        self, stream: BinaryIO, link_type: int = ETHERNET, snaplen: int = 65535, *, nanoseconds: bool = True
    ) -> None:
        self.stream = stream
        self.unit = 1 if nanoseconds else 1000
        self.snaplen = self._in_range("a snapshot length", snaplen, MAX_PACKET) or MAX_PACKET
        self._in_range("a link type", link_type, 0xFFFF)
        magic = NANOSECONDS if nanoseconds else MICROSECONDS
        stream.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, self.snaplen, link_type))

    def write(self, data: bytes, time_ns: int, wire_length: int | None = None) -> None:
        """Append one packet: its bytes, nanoseconds from 1970, and its length on the wire (by default len(data))."""
        seconds, fraction = divmod(time_ns, 1_000_000_000)
        self._in_range("a time in seconds from 1970", seconds, 0xFFFF_FFFF)
        length = max(len(data), self._in_range("a packet length", wire_length or 0, 0xFFFF_FFFF))
        kept = data[: self.snaplen]
        self.stream.write(struct.pack("<IIII", seconds, fraction // self.unit, len(kept), length) + kept)

    def _in_range(self, what: str, value: int, largest: int) -> int:
        if not 0 <= value <= largest:
            message = f"{stream_name(self.stream)}: a pcap file cannot hold {what} of {value}"
            raise ConfigurationError(Diagnostic("F106", message, expected=f"0 to {largest}"))
        return value
