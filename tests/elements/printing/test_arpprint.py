"""ARPPrint."""

import pytest

from innet.elements.ethernet.arp import message
from innet.elements.holder import timestamp
from innet.elements.printing.arpprint import ARPPrint
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from tests.elements.packets import address

A, B = (0x0200_0000_000A, address("10.0.0.1")), (0x0200_0000_000B, address("10.0.0.2"))


def packet(op: int, target: tuple[int, int] = B, **changes: int) -> PacketBuffer:
    made = message((1 << 48) - 1, op, A, target)
    for at, byte in changes.items():
        made.bytes[14 + int(at[1:])] = byte
    return made


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (packet(1, (0, B[1])), "arp who-has 10.0.0.2 tell 10.0.0.1"),
        (packet(1), "arp who-has 10.0.0.2 (02-00-00-00-00-0B) tell 10.0.0.1"),
        (packet(2), "arp reply 10.0.0.1 is-at 02-00-00-00-00-0A"),
        (packet(3), "rarp who-is 02-00-00-00-00-0B tell 02-00-00-00-00-0A"),
        (packet(4), "rarp reply 02-00-00-00-00-0B at 10.0.0.2"),
        (packet(8), "invarp who-is 02-00-00-00-00-0B tell 02-00-00-00-00-0A"),
        (packet(9), "invarp reply 02-00-00-00-00-0B at 10.0.0.2"),
        (packet(7), "arp-#7"),
        (packet(2, b1=6), "arp reply 10.0.0.1 is-at 02-00-00-00-00-0Ahardware #6"),
        (packet(2, b2=0x10), "trailer-arp reply 10.0.0.1 is-at 02-00-00-00-00-0A"),
        (packet(2, b5=16), None),
        (packet(2, b2=0x86, b3=0xDD), None),
        (PacketBuffer(b""), None),
    ],
)
def test_lines(sent, line):
    assert ARPPrint(timestamp=False).line(sent) == line


def test_what_stands_in_front():
    sent = packet(2)
    timestamp(sent, 1_500_000_000)
    text = "arp reply 10.0.0.1 is-at 02-00-00-00-00-0A"
    assert ARPPrint("who").line(sent) == f"who: 1.500000: {text}"
    pair = "02-00-00-00-00-0A > FF-FF-FF-FF-FF-FF: "
    assert ARPPrint(timestamp=False, ether=True).line(sent) == pair + text
    sent.marks[Mark.DATA] = 14
    assert ARPPrint(timestamp=False, ether=True).line(sent) == pair + text
    del sent.marks[Mark.MAC]
    assert ARPPrint(timestamp=False, ether=True).line(sent) == text


def test_short_messages():
    sent = packet(2)
    sent.set_mark(Mark.END, 14 + 7)
    assert ARPPrint(timestamp=False).line(sent) == "truncated-arp (7)"
