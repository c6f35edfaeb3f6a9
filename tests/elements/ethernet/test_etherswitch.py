"""EtherSwitch and ListenEtherSwitch."""

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.build import build_one
from innet.elements.ethernet.etherswitch import EtherSwitch
from innet.elements.holder import timestamp
from innet.ir.interpret import PacketBuffer
from tests.elements.packets import send
from tests.elements.running import SECOND, Running

A, B, C = (bytes([2, 0, 0, 0, 0, n]) for n in (1, 2, 3))
GROUP = b"\xff" * 6


def frame(src: bytes, dst: bytes, time_s: float = 0) -> PacketBuffer:
    packet = PacketBuffer(dst + src + b"\x08\x00")
    timestamp(packet, int(time_s * SECOND))
    return packet


class Bridge(Running):
    def ports(self, src: bytes, dst: bytes, port: int, time_s: float = 0) -> list[int]:
        """The ports by which a frame leaves; it stays as it is."""
        sent = frame(src, dst, time_s)
        left = self.push(sent, port)
        assert all(data == sent.data for _, data in left)
        return [out for out, _ in left]


def test_it_learns_where_hosts_are():
    bridge = Bridge("EtherSwitch", 3, 3)
    assert bridge.ports(A, B, 0) == [1, 2], "B was not seen yet"
    assert bridge.ports(B, A, 1) == [0]
    assert bridge.ports(A, B, 0) == [1]
    assert bridge.ports(C, GROUP, 2) == [0, 1]
    assert bridge.ports(A, B, 2) == [1], "A moved"
    assert bridge.ports(B, A, 1) == [2]
    assert bridge.read("table") == "02-00-00-00-00-03 2\n02-00-00-00-00-01 2\n02-00-00-00-00-02 1\n"


def test_frames_for_the_same_port_stay_there():
    bridge = Bridge("EtherSwitch", 2, 2)
    bridge.ports(A, GROUP, 0)
    assert bridge.ports(B, A, 0) == []
    assert bridge.ports(A, A, 1) == [], "it is where it is now"
    assert bridge.drops() == {"its destination is behind the port it came by": 2}
    assert bridge.ports(B, A, 0) == [1]


def test_hosts_are_forgotten_by_the_time_of_the_frames():
    bridge = Bridge("EtherSwitch(TIMEOUT 10)", 3, 3)
    bridge.ports(A, GROUP, 0, 100)
    assert bridge.ports(B, A, 1, 109.9) == [0]
    assert bridge.ports(B, A, 1, 110) == [0, 2]
    assert bridge.read("table") == "02-00-00-00-00-02 1\n", "looked for in vain, it is gone"
    assert bridge.ports(A, B, 0, 3) == [1], "time may go back"


def test_a_hub_learns_nothing():
    bridge = Bridge("EtherSwitch(TIMEOUT 0)", 2, 2)
    assert bridge.ports(A, B, 0) == [1]
    assert bridge.ports(B, B, 0) == [1]
    assert bridge.read("table") == ""


def test_runts_are_dropped():
    assert send(EtherSwitch(), PacketBuffer(bytes(13)), outputs=2).to == "no Ethernet header"


def test_timeout_can_be_read_and_written():
    bridge = Bridge("EtherSwitch", 2, 2)
    assert bridge.read("timeout") == "300"
    bridge.write("timeout", "0")
    bridge.ports(A, B, 0)
    assert bridge.ports(B, A, 0) == [1]


def test_timeouts_beyond_32_bits_are_refused():
    with pytest.raises(ConfigurationError, match="fewer than 2"):
        Running(f"EtherSwitch(TIMEOUT {1 << 32})", 2, 2)
    assert build_one(EtherSwitch, f"TIMEOUT {(1 << 32) - 1}").trace(0, 2, "e", 2)


def test_someone_listens():
    bridge = Bridge("ListenEtherSwitch", 2, 3)
    assert bridge.ports(A, B, 0) == [1, 2]
    assert bridge.ports(B, A, 1) == [0, 2]
    assert bridge.ports(B, A, 0) == [2], "both are behind one port now"
    assert bridge.ports(A, GROUP, 1) == [0, 2]
