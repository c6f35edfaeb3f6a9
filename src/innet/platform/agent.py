"""The agent of one platform: it dispatches packets to modules by their destination address, and runs them with the
reference interpreter.

It has one port and no idea of what is behind it: a packet socket in a namespace, or a pipe of the in-process network.
"""

from collections import Counter
from collections.abc import Callable
from random import Random

from innet.diagnostics import Diagnostic, PlatformError
from innet.network import Platform, format_address, parse_address
from innet.packet.headers import LONGEST_PAYLOAD
from innet.platform.accounting import by_reason
from innet.platform.ipv4 import ETHERNET_BYTES, ends
from innet.platform.module import RunningModule
from innet.platform.ports import Port
from innet.platform.protocol import Deployment, Observation


class Agent:
    """`PlatformAgent` and `Box` of the platform `node` on `port`.

    `clock` gives nanoseconds; `random` is where modules' random numbers come from.
    """

    def __init__(self, node: Platform, port: Port, clock: Callable[[], int], random: Random) -> None:
        self.node = node
        self.port = port
        self.drops: Counter[str] = Counter()
        self._clock, self._random = clock, random
        self._mac = port.mac.to_bytes(6, "big")
        self._modules: dict[str, RunningModule] = {}
        self._by_address: dict[int, RunningModule] = {}

    # ---- PlatformAgent

    def apply(self, deployment: Deployment) -> None:
        running = self._modules.get(deployment.id)
        if running is not None and running.deployment == deployment:
            return
        problem = self._problem(deployment)
        if problem:
            raise PlatformError(
                Diagnostic("P312", f"platform '{self.node.name}' cannot run {deployment.id}: {problem}")
            )
        module = RunningModule(deployment, self.port, self._clock, self._random)
        self.remove(deployment.id)
        self._modules[deployment.id] = module
        self._by_address[module.address] = module

    def _problem(self, deployment: Deployment) -> str:
        """Why a deployment cannot be here; empty if it can. The controller decides; this is the last check."""
        if deployment.platform != self.node.name:
            return f"it is meant for platform '{deployment.platform}'"
        try:
            address = parse_address(deployment.address)
        except ValueError as error:
            return str(error)
        if not any(address in pool for pool in self.node.pools):
            return f"{deployment.address} is in none of the platform's pools"
        if any(interface.address == address for interface in self.node.interfaces.values()):
            return f"{deployment.address} is the platform's own address"
        other = self._by_address.get(address)
        if other is not None and other.deployment.id != deployment.id:
            return f"{deployment.address} belongs to {other.deployment.id}"
        limit = self.node.capacity.modules
        if limit is not None and deployment.id not in self._modules and len(self._modules) >= limit:
            return f"all {limit} places for modules are taken"
        return ""

    def remove(self, id: str) -> None:
        module = self._modules.pop(id, None)
        if module is not None:
            del self._by_address[module.address]

    def observe(self) -> Observation:
        reports = tuple(module.report() for _, module in sorted(self._modules.items()))
        return Observation(self.node.name, reports, by_reason(self.drops))

    # ---- Box

    def receive(self, interface: str, frame: bytes) -> None:
        """Dispatch a frame. Only IPv4 packets with a complete header, sent to this platform, reach a module."""
        if frame[:6] != self._mac:
            self.drops["not for this platform's Ethernet address"] += 1
            return
        packet = ends(frame)
        if packet is None:
            self.drops["not an IPv4 packet with a complete header"] += 1
            return
        if packet.length - (frame[ETHERNET_BYTES] & 15) * 4 > LONGEST_PAYLOAD:
            self.drops["longer than any packet that proofs know of"] += 1
            return
        module = self._by_address.get(packet.destination)
        if module is None:
            self.drops["no module has this address"] += 1
            return
        module.enter(frame, packet)

    def work(self) -> bool:
        busy = [module.work() for module in tuple(self._modules.values())]
        return any(busy)

    def next_wake(self) -> int | None:
        return min((w for m in self._modules.values() if (w := m.next_wake()) is not None), default=None)

    def __repr__(self) -> str:
        modules = ", ".join(format_address(address) for address in self._by_address)
        return f"<agent of {self.node.name}: {modules or 'no modules'}>"
