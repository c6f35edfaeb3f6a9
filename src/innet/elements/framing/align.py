"""Align."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Align(Element):
    """Ask for an alignment in memory: nothing that a packet shows.

    Ports:      in 0: any packet.  out 0: the same.
    Arguments:  MODULUS, OFFSET (bytes): accepted, without effect.
    Source:     Click manual, Align.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("4, 2",)

    modulus: Annotated[int, Unsigned()]
    offset: Annotated[int, Unsigned()]

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if self.modulus not in (2, 4, 8) or self.offset >= self.modulus:
            return (f"bad alignment {self.offset} of {self.modulus}: MODULUS is 2, 4 or 8, OFFSET below it",)
        return ()

    def push(self, p: Packet, port: int) -> None:
        p.emit(0)
