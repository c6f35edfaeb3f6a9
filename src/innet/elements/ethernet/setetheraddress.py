"""SetEtherAddress."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Annotation, EtherAddress
from innet.elements.base import Element
from innet.elements.ethernet.addresses import ADDRESS_BYTES
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class SetEtherAddress(Element):
    """Set six bytes of the annotations to an Ethernet address; the packet itself stays as it is.

    Ports:      in 0: packets.  out 0: the same, annotated.
    Arguments:  ADDR (Ethernet address), ANNO (6-byte annotation).
    Source:     Click manual, SetEtherAddress.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("2:0:0:0:0:1, 24",)
    WRITABLE: ClassVar[Mapping[str, str]] = {"addr": "addr"}

    addr: Annotated[int, EtherAddress()]
    anno: Annotated[int, Annotation(ADDRESS_BYTES)]

    def push(self, p: Packet, port: int) -> None:
        p.set_raw(Mark.ANNOTATION, self.anno, ADDRESS_BYTES, self.addr)
        p.emit(0)
