"""Tee."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.wording import in_use
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Tee(Element):
    """Send a copy of each packet to every output, in port order; the last one gets the packet itself.

    Ports:      in 0: any packet.  out 0..n-1: the same.
    Arguments:  N (optional): how many outputs there are.
    Errors:     N differs from the number of outputs in use.
    Source:     Click manual, Tee.
    """

    PORTS: ClassVar[str] = "1/1-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    n: Annotated[int | None, Unsigned()] = None

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if self.n not in (None, outputs):
            return (f"N is {self.n}, but {in_use(outputs)}",)
        return ()

    def push(self, p: Packet, port: int) -> None:
        copy_to_all(p)


def copy_to_all(p: Packet) -> None:
    """Emit on every output: copies, and last the packet."""
    for output in range(p.outputs - 1):
        p.copy(output)
    p.emit(p.outputs - 1)
