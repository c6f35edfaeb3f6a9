"""A platform in a namespace of its own, and a host beside it: the next router, who sends and receives."""

import atexit
import contextlib
import ctypes
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from innet.dataplane.base import Nic
from innet.dataplane.options import Options
from innet.dataplane.plane import KernelAgent
from innet.diagnostics import Source
from innet.emulation import namespaces
from innet.emulation.sockets import open_raw_socket
from innet.messages import Role
from innet.network import Platform, format_address, parse_address
from innet.network.load import load
from innet.platform import Deployment, real_clock
from innet.platform.ipv4 import ends
from innet.platform.protocol import ModuleReport
from innet.xdp.compile import Code, Compiler
from innet.xdp.syscall import BPFFS
from tests.elements.packets import TCP, UDP, ipv4, tcp, udp

HOST_MAC, NIC_MAC = 0x02_00_00_00_00_01, 0x02_00_00_00_00_02
SIOCETHTOOL, ETHTOOL_SGRO = 0x8946, 0x2C
POOL = "192.0.2.0/24"
FIRST = 10
"""The last byte of the first module's address."""
PATIENCE_S = 10.0
"""How long a test waits for what must come."""
Make = Callable[..., KernelAgent]
"""`Lab.agent`."""


class Remembering(Compiler):
    """A compiler that has to compile a text once only: the agents of many tests have programs in common."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[tuple[str, str], Code] = {}

    def compile(self, llvm: str, section: str) -> Code:
        found = self.known.get((llvm, section))
        if found is None:
            found = self.known[llvm, section] = super().compile(llvm, section)
        return found


COMPILER = Remembering()
atexit.register(COMPILER.close)


def platform(modules: int = 64) -> Platform:
    """A platform with a pool of 256 addresses."""
    text = f"""
nodes:
  internet: {{kind: internet}}
  border: {{kind: router, interfaces: {{out: 203.0.113.1/30, in: 10.0.0.1/30}}, routes: {{0.0.0.0/0: out}}}}
  box: {{kind: platform, interfaces: {{nic: 10.0.0.2/30}}, pool: {POOL}, capacity: {{modules: {modules}}}}}
links: [[internet, border:out], [border:in, box:nic]]
operator: {{prefixes: [{POOL}]}}
"""
    return load(Source("network.yaml", text), lambda name: "").platforms[0]


@dataclass
class Lab:
    """Two namespaces joined by a veth pair: `host0` in `host`, `nic0` in `box`."""

    host: str
    box: str
    state: Path
    node: Platform
    frames: socket.socket
    pins: Path
    agents: list[KernelAgent] = field(default_factory=list)

    def agent(
        self, options: Options | None = None, checkpoint: Callable[[str], None] = lambda step: None
    ) -> KernelAgent:
        """An agent on `nic0`; the one before it must be closed."""
        with namespaces.inside(self.box):
            nic = Nic("nic0", socket.if_nametoindex("nic0"), NIC_MAC, HOST_MAC)
            one = KernelAgent(
                self.node, nic, self.state, real_clock(), Random(1), options, checkpoint, self.pins, COMPILER
            )
        self.agents.append(one)
        return one

    def send(self, *frames: bytes) -> None:
        """Frames leave `host0` as they are; what they cause in the kernel happens before this returns, or soon."""
        for frame in frames:
            self.frames.send(frame)

    def exchange(self, agent: KernelAgent, frames: Sequence[bytes], expected: int) -> list[bytes]:
        """Send frames, let the agent work until so many came back and nothing is on its way; all that came back."""
        self.send(*frames)
        return self.collect(agent, expected)

    def collect(self, agent: KernelAgent, expected: int, patience_s: float = PATIENCE_S) -> list[bytes]:
        """What comes back until it is as much as expected and nothing more happens."""
        found: list[bytes] = []
        end = time.monotonic() + patience_s
        quiet = 0
        while quiet < 3 and time.monotonic() < end:
            worked = run(agent)
            more = self.received()
            found += more
            calm = not worked and not holds(agent) and not more and len(found) >= expected
            quiet = quiet + 1 if calm else 0
            if not worked and not more:
                time.sleep(0.0003)
        return found

    def received(self) -> list[bytes]:
        """The IPv4 frames that came back so far."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                frame, address = self.frames.recvfrom(1 << 16)
                if address[2] != socket.PACKET_OUTGOING and ends(frame) is not None:
                    found.append(frame)
        return found


@contextlib.contextmanager
def lab(state: Path, name: str = "dp", modules: int = 64) -> Iterator[Lab]:
    """The two namespaces; everything is removed at the end, the agent's things too."""
    tag = f"{name}-{os.getpid()}"
    host, box = f"innet-{tag}-host", f"innet-{tag}-box"
    pins = Path(BPFFS, f"innet-{tag}")
    namespaces.batch([f"netns add {host}", f"netns add {box}"])
    try:
        namespaces.batch([
            f"link add host0 address 02:00:00:00:00:01 netns {host} type veth "
            f"peer name nic0 address 02:00:00:00:00:02 netns {box}"
        ])  # fmt: skip
        for space, device in ((host, "host0"), (box, "nic0")):
            with namespaces.inside(space):
                namespaces.offloads_off(device)
                namespaces.write_settings([(f"ipv6/conf/{device}/disable_ipv6", "1")])
            namespaces.batch([f"link set {device} up", "link set lo up"], space)
        gro(host, "host0")
        frames = open_raw_socket(host, "host0")
        frames.setblocking(False)
        made = Lab(host, box, state, platform(modules), frames, pins)
        try:
            yield made
        finally:
            frames.close()
            for agent in made.agents[-1:]:
                agent.down()
            if pins.exists():
                pins.rmdir()
    finally:
        for space in (host, box):
            namespaces.remove(space)


def gro(space: str, device: str) -> None:
    """Let a veth end take redirected frames: it needs NAPI, which GRO brings."""
    import fcntl

    with namespaces.inside(space), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        value = ctypes.create_string_buffer(struct.pack("=II", ETHTOOL_SGRO, 1))
        request = struct.pack("16sP", device.encode(), ctypes.addressof(value)).ljust(40, b"\0")
        fcntl.ioctl(control, SIOCETHTOOL, request)


def deployment(
    text: str, address: str = "192.0.2.10", module: str = "m", sandbox: bool = False, **more: object
) -> Deployment:
    """A module of somebody."""
    fields: Mapping[str, object] = {"account": "someone", "role": Role.THIRD_PARTY, "whitelist": (), **more}
    return Deployment(
        str(fields.get("identifier", "d1")), module, str(fields["account"]), Role.THIRD_PARTY, "box", address,
        text, sandbox, tuple(fields["whitelist"]),  # type: ignore[arg-type]
    )  # fmt: skip


def address(n: int) -> str:
    """The address of the n-th module of a test."""
    return format_address(parse_address(POOL.partition("/")[0]) + FIRST + n)


def run(agent: KernelAgent, times: int = 3) -> bool:
    """Let the agent do what there is to do now; whether there was something, or there will be soon."""
    worked = False
    for _ in range(times):
        descriptors = agent.descriptors()
        poll = select.poll()
        for fd in descriptors:
            poll.register(fd, select.POLLIN)
        ready = poll.poll(0)
        for fd, _ in ready:
            descriptors[fd]()
        again = agent.work()
        worked = worked or bool(ready) or again
    return worked


def holds(agent: KernelAgent) -> bool:
    """Whether a slow path keeps packets, or waits for a time."""
    return any(one.slow is not None and not one.slow.idle for one in agent.registry.with_timers())


def report(agent: KernelAgent, id: str = "d1.m") -> ModuleReport:
    """What the agent says about one module."""
    return next(one for one in agent.observe().modules if one.id == id)


def frame(packet: bytes, kind: bytes = b"\x08\x00", to: int = NIC_MAC) -> bytes:
    """A frame from the host to the platform."""
    return to.to_bytes(6, "big") + HOST_MAC.to_bytes(6, "big") + kind + packet


def datagram(n: int = 0, payload: bytes = b"hello", source: str = "203.0.113.9", **ports: int) -> bytes:
    """A UDP datagram from a stranger to the n-th module."""
    return frame(ipv4(udp(payload, **ports), source, address(n), UDP))


def segment(n: int, flags: int, source: str = "203.0.113.9", sport: int = 1000, dport: int = 80) -> bytes:
    """A TCP segment from a stranger to the n-th module, with these flags alone."""
    whole = bytearray(tcp(sport=sport, dport=dport))
    whole[13] = flags
    return frame(ipv4(bytes(whole), source, address(n), TCP))
