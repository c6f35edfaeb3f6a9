"""What a controller and a platform's agent say to each other, and the interface between them.

Everything here is plain data that `innet.messages.to_json` can carry, so that both sides may live in one process or in
two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from innet.messages import Role


@dataclass(frozen=True, slots=True)
class Deployment:
    """One module that should run on one platform.

    `text` is Click text with every parameter replaced; `address` the module's own. With `sandbox`, the module may
    answer those who wrote to it and write to `whitelist` (prefixes), and send nothing else.
    """

    identifier: str
    module: str
    account: str
    role: Role
    platform: str
    address: str
    text: str
    sandbox: bool = False
    whitelist: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What the agent knows it by: a request's identifier and the module's name in it."""
        return f"{self.identifier}.{self.module}"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Packets and bytes (of IPv4 packets) in one direction."""

    packets: int = 0
    bytes: int = 0


class ModuleState(Enum):
    """COLD: set up, starts with its first packet. RUNNING. SUSPENDED: its state is put away until the next packet.
    FAILED: it should run and cannot; `problem` says why."""

    COLD = "cold"
    RUNNING = "running"
    SUSPENDED = "suspended"
    FAILED = "failed"


DropCount: TypeAlias = tuple[str, str, int]
"""Element, reason, packets."""

PLATFORM, SANDBOX = "(platform)", "(sandbox)"
"""In place of an element: the platform itself, and the ChangeEnforcer around a module. No element has such a name."""


@dataclass(frozen=True, slots=True)
class ModuleReport:
    """What a module did so far. `drops` are sorted.

    `driver` is "xdp" or "tcx", with "+slow" if a part of it runs in the agent, or "interpreter"; `not_xdp` says which
    elements the kernel does not run, and why (element, reason). `cpu_ns` is what its packets and timers took;
    `memory_bytes` is None where the driver cannot tell. `starts` and `suspends` count how often it was started and
    suspended.
    """

    id: str
    address: str
    received: Traffic = Traffic()
    sent: Traffic = Traffic()
    drops: tuple[DropCount, ...] = ()
    state: ModuleState = ModuleState.RUNNING
    driver: str = "interpreter"
    not_xdp: tuple[tuple[str, str], ...] = ()
    cpu_ns: int = 0
    memory_bytes: int | None = None
    starts: int = 0
    suspends: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What runs on a platform now. `drops` are packets that reached no module, by reason."""

    platform: str
    modules: tuple[ModuleReport, ...] = ()
    drops: tuple[tuple[str, int], ...] = ()


class PlatformAgent(Protocol):
    """The agent of one platform. Each call may be repeated: the second changes nothing."""

    def apply(self, deployment: Deployment) -> None:
        """Run a module, in place of one with the same `id`. Raises `PlatformError` (then nothing changed) if the
        platform cannot."""
        ...

    def remove(self, id: str) -> None:
        """Stop a module and forget its state; nothing happens if it does not run."""
        ...

    def observe(self) -> Observation:
        """What runs now, and what it did."""
        ...


@dataclass(frozen=True, slots=True)
class DropEvent:
    """One packet that ended: when (nanoseconds from 1970), in which module, where and why. `packet` is its beginning
    from the Ethernet header (hexadecimal; empty if it is not known), `length` the bytes of all of it."""

    time_ns: int
    id: str
    element: str
    reason: str
    packet: str = ""
    length: int = 0


@dataclass(frozen=True, slots=True)
class DropEvents:
    """Drops since they were last asked for, and how many of each module (id, packets) could not be told one by one."""

    shown: tuple[DropEvent, ...] = ()
    lost: tuple[tuple[str, int], ...] = ()


class DataPlane(PlatformAgent, Protocol):
    """What moves a platform's packets, as the daemon drives it: one thread, one poll loop, nothing here blocks."""

    def descriptors(self) -> Mapping[int, Callable[[], None]]:
        """What to call when a descriptor can be read; may change from one call to the next."""
        ...

    def work(self) -> bool:
        """Run what is due, for a bounded time; whether there is more to do right now."""
        ...

    def next_wake(self) -> int | None:
        """The time (nanoseconds of the data plane's clock) from which `work` wants to be called again."""
        ...

    def suspend(self, id: str) -> None:
        """Put an idle module's state away until its next packet. Raises `PlatformError` (and it goes on) if it does not
        run here or has something to do."""
        ...

    def resume(self, id: str) -> None:
        """Have a suspended module run again now."""
        ...

    def tail(self, id: str, on: bool) -> None:
        """Whether `events` tells the drops of a module; nothing happens if it is not here."""
        ...

    def events(self) -> DropEvents:
        """Drops of the modules that `tail` asked for, since the last call. Bounded: the rest is counted."""
        ...

    def close(self) -> None:
        """Give descriptors back; what runs in the kernel goes on."""
        ...

    def down(self) -> None:
        """Stop everything, and remove exactly what this data plane made."""
        ...
