"""Paint, CheckPaint, PaintTee."""

import pytest

from innet.elements.annotation.checkpaint import CheckPaint
from innet.elements.annotation.paint import Paint
from innet.elements.annotation.painttee import PaintTee
from tests.elements.packets import buffer, send


def test_Paint():
    assert send(Paint(7), b"")["anno.paint"] == 7
    assert send(Paint(7, 20), b"").packet.annotations[20] == 7


@pytest.mark.parametrize(("color", "to"), [(7, 0), (8, 1), (0, 1)])
def test_CheckPaint(color, to):
    assert send(CheckPaint(7), buffer(b"", None, paint=color), outputs=2).to == to
    assert send(CheckPaint(7), buffer(b"", None, paint=color)).to == (0 if to == 0 else "another color")


@pytest.mark.parametrize(("color", "copies"), [(7, [1]), (8, [])])
def test_PaintTee(color, copies):
    done = send(PaintTee(7), buffer(b"abc", None, paint=color), outputs=2)
    assert (done.to, [port for port, _ in done.copies]) == (0, copies)
