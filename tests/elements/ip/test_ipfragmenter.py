"""IPFragmenter."""

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.build import build_one
from innet.elements.ip.ipfragmenter import IPFragmenter, copied_options
from innet.ir.interpret import ones_sum
from innet.ir.nodes import Mark
from tests.elements.packets import buffer, ipv4
from tests.elements.running import Running

DF, MF = 0x4000, 0x2000
PAYLOAD = bytes(range(100))


def cut(text: str, packet: bytes, offset: int = 0, outputs: int = 2) -> list[tuple[int, bytes]]:
    return Running(f"IPFragmenter({text})", 1, outputs).push(buffer(packet, offset))


def off(fragment: bytes) -> int:
    return int.from_bytes(fragment[6:8], "big")


@pytest.mark.parametrize("size", [0, 40])
def test_what_fits_is_unchanged(size):
    packet = ipv4(bytes(size), off=DF, checksum=7)
    assert cut("60", packet) == [(0, packet)]


def test_annex_B():
    lengths = [(len(data), off(data)) for _, data in cut("60", ipv4(bytes(108)))]
    assert lengths == [(60, MF), (60, MF | 5), (48, 10)]
    lengths = [(len(data), off(data)) for _, data in cut("60", ipv4(bytes(108), off=MF | 3))]
    assert lengths == [(60, MF | 3), (60, MF | 8), (48, MF | 13)]


def test_fragments_put_together_are_the_packet():
    packet = ipv4(PAYLOAD, ident=77, tos=9, ttl=3)
    made = [data for _, data in cut("44", packet)]
    assert b"".join(data[20:] for data in made) == PAYLOAD
    for data in made:
        assert (int.from_bytes(data[2:4], "big"), ones_sum(data[:20])) == (len(data), 0xFFFF)
        assert (
            data[:2] + data[4:6] + data[8:10] + data[12:20]
            == packet[:2] + packet[4:6] + packet[8:10] + packet[12:20]
        )
        assert (len(data) - 20) % 8 == 0 or data is made[-1]
    assert [off(data) & MF for data in made] == [MF] * (len(made) - 1) + [0]


def test_only_the_first_fragment_has_what_was_in_front():
    running = Running("IPFragmenter(60)", 1, 2)
    packet = buffer(b"E" * 14 + ipv4(PAYLOAD), 14, paint=7)
    packet.marks[Mark.MAC] = 0
    (_, first), (_, second), *_ = running.router.outcome(running.router.by_name["e"], 0, packet)
    assert first.data[:14] == b"E" * 14
    assert (first.marks[Mark.MAC], first.marks[Mark.NET]) == (0, 14)
    assert second.data[0] == 0x45
    assert Mark.MAC not in second.marks
    assert second.marks[Mark.NET] == second.marks[Mark.DATA] == second.marks[Mark.TRANSPORT] - 20
    assert (first.annotations, second.annotations) == (packet.annotations, packet.annotations)


@pytest.mark.parametrize(
    ("text", "packet", "reason"),
    [
        ("60", ipv4(PAYLOAD, off=DF), "larger than the MTU, and must not be fragmented"),
        ("27", ipv4(PAYLOAD), "no room for payload in the MTU"),
        ("31", ipv4(PAYLOAD, options=bytes(4)), "no room for payload in the MTU"),
    ],
)
def test_what_must_not_or_cannot_be_cut_goes_aside(text, packet, reason):
    assert cut(text, packet) == [(1, packet)]
    running = Running(f"IPFragmenter({text})", 1, 1)
    assert running.push(buffer(packet)) == []
    assert running.drops() == {reason: 1}
    assert (running.read("drops"), running.read("fragments")) == ("1", "0")


def test_DF_may_be_overruled():
    made = [data for _, data in cut("60, false", ipv4(PAYLOAD, off=DF, ident=1))]
    assert [off(data) for data in made] == [MF, MF | 5, 10]
    assert len({data[4:6] for data in made}) == 1
    assert made[0][4:6] != b"\0\1", "the identification is random"


@pytest.mark.parametrize(
    ("options", "later"),
    [
        (b"", b""),
        (bytes([7, 7, 4]) + bytes(5), b""),
        (bytes([131, 7, 4, 1, 2, 3, 4, 0]), bytes([131, 7, 4, 1, 2, 3, 4, 0])),
        (bytes([1, 131, 3, 4]), bytes([131, 3, 4, 0])),
        (bytes([131, 3, 4, 7, 3, 4, 148, 4, 0, 0, 1, 1]), bytes([131, 3, 4, 148, 4, 0, 0, 0])),
        (bytes([0, 131, 3, 4]), b""),
        (bytes([131, 9, 4, 4]), b""),
        (bytes([1, 1, 1, 131]), b""),
        (bytes([131, 0, 1, 1]), b""),
    ],
)
def test_later_fragments_have_the_options_with_the_copy_bit(options, later):
    assert copied_options(options) == later
    first, second, *_ = (data for _, data in cut("80", ipv4(PAYLOAD, options=options)))
    assert first[20 : 20 + len(options)] == options
    assert (second[0] % 16 * 4, second[20 : second[0] % 16 * 4]) == (20 + len(later), later)


def test_payload_that_is_not_there_is_not_sent():
    made = cut("60", ipv4(bytes(60), length=500))
    assert [(len(data), off(data)) for _, data in made] == [(60, MF), (40, 5)]


def test_padding_that_makes_a_packet_too_long():
    ((_, data),) = cut("60", ipv4(bytes(10)) + bytes(40))
    assert (len(data), off(data)) == (60, MF), "as Click does it"


def test_counts():
    running = Running("IPFragmenter(60)", 1, 2)
    running.push(buffer(ipv4(PAYLOAD)))
    running.push(buffer(ipv4(PAYLOAD, off=DF)))
    assert (running.read("fragments"), running.read("drops")) == ("3", "1")


def test_mtu_is_at_least_8():
    with pytest.raises(ConfigurationError, match="MTU is 7; expected at least 8"):
        Running("IPFragmenter(7)")
    assert build_one(IPFragmenter, "100000").trace(0, 1)
