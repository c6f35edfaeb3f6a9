"""SetRandIPAddress."""

import pytest

from innet.ir.interpret import State
from tests.elements.ip6packets import made
from tests.elements.packets import address, send


@pytest.mark.parametrize(
    ("arguments", "network", "mask", "different"),
    [
        ("10.1.2.3/8", "10.0.0.0", 0xFF000000, range(290, 301)),
        ("192.0.2.0/24, 3", "192.0.2.0", 0xFFFFFF00, [3]),
        ("192.0.2.0/30, 4", "192.0.2.0", 0xFFFFFFFC, [4]),
        ("192.0.2.0/31, 100", "192.0.2.0", 0xFFFFFFFE, [2]),
        ("192.0.2.0/24, 0", "192.0.2.0", 0xFFFFFF00, range(100, 257)),
        ("192.0.2.9", "192.0.2.9", 0xFFFFFFFF, [1]),
    ],
)
def test_addresses_are_of_the_network(arguments, network, mask, different):
    element, state = made(f"SetRandIPAddress({arguments})"), State()
    found = [send(element, b"", 1, state)["anno.dst_ip"] for _ in range(300)]
    assert {a & mask for a in found} == {address(network)}
    assert len(set(found)) in different
