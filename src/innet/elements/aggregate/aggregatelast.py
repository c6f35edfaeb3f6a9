"""AggregateLast."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import ElementRef
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet

EXTRA_PACKETS, EXTRA_LENGTH, FIRST_TIMESTAMP, TIMESTAMP = 24, 28, 32, 52


def number(packet: PacketBuffer, at: int) -> int:
    return int.from_bytes(packet.annotations[at : at + 4], "big")


class LastHolder(Holder):
    """The last packet of each aggregate."""

    RUNS = True
    WRITABLE = ("clear",)

    def __init__(self, stops: bool) -> None:
        self.packets: dict[int, PacketBuffer] = {}
        self.stops, self.clears = stops, False

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        if self.clears:
            self.run(context)
        aggregate = number(packet, 20)
        before = self.packets.get(aggregate)
        self.packets[aggregate] = packet
        area = packet.annotations
        if before is None:
            area[FIRST_TIMESTAMP : FIRST_TIMESTAMP + 8] = area[TIMESTAMP : TIMESTAMP + 8]
            return ()
        packets = number(packet, EXTRA_PACKETS) + 1 + number(before, EXTRA_PACKETS)
        length = number(packet, EXTRA_LENGTH) + len(before.data) + number(before, EXTRA_LENGTH)
        for at, value in ((EXTRA_PACKETS, packets), (EXTRA_LENGTH, length)):
            area[at : at + 4] = (value % 2**32).to_bytes(4, "big")
        area[FIRST_TIMESTAMP : FIRST_TIMESTAMP + 8] = before.annotations[
            FIRST_TIMESTAMP : FIRST_TIMESTAMP + 8
        ]
        if context.outputs > 1:
            return ((1, before),)
        context.drop("not the last of its aggregate")
        return ()

    def wake_ns(self, context: Context) -> int | None:
        return 0 if self.clears else None

    def run(self, context: Context) -> bool:
        self.clears = False
        kept, self.packets = self.packets, {}
        for aggregate in sorted(kept):
            context.emit(0, kept[aggregate])
        if self.stops:
            context.stop()
        return True

    def holding(self) -> int:
        return len(self.packets)

    def write(self, handler: str, value: str, context: Context) -> bool:
        self.clears |= handler == "clear"
        return handler == "clear"


@dataclass(frozen=True)
class AggregateLast(Element):
    """Let the last packet of each aggregate pass, once the handler `clear` is written.

    Ports:      in 0: packets.  out 0: the last one with its AGGREGATE annotation, with EXTRA_PACKETS, EXTRA_LENGTH and
                FIRST_TIMESTAMP annotations for all that came with it.
                out 1 (optional; dropped if unconnected): the others.
    Arguments:  STOP_AFTER_CLEAR (keyword, bool, default false): end the run then.
                NOTIFIER (keyword, an element): accepted, without effect.
    State:      a packet for each aggregate; write handler `clear` lets all go.
    Drops:      "not the last of its aggregate".
    Verifier:   its annotations are taken for anything.
    Source:     Click manual, AggregateLast. With a NOTIFIER, Click also lets a packet go when its aggregate ends.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "h/h"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "STOP_AFTER_CLEAR true")

    _: KW_ONLY
    notifier: Annotated[str | None, ElementRef()] = None
    stop_after_clear: bool = False

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        for at in (EXTRA_PACKETS, EXTRA_LENGTH, FIRST_TIMESTAMP, FIRST_TIMESTAMP + 4):
            p.set_raw(Mark.ANNOTATION, at, 4, p.random(32))
        if p.outputs > 1:
            with p.when(p.random(1) == 1):
                p.emit(1)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return LastHolder(self.stop_after_clear)
