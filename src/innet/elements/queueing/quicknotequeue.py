"""QuickNoteQueue."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.holder import Holder, Io
from innet.elements.queueing.queue import Queue, QueueHolder


@dataclass(frozen=True)
class QuickNoteQueue(Queue):
    """A Queue whose empty notifier goes off at the first empty pull.

    Ports:      in 0 (push): any.  out 0 (pull): the oldest packet, unchanged.
                out 1 (push, optional; dropped if unconnected): a new packet that found the queue full.
    Arguments:  CAPACITY (packets, default 1000): 0 drops everything.
    State:      at most CAPACITY packets.
    Drops:      "queue full".
    Verifier:   the identity: the packet leaves by output 0, whenever that is.
    Source:     Click manual, QuickNoteQueue.
    """

    ALIASES: ClassVar[tuple[str, ...]] = ()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return QueueHolder(self.capacity, patience=1)
