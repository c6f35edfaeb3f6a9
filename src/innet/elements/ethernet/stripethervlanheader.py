"""StripEtherVLANHeader."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Signed
from innet.elements.base import Element
from innet.elements.ethernet.frame import ETHERNET_BYTES, ETHERTYPE_VLAN, VLAN_BYTES, frame
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class StripEtherVLANHeader(Element):
    """Strip the Ethernet header and its IEEE 802.1Q tag, and note the tag.

    Ports:      in 0: frames.  out 0: what they carry; VLAN_TCI annotation set.
                out 1 (optional; dropped if unconnected): frames without a tag, if there is no native VLAN.
    Arguments:  NATIVE_VLAN (default 0; below zero: none): the annotation of frames without a tag.
    Drops:      "no VLAN tag".
    Source:     Click manual, StripEtherVLANHeader; IEEE 802.1Q.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "-1", "42")

    native_vlan: Annotated[int, Signed(-32768, 4095)] = 0

    def push(self, p: Packet, port: int) -> None:
        with p.when(p.present(Mark.DATA, 0, VLAN_BYTES) & (frame(p).type == ETHERTYPE_VLAN)):
            p.anno.vlan_tci = p.raw(Mark.DATA, ETHERNET_BYTES, 2)
            p.strip(VLAN_BYTES)
            p.emit(0)
        if self.native_vlan >= 0:
            p.anno.vlan_tci = self.native_vlan
            p.strip(ETHERNET_BYTES)
            p.emit(0)
        else:
            p.divert(1, "no VLAN tag")
