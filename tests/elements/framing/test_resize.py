"""Resize."""

import pytest

from innet.elements.framing.resize import Resize
from innet.elements.framing.strip import Strip
from tests.elements.packets import buffer, send


@pytest.mark.parametrize(
    ("head", "tail", "after"),
    [
        (0, 0, b"abcdef"),
        (2, 3, b"\0\0abcdef\0\0\0"),
        (-2, -3, b"c"),
        (-2, 3, b"cdef\0\0\0"),
        (2, -3, b"\0\0abc"),
        (-7, 0, b""),
        (0, -7, b""),
        (-4, -4, b""),
        (-9, 2, b"\0\0"),
    ],
)
def test_both_ends_move(head, tail, after):
    assert send(Resize(head, tail), buffer(b"abcdef", None)).data == after


def test_bytes_in_front_come_back():
    packet = buffer(b"abcdef", None)
    send(Strip(2), packet)
    assert send(Resize(3), packet).data == b"\0abcdef"


def test_bytes_cut_at_the_end_do_not():
    packet = buffer(b"abcdef", None)
    send(Resize(0, -2), packet)
    assert send(Resize(0, 2), packet).data == b"abcd\0\0"
