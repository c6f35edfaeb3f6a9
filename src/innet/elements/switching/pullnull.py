"""PullNull."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class PullNull(Element):
    """Pass packets on unchanged, pulled only.

    Ports:      in 0: any packet (pull).  out 0: the same (pull).
    Source:     Click manual, PullNull.
    """

    PROCESSING: ClassVar[str] = "l/l"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        p.emit(0)
