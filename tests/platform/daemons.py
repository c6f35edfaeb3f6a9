"""Daemons for tests: in a thread of this process, on a pair of sockets in place of an interface."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

from innet.messages import Role
from innet.network import Capacity, Interface, Platform, parse_address, parse_prefix
from innet.platform import Agent, Deployment, real_clock
from innet.platform.control import ControlSocket
from innet.platform.daemon import Daemon
from innet.platform.desired import DesiredState, Site
from innet.platform.interpreted import InterpretedPlane
from innet.platform.ipv4 import ETHERTYPE_IPV4, udp
from innet.platform.remote import RemoteAgent

MAC, PEER = 0x02_00_00_00_00_01, 0x02_00_00_00_00_02
OUTSIDE = "203.0.113.9"
NODE = Platform(
    name="one",
    interfaces={"nic": Interface("nic", parse_address("198.51.100.254"), 24)},
    pools=(parse_prefix("198.51.100.0/24"),),
    capacity=Capacity(modules=100),
)
ECHO = "FromNetfront() -> IPMirror -> ToNetfront()"
PICKY = "FromNetfront() -> f :: IPFilter(allow udp dst port 1500) -> IPMirror -> ToNetfront()"


def deployment(number: int = 1, text: str = ECHO, name: str = "") -> Deployment:
    """Module M of deployment `mNUMBER`, at the pool's address of that number."""
    return Deployment(name or f"m{number}", "M", "mobile", Role.CLIENT, "one", f"198.51.100.{number}", text)


def frame(number: int = 1, port: int = 1500) -> bytes:
    """A UDP packet from outside to a module."""
    packet = udp((parse_address(OUTSIDE), 4000), (parse_address(f"198.51.100.{number}"), port), b"hello")
    return MAC.to_bytes(6, "big") + PEER.to_bytes(6, "big") + ETHERTYPE_IPV4 + packet


class SocketPort:
    """`PollablePort` on one end of a pair of datagram sockets."""

    mac, peer_mac = MAC, PEER

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        end.setblocking(False)

    def fileno(self) -> int:
        return self.socket.fileno()

    def read(self) -> bytes | None:
        try:
            return self.socket.recv(1 << 16)
        except BlockingIOError:
            return None

    def write(self, data: bytes) -> bool:
        return self.socket.send(data) == len(data)


class Running:
    """A daemon in a thread, and the other end of its wire."""

    def __init__(
        self, folder: Path, node: Platform = NODE, facts: Mapping[str, object] | None = None
    ) -> None:
        self.path = folder / "run" / f"{node.name}.sock"
        self.wire, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.wire.settimeout(20)
        self.said: list[str] = []
        port = SocketPort(inner)
        self.desired = DesiredState(folder / "state", node.name)
        if not self.desired.exists:
            self.desired.settle(Site(node.name))
        clock = real_clock()
        self.agent = Agent(node, port, clock, Random(0))
        plane = InterpretedPlane(self.agent, {"nic": port}, inner.close)
        control = ControlSocket(self.path, lambda request: self.daemon.answer(request))
        self.daemon = Daemon(node.name, plane, self.desired, clock, self.said.append, facts)
        self.thread = threading.Thread(target=self.daemon.run, args=(control,))
        self.thread.start()

    def stop(self) -> None:
        self.daemon.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()
        self.wire.close()


@contextlib.contextmanager
def running(folder: Path, node: Platform = NODE) -> Iterator[tuple[Running, RemoteAgent]]:
    """A daemon and an agent that speaks to it."""
    daemon = Running(folder, node)
    agent = RemoteAgent(daemon.path, timeout_s=20)
    try:
        yield daemon, agent
    finally:
        agent.close()
        daemon.stop()


def ids(agent: RemoteAgent) -> list[str]:
    """What runs there."""
    return [report.id for report in agent.observe().modules]


def small(modules: int) -> Platform:
    """The platform with fewer places."""
    return replace(NODE, capacity=Capacity(modules=modules))
