"""EraseIPPayload."""

import pytest

from innet.elements.ip.eraseippayload import EraseIPPayload
from tests.elements.packets import ICMP, TCP, buffer, ipv4, send, tcp, udp


def erased(transport: bytes, header: int, sum_at: int) -> bytes:
    out = bytearray(transport[:header] + bytes(max(0, len(transport) - header)))
    if sum_at + 2 <= len(out):
        out[sum_at : sum_at + 2] = bytes(2)
    return bytes(out)


DATAGRAM = udp(b"payload", checksum=0x1234)
SEGMENT = tcp(b"payload")[:16] + b"\x56\x78" + tcp(b"payload")[18:]
WITH_OPTIONS = SEGMENT[:12] + b"\x70" + SEGMENT[13:20] + b"options!" + b"payload"


@pytest.mark.parametrize(
    ("proto", "transport", "after"),
    [
        (17, DATAGRAM, erased(DATAGRAM, 8, 6)),
        (17, DATAGRAM[:8], erased(DATAGRAM[:8], 8, 6)),
        (17, DATAGRAM[:5], DATAGRAM[:5]),
        (17, b"", b""),
        (TCP, SEGMENT, erased(SEGMENT, 20, 16)),
        (TCP, WITH_OPTIONS, erased(WITH_OPTIONS, 28, 16)),
        (TCP, WITH_OPTIONS[:24], erased(WITH_OPTIONS[:24], 28, 16)),
        (TCP, SEGMENT[:12] + b"\x10" + SEGMENT[13:], erased(SEGMENT[:12] + b"\x10" + SEGMENT[13:], 4, 16)),
        (TCP, SEGMENT[:10], SEGMENT[:10]),
        (ICMP, DATAGRAM, DATAGRAM),
        (47, DATAGRAM, None),
    ],
)
@pytest.mark.parametrize("options", [b"", bytes([1, 1, 1, 0])])
def test_payload_is_zero(proto, transport, after, options):
    done = send(EraseIPPayload(), ipv4(transport, proto=proto, options=options))
    if after is None:
        assert done.to == "not TCP, UDP or ICMP"
    else:
        assert done.data == ipv4(after, proto=proto, options=options)


def test_without_a_mark_it_is_dropped():
    assert send(EraseIPPayload(), buffer(ipv4(DATAGRAM), None)).to == "no IP header annotation"
