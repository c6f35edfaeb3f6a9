"""MarkIPCE."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip.header import require_ip_header
from innet.ir.trace import ChecksumEffect, Packet


@dataclass(frozen=True)
class MarkIPCE(Element):
    """Mark packets as having met congestion; those that do not understand the mark are dropped.

    Ports:      in 0: IPv4 with its header marked.  out 0: the same, congestion experienced.
    Arguments:  FORCE (bool, default false): whether to mark packets that are not ECN capable, too.
    Drops:      "not ECN capable", "no IP header annotation".
    Checksum:   incremental.
    Source:     Click manual, MarkIPCE; RFC 3168 section 5.
    """

    CHECKSUM: ClassVar[ChecksumEffect] = ChecksumEffect.INCREMENTAL
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "true")

    force: bool = False

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        tos = p.ip.tos
        if not self.force:
            with p.when((tos & 3) == 0):
                p.drop("not ECN capable")
        p.ip.tos = tos | 3
        p.emit(0)
