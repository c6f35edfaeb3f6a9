"""ClampMTU."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element
from innet.elements.ip.header import require_ip_header
from innet.ir.trace import Packet


@dataclass(frozen=True)
class ClampMTU(Element):
    """Turn away IPv4 packets that are longer than a link takes, by their length field.

    Ports:      in 0: IPv4 with its header marked.  out 0: those of at most MTU bytes.
                out 1 (optional; dropped if unconnected): longer ones.
    Arguments:  MTU (bytes).
    Drops:      "longer than the MTU", "no IP header annotation".
    Source:     SymNet's model of that name; Click has no such element.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("1500", "68")

    mtu: Annotated[int, Unsigned(16)]

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        with p.when(p.ip.len > self.mtu):
            p.divert(1, "longer than the MTU")
        p.emit(0)
