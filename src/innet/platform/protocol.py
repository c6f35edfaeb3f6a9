"""What a controller and a platform's agent say to each other, and the interface between them.

Everything here is plain data that `innet.messages.to_json` can carry, so that both sides may live in one process or in
two.
"""

from dataclasses import dataclass
from typing import Protocol

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


@dataclass(frozen=True, slots=True)
class ModuleReport:
    """What a running module did so far; `drops` are (reason, packets), sorted by reason."""

    id: str
    address: str
    received: Traffic = Traffic()
    sent: Traffic = Traffic()
    drops: tuple[tuple[str, int], ...] = ()


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
