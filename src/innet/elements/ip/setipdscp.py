"""SetIPDSCP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.ip.header import require_ip_header
from innet.ir.trace import ChecksumEffect, Packet


@dataclass(frozen=True)
class SetIPDSCP(Element):
    """Set the differentiated services code point.

    Ports:      in 0: IPv4 with its header marked.  out 0: the same with the new code point.
    Arguments:  DSCP (0-63).
    Drops:      "no IP header annotation".
    Checksum:   incremental.
    Source:     Click manual, SetIPDSCP; RFC 2474 section 3.
    """

    CHECKSUM: ClassVar[ChecksumEffect] = ChecksumEffect.INCREMENTAL
    EXAMPLES: ClassVar[tuple[str, ...]] = ("46", "0")
    WRITABLE: ClassVar[Mapping[str, str]] = {"dscp": "dscp"}

    dscp: Annotated[int, Unsigned(6)]

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        p.ip.tos = (p.ip.tos & 0x03) | (self.dscp << 2)
        p.emit(0)
