"""HostEtherFilter."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import EtherAddress, Unsigned
from innet.elements.base import Element
from innet.elements.ethernet.frame import frame
from innet.ir.trace import Packet
from innet.packet.headers import PacketType

ALL_ONES, GROUP_BIT = (1 << 48) - 1, 1 << 40


@dataclass(frozen=True)
class HostEtherFilter(Element):
    """Let frames pass that a host with the given address would take; note how they were addressed.

    Ports:      in 0: frames.  out 0: those for ETHER, broadcast and multicast; packet type annotation set.
                out 1 (optional; dropped if unconnected): the others.
    Arguments:  ETHER (Ethernet address).  DROP_OWN (bool, default false): turn away frames from ETHER.
                DROP_OTHER (bool, default true): turn away frames for other hosts.
                OFFSET (keyword, bytes, default 0): where the Ethernet header starts.
    Drops:      "sent by this host", "for another host".
    Source:     Click manual, HostEtherFilter.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("2:0:0:0:0:1", "2:0:0:0:0:1, true, false", "2:0:0:0:0:1, OFFSET 2")
    WRITABLE: ClassVar[Mapping[str, str]] = {"ether": "ether"}

    ether: Annotated[int, EtherAddress()]
    drop_own: bool = False
    drop_other: bool = True
    _: KW_ONLY
    offset: Annotated[int, Unsigned()] = 0

    def push(self, p: Packet, port: int) -> None:
        h = frame(p, self.offset)
        if self.drop_own:
            with p.when(h.src == self.ether):
                p.divert(1, "sent by this host")
        dst = h.dst
        known = (
            (dst == self.ether, PacketType.HOST),
            (dst == ALL_ONES, PacketType.BROADCAST),
            ((dst & GROUP_BIT) != 0, PacketType.MULTICAST),
        )
        for condition, kind in known:
            with p.when(condition):
                p.anno.packet_type = kind
                p.emit(0)
        p.anno.packet_type = PacketType.OTHERHOST
        if self.drop_other:
            p.divert(1, "for another host")
        else:
            p.emit(0)
