"""CheckARPHeader."""

import pytest

from innet.elements.ethernet.checkarpheader import CheckARPHeader
from innet.ir.interpret import State
from innet.ir.nodes import Mark
from tests.elements.packets import buffer, send


def arp(hardware: int = 1, protocol: int = 0x0800, hln: int = 6, pln: int = 4, cut: int = 0) -> bytes:
    head = hardware.to_bytes(2, "big") + protocol.to_bytes(2, "big") + bytes([hln, pln, 0, 1])
    return (head + bytes(2 * (hln + pln)))[: 8 + 2 * (hln + pln) - cut]


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (arp(), ""),
        (arp() + b"padding", ""),
        (arp(protocol=0x86DD, pln=16), ""),
        (arp(hardware=6, hln=20), ""),
        (arp(protocol=0x1234, pln=9), ""),
        (arp(hardware=0, protocol=0, hln=0, pln=0), ""),
        (arp()[:7], "tiny packet"),
        (b"", "tiny packet"),
        (arp(cut=1), "too small for addresses"),
        (arp(hln=255, pln=255, cut=1), "too small for addresses"),
        (arp(hln=255, pln=255), "bad hardware type/length"),
        (arp(hln=5), "bad hardware type/length"),
        (arp(pln=5), "bad protocol type/length"),
        (arp(protocol=0x86DD), "bad protocol type/length"),
    ],
)
@pytest.mark.parametrize("offset", [0, 14])
def test_lengths_are_checked(data, wrong, offset):
    whole = bytes(offset) + data
    done = send(CheckARPHeader(offset), buffer(whole, None), outputs=2)
    assert (done.to, done.data) == (1 if wrong else 0, whole)
    assert send(CheckARPHeader(offset), buffer(whole, None)).to == (wrong or 0)
    if not wrong:
        assert done.packet.marks[Mark.NET] == offset
        assert done.packet.marks[Mark.TRANSPORT] == offset + 8 + 2 * (data[4] + data[5])


def test_failures_are_counted_by_reason_if_asked():
    state = State()
    for data in (arp(), arp(hln=5), b"", arp(hln=7)):
        send(CheckARPHeader(details=True), buffer(data, None), 2, state)
    counted = {name: n for (_, name), n in state.statistics.items()}
    assert counted == {"drops": 3, "bad hardware type/length": 2, "tiny packet": 1}
