"""FromDump."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, fields
from typing import Annotated, ClassVar

from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.arguments import Filename, Fraction, HandlerCall, Seconds
from innet.elements.base import Element, Role
from innet.elements.device.marks import ETHERNET_BYTES, ipv4_at
from innet.elements.holder import Context, Holder, Io, handler_bool, show_bool, timestamp, write_or_tell
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import ETHERTYPE_IPV4
from innet.packet.record import Record

LINKTYPE_NULL, LINKTYPE_ETHERNET, LINKTYPE_RAW = 0, 1, 101
RAW_LINK_TYPES = frozenset({12, 14, LINKTYPE_RAW, 228})
"""Link types whose packets start with their IP header; 12 and 14 are LINKTYPE_RAW's names on some systems."""
ENCAPSULATIONS = {
    "ETHER": LINKTYPE_ETHERNET,
    "IP": LINKTYPE_RAW,
    "NULL": LINKTYPE_NULL,
    "802_11": 105,
    "PPP": 9,
}
"""Click's words for link types."""
ETHERTYPE_VLAN = 0x8100
SECOND = 1_000_000_000


@dataclass(frozen=True)
class FromDump(Element):
    """The packets of a capture file.

    Ports:      out 0: each packet of the file, with the file's timestamp, its uncaptured length as EXTRA_LENGTH
                annotation and, if the link type is Ethernet, the MAC mark.
                out 1 (push, optional; dropped if unconnected): with FORCE_IP, packets without a complete IPv4 header.
    Arguments:  FILENAME.  TIMING (bool, default false): keep the time between packets.
                STOP (keyword, bool, default false): end the run after the last packet; or END_CALL (keyword, a handler
                to write then).  ACTIVE (keyword, bool, default true).  SAMPLE (keyword, probability, default 1).
                FORCE_IP (keyword, bool): only IPv4, with network and transport mark and DST_IP annotation, behind an
                Ethernet header and at most one 802.1Q tag, too; link type RAW implies it.
                START, START_AFTER, END, END_AFTER, INTERVAL (keywords, seconds): which packets, by the file's time;
                *_AFTER from the first packet's, INTERVAL from the first that is let through.
                MMAP (keyword, bool), FILEPOS (keyword): accepted, without effect.
    Drops:      "not IPv4" (with FORCE_IP).
    Source:     Click manual, FromDump. FILEPOS is left out; compressed files are read if `Io` does.
    """

    PORTS: ClassVar[str] = "0/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    ROLE: ClassVar[Role] = Role.ENTRY
    BARRED: ClassVar[str] = "a platform has no files"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("in0.pcap", "in0.pcap, STOP true", "in0.pcap, FORCE_IP true")

    filename: Annotated[str, Filename()]
    timing: bool = False
    _: KW_ONLY
    stop: bool = False
    active: bool = True
    sample: Annotated[float, Fraction()] = 1.0
    force_ip: bool = False
    start: Annotated[int | None, Seconds(digits=9)] = None
    start_after: Annotated[int | None, Seconds(digits=9)] = None
    end: Annotated[int | None, Seconds(digits=9)] = None
    end_after: Annotated[int | None, Seconds(digits=9)] = None
    interval: Annotated[int | None, Seconds(digits=9)] = None
    end_call: Annotated[tuple[str, str] | None, HandlerCall()] = None
    filepos: int = 0
    mmap: bool = False

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        if self.start is not None and self.start_after is not None:
            found.append("START and START_AFTER exclude each other")
        if sum(t is not None for t in (self.end, self.end_after, self.interval)) > 1:
            found.append("END, END_AFTER and INTERVAL exclude each other")
        if self.stop and self.end_call is not None:
            found.append("STOP and END_CALL exclude each other")
        return tuple(found)

    def receive(self, p: Packet) -> None:
        p.set_mark(Mark.MAC, Mark.DATA)
        if not self.force_ip:
            p.emit(0)
            return
        kind = p.ether.type
        with p.when(kind == ETHERTYPE_IPV4), ipv4_at(p, ETHERNET_BYTES):
            p.emit(0)
        with (
            p.when(kind == ETHERTYPE_VLAN),
            p.when(p.raw(Mark.DATA, 16, 2) == ETHERTYPE_IPV4),
            ipv4_at(p, ETHERNET_BYTES + 4),
        ):
            p.emit(0)
        p.divert(1, "not IPv4")

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return FromDumpHolder(self, io, outputs)


class RawDump(FromDump):
    """A FromDump whose file turned out to hold bare IP packets."""

    def receive(self, p: Packet) -> None:
        with ipv4_at(p, 0):
            p.emit(0)
        p.divert(1, "not IPv4")


class PlainDump(FromDump):
    """A FromDump whose file turned out to hold packets of a link type that says nothing."""

    def receive(self, p: Packet) -> None:
        p.emit(0)


class FromDumpHolder(Holder):
    """The reading of one capture: which packets, and when."""

    RUNS = PULLS = True
    WRITABLE = ("active", "reset_counts", "stop")

    def __init__(self, element: FromDump, io: Io, outputs: str) -> None:
        self.element, self.active, self.count = element, element.active, 0
        self.pulled = outputs[:1] == "l"
        self.capture = io.open_capture(element.filename)
        self.link_type = self.capture.link_type
        if element.force_ip and self.link_type not in (*RAW_LINK_TYPES, LINKTYPE_ETHERNET):
            message = (
                f"{element.filename}: link type {self.link_type}; FORCE_IP knows Ethernet (1) and RAW (101)"
            )
            raise ConfigurationError(Diagnostic("E134", message))
        if self.link_type != LINKTYPE_ETHERNET:
            kind = RawDump if self.link_type in RAW_LINK_TYPES else PlainDump
            self.instead = kind(**{f.name: getattr(element, f.name) for f in fields(element)})
        self.records: Iterator[Record] = self.chosen(self.capture.records())
        self.next: Record | None = None
        self.ended = False
        self.skew_ns: int | None = None
        self.chance = element.sample

    def chosen(self, records: Iterator[Record]) -> Iterator[Record]:
        """The packets in the wanted span of time."""
        e = self.element
        start = end = None
        for n, record in enumerate(records):
            if n == 0:
                start = e.start if e.start_after is None else record.time_ns + e.start_after
                end = e.end if e.end_after is None else record.time_ns + e.end_after
            if start is not None and record.time_ns < start:
                continue
            if end is None and e.interval is not None:
                end = record.time_ns + e.interval
            if end is not None and record.time_ns >= end:
                return
            yield record

    def look(self, context: Context) -> Record | None:
        """The next packet, without taking it."""
        while self.next is None and not self.ended:
            try:
                record = next(self.records, None)
            except ConfigurationError as e:
                context.say(str(e))
                record = None
            if record is None:
                self.ended = True
            elif self.chance >= 1 or context.random.random() < self.chance:
                self.next = record
        return self.next

    def due_ns(self, record: Record, context: Context) -> int:
        """When the packet is to be sent."""
        if not self.element.timing:
            return 0
        if self.skew_ns is None:
            self.skew_ns = context.now_ns - record.time_ns
        return record.time_ns + self.skew_ns

    def wake_ns(self, context: Context) -> int | None:
        if self.pulled or not self.active:
            return None
        record = self.look(context)
        return 0 if record is None else self.due_ns(record, context)

    def run(self, context: Context) -> bool:
        record = self.look(context)
        if record is None:
            self.finish(context)
        else:
            packet = self.packet(record, context)
            if packet is not None:
                context.emit(0, packet)
        return True

    def take(self, context: Context) -> PacketBuffer | None:
        while self.active:
            record = self.look(context)
            if record is None:
                self.finish(context)
            elif self.due_ns(record, context) > context.now_ns:
                break
            elif (packet := self.packet(record, context)) is not None:
                return packet
        return None

    def packet(self, record: Record, context: Context) -> PacketBuffer | None:
        """Take `record` and run it through the element's program; the packet, if it leaves by a pull output."""
        return context.outside(self.taken(record))

    def taken(self, record: Record) -> PacketBuffer:
        """The packet in `record`, which was looked at."""
        self.next = None
        self.count += 1
        packet = PacketBuffer(record.data)
        timestamp(packet, record.time_ns)
        packet.annotations[28:32] = min(record.wire_length - len(record.data), 0xFFFF_FFFF).to_bytes(4, "big")
        return packet

    @property
    def chooses(self) -> bool:
        """Whether it leaves out packets, or waits between them."""
        e = self.element
        spans = (e.start, e.start_after, e.end, e.end_after, e.interval)
        return e.timing or self.chance < 1 or any(one is not None for one in spans)

    def finish(self, context: Context) -> None:
        """The file is at its end."""
        self.active = False
        if self.element.stop:
            context.stop()
        elif self.element.end_call is not None:
            write_or_tell(context, *self.element.end_call)

    def read(self, handler: str) -> str | None:
        match handler:
            case "count":
                return str(self.count)
            case "active":
                return show_bool(self.active)
            case "filename":
                return self.element.filename
            case "sampling_prob":
                return f"{self.chance:g}"
            case "encap":
                words = {number: word for word, number in ENCAPSULATIONS.items()}
                return words.get(self.link_type, str(self.link_type))
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        match handler:
            case "active":
                self.active = handler_bool(value)
            case "reset_counts":
                self.count = 0
            case "stop":
                self.finish(context)
                context.stop()
            case _:
                return False
        return True
