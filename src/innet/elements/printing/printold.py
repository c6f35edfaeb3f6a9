"""PrintOld."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out, timestamp_of
from innet.elements.printing.lines import HEX, dump
from innet.ir.interpret import NS, PacketBuffer
from innet.ir.trace import Packet


class AgeHolder(Holder):
    """Prints packets that are old, and hands all on."""

    def __init__(self, element: "PrintOld") -> None:
        self.element = element

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        time_ns = timestamp_of(packet)
        age_ms = (context.now_ns - time_ns) // 1_000_000
        if time_ns < NS:
            context.say("packet timestamp not set")
        elif age_ms > self.element.age:
            context.log(self.element.line(packet, age_ms))
        return ((port, packet),)


@dataclass(frozen=True)
class PrintOld(Element):
    """Print a line about each packet that has been under way for long: `LABEL(AGE msecs) LENGTH | BYTES`.

    Ports:      in 0: packets.  out 0: the same.
    Arguments:  LABEL.  AGE (milliseconds, default 5): print packets whose timestamp is further back.  MAXLENGTH (bytes,
                default 24; negative: all): how much of the packet to print.  NBYTES, LENGTH (keywords): old names of
                MAXLENGTH.
    Source:     Click manual, PrintOld. Of its lines about one packet, the one with the packet's bytes is printed.
    """

    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "late, 100, 8")

    label: str = ""
    age: int = 5
    maxlength: int = 24
    _: KW_ONLY
    nbytes: int | None = None
    length: int | None = None

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return AgeHolder(self)

    def line(self, packet: PacketBuffer, age_ms: int) -> str:
        """What is printed about a packet of this age."""
        data = packet.data
        most = next(n for n in (self.nbytes, self.length, self.maxlength) if n is not None)
        shown = data if most < 0 else data[:most]
        return f"{self.label}({age_ms:5d} msecs) {len(data):4d} | {dump(shown, HEX)}"
