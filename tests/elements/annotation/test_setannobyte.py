"""SetAnnoByte."""

import pytest

from innet.elements.annotation.setannobyte import SetAnnoByte
from innet.elements.build import build_one
from tests.elements.packets import send


@pytest.mark.parametrize(("arguments", "byte", "value"), [("PAINT, 7", 16, 7), ("20, 0xff", 20, 255)])
def test_one_byte_is_set(arguments, byte, value):
    annotations = send(build_one(SetAnnoByte, arguments), b"").packet.annotations
    assert {at: n for at, n in enumerate(annotations[:48]) if n} == {byte: value}
