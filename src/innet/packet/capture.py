"""Reading captures of whichever kind: classic pcap or pcapng, told apart by their first four bytes."""

from collections.abc import Iterator
from typing import BinaryIO

from innet.packet import pcap, pcapng
from innet.packet.record import CaptureReader, Record

__all__ = ["Record", "read"]

GZIP = b"\x1f\x8b"
OLD_PCAP = {bytes.fromhex(magic) for magic in ("a1b2cd34", "34cdb2a1")}


def read(stream: BinaryIO) -> Iterator[Record]:
    """The packets of a capture, in the order of the file; the stream need not be seekable, and stays open.

    Memory is bounded by one block. Errors: ConfigurationError, with the byte where the file goes wrong, raised when
    the reading gets there: the packets before it have been given. The file's kind is looked at with the first one.
    """
    return read_from(CaptureReader(stream))


def read_from(reader: CaptureReader, now: pcapng.Section | None = None) -> Iterator[Record]:
    """As `read`. Between two packets nothing is kept but the reader's place in the file, and `now` of a pcapng file."""
    magic = reader.upto(4)
    if magic in pcap.MAGIC:
        yield from pcap.records(reader, magic)
    elif magic == pcapng.MAGIC:
        yield from pcapng.records(reader, now)
    else:
        raise reader.error(
            "F101",
            f"not a capture: it begins with {magic.hex(' ')}" if magic else "not a capture: it is empty",
            at=0,
            expected="a pcap or pcapng file",
            help=advice(magic),
        )


def advice(magic: bytes) -> str:
    """How to mend a file that begins so, where that is known."""
    if magic.startswith(GZIP):
        return "this file is compressed; decompress it first: gunzip FILE"
    if magic in OLD_PCAP:
        return "this is Kuznetzov's modified pcap; rewrite it first: editcap -F pcap OLD NEW"
    return ""
