"""SetIP6Address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import IP6Address
from innet.elements.base import Element
from innet.elements.ip6.header6 import halves6
from innet.ir.trace import Packet


@dataclass(frozen=True)
class SetIP6Address(Element):
    """Set the DST_IP6 annotation to an address; the packet itself stays as it is.

    Ports:      in 0: packets.  out 0: the same, annotated.
    Arguments:  ADDR (IPv6 address).
    Source:     Click manual, SetIP6Address.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("2001:db8::1",)
    WRITABLE: ClassVar[Mapping[str, str]] = {"addr": "addr"}

    addr: Annotated[int, IP6Address()]

    def push(self, p: Packet, port: int) -> None:
        p.anno.dst_ip6_high, p.anno.dst_ip6_low = halves6(self.addr)
        p.emit(0)
