"""SetIPAddress."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Annotation, IPAddress
from innet.elements.base import Element
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class SetIPAddress(Element):
    """Set the destination annotation to an address; the packet itself stays as it is.

    Ports:      in 0: packets.  out 0: the same, annotated.
    Arguments:  IPADDR (IPv4 address).  ANNO (keyword, 4-byte annotation, default DST_IP).
    Source:     Click manual, SetIPAddress.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("192.0.2.1", "192.0.2.1, ANNO 12")
    WRITABLE: ClassVar[Mapping[str, str]] = {"addr": "ipaddr"}

    ipaddr: Annotated[int, IPAddress()]
    _: KW_ONLY
    anno: Annotated[int, Annotation(4)] = 0

    def push(self, p: Packet, port: int) -> None:
        p.set_raw(Mark.ANNOTATION, self.anno, 4, self.ipaddr)
        p.emit(0)
