"""IP6NDSolicitor."""

import pytest

from innet.elements.switching.discard import Discard
from innet.ir.interpret import NS, PacketBuffer
from innet.runtime.graph import chain
from innet.runtime.router import Router
from tests.elements.ip6packets import annotated, ipv6, made, packed, with_sum
from tests.elements.packets import buffer
from tests.runtime.fakes import MemoryIo

US, THEM = bytes.fromhex("020000000001"), bytes.fromhex("0a0000000009")
TEXT = "IP6NDSolicitor(2001:db8::1, 2:0:0:0:0:1)"
KIND = bytes.fromhex("86dd")


def solicitation(target: str) -> bytes:
    last = packed(target)[13:].hex()
    message = b"\x87\0" + bytes(6) + packed(target) + b"\x01\x01" + US
    packet = ipv6(message, src="2001:db8::1", dst=f"ff02::1:ff{last[:2]}:{last[2:]}", nxt=58, hlim=255)
    return bytes.fromhex(f"3333ff{last}") + US + KIND + with_sum(packet, 2)


def advertisement(target: str, ether: bytes = THEM, kind: bytes = KIND, **fields) -> bytes:
    message = b"\x88\0" + bytes(6) + packed(target) + b"\x02\x01" + ether
    fields = {"src": target, "dst": "2001:db8::1", "nxt": 58, "hlim": 255} | fields
    return US + ether + kind + with_sum(ipv6(message, **fields), 2)


class Link:
    """A solicitor with two inputs, and what leaves it."""

    def __init__(self) -> None:
        self.now = 0
        self.router = Router(chain({"in": made("Null()"), "e": made(TEXT), "end": Discard()}), MemoryIo())
        self.router.state.clock = self.clock
        self.router.clock = self.clock
        self.node = self.router.by_name["e"]

    def clock(self) -> int:
        return self.now

    def send(self, packet: PacketBuffer, port: int = 0) -> list[bytes]:
        return [one.data for _, one in self.router.outcome(self.node, port, packet)]

    def packet(self, to: str, payload: bytes = b"data") -> list[bytes]:
        return self.send(annotated(ipv6(payload), to))

    def answer(self, data: bytes) -> list[bytes]:
        return self.send(buffer(data, None), 1)

    def dropped(self) -> dict[str, int]:
        return {why: n for (name, why), n in self.router.drops.items() if name == "e"}


def framed(payload: bytes = b"data", to: bytes = THEM) -> bytes:
    return to + US + KIND + ipv6(payload)


@pytest.fixture
def link() -> Link:
    return Link()


def test_an_unknown_neighbour_is_asked_for_and_the_last_packet_waits(link: Link):
    assert link.packet("fe80::9", b"first") == [solicitation("fe80::9")]
    assert link.packet("fe80::9", b"second") == [solicitation("fe80::9")]
    assert link.dropped() == {"a later packet waits instead": 1}
    assert link.router.handlers.read("e.table") == "fe80::9 0 00:00:00:00:00:00\n".replace(
        "00:00:00:00:00:00", "00:00:00:00:00:00"
    )
    assert link.answer(advertisement("fe80::9")) == [framed(b"second")]
    assert link.packet("fe80::9", b"third") == [framed(b"third")]
    assert link.router.handlers.read("e.stats") == "1 packets killed\n2 ND Solicitation Message sent\n"
    assert link.router.handlers.read("e.table").split()[:2] == ["fe80::9", "1"]


def test_an_answer_gets_old(link: Link):
    link.packet("fe80::9")
    link.answer(advertisement("fe80::9"))
    link.now = 60 * NS - 1
    assert link.packet("fe80::9") == [framed()]
    link.now = 60 * NS
    assert link.packet("fe80::9") == [solicitation("fe80::9"), framed()]
    assert link.packet("fe80::9") == [framed()]
    link.now = 120 * NS
    assert link.packet("fe80::9") == [framed()]
    link.now += 1
    assert link.packet("fe80::9") == [solicitation("fe80::9")]
    assert link.answer(advertisement("fe80::9", US)) == [framed(to=US)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (advertisement("fe80::9")[:-1], "no neighbour advertisement"),
        (advertisement("fe80::9", kind=b"\x08\0"), "no neighbour advertisement"),
        (advertisement("fe80::9", hlim=254), "no neighbour advertisement"),
        (advertisement("fe80::9", nxt=17), "no neighbour advertisement"),
        (solicitation("fe80::9"), "no neighbour advertisement"),
        (advertisement("fe80::8"), "nobody asked for it"),
    ],
)
def test_not_everything_is_an_answer(link: Link, data, why):
    link.packet("fe80::9")
    assert (link.answer(data), link.dropped()) == ([], {why: 1})


def test_multicast_needs_no_answer_and_nowhere_is_nowhere(link: Link):
    assert link.packet("ff02::1:2") == [framed(to=bytes.fromhex("333300010002"))]
    assert (link.packet("::"), link.dropped()) == ([], {"no next hop": 1})
