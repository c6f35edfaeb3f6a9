"""Strip, Unstrip, Truncate, Pad, StoreData, Align."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.elements.framing.align import Align
from innet.elements.framing.pad import Pad
from innet.elements.framing.storedata import StoreData
from innet.elements.framing.strip import Strip
from innet.elements.framing.truncate import Truncate
from innet.elements.framing.unstrip import Unstrip
from tests.elements.packets import buffer, send


@given(st.binary(max_size=30), st.integers(0, 40))
def test_Unstrip_brings_back_what_Strip_took(data, length):
    packet = buffer(data, None)
    assert send(Strip(length), packet).data == data[length:]
    assert send(Unstrip(min(length, len(data))), packet).data == data


def test_Strip_of_more_than_any_packet_has_leaves_nothing():
    assert send(Strip(1 << 20), buffer(b"abc", None)).data == b""


def test_bytes_that_were_never_there_are_zero():
    assert send(Unstrip(3), buffer(b"ab", None)).data == b"\0\0\0ab"


@pytest.mark.parametrize(
    ("element", "data", "after", "extra"),
    [
        (Truncate(3), b"abcde", b"abc", 7 + 2),
        (Truncate(5), b"abcde", b"abcde", 7),
        (Truncate(3, extra_length=False), b"abcde", b"abc", 7),
        (Truncate(1 << 20), b"abcde", b"abcde", 7),
        (Pad(7), b"abcde", b"abcde\0\0", 0),
        (Pad(3), b"abcde", b"abcde", 0),
        (Pad(), b"abcde", b"abcde" + bytes(7), 0),
        (Align(4, 2), b"abcde", b"abcde", 7),
    ],
)
def test_lengths(element, data, after, extra):
    done = send(element, buffer(data, None, extra_length=7))
    assert (done.to, done.data, done["anno.extra_length"]) == (0, after, extra)


def test_cut_bytes_do_not_come_back():
    packet = send(Truncate(2), buffer(b"secret", None)).packet
    assert send(Pad(6), packet).data == b"se\0\0\0\0"


def test_Pad_has_a_limit():
    assert send(Pad(), buffer(b"", None, extra_length=1 << 16)).to == "EXTRA_LENGTH too large"


@given(st.binary(max_size=20), st.integers(0, 25), st.binary(max_size=10))
def test_StoreData(data, offset, stored):
    after = bytearray(data)
    end = min(len(data), offset + len(stored))
    if offset < end:
        after[offset:end] = stored[: end - offset]
    assert send(StoreData(offset, stored), buffer(data, None)).data == bytes(after)


@pytest.mark.parametrize("element", [StoreData(0, bytes(2049)), Align(3, 0), Align(4, 4)])
def test_problems(element):
    assert element.problems(1, 1)
