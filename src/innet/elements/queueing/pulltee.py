"""PullTee: copies of what is pulled."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class PullTee(Element):
    """Give the pulled packet on output 0, and push copies out of the others before.

    Ports:      in 0 (pull): any.  out 0 (pull): the packet.  out 1.. (push): copies, in the order of the outputs.
    Arguments:  N (number of outputs, default: those in use).
    Source:     Click manual, PullTee.
    """

    PORTS: ClassVar[str] = "1/1-"
    PROCESSING: ClassVar[str] = "l/lh"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "1")

    n: int | None = None

    def push(self, p: Packet, port: int) -> None:
        for output in range(1, p.outputs):
            p.copy(output)
        p.emit(0)

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if self.n is None or self.n == outputs:
            return ()
        return (f"N is {self.n}, but {outputs} outputs are in use",)
