"""RoundRobinSched."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.holder import Holder, Io
from innet.elements.queueing.scheduler import PullScheduler, SchedulerHolder


class RoundRobinHolder(SchedulerHolder):
    """Starts after the input that was served last."""

    first = 0

    def order(self) -> Iterable[int]:
        return [(self.first + n) % self.inputs for n in range(self.inputs)]

    def served(self, port: int) -> None:
        self.first = (port + 1) % self.inputs


@dataclass(frozen=True)
class RoundRobinSched(PullScheduler):
    """Give the inputs' packets in turn, passing over those that have none.

    Ports:      in 0.. (pull): any.  out 0 (pull): the packet, unchanged.
    State:      the input served last.
    Verifier:   the identity for every input.
    Source:     Click manual, RoundRobinSched.
    """

    ALIASES: ClassVar[tuple[str, ...]] = ("SimpleRoundRobinSched",)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return RoundRobinHolder(len(inputs))
