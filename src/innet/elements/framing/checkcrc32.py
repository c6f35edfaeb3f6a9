"""CheckCRC32."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.framing.crc32 import CRC_BYTES, crc32
from innet.elements.holder import Context, Holder, Io, Out
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet

TOO_SHORT = "no room for a CRC"


class CheckCRC32Holder(Holder):
    """Sums up each packet as it comes."""

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        data = packet.data
        if crc32(data[:-CRC_BYTES]) != data[-CRC_BYTES:]:
            context.drop("wrong CRC")
            return ()
        packet.set_mark(Mark.END, packet.marks[Mark.END] - CRC_BYTES)
        return ((0, packet),)


@dataclass(frozen=True)
class CheckCRC32(Element):
    """Let packets pass that end in their CRC-32, and cut that off.

    Ports:      in 0: packets.  out 0: those whose CRC is right, four bytes shorter.
    Drops:      "no room for a CRC": fewer than four bytes; "wrong CRC".
    Verifier:   every packet may have a right CRC.
    Source:     Click manual, CheckCRC32; the CRC is that of SetCRC32.
    """

    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        with p.when(~p.present(Mark.DATA, 0, CRC_BYTES)):
            p.drop(TOO_SHORT)
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        p.set_mark(Mark.END, Mark.END, -CRC_BYTES)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return CheckCRC32Holder()
