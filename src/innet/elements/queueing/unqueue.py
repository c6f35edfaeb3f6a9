"""Unqueue: pull as fast as possible, and push."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, handler_bool, handler_int, show_bool
from innet.ir.trace import Packet


class UnqueueHolder(Holder):
    """The task of an Unqueue, and how many packets it moved."""

    RUNS = True
    WRITABLE = ("active", "burst", "limit", "reset", "reset_counts")
    READS = ("count",)

    def __init__(self, burst: int, active: bool, limit: int) -> None:
        self.burst, self.active, self.limit = burst, active, limit
        self.count = 0

    def wake_ns(self, context: Context) -> int | None:
        return 0 if self.active and self.burst != 0 and self.room() != 0 else None

    def room(self) -> int:
        """How many packets the limit leaves; negative: any number."""
        return -1 if self.limit < 0 else max(0, self.limit - self.count)

    def run(self, context: Context) -> bool:
        moved = 0
        while self.active and moved != self.burst and self.room() != 0:
            packet = context.pull(0)
            if packet is None:
                break
            moved += 1
            self.count += 1
            context.emit(0, packet)
        return moved > 0

    def read(self, handler: str) -> str | None:
        match handler:
            case "active":
                return show_bool(self.active)
            case "burst" | "limit" | "count":
                return str(getattr(self, handler))
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        match handler:
            case "active":
                self.active = handler_bool(value)
            case "burst":
                self.burst = handler_int(value)
            case "limit":
                self.limit = handler_int(value)
            case "reset" | "reset_counts":
                self.count = 0
            case _:
                return False
        return True


@dataclass(frozen=True)
class Unqueue(Element):
    """Pull packets as fast as possible and push them on.

    Ports:      in 0 (pull): any.  out 0 (push): the same packet.
    Arguments:  BURST (packets a turn, default 1): negative empties the input each turn, 0 moves nothing.
                ACTIVE (keyword, bool, default true): false waits for the handler `active`.
                LIMIT (keyword, packets, default -1): stop after so many; negative: none.
    Verifier:   the identity.
    Source:     Click manual, Unqueue.
    """

    PROCESSING: ClassVar[str] = "l/h"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "8", "BURST 4, LIMIT 15", "ACTIVE false")

    burst: int = 1
    _: KW_ONLY
    active: bool = True
    limit: int = -1

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return UnqueueHolder(self.burst, self.active, self.limit)
