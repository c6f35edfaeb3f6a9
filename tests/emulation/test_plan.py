"""What is planned for a snapshot: pure data, no root."""

from pathlib import Path

import pytest

from innet.diagnostics import PlatformError, Source
from innet.emulation import complete_checksum, internet_sum, plan
from innet.network import End, load

EXAMPLE = Path(__file__).parents[2] / "examples" / "figure3"


@pytest.fixture(scope="module")
def figure3():
    path = EXAMPLE / "network.yaml"
    return load(Source(path.name, path.read_text()), lambda name: (EXAMPLE / name).read_text())


def test_stations_that_a_core_divides_share_an_ethernet_address(figure3):
    devices = plan(figure3, "t").devices
    shared = {devices[End(node, "core")].mac for node in ("border", "top", "bottom")}
    assert len(shared) == 1
    assert len({device.mac for device in devices.values()}) == len(devices) - 2


def test_a_platform_knows_where_its_frames_go(figure3):
    devices = plan(figure3, "t").devices
    assert devices[End("platform2", "nic")].peer_mac == devices[End("bottom", "platform2")].mac


def test_the_access_routers_commands(figure3):
    node = plan(figure3, "t").nodes["access"]
    assert node.namespace == "innet-t-access"
    assert node.settings[0] == ("ipv4/ip_forward", "1")
    assert "addr add 10.0.3.1/32 dev platform3" in node.commands
    assert "route add 198.51.100.0/24 via 169.254.0.2 dev platform3 onlink" in node.commands
    assert "route add 172.16.0.0/16 via 169.254.0.2 dev homes onlink" in node.commands
    assert "route add blackhole 10.0.5.0/30" in node.commands
    assert not any("blackhole 0.0.0.0/0" in command for command in node.commands)


def test_clients_answer_for_their_subnet_but_not_for_their_router(figure3):
    commands = plan(figure3, "t").nodes["homes"].commands
    assert "route add local 172.16.0.0/16 dev lo table local" in commands
    assert "route add 172.16.255.254/32 via 169.254.0.1 dev lan onlink table local" in commands


def test_a_middlebox_has_no_addresses(figure3):
    commands = plan(figure3, "t").nodes["firewall"].commands
    assert all(command.startswith("link set") for command in commands)


def test_a_switch_beside_a_core_cannot_be_emulated():
    text = """\
nodes:
  r1: {kind: router, interfaces: {a: 10.0.0.1/24}}
  r2: {kind: router, interfaces: {a: 10.0.0.2/24}}
  r3: {kind: router, interfaces: {a: 10.0.0.3/24}}
  sw: {kind: switch, interfaces: {a: {}, b: {}}}
  box: {kind: middlebox, click: x, interfaces: {a: {}, b: {}, c: {}}}
links: [[r1, sw:a], [sw:b, box:a], [box:b, r2], [box:c, r3]]
"""
    with pytest.raises(PlatformError, match="switch 'sw' shares a segment"):
        plan(load(Source("n", text), str), "t")


def test_completing_a_checksum_makes_the_sum_right():
    # UDP 192.0.2.1:1 > 192.0.2.2:2, 3 bytes, checksum field holds rubbish; 5 bytes of Ethernet padding
    ip = bytes.fromhex("4500001f00000000401100 00c0000201c0000202".replace(" ", ""))
    udp = bytes.fromhex("00010002000bdead") + b"abc"
    frame = bytes(12) + b"\x08\x00" + ip + udp + bytes(5)
    done = complete_checksum(frame, 14)
    assert done[:40] == frame[:40]
    assert done[42:] == frame[42:]
    pseudo = ip[12:20] + bytes([0, 17, 0, 11])
    assert internet_sum(pseudo + done[34:45]) == 0xFFFF


@pytest.mark.parametrize("frame", [bytes(14) + b"\x45" + bytes(19), bytes(14) + b"\x60" + bytes(40)])
def test_what_has_no_transport_checksum_is_left_alone(frame):
    assert complete_checksum(frame, 14) == frame
