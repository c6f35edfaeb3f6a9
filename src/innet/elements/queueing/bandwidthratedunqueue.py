"""BandwidthRatedUnqueue: pull so many bytes a second."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Role
from innet.elements.holder import Holder, Io
from innet.elements.meter.bucket import DEBT
from innet.elements.meter.rates import ByteRate
from innet.elements.queueing.ratedunqueue import RatedUnqueueHolder
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet


class BandwidthRatedUnqueueHolder(RatedUnqueueHolder):
    """Counts bytes; a packet leaves unless the bucket is in debt."""

    NEEDED = DEBT

    def cost(self, packet: PacketBuffer) -> int:
        return len(packet.data)


@dataclass(frozen=True)
class BandwidthRatedUnqueue(ByteRate):
    """Pull RATE bytes a second and push them on, packet by packet.

    Ports:      in 0 (pull): any.  out 0 (push): the same packet.
    Arguments:  RATE (bandwidth; without a unit: bytes a second).  BURST_DURATION (keyword, seconds to the millisecond,
                default 20ms) or BURST_BYTES (keyword): how many bytes may leave at once after a pause.
    State:      a token bucket, refilled each millisecond and full at first. A packet leaves unless the bucket is in
                debt, and is charged for all its bytes; the debt is at most 128 KiB.
    Verifier:   the identity: when a packet leaves is not modelled.
    Errors:     BURST_DURATION and BURST_BYTES exclude each other.
    Source:     Click manual, BandwidthRatedUnqueue.
    """

    PROCESSING: ClassVar[str] = "l/h"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("8kbps", "1MBps, BURST_DURATION 1s", "1000, BURST_BYTES 3000")

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return BandwidthRatedUnqueueHolder(self.tokens())
