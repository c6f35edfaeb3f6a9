"""Idle."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Idle(Element):
    """Throw away what is pushed and have nothing when pulled: for ports that must be connected to something.

    Ports:      any number of inputs and outputs.
    Drops:      "idle": every packet.
    Source:     Click manual, Idle.
    """

    PORTS: ClassVar[str] = "-/-"
    ALIASES: ClassVar[tuple[str, ...]] = ("SimpleIdle",)
    FLOW: ClassVar[str] = "x/y"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        p.drop("idle")
