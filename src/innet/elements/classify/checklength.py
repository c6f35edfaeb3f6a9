"""CheckLength."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class CheckLength(Element):
    """Turn long packets away.

    Ports:      in 0: packets.  out 0: those of at most LENGTH bytes.
                out 1 (optional; dropped if unconnected): longer ones.
    Arguments:  LENGTH (bytes).
    Drops:      "too long".
    Source:     Click manual, CheckLength.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("1500", "0")
    WRITABLE: ClassVar[Mapping[str, str]] = {"length": "length"}

    length: Annotated[int, Unsigned()]

    def push(self, p: Packet, port: int) -> None:
        if self.length <= 0xFFFF:
            with p.when(p.length > self.length):
                p.divert(1, "too long")
        p.emit(0)
