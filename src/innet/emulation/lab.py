"""Builds a snapshot's network in the kernel and takes it down again."""

import atexit
import secrets
from pathlib import Path
from types import TracebackType

from innet.emulation import namespaces
from innet.emulation.journal import Journal
from innet.emulation.plan import Device, Plan, plan
from innet.emulation.sockets import FramePort, open_raw_socket
from innet.network import End, Snapshot, format_mac
from innet.signals import uninterrupted
from innet.xdp.syscall import BPFFS


class Emulation:
    """A snapshot as network namespaces joined by veth. `with Emulation(snapshot) as network:` builds it and leaves
    nothing behind, whatever happens in between; a journal lets `recover` clean up after a killed process.

    Routers forward in the kernel. Middleboxes and platforms are bare devices: someone has to run them, on the frame
    ports that `ports` opens. Clients answer for every address of their subnets.
    """

    def __init__(self, snapshot: Snapshot, run: str = "") -> None:
        self.snapshot = snapshot
        self.run = run or secrets.token_hex(3)
        self.plan: Plan = plan(snapshot, self.run)
        self._journal = Journal(self.run)
        self._open: list[FramePort] = []
        self._up = False
        self._pins: Path | None = None

    def up(self) -> None:
        """Build everything, or nothing: a failure or an interrupt removes what was made so far."""
        namespaces.require_root()
        with uninterrupted():
            self._journal.open()
            self._up = True
            atexit.register(self.down)
        try:
            self._build()
        except BaseException:
            self.down()
            raise

    def _build(self) -> None:
        nodes = self.plan.nodes.values()
        self._journal.add("namespace", *(node.namespace for node in nodes))
        namespaces.batch([f"netns add {node.namespace}" for node in nodes])
        for node in nodes:
            with namespaces.inside(node.namespace):
                namespaces.write_settings(node.settings)
        namespaces.batch([_wire(a, b) for a, b in self.plan.wires])
        devices: dict[str, list[str]] = {}
        for pair in self.plan.wires:
            for device in pair:
                devices.setdefault(device.namespace, []).append(device.name)
        for node in nodes:
            with namespaces.inside(node.namespace):
                for name in devices.get(node.namespace, ()):
                    namespaces.offloads_off(name)
            namespaces.batch(node.commands, node.namespace)
            namespaces.batch(node.bridge_commands, node.namespace, "bridge")

    def down(self) -> None:
        """Remove everything that was made; may be called at any time, and again. Interrupts wait until it is done."""
        if not self._up:
            return
        with uninterrupted():
            for port in self._open:
                port.close()
            self._open.clear()
            self._journal.undo()
            self._up = False
            atexit.unregister(self.down)

    def __enter__(self) -> "Emulation":
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def namespace(self, node: str) -> str:
        """The name of the node's namespace; `KeyError` if there is no such node."""
        return self.plan.nodes[node].namespace

    def device(self, node: str, interface: str) -> Device:
        """The device that stands for an interface; `KeyError` if there is none."""
        return self.plan.devices[End(node, interface)]

    def port(self, node: str, interface: str) -> FramePort:
        """A frame port on an interface; closed by `down` at the latest."""
        device = self.device(node, interface)
        raw = open_raw_socket(device.namespace, device.name)
        port = FramePort(raw, str(device.end), device.mac, device.peer_mac)
        self._open.append(port)
        return port

    def ports(self, node: str) -> dict[str, FramePort]:
        """A frame port on every linked interface of a node."""
        interfaces = self.snapshot.nodes[node].interfaces
        linked = (name for name in interfaces if self.snapshot.neighbour(node, name) is not None)
        return {name: self.port(node, name) for name in linked}

    def program_port(self, node: str, interface: str) -> Device:
        """The device that stands for an interface, made ready for a program of the kernel that sends frames back by it:
        its other end has to take them in batches (veth does if GRO is on)."""
        device = self.device(node, interface)
        other = self.snapshot.neighbour(node, interface)
        if other is not None:
            peer = self.plan.devices[other]
            with namespaces.inside(peer.namespace):
                namespaces.receive_offload(peer.name, True)
        return device

    def pins(self) -> Path:
        """A folder of bpffs for this network's programs, which goes with it."""
        if self._pins is None:
            folder = Path(BPFFS, f"innet-{self.run}")
            self._journal.add("pins", str(folder))
            self._pins = folder
        return self._pins

    def add_address(self, node: str, interface: str, address: str) -> None:
        """Let a node answer for one more address (an internet host, say)."""
        device = self.device(node, interface)
        namespaces.batch([f"addr add {address}/32 dev {device.name}"], device.namespace)


def _wire(a: Device, b: Device) -> str:
    return (
        f"link add name {a.name} address {format_mac(a.mac)} netns {a.namespace} type veth "
        f"peer name {b.name} address {format_mac(b.mac)} netns {b.namespace}"
    )
