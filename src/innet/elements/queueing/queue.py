"""Queue: a push input, a pull output, packets in between."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out, handler_int
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet

EMPTY_PULLS = 10
"""A Queue's empty notifier goes off at the tenth pull in a row that finds nothing."""


class QueueHolder(Holder):
    """The packets of a queue, oldest first. `patience` is how many empty pulls turn the empty notifier off."""

    PULLS = NOTIFIES = STORES = True
    WRITABLE = ("capacity", "reset", "reset_counts")
    READS = ("length", "highwater_length", "drops")

    def __init__(self, capacity: int, patience: int = EMPTY_PULLS) -> None:
        self.capacity, self.patience = capacity, patience
        self.packets: deque[PacketBuffer] = deque()
        self.dropped = self.highwater = self.empty_pulls = 0
        self.asleep = False

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        if len(self.packets) >= self.capacity:
            return self.overflow((packet,), context)
        self.packets.append(packet)
        self.noticed()
        return ()

    def noticed(self) -> None:
        """A packet came in."""
        self.highwater = max(self.highwater, len(self.packets))
        self.asleep = False

    def overflow(self, packets: Sequence[PacketBuffer], context: Context) -> Sequence[Out]:
        """Count packets that found no room; they leave by output 1, if there is one."""
        self.dropped += len(packets)
        if context.outputs > 1:
            return [(1, packet) for packet in packets]
        for _ in packets:
            context.drop("queue full")
        return ()

    def take(self, context: Context) -> PacketBuffer | None:
        if self.packets:
            self.empty_pulls = 0
            return self.packets.popleft()
        self.empty_pulls += 1
        self.asleep |= self.empty_pulls >= self.patience
        return None

    def waiting(self) -> bool:
        return not self.asleep

    def full(self) -> bool:
        return len(self.packets) >= self.capacity

    def holding(self) -> int:
        return len(self.packets)

    def room(self) -> int:
        return max(0, self.capacity - len(self.packets))

    def read(self, handler: str) -> str | None:
        match handler:
            case "length":
                return str(len(self.packets))
            case "highwater_length":
                return str(self.highwater)
            case "drops":
                return str(self.dropped)
            case "capacity":
                return str(self.capacity)
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        match handler:
            case "capacity":
                self.capacity = handler_int(value, 0)
                self.shrink(context)
            case "reset":
                for out in self.overflow(tuple(self.packets), context):
                    context.emit(*out)
                self.packets.clear()
            case "reset_counts":
                self.dropped = self.highwater = 0
            case _:
                return False
        return True

    def shrink(self, context: Context) -> None:
        """Discard what the capacity no longer holds: the newest."""
        while len(self.packets) > self.capacity:
            self.packets.pop()
            context.drop("queue full")


@dataclass(frozen=True)
class Queue(Element):
    """Keep packets, first in, first out, until someone pulls them.

    Ports:      in 0 (push): any.  out 0 (pull): the oldest packet, unchanged.
                out 1 (push, optional; dropped if unconnected): a new packet that found the queue full.
    Arguments:  CAPACITY (packets, default 1000): 0 drops everything.
    State:      at most CAPACITY packets. The empty notifier goes off at the tenth empty pull in a row.
    Drops:      "queue full".
    Verifier:   the identity: the packet leaves by output 0, whenever that is.
    Source:     Click manual, Queue.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "h/lh"
    ROLE: ClassVar[Role] = Role.HOLDER
    ALIASES: ClassVar[tuple[str, ...]] = (
        "NotifierQueue", "FullNoteQueue", "ThreadSafeQueue", "MSQueue", "CPUQueue",
    )  # fmt: skip
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "400")

    capacity: int = 1000

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return () if self.capacity >= 0 else (f"CAPACITY is {self.capacity}; expected 0 or more packets",)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return QueueHolder(self.capacity)
