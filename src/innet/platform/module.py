"""A module that runs: its configuration, the sandbox around it where the assessment asks for one, and its account.

What the proof assumes of the packets that come in, and promises of those that go out, the gates hold on each one.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from random import Random
from typing import BinaryIO, TypeVar

from innet.diagnostics import ConfigurationError, Diagnostic, PlatformError, Source
from innet.elements.base import OUTSIDE as FRAMES
from innet.elements.holder import Capture, CaptureSink, Device, Io
from innet.ir import interpret
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Drop, Mark, Program
from innet.network import parse_address
from innet.platform.accounting import Account, by_element
from innet.platform.gates import EntryGate, ExitGate
from innet.platform.ipv4 import ETHERNET_BYTES, Ends
from innet.platform.ports import Port
from innet.platform.protocol import PLATFORM, SANDBOX, Deployment, ModuleReport, ModuleState
from innet.runtime.build import build
from innet.runtime.router import Router

K = TypeVar("K", bound=Hashable)

REMEMBERED = 100
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

    def open_file(self, name: str) -> BinaryIO:
        raise ConfigurationError(Diagnostic("P311", f"'{name}' cannot be read: a platform has no files"))

    def create_file(self, name: str, append: bool = False) -> BinaryIO:
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


class Watched(Counter[K]):
    """Counts that tell each key that is counted up."""

    tell: Callable[[K], None] | None = None

    def __setitem__(self, key: K, count: int) -> None:
        more = count > self[key]
        super().__setitem__(key, count)
        if more and self.tell is not None:
            self.tell(key)


def start(source: Source, io: Io, clock: Callable[[], int], random: Random) -> Router:
    """A router as platforms run it: a push output that meets a pull input has a queue, as in the proof; no handler
    changes an element.

    Of what its elements say and print, the last `REMEMBERED` texts are kept.
    """
    router = build(source, io, autoqueue=True, clock=clock, random=random)[0]
    router.frozen = True
    router.say = router.show = deque(router.messages, REMEMBERED).append
    return router


class RunningModule:
    """One deployment on one port. Raises PlatformError, with what its elements said, if it cannot be set up."""

    def __init__(self, deployment: Deployment, port: Port, clock: Callable[[], int], random: Random) -> None:
        self.deployment = deployment
        self.address = parse_address(deployment.address)
        self.account = Account()
        self.port = port
        self._entry = EntryGate(self.address).trace(FRAMES, 1)
        self._exit = ExitGate(self.address, port.peer_mac or 0, port.mac).trace(0, 1)
        self._gates = interpret.State(clock=clock, random=random)
        self.enforcer: Router | None = None
        self.suspended = False
        self.suspends = self.cpu_ns = 0
        self._frame = b""
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
        """Give the module a frame for its address, and let everything happen that it causes at once. A suspended one
        goes on."""
        began = time.thread_time_ns()
        self.suspended = False
        self._frame = frame
        self._enter(frame, packet)
        self._frame = b""
        self.cpu_ns += time.thread_time_ns() - began

    def _enter(self, frame: bytes, packet: Ends) -> None:
        if not self._passes(self._entry, PacketBuffer(frame)):
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
        """A packet at ToNetfront."""
        packet = PacketBuffer(data)
        packet.marks[Mark.MAC if ethernet else Mark.NET] = 0
        if not self._passes(self._exit, packet):
            return True
        if self.enforcer is None:
            return self._leave(packet.data)
        self.enforcer.deliver(MODULE, packet.data)
        return True

    def _leave(self, frame: bytes) -> bool:
        if self.port.peer_mac is None:
            self.account.drops["the platform is not plugged in"] += 1
        elif not self.port.write(frame):
            return False
        else:
            self.account.send(len(frame) - ETHERNET_BYTES)
        return True

    def _passes(self, gate: Program, packet: PacketBuffer) -> bool:
        """Whether a gate lets a packet through; one that it does not is counted."""
        verdict = interpret.run(gate, packet, self._gates).verdict
        if isinstance(verdict, Drop):
            self.account.drops[verdict.reason] += 1
            return False
        return True

    # ---- time

    def work(self) -> bool:
        """Run what is due, ROUNDS rounds at most; whether there is more to do right now."""
        if self.suspended or not self.router.tasks:
            return False
        began = time.thread_time_ns()
        busy = self.router.work(ROUNDS)
        self.cpu_ns += time.thread_time_ns() - began
        return busy

    def next_wake(self) -> int | None:
        """When the module wants to run again."""
        return None if self.suspended or self.router.ended else self.router.next_wake()

    def suspend(self) -> bool:
        """Rest until the next packet; false if there is something to do before."""
        if self.suspended:
            return True
        if not self.router.ended and (self.work() or self.router.next_wake() is not None):
            return False
        self.suspended = True
        self.suspends += 1
        return True

    # ---- what it did

    def tail(self, tell: Callable[[str, str, bytes], None] | None) -> None:
        """Tell each drop from now on, with element, reason and the frame that led to it at once (empty: one that was
        kept for a while); None: tell no longer."""

        def of_platform(reason: str) -> None:
            assert tell is not None
            tell(PLATFORM, reason, self._frame)

        def of_element(key: tuple[str, str]) -> None:
            assert tell is not None
            tell(*key, self._frame)

        def of_sandbox(key: tuple[str, str]) -> None:
            assert tell is not None
            tell(SANDBOX, key[1], self._frame)

        self.account.drops = watched(self.account.drops, tell and of_platform)
        self.router.drops = watched(self.router.drops, tell and of_element)
        if self.enforcer is not None:
            self.enforcer.drops = watched(self.enforcer.drops, tell and of_sandbox)

    def report(self) -> ModuleReport:
        """What it did so far: its elements' drops, its sandbox's and the platform's."""
        drops = Counter(dict(self.router.drops))
        for (_, reason), count in self.enforcer.drops.items() if self.enforcer is not None else ():
            drops[SANDBOX, reason] += count
        return ModuleReport(
            self.deployment.id,
            self.deployment.address,
            self.account.received,
            self.account.sent,
            by_element(drops, self.account.drops),
            ModuleState.SUSPENDED if self.suspended else ModuleState.RUNNING,
            cpu_ns=self.cpu_ns,
            starts=1,
            suspends=self.suspends,
        )


def watched(counts: Counter[K], tell: Callable[[K], None] | None) -> Counter[K]:
    """The same counts, told to `tell` as they grow; plain ones without."""
    plain: dict[K, int] = dict(counts)
    if tell is None:
        return Counter(plain)
    found: Watched[K] = Watched(plain)
    found.tell = tell
    return found
