"""A module that runs: its configuration, the sandbox around it where the assessment asks for one, and its account.

What the proof assumes of the packets that come in, and promises of those that go out, is enforced here on each one:
into a module go packets that do not claim its own address, out of it go IPv4 packets that are not addressed to it.
"""

from collections.abc import Callable
from random import Random

from innet.diagnostics import ConfigurationError, Diagnostic, PlatformError, Source
from innet.elements.holder import Capture, CaptureSink, Device, Io
from innet.network import parse_address
from innet.packet.headers import LONGEST_PAYLOAD
from innet.platform.accounting import Account, by_reason
from innet.platform.ipv4 import ETHERNET_BYTES, ETHERTYPE_IPV4, Ends, ends
from innet.platform.ports import Port
from innet.platform.protocol import Deployment, ModuleReport
from innet.runtime.build import build
from innet.runtime.router import Router

ROUNDS = 32
"""Rounds of a module's tasks before other modules get their turn."""

OUTSIDE, MODULE = "outside", "module"

ENFORCER = f"""
enforcer :: ChangeEnforcer({{}});
FromNetfront({OUTSIDE}) -> [0] enforcer [0] -> ToNetfront({MODULE});
FromNetfront({MODULE}) -> [1] enforcer [1] -> ToNetfront({OUTSIDE});
"""


class Outlet:
    """`Device` whose frames are given to a function."""

    def __init__(self, take: Callable[[bytes, bool], bool]) -> None:
        self.take = take

    def send(self, data: bytes, ethernet: bool) -> bool:
        return self.take(data, ethernet)


class NoFiles:
    """The part of `Io` that a platform does not have."""

    def open_capture(self, name: str) -> Capture:
        raise ConfigurationError(Diagnostic("P311", f"'{name}' cannot be read: a platform has no files"))

    def create_capture(self, name: str, link_type: int, snaplen: int, nanoseconds: bool) -> CaptureSink:
        raise ConfigurationError(Diagnostic("P311", f"'{name}' cannot be written: a platform has no files"))


class ModuleIo(NoFiles):
    """`Io` of a module: it has one interface, whatever its elements call it."""

    def __init__(self, outlet: Device) -> None:
        self.outlet = outlet
        self.names: dict[str, None] = {}

    def device(self, name: str) -> Device:
        self.names[name] = None
        return self.outlet


class DeviceIo(NoFiles):
    """`Io` of a router on a platform: the devices given, and no files."""

    def __init__(self, devices: dict[str, Device]) -> None:
        self.devices = devices

    def device(self, name: str) -> Device:
        found = self.devices.get(name)
        if found is None:
            known = " or ".join(f"'{one}'" for one in sorted(self.devices)) or "none: nothing is plugged in"
            raise ConfigurationError(
                Diagnostic("P310", f"there is no interface '{name}' here", expected=known)
            )
        return found


def start(source: Source, io: Io, clock: Callable[[], int], random: Random) -> Router:
    """A router as platforms run it: a push output that meets a pull input has a queue, as in the proof."""
    return build(source, io, autoqueue=True, clock=clock, random=random)[0]


class RunningModule:
    """One deployment on one port. Raises PlatformError, with what its elements said, if it cannot be set up."""

    def __init__(self, deployment: Deployment, port: Port, clock: Callable[[], int], random: Random) -> None:
        self.deployment = deployment
        self.address = parse_address(deployment.address)
        self.account = Account()
        self.port = port
        self.macs = (port.peer_mac or 0).to_bytes(6, "big") + port.mac.to_bytes(6, "big")
        self.enforcer: Router | None = None
        name = f"{deployment.module} ({deployment.identifier})"
        try:
            self.io = ModuleIo(Outlet(self._from_module))
            self.router = start(Source(name, deployment.text), self.io, clock, random)
            if deployment.sandbox:
                text = ENFORCER.format(", ".join((deployment.address, *deployment.whitelist)))
                ways: dict[str, Device] = {
                    MODULE: Outlet(lambda data, _: self._to_module(data)),
                    OUTSIDE: Outlet(lambda data, _: self._leave(data)),
                }
                self.enforcer = start(Source("sandbox", text), DeviceIo(ways), clock, random)
        except ConfigurationError as error:
            raise PlatformError(error.diagnostics) from error

    # ---- in

    def enter(self, frame: bytes, packet: Ends) -> None:
        """Give the module a frame for its address, and let everything happen that it causes at once."""
        if packet.source == self.address:
            self.account.drops["source is the module's own address"] += 1
            return
        if packet.length - (frame[ETHERNET_BYTES] & 15) * 4 > LONGEST_PAYLOAD:
            self.account.drops["longer than any packet of the proof"] += 1
            return
        self.account.receive(packet.length)
        if self.enforcer is None:
            self._to_module(frame)
        else:
            self.enforcer.deliver(OUTSIDE, frame)

    def _to_module(self, frame: bytes) -> bool:
        for task in self.router.tasks:  # a packet may be what a task waited for in vain
            task.idle_runs = 0
        heard = [self.router.deliver(name, frame) for name in self.io.names]
        if not any(heard):
            self.account.drops["the module has no entry"] += 1
        return True

    # ---- out

    def _from_module(self, data: bytes, ethernet: bool) -> bool:
        """A packet at ToNetfront. The platform writes both Ethernet addresses."""
        if not ethernet:
            frame = self.macs + ETHERTYPE_IPV4 + data
        elif len(data) < ETHERNET_BYTES:
            self.account.drops["shorter than an Ethernet header"] += 1
            return True
        else:
            frame = self.macs + data[12:]
        if self.enforcer is None:
            return self._leave(frame)
        self.enforcer.deliver(MODULE, frame)
        return True

    def _leave(self, frame: bytes) -> bool:
        packet = ends(frame)
        if packet is None:
            self.account.drops["not an IPv4 packet"] += 1
        elif packet.destination == self.address:
            self.account.drops["addressed to the module itself"] += 1
        elif self.port.peer_mac is None:
            self.account.drops["the platform is not plugged in"] += 1
        elif not self.port.write(frame):
            return False
        else:
            self.account.send(packet.length)
        return True

    # ---- time

    def work(self) -> bool:
        """Run what is due, ROUNDS rounds at most; whether there is more to do right now."""
        return self.router.work(ROUNDS)

    def next_wake(self) -> int | None:
        """When the module wants to run again."""
        return None if self.router.ended else self.router.next_wake()

    def report(self) -> ModuleReport:
        """What it did so far: its own drops, its elements', its sandbox's and the platform's."""
        drops = self.account.drops.copy()
        for router in (self.router, self.enforcer):
            for (_, reason), count in router.drops.items() if router is not None else ():
                drops[reason] += count
        return ModuleReport(
            self.deployment.id,
            self.deployment.address,
            self.account.received,
            self.account.sent,
            by_reason(drops),
        )
