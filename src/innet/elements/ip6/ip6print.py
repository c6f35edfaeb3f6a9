"""IP6Print."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element, Role
from innet.elements.holder import Holder, Io
from innet.elements.ip6.header6 import IP6_BYTES
from innet.elements.printing.lines import HEX, Printer, dump
from innet.flowspec.names import colons
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet

LINE_BYTES = 24


@dataclass(frozen=True)
class IP6Print(Element):
    """Print a line about each IPv6 packet.

    Ports:      in 0: packets.  out 0: the same; those without a whole IPv6 header at the network mark pass in silence.
    Arguments:  LABEL.  CONTENTS (keyword, bool, default false): print the packet's bytes, too, in hexadecimal.
                NBYTES (keyword, default 1500): how many.  ACTIVE (keyword, bool, default true): print at all.
    State:      handler `active`.
    Source:     Click manual, IP6Print.
    """

    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "in, CONTENTS true, NBYTES 60")

    label: str = ""
    _: KW_ONLY
    contents: bool = False
    nbytes: Annotated[int, Unsigned()] = 1500
    active: bool = True

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return Printer(self.line, self.active)

    def line(self, packet: PacketBuffer) -> str | None:
        """What is printed about `packet`; None: nothing."""
        start = packet.marks.get(Mark.NET, -1)
        header = (
            bytes(packet.bytes[start : min(start + IP6_BYTES, packet.marks[Mark.END])]) if start >= 0 else b""
        )
        if len(header) < IP6_BYTES:
            return None
        src, dst = (colons(int.from_bytes(header[at : at + 16], "big")) for at in (8, 24))
        numbers = f"plen {int.from_bytes(header[4:6], 'big')}, next {header[6]}, hlim {header[7]}"
        text = f"{self.label}: " if self.label else ""
        text += f"{src} -> {dst} {numbers}"
        return text + dump(packet.data[: self.nbytes], HEX, LINE_BYTES) if self.contents else text
