"""CoDel: controlled delay."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from math import isqrt
from typing import Annotated, ClassVar

from innet.elements.annotation.times import FIRST_TIMESTAMP, time_at
from innet.elements.arguments import ElementRef, ListOf, Seconds
from innet.elements.base import Element
from innet.elements.holder import Context, Holder, Io, Pulling
from innet.elements.queueing.dropper import DropperHolder, EarlyDropper
from innet.ir.interpret import NS, PacketBuffer

MS = 1_000_000


class CoDelHolder(DropperHolder):
    """When packets were first seen to wait too long, and when the next one is dropped."""

    def __init__(self, queues: tuple[str, ...], target_ns: int, interval_ns: int) -> None:
        super().__init__(queues)
        self.target_ns, self.interval_ns = target_ns, interval_ns
        self.first_above_ns = self.drop_next_ns = 0
        self.dropping = self.may_drop = False
        self.in_a_row = 0

    def judge(self, packet: PacketBuffer | None, now_ns: int) -> bool:
        """Set `may_drop` by how long `packet` waited; whether that is known."""
        self.may_drop = False
        if packet is None:
            self.first_above_ns = 0
            return False
        since = time_at(packet, FIRST_TIMESTAMP)
        if since < NS:
            return False
        if now_ns - since < self.target_ns:
            self.first_above_ns = 0
        elif self.first_above_ns == 0:
            self.first_above_ns = now_ns + self.interval_ns
        else:
            self.may_drop = now_ns >= self.first_above_ns
        return True

    def after(self, time_ns: int) -> int:
        """When the next packet is dropped: the interval over the root of how many were, in sixteenths."""
        return time_ns + self.interval_ns // MS * 16 * MS // isqrt(self.in_a_row * 256)

    def condemns(self, packet: PacketBuffer, context: Context) -> bool:
        return False  # pushed, as replays do: no packet has waited

    def pull(self, port: int, context: Context) -> Pulling:
        now = context.now_ns
        packet = yield 0
        self.queue_length(context)
        if not self.judge(packet, now):
            self.dropping = False
            return packet
        if self.dropping and not self.may_drop:
            self.dropping = False
        elif self.dropping:
            while self.dropping and packet is not None and now >= self.drop_next_ns:
                self.discard(packet, context)
                self.in_a_row += 1
                packet = yield 0
                self.judge(packet, now)
                if self.may_drop:
                    self.drop_next_ns = self.after(self.drop_next_ns)
                else:
                    self.dropping = False
        elif self.may_drop and packet is not None:
            recent = now - self.drop_next_ns < self.interval_ns
            if recent or now - self.first_above_ns >= self.interval_ns:
                self.discard(packet, context)
                packet = yield 0
                self.judge(packet, now)
                self.dropping = True
                self.in_a_row = (self.in_a_row - 2 if self.in_a_row > 2 else 1) if recent else 1
                self.drop_next_ns = self.after(now)
        return packet

    def discard(self, packet: PacketBuffer, context: Context) -> None:
        """Drop `packet`."""
        for out in self.dropped(packet, context):
            context.emit(*out)

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, CoDel)
        self.target_ns, self.interval_ns = element.target_ns, element.interval_ns


@dataclass(frozen=True)
class CoDel(EarlyDropper):
    """Drop packets when all have waited too long for a while, the more often the longer that lasts.

    Ports:      in 0 (pull): packets whose FIRST_TIMESTAMP says since when they wait; those without one pass.
                out 0 (pull): those that were kept.  out 1 (push, optional; dropped if unconnected): the others.
    Arguments:  TARGET (seconds, default 5ms): what is too long.  INTERVAL (seconds, default 100ms): for how long.
                QUEUES (keyword, names; default: the queues before it).
    State:      when packets were first seen to wait too long; when the next packet is dropped.
    Drops:      "dropped early".
    Verifier:   either output is possible for any packet.
    Errors:     there is no queue near it.
    Source:     Click manual, CoDel; Nichols and Jacobson, controlled delay (RFC 8289).
    """

    PROCESSING: ClassVar[str] = "l/lh"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "5ms, 100ms")
    WRITABLE: ClassVar[Mapping[str, str]] = {"codel_target": "target_ns", "codel_interval": "interval_ns"}

    target_ns: Annotated[int, Seconds(digits=9)] = 5 * MS
    interval_ns: Annotated[int, Seconds(digits=9)] = 100 * MS
    _: KW_ONLY
    queues: Annotated[tuple[str, ...], ListOf(ElementRef())] = ()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return CoDelHolder(self.queues, self.target_ns, self.interval_ns)
