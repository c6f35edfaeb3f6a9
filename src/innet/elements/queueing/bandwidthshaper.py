"""BandwidthShaper: let so many bytes a second be pulled."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Bandwidth
from innet.elements.holder import Holder, Io
from innet.elements.queueing.shaper import Shaper, ShaperHolder
from innet.ir.interpret import PacketBuffer


class BandwidthShaperHolder(ShaperHolder):
    """Counts bytes; every output is alike."""

    SPILLS = False

    def cost(self, packet: PacketBuffer) -> int:
        return len(packet.data)


@dataclass(frozen=True)
class BandwidthShaper(Shaper):
    """Let at most RATE bytes a second be pulled, evenly over each second of the clock.

    Ports:      in 0 (pull): any.  out 0 (pull): a packet, when one may pass.  out 1 (pull, optional): as output 0.
    Arguments:  RATE (bandwidth; without a unit: bytes a second).
    State:      how many bytes passed in this second of the clock. What was too much is taken off the next second, and
                what a second with traffic left unused, up to RATE, is added to it.
    Verifier:   the identity: when a packet leaves is not modelled.
    Source:     Click manual, BandwidthShaper.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("100kBps", "1Mbps")

    rate: Annotated[int, Bandwidth()]

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return BandwidthShaperHolder(self.rate)
