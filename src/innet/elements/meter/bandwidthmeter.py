"""BandwidthMeter: outputs by the rate of bytes."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.meter.meter import Meter
from innet.ir.trace import Packet, Value


@dataclass(frozen=True)
class BandwidthMeter(Meter):
    """Choose the output by how many bytes came a second lately.

    Ports:      in 0: any packet.  out 0: the rate is below RATE1.  out k: RATEk is reached, the next one is not.
    Arguments:  RATE1, RATE2, ... (bandwidths; without a unit: bytes a second), each higher than the one before; one
                fewer than outputs.
    State:      `average`: bytes a millisecond, a moving average that goes 1/16 of the way each millisecond.
    Verifier:   any output is possible for any packet.
    Errors:     the rates do not rise, or there are not as many as outputs need.
    Source:     Click manual, BandwidthMeter, which takes at most 4194303 bytes a second; here any rate is right.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("2kBps", "8kbps, 80kbps")

    def amount(self, p: Packet) -> Value | int:
        return p.length
