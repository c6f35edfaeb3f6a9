"""TCPFragmenter."""

import pytest

from innet.diagnostics import ConfigurationError
from innet.ir.interpret import ones_sum
from tests.elements.packets import TCP, buffer, ipv4, tcp, transport_sum
from tests.elements.running import Running

PAYLOAD = bytes(range(250))
FIN = 1


def segment(payload: bytes = PAYLOAD, flags: int = 0x10, seq: int = 1) -> bytes:
    head = bytearray(tcp(payload, seq=seq))
    head[13] = flags
    return ipv4(bytes(head), proto=TCP, ident=5)


def cut(text: str, packet: bytes, **annotations: int) -> list[bytes]:
    return [data for _, data in Running(f"TCPFragmenter({text})").push(buffer(packet, **annotations))]


def test_segments_of_at_most_the_MTU():
    made = cut("MTU 140", segment(seq=0xFFFF_FFF0))
    assert [data[40:] for data in made] == [PAYLOAD[:100], PAYLOAD[100:200], PAYLOAD[200:]]
    assert [int.from_bytes(data[24:28], "big") for data in made] == [0xFFFF_FFF0, 0x54, 0xB8]
    for data in made:
        assert (int.from_bytes(data[2:4], "big"), ones_sum(data[:20]), transport_sum(data)) == (
            len(data),
            0xFFFF,
            0xFFFF,
        )
        assert data[4:6] == b"\0\5", "all have one identification"


@pytest.mark.parametrize("packet", [segment(bytes(99)), segment(b""), ipv4(b"x")])
def test_what_fits_is_unchanged(packet):
    assert cut("MTU 140", packet) == [packet]


def test_just_the_MTU_counts_as_cut():
    (made,) = cut("MTU 140", segment(bytes(100)))
    assert made[36:38] != segment(bytes(100))[36:38], "its checksum is right now"


def test_an_MTU_without_room_cuts_nothing():
    assert cut("MTU 40", segment()) == [segment()]


def test_FIN_stays_on_the_last_segments():
    """Those after whose start no more than MTU bytes follow: Click's rule."""
    made = cut("MTU 140", segment(flags=0x10 | FIN))
    assert [data[33] & FIN for data in made] == [0, 0, FIN]
    made = cut("MTU 140", segment(PAYLOAD[:230], flags=0x10 | FIN))
    assert [data[33] & FIN for data in made] == [0, FIN, FIN]


@pytest.mark.parametrize(
    ("text", "noted", "sizes"),
    [
        ("MTU_ANNO 24", 0, [290]),
        ("MTU_ANNO 24", 240, [240, 90]),
        ("MTU 140, MTU_ANNO 24", 240, [140, 140, 90]),
        ("MTU 240, MTU_ANNO 24", 190, [190, 140]),
        ("MTU 240, MTU_ANNO 24", 0, [240, 90]),
    ],
)
def test_the_MTU_may_be_an_annotation(text, noted, sizes):
    packet = buffer(segment())
    packet.annotations[24:26] = noted.to_bytes(2, "big")
    assert [len(data) for _, data in Running(f"TCPFragmenter({text})").push(packet)] == sizes


def test_options_and_what_is_in_front_go_into_each():
    head = bytearray(tcp(bytes([1, 1, 1, 1]) + PAYLOAD))
    head[12] = 0x60
    packet = ipv4(bytes(head), proto=TCP, options=bytes([1, 1, 1, 0]))
    made = [data for _, data in Running("TCPFragmenter(MTU 198)").push(buffer(b"front" + packet, 5))]
    assert [data[5 + 24 + 20 :] for data in made] == [
        b"\1\1\1\1" + PAYLOAD[:150],
        b"\1\1\1\1" + PAYLOAD[150:],
    ]
    assert all(data.startswith(b"front\x46") for data in made)


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (ipv4(bytes(15), proto=TCP, length=500), "no TCP header"),
        (ipv4(bytes(300), proto=TCP), "no TCP header"),
        (ipv4(bytes(12) + b"\xf0" + bytes(8), proto=TCP, length=500), "no TCP header"),
    ],
    ids=["short", "header length 0", "header beyond the end"],
)
def test_what_is_no_TCP_is_dropped(packet, reason):
    running = Running("TCPFragmenter(MTU 140)")
    assert running.push(buffer(packet)) == []
    assert running.drops() == {reason: 1}


def test_counts():
    running = Running("TCPFragmenter(MTU 140)")
    running.push(buffer(segment()))
    running.push(buffer(segment(b"")))
    assert [running.read(name) for name in ("count", "fragmented_count", "fragments")] == ["2", "1", "3"]


def test_one_MTU_must_be_given():
    with pytest.raises(ConfigurationError, match="neither MTU nor MTU_ANNO"):
        Running("TCPFragmenter")
