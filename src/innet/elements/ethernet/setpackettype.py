"""SetPacketType."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.diagnostics import suggest
from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.elements.base import Element
from innet.ir.trace import Packet
from innet.lexical import Text
from innet.packet.headers import PacketType

TYPES = ("HOST", "BROADCAST", "MULTICAST", "OTHERHOST", "OUTGOING", "LOOPBACK")
assert [getattr(PacketType, name) for name in TYPES] == list(range(len(TYPES)))


@dataclass(frozen=True)
class PacketTypeName(ArgumentType[int]):
    """A packet type by name, in any case."""

    def describe(self) -> str:
        return f"a packet type: {', '.join(TYPES[:-1])} or {TYPES[-1]}"

    def parse(self, text: Text, names: Names) -> int:
        word = self.word(text)
        if word.upper() not in TYPES:
            near = suggest(word.upper(), TYPES)
            raise self.refused(text, help=f"did you mean '{near}'?" if near else "")
        return TYPES.index(word.upper())

    def unparse(self, value: int) -> str:
        return TYPES[value]


@dataclass(frozen=True)
class SetPacketType(Element):
    """Say how the packet was addressed.

    Ports:      in 0: packets.  out 0: the same with the packet type annotation set.
    Arguments:  TYPE: HOST, BROADCAST, MULTICAST, OTHERHOST, OUTGOING or LOOPBACK, in any case.
    Source:     Click manual, SetPacketType.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("HOST", "broadcast")

    type: Annotated[int, PacketTypeName()]

    def push(self, p: Packet, port: int) -> None:
        p.anno.packet_type = self.type
        p.emit(0)
