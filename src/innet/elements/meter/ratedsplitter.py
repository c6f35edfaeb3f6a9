"""RatedSplitter: what is over a rate goes aside."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.meter.bucket import spend
from innet.elements.meter.rates import PacketRate
from innet.ir.trace import Packet


@dataclass(frozen=True)
class RatedSplitter(PacketRate):
    """Let RATE packets a second through, and send the others aside.

    Ports:      in 0: any packet.  out 0: those within the rate.  out 1 (optional; dropped if unconnected): the others.
    Arguments:  RATE (packets a second).  BURST_DURATION (keyword, seconds to the millisecond, default 20ms) or
                BURST_SIZE (keyword, packets): how many packets the token bucket holds, at least one.
    State:      a token bucket, refilled each millisecond and full at first; a RATE of 0 never fills it.
    Drops:      "over the rate".
    Verifier:   either output is possible for any packet.
    Errors:     BURST_DURATION and BURST_SIZE exclude each other.
    Source:     Click manual, RatedSplitter.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("1", "50, BURST_DURATION 40ms", "100, BURST_SIZE 1", "0")

    def push(self, p: Packet, port: int) -> None:
        spend(p, self.tokens(), 1, 1)
