"""DelayUnqueue: pull packets, and push them a while after their timestamp."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.holder import Context, Holder, Io, timestamp_of
from innet.elements.queueing.delayed import Delay, DelayHolder


class DelayUnqueueHolder(DelayHolder):
    """Pulls a packet when it has none, and pushes it when its time has come."""

    RUNS = True

    def wake_ns(self, context: Context) -> int | None:
        if self.packet is not None:
            return timestamp_of(self.packet)
        return 0 if context.waiting(0) else None

    def run(self, context: Context) -> bool:
        worked = False
        if self.packet is None:
            packet = context.pull(0)
            if packet is None:
                return False
            self.accept(packet, context)
            worked = True
        released = self.due(context)
        if released is not None:
            context.emit(0, released)
            worked = True
        return worked


@dataclass(frozen=True)
class DelayUnqueue(Delay):
    """Pull packets and push each one DELAY after its timestamp, in order.

    Ports:      in 0 (pull): any.  out 0 (push): the packet; its timestamp is the time at which it was due.
    Arguments:  DELAY (seconds, to the nanosecond).
    State:      one packet: those behind it wait in the queue before. A timestamp of zero seconds counts as now.
    Verifier:   the identity but for the timestamp; when a packet leaves is not modelled.
    Source:     Click manual, DelayUnqueue.
    """

    PROCESSING: ClassVar[str] = "l/h"

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return DelayUnqueueHolder(self.delay_ns)
