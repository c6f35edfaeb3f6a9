"""IPGWOptions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import IPAddress, ListOf
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out
from innet.elements.ip.header import HEADER_BYTES, header_bytes, require_ip_header
from innet.elements.ip.inhand import fill_checksum, header_of, put_header
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import BY_NAME

END_OF_OPTIONS, NO_OPERATION, RECORD_ROUTE, TIMESTAMP = 0, 1, 7, 68
TIME_ONLY, WITH_ADDRESS, PRESPECIFIED = 0, 1, 3
MAX_OVERFLOW = 15
DAY_MS, MS_NS = 86_400_000, 1_000_000
BAD_OPTION = "bad IP option"
PARAMETER_PROBLEM = BY_NAME["anno.icmp_paramprob"].bit // 8


class Problem(Exception):  # noqa: N818 - what Click calls it, and RFC 792
    """An option that cannot be processed; `at` is the byte of the header to blame."""

    def __init__(self, at: int) -> None:
        super().__init__(f"parameter problem at byte {at}")
        self.at = at


def process(head: bytearray, own: int, others: Sequence[int], time_ms: int) -> bool:
    """Do a router's part of the options of an IPv4 header; whether there was one to work on. Raises Problem."""
    at, worked = HEADER_BYTES, False
    while at < len(head) and head[at] != END_OF_OPTIONS:
        kind = head[at]
        if kind == NO_OPERATION:
            at += 1
            continue
        length = byte(head, at + 1)
        if length < 2 or at + length > len(head):
            raise Problem(at + 1)
        if kind == RECORD_ROUTE:
            record_route(head, at, length, own)
        elif kind == TIMESTAMP:
            stamp(head, at, length, own, others, time_ms)
        worked |= kind in (RECORD_ROUTE, TIMESTAMP)
        at += length
    return worked


def byte(head: bytearray, at: int) -> int:
    """A byte of the header; zero behind its end."""
    return head[at] if at < len(head) else 0


def record_route(head: bytearray, at: int, length: int, own: int) -> None:
    """RFC 791, record route: our address at the pointer, which counts from 1."""
    place = byte(head, at + 2) - 1
    if place >= 3 and place + 4 <= length:
        head[at + place : at + place + 4] = own.to_bytes(4, "big")
        head[at + 2] += 4
    elif place != length:
        raise Problem(at + 2)


def stamp(head: bytearray, at: int, length: int, own: int, others: Sequence[int], time_ms: int) -> None:
    """RFC 791, internet timestamp; without room one more overflow is counted."""
    place = byte(head, at + 2) - 1
    overflow, flag = divmod(byte(head, at + 3), 16)
    if place < 4:
        raise Problem(at + 2)
    entry = time_ms.to_bytes(4, "big")
    size = 4 if flag == TIME_ONLY else 8
    if flag == WITH_ADDRESS:
        entry = own.to_bytes(4, "big") + entry
    fits = place + size <= length
    if flag in (TIME_ONLY, WITH_ADDRESS) and fits:
        head[at + place : at + place + size] = entry
    elif flag == PRESPECIFIED and fits:
        if int.from_bytes(head[at + place : at + place + 4], "big") not in (own, *others):
            return
        head[at + place + 4 : at + place + 8] = entry
    elif flag in (TIME_ONLY, WITH_ADDRESS) and overflow < MAX_OVERFLOW and at + 3 < len(head):
        head[at + 3] = overflow + 1 << 4 | flag
        return
    else:
        raise Problem(at + 3)
    head[at + 2] += size


class OptionsHolder(Holder):
    """Processes options at once; keeps nothing."""

    def __init__(self, element: "IPGWOptions") -> None:
        self.element = element
        self.problems = 0

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        if self.process(packet, context.now_ns):
            return ((0, packet),)
        if context.outputs > 1:
            return ((1, packet),)
        context.drop(BAD_OPTION)
        return ()

    def process(self, packet: PacketBuffer, now_ns: int) -> bool:
        """Whether the options are in order; if not, the packet says where they are not."""
        head = header_of(packet)
        try:
            worked = process(head, self.element.myaddr, self.element.otheraddrs, now_ns // MS_NS % DAY_MS)
        except Problem as problem:
            put_header(packet, head)
            packet.annotations[PARAMETER_PROBLEM] = problem.at
            self.problems += 1
            return False
        if worked:
            fill_checksum(head)
            put_header(packet, head)
        return True

    def read(self, handler: str) -> str | None:
        return str(self.problems) if handler == "drops" else None


@dataclass(frozen=True)
class IPGWOptions(Element):
    """Do a router's part of the record route and timestamp options of IPv4.

    Ports:      in 0: IPv4 with its header marked.  out 0: it, with our address and the time where an option asks for
                them.  out 1 (optional; dropped if unconnected): a bad option; ICMP_PARAMPROB says at which byte of
                the header. Options before it may have been changed already.
    Arguments:  MYADDR (IPv4 address): what is recorded.  OTHERADDRS (addresses): others of ours, for timestamp
                options that list addresses.
    Drops:      "bad IP option", "no IP header annotation".
    Checksum:   full, if there was a record route or timestamp option and all went well.
    Verifier:   all options of the packet, and then its checksum, may become anything.
    Source:     Click manual, IPGWOptions; RFC 791 section 3.1, RFC 1812 section 5.3.13.  Other options stay.
                An option's pointer or flags behind the end of the header count as zero and are not written.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("192.0.2.1", "192.0.2.1, 10.0.0.1 10.0.1.1")

    myaddr: Annotated[int, IPAddress()]
    otheraddrs: Annotated[tuple[int, ...], ListOf(IPAddress())] = ()

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        with p.when(p.ip.hl <= HEADER_BYTES // 4):
            p.emit(0)
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        p.havoc(Mark.NET, HEADER_BYTES, header_bytes(p.ip.hl) - HEADER_BYTES)
        with p.when(p.random(1) == 1):
            p.anno.icmp_paramprob = p.random(8)
            p.divert(1, BAD_OPTION)
        p.ip.sum = p.random(16)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> OptionsHolder:
        return OptionsHolder(self)
