"""DecIP6HLIM."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip6.header6 import require_ip6_header
from innet.ir.trace import Packet


@dataclass(frozen=True)
class DecIP6HLIM(Element):
    """Decrement the IPv6 hop limit; send expired packets aside.

    Ports:      in 0: IPv6 with its header marked.  out 0: the hop limit was above 1, now one less.
                out 1 (optional; dropped if unconnected): it was 0 or 1, unchanged.
    Drops:      "hop limit expired", "no IPv6 header annotation".
    Source:     Click manual, DecIP6HLIM; RFC 8200 section 3.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        require_ip6_header(p)
        with p.when(p.ip6.hlim <= 1):
            p.count("drops")
            p.divert(1, "hop limit expired")
        p.ip6.hlim -= 1
        p.emit(0)
