"""TCP through a module of a platform whose interface keeps its offloads: the whole way on tcx."""

import hashlib
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from innet.dataplane.options import Options
from innet.emulation import namespaces
from innet.network import parse_address
from tests.dataplane.lab import address, deployment, frame, lab, report, run
from tests.dataplane.test_real_traffic import PATIENCE_S
from tests.xdp.differential import TCX, XDP, ipv4, udp

pytestmark = pytest.mark.kernel

SERVER, PORT = "172.16.15.133", 80
BYTES = 8_000_000
WIRE_BYTES = 1500
LONGEST_TRAIN = 30_000
"""As no packet of a proof is longer than 32,767 bytes behind its IPv4 header."""
FORWARD = f"""
rw :: IPRewriter(pattern {address(0)} 5000-5003# {SERVER} {PORT} 0 1, drop);
FromNetfront() -> sides :: IPClassifier(src host {SERVER}, udp or tcp);
sides[1] -> [0] rw;  sides[0] -> [1] rw;
rw[0] -> out :: ToNetfront();  rw[1] -> out;
"""


def serve(listener: socket.socket, found: list[str]) -> None:
    """Take all that comes until the sender is done, and send as much back."""
    one, _ = listener.accept()
    with one:
        one.settimeout(PATIENCE_S)
        got = b"".join(iter(lambda: one.recv(1 << 20), b""))
        found.append(hashlib.sha256(got).hexdigest())
        one.sendall(got[::-1])


def test_a_tagged_packet_is_the_hosts(tmp_path: Path) -> None:
    """Its tag lies beside the frame, which looks like one for the module."""
    packet = frame(ipv4(udp(), 17, 0x0A000001, parse_address(address(0))))
    with lab(tmp_path, "tag") as made:
        agent = made.agent(Options(target=TCX))
        agent.apply(deployment(FORWARD))
        made.send(packet[:12] + b"\x81\x00\x00\x05" + packet[12:])
        made.collect(agent, 0)
        assert agent.observe().modules[0].received.packets == 0
        made.send(packet)
        made.collect(agent, 1)
        assert agent.observe().modules[0].received.packets == 1


def test_an_agent_for_another_place_makes_everything_anew(tmp_path: Path) -> None:
    packet = frame(ipv4(udp(), 17, 0x0A000001, parse_address(address(0))))
    with lab(tmp_path, "place") as made:
        for target in (TCX, XDP, TCX):
            agent = made.agent(Options(target=target))
            agent.apply(deployment(FORWARD))
            assert len(made.exchange(agent, [packet], 1)) == 1
            assert report(agent).driver == target.name
            agent.close()
        made.agent(Options(target=TCX))


def test_TCP_with_all_offloads_through_a_module(tmp_path: Path) -> None:
    content = os.urandom(BYTES)
    found: list[str] = []
    with lab(tmp_path, "tcp") as made:
        namespaces.batch(
            [
                "address add 10.0.0.1/24 dev host0",
                f"address add {SERVER}/32 dev lo",
                f"link set host0 gso_max_size {LONGEST_TRAIN}",
                "neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev host0 nud permanent",
                "route add 192.0.2.0/24 via 10.0.0.2 dev host0",
            ],
            made.host,
        )
        with namespaces.inside(made.host):
            namespaces.write_settings([("ipv4/conf/all/rp_filter", "0"), ("ipv4/conf/host0/rp_filter", "0")])
        subprocess.run(
            [
                "ip",
                "netns",
                "exec",
                made.host,
                "ethtool",
                "-K",
                "host0",
                "tx",
                "on",
                "tso",
                "on",
                "gso",
                "on",
            ],
            check=True,
            capture_output=True,
        )
        agent = made.agent(Options(target=TCX))
        agent.apply(deployment(FORWARD))
        with namespaces.inside(made.host):
            listener = socket.create_server((SERVER, PORT))
            client = socket.socket()
        with listener, client:
            server = threading.Thread(target=serve, args=(listener, found))
            server.start()
            client.settimeout(PATIENCE_S)
            client.setblocking(False)
            client.connect_ex((address(0), PORT))
            while not agent.observe().modules[0].received.packets:
                run(agent)
            client.settimeout(PATIENCE_S)
            client.sendall(content)
            client.shutdown(socket.SHUT_WR)
            back = b"".join(iter(lambda: client.recv(1 << 20), b""))
            server.join()
        one = report(agent)
    assert (found, back[::-1] == content) == ([hashlib.sha256(content).hexdigest()], True)
    assert (one.driver, one.drops) == ("tcx", ())
    assert one.sent.bytes > one.sent.packets * WIRE_BYTES
