"""The agent of one platform: it dispatches packets to modules by their destination address, and runs them with the
reference interpreter.

It has one port and no idea of what is behind it: a packet socket in a namespace, or a pipe of the in-process network.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from random import Random

from innet.diagnostics import Diagnostic, PlatformError
from innet.network import Platform, format_address, parse_address
from innet.platform.accounting import by_reason
from innet.platform.ipv4 import ends
from innet.platform.module import RunningModule
from innet.platform.ports import Port
from innet.platform.protocol import Deployment, DropEvent, DropEvents, Observation

MAX_EVENTS = 1024
"""Drops that wait to be told; later ones are counted."""
EVENT_BYTES = 64
"""How much of a dropped packet is told."""


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
        self._events: deque[DropEvent] = deque()
        self._lost: Counter[str] = Counter()

    # ---- PlatformAgent

    def apply(self, deployment: Deployment) -> None:
        running = self._modules.get(deployment.id)
        if running is not None and running.deployment == deployment:
            return
        holders = {address: one.deployment.id for address, one in self._by_address.items()}
        problem = refusal(self.node, deployment, holders)
        if problem:
            raise PlatformError(
                Diagnostic("P312", f"platform '{self.node.name}' cannot run {deployment.id}: {problem}")
            )
        module = RunningModule(deployment, self.port, self._clock, self._random)
        self.remove(deployment.id)
        self._modules[deployment.id] = module
        self._by_address[module.address] = module

    def remove(self, id: str) -> None:
        module = self._modules.pop(id, None)
        if module is not None:
            del self._by_address[module.address]

    def observe(self) -> Observation:
        reports = tuple(module.report() for _, module in sorted(self._modules.items()))
        return Observation(self.node.name, reports, by_reason(self.drops))

    # ---- the rest of DataPlane

    def suspend(self, id: str) -> None:
        """Let an idle module rest until its next packet. Raises PlatformError if it is not idle or not here."""
        if not self._module(id).suspend():
            message = f"{id} cannot be suspended now: it has packets or timers waiting"
            raise PlatformError(Diagnostic("P314", message, help="try again when it is idle"))

    def resume(self, id: str) -> None:
        """Have a module go on."""
        self._module(id).suspended = False

    def _module(self, id: str) -> RunningModule:
        module = self._modules.get(id)
        if module is None:
            raise PlatformError(Diagnostic("P315", f"platform '{self.node.name}' does not run {id}"))
        return module

    def tail(self, id: str, on: bool) -> None:
        """Whether `events` tells the drops of a module."""
        module = self._modules.get(id)
        if module is not None:
            module.tail(
                (lambda element, reason, frame: self._dropped(id, element, reason, frame)) if on else None
            )

    def _dropped(self, id: str, element: str, reason: str, frame: bytes) -> None:
        if len(self._events) >= MAX_EVENTS:
            self._lost[id] += 1
            return
        shown = frame[:EVENT_BYTES].hex()
        self._events.append(DropEvent(self._clock(), id, element, reason, shown, len(frame)))

    def events(self) -> DropEvents:
        """Drops since the last call, of modules that `tail` asked for."""
        if not self._events and not self._lost:
            return DropEvents()
        found = DropEvents(tuple(self._events), tuple(sorted(self._lost.items())))
        self._events.clear()
        self._lost.clear()
        return found

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


def refusal(node: Platform, deployment: Deployment, holders: Mapping[int, str]) -> str:
    """Why a deployment cannot be on a platform whose addresses `holders` (by identifier) have; empty if it can.

    The controller decides; this is the last check.
    """
    if deployment.platform != node.name:
        return f"it is meant for platform '{deployment.platform}'"
    try:
        address = parse_address(deployment.address)
    except ValueError as error:
        return str(error)
    if not any(address in pool for pool in node.pools):
        return f"{deployment.address} is in none of the platform's pools"
    if any(interface.address == address for interface in node.interfaces.values()):
        return f"{deployment.address} is the platform's own address"
    if holders.get(address, deployment.id) != deployment.id:
        return f"{deployment.address} belongs to {holders[address]}"
    limit = node.capacity.modules
    if limit is not None and len(holders) >= limit and deployment.id not in holders.values():
        return f"all {limit} places for modules are taken"
    return ""
