"""SetPacketType."""

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.build import build_one
from innet.elements.ethernet.setpackettype import SetPacketType
from tests.elements.packets import send

NAMES = ("HOST", "BROADCAST", "MULTICAST", "OTHERHOST", "OUTGOING", "LOOPBACK")


@pytest.mark.parametrize("name", [*NAMES, "host", "Multicast"])
def test_the_type_is_set(name):
    assert send(build_one(SetPacketType, name), b"")["anno.packet_type"] == NAMES.index(name.upper())


def test_another_word_is_refused():
    with pytest.raises(ConfigurationError, match="not a packet type: HOST") as refused:
        build_one(SetPacketType, "UNICAST")
    assert "MULTICAST" in refused.value.diagnostics[0].help
