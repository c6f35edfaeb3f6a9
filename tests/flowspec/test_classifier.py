import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import ConfigurationError, Source, Span
from innet.flowspec import TRUE, lower, parse_classifier_pattern
from tests.flowspec.evaluate import Cut, is_told, value

FRAME = bytes(range(12)) + bytes.fromhex("080045000014")


@pytest.mark.parametrize(
    ("pattern", "data", "expected"),
    [
        ("-", b"", 1),
        ("", b"", 1),
        ("12/0800", FRAME, 1),
        ("12/0806", FRAME, 0),
        ("12/0806%fff0", FRAME, 1),
        ("12/08?? 14/4?", FRAME, 1),
        ("!12/0806 14/45", FRAME, 1),
        ("! 12/0800", FRAME, 0),
        ("0/000102030405060708090a0b", FRAME, 1),
        ("0/000102030405060708090a0c", FRAME, 0),
        ("14/?5%0f", FRAME, 1),
        ("1/01%ff", FRAME, 1),
        ("17/14", FRAME, 1),
        ("18/00", FRAME, 0),
        ("!18/00", FRAME, 1),
        ("16/00140000%ffff0000", FRAME, 1),  # no bit of the absent bytes is compared
        ("16/00140000", FRAME, 0),
        ("!16/00140000", FRAME, 1),
        ("18/??", FRAME, 1),
        ("20/01 !2/00", FRAME, 0),
    ],
)
def test_pattern_matches(pattern: str, data: bytes, expected: int) -> None:
    assert value(lower(parse_classifier_pattern(pattern).predicate), Cut(data)) == expected


@pytest.mark.parametrize(
    ("pattern", "code", "column"),
    [
        ("foo", "F121", 1),
        ("12/080", "F123", 4),
        ("12/", "F123", 4),
        ("12/0800%ff", "F123", 9),
        ("12/08xx", "F123", 4),
        ("-1/00", "F122", 1),
        ("99999/00", "F122", 1),
        ("12/0800 -", "F121", 9),
    ],
)
def test_mistake_is_shown_in_its_place(pattern: str, code: str, column: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_classifier_pattern(pattern, Span(Source("pattern", pattern), 0, len(pattern)))
    first = caught.value.diagnostics[0]
    assert first.span is not None
    assert (first.code, first.span.source.position(first.span.start)[1]) == (code, column)


def test_every_mistake_is_reported() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_classifier_pattern("12/080 x !14/45%f")
    assert [d.code for d in caught.value.diagnostics] == ["F123", "F121", "F123"]


def test_empty_pattern_is_everything() -> None:
    assert parse_classifier_pattern("  ").predicate == TRUE


@given(
    st.integers(0, 20),
    st.binary(min_size=1, max_size=12),
    st.binary(min_size=12, max_size=12),
    st.binary(max_size=30),
)
def test_clause_compares_masked_bytes(offset: int, wanted: bytes, masks: bytes, data: bytes) -> None:
    mask = masks[: len(wanted)]
    pattern = parse_classifier_pattern(f"{offset}/{wanted.hex()}%{mask.hex()}").predicate
    expected = all(
        m == 0 or (offset + n < len(data) and data[offset + n] & m == w & m)
        for n, (w, m) in enumerate(zip(wanted, mask, strict=True))
    )
    assert value(lower(pattern), Cut(data)) == expected


@given(st.text(alphabet="0123456789abcdef/%?! -x", max_size=40))
def test_any_text_gives_a_meaning_or_an_error(text: str) -> None:
    try:
        lower(parse_classifier_pattern(text).predicate)
    except ConfigurationError as error:
        is_told(error)
