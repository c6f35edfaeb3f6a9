"""Unqueue2: pull as fast as the queues behind have room."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import ElementRef, ListOf, Unsigned
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io
from innet.ir.trace import Packet


class Unqueue2Holder(Holder):
    """The task, and how many packets it moved."""

    RUNS = True
    READS = ("packets",)

    def __init__(self, burst: int, queues: tuple[str, ...]) -> None:
        self.burst = burst
        self.watched = queues
        self.count = 0

    def wake_ns(self, context: Context) -> int | None:
        return 0 if self.limit(context) else None

    def limit(self, context: Context) -> int:
        """How many packets may move in a turn."""
        room = [queue.room() for queue in context.queues()]
        return min([self.burst or 1 << 31, *room])

    def run(self, context: Context) -> bool:
        moved = 0
        limit = self.limit(context)
        while moved < limit and (packet := context.pull(0)) is not None:
            moved += 1
            self.count += 1
            context.emit(0, packet)
        return moved > 0

    def read(self, handler: str) -> str | None:
        return f"{self.count} packets" if handler == "packets" else None


@dataclass(frozen=True)
class Unqueue2(Element):
    """Pull packets and push them on, but never more than the queues behind have room for.

    Ports:      in 0 (pull): any.  out 0 (push): the same packet.
    Arguments:  BURST (packets a turn, default 1; 0: no limit).  QUEUES (keyword, names; default: the queues behind).
    Verifier:   the identity.
    Source:     Click manual, Unqueue2 (deprecated there).
    """

    PROCESSING: ClassVar[str] = "l/h"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "8", "0")

    burst: Annotated[int, Unsigned()] = 1
    _: KW_ONLY
    queues: Annotated[tuple[str, ...], ListOf(ElementRef())] = ()

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return Unqueue2Holder(self.burst, self.queues)
