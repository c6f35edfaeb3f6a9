"""ToDump."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Filename, OneOf, Unsigned
from innet.elements.base import Element, Role
from innet.elements.device.fromdump import ENCAPSULATIONS
from innet.elements.holder import CaptureSink, Context, Holder, Io, Out, timestamp_of
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet


class ToDumpHolder(Holder):
    """The writing of one capture."""

    WRITABLE = ("reset_counts",)

    def __init__(self, element: "ToDump", sink: CaptureSink) -> None:
        self.element, self.sink, self.count = element, sink, 0

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        data = packet.data
        extra = int.from_bytes(packet.annotations[28:32], "big") if self.element.extra_length else 0
        kept = data[: self.element.snaplen] if self.element.snaplen else data
        self.sink.write(kept, timestamp_of(packet), min(len(data) + extra, 0xFFFF_FFFF))
        self.count += 1
        return ((0, packet),) if context.outputs else ()

    def read(self, handler: str) -> str | None:
        match handler:
            case "count":
                return str(self.count)
            case "filename":
                return self.element.filename
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler != "reset_counts":
            return False
        self.count = 0
        return True


@dataclass(frozen=True)
class ToDump(Element):
    """Write packets to a capture file.

    Ports:      in 0: any packet. In pull context without an output it pulls by itself.
                out 0 (optional): the same packet.
    Arguments:  FILENAME.  SNAPLEN (bytes, default 2000): how much to write of each packet; 0: all.
                ENCAP (link type, default ETHER): ETHER, IP, NULL, 802_11 or PPP.  EXTRA_LENGTH (keyword, bool, default
                true): count the EXTRA_LENGTH annotation in the length on the wire.
                NANO (keyword, bool, default false): times in nanoseconds instead of microseconds.
                UNBUFFERED (keyword, bool): accepted, without effect.
    Source:     Click manual, ToDump. USE_ENCAP_FROM is left out. The file is made even if no packet comes.
    """

    PORTS: ClassVar[str] = "1/0-1"
    ROLE: ClassVar[Role] = Role.EXIT
    BARRED: ClassVar[str] = "a platform has no files"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("out0.pcap", "out0.pcap, SNAPLEN 0", "out0.pcap, ENCAP IP")

    filename: Annotated[str, Filename()]
    snaplen: Annotated[int, Unsigned()] = 2000
    encap: Annotated[str, OneOf(*ENCAPSULATIONS)] = "ETHER"
    _: KW_ONLY
    extra_length: bool = True
    unbuffered: bool = False
    nano: bool = False

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        sink = io.create_capture(self.filename, ENCAPSULATIONS[self.encap], self.snaplen, self.nano)
        return ToDumpHolder(self, sink)
