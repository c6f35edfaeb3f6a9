"""AggregateIPAddrPair."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import Seconds
from innet.elements.base import Element
from innet.elements.holder import Remembered
from innet.elements.ip.header import HEADER_BYTES, NO_IP_HEADER
from innet.elements.times.instants import FOREVER_S, stamp_if_unset
from innet.ir.trace import Packet, Value

PAIRS = ir.Table("pairs", key=(32, 32), values=(32, 1, 32))
"""By the lower and the higher address: the pair's number, whether its first packet went from the higher one, and when
the last one came (seconds)."""
NUMBERS = ir.Counter("numbers", 32, first=1)


@dataclass(frozen=True)
class AggregateIPAddrPair(Element):
    """Number packets by the pair of their IPv4 addresses.

    Ports:      in 0: packets with IP header annotation.  out 0: the same; the AGGREGATE annotation is the pair's
                number, from 1 in the order of first packets, PAINT is 0 in the direction of its first packet and 1 in
                the other.
                out 1 (optional; dropped if unconnected): packets without IP header annotation, and those of a new pair
                when there are 65536 already.
    Arguments:  TIMEOUT (keyword, seconds, default 0: never): a pair whose last packet is longer ago than that gets a
                new number (by the packets' timestamps).  REAP (keyword, seconds): accepted, without effect.
    State:      the pairs; write handler `clear` forgets them.
    Drops:      "no IP header annotation", "too many pairs".
    Source:     Click manual, AggregateIPAddrPair. Click keeps any number of pairs.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "TIMEOUT 60")
    WRITES: ClassVar[tuple[str, ...]] = ("clear",)

    _: KW_ONLY
    timeout: Annotated[int, Seconds()] = 0
    reap: Annotated[int, Seconds()] = 1200

    def push(self, p: Packet, port: int) -> None:
        with p.when(~p.ip.present(HEADER_BYTES)):
            p.divert(1, NO_IP_HEADER)
        if self.timeout:
            stamp_if_unset(p)
        src, dst = p.ip.src, p.ip.dst
        with p.when(dst < src):
            self._number(p, dst, src, 1)
        self._number(p, src, dst, 0)

    def _number(self, p: Packet, low: Value, high: Value, flipped: int) -> None:
        found, (number, reverse, last) = p.lookup(PAIRS, (low, high))
        now = p.anno.time_s if self.timeout else p.anno.time_s & 0
        alive = found & (now - last <= self.timeout) if self.timeout else found
        with p.when(alive):
            p.update(PAIRS, (low, high), (number, reverse, now), FOREVER_S)
            p.anno.aggregate = number
            p.anno.paint = (reverse ^ flipped).cast(8)
            p.emit(0)
        new = p.next(NUMBERS)
        with p.when(p.insert(PAIRS, (low, high), (new, flipped, now), FOREVER_S)):
            p.anno.aggregate = new
            p.anno.paint = 0
            p.emit(0)
        p.divert(1, "too many pairs")

    def write(self, handler: str, value: str, memory: Remembered) -> None:
        memory.clear(PAIRS)
