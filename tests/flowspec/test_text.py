from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import Source, Span
from innet.flowspec import Text
from innet.flowspec.names import address, dotted, ether, integer, length_mask, number, prefix, prefix_text
from innet.flowspec.text import Piece


def test_text_that_stands_in_its_source_is_placed_exactly() -> None:
    source = Source("s", 'f(  "udp port 80" )')
    place = Text.of("udp port 80", Span(source, 1, 18)).where(4, 8)
    assert source.text[place.start : place.end] == "port"


def test_text_that_does_not_is_placed_as_a_whole() -> None:
    span = Span(Source("s", "f($filter)"), 2, 9)
    assert Text.of("udp port 80", span).where(4, 8) == span


def test_pieces_keep_their_places() -> None:
    source = Source("s", "port ${P-80} and tcp")
    text = Text(
        "port 80 and tcp",
        (Piece(0, Span(source, 0, 5)), Piece(5, Span(source, 5, 12), False), Piece(7, Span(source, 12, 20))),
    )
    where = [text.where(0, 4), text.where(5, 7), text.where(12, 15), text.where(0, 7)]
    assert [source.text[s.start : s.end] for s in where] == ["port", "${P-80}", "tcp", "port ${P-80}"]
    part = text.part(5, 15)
    assert [source.text[s.start : s.end] for s in (part.where(0, 2), part.where(7, 10))] == ["${P-80}", "tcp"]


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 32))
def test_addresses_and_prefixes_read_back(value: int, length: int) -> None:
    assert address(dotted(value)) == value
    mask = length_mask(length)
    assert prefix(prefix_text(value & mask, mask)) == (value & mask, mask)


def test_literals() -> None:
    assert [integer(w) for w in ("10", "0x1F", "010", "0b11", "-5", "1_000", "08", "x", "1_", "")] == [
        10, 31, 8, 3, -5, 1000, None, None, None, None
    ]  # fmt: skip
    assert [number(w) for w in ("10", "0x1F", "010", "08", "-1")] == [10, 31, 8, None, None]
    assert prefix("10.1/16") == (0x0A010000, 0xFFFF0000)
    assert prefix("10.1/24") is None
    assert prefix("10.0.0.0/255.0.255.0") == (0x0A000000, 0xFF00FF00)
    assert address("1.2.3.256") is None
    assert ether("0:11:22:33:44:ff") == 0x1122334_4FF
