"""SetIPECN."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.base import Element
from innet.elements.ip.ecn import ECN
from innet.elements.ip.header import require_ip_header
from innet.ir.trace import ChecksumEffect, Packet


@dataclass(frozen=True)
class SetIPECN(Element):
    """Set the explicit congestion notification bits.

    Ports:      in 0: IPv4 with its header marked.  out 0: the same with the new bits.
    Arguments:  ECN: 0-3, `no`, `-`, `ect1` or `ECT(1)` (1), `ect2` or `ECT(0)` (2), `ce` or `CE` (3).
    Drops:      "no IP header annotation".
    Checksum:   incremental.
    Source:     Click manual, SetIPECN; RFC 3168 section 5.
    """

    CHECKSUM: ClassVar[ChecksumEffect] = ChecksumEffect.INCREMENTAL
    EXAMPLES: ClassVar[tuple[str, ...]] = ("ce", "0", "ECT(1)")
    WRITABLE: ClassVar[Mapping[str, str]] = {"ecn": "ecn"}

    ecn: Annotated[int, ECN()]

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        p.ip.tos = (p.ip.tos & 0xFC) | self.ecn
        p.emit(0)
