"""SetVLANAnno."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.ethernet.tag import tag_control, tag_problems
from innet.ir.trace import Packet


@dataclass(frozen=True)
class SetVLANAnno(Element):
    """Set the VLAN_TCI annotation.

    Ports:      in 0: any packet.  out 0: the same, annotated.
    Arguments:  VLAN_TCI (0-65535) or VLAN_ID (keyword, 0-4095).  VLAN_PCP (0-7, default 0).
    Source:     Click manual, SetVLANAnno; IEEE 802.1Q.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("5, 3", "VLAN_ID 9, VLAN_PCP 3")

    vlan_tci: Annotated[int | None, Unsigned(16)] = None
    vlan_pcp: Annotated[int, Unsigned(3)] = 0
    _: KW_ONLY
    vlan_id: Annotated[int | None, Unsigned(12)] = None

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return tag_problems(self)

    def push(self, p: Packet, port: int) -> None:
        p.anno.vlan_tci = tag_control(p, self)
        p.emit(0)
