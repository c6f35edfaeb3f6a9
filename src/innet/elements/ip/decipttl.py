"""DecIPTTL."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip.header import require_ip_header
from innet.ir.trace import ChecksumEffect, Packet


@dataclass(frozen=True)
class DecIPTTL(Element):
    """Decrement the IPv4 time to live; send expired packets aside.

    Ports:      in 0: IPv4 with its header marked.  out 0: TTL was above 1, now one less.
                out 1 (optional; dropped if unconnected): TTL was 0 or 1, unchanged.
    Arguments:  ACTIVE (keyword, bool, default true): false lets all packets pass unchanged.
                MULTICAST (keyword, bool, default true): false leaves packets to 224.0.0.0/4 unchanged.
    Drops:      "TTL expired", "no IP header annotation".
    Checksum:   incremental (RFC 1624 equation 3).
    Source:     Click manual, DecIPTTL; RFC 1812 section 5.3.1.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    CHECKSUM: ClassVar[ChecksumEffect] = ChecksumEffect.INCREMENTAL
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "MULTICAST false", "ACTIVE false")
    WRITABLE: ClassVar[Mapping[str, str]] = {"active": "active"}

    _: KW_ONLY
    active: bool = True
    multicast: bool = True

    def push(self, p: Packet, port: int) -> None:
        if self.active:
            require_ip_header(p)
            if not self.multicast:
                with p.when((p.ip.dst & 0xF000_0000) == 0xE000_0000):
                    p.emit(0)
            with p.when(p.ip.ttl <= 1):
                p.count("drops")
                p.divert(1, "TTL expired")
            p.ip.ttl -= 1
        p.emit(0)
