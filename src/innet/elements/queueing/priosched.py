"""PrioSched."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.holder import Holder, Io
from innet.elements.queueing.scheduler import PullScheduler, SchedulerHolder


@dataclass(frozen=True)
class PrioSched(PullScheduler):
    """Give the packet of the lowest-numbered input that has one.

    Ports:      in 0.. (pull): any.  out 0 (pull): the packet, unchanged.
    Verifier:   the identity for every input.
    Source:     Click manual, PrioSched.
    """

    ALIASES: ClassVar[tuple[str, ...]] = ("SimplePrioSched",)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return SchedulerHolder(len(inputs))
