"""The record in front of a packet that crosses between kernel and agent."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.xdp import handover

POSITIONS = st.integers(-200, 2000)


@given(
    st.binary(max_size=200),
    st.dictionaries(st.sampled_from([Mark.MAC, Mark.NET, Mark.TRANSPORT, Mark.AUX]), POSITIONS),
    POSITIONS,
    st.binary(min_size=64, max_size=64),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**16 - 1),
)
def test_a_packet_crosses_whole(
    data: bytes, marks: dict[Mark, int], start: int, annotations: bytes, module: int, region: int
) -> None:
    packet = PacketBuffer(data)
    packet.marks |= {**marks, Mark.DATA: start}
    packet.annotations[:] = annotations
    frame = handover.write(module, region, packet, slot=5)
    found = handover.read(frame)
    assert found is not None
    assert (found.module, found.region) == (module, region)
    assert found.packet.bytes == packet.bytes
    assert found.packet.marks == packet.marks
    assert found.packet.annotations == packet.annotations
    assert struct.unpack_from("<I", frame, handover.SLOT_AT) == (5,)


def test_where_the_kernel_finds_its_fields() -> None:
    packet = PacketBuffer(b"packet")
    packet.marks[Mark.NET] = 3
    packet.annotations[:] = bytes(range(64))
    frame = handover.write(0x01020304, 0x0506, packet, 0x0708090A)
    assert len(frame) == handover.RECORD_BYTES + 6
    assert struct.unpack_from("<I", frame) == (handover.MAGIC,)
    assert struct.unpack_from("<I", frame, handover.MODULE_AT) == (0x01020304,)
    assert struct.unpack_from("<H", frame, handover.REGION_AT) == (0x0506,)
    assert struct.unpack_from("<5h", frame, handover.MARKS_AT) == (0, 0x7FFF, 3, 0x7FFF, 0x7FFF)
    assert frame[handover.ANNOTATIONS_AT : handover.RECORD_BYTES] == bytes(range(64))


@pytest.mark.parametrize("frame", [b"", bytes(60), bytes(200), struct.pack("<I", handover.MAGIC) + bytes(83)])
def test_an_ordinary_frame_has_no_record(frame: bytes) -> None:
    assert handover.read(frame) is None


@pytest.mark.parametrize("at", [handover.UNSET, 40_000, -40_000])
def test_a_mark_that_no_frame_reaches(at: int) -> None:
    packet = PacketBuffer(b"packet")
    packet.marks[Mark.AUX] = at
    with pytest.raises(ValueError, match="no frame holds this packet"):
        handover.write(0, 0, packet)
