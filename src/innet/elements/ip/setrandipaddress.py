"""SetRandIPAddress."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import IPPrefix, Signed
from innet.elements.base import Element
from innet.ir.trace import Packet

ALL_ONES = 0xFFFF_FFFF
SPREAD = 0x9E37_79B1
"""An odd number: its multiples are different in their low bits, and look like chance."""


@dataclass(frozen=True)
class SetRandIPAddress(Element):
    """Set the destination annotation to an address of a network, by chance.

    Ports:      in 0: packets.  out 0: the same with the DST_IP annotation set.
    Arguments:  PREFIX (IPv4 prefix, or one address): the network, its first and last addresses included.
                LIMIT (addresses, default -1: no limit): choose among so many fixed ones.
    Source:     Click manual, SetRandIPAddress.  Which addresses LIMIT leaves is always the same (In-Net).
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("10.0.0.0/8", "192.0.2.0/24, 3", "192.0.2.1")

    prefix: Annotated[tuple[int, int], IPPrefix(bare=True)]
    limit: Annotated[int, Signed()] = -1

    def push(self, p: Packet, port: int) -> None:
        address, mask = self.prefix
        host = p.random(32)
        if self.limit > 0:
            host = (host % self.limit) * SPREAD
        p.anno.dst_ip = (host & (ALL_ONES ^ mask)) | (address & mask)
        p.emit(0)
