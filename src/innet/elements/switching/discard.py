"""Discard."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Discard(Element):
    """Throw packets away.

    Ports:      in 0: any packet (pushed, or pulled by the element's task).
    Arguments:  ACTIVE (keyword, bool, default true): whether it pulls.  BURST (keyword, packets a pull run, default
                1, 0: no limit).
    Drops:      "discarded": every packet.
    Source:     Click manual, Discard.
    """

    PORTS: ClassVar[str] = "1/0"
    ALIASES: ClassVar[tuple[str, ...]] = ("DiscardNoFree",)
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "BURST 8")

    WRITABLE: ClassVar[Mapping[str, str]] = {"active": "active"}

    _: KW_ONLY
    active: bool = True
    burst: Annotated[int, Unsigned()] = 1

    def push(self, p: Packet, port: int) -> None:
        p.count("count")
        p.drop("discarded")
