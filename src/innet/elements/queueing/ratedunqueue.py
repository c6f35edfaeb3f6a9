"""RatedUnqueue: pull so many packets a second."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, handler_bool, show_bool
from innet.elements.meter.bucket import TokenBucket, TokenRate
from innet.elements.meter.rates import PacketRate, Rate
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet


class RatedUnqueueHolder(Holder):
    """The task of a RatedUnqueue: its token bucket, and how often what happened."""

    RUNS = True
    WRITABLE = ("active",)
    READS = ("calls",)
    NEEDED = 1
    """Tokens there must be for a packet to leave."""

    def __init__(self, rate: TokenRate) -> None:
        self.bucket = TokenBucket(rate)
        self.active = True
        self.runs = self.empty_runs = self.pushes = self.failed_pulls = 0

    def cost(self, packet: PacketBuffer) -> int:
        """Tokens that a packet takes."""
        return 1

    def wake_ns(self, context: Context) -> int | None:
        if not self.active or not context.waiting(0):
            return None
        return self.bucket.wake_ns(self.NEEDED, context.now_ns)

    def run(self, context: Context) -> bool:
        self.runs += 1
        self.bucket.refill(context.now_ns)
        packet = context.pull(0) if self.bucket.contains(self.NEEDED) else None
        if packet is None:
            self.empty_runs += 1
            self.failed_pulls += self.bucket.contains(self.NEEDED)
            return False
        self.bucket.remove(self.cost(packet))
        self.pushes += 1
        context.emit(0, packet)
        return True

    def read(self, handler: str) -> str | None:
        match handler:
            case "active":
                return show_bool(self.active)
            case "calls":
                return (
                    f"{self.runs} calls to run_task()\n{self.empty_runs} empty runs\n"
                    f"{self.pushes} pushes\n{self.failed_pulls} failed pulls\n"
                )
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler != "active":
            return False
        self.active = handler_bool(value)
        return True

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, Rate)
        self.bucket.rate = element.tokens()


@dataclass(frozen=True)
class RatedUnqueue(PacketRate):
    """Pull RATE packets a second and push them on.

    Ports:      in 0 (pull): any.  out 0 (push): the same packet.
    Arguments:  RATE (packets a second).  BURST_DURATION (keyword, seconds to the millisecond, default 20ms) or
                BURST_SIZE (keyword, packets): how many packets may leave at once after a pause, at least one.
    State:      a token bucket, refilled each millisecond and full at first; a RATE of 0 never fills it.
    Verifier:   the identity: when a packet leaves is not modelled.
    Errors:     BURST_DURATION and BURST_SIZE exclude each other.
    Source:     Click manual, RatedUnqueue.
    """

    PROCESSING: ClassVar[str] = "l/h"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("100", "50, BURST_DURATION 1s", "1, BURST_SIZE 3")

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return RatedUnqueueHolder(self.tokens())
