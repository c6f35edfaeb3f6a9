"""SetEtherAddress, GetEtherAddress, StoreEtherAddress: an Ethernet address in the annotations and in the packet."""

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.build import build_one
from innet.elements.ethernet.getetheraddress import GetEtherAddress
from innet.elements.ethernet.setetheraddress import SetEtherAddress
from innet.elements.ethernet.storeetheraddress import StoreEtherAddress
from tests.elements.packets import buffer, send

FRAME = bytes(range(0x10, 0x1E))
ADDRESS = bytes.fromhex("020000000001")


def test_SetEtherAddress():
    done = send(build_one(SetEtherAddress, "2:0:0:0:0:1, 24"), b"data")
    assert (done.packet.annotations[24:30], done.data) == (ADDRESS, b"data")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("24, src", FRAME[6:12]),
        ("24, DST", FRAME[:6]),
        ("24, 8", FRAME[8:14]),
        ("src, 24", FRAME[6:12]),
        ("OFFSET 1, ANNO 24", FRAME[1:7]),
        ("ANNO 24, OFFSET dst", FRAME[:6]),
        ("24, 9", None),
        ("24, 70000", None),
    ],
)
def test_GetEtherAddress(arguments, found):
    element = build_one(GetEtherAddress, arguments)
    done = send(element, buffer(FRAME, None), outputs=2)
    assert (done.to, bytes(done.packet.annotations[24:30])) == ((0, found) if found else (1, bytes(6)))
    assert send(element, buffer(FRAME, None)).to == (0 if found else "no Ethernet address")


@pytest.mark.parametrize(
    ("arguments", "after"),
    [
        ("2:0:0:0:0:1, dst", ADDRESS + FRAME[6:]),
        ("2:0:0:0:0:1, Src", FRAME[:6] + ADDRESS + FRAME[12:]),
        ("2:0:0:0:0:1, 8", FRAME[:8] + ADDRESS),
        ("src, ANNO 24", FRAME[:6] + b"ABCDEF" + FRAME[12:]),
        ("ANNO 24, OFFSET 0", b"ABCDEF" + FRAME[6:]),
        ("2:0:0:0:0:1, 9", None),
    ],
)
def test_StoreEtherAddress(arguments, after):
    element = build_one(StoreEtherAddress, arguments)
    packet = buffer(FRAME, None)
    packet.annotations[24:30] = b"ABCDEF"
    done = send(element, packet.copy(), outputs=2)
    assert (done.to, done.data) == ((0, after) if after else (1, FRAME))
    assert send(element, packet).to == (0 if after else "no room for the address")


@pytest.mark.parametrize(
    ("element", "arguments", "message"),
    [
        (StoreEtherAddress, "src", "StoreEtherAddress: an offset is needed, and an address or an annotation"),
        (StoreEtherAddress, "2:0:0:0:0:1, src, ANNO 24", "StoreEtherAddress: an offset is needed, and an address or an "
         "annotation"),
        (StoreEtherAddress, "2:0:0:0:0, middle", "'2:0:0:0:0' is not an Ethernet address such as 2:0:0:0:0:1"),
        (GetEtherAddress, "24", "GetEtherAddress: an annotation and an offset are needed"),
        (GetEtherAddress, "PAINT, src", "annotation 'PAINT' has 1 bytes"),
        (GetEtherAddress, "24, middle", "'middle' is not src, dst or a number of bytes"),
    ],
)  # fmt: skip
def test_what_is_refused(element, arguments, message):
    with pytest.raises(ConfigurationError) as refused:
        build_one(element, arguments)
    assert refused.value.diagnostics[0].message == message
