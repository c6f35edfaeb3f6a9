"""SimpleQueue."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.holder import Holder, Io
from innet.elements.queueing.queue import Queue, QueueHolder


class SimpleQueueHolder(QueueHolder):
    """A queue without notifiers."""

    NOTIFIES = False

    def waiting(self) -> bool:
        return True

    def full(self) -> bool:
        return False


@dataclass(frozen=True)
class SimpleQueue(Queue):
    """A Queue that tells nobody when it is empty or full.

    Ports:      in 0 (push): any.  out 0 (pull): the oldest packet, unchanged.
                out 1 (push, optional; dropped if unconnected): a new packet that found the queue full.
    Arguments:  CAPACITY (packets, default 1000): 0 drops everything.
    State:      at most CAPACITY packets.
    Drops:      "queue full".
    Verifier:   the identity: the packet leaves by output 0, whenever that is.
    Source:     Click manual, SimpleQueue.
    """

    ALIASES: ClassVar[tuple[str, ...]] = ()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return SimpleQueueHolder(self.capacity)
