"""DynamicUDPIPEncap."""

import pytest

from innet.ir.interpret import State
from tests.elements.ip6packets import made
from tests.elements.packets import buffer, ipv4, send, transport_sum, udp


@pytest.mark.parametrize(
    ("arguments", "ports"),
    [
        ("4000, 198.51.100.1, 53", [(4000, 53)] * 5),
        ("4000, 198.51.100.1, 53, INTERVAL 1", [(4000, 53), (4001, 54), (4002, 55), (4003, 56), (4004, 57)]),
        ("65535, 198.51.100.1, 53, true, 2", [(65535, 53), (65535, 53), (0, 54), (0, 54), (1, 55)]),
    ],
)
def test_ports_go_up(arguments, ports):
    element, state = made(f"DynamicUDPIPEncap(192.0.2.1, {arguments})"), State()
    for n, (sport, dport) in enumerate(ports):
        done = send(element, buffer(b"payload", None), 1, state)
        fields = {"src": "192.0.2.1", "dst": "198.51.100.1", "ttl": 250, "ident": n}
        assert done.data == ipv4(udp(b"payload", sport, dport, done["udp.sum"]), **fields)
        assert transport_sum(done.data) == 0xFFFF


def test_the_checksum_may_be_left_out():
    done = send(made("DynamicUDPIPEncap(192.0.2.1, 1, 198.51.100.1, 2, false)"), buffer(b"payload", None))
    assert done["udp.sum"] == 0
