"""FromIPSummaryDump."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, BinaryIO, ClassVar

from innet.elements.arguments import Filename, Fraction, Protocol
from innet.elements.base import Element, Role
from innet.elements.device.marks import ipv4_at
from innet.elements.device.summary import Draft, LineError, field_name, read_line
from innet.elements.device.toipsummarydump import SummaryFields
from innet.elements.holder import Context, Holder, Io, handler_bool, show_bool, timestamp
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet
from innet.lexical import Text, unquote, words

MAX_PACKETS_OF_A_LINE = 65536


class FromSummaryHolder(Holder):
    """The reading of one summary."""

    RUNS = PULLS = True
    WRITABLE = ("active", "reset_counts", "stop")
    READS = ("count", "filename")

    def __init__(self, element: "FromIPSummaryDump", io: Io, outputs: str) -> None:
        self.element, self.active, self.count = element, element.active, 0
        self.pulled = outputs[:1] == "l"
        self.fields = element.fields or element.contents or ()
        self.lines: Iterator[tuple[Draft, int]] = self.drafts(io.open_file(element.filename))
        self.over = False
        self.ahead: tuple[Draft, int] | None = None
        self.told: list[str] = []
        self.offset_ns: int | None = None

    def drafts(self, file: BinaryIO) -> Iterator[tuple[Draft, int]]:
        """What the lines say, and how many packets each stands for."""
        for n, raw in enumerate(file, 1):
            text = raw.decode("latin-1").strip()
            if text.startswith("!"):
                self.directive(text, n)
            elif text and not text.startswith("#"):
                try:
                    draft = read_line(text, self.fields)
                except LineError as e:
                    self.told.append(f"{self.element.filename}:{n}: {e}")
                    continue
                yield draft, 1

    def directive(self, text: str, n: int) -> None:
        name, *rest = (unquote(word).value for word in words(Text(text)))
        if name in ("!data", "!contents"):
            known = [field_name(word) for word in rest]
            self.fields = tuple(field or "unknown" for field in known)
            unknown = [word for word, field in zip(rest, known, strict=True) if field is None]
            if unknown:
                self.told.append(f"{self.element.filename}:{n}: there is no field '{unknown[0]}'")
        elif name == "!proto" and rest:
            self.told.append(f"{self.element.filename}:{n}: '!proto' is not followed")

    def wake_ns(self, context: Context) -> int | None:
        if not self.active or self.over or self.pulled:
            return None
        return self.due(context) if self.element.timing else 0

    def due(self, context: Context) -> int:
        """When the next packet is due, if the time between packets is kept."""
        if self.ahead is None:
            self.ahead = next(self.lines, None)
        if self.ahead is None:
            return 0
        if self.offset_ns is None:
            self.offset_ns = context.now_ns - self.ahead[0].time_ns
        return self.ahead[0].time_ns + self.offset_ns

    def run(self, context: Context) -> bool:
        packet = self.next_packet(context)
        if packet is None:
            return False
        context.outside(packet)
        return True

    def take(self, context: Context) -> PacketBuffer | None:
        packet = self.next_packet(context) if self.active and not self.over else None
        return None if packet is None else context.outside(packet)

    def next_packet(self, context: Context) -> PacketBuffer | None:
        element = self.element
        while True:
            found = self.ahead or next(self.lines, None)
            self.ahead = None
            for text in self.told:
                context.say(text)
            self.told.clear()
            if found is None:
                self.over, self.active = True, False
                if element.stop:
                    context.stop()
                return None
            draft, copies = found
            if element.multipacket and copies == 1:
                copies = min(draft.numbers.pop("count", 1), MAX_PACKETS_OF_A_LINE)
            if copies > 1:
                self.ahead = draft, copies - 1
            if element.sample == 1 or context.random.random() < element.sample:
                break
        self.count += 1
        packet = draft.packet(element.proto, element.checksum)
        timestamp(packet, draft.time_ns)
        if element.zero:
            missing = int.from_bytes(packet.annotations[28:32], "big")
            if missing <= 0xFFFF:
                whole = PacketBuffer(packet.data + bytes(missing))
                whole.annotations[:] = packet.annotations
                whole.annotations[28:32] = bytes(4)
                return whole
        return packet

    def waiting(self) -> bool:
        return self.active and not self.over

    def read(self, handler: str) -> str | None:
        match handler:
            case "active":
                return show_bool(self.active)
            case "count":
                return str(self.count)
            case "filename":
                return self.element.filename
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        match handler:
            case "active":
                self.active = handler_bool(value)
            case "reset_counts":
                self.count = 0
            case "stop":
                self.active = False
                context.stop()
            case _:
                return False
        return True


@dataclass(frozen=True)
class FromIPSummaryDump(Element):
    """Packets made from the lines of an IP summary dump.

    Ports:      out 0: an IPv4 packet for each line, with IP header annotation, its time, and, if the line says so,
                PAINT (direction), AGGREGATE, FIRST_TIMESTAMP and EXTRA_PACKETS annotations.
    Arguments:  FILENAME (`-`: standard input).  STOP (keyword, bool, default false): end the run behind the last line.
                ACTIVE (keyword, bool, default true).  TIMING (keyword, bool, default false): keep the time between
                packets.  SAMPLE (keyword, probability, default 1).  PROTO (keyword, default tcp): the protocol where
                the lines do not say.  CHECKSUM (keyword, bool, default false): a right IPv4 checksum.  ZERO (keyword,
                bool, default false): bytes that the line does not tell are zeros; otherwise they are missing, and
                counted in EXTRA_LENGTH.  MULTIPACKET (keyword, bool, default false): as many packets as a line's count.
                FIELDS or CONTENTS (keywords): the fields, where the file has no `!data` line.
    State:      handlers `count`, `filename`; `active`, `reset_counts`, `stop`.
    Source:     Click manual, FromIPSummaryDump. FLOWID, DATA, TCP and IP options are left out.
    """

    PORTS: ClassVar[str] = "0/1"
    ROLE: ClassVar[Role] = Role.ENTRY
    BARRED: ClassVar[str] = "a platform has no files"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("in.txt", "in.txt, STOP true, FIELDS ip_src ip_dst")

    filename: Annotated[str, Filename()]
    _: KW_ONLY
    stop: bool = False
    active: bool = True
    zero: bool = False
    timing: bool = False
    checksum: bool = False
    sample: Annotated[float, Fraction()] = 1.0
    proto: Annotated[int, Protocol()] = 6
    multipacket: bool = False
    fields: Annotated[tuple[str, ...] | None, SummaryFields()] = None
    contents: Annotated[tuple[str, ...] | None, SummaryFields()] = None

    def receive(self, p: Packet) -> None:
        with ipv4_at(p, 0):
            p.emit(0)
        p.drop("not IPv4")

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return FromSummaryHolder(self, io, outputs)
