"""VLANDecap."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.ethernet.frame import (
    ETHERNET_BYTES,
    ETHERTYPE_VLAN,
    TAG_BYTES,
    VLAN_BYTES,
    frame,
    mark_header,
)
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class VLANDecap(Element):
    """Take one IEEE 802.1Q tag out of an Ethernet frame, if there is one.

    Ports:      in 0: frames.  out 0: the same without the tag.
    Arguments:  ANNO (bool, default true): whether the VLAN_TCI annotation becomes what the tag said, 0 without one.
                ETHERTYPE (keyword, default 0x8100).
    Source:     Click manual, VLANDecap; IEEE 802.1Q.  The MAC mark and the network mark are set.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "false", "ETHERTYPE 0x88a8")

    anno: bool = True
    _: KW_ONLY
    ethertype: Annotated[int, Unsigned(16)] = ETHERTYPE_VLAN

    def push(self, p: Packet, port: int) -> None:
        with p.when(p.present(Mark.DATA, 0, VLAN_BYTES) & (frame(p).type == self.ethertype)):
            dst, src, tci = frame(p).dst, frame(p).src, p.raw(Mark.DATA, ETHERNET_BYTES, 2)
            p.strip(TAG_BYTES)
            frame(p).dst, frame(p).src = dst, src
            mark_header(p, ETHERNET_BYTES)
            if self.anno:
                p.anno.vlan_tci = tci
            p.emit(0)
        mark_header(p, ETHERNET_BYTES)
        if self.anno:
            p.anno.vlan_tci = 0
        p.emit(0)
