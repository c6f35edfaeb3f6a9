"""SetCRC32."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.framing.crc32 import CRC_BYTES, crc32
from innet.elements.holder import Context, Holder, Io, Out
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


class SetCRC32Holder(Holder):
    """Sums up each packet as it comes."""

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        code, end = crc32(packet.data), packet.marks[Mark.END]
        packet.set_mark(Mark.END, end + CRC_BYTES)
        packet.bytes[end : end + CRC_BYTES] = code
        return ((0, packet),)


@dataclass(frozen=True)
class SetCRC32(Element):
    """Append a CRC-32 of the packet.

    Ports:      in 0: packets.  out 0: the same, four bytes longer.
    Verifier:   the four bytes are unknown.
    Source:     Click manual, SetCRC32: polynomial 0x04c11db7, start all ones, most significant bit first, not inverted,
                stored least significant byte first.
    """

    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        p.set_mark(Mark.END, Mark.END, CRC_BYTES)
        p.set_raw(Mark.END, -CRC_BYTES, CRC_BYTES, p.random(8 * CRC_BYTES))
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return SetCRC32Holder()
