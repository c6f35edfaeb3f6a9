"""Networks in the kernel: packets go where the tables say, and nothing is left behind. These tests need root."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from select import select

import pytest

from innet.diagnostics import PlatformError, Source
from innet.emulation import (
    Emulation,
    FramePort,
    Journal,
    inside,
    inventory,
    namespaces,
    ping,
    plan,
    recover,
    tcp_socket,
    udp_socket,
)
from innet.network import Snapshot, load

pytestmark = pytest.mark.kernel

EXAMPLE = Path(__file__).parents[2] / "examples" / "figure3"

SMALL = """\
nodes:
  r1: {kind: router, interfaces: {left: 10.0.1.1/24, r2: 10.0.0.1/30, dark: 10.0.9.1/30},
       routes: {10.0.2.0/24: r2, 192.0.2.0/24: drop}}
  r2: {kind: router, interfaces: {r1: 10.0.0.2/30, lan: 10.0.2.1/24}, routes: {10.0.1.0/24: r1}}
  a: {kind: host, address: 10.0.1.2/24}
  sw: {kind: switch, interfaces: {r2: {}, b: {}, c: {}}}
  b: {kind: host, address: 10.0.2.2/24}
  c: {kind: clients, interfaces: {lan: 10.0.2.130/24}}
links: [[a, r1:left], [r1:r2, r2:r1], [r2:lan, sw:r2], [sw:b, b], [sw:c, c]]
"""


@pytest.fixture(autouse=True)
def root() -> None:
    if os.geteuid() != 0:
        pytest.fail("these tests make network namespaces and need root: run them as root, as CI does")


@pytest.fixture
def small() -> Snapshot:
    return load(Source("small.yaml", SMALL), str)


@pytest.fixture
def figure3() -> Snapshot:
    path = EXAMPLE / "network.yaml"
    return load(Source(path.name, path.read_text()), lambda name: (EXAMPLE / name).read_text())


def ours(network: Emulation) -> list[str]:
    """What is left of an emulation: its namespaces and its journal."""
    prefix = f"innet-{network.run}-"
    journal = Path(f"/run/innet/{network.run}.journal")
    return [*inventory(prefix).namespaces, *([str(journal)] if journal.exists() else [])]


def test_routers_and_a_switch_carry_packets(small):
    with Emulation(small) as network:
        a, b, c = (network.namespace(node) for node in "abc")
        assert ping(a, "10.0.1.2", "10.0.1.1") is not None
        assert ping(a, "10.0.1.2", "10.0.2.2") is not None
        assert ping(b, "10.0.2.2", "10.0.2.130") is not None  # by the switch
        assert ping(a, "10.0.1.2", "10.0.2.77") is not None  # one of the clients
        assert ping(c, "10.0.2.99", "10.0.2.1") is not None  # the clients' router is not one of them
        assert ping(a, "10.0.1.2", "192.0.2.1", 0.2) is None  # dropped
        assert ping(a, "10.0.1.2", "8.8.8.8", 0.2) is None  # no route
    assert ours(network) == []


BEHIND = """\
nodes:
  r1: {kind: router, split_horizon: false, interfaces: {left: 10.0.1.1/24, r2: 10.0.0.1/30},
       routes: {0.0.0.0/0: left via 10.0.1.3, 10.0.2.0/24: r2}}
  r2: {kind: router, interfaces: {r1: 10.0.0.2/30, lan: 10.0.2.1/24}, routes: {0.0.0.0/0: r1}}
  sw: {kind: switch, interfaces: {r1: {}, a: {}, d: {}}}
  a: {kind: host, address: 10.0.1.2/24}
  d: {kind: host, address: 10.0.1.3/24}
  b: {kind: host, address: 10.0.2.2/24}
links: [[r1:left, sw:r1], [sw:a, a], [sw:d, d], [r1:r2, r2:r1], [r2:lan, b]]
"""


@pytest.mark.parametrize("split", ["false", "true"])
def test_with_a_split_horizon_nothing_is_sent_back(split):
    with Emulation(load(Source("behind.yaml", BEHIND.replace("false", split)), str)) as network:
        a, b, d = (network.namespace(node) for node in "abd")
        network.add_address("d", "nic", "192.0.2.1")
        with udp_socket(d, "192.0.2.1", 1500) as receiver:
            receiver.settimeout(0.3)
            with udp_socket(b, "10.0.2.2") as sender:
                sender.sendto(b"through", ("192.0.2.1", 1500))
            assert receiver.recv(100) == b"through"
            with udp_socket(a, "10.0.1.2") as sender:
                sender.sendto(b"back", ("192.0.2.1", 1500))
            if split == "true":
                with pytest.raises(TimeoutError):
                    receiver.recv(100)
            else:
                assert receiver.recv(100) == b"back"
        assert ping(a, "10.0.1.2", "10.0.2.2") is not None  # a longer prefix counts before the default route
        assert ping(a, "10.0.1.2", "10.0.0.1") is not None  # the router itself


def test_udp_arrives_whole_with_a_good_checksum(small):
    with Emulation(small) as network:
        receiver = udp_socket(network.namespace("c"), "10.0.2.77", 1500)
        sender = udp_socket(network.namespace("a"), "10.0.1.2", 4000)
        with receiver, sender:
            receiver.settimeout(2)
            sender.sendto(b"x" * 1024, ("10.0.2.77", 1500))
            assert receiver.recvfrom(2048) == (b"x" * 1024, ("10.0.1.2", 4000))


def test_tcp_works_through_routers(small):
    with Emulation(small) as network:
        server = tcp_socket(network.namespace("b"), "10.0.2.2", 80)
        client = tcp_socket(network.namespace("a"), "10.0.1.2")
        with server, client:
            server.listen()
            server.settimeout(2)
            client.settimeout(2)
            client.connect(("10.0.2.2", 80))
            with server.accept()[0] as connection:
                connection.settimeout(2)
                client.sendall(b"y" * 30000)
                got = b""
                while len(got) < 30000:
                    got += connection.recv(65536)
            assert got == b"y" * 30000


def source_port_80(frame: bytes) -> bool:
    at = 14 + (frame[14] & 15) * 4
    return frame[23] == 6 and frame[at : at + 2] == b"\0\x50"


def stand_in(network: Emulation, seen: list[tuple[str, bytes]], stop: threading.Event) -> None:
    """Moves frames through firewall (open here), core and optimizer: not their configurations, which are run
    elsewhere, but enough to see that the kernel's part of the network is right."""
    ports: dict[FramePort, tuple[str, str]] = {}
    by_name: dict[tuple[str, str], FramePort] = {}
    for node in ("firewall", "core", "HTTPOptimizer"):
        for name, port in network.ports(node).items():
            ports[port] = (node, name)
            by_name[node, name] = port
    through = {
        ("firewall", "outside"): "inside", ("firewall", "inside"): "outside",
        ("core", "top"): "up", ("core", "bottom"): "up",
        ("HTTPOptimizer", "core"): "access", ("HTTPOptimizer", "access"): "core",
    }  # fmt: skip
    while not stop.is_set():
        for port in select(list(ports), [], [], 0.05)[0]:
            while (frame := port.read()) is not None:
                node, name = ports[port]
                down = "bottom" if source_port_80(frame) else "top"
                seen.append((node, name))
                by_name[node, through.get((node, name), down)].write(frame)


def test_figure_3_is_built_fast_carries_packets_both_ways_and_goes(figure3):
    before = inventory("innet-f3test-")
    began = time.monotonic()
    network = Emulation(figure3, "f3test")
    network.up()
    try:
        assert time.monotonic() - began < 3
        space = network.namespace
        seen: list[tuple[str, str]] = []
        stop = threading.Event()
        runner = threading.Thread(target=stand_in, args=(network, seen, stop))
        runner.start()
        try:
            time.sleep(0.1)
            # down the top way and, from port 80, the bottom way; up the top way: top and bottom share an address
            assert ping(space("homes"), "172.16.15.133", "203.0.113.2") is not None
            assert ("core", "top") in seen
            assert ("core", "bottom") not in seen
            network.add_address("internet", "net", "8.8.8.8")
            assert ping(space("homes"), "172.16.0.77", "8.8.8.8") is not None
            server = tcp_socket(space("internet"), "203.0.113.2", 80)
            client = tcp_socket(space("homes"), "172.16.15.133")
            with server, client:
                server.listen()
                client.settimeout(2)
                client.connect(("203.0.113.2", 80))
            assert ("HTTPOptimizer", "core") in seen
            time.sleep(0.1)  # the connection is closed by now
            seen.clear()
            assert ping(space("homes"), "172.16.15.133", "10.0.4.1") is not None
            assert seen == []
            # platform 2's frames to clients pass the optimizer
            with network.port("platform2", "nic") as nic:
                sender = udp_socket(space("homes"), "172.16.15.133")
                with sender:
                    sender.sendto(b"hello", ("10.2.0.1", 7))
                    assert select([nic], [], [], 2)[0]
                    frame = nic.read()
                    assert frame is not None
                    assert frame[:6] == nic.mac.to_bytes(6, "big")
                    assert frame[6:12] == nic.peer_mac.to_bytes(6, "big")
                    back = frame[6:12] + frame[:6] + frame[12:26] + frame[30:34] + frame[26:30]
                    back += frame[36:38] + frame[34:36] + frame[38:]
                    assert nic.write(back)
                    sender.settimeout(2)
                    assert sender.recvfrom(100) == (b"hello", ("10.2.0.1", 7))
            passed = [place for place in seen if place[0] == "HTTPOptimizer"]
            assert passed == [("HTTPOptimizer", "access"), ("HTTPOptimizer", "core")]
            assert ping(space("internet"), "203.0.113.2", "10.1.0.1", 0.2) is None
        finally:
            stop.set()
            runner.join()
        assert inventory("innet-f3test-").more_than(before)["namespaces"]
    finally:
        began = time.monotonic()
        network.down()
    assert time.monotonic() - began < 2
    network.down()  # again: nothing happens
    after = inventory("innet-f3test-")
    assert (after.namespaces, after.pins) == (before.namespaces, before.pins)
    assert ours(network) == []


def test_offloads_are_off_and_reverse_path_filters_too(small):
    with Emulation(small) as network, inside(network.namespace("r1")):
        for scope in ("all", "default", "left", "r2"):
            assert Path(f"/proc/sys/net/ipv4/conf/{scope}/rp_filter").read_text().strip() == "0"
        assert Path("/proc/sys/net/ipv4/ip_forward").read_text().strip() == "1"


@pytest.mark.parametrize("step", ["write_settings", "offloads_off", "batch"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, PlatformError])
def test_a_build_that_breaks_off_leaves_nothing(small, monkeypatch, step, error):
    real, calls = getattr(namespaces, step), []

    def breaking(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise error(()) if error is PlatformError else error
        return real(*arguments)

    monkeypatch.setattr(namespaces, step, breaking)
    network = Emulation(small)
    with pytest.raises(error):
        network.up()
    assert len(calls) == 3
    assert ours(network) == []


def test_a_command_that_fails_is_told_with_what_the_tool_said(small):
    with (
        Emulation(small) as network,
        pytest.raises(PlatformError, match=r"'ip addr add 1.2.3.4/32 dev nope' failed"),
    ):
        namespaces.batch(["link set lo up", "addr add 1.2.3.4/32 dev nope"], network.namespace("a"))


def test_two_emulations_of_one_run_are_refused(small):
    with Emulation(small, "twice") as network:
        with pytest.raises(PlatformError, match="journal"):
            Emulation(small, "twice").up()
        assert ping(network.namespace("a"), "10.0.1.2", "10.0.1.1") is not None
    assert ours(network) == []


CHILD = """
import sys, time
from innet.diagnostics import Source
from innet.emulation import Emulation
from innet.network import load
network = Emulation(load(Source("small.yaml", sys.stdin.read()), str), sys.argv[1])
print("ready", flush=True)
with network:
    print("up", flush=True)
    time.sleep(60)
"""


def started(run: str) -> subprocess.Popen[str]:
    """A process that builds the small network; it has said that it is about to."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, run],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(SMALL)
    child.stdin.close()
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize(("kill", "left"), [(signal.SIGINT, False), (signal.SIGKILL, True)])
def test_ctrl_c_cleans_up_and_recover_does_it_after_a_kill(small, kill, left):
    run = f"kill{int(kill)}"
    with started(run) as child:
        assert child.stdout.readline() == "up\n"
        child.send_signal(kill)
        child.wait(10)
    network = Emulation(small, run)
    assert bool(ours(network)) is left
    if left:
        assert run in recover()
        assert ours(network) == []


@pytest.mark.parametrize("delay_ms", range(0, 60, 5))
def test_ctrl_c_at_any_moment_of_the_build_leaves_nothing(small, delay_ms):
    run = f"moment{delay_ms}"
    with started(run) as child:
        time.sleep(delay_ms / 1000)
        child.send_signal(signal.SIGINT)
        time.sleep(0.01)
        child.send_signal(signal.SIGINT)  # and once more: people do
        child.wait(10)
    assert ours(Emulation(small, run)) == []


def test_recover_leaves_living_runs_alone(small):
    with Emulation(small) as network:
        assert network.run not in recover()
        assert ping(network.namespace("a"), "10.0.1.2", "10.0.1.1") is not None


def test_a_journal_removes_files_too(tmp_path):
    folder, file = tmp_path / "folder", tmp_path / "folder" / "file"
    journal = Journal("j", tmp_path / "state")
    journal.open()
    journal.add("file", str(folder))
    folder.mkdir()
    journal.add("file", str(file))
    file.touch()
    journal.undo()
    journal.undo()
    assert list(tmp_path.iterdir()) == []


def test_entering_a_namespace_that_is_not_there_is_told():
    here = os.readlink("/proc/thread-self/ns/net")
    with pytest.raises(PlatformError, match="no network namespace 'innet-none'"), inside("innet-none"):
        pass
    assert os.readlink("/proc/thread-self/ns/net") == here


def test_every_planned_namespace_belongs_to_the_run(small):
    assert all(node.namespace.startswith("innet-q-") for node in plan(small, "q").nodes.values())
