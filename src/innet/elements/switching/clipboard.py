"""Clipboard."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest
from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Clipboard(Element):
    """Pass packets on unchanged: for elements about memory and threads, of which a packet shows nothing.

    Ports:      in k: any packet.  out k: the same.
    Arguments:  anything: accepted, without effect.
    Source:     Click manual: Clipboard, EnsureDPDKBuffer, SpinlockAcquire, SpinlockRelease.
    """

    PORTS: ClassVar[str] = "1-/="
    FLOW: ClassVar[str] = "#/#"
    ALIASES: ClassVar[tuple[str, ...]] = ("EnsureDPDKBuffer", "SpinlockAcquire", "SpinlockRelease")
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "x")

    entries: Annotated[tuple[str, ...], Rest()] = ()

    def push(self, p: Packet, port: int) -> None:
        p.emit(port)
