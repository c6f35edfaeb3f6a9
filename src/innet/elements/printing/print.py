"""Print."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.base import Element, Role
from innet.elements.holder import Holder, Io, show_time, timestamp_of
from innet.elements.printing.lines import ASCII, HEX, NONE, Contents, Printer, dump
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import CLICK_ANNOTATION_BYTES


@dataclass(frozen=True)
class Print(Element):
    """Print a line about each packet: `LABEL: LENGTH | BYTES`.

    Ports:      in 0: packets.  out 0: the same.
    Arguments:  LABEL.  MAXLENGTH (bytes, default 24; negative: all): how much of the packet to print.
                CONTENTS (keyword, default HEX): HEX, ASCII or NONE.  TIMESTAMP, PRINTANNO, HEADROOM (keywords, bool,
                default false): print these, too.  ACTIVE (keyword, bool, default true): print at all.
                CPU (keyword, bool): print the processor's number, which is 0.  NBYTES, LENGTH (keywords): old names of
                MAXLENGTH.
    State:      handler `active`.
    Source:     Click manual, Print.
    """

    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "",
        "in, 64",
        "out, CONTENTS ASCII, TIMESTAMP true",
        "ACTIVE false",
    )

    label: str = ""
    maxlength: int = 24
    _: KW_ONLY
    contents: Annotated[str, Contents()] = HEX
    timestamp: bool = False
    printanno: bool = False
    active: bool = True
    headroom: bool = False
    cpu: bool = False
    nbytes: int | None = None
    length: int | None = None

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return Printer(self.line, self.active)

    def line(self, packet: PacketBuffer) -> str:
        """What is printed about `packet`."""
        data = packet.data
        head = self.label + ("(0)" if self.cpu else "")
        front = [head] if head else []
        if self.timestamp:
            front.append(show_time(timestamp_of(packet)))
        text = ": ".join([*front, f"{len(data):4d}"])
        if self.headroom:
            after = len(packet.bytes) - packet.marks[Mark.END]
            text += f" (h{packet.marks[Mark.DATA]} t{after})"
        if self.printanno:
            text += f" | {packet.annotations[:CLICK_ANNOTATION_BYTES].hex()}"
        if self.contents != NONE:
            shown = data if self._most < 0 else data[: self._most]
            space = " " if self.contents == ASCII else ""
            text += f" | {space}{dump(shown, self.contents)}" if shown else ""
        return text

    @property
    def _most(self) -> int:
        return next(n for n in (self.nbytes, self.length, self.maxlength) if n is not None)
