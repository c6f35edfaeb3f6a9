"""AnonymizeIPAddr."""

from random import Random

import pytest

from innet.elements.base import Element
from innet.elements.build import build_one
from innet.elements.device.todump import ToDump
from innet.elements.ip.anonymizeipaddr import AnonymizeIPAddr
from innet.ir.interpret import ones_sum
from innet.runtime.graph import graph
from innet.runtime.router import Router
from tests.elements.packets import address, buffer, ipv4
from tests.runtime.fakes import MemoryIo


class Anonymous:
    def __init__(self, element: Element, seed: int = 1) -> None:
        elements = {"e": element, "a": ToDump("a"), "b": ToDump("b")}
        links = [("e", 0, "a", 0), ("e", 1, "b", 0)]
        self.router = Router(graph(elements, links, {"e": ("h", "hh")}), MemoryIo(), random=Random(seed))

    def send(self, data: bytes, offset: int | None = 0) -> list[tuple[int, bytes]]:
        outs = self.router.outcome(self.router.by_name["e"], 0, buffer(data, offset))
        return [(out, packet.data) for out, packet in outs]

    def __call__(self, src: str, dst: str = "255.255.255.255") -> int:
        ((_, data),) = self.send(ipv4(b"", src, dst))
        assert data[16:20] == b"\xff\xff\xff\xff"
        assert ones_sum(data[:20]) == 0xFFFF
        return int.from_bytes(data[12:16], "big")


def common(a: int, b: int) -> int:
    """How many first bits are alike."""
    return 32 - (a ^ b).bit_length()


def test_common_prefixes_stay_common():
    see, addresses = (
        Anonymous(AnonymizeIPAddr()),
        ("10.0.0.1", "10.0.0.2", "10.1.0.1", "192.0.2.9", "11.0.0.1"),
    )
    new = {one: see(one) for one in addresses}
    assert [see(one) for one in addresses] == list(new.values())
    for a in addresses:
        for b in addresses:
            assert common(new[a], new[b]) == common(address(a), address(b))
    assert [Anonymous(AnonymizeIPAddr(), 2)(one) for one in addresses] != list(new.values())


def test_special_addresses_and_wrong_checksums_stay():
    see = Anonymous(AnonymizeIPAddr())
    assert see("0.0.0.0") == 0
    ((_, data),) = see.send(ipv4(b"", "10.0.0.1", "10.0.0.2", checksum=0x1234))
    assert ones_sum(data[:20]) != 0xFFFF


@pytest.mark.parametrize("seed", range(5))
def test_classes_and_first_bytes_may_stay(seed):
    see = Anonymous(build_one(AnonymizeIPAddr, "CLASS 4, PRESERVE_8 18"), seed)
    for one in ("10.0.0.1", "127.0.0.1", "130.0.0.1", "195.1.1.1", "224.0.0.5", "240.0.0.1"):
        new = see(one)
        ones = [f"{n:032b}".find("0") for n in (address(one), new)]
        assert ones[0] == ones[1] or min(ones) >= 4
    assert see("18.3.2.1") >> 24 == 18
    assert see("19.3.2.1") >> 24 == 19


def test_what_has_no_ipv4_header():
    see = Anonymous(AnonymizeIPAddr())
    assert see.send(ipv4(), None)[0][0] == 1
    assert see.send(b"\x65" + ipv4()[1:])[0][0] == 1
    assert build_one(AnonymizeIPAddr, "CLASS 40").problems(1, 1)
    assert not build_one(AnonymizeIPAddr, "CLASS 99").problems(1, 1)
