"""RED: random early detection."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import ElementRef, FixedPoint, ListOf, Unsigned
from innet.elements.base import Element
from innet.elements.holder import Context, Holder, Io
from innet.elements.meter.average import Average
from innet.elements.queueing.dropper import DropperHolder, EarlyDropper
from innet.ir.interpret import PacketBuffer

ONE = 1 << 16
IDLE_NS = 20_000_000
"""An empty queue counts as one more observation of 0 for each of these."""


class REDHolder(DropperHolder):
    """The moving average of the queues' length, and how many packets passed since one was dropped."""

    def __init__(
        self, queues: tuple[str, ...], low: int, high: int, max_p: int, stability: int, gentle: bool
    ) -> None:
        super().__init__(queues)
        self.size = Average(stability)
        self.low, self.high, self.max_p, self.gentle = low, high, max_p, gentle
        self.since = -1
        self.chance = 0
        self.idle: int | None = None

    def observed(self, context: Context) -> int:
        """The average length, with what the queues hold now."""
        length = self.queue_length(context)
        if self.size.shift == 0:
            self.size.value = length << self.size.bits
        elif length:
            self.size.update(length)
            self.idle = None
        else:
            period = context.now_ns // IDLE_NS
            self.size.update(0, 1 if self.idle is None else period - self.idle)
            self.idle = period
        return self.size.rounded()

    def probability(self, average: int) -> int:
        """Of 2^16, how likely a packet is dropped between the thresholds."""
        scaled, bits = self.size.value, self.size.bits
        if average <= self.high:
            width = self.high - self.low
            if width <= 0:
                return -1
            return (self.max_p // width * scaled >> bits) - self.max_p * self.low // width
        return ((ONE - self.max_p) // self.high * scaled >> bits) - (ONE - 2 * self.max_p)

    def condemns(self, packet: PacketBuffer, context: Context) -> bool:
        average = self.observed(context)
        gentle = self.gentle and self.max_p != ONE
        if average <= self.low:
            self.since = -1
            return False
        if average > self.high * (2 if gentle else 1):
            self.since = -1
            return True
        likely = self.probability(average)
        self.since += 1
        if self.since > 0 and likely > 0 and self.since > self.chance // likely:
            self.since = 0
            self.chance = context.random.getrandbits(16)
            return True
        if self.since == 0:
            self.chance = context.random.getrandbits(16)
        return False

    def average(self) -> str:
        return self.size.show()

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, RED)
        self.low, self.high, self.max_p = element.min_thresh, element.max_thresh, element.max_p


@dataclass(frozen=True)
class RED(EarlyDropper):
    """Drop packets at random, the more likely the fuller the queues behind (or, when pulled, before) it are.

    Ports:      in 0: any packet.  out 0: those that were kept.  out 1 (push, optional; dropped if unconnected): the
                others.
    Arguments:  MIN_THRESH, MAX_THRESH (packets, at most 65535): nothing is dropped while the average length of the
                queues is at most MIN_THRESH; up to MAX_THRESH packets are dropped with a probability that rises to
                MAX_P (0 to 1), then to 1 at twice MAX_THRESH.  QUEUES (keyword, names; default: the queues next to
                it).  STABILITY (keyword, 0-16, default 4): the average goes 1/2^STABILITY of the way for each packet.
                GENTLE (keyword, bool, default true): false drops everything from MAX_THRESH on.
    State:      the average length of the queues; how many packets passed since one was dropped.
    Drops:      "dropped early".
    Verifier:   either output is possible for any packet.
    Errors:     MIN_THRESH is above MAX_THRESH; there is no queue near it.
    Source:     Click manual, RED; Floyd and Jacobson, random early detection.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("5, 50, 0.02", "1, 2, 0.1, STABILITY 2, GENTLE false")
    WRITABLE: ClassVar[Mapping[str, str]] = {
        "min_thresh": "min_thresh",
        "max_thresh": "max_thresh",
        "max_p": "max_p",
    }

    min_thresh: Annotated[int, Unsigned()]
    max_thresh: Annotated[int, Unsigned(16)]
    max_p: Annotated[int, FixedPoint(16, share=True)]
    _: KW_ONLY
    queues: Annotated[tuple[str, ...], ListOf(ElementRef())] = ()
    stability: Annotated[int, Unsigned()] = 4
    gentle: bool = True

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        if self.min_thresh > self.max_thresh:
            found.append(f"MIN_THRESH is {self.min_thresh}, above MAX_THRESH, which is {self.max_thresh}")
        if self.max_thresh == 0:
            found.append("MAX_THRESH is 0; expected at least 1 packet")
        if self.stability > 16:
            found.append(f"STABILITY is {self.stability}; expected at most 16")
        return tuple(found)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return REDHolder(
            self.queues, self.min_thresh, self.max_thresh, self.max_p, self.stability, self.gentle
        )
