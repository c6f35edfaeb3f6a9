"""AggregatePacketCounter."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import ElementRef, Signed
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out, handler_int
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet

PACKET_NUMBERS = (32, 36)
MAX_NUMBERS = 1_000_000
"""Packet numbers that are kept, of all aggregates and inputs together."""


class NumberHolder(Holder):
    """How often each packet number of each aggregate came in by each input."""

    WRITABLE = ("clear",)
    READS = ("count", "received", "undelivered")

    def __init__(self, place: int | None) -> None:
        self.place = place
        self.seen: Counter[tuple[int, int, int]] = Counter()

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        area = packet.annotations
        aggregate = int.from_bytes(area[20:24], "big")
        if aggregate:
            number = 0 if self.place is None else int.from_bytes(area[self.place : self.place + 4], "big")
            key = aggregate, number, port
            if key in self.seen or len(self.seen) < MAX_NUMBERS:
                self.seen[key] += 1
        return ((port, packet),)

    def answer(self, handler: str, argument: str, context: Context) -> str | None:
        match handler:
            case "count":
                return str(self.seen.total())
            case "received" | "undelivered":
                aggregate = handler_int(argument, 0, 2**32 - 1) if argument else 0
                numbers = sorted({n for a, n, _ in self.seen if a == aggregate})
                if handler == "undelivered":
                    numbers = [n for n in numbers if self.seen[aggregate, n, 0] > self.seen[aggregate, n, 1]]
                return "".join(f"{n}\n" for n in numbers)
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler == "clear":
            self.seen.clear()
        return handler == "clear"


@dataclass(frozen=True)
class AggregatePacketCounter(Element):
    """Count packets by their packet number and their AGGREGATE annotation.

    Ports:      in K: packets.  out K: the same.
    Arguments:  PACKETNO (keyword, default 0): which packet number annotation: 0 (PACKET_NUMBER), 1 (the one behind it),
                or none if negative.  NOTIFIER (keyword, an element): accepted, without effect.
    State:      a count for each number of each aggregate at each input, at most a million. Read handlers `count`,
                `received AGG` (its numbers) and `undelivered AGG` (those that came in oftener by input 0 than by input
                1); write handler `clear`.
    Errors:     other numbers of inputs and outputs.
    Source:     Click manual, AggregatePacketCounter.
    """

    PORTS: ClassVar[str] = "1-/="
    FLOW: ClassVar[str] = "#/#"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "PACKETNO -1")

    _: KW_ONLY
    notifier: Annotated[str | None, ElementRef()] = None
    packetno: Annotated[int, Signed(-(2**31), 1)] = 0

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        p.emit(port)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return NumberHolder(PACKET_NUMBERS[self.packetno] if self.packetno >= 0 else None)
