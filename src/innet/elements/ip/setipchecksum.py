"""SetIPChecksum."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip.header import fill_checksum, header_bytes
from innet.ir.nodes import Mark
from innet.ir.trace import IPv4, Packet


@dataclass(frozen=True)
class SetIPChecksum(Element):
    """Compute the checksum of the IPv4 header.

    Ports:      in 0: packets with an IPv4 header at the network mark, or at their start if there is no mark.
                out 0: the same, with a right checksum.
    Drops:      "bad IP header": shorter than 20 bytes, or than its header length says.
    Checksum:   full.
    Source:     Click manual, SetIPChecksum.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        with p.when(p.marked(Mark.NET)):
            self.fill(p, Mark.NET)
        self.fill(p, Mark.DATA)

    def fill(self, p: Packet, mark: Mark) -> None:
        """Do it for the header at `mark`, and emit."""
        h = IPv4(p, mark)
        length = header_bytes(h.hl)
        good = h.present(20) & (length >= 20) & (length <= p.distance(mark, Mark.END))
        with p.when(~good):
            p.count("drops")
            p.drop("bad IP header")
        fill_checksum(p, mark, length)
        p.emit(0)
