"""DelayUnqueue: pull packets, and push them a while after their timestamp."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Seconds
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, timestamp_of
from innet.elements.queueing.delayed import any_timestamp
from innet.elements.queueing.delayshaper import DelayHolder
from innet.ir.trace import Packet


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
class DelayUnqueue(Element):
    """Pull packets and push each one DELAY after its timestamp, in order.

    Ports:      in 0 (pull): any.  out 0 (push): the packet; its timestamp is the time at which it was due.
    Arguments:  DELAY (seconds, to the nanosecond).
    State:      one packet: those behind it wait in the queue before. A timestamp of zero seconds counts as now.
    Verifier:   the identity but for the timestamp; when a packet leaves is not modelled.
    Source:     Click manual, DelayUnqueue.
    """

    PROCESSING: ClassVar[str] = "l/h"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("50ms", "2")
    WRITABLE: ClassVar[Mapping[str, str]] = {"delay": "delay_ns"}

    delay_ns: Annotated[int, Seconds(digits=9)]

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        any_timestamp(p)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return DelayUnqueueHolder(self.delay_ns)
