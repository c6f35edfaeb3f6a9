"""ARPFaker."""

from innet.elements.ethernet.arp import REPLY, message
from tests.elements.packets import address
from tests.elements.running import Running

TOLD = message(
    0x0200_0000_0002, REPLY, (0x0200_0000_0001, address("10.0.0.1")), (0x0200_0000_0002, address("10.0.0.2"))
).data


def test_an_answer_after_a_second_and_then_every_ten():
    faker = Running("ARPFaker(10.0.0.2, 2:0:0:0:0:2, 10.0.0.1, 2:0:0:0:0:1)", 0, 1)
    assert faker.wait(0.9) == []
    assert faker.wait(0.2) == [(0, TOLD)]
    assert faker.wait(9.8) == []
    assert faker.wait(20.2) == [(0, TOLD)] * 3
