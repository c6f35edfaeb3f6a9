"""RandomBitErrors: a noisy line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import FixedPoint, OneOf
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out, Pulling
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet

BITS = 16
ONE = 1 << BITS


class RandomBitErrorsHolder(Holder):
    """Hits bits of each packet."""

    PULLS = True

    def __init__(self, element: "RandomBitErrors") -> None:
        self.element = element

    def disturb(self, packet: PacketBuffer, context: Context) -> PacketBuffer:
        """`packet` with some of its bits hit."""
        element = self.element
        if not element.active or not element.p:
            return packet
        for at in range(packet.marks[Mark.DATA], packet.marks[Mark.END]):
            errors = 0
            for _ in range(8):
                errors = errors << 1 | (context.random.getrandbits(BITS) < element.p)
            match element.kind:
                case "set":
                    packet.bytes[at] |= errors
                case "clear":
                    packet.bytes[at] &= ~errors
                case _:
                    packet.bytes[at] ^= errors
        return packet

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        return ((0, self.disturb(packet, context)),)

    def pull(self, port: int, context: Context) -> Pulling:
        packet = yield 0
        return None if packet is None else self.disturb(packet, context)

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, RandomBitErrors)
        self.element = element


@dataclass(frozen=True)
class RandomBitErrors(Element):
    """Hit each bit of the packets with a probability.

    Ports:      in 0: any packet.  out 0: the same, some bits of it changed.
    Arguments:  P (0 to 1): how likely a bit is hit.  KIND (flip, set or clear, default flip): what happens to it.
                ACTIVE (bool, default true).
    Verifier:   the packet's bytes become any bytes.
    Source:     Click manual, RandomBitErrors.
    """

    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("0.01", "1, set", "0.5, clear, false")
    WRITABLE: ClassVar[Mapping[str, str]] = {"p_bit_error": "p", "error_kind": "kind", "active": "active"}

    p: Annotated[int, FixedPoint(BITS, share=True)]
    kind: Annotated[str, OneOf("flip", "set", "clear")] = "flip"
    active: bool = True

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        if self.active and self.p:
            p.havoc(Mark.DATA)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return RandomBitErrorsHolder(self)
