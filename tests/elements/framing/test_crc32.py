"""SetCRC32, CheckCRC32."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.elements.framing.checkcrc32 import CheckCRC32
from innet.elements.framing.crc32 import crc32
from innet.elements.framing.setcrc32 import SetCRC32
from innet.elements.switching.discard import Discard
from innet.ir.interpret import PacketBuffer
from innet.runtime.graph import chain
from innet.runtime.router import Router
from tests.runtime.fakes import MemoryIo


def run(element, data: bytes) -> bytes | str:
    """The packet as it leaves, or why it does not."""
    seen: list[bytes] = []
    router = Router(chain({"e": element, "end": Discard()}), MemoryIo())
    outcome = router.outcome(router.by_name["e"], 0, PacketBuffer(data))
    seen += [packet.data for _, packet in outcome]
    return seen[0] if seen else next(why for name, why in router.drops if name == "e")


def test_the_check_value():
    assert crc32(b"123456789") == bytes.fromhex("e7e67603")
    assert run(SetCRC32(), b"123456789") == b"123456789" + bytes.fromhex("e7e67603")


@pytest.mark.parametrize("data", [b"", b"abc"])
def test_too_short(data):
    assert run(CheckCRC32(), data) == "no room for a CRC"


@given(st.binary(max_size=60))
def test_what_was_set_is_right(data):
    assert run(CheckCRC32(), data + crc32(data)) == data


@given(st.binary(max_size=60), st.integers(0), st.integers(1, 255))
def test_a_changed_byte_is_seen(data, at, change):
    whole = bytearray(data + crc32(data))
    whole[at % len(whole)] ^= change
    assert run(CheckCRC32(), bytes(whole)) == "wrong CRC"
