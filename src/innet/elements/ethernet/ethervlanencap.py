"""EtherVLANEncap."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import EtherAddress, Signed, Unsigned, WordOr
from innet.elements.base import Element
from innet.elements.ethernet.frame import VLAN_ID, put_header, put_tagged_header
from innet.elements.ethernet.tag import FROM_ANNOTATION, tag_control, tag_problems
from innet.ir.trace import Packet


@dataclass(frozen=True)
class EtherVLANEncap(Element):
    """Put an Ethernet header with an IEEE 802.1Q tag in front of the packet.

    Ports:      in 0: any packet.  out 0: it, behind a new header, which is marked; without a tag for the native VLAN.
    Arguments:  ETHERTYPE (16 bits), SRC, DST (Ethernet addresses).
                VLAN_TCI (0-65535, or `ANNO`: the VLAN_TCI annotation) or VLAN_ID (keyword, 0-4095).
                VLAN_PCP (0-7, default 0).  NATIVE_VLAN (keyword, -1 to 4095, default 0; -1: none).
    Source:     Click manual, EtherVLANEncap; IEEE 802.1Q.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2, ANNO",
        "0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2, VLAN_ID 7, VLAN_PCP 1, NATIVE_VLAN -1",
    )

    WRITABLE: ClassVar[Mapping[str, str]] = {
        n: n for n in ("src", "dst", "ethertype", "vlan_tci", "vlan_id", "vlan_pcp", "native_vlan")
    }

    ethertype: Annotated[int, Unsigned(16)]
    src: Annotated[int, EtherAddress()]
    dst: Annotated[int, EtherAddress()]
    vlan_tci: Annotated[int | str | None, WordOr(FROM_ANNOTATION, Unsigned(16))] = None
    vlan_pcp: Annotated[int, Unsigned(3)] = 0
    _: KW_ONLY
    vlan_id: Annotated[int | None, Unsigned(12)] = None
    native_vlan: Annotated[int, Signed(-1, 4095)] = 0

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return tag_problems(self)

    def push(self, p: Packet, port: int) -> None:
        tci = tag_control(p, self)
        if self.native_vlan >= 0:
            with p.when((tci & VLAN_ID) == self.native_vlan):
                put_header(p, self.dst, self.src, self.ethertype)
                p.emit(0)
        put_tagged_header(p, self.dst, self.src, tci, self.ethertype)
        p.emit(0)
