"""What elements that delay packets have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Seconds
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, timestamp, timestamp_of
from innet.ir.interpret import NS, PacketBuffer
from innet.ir.trace import Packet


def any_timestamp(p: Packet) -> None:
    """The timestamp becomes one that nobody can foretell: proofs have no time."""
    p.anno.time_s = p.random(32)
    p.anno.time_ns = p.random(32)


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


@dataclass(frozen=True)
class Delay(Element):
    """Base of the elements that hold each packet until a while after its timestamp."""

    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("50ms", "2")
    WRITABLE: ClassVar[Mapping[str, str]] = {"delay": "delay_ns"}

    delay_ns: Annotated[int, Seconds(digits=9)]

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        any_timestamp(p)
        p.emit(0)
