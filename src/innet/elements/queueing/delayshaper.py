"""DelayShaper: packets can be pulled a while after their timestamp."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Seconds
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Pulling, timestamp, timestamp_of
from innet.elements.queueing.delayed import any_timestamp
from innet.ir.interpret import NS, PacketBuffer
from innet.ir.trace import Packet


class DelayHolder(Holder):
    """The one packet that waits."""

    def __init__(self, delay_ns: int) -> None:
        self.delay_ns = delay_ns
        self.packet: PacketBuffer | None = None

    def accept(self, packet: PacketBuffer, context: Context) -> None:
        """Keep `packet`; its timestamp becomes the time of its release."""
        stamped = timestamp_of(packet)
        timestamp(packet, (stamped if stamped >= NS else context.now_ns) + self.delay_ns)
        self.packet = packet

    def due(self, context: Context) -> PacketBuffer | None:
        """The packet, if its time has come."""
        packet = self.packet
        if packet is None or timestamp_of(packet) > context.now_ns:
            return None
        self.packet = None
        return packet

    def holding(self) -> int:
        return int(self.packet is not None)

    def reconfigured(self, element: Element) -> None:
        self.delay_ns = getattr(element, "delay_ns", self.delay_ns)


class DelayShaperHolder(DelayHolder):
    """Answers pulls. It has a task only to have the clock set forward to the release."""

    PULLS = NOTIFIES = RUNS = True

    def pull(self, port: int, context: Context) -> Pulling:
        if self.packet is None:
            packet = yield 0
            if packet is not None:
                self.accept(packet, context)
        released = self.due(context)
        if released is not None:
            timestamp(released, context.now_ns)
        return released

    def waiting(self) -> bool:
        return self.packet is not None

    def wake_ns(self, context: Context) -> int | None:
        return None if self.packet is None else timestamp_of(self.packet)


@dataclass(frozen=True)
class DelayShaper(Element):
    """Hold each packet until DELAY after its timestamp, in order.

    Ports:      in 0 (pull): any.  out 0 (pull): the packet, when its time has come; its timestamp is then the present.
    Arguments:  DELAY (seconds, to the nanosecond).
    State:      one packet: those behind it wait in the queue before. A timestamp of zero seconds counts as now.
    Verifier:   the identity but for the timestamp; when a packet leaves is not modelled.
    Source:     Click manual, DelayShaper.
    """

    PROCESSING: ClassVar[str] = "l/l"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("50ms", "2")
    WRITABLE: ClassVar[Mapping[str, str]] = {"delay": "delay_ns"}

    delay_ns: Annotated[int, Seconds(digits=9)]

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        any_timestamp(p)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return DelayShaperHolder(self.delay_ns)
