"""ToIPSummaryDump."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, BinaryIO, ClassVar

from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.elements.arguments import Filename
from innet.elements.base import Element, Role
from innet.elements.device.summary import VERSION, field_name, line
from innet.elements.holder import Context, Holder, Io, Out
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet
from innet.lexical import Text, quote, unquote, words


@dataclass(frozen=True)
class SummaryFields(ArgumentType[tuple[str, ...]]):
    """Names of fields, separated by spaces."""

    def describe(self) -> str:
        return (
            "fields such as timestamp, ip_src, ip_dst, ip_len, ip_proto, sport, dport, tcp_flags, payload_len"
        )

    def parse(self, text: Text, names: Names) -> tuple[str, ...]:
        found = []
        for word in words(text):
            name = field_name(unquote(word).value)
            if name is None:
                raise self.refused(word, f"there is no field '{word}'")
            found.append(name)
        return tuple(found)

    def unparse(self, value: tuple[str, ...]) -> str:
        return " ".join(value)


class SummaryHolder(Holder):
    """The writing of one summary."""

    WRITABLE = ("reset_counts",)
    READS = ("count", "filename")

    def __init__(self, element: "ToIPSummaryDump", file: BinaryIO) -> None:
        self.element, self.file, self.count = element, file, 0
        if element.header:
            head = f"!IPSummaryDump {VERSION}\n"
            if element.banner:
                head += f"!creator {quote(element.banner)}\n"
            file.write(f"{head}!data {' '.join(element.shown)}\n".encode("latin-1", "replace"))

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        self.count += 1
        extra = int.from_bytes(packet.annotations[24:28], "big") if self.element.multipacket else 0
        text = line(packet, self.element.shown) + "\n"
        for _ in range(min(extra, 65535) + 1 if "count" not in self.element.shown else 1):
            self.file.write(text.encode("latin-1", "replace"))
        return ((0, packet),) if context.outputs else ()

    def read(self, handler: str) -> str | None:
        match handler:
            case "count":
                return str(self.count)
            case "filename":
                return self.element.filename
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        self.count = 0 if handler == "reset_counts" else self.count
        return handler == "reset_counts"


@dataclass(frozen=True)
class ToIPSummaryDump(Element):
    """Write a line of text about each packet.

    Ports:      in 0: packets. In pull context without an output it pulls by itself.  out 0 (optional): the same.
    Arguments:  FILENAME (`-`: standard output).  FIELDS or CONTENTS (keywords, default `ip_src ip_dst`): what stands on
                a line.  HEADER (keyword, bool, default true): lines in front that tell the fields.  BANNER (keyword,
                string).  MULTIPACKET (keyword, bool, default false): as many lines as the EXTRA_PACKETS annotation
                says.
                VERBOSE, BAD_PACKETS, CAREFUL_TRUNC, EXTRA_LENGTH (keywords, bool): accepted, without effect.
    Source:     Click manual, ToIPSummaryDump. BINARY is left out, as are TCP and IP options.
    """

    PORTS: ClassVar[str] = "1/0-1"
    PROCESSING: ClassVar[str] = "a/h"
    ROLE: ClassVar[Role] = Role.EXIT
    BARRED: ClassVar[str] = "a platform has no files"
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "out.txt",
        "out.txt, FIELDS timestamp ip_src sport ip_dst dport ip_proto",
    )

    filename: Annotated[str, Filename()]
    _: KW_ONLY
    fields: Annotated[tuple[str, ...] | None, SummaryFields()] = None
    contents: Annotated[tuple[str, ...] | None, SummaryFields()] = None
    header: bool = True
    banner: str = ""
    multipacket: bool = False
    verbose: bool = False
    bad_packets: bool = False
    careful_trunc: bool = True
    extra_length: bool = True

    @property
    def shown(self) -> tuple[str, ...]:
        return self.fields or self.contents or ("ip_src", "ip_dst")

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return SummaryHolder(self, io.create_file(self.filename))
