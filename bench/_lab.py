"""The place of measurements: a platform in a namespace of its own, and a host beside it that sends and receives.

`host0` of the host is joined to `nic0` of the platform by a veth pair. What is made is removed at the end, also at
Ctrl-C. Names carry the process's number, so that two measurements do not meet.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from innet.dataplane.base import Nic
from innet.dataplane.options import Options
from innet.dataplane.plane import KernelAgent
from innet.diagnostics import PlatformError, Source
from innet.emulation import namespaces
from innet.messages import Role
from innet.network import Platform, load
from innet.platform import Deployment, real_clock
from innet.platform.remote import RemoteAgent
from innet.xdp.generator import Counter, Generator, Rotation
from innet.xdp.kernel import Link
from innet.xdp.syscall import bpf

HOST_MAC, NIC_MAC = 0x02_00_00_00_00_01, 0x02_00_00_00_00_02
SIOCETHTOOL, ETHTOOL_SGRO = 0x8946, 0x2C
POOL = 0x0A0A0000
"""10.10.0.0/16: addresses of modules."""
SENDER, RECEIVER = 0x0A000001, 0xAC100F85
"""Where test packets come from, and where modules send them."""
PORT = 1500
PROGRAM_FD_BY_ID, PROGRAM_NEXT_ID, MAP_NEXT_ID, LINK_NEXT_ID = 13, 11, 12, 31
SETTLE_S = 0.5
START_S, END_S = 30.0, 60.0
"""How long a daemon may take to start, and to end."""

NETWORK = """
nodes:
  internet: {{kind: internet}}
  border:
    kind: router
    interfaces: {{out: 203.0.113.1/30, in: {{address: 10.0.0.1/30, mac: "02:00:00:00:00:01"}}}}
    routes: {{0.0.0.0/0: out, 10.10.0.0/16: drop}}
  {name}: {{kind: platform, interfaces: {{nic0: 10.0.0.2/30}}, pool: 10.10.0.0/16, capacity: {{modules: {modules}}}}}
links: [[internet, border:out], [border:in, {name}:nic0]]
operator: {{prefixes: [10.10.0.0/16]}}
"""


def udp(
    destination: int,
    port: int = PORT,
    payload: bytes = bytes(18),
    source_port: int = 4000,
    source: int = SENDER,
) -> bytes:
    """A UDP frame for the platform's interface, without a UDP checksum; 60 bytes if nothing else is said."""
    total = 28 + len(payload)
    head = struct.pack(">BBHHHBBHII", 0x45, 0, total, 1, 0, 64, 17, 0, source, destination)
    folded = sum(struct.unpack(">10H", head))
    while folded >> 16:
        folded = (folded & 0xFFFF) + (folded >> 16)
    head = head[:10] + struct.pack(">H", folded ^ 0xFFFF) + head[12:]
    macs = NIC_MAC.to_bytes(6, "big") + HOST_MAC.to_bytes(6, "big")
    return macs + b"\x08\x00" + head + struct.pack(">HHHH", source_port, port, 8 + len(payload), 0) + payload


def dotted(address: int) -> str:
    return socket.inet_ntoa(address.to_bytes(4, "big"))


@dataclass
class Lab:
    """Two namespaces: `host0` in `host`, `nic0` in `box`. `state` is a folder that goes with it."""

    name: str
    host: str
    box: str
    state: Path
    node: Platform
    host_index: int
    nic_index: int
    _agents: list[KernelAgent] = field(default_factory=list)

    def deployment(self, text: str, number: int = 0, sandbox: bool = False) -> Deployment:
        """The module with this number: its address is that far into the pool. It may send to the receiver."""
        allowed = (dotted(RECEIVER),) if sandbox else ()
        return Deployment(
            "bench",
            f"m{number}",
            "bench",
            Role.THIRD_PARTY,
            self.name,
            dotted(POOL + number),
            text,
            sandbox,
            allowed,
        )

    def agent(self, options: Options | None = None) -> KernelAgent:
        """The data plane, in this process; the one before it, if any, is removed."""
        self.end_agent()
        with namespaces.inside(self.box):
            nic = Nic("nic0", self.nic_index, NIC_MAC, HOST_MAC)
            one = KernelAgent(self.node, nic, self.state / "plane", real_clock(), Random(1), options)
        self._agents.append(one)
        return one

    def end_agent(self) -> None:
        """Remove the data plane of this process."""
        while self._agents:
            self._agents.pop().down()

    @contextlib.contextmanager
    def counting(self, agent: KernelAgent, slots: int = 1) -> Iterator[Counter]:
        """Count what the host receives."""
        with namespaces.inside(self.host), Counter(agent.compiler, slots) as counter:
            link = Link.xdp(counter.program, self.host_index)
            try:
                yield counter
            finally:
                link.detach()
                link.close()

    def generator(self, agent: KernelAgent, frame: bytes, rotation: Rotation | None = None) -> Generator:
        """Something that sends `frame` to the platform at full speed; use it in the host's namespace."""
        return Generator(agent.compiler, frame, self.host_index, rotation or Rotation())

    def packets(self) -> socket.socket:
        """A packet socket on the host's interface, which does not block."""
        with namespaces.inside(self.host):
            return packet_socket("host0")

    @contextlib.contextmanager
    def daemon(self) -> Iterator[tuple[RemoteAgent, int]]:
        """The agent as a process of its own (`innet platform`): a connection to it, and its number."""
        network = self.state / "network.yaml"
        network.write_text(
            NETWORK.format(name=self.name, modules=self.node.capacity.modules), encoding="utf-8"
        )
        socket_path = self.state / "run" / f"{self.name}.sock"
        command = [
            sys.executable, "-P", "-m", "innet.cli", "platform", self.name, "--network", str(network),
            "--namespace", self.box, "--driver", "xdp", "--run", str(socket_path.parent),
            "--state", str(self.state / "desired"), "--next-hop", "02:00:00:00:00:01",
        ]  # fmt: skip
        log = self.state / "daemon.log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, process_group=0)
        remote = RemoteAgent(socket_path)
        try:
            until = time.monotonic() + START_S
            while not answers(remote):
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(
                        f"the platform's daemon did not start:\n{log.read_text(encoding='utf-8')}"
                    )
                time.sleep(0.05)
            yield remote, process.pid
        finally:
            with contextlib.suppress(PlatformError):
                remote.down()
            remote.close()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.returncode != 0:  # it removed nothing
                subprocess.run(
                    [*command[:5], "down", self.name, *command[-6:-2]], check=False, capture_output=True
                )


def answers(remote: RemoteAgent) -> bool:
    """Whether the daemon is up."""
    try:
        remote.ping()
    except PlatformError:
        return False
    return True


@contextlib.contextmanager
def lab(modules: int = 64) -> Iterator[Lab]:
    """A platform with room for so many modules, and a host."""
    namespaces.require_root()
    name = f"bench{os.getpid()}"
    host, box = f"innet-{name}-host", f"innet-{name}-box"
    text = NETWORK.format(name=name, modules=modules)
    node = load(Source("network.yaml", text), lambda path: "").platforms[0]
    with contextlib.ExitStack() as undo:
        state = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="innet-bench-")))
        for space in (host, box):
            undo.callback(namespaces.remove, space)
        namespaces.batch([f"netns add {host}", f"netns add {box}"])
        namespaces.batch([
            f"link add host0 address 02:00:00:00:00:01 netns {host} type veth "
            f"peer name nic0 address 02:00:00:00:00:02 netns {box}"
        ])  # fmt: skip
        indexes = []
        for space, device in ((host, "host0"), (box, "nic0")):
            with namespaces.inside(space):
                namespaces.offloads_off(device)
                Path("/proc/sys/net/ipv6/conf", device, "disable_ipv6").write_text("1", encoding="ascii")
                indexes.append(socket.if_nametoindex(device))
            namespaces.batch([f"link set {device} up", "link set lo up"], space)
        with namespaces.inside(host):
            gro("host0")
        made = Lab(name, host, box, state, node, indexes[0], indexes[1])
        undo.callback(made.end_agent)
        yield made


def gro(device: str) -> None:
    """Let a veth end take redirected frames: it needs NAPI, which GRO brings."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        value = ctypes.create_string_buffer(struct.pack("=II", ETHTOOL_SGRO, 1))
        request = struct.pack("16sP", device.encode(), ctypes.addressof(value)).ljust(40, b"\0")
        fcntl.ioctl(control, SIOCETHTOOL, request)


def packet_socket(device: str) -> socket.socket:
    """A packet socket for frames of IPv4 that come in by a device of this thread's namespace; it does not block."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    raw.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
    raw.setsockopt(263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
    raw.bind((device, 0x0800))
    return raw


@contextlib.contextmanager
def on_cpu(cpu: int) -> Iterator[None]:
    """Keep this thread on one CPU, if it may be there."""
    before = os.sched_getaffinity(0)
    if cpu in before:
        os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def identifiers(command: int) -> Sequence[int]:
    """The numbers of all objects of a kind that the kernel has (PROGRAM_NEXT_ID, MAP_NEXT_ID, LINK_NEXT_ID)."""
    found: list[int] = []
    last = 0
    while True:
        try:
            _, after = bpf(command, struct.pack("<III", last, 0, 0))
        except OSError:
            return found
        (last,) = struct.unpack_from("<I", after, 4)
        found.append(last)


def interruptible() -> None:
    """End at SIGTERM as at Ctrl-C: what was made is removed."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
