"""DropBroadcasts."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.ir.trace import Packet
from innet.packet.headers import PacketType


@dataclass(frozen=True)
class DropBroadcasts(Element):
    """Turn away packets that came as link-level broadcast or multicast.

    Ports:      in 0: packets whose packet type annotation a device or HostEtherFilter has set.
                out 0: those for one host.  out 1 (optional; dropped if unconnected): broadcasts and multicasts.
    Drops:      "link-level broadcast".
    Source:     Click manual, DropBroadcasts; RFC 1812 section 4.2.3.1.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        kind = p.anno.packet_type
        with p.when((kind == PacketType.BROADCAST) | (kind == PacketType.MULTICAST)):
            p.count("drops")
            p.divert(1, "link-level broadcast")
        p.emit(0)
