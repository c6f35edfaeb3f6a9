"""Elements that drop packets early, going by how full the queues near them are (active queue management)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Out, Pulling
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet

REASON = "dropped early"


class DropperHolder(Holder):
    """Decides of each packet whether it goes on."""

    PULLS = WATCHES = PASSES = True
    WRITABLE = ("reset_counts",)
    READS = ("drops", "stats", "avg_queue_size", "queues")

    def __init__(self, queues: Sequence[str]) -> None:
        self.watched = queues
        self.drops = 0
        self.length = 0

    def condemns(self, packet: PacketBuffer, context: Context) -> bool:
        """Whether `packet` is to be dropped."""
        raise NotImplementedError

    def queue_length(self, context: Context) -> int:
        """How many packets are in the queues."""
        self.length = sum(queue.holding() for queue in context.queues())
        return self.length

    def dropped(self, packet: PacketBuffer, context: Context) -> Sequence[Out]:
        """What leaves when `packet` is dropped."""
        self.drops += 1
        if context.outputs > 1:
            return ((1, packet),)
        context.drop(REASON)
        return ()

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        return self.dropped(packet, context) if self.condemns(packet, context) else ((0, packet),)

    def pull(self, port: int, context: Context) -> Pulling:
        while (packet := (yield 0)) is not None:
            if not self.condemns(packet, context):
                return packet
            for out in self.dropped(packet, context):
                context.emit(*out)
        return None

    def average(self) -> str:
        """The average length of the queues, as handlers show it."""
        return str(self.length)

    def read(self, handler: str) -> str | None:
        match handler:
            case "drops":
                return str(self.drops)
            case "avg_queue_size":
                return self.average()
            case "queues":
                return "".join(f"{name}\n" for name in self.watched)
            case "stats":
                return f"{self.length} current queue\n{self.average()} avg queue\n{self.drops} drops\n"
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler != "reset_counts":
            return False
        self.drops = 0
        return True


@dataclass(frozen=True)
class EarlyDropper(Element):
    """What they have in common; no element class of its own."""

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    ROLE: ClassVar[Role] = Role.HOLDER

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        if p.outputs > 1:
            with p.when(p.random(1) == 1):
                p.emit(1)
        p.emit(0)
