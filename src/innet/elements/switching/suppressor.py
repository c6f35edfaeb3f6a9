"""Suppressor."""

from copy import copy
from dataclasses import dataclass, field
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.holder import Remembered, handler_bool, show_bool
from innet.ir.trace import Packet

ACTIVE = tuple(f"active{n}" for n in range(64))
"""Handlers for one port each."""


@dataclass(frozen=True)
class Suppressor(Element):
    """Pass packets on, input k to output k, but for ports that handlers shut.

    Ports:      in k: any packet.  out k: the same, unless port k is shut (`active0` and so on false): pushed packets
                are then dropped, and pulls find nothing.
    State:      which ports are shut; none at first, and none after the handler `reset`.
    Drops:      "suppressed".
    Source:     Click manual, Suppressor.
    """

    PORTS: ClassVar[str] = "-/="
    FLOW: ClassVar[str] = "#/#"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)
    READS: ClassVar[tuple[str, ...]] = ACTIVE
    WRITES: ClassVar[tuple[str, ...]] = (*ACTIVE, "reset")

    shut: frozenset[int] = field(default=frozenset(), init=False)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        return show_bool(ACTIVE.index(handler) not in self.shut)

    def write(self, handler: str, value: str, memory: Remembered) -> "Suppressor":
        if handler == "reset":
            return self.shutting(frozenset())
        port = {ACTIVE.index(handler)}
        return self.shutting(self.shut - port if handler_bool(value) else self.shut | port)

    def shutting(self, ports: frozenset[int]) -> "Suppressor":
        """The same with these ports shut."""
        other = copy(self)
        object.__setattr__(other, "shut", ports)
        return other

    def push(self, p: Packet, port: int) -> None:
        if port in self.shut:
            p.drop("suppressed")
        else:
            p.emit(port)

    def pull_input(self, output: int) -> int | None:
        return None if output in self.shut else output
