"""VLANEncap."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Signed, Unsigned, WordOr
from innet.elements.base import Element
from innet.elements.ethernet.frame import (
    ETHERNET_BYTES,
    ETHERTYPE_VLAN,
    TAG_BYTES,
    VLAN_BYTES,
    VLAN_ID,
    frame,
    mark_header,
    require_ethernet_header,
)
from innet.elements.ethernet.tag import FROM_ANNOTATION, tag_control, tag_problems
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class VLANEncap(Element):
    """Put an IEEE 802.1Q tag into an Ethernet frame.

    Ports:      in 0: frames.  out 0: the same with a tag behind the addresses; untouched for the native VLAN.
    Arguments:  VLAN_TCI (0-65535, or `ANNO`: the VLAN_TCI annotation) or VLAN_ID (keyword, 0-4095).
                VLAN_PCP (0-7, default 0).  NATIVE_VLAN (keyword, -1 to 4095, default 0; -1: none).
                ETHERTYPE (keyword, default 0x8100).
    Drops:      "no Ethernet header": fewer than 12 bytes.
    Source:     Click manual, VLANEncap; IEEE 802.1Q.  The MAC mark and the network mark are set.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("5, 3", "ANNO", "VLAN_ID 9, NATIVE_VLAN -1", "0, NATIVE_VLAN 7")
    WRITABLE: ClassVar[Mapping[str, str]] = {
        n: n for n in ("vlan_tci", "vlan_id", "vlan_pcp", "native_vlan", "ethertype")
    }

    vlan_tci: Annotated[int | str | None, WordOr(FROM_ANNOTATION, Unsigned(16))] = None
    vlan_pcp: Annotated[int, Unsigned(3)] = 0
    _: KW_ONLY
    vlan_id: Annotated[int | None, Unsigned(12)] = None
    native_vlan: Annotated[int, Signed(-1, 4095)] = 0
    ethertype: Annotated[int, Unsigned(16)] = ETHERTYPE_VLAN

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return tag_problems(self)

    def push(self, p: Packet, port: int) -> None:
        require_ethernet_header(p, 12)
        tci = tag_control(p, self)
        if self.native_vlan >= 0:
            with p.when((tci & VLAN_ID) == self.native_vlan):
                mark_header(p, ETHERNET_BYTES)
                p.emit(0)
        dst, src = frame(p).dst, frame(p).src
        p.unstrip(TAG_BYTES)
        mark_header(p, VLAN_BYTES)
        p.ether.dst, p.ether.src, p.ether.type = dst, src, self.ethertype
        p.set_raw(Mark.DATA, ETHERNET_BYTES, 2, tci)
        p.emit(0)
