"""Any bytes whatever: records that keep their promises, or a ConfigurationError; never another exception."""

import io
import struct
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import ConfigurationError
from innet.packet import capture
from innet.packet.record import MAX_PACKET, MAX_TIME_NS
from tests.packet.test_pcap import MICRO, NANO, header, record
from tests.packet.test_pcapng import enhanced, interface, obsolete, option, section, simple

orders = st.sampled_from("<>")
words = st.sampled_from([0, 1, 3, 4, 12, 28, 2**16, MAX_PACKET, MAX_PACKET + 1, 2**24, 2**31, 2**32 - 1])


@st.composite
def pcap_files(draw: st.DrawFn) -> bytes:
    order = draw(orders)
    data = header(order, draw(st.sampled_from([MICRO, NANO])))
    for payload in draw(st.lists(st.binary(max_size=20), max_size=4)):
        data += record(order, draw(words), draw(words), payload)
    return data


@st.composite
def pcapng_files(draw: st.DrawFn) -> bytes:
    data = b""
    for order in draw(st.lists(orders, min_size=1, max_size=2)):
        options = option(order, draw(st.sampled_from([2, 9, 14])), draw(st.binary(max_size=8)))
        data += section(order) + interface(order, options=options)
        for payload in draw(st.lists(st.binary(max_size=20), max_size=3)):
            make = draw(st.sampled_from([enhanced, obsolete, simple]))
            data += make(order, payload)
    return data


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A capture with a few words overwritten, cut somewhere."""
    data = bytearray(draw(pcap_files() | pcapng_files()))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(0, len(data) - 4))) // 4 * 4
        data[at : at + 4] = struct.pack(draw(orders) + "I", draw(words))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


def check(data: bytes) -> None:
    count = 0
    with suppress(ConfigurationError):
        for r in capture.read(io.BytesIO(data)):
            count += 1
            assert len(r.data) <= min(MAX_PACKET, r.wire_length)
            assert 0 <= r.time_ns <= MAX_TIME_NS
            assert 0 <= r.link_type <= 0xFFFF
    assert count <= len(data) // 16


@given(damaged())
def test_damaged_captures(data: bytes) -> None:
    check(data)


@given(
    st.sampled_from([b"", header("<"), header(">", NANO), section("<"), section(">")]),
    st.binary(max_size=200),
)
def test_any_bytes(start: bytes, rest: bytes) -> None:
    check(start + rest)
