"""Perhaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.holder import Context, Holder, Io, Out
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet

UNKNOWN = "it is not known what passes here"


class Nothing(Holder):
    """Lets nothing pass."""

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        context.drop(UNKNOWN)
        return ()


@dataclass(frozen=True)
class Perhaps(Element):
    """A filter whose rules are not known: it stands where an imported configuration was not understood.

    Ports:      in 0: packets.  out 0: those that it lets pass, unchanged.
    Arguments:  NAME (string, optional): what was not understood, for people.
    Drops:      "it is not known what passes here".
    Verifier:   each packet may pass or not. What no packet may do is proven as if all passed; that some packet
                passes is never proven.
    Source:     lenient imports (`innet snapshot import`). It is for the operator's network, where it stands for a real
                filter. Run by itself it lets nothing pass.
    """

    PORTS: ClassVar[str] = "1/1"
    PROCESSING: ClassVar[str] = "h/h"
    BARRED: ClassVar[str] = "nobody knows what it lets pass; it can only be assessed"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", '"line 7 of an access list"')

    name: str = ""

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return Nothing()

    def released(self, p: Packet, port: int) -> None:
        p.havoc(Mark.DATA, 0, 0)  # changes nothing, and says that nobody can foretell what comes out
        p.emit(0)
