"""StoreTimestamp."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.annotation.times import TIMESTAMP
from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.ir.nodes import Mark
from innet.ir.trace import Packet

SIZE = 8


@dataclass(frozen=True)
class StoreTimestamp(Element):
    """Write the packet's timestamp into the packet.

    Ports:      in 0: any packet.  out 0: the same, with 8 bytes of it set: seconds, then nanoseconds, network order.
    Arguments:  OFFSET (bytes from the packet's start): where; the packet is made longer if it ends before.  TAIL
                (keyword, bool, default false): append them.
    Errors:     neither OFFSET nor TAIL is given, or both.
    Source:     Click manual, StoreTimestamp, which writes the numbers in the machine's order.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("20", "0", "TAIL true")

    offset: Annotated[int | None, Unsigned(16)] = None
    _: KW_ONLY
    tail: bool = False

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if (self.offset is None) != self.tail:
            return ("give exactly one of OFFSET and TAIL",)
        return ()

    def push(self, p: Packet, port: int) -> None:
        base, at = Mark.DATA, self.offset
        if at is None:
            base, at = Mark.AUX, 0
            p.set_mark(base, Mark.END)
            p.set_mark(Mark.END, Mark.END, SIZE)
        else:
            with p.when(~p.present(base, at, SIZE)):
                p.set_mark(Mark.END, base, at + SIZE)
        for part in (0, 4):
            p.set_raw(base, at + part, 4, p.raw(Mark.ANNOTATION, TIMESTAMP + part, 4))
        p.emit(0)
