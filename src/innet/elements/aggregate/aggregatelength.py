"""AggregateLength."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.ip.header import NO_IP_HEADER
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class AggregateLength(Element):
    """Number packets by their length.

    Ports:      in 0: packets.  out 0: those whose AGGREGATE annotation is now their length, with the EXTRA_LENGTH
                annotation.  out 1 (optional; dropped if unconnected): with IP, packets without IP header annotation.
    Arguments:  IP (keyword, bool, default false): count from the IP header on.
    Drops:      "no IP header annotation" (with IP).
    Source:     Click manual, AggregateLength.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "IP true")

    _: KW_ONLY
    ip: bool = False

    def push(self, p: Packet, port: int) -> None:
        if self.ip:
            with p.when(~p.marked(Mark.NET)):
                p.divert(1, NO_IP_HEADER)
        start = Mark.NET if self.ip else Mark.DATA
        p.anno.aggregate = p.distance(start, Mark.END).cast(32) + p.anno.extra_length
        p.emit(0)
