"""GetIPAddress."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Annotation, OneOf, Unsigned
from innet.elements.base import Element
from innet.elements.ip.header import require_ip_header
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class GetIPAddress(Element):
    """Copy an address from the packet into an annotation.

    Ports:      in 0: packets.  out 0: the same, annotated.
    Arguments:  OFFSET (bytes after the packet's start) or IP (keyword, `src` or `dst`): where to read, one of them.
                ANNO (4-byte annotation, default DST_IP).
    Drops:      "no IP header annotation" (with IP).
    Source:     Click manual, GetIPAddress.  Where the four bytes are absent, the annotation becomes zero (In-Net).
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("16", "IP dst", "IP src, ANNO 4", "12, 8")

    offset: Annotated[int | None, Unsigned()] = None
    anno: Annotated[int, Annotation(4)] = 0
    _: KW_ONLY
    ip: Annotated[str | None, OneOf("src", "dst")] = None

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if (self.offset is None) == (self.ip is None):
            return ("give either OFFSET or IP, not both: GetIPAddress(16) or GetIPAddress(IP dst)",)
        return ()

    def push(self, p: Packet, port: int) -> None:
        if self.offset is not None:
            address = p.raw(Mark.DATA, self.offset, 4)
        else:
            require_ip_header(p)
            address = p.ip.src if self.ip == "src" else p.ip.dst
        p.set_raw(Mark.ANNOTATION, self.anno, 4, address)
        p.emit(0)
