"""HashSwitch."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.switching.outputs import emit_by_number, modulo
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value

MAX_LENGTH = 1024


@dataclass(frozen=True)
class HashSwitch(Element):
    """Choose the output by the sum of some bytes of the packet.

    Ports:      in 0: packets.  out 0..n-1: by the sum d: with 2, 4 or 8 outputs the low bits of d xor d >> 4,
                otherwise d modulo n.  Packets without all of the bytes go to output 0.
    Arguments:  OFFSET, LENGTH (bytes): which bytes, counted from the packet's start.
    Errors:     LENGTH is 0 or above 1024 (In-Net's limit: programs have no loops).
    Source:     Click manual, HashSwitch.
    """

    PORTS: ClassVar[str] = "1/1-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("12, 8", "0, 1")

    offset: Annotated[int, Unsigned()]
    length: Annotated[int, Unsigned()]

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if not 0 < self.length <= MAX_LENGTH:
            return (f"LENGTH is {self.length}: it must be from 1 to {MAX_LENGTH}",)
        return ()

    def push(self, p: Packet, port: int) -> None:
        n = p.outputs
        if n == 1:
            p.emit(0)
            return
        with p.when(~p.present(Mark.DATA, self.offset, self.length)):
            p.emit(0)
        total = self.digest(p)
        if n in (2, 4, 8):
            emit_by_number(p, p.bind((total ^ (total >> 4)) & (n - 1)))
        else:
            emit_by_number(p, modulo(p, total, n))

    def digest(self, p: Packet) -> Value:
        """The sum of the bytes, 32 bits."""
        total = p.raw(Mark.DATA, self.offset, 1).cast(32)
        for at in range(self.offset + 1, self.offset + self.length):
            total = p.bind(total + p.raw(Mark.DATA, at, 1).cast(32))
        return total
