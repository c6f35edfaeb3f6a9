"""SetIP6DSCP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.ip6.header6 import require_ip6_header
from innet.ir.trace import Packet


@dataclass(frozen=True)
class SetIP6DSCP(Element):
    """Set the differentiated services code point, in the IPv6 traffic class.

    Ports:      in 0: IPv6 with its header marked.  out 0: the same with the new code point.
    Arguments:  DSCP (0-63).
    Drops:      "no IPv6 header annotation".
    Source:     Click manual, SetIP6DSCP; RFC 2474 section 3.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("46", "0")
    WRITABLE: ClassVar[Mapping[str, str]] = {"dscp": "dscp"}

    dscp: Annotated[int, Unsigned(6)]

    def push(self, p: Packet, port: int) -> None:
        require_ip6_header(p)
        p.ip6.traffic_class = (p.ip6.traffic_class & 0x03) | (self.dscp << 2)
        p.emit(0)
