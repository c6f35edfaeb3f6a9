"""SetIPChecksum, SetTCPChecksum, SetUDPChecksum."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.elements.ip.setipchecksum import SetIPChecksum
from innet.elements.ip.settcpchecksum import SetTCPChecksum
from innet.elements.ip.setudpchecksum import SetUDPChecksum
from innet.ir.interpret import ones_sum
from tests.elements.packets import TCP, buffer, ipv4, send, tcp, transport_sum, udp


@pytest.mark.parametrize("offset", [0, None])
@pytest.mark.parametrize("options", [b"", b"\1\1\1\1"])
def test_SetIPChecksum(offset, options):
    done = send(SetIPChecksum(), buffer(ipv4(b"abc", options=options, checksum=5), offset))
    assert ones_sum(done.data[: 20 + len(options)]) == 0xFFFF


@pytest.mark.parametrize("data", [ipv4()[:19], b"\x44" + ipv4()[1:], b"\x46" + ipv4()[1:]])
def test_SetIPChecksum_drops_bad_headers(data):
    assert send(SetIPChecksum(), buffer(data)).to == "bad IP header"


@given(st.binary(max_size=64), st.booleans())
def test_transport_checksums_are_right(payload, is_tcp):
    data = ipv4(tcp(payload), proto=TCP) if is_tcp else ipv4(udp(payload))
    done = send(SetTCPChecksum() if is_tcp else SetUDPChecksum(), data)
    assert (done.to, transport_sum(done.data)) == (0, 0xFFFF)


SOURCE_ROUTE = bytes([131, 7, 4, 198, 51, 100, 7, 0])


def test_source_route_gives_the_destination_of_the_pseudo_header():
    done = send(SetUDPChecksum(), ipv4(udp(b"abc"), options=SOURCE_ROUTE))
    direct = send(SetUDPChecksum(), ipv4(udp(b"abc"), dst="198.51.100.7"))
    assert done["udp.sum"] == direct["udp.sum"]


@pytest.mark.parametrize(
    "data",
    [ipv4(udp(), off=0x2000), ipv4(udp(), off=1), ipv4(udp()[:7]), ipv4(udp(length=9))],
)
def test_SetUDPChecksum_sends_the_rest_aside(data):
    done = send(SetUDPChecksum(), data, outputs=2)
    assert (done.to, done.data) == (1, data)
    assert send(SetUDPChecksum(), data).to == "bad UDP length"


@pytest.mark.parametrize(
    "data",
    [ipv4(tcp()[:19], proto=TCP), ipv4(tcp(), proto=TCP, length=60), ipv4(tcp(), proto=TCP, length=10)],
)
def test_SetTCPChecksum_drops_bad_lengths(data):
    assert send(SetTCPChecksum(), data).to == "bad TCP length"


@pytest.mark.parametrize(
    ("off", "fragment", "after"), [(4, 0, 5), (5, 0, 5), (15, 0, 6), (15, 0x2000, 15), (0, 1, 5)]
)
def test_SetTCPChecksum_mends_the_data_offset(off, fragment, after):
    segment = bytearray(tcp(b"abcd"))
    segment[12] = off << 4
    done = send(SetTCPChecksum(True), ipv4(bytes(segment), proto=TCP, off=fragment))
    assert done["tcp.off"] == after
