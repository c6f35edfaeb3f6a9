"""IP6Encap."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import IP6Address, Key, Protocol, Unsigned
from innet.elements.base import Element
from innet.elements.ip6.header6 import DestinationAddress6, outer_header6
from innet.ir.trace import Packet


@dataclass(frozen=True)
class IP6Encap(Element):
    """Put an IPv6 header in front of the packet.

    Ports:      in 0: any packet.  out 0: it, behind a new header, which is marked.
    Arguments:  PROTO (name or 0-255), SRC (IPv6 address).  DST (IPv6 address, or `DST_ANNO`: the DST_IP6 annotation).
                HLIM (keyword, default 250), CLASS (keyword, the traffic class, default 0).
    Source:     Click manual, IP6Encap; RFC 2473.  No MTU is checked.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "4, 2001:db8::1, 2001:db8::2",
        "udp, 2001:db8::1, DST_ANNO, HLIM 7, CLASS 0xb8",
    )
    WRITABLE: ClassVar[Mapping[str, str]] = {"src": "src", "dst": "dst"}

    proto: Annotated[int, Protocol()]
    src: Annotated[int, IP6Address()]
    dst: Annotated[int | None, DestinationAddress6()]
    _: KW_ONLY
    hlim: Annotated[int, Unsigned(8)] = 250
    traffic_class: Annotated[int, Unsigned(8), Key("CLASS")] = 0

    def push(self, p: Packet, port: int) -> None:
        outer_header6(
            p,
            extra=0,
            traffic_class=self.traffic_class,
            nxt=self.proto,
            hlim=self.hlim,
            src=self.src,
            dst=self.dst,
        )
        p.emit(0)
