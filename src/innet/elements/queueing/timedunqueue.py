"""TimedUnqueue: pull a burst at a time, at fixed intervals. The batcher of the paper's Figure 4."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Seconds
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io
from innet.ir.trace import Packet


class TimedUnqueueHolder(Holder):
    """The timer of a TimedUnqueue.

    It ticks from the start. A tick whose first pull finds nothing while the queue's empty notifier is off stops the
    ticking; from then on a packet in the queue is let through at once, and starts the ticking anew.
    """

    RUNS = True

    def __init__(self, interval_ns: int, burst: int) -> None:
        self.interval_ns, self.burst = interval_ns, burst
        self.ticking = True
        self.next_ns = 0
        self.started = False

    def wake_ns(self, context: Context) -> int | None:
        if self.ticking:
            return self.next_ns
        return 0 if context.waiting(0) else None

    def run(self, context: Context) -> bool:
        moved = 0
        while moved < self.burst and (packet := context.pull(0)) is not None:
            moved += 1
            context.emit(0, packet)
        if not moved and not context.waiting(0):
            self.ticking = self.started = False
            return False
        self.next_ns = (self.next_ns if self.started else context.now_ns) + self.interval_ns
        self.ticking = self.started = True
        return moved > 0


@dataclass(frozen=True)
class TimedUnqueue(Element):
    """Pull up to BURST packets every INTERVAL and push them on.

    Ports:      in 0 (pull): any.  out 0 (push): the same packet.
    Arguments:  INTERVAL (seconds, to the millisecond); BURST (packets, default 1, at least 1).
    State:      a timer: it ticks from the start, by the previous deadline (no drift), and stops when the queue before
                it was empty ten times in a row; a packet that comes then passes at once.
    Verifier:   the identity: when a packet leaves is not modelled.
    Source:     Click manual, TimedUnqueue; the paper's section 8 (batching push notifications).
    """

    PROCESSING: ClassVar[str] = "l/h"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("120, 100", "0.2")

    interval_ms: Annotated[int, Seconds(digits=3)]
    burst: int = 1

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return () if self.burst >= 1 else (f"BURST is {self.burst}; expected at least 1 packet",)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return TimedUnqueueHolder(self.interval_ms * 1_000_000, self.burst)
