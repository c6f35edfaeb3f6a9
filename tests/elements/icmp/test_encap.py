"""ICMPPingEncap, ICMPIPEncap."""

import pytest

from innet.ir.interpret import State, ones_sum
from innet.ir.nodes import Mark
from tests.elements.ip6packets import made
from tests.elements.packets import address, buffer, ipv4, send

PING = "ICMPPingEncap(192.0.2.1, 198.51.100.1, IDENTIFIER 77)"


def message(kind: int, code: int, rest: bytes, payload: bytes, ident: int) -> bytes:
    body = bytes([kind, code, 0, 0]) + rest + payload
    sum = (ones_sum(body) ^ 0xFFFF).to_bytes(2, "big")
    fields = {"src": "192.0.2.1", "dst": "198.51.100.1", "proto": 1, "ttl": 255, "ident": ident}
    return ipv4(body[:2] + sum + body[4:], **fields)


@pytest.mark.parametrize("payload", [b"", b"x", b"payload", bytes(range(256))])
def test_ICMPPingEncap(payload):
    state = State()
    for n in (1, 2, 3):
        done = send(made(PING), buffer(payload, None), 1, state)
        assert done.data == message(8, 0, bytes([0, 77, 0, n]), payload, n)
        assert done["anno.dst_ip"] == address("198.51.100.1")
        assert (done.packet.marks[Mark.NET], done.packet.marks[Mark.TRANSPORT]) == (0, 20)


def test_numbers_leave_out_zero():
    state = State()
    state.counters["e", "sequence"] = 0xFFFE
    idents = [send(made(PING), buffer(b"", None), 1, state)["ip.id"] for _ in range(2)]
    assert idents == [0xFFFF, 1]


@pytest.mark.parametrize(
    ("arguments", "kind", "code", "rest"),
    [
        ("echo, IDENTIFIER 9", 8, 0, bytes([0, 9, 0, 1])),
        ("echo-reply", 0, 0, bytes([0, 0, 0, 1])),
        ("timestamp, 0, IDENTIFIER 9", 13, 0, bytes([0, 9, 0, 1]) + bytes(12)),
        ("14, 3, IDENTIFIER 9", 14, 3, bytes([0, 9, 0, 1]) + bytes(12)),
        ("inforeq, IDENTIFIER 9", 15, 0, bytes([0, 9, 0, 1])),
        ("inforeq-reply", 16, 0, bytes([0, 0, 0, 1])),
        ("unreachable, port, IDENTIFIER 9", 3, 3, bytes(4)),
        ("timeexceeded, transit", 11, 0, bytes(4)),
        ("maskreq", 17, 0, bytes(4)),
        ("200, 7", 200, 7, bytes(4)),
    ],
)
def test_ICMPIPEncap(arguments, kind, code, rest):
    element = made(f"ICMPIPEncap(192.0.2.1, 198.51.100.1, {arguments})")
    packet = buffer(b"\xff" * 60 + b"payload", None)
    packet.marks[Mark.DATA] = 60
    assert send(element, packet).data == message(kind, code, rest, b"payload", 1)


def test_a_code_belongs_to_its_type():
    element = made("ICMPIPEncap(192.0.2.1, 198.51.100.1, timeexceeded, port)")
    assert element.problems(1, 1) == ("ICMP type 11 has no code 'port': transit, reassembly",)
