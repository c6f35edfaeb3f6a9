"""ARPResponder."""

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.build import build_one
from innet.elements.ethernet.arp import REPLY, REQUEST, message
from innet.elements.ethernet.arpresponder import ARPResponder
from innet.elements.holder import HandlerError
from innet.ir.interpret import PacketBuffer
from innet.packet.headers import PacketType
from tests.elements.packets import address, send
from tests.elements.running import Running

ASKER = (0x0200_0000_0009, address("10.0.0.9"))
MINE = 0x0200_0000_0001
BROADCAST = (1 << 48) - 1


def request(asked: str, op: int = REQUEST) -> PacketBuffer:
    return message(BROADCAST, op, ASKER, (0, address(asked)))


def one(text: str) -> ARPResponder:
    element = build_one(ARPResponder, text)
    assert isinstance(element, ARPResponder)
    return element


def answer(asked: str, ether: int = MINE) -> bytes:
    return message(ASKER[0], REPLY, (ether, address(asked)), ASKER).data


def test_a_request_becomes_its_answer():
    packet = request("10.0.0.1")
    packet.bytes += b"padding as frames of 60 bytes have it"
    packet.marks |= PacketBuffer(bytes(packet.bytes)).marks
    packet.annotations[:] = bytes(range(1, 65))
    done = send(one("10.0.0.1 2:0:0:0:0:1"), packet)
    assert (done.to, done.data) == (0, answer("10.0.0.1"))
    assert done["anno.vlan_tci"] == 0x1516
    assert done["anno.time_s"] == 0x35363738
    assert (done["anno.dst_ip"], done["anno.paint"], done["anno.packet_type"]) == (0, 0, PacketType.HOST)
    assert done["ether.type"] == 0x0806
    assert done["arp.op"] == REPLY


@pytest.mark.parametrize(
    "frame",
    [
        request("10.0.0.2").data,
        request("10.0.0.1", REPLY).data,
        request("10.0.0.1").data[:41],
        request("10.0.0.1").data.replace(b"\x08\x06", b"\x08\x00"),
        request("10.0.0.1").data.replace(b"\x08\x06\x00\x01", b"\x08\x06\x00\x06"),
        request("10.0.0.1").data.replace(b"\x00\x01\x08\x00", b"\x00\x01\x86\xdd"),
        b"",
    ],
    ids=["another address", "an answer", "short", "no ARP", "no Ethernet", "no IPv4", "empty"],
)
def test_all_else_goes_aside(frame):
    element = one("10.0.0.1 2:0:0:0:0:1")
    done = send(element, PacketBuffer(frame), outputs=2)
    assert (done.to, done.data) == (1, frame)
    assert send(element, PacketBuffer(frame)).to == "no ARP request for one of the addresses"


def test_address_lengths_are_not_looked_at():
    packet = request("10.0.0.1")
    packet.bytes[18:20] = b"\x07\x09"
    assert send(one("10.0.0.1 2:0:0:0:0:1"), packet).data == answer("10.0.0.1")


@pytest.mark.parametrize(
    ("text", "asked", "ether"),
    [
        ("10.0.0.0/8 2:0:0:0:0:1, 10.1.0.0/16 2:0:0:0:0:2, 10.1.1.1 2:0:0:0:0:3", "10.1.1.1", 3),
        ("10.0.0.0/8 2:0:0:0:0:1, 10.1.0.0/16 2:0:0:0:0:2, 10.1.1.1 2:0:0:0:0:3", "10.1.1.2", 2),
        ("10.1.1.1 2:0:0:0:0:3, 10.0.0.0/8 2:0:0:0:0:1, 10.1.0.0/16 2:0:0:0:0:2", "10.1.1.2", 2),
        ("10.0.0.1/8 2:0:0:0:0:1, 10.0.0.0/8 2:0:0:0:0:2", "10.9.9.9", 2),
        ("10.0.0.1/255.0.0.255 2:0:0:0:0:1", "10.7.7.1", 1),
        ("2:0:0:0:0:4 10.0.0.0/26 192.0.2.7", "192.0.2.7", 4),
        ("0/0 2:0:0:0:0:5", "8.8.8.8", 5),
        (", ".join(f"10.0.{n}.0/24 2:0:0:0:0:{n:x}" for n in range(40)), "10.0.39.1", 39),
    ],
)
def test_the_longest_prefix_decides_and_of_equal_ones_the_last(text, asked, ether):
    assert send(one(text), request(asked)).data == answer(asked, 0x0200_0000_0000 + ether)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10.0.0.1", "no Ethernet address"),
        ("2:0:0:0:0:1", "no IPv4 address or prefix"),
        ("10.0.0.1 2:0:0:0:0:1 2:0:0:0:0:2", "more than one Ethernet address"),
        ("10.0.0.1 elsewhere 2:0:0:0:0:1", "'elsewhere' is neither"),
    ],
)
def test_arguments_that_are_refused(text, message):
    with pytest.raises(ConfigurationError, match=message):
        one(text)


def test_a_name_may_stand_for_both():
    running = Running("ARPResponder(me)", more="AddressInfo(me 10.0.0.1/24 2:0:0:0:0:1);")
    assert running.push(request("10.0.0.1")) == [(0, answer("10.0.0.1"))]
    assert running.push(request("10.0.0.2")) == []


def test_handlers():
    running = Running("ARPResponder(10.0.0.0/8 2:0:0:0:0:a, 10.0.0.1 2:0:0:0:0:1)")
    assert running.read("table") == "10.0.0.1/32 02-00-00-00-00-01\n10.0.0.0/8 02-00-00-00-00-0A\n"
    assert running.read("lookup 10.0.0.1") == "02-00-00-00-00-01"
    assert running.read("lookup 192.0.2.1") == ""
    running.write("remove", "10.0.0.1/32")
    assert running.push(request("10.0.0.1")) == [(0, answer("10.0.0.1", 0x0200_0000_000A))]
    running.write("add", "10.0.0.1 192.0.2.1 2:0:0:0:0:2")
    assert running.push(request("192.0.2.1")) == [(0, answer("192.0.2.1", 0x0200_0000_0002))]
    for handler, value in (("remove", "10.0.0.9"), ("remove", "x"), ("add", "10.0.0.1")):
        with pytest.raises(HandlerError):
            running.write(handler, value)
    with pytest.raises(HandlerError):
        running.read("lookup x")
