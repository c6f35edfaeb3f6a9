"""RatedSplitter: what is over a rate goes aside."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Seconds, Unsigned
from innet.elements.base import Element
from innet.elements.meter.bucket import TokenRate, capacity, spend
from innet.ir.trace import Packet


@dataclass(frozen=True)
class RatedSplitter(Element):
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
    WRITABLE: ClassVar[Mapping[str, str]] = {"rate": "rate"}

    rate: Annotated[int, Unsigned()]
    _: KW_ONLY
    burst_duration_ms: Annotated[int | None, Seconds(digits=3)] = None
    burst_size: Annotated[int | None, Unsigned()] = None

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        both = self.burst_duration_ms is not None and self.burst_size is not None
        return ("BURST_DURATION and BURST_SIZE exclude each other",) if both else ()

    def tokens(self) -> TokenRate:
        """The bucket's rate and capacity."""
        return TokenRate.of(self.rate, capacity(self.rate, self.burst_duration_ms, self.burst_size))

    def push(self, p: Packet, port: int) -> None:
        spend(p, self.tokens(), 1, 1)
