"""DelayShaper: packets can be pulled a while after their timestamp."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.holder import Context, Holder, Io, Pulling, timestamp, timestamp_of
from innet.elements.queueing.delayed import Delay, DelayHolder


class DelayShaperHolder(DelayHolder):
    """Answers pulls. It has a task only to have the clock set forward to the release."""

    PULLS = NOTIFIES = RUNS = True

    def pull(self, port: int, context: Context) -> Pulling:
        if self.packet is None:
            packet = yield 0
            if packet is not None:
                self.accept(packet, context)
        released = self.due(context)
        if released is not None:
            timestamp(released, context.now_ns)
        return released

    def waiting(self) -> bool:
        return self.packet is not None

    def wake_ns(self, context: Context) -> int | None:
        return None if self.packet is None else timestamp_of(self.packet)


@dataclass(frozen=True)
class DelayShaper(Delay):
    """Hold each packet until DELAY after its timestamp, in order.

    Ports:      in 0 (pull): any.  out 0 (pull): the packet, when its time has come; its timestamp is then the present.
    Arguments:  DELAY (seconds, to the nanosecond).
    State:      one packet: those behind it wait in the queue before. A timestamp of zero seconds counts as now.
    Verifier:   the identity but for the timestamp; when a packet leaves is not modelled.
    Source:     Click manual, DelayShaper.
    """

    PROCESSING: ClassVar[str] = "l/l"

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return DelayShaperHolder(self.delay_ns)
