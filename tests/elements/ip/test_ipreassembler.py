"""IPReassembler."""

from itertools import permutations

import pytest

from innet.elements.holder import timestamp, timestamp_of
from innet.ir.interpret import PacketBuffer, ones_sum
from innet.ir.nodes import Mark
from tests.elements.packets import buffer, ipv4
from tests.elements.running import SECOND, Running

DF, MF = 0x4000, 0x2000
PARTS = (bytes(range(16)), bytes(range(16, 40)), bytes(range(40, 45)))
WHOLE = b"".join(PARTS)
OFFSETS = (0, 2, 5)


def fragment(n: int, time_s: float = 0, front: bytes = b"", **fields: object) -> PacketBuffer:
    """One of three fragments of `WHOLE`."""
    off = OFFSETS[n] | (MF if n < 2 else 0)
    packet = buffer(front + ipv4(PARTS[n], off=off, **fields), len(front))  # type: ignore[arg-type]
    timestamp(packet, int(time_s * SECOND))
    return packet


def outcome(running: Running, packet: PacketBuffer) -> list[tuple[int, PacketBuffer]]:
    return list(running.router.outcome(running.router.by_name["e"], 0, packet))


def test_whole_packets_pass():
    packet = ipv4(WHOLE, off=DF, checksum=7)
    assert Running("IPReassembler").push(buffer(packet)) == [(0, packet)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_fragments_in_any_order(order):
    running = Running("IPReassembler")
    *first, last = order
    assert [running.push(fragment(n)) for n in first] == [[], []]
    assert running.push(fragment(last)) == [(0, ipv4(WHOLE))]
    assert running.push(fragment(last)) == [], "it is one of the next packet"


def test_the_fragment_of_offset_zero_gives_header_front_and_annotations():
    running = Running("IPReassembler")
    options = bytes([7, 7, 4, 0, 0, 0, 0, 0])
    outcome(running, fragment(1, 101, b"x" * 14, ttl=9, tos=1))
    first = fragment(0, 102, b"F" * 14, ttl=3, tos=2, options=options)
    first.annotations[:32] = bytes(range(1, 33))
    first.marks[Mark.MAC] = 0
    other = fragment(2, 103, b"y" * 14)
    for packet in (other, first):
        packet.marks[Mark.MAC] = 0
    running = Running("IPReassembler")
    middle = fragment(1, 101, b"x" * 14, ttl=9, tos=1)
    middle.marks[Mark.MAC] = 0
    outcome(running, middle)
    outcome(running, first)
    ((out, made),) = outcome(running, other)
    assert (out, made.data) == (0, b"F" * 14 + ipv4(WHOLE, ttl=3, tos=2, options=options))
    assert made.annotations[:28] == bytes(range(1, 29))
    assert made.annotations[28:32] == bytes(4)
    assert timestamp_of(made) == 103 * SECOND
    assert (made.marks[Mark.NET], made.marks[Mark.TRANSPORT]) == (14, 14 + 28)


@pytest.mark.parametrize(
    "other",
    [{"ident": 2}, {"src": "10.0.0.2"}, {"dst": "10.0.0.2"}, {"proto": 6}],
    ids=["identification", "source", "destination", "protocol"],
)
def test_fragments_of_other_packets_stay_apart(other):
    running = Running("IPReassembler")
    for n in (0, 1):
        assert running.push(fragment(n, **other)) == []
    assert running.push(fragment(2)) == []
    assert running.push(fragment(2, **other)) == [(0, ipv4(WHOLE, **other))]


def test_repeats_and_overlaps():
    running = Running("IPReassembler")
    running.push(fragment(0))
    running.push(fragment(0))
    running.push(buffer(ipv4(b"12345678", off=1 | MF)))
    running.push(fragment(2))
    assert running.push(fragment(1)) == [(0, ipv4(PARTS[0][:8] + b"12345678" + PARTS[1] + PARTS[2]))]


def test_DF_is_that_of_the_first_that_came():
    running = Running("IPReassembler")
    running.push(buffer(ipv4(PARTS[2], off=OFFSETS[2] | DF)))
    running.push(fragment(0))
    assert running.push(fragment(1)) == [(0, ipv4(WHOLE, off=DF))]


@pytest.mark.parametrize(
    "packet",
    [
        ipv4(b"", off=MF),
        ipv4(bytes(12), off=MF),
        ipv4(bytes(8), off=MF, length=36),
        ipv4(bytes(8), off=MF, length=20),
        ipv4(bytes(100), off=0x1FFF),
    ],
    ids=["empty", "middle of 12 bytes", "cut off", "no length", "beyond 65535"],
)
def test_bad_fragments_are_dropped(packet):
    running = Running("IPReassembler")
    assert running.push(buffer(packet)) == []
    assert running.drops() == {"bad fragment": 1}


def test_padding_is_cut_off():
    running = Running("IPReassembler")
    for n in (0, 1):
        packet = fragment(n)
        running.push(buffer(packet.data + b"padding"))
    assert running.push(fragment(2)) == [(0, ipv4(WHOLE))]


def test_what_lies_beyond_the_last_fragment_is_dropped():
    running = Running("IPReassembler")
    running.push(fragment(2))
    assert running.push(buffer(ipv4(bytes(8), off=6 | MF))) == []
    assert running.drops() == {"beyond the last fragment": 1}


def test_sets_are_given_up_after_30_s_by_the_packets_time():
    running = Running("IPReassembler")
    running.push(fragment(0, 100))
    running.push(fragment(1, 130))
    assert running.push(fragment(0, 160, ident=2)) == []
    assert running.drops() == {}
    assert running.push(fragment(0, 171, ident=3)) == []
    assert running.drops() == {"fragments are missing": 1}
    assert running.push(fragment(2, 171)) == [], "the rest is gone"


def test_the_pieces_leave_by_output_1():
    running = Running("IPReassembler", 1, 2)
    running.push(fragment(0, 100, ttl=9))
    running.push(fragment(2, 100))
    ((out, data),) = running.push(fragment(0, 200, ident=2))
    pieces = ipv4(PARTS[0], ttl=9, off=MF)
    assert (out, data[20:]) == (1, PARTS[0] + bytes(24) + PARTS[2])
    assert data[:6] + data[8:10] == pieces[:6] + pieces[8:10]
    assert data[6:8] == b"\0\0", "the last one has come"


def test_pieces_without_the_first():
    running = Running("IPReassembler", 1, 2)
    running.push(fragment(1, 100, b"F" * 14, options=bytes(8)))
    ((out, data),) = running.push(fragment(0, 200, ident=2))
    assert (out, data[0], data[20:]) == (1, 0x45, bytes(16) + PARTS[1])


def test_memory_is_limited():
    running = Running("IPReassembler(HIMEM 200)")
    for n in range(4):
        running.push(fragment(0, 100 + n, ident=n + 1))
    assert running.drops() == {}
    running.push(fragment(0, 104, ident=5))
    assert running.drops() == {"too many fragments": 2}
    running.push(fragment(1, 104, ident=3))
    assert running.push(fragment(2, 104, ident=3)) == [(0, ipv4(WHOLE, ident=3))], "the third oldest is left"


def test_the_largest_fragment_is_noted():
    running = Running("IPReassembler(MAX_MTU_ANNO 24)")
    for n in (2, 0):
        outcome(running, fragment(n))
    ((_, made),) = outcome(running, fragment(1))
    assert int.from_bytes(made.annotations[24:26], "big") == 44
    ((_, whole),) = outcome(running, buffer(ipv4(WHOLE)))
    assert whole.annotations[24:26] == b"\0\0"


def test_header_checksums_are_right_again():
    running = Running("IPReassembler")
    for n in (0, 1):
        running.push(fragment(n, checksum=7))
    ((_, data),) = running.push(fragment(2))
    assert ones_sum(data[:20]) == 0xFFFF
