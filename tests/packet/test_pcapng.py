"""The newer capture format: sections, interfaces, the three packet blocks, and mistakes."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import ConfigurationError
from innet.packet import capture
from innet.packet.capture import Record
from innet.packet.pcapng import Writer
from innet.packet.record import MAX_PACKET


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<", version: tuple[int, int] = (1, 0), options: bytes = b"") -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, *version, -1) + options)


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(order: str = "<", link: int = 1, snaplen: int = 0, options: bytes = b"") -> bytes:
    return block(order, 1, struct.pack(order + "HHI", link, 0, snaplen) + options)


def enhanced(
    order: str, data: bytes, stamp: int = 0, number: int = 0, wire: int | None = None, options: bytes = b""
) -> bytes:
    length = len(data) if wire is None else wire
    head = struct.pack(order + "IIIII", number, stamp >> 32, stamp & 0xFFFF_FFFF, len(data), length)
    return block(order, 6, head + data + bytes(-len(data) % 4) + options)


def obsolete(order: str, data: bytes, stamp: int = 0, number: int = 0) -> bytes:
    head = struct.pack(order + "HHIIII", number, 9, stamp >> 32, stamp & 0xFFFF_FFFF, len(data), len(data))
    return block(order, 2, head + data)


def simple(order: str, data: bytes, wire: int | None = None) -> bytes:
    return block(order, 3, struct.pack(order + "I", len(data) if wire is None else wire) + data)


def read(data: bytes) -> list[Record]:
    return list(capture.read(io.BytesIO(data)))


@pytest.mark.parametrize("order", ["<", ">"])
def test_all_packet_blocks_in_both_byte_orders(order: str) -> None:
    data = section(order) + interface(order, link=101)
    data += enhanced(order, b"abc", 5_000_001, wire=60, options=option(order, 1, b"a comment"))
    data += obsolete(order, b"old", 2**33) + simple(order, b"simple")
    assert read(data) == [
        Record(b"abc", 60, 5_000_001_000, 101),
        Record(b"old", 3, 2**33 * 1000, 101),
        Record(b"simple", 6, 0, 101),
    ]


def resolution(value: int) -> bytes:
    return option("<", 9, bytes([value]))


@pytest.mark.parametrize(
    ("options", "stamp", "time_ns"),
    [
        (b"", 3, 3_000),
        (resolution(6), 3, 3_000),
        (resolution(9), 3, 3),
        (resolution(0), 3, 3_000_000_000),
        (resolution(12), 2_999, 2),
        (resolution(127), 3, 0),
        (resolution(0x80 | 10), 1536, 1_500_000_000),
        (resolution(0xFF), 2**63, 0),
        (option("<", 14, struct.pack("<q", 100)), 3, 100_000_003_000),
        (option("<", 14, struct.pack("<q", -1)), 1_000_002, 2_000),
        (option("<", 2, b"eth0") + resolution(9) + option("<", 0, b""), 3, 3),
        (option("<", 0, b"") + resolution(9), 3, 3_000),
    ],
)
def test_the_time_stamp_is_in_the_interfaces_units(options: bytes, stamp: int, time_ns: int) -> None:
    data = section() + interface(options=options) + enhanced("<", b"", stamp)
    assert [r.time_ns for r in read(data)] == [time_ns]


def test_each_interface_has_its_own_link_type_and_each_section_its_own_interfaces() -> None:
    data = section("<") + interface("<", link=1) + interface("<", link=101)
    data += enhanced("<", b"a", number=1) + enhanced("<", b"b", number=0)
    data += section(">") + interface(">", link=113) + enhanced(">", b"c", number=0)
    assert [(r.data, r.link_type) for r in read(data)] == [(b"a", 101), (b"b", 1), (b"c", 113)]


def test_a_simple_packet_is_cut_at_the_snapshot_length() -> None:
    data = section() + interface(snaplen=4) + simple("<", b"abcd", wire=60)
    assert read(data) == [Record(b"abcd", 60, 0, 1)]


def test_other_blocks_are_skipped() -> None:
    name_resolution, custom = block("<", 4, bytes(20)), block("<", 0x0BAD, b"")
    data = (
        section(options=option("<", 4, b"writer"))
        + name_resolution
        + interface()
        + custom
        + enhanced("<", b"a")
    )
    assert [r.data for r in read(data)] == [b"a"]


SHORT = struct.pack("<IIIII", 0, 0, 0, 9, 9)


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (section()[:6], "F102", "byte 4: the file ends inside a section header"),
        (section()[:8] + bytes(20), "F104", "byte 8: byte-order magic 00 00 00 00"),
        (section(version=(2, 0)), "F104", "byte 12: a pcapng file of version 2.0"),
        (block("<", 0x0A0D0D0A, struct.pack("<I", 0x1A2B3C4D)), "F103", "at least 28"),
        (section() + b"\1\0", "F102", "byte 28: the file ends inside a block's type"),
        (section() + b"\1\0\0\0\0", "F102", "byte 32: the file ends inside a block's length"),
        (section() + interface()[:-1], "F102", "byte 36: the file ends inside a block"),
        (section() + struct.pack("<II", 1, 8), "F103", "byte 32: a block of 8 bytes"),
        (section() + struct.pack("<II", 1, 22), "F103", "a multiple of 4"),
        (section() + struct.pack("<II", 1, 2**25), "F103", "to 16777216"),
        (section() + interface()[:-4] + b"\x18\0\0\0", "F103", "byte 44: a block ends with length 24"),
        (section() + block("<", 1, b"1234"), "F103", "an interface description with a body of 4 bytes"),
        (section() + interface(options=b"\x09\0\x09\0\0"), "F103", "interface option 9 of 9 bytes"),
        (section() + interface(options=option("<", 14, b"1234")), "F103", "expected: 8 bytes"),
        (section() + enhanced("<", b""), "F104", "byte 36: a packet from interface 0"),
        (
            section() + interface() + simple("<", b"ab", wire=9),
            "F103",
            "9 captured bytes in a block with room for 4",
        ),
        (section() + interface() + block("<", 6, SHORT), "F103", "byte 56: a packet of 9 captured bytes"),
        (
            section() + interface() + block("<", 6, SHORT[:-4]),
            "F103",
            "a packet block with a body of 16 bytes",
        ),
        (section() + interface() + simple("<", b"", MAX_PACKET + 1), "F103", "at most 262144"),
        (section() + interface() + enhanced("<", b"", 2**64 - 1), "F105", "byte 60: the time stamp"),
    ],
)
def test_mistakes_say_what_and_where(data: bytes, code: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(data)
    assert [d.code for d in caught.value.diagnostics] == [code]
    assert words in str(caught.value)


@given(
    st.sampled_from("<>"), st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 2**64 - 1)), max_size=5)
)
def test_what_was_put_in_is_read(order: str, packets: list[tuple[bytes, int]]) -> None:
    data = section(order) + interface(order, options=option(order, 9, b"\x09"))
    data += b"".join(enhanced(order, payload, stamp) for payload, stamp in packets)
    assert [(r.data, r.time_ns) for r in read(data)] == packets


@given(
    st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 2**62), st.integers(0, 2000))),
    st.integers(0, 300),
)
def test_what_is_written_can_be_read(packets: list[tuple[bytes, int, int]], link_type: int) -> None:
    stream = io.BytesIO()
    writer = Writer(stream, link_type, 30)
    for data, time_ns, wire in packets:
        writer.write(data, time_ns, wire)
    assert read(stream.getvalue()) == [
        Record(data[:30], max(len(data), wire), time_ns, link_type) for data, time_ns, wire in packets
    ]
