"""MixedQueue."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.holder import Context, Holder, Io, Out
from innet.elements.queueing.queue import Queue, QueueHolder
from innet.ir.interpret import PacketBuffer


class MixedHolder(QueueHolder):
    """A queue whose second input puts packets at the head."""

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        if port == 0 or self.capacity == 0:
            return super().push(packet, port, context)
        out: Sequence[Out] = ()
        if len(self.packets) >= self.capacity:
            out = self.overflow((self.packets.pop(),), context)
        self.packets.appendleft(packet)
        self.noticed()
        return out


@dataclass(frozen=True)
class MixedQueue(Queue):
    """A Queue with a second input that jumps the line.

    Ports:      in 0 (push): any, put at the end; dropped if the queue is full.
                in 1 (push): any, put at the head; if the queue is full, the packet at the end makes room.
                out 0 (pull): the packet at the head.  out 1 (push, optional): packets that found no room.
    Arguments:  CAPACITY (packets, default 1000): 0 drops everything.
    State:      at most CAPACITY packets.
    Drops:      "queue full".
    Verifier:   the identity: the packet leaves by output 0, whenever that is.
    Source:     Click manual, MixedQueue.
    """

    PORTS: ClassVar[str] = "2/1-2"
    ALIASES: ClassVar[tuple[str, ...]] = ()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return MixedHolder(self.capacity)
