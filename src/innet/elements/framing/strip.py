"""Strip."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Strip(Element):
    """Remove bytes from the front of the packet.

    Ports:      in 0: packets.  out 0: the same without their first LENGTH bytes; a shorter one is empty then.
    Arguments:  LENGTH (bytes).
    Source:     Click manual, Strip.  Header marks stay where they are.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("14", "0")

    length: Annotated[int, Unsigned()]

    def push(self, p: Packet, port: int) -> None:
        p.strip(self.length)
        p.emit(0)
