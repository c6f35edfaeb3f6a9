"""MarkIP6Header."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.ip6.header6 import IP6_BYTES
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class MarkIP6Header(Element):
    """Mark the IPv6 and the transport header without checking anything.

    Ports:      in 0: packets with an IPv6 header OFFSET bytes after their start.  out 0: the same, marked.
    Arguments:  OFFSET (bytes, default 0).
    Source:     Click manual, MarkIP6Header.  The transport mark is put right behind the header.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "14")

    offset: Annotated[int, Unsigned()] = 0

    def push(self, p: Packet, port: int) -> None:
        p.set_mark(Mark.NET, Mark.DATA, self.offset)
        p.set_mark(Mark.TRANSPORT, Mark.NET, IP6_BYTES)
        p.emit(0)
