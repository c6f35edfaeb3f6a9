"""Truncate."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Truncate(Element):
    """Cut long packets.

    Ports:      in 0: packets.  out 0: the same, at most LENGTH bytes of them.
    Arguments:  LENGTH (bytes).  EXTRA_LENGTH (keyword, bool, default true): whether the EXTRA_LENGTH annotation grows
                by what was cut.
    Source:     Click manual, Truncate.  No length field of a header is adjusted.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("64", "64, EXTRA_LENGTH false")
    WRITABLE: ClassVar[Mapping[str, str]] = {"nbytes": "length"}

    length: Annotated[int, Unsigned()]
    _: KW_ONLY
    extra_length: bool = True

    def push(self, p: Packet, port: int) -> None:
        if self.length <= 0xFFFF:
            length = p.length
            with p.when(length > self.length):
                p.set_mark(Mark.END, Mark.DATA, self.length)
                if self.extra_length:
                    p.anno.extra_length += (length - self.length).cast(32)
        p.emit(0)
