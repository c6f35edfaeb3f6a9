"""The example network, running: in network namespaces with real packets, or in this process with simulated ones. Same
agents, same middleboxes, same network file."""

import errno
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from random import Random
from types import TracebackType
from typing import NamedTuple, Protocol, TypeAlias

from innet.dataplane.base import Nic
from innet.dataplane.plane import KernelAgent
from innet.diagnostics import PlatformError
from innet.emulation import Emulation, inside, udp_socket
from innet.network import Platform, Snapshot, format_address, parse_address
from innet.platform import Agent, Arrival, Driver, PlatformAgent, RunningMiddlebox, Simulation, real_clock
from innet.platform.ipv4 import udp, udp_parts
from innet.xdp.compile import Compiler

NS = 1_000_000_000
UdpEnd: TypeAlias = tuple[str, int]
"""Address and port."""


class Delivery(NamedTuple):
    """A UDP datagram that a host received; `time_s` counts from the lab's start."""

    time_s: float
    source: UdpEnd
    destination: UdpEnd
    payload: bytes


class Lab(Protocol):
    """A running network. Leave it by `with`, so that nothing stays behind."""

    deliveries: list[Delivery]

    @property
    def agents(self) -> Mapping[str, PlatformAgent]:
        """The agents of the platforms, by name."""
        ...

    def now_s(self) -> float:
        """Seconds since the network was up."""
        ...

    def wait(self, until_s: float) -> None:
        """Let the network run until then."""
        ...

    def listen(self, node: str, end: UdpEnd) -> None:
        """Note in `deliveries` what arrives for `end` at a host."""
        ...

    def send(self, node: str, source: UdpEnd, destination: UdpEnd, payload: bytes) -> None:
        """Send a UDP datagram from a host."""
        ...

    def __enter__(self) -> "Lab": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class SimulatedLab:
    """The network in this process, in virtual time."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.deliveries: list[Delivery] = []
        self.agents: dict[str, Agent] = {}
        self._network = Simulation(snapshot)
        self._listening: set[tuple[str, UdpEnd]] = set()
        self._network.on_arrival = self._arrived
        clock, random = self._network.clock, Random(0)
        for box in snapshot.middleboxes:
            running = RunningMiddlebox(box, self._network.ports(box.name), clock, random)
            self._network.attach(box.name, running)
        for node in snapshot.platforms:
            port = next(iter(self._network.ports(node.name).values()))
            self.agents[node.name] = Agent(node, port, clock, random)
            self._network.attach(node.name, self.agents[node.name])

    def now_s(self) -> float:
        return self._network.clock() / NS

    def wait(self, until_s: float) -> None:
        self._network.run(round(until_s * NS))

    def listen(self, node: str, end: UdpEnd) -> None:
        self._listening.add((node, end))

    def send(self, node: str, source: UdpEnd, destination: UdpEnd, payload: bytes) -> None:
        ends = [(parse_address(address), port) for address, port in (source, destination)]
        self._network.send(node, udp(ends[0], ends[1], payload))

    def _arrived(self, node: str, arrival: Arrival) -> None:
        parts = udp_parts(arrival.packet)
        if parts is None:
            return
        source, destination = ((format_address(address), port) for address, port in parts[:2])
        if (node, destination) in self._listening:
            self.deliveries.append(Delivery(arrival.time_ns / NS, source, destination, parts[2]))

    def __enter__(self) -> "SimulatedLab":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class NamespaceLab:
    """The network in the kernel: a namespace for each node, veth between them, real time. Needs root.

    Platforms run their modules as XDP programs; where the machine cannot, `interpreted` says why, and the interpreter
    runs them.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.deliveries: list[Delivery] = []
        self.agents: dict[str, PlatformAgent] = {}
        self.interpreted = ""
        self._kernel: list[KernelAgent] = []
        self._compiler = Compiler()
        self._state = Path()
        self._snapshot = snapshot
        self._network = Emulation(snapshot)
        self._clock = real_clock()
        self._driver = Driver(self._clock)
        self._start_ns = 0
        self._sockets: dict[tuple[str, UdpEnd], socket.socket] = {}

    @property
    def run(self) -> str:
        """The name of this run in its namespaces' names: `innet-RUN-NODE`."""
        return self._network.run

    def __enter__(self) -> "NamespaceLab":
        self._network.up()
        try:
            self._set_up()
        except BaseException:
            self._take_down()
            raise
        return self

    def _set_up(self) -> None:
        random = Random(0)
        self._state = Path(tempfile.mkdtemp(prefix="innet-"))
        for box in self._snapshot.middleboxes:
            ports = self._network.ports(box.name)
            self._driver.add(RunningMiddlebox(box, ports, self._clock, random), ports)
        for node in self._snapshot.platforms:
            try:
                self._run_in_kernel(node)
            except PlatformError as problem:
                self.interpreted = problem.diagnostics[0].message
                ports = self._network.ports(node.name)
                agent = Agent(node, next(iter(ports.values())), self._clock, random)
                self._driver.add(agent, ports)
                self.agents[node.name] = agent
        self._start_ns = self._clock()

    def _run_in_kernel(self, node: Platform) -> None:
        interface = next(n for n in node.interfaces if self._snapshot.neighbour(node.name, n) is not None)
        device = self._network.program_port(node.name, interface)
        with inside(device.namespace):
            nic = Nic(device.name, socket.if_nametoindex(device.name), device.mac, device.peer_mac or 0)
            agent = KernelAgent(
                node, nic, self._state / node.name, self._clock, Random(0),
                pins=self._network.pins(), compiler=self._compiler,
            )  # fmt: skip
        self._kernel.append(agent)
        self.agents[node.name] = agent
        self._driver.run(agent)
        for descriptor, ready in agent.descriptors().items():
            self._driver.watch(descriptor, ready)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._take_down()

    def _take_down(self) -> None:
        try:
            for one in self._sockets.values():
                one.close()
            for agent in self._kernel:
                agent.down()
            self._compiler.close()
            if self._state != Path():
                shutil.rmtree(self._state, ignore_errors=True)
        finally:
            self._network.down()

    def now_s(self) -> float:
        return (self._clock() - self._start_ns) / NS

    def wait(self, until_s: float) -> None:
        self._driver.run_until(self._start_ns + round(until_s * NS))

    def listen(self, node: str, end: UdpEnd) -> None:
        bound = self._socket(node, end)
        self._driver.watch(bound.fileno(), lambda: self._receive(bound, end))

    def send(self, node: str, source: UdpEnd, destination: UdpEnd, payload: bytes) -> None:
        self._socket(node, source).sendto(payload, destination)

    def _socket(self, node: str, end: UdpEnd) -> socket.socket:
        found = self._sockets.get((node, end))
        if found is None:
            found = self._sockets[node, end] = udp_socket(self._network.namespace(node), *end)
            found.setblocking(False)
        return found

    def _receive(self, bound: socket.socket, end: UdpEnd) -> None:
        while True:
            try:
                payload, source = bound.recvfrom(1 << 16)
            except OSError as problem:
                if problem.errno == errno.EAGAIN:
                    return
                raise
            self.deliveries.append(Delivery(self.now_s(), (source[0], source[1]), end, payload))
