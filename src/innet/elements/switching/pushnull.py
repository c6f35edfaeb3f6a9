"""PushNull."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class PushNull(Element):
    """Pass packets on unchanged, pushed only.

    Ports:      in 0: any packet (push).  out 0: the same (push).
    Source:     Click manual, PushNull.
    """

    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        p.emit(0)
