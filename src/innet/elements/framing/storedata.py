"""StoreData."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import ByteString, Unsigned
from innet.elements.base import Element
from innet.ir.nodes import Mark
from innet.ir.trace import Packet

WORD = 4
MAX_LENGTH = 2048


@dataclass(frozen=True)
class StoreData(Element):
    """Overwrite bytes of the packet; what would lie behind its end is left out.

    Ports:      in 0: packets.  out 0: the same with DATA from byte OFFSET on.
    Arguments:  OFFSET (bytes).  DATA (string).
    Errors:     DATA is longer than 2048 bytes (In-Net's limit: programs have no loops).
    Source:     Click manual, StoreData.  No checksum follows.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ('2, "AB"', r"5, \<de ad be ef 01 02>")

    offset: Annotated[int, Unsigned()]
    data: Annotated[bytes, ByteString()]

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if len(self.data) > MAX_LENGTH:
            return (f"DATA has {len(self.data)} bytes: at most {MAX_LENGTH} can be stored",)
        return ()

    def push(self, p: Packet, port: int) -> None:
        with p.when(p.present(Mark.DATA, self.offset, len(self.data))):
            self.store(p, WORD)
        with p.otherwise():
            self.store(p, 1)
        p.emit(0)

    def store(self, p: Packet, size: int) -> None:
        """Assign DATA piece by piece; a piece that is not wholly in the packet is left out."""
        for at in range(0, len(self.data), size):
            piece = self.data[at : at + size]
            p.set_raw(Mark.DATA, self.offset + at, len(piece), int.from_bytes(piece, "big"))
