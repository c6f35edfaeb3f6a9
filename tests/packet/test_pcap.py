"""The classic capture format: what is written is read again, and nothing that is read can do harm."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import ConfigurationError
from innet.packet import capture, pcap
from innet.packet.capture import Record
from innet.packet.record import MAX_PACKET

MICRO, NANO = 0xA1B2C3D4, 0xA1B23C4D


class Pipe(io.BytesIO):
    """A stream that cannot seek and gives at most three bytes a read, as a pipe may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(3, 3 if size is None or size < 0 else size))

    def seek(self, *_: object) -> int:
        raise OSError("a pipe")


def header(order: str = "<", magic: int = MICRO, version: tuple[int, int] = (2, 4), link: int = 1) -> bytes:
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, 65535, link)


def record(order: str, seconds: int, fraction: int, data: bytes, wire: int | None = None) -> bytes:
    return (
        struct.pack(order + "IIII", seconds, fraction, len(data), len(data) if wire is None else wire) + data
    )


def read(data: bytes) -> list[Record]:
    return list(capture.read(io.BytesIO(data)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "time_ns"), [(MICRO, 7_000_005_000), (NANO, 7_000_000_005)])
def test_both_byte_orders_and_both_units_are_read(order: str, magic: int, time_ns: int) -> None:
    data = header(order, magic, link=101) + record(order, 7, 5, b"abc", 60) + record(order, 0, 0, b"")
    assert read(data) == [Record(b"abc", 60, time_ns, 101), Record(b"", 0, 0, 101)]


def test_the_upper_half_of_the_link_type_is_not_a_link_type() -> None:
    assert read(header(link=0x5400_0001) + record("<", 0, 0, b"x"))[0].link_type == 1


def test_a_length_on_the_wire_below_what_was_captured_is_mended() -> None:
    assert read(header() + record("<", 0, 0, b"abc", 0))[0].wire_length == 3


def test_a_snapshot_length_that_a_packet_exceeds_is_not_believed() -> None:
    data = bytearray(header() + record("<", 0, 0, b"abc"))
    data[16:20] = bytes(4)
    assert read(bytes(data))[0].data == b"abc"


def test_a_pipe_is_read() -> None:
    data = header() + record("<", 1, 0, bytes(100)) + record("<", 2, 0, bytes(50))
    assert [len(r.data) for r in capture.read(Pipe(data))] == [100, 50]


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "F101", "it is empty"),
        (b"\xd4\xc3", "F101", "byte 0: not a capture: it begins with d4 c3"),
        (b"#!/bin/sh", "F101", "not a capture"),
        (b"\x1f\x8b\x08\x00", "F101", "gunzip"),
        (bytes.fromhex("34cdb2a1"), "F101", "editcap"),
        (header()[:10], "F102", "byte 4: the file ends inside the file header"),
        (header(version=(2, 3)), "F104", "version 2.3"),
        (header() + b"\0" * 5, "F102", "byte 24: the file ends inside a packet's header"),
        (header() + record("<", 0, 0, b"abcdef")[:-1], "F102", "6 bytes, found 5"),
        (header() + struct.pack("<IIII", 0, 0, MAX_PACKET + 1, 0), "F103", "byte 32: a packet of 262145"),
        (header() + struct.pack("<IIII", 0, 0, 2**32 - 1, 0), "F103", "at most 262144"),
    ],
)
def test_mistakes_say_what_and_where(data: bytes, code: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(data)
    assert [d.code for d in caught.value.diagnostics] == [code]
    assert words in str(caught.value)


def test_packets_before_a_mistake_are_given() -> None:
    records = capture.read(io.BytesIO(header() + record("<", 1, 0, b"whole") + b"\0"))
    assert next(records).data == b"whole"
    with pytest.raises(ConfigurationError, match="byte 45"):
        next(records)


def test_a_mistake_names_the_file(tmp_path) -> None:  # type: ignore[no-untyped-def]  # pytest's fixture
    path = tmp_path / "cut.pcap"
    path.write_bytes(header() + b"\0")
    with path.open("rb") as stream, pytest.raises(ConfigurationError, match=r"cut\.pcap: byte 24"):
        list(capture.read(stream))


packets = st.builds(
    Record,
    data=st.binary(max_size=80),
    wire_length=st.integers(80, 2**32 - 1),
    time_ns=st.integers(0, 2**32 * 10**9 - 1),
    link_type=st.just(101),
)


@given(st.lists(packets, max_size=8), st.booleans())
def test_what_is_written_is_read(written: list[Record], nanoseconds: bool) -> None:
    stream = io.BytesIO()
    writer = pcap.Writer(stream, 101, nanoseconds=nanoseconds)
    for r in written:
        writer.write(r.data, r.time_ns, r.wire_length)
    unit = 1 if nanoseconds else 1000
    kept = [Record(r.data, r.wire_length, r.time_ns // unit * unit, r.link_type) for r in written]
    assert read(stream.getvalue()) == kept


@pytest.mark.parametrize(("snaplen", "kept"), [(2, 2), (3, 3), (65535, 3), (0, 3)])
def test_the_snapshot_length_cuts_packets_but_not_their_length(snaplen: int, kept: int) -> None:
    stream = io.BytesIO()
    pcap.Writer(stream, snaplen=snaplen).write(b"abc", 0)
    assert read(stream.getvalue()) == [Record(b"abc"[:kept], 3, 0, 1)]


def test_the_written_bytes_are_these() -> None:
    stream = io.BytesIO()
    pcap.Writer(stream).write(b"\xaa\xbb", 1_000_000_002)
    assert stream.getvalue().hex(" ", -4) == (
        "4d3cb2a1 02000400 00000000 00000000 ffff0000 01000000 01000000 02000000 02000000 02000000 aabb"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((b"", -1), "a time in seconds from 1970 of -1"),
        ((b"", 2**32 * 10**9), "a time in seconds from 1970 of 4294967296"),
        ((b"", 0, 2**32), "a packet length of 4294967296"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(arguments: tuple[bytes, int], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        pcap.Writer(io.BytesIO()).write(*arguments)


@pytest.mark.parametrize(("link_type", "snaplen"), [(-1, 0), (2**16, 0), (1, -1), (1, MAX_PACKET + 1)])
def test_a_header_the_format_cannot_hold_is_refused(link_type: int, snaplen: int) -> None:
    stream = io.BytesIO()
    with pytest.raises(ConfigurationError, match="F106"):
        pcap.Writer(stream, link_type, snaplen)
    assert not stream.getvalue()
