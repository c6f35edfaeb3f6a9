"""FrontDropQueue."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.holder import Context, Holder, Io, Out
from innet.elements.queueing.queue import Queue, QueueHolder
from innet.ir.interpret import PacketBuffer


class FrontDropHolder(QueueHolder):
    """A queue that gives up its oldest packet for a new one."""

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        if self.capacity == 0:
            return self.overflow((packet,), context)
        out: Sequence[Out] = ()
        if len(self.packets) >= self.capacity:
            out = self.overflow((self.packets.popleft(),), context)
        self.packets.append(packet)
        self.noticed()
        return out

    def shrink(self, context: Context) -> None:
        while len(self.packets) > self.capacity:
            self.packets.popleft()
            context.drop("queue full")


@dataclass(frozen=True)
class FrontDropQueue(Queue):
    """Keep packets, first in, first out; when full, the oldest makes room.

    Ports:      in 0 (push): any.  out 0 (pull): the oldest packet, unchanged.
                out 1 (push, optional; dropped if unconnected): the oldest packet, when a new one found the queue full.
    Arguments:  CAPACITY (packets, default 1000): 0 drops everything.
    State:      at most CAPACITY packets.
    Drops:      "queue full".
    Verifier:   the identity: the packet leaves by output 0, whenever that is.
    Source:     Click manual, FrontDropQueue.
    """

    ALIASES: ClassVar[tuple[str, ...]] = ()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return FrontDropHolder(self.capacity)
