"""BandwidthRatedSplitter: what is over a rate in bytes goes aside."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.meter.bucket import DEBT, spend
from innet.elements.meter.rates import ByteRate
from innet.ir.trace import Packet


@dataclass(frozen=True)
class BandwidthRatedSplitter(ByteRate):
    """Let RATE bytes a second through, and send the other packets aside.

    Ports:      in 0: any packet.  out 0: those within the rate.  out 1 (optional; dropped if unconnected): the others.
    Arguments:  RATE (bandwidth; without a unit: bytes a second).  BURST_DURATION (keyword, seconds to the millisecond,
                default 20ms) or BURST_BYTES (keyword): how many bytes the token bucket holds.
    State:      a token bucket, refilled each millisecond and full at first. A packet passes unless the bucket is in
                debt, and is charged for all its bytes; the debt is at most 128 KiB.
    Drops:      "over the rate".
    Verifier:   either output is possible for any packet.
    Errors:     BURST_DURATION and BURST_BYTES exclude each other.
    Source:     Click manual, BandwidthRatedSplitter.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("8kbps", "20kBps, BURST_DURATION 1ms", "1000, BURST_BYTES 30")

    def push(self, p: Packet, port: int) -> None:
        spend(p, self.tokens(), DEBT, p.length)
