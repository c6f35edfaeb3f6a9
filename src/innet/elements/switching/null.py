"""Null."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Null(Element):
    """Pass packets on unchanged.

    Ports:      in 0: any packet.  out 0: the same.
    Source:     Click manual, Null.
    """

    ALIASES: ClassVar[tuple[str, ...]] = (
        "Null1",
        "Null2",
        "Null3",
        "Null4",
        "Null5",
        "Null6",
        "Null7",
        "Null8",
    )
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        p.emit(0)
