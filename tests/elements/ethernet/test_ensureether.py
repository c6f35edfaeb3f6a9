"""EnsureEther."""

import pytest

from innet.elements.build import build_one
from innet.elements.ethernet.ensureether import EnsureEther
from innet.ir.nodes import Mark
from tests.elements.packets import PacketBuffer, ipv4, send

PACKET = ipv4(b"data")
NEW = bytes.fromhex("020202020202 010101010101 0800")


def frame(kind: str) -> bytes:
    return bytes.fromhex("0a0000000001 0a0000000002" + kind) + PACKET


def packet(data: bytes, net: int | None, stripped: int = 0) -> PacketBuffer:
    """Bytes with the network header at `net` (from the first one), `stripped` of them in front of the packet."""
    made = PacketBuffer(data)
    made.marks[Mark.DATA] = stripped
    if net is not None:
        made.marks[Mark.NET] = net
    return made


@pytest.mark.parametrize(
    ("given", "after"),
    [
        (packet(frame("0800"), 14), frame("0800")),
        (packet(frame("86dd"), 14), frame("86dd")),
        (packet(frame("0800"), 14, stripped=14), frame("0800")),
        (packet(frame("0806"), 14), NEW + PACKET),
        (packet(frame("0806"), 14, stripped=14), NEW + PACKET),
        (packet(PACKET, 0), NEW + PACKET),
        (packet(bytes(13) + PACKET, 13, stripped=13), NEW + PACKET),
        (packet(bytes(18) + PACKET, 18), NEW + PACKET),
        (packet(frame("0800"), 14, stripped=18), frame("0800")[18:]),
        (packet(PACKET, None), PACKET),
    ],
    ids=[
        "IPv4",
        "IPv6",
        "stripped",
        "ARP",
        "stripped ARP",
        "none",
        "no room",
        "tagged",
        "header gone",
        "no mark",
    ],
)
def test_an_IP_packet_has_an_Ethernet_header(given, after):
    assert send(EnsureEther(), given).data == after


def test_the_new_header_is_as_told():
    element = build_one(EnsureEther, "0x86dd, 2:0:0:0:0:1, 2:0:0:0:0:2")
    assert send(element, packet(PACKET, 0)).data[:14] == bytes.fromhex("020000000002 020000000001 86dd")
