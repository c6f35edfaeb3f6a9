"""AdaptiveRED."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import ElementRef, FixedPoint, ListOf, Unsigned
from innet.elements.base import Element
from innet.elements.holder import Context, Holder, Io
from innet.elements.queueing.dropper import EarlyDropper
from innet.elements.queueing.red import ONE, REDHolder

INTERVAL_NS = 500_000_000
LEAST_TARGET = 10
HUNDREDTH, NINE_TENTHS = ONE // 100, ONE * 9 // 10


class AdaptiveREDHolder(REDHolder):
    """Changes the probability of drops each half second."""

    RUNS = True

    def __init__(self, queues: tuple[str, ...], target: int, max_p: int, stability: int) -> None:
        target = max(target, LEAST_TARGET)
        super().__init__(queues, target // 2, target + target // 2, max_p, stability, True)
        self.next_ns: int | None = None

    def wake_ns(self, context: Context) -> int | None:
        if self.next_ns is None:
            self.next_ns = context.now_ns + INTERVAL_NS
        return self.next_ns

    def run(self, context: Context) -> bool:
        self.next_ns = context.now_ns + INTERVAL_NS
        average = self.queue_length(context) if self.size.shift == 0 else self.size.rounded()
        part = (self.high - self.low) // 2
        if average < self.low + part and self.max_p > HUNDREDTH:
            self.max_p = self.max_p * NINE_TENTHS >> 16
        elif average > self.high - part and self.max_p < ONE // 2:
            self.max_p += min(HUNDREDTH, self.max_p // 4)
        return False

    def reconfigured(self, element: Element) -> None:
        """No argument can be written."""


@dataclass(frozen=True)
class AdaptiveRED(EarlyDropper):
    """RED that finds the probability of drops by itself, to keep the queues near a length.

    Ports:      in 0: any packet.  out 0: those that were kept.  out 1 (push, optional; dropped if unconnected): the
                others.
    Arguments:  TARGET (packets; at least 10 are meant): the thresholds are half of it and one and a half of it.  MAX_P
                (0 to 1): the probability at the start.  QUEUES, STABILITY (keywords): as RED has them.
    State:      RED's; each half second the probability goes down by a tenth or up by at most 0.01.
    Drops:      "dropped early".
    Verifier:   either output is possible for any packet.
    Errors:     there is no queue near it.
    Source:     Click manual, AdaptiveRED; Floyd, Gummadi and Shenker, adaptive RED.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("20, 0.02", "100, 0.1, STABILITY 2")

    target: Annotated[int, Unsigned(15)]
    max_p: Annotated[int, FixedPoint(16, share=True)]
    _: KW_ONLY
    queues: Annotated[tuple[str, ...], ListOf(ElementRef())] = ()
    stability: Annotated[int, Unsigned()] = 4

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return () if self.stability <= 16 else (f"STABILITY is {self.stability}; expected at most 16",)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return AdaptiveREDHolder(self.queues, self.target, self.max_p, self.stability)
