"""ICMPError."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.diagnostics import suggest
from innet.elements.argument_names import Names
from innet.elements.arguments import ArgumentType, IPAddress, ListOf, Signed, Unsigned
from innet.elements.base import Element
from innet.elements.icmp.names import ICMPCode, code_number, code_problems
from innet.elements.ip.header import fill_checksum, first_fragment, require_ip_header
from innet.flowspec import names as literals
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, any_of
from innet.lexical import Text
from innet.packet.headers import CLICK_ANNOTATION_BYTES, PROTO_ICMP, PacketType
from innet.packet.names import ICMP_TYPES

UNREACHABLE, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM = ERROR_TYPES = (3, 4, 5, 11, 12)
NEED_FRAGMENTATION, ERROR_AT_POINTER = 4, 0
LOOSE_ROUTE, STRICT_ROUTE = 131, 137
IP_BYTES, ICMP_BYTES, MAX_OPTION_BYTES = 20, 8, 40
TTL = 200
IDENTIFICATION = ir.Counter("icmp_error_id", 16, first=1, shared=True)


class ErrorType(ArgumentType[int]):
    """An ICMP error type, by name or number."""

    def describe(self) -> str:
        named = (name for name, number in ICMP_TYPES.items() if number in ERROR_TYPES)
        return f"an ICMP error type: {', '.join(named)} or its number"

    def parse(self, text: Text, names: Names) -> int:
        word = self.word(text)
        number = literals.integer(word)
        if number is None:
            number = ICMP_TYPES.get(word)
        if number not in ERROR_TYPES:
            near = suggest(word, ICMP_TYPES)
            raise self.refused(
                text,
                f"'{word}' is not an ICMP error type",
                f"did you mean '{near}'?" if number is None and near else "",
            )
        return number


@dataclass(frozen=True)
class ICMPError(Element):
    """Make an ICMP error message that quotes the packet; the packet itself ends here.

    Ports:      in 0: IPv4 with its header marked.  out 0: the message, from its IPv4 header on.
    Arguments:  SRC (IPv4 address): the message's source. TYPE: unreachable, sourcequench, redirect, timeexceeded,
                parameterproblem or its number. CODE: name or number, 0. BADADDRS: addresses that are broadcasts here.
                MTU: the message's largest size in bytes, 576. PMTU: next-hop MTU told by `unreachable, needfrag`, 0.
                SET_FIX_ANNO (true): ask FixIPSrc for a better source.
    State:      one counter of IPv4 identifications for all ICMPErrors.
    Drops:      the packet gives no right to an error: "an ICMP error or a cut-off ICMP packet", "sent to a broadcast or
                multicast address", "sent as a link broadcast or multicast", "bad source address", "a later
                fragment", "a redirect for a source route", "no IP header annotation";
                "the MTU has no room for the source route".
    Checksum:   IPv4 and ICMP, full.
    Source:     Click manual, ICMPError; RFC 792, RFC 1812 sections 4.3.2 and 5.2.7.2.  A source route comes back
                reversed. A redirect's gateway is the DST_IP annotation, the pointer of a parameter problem is
                ICMP_PARAMPROB. Annotations start at zero, but the time stays that of the quoted packet.
                Of several options of one source-route type only the first is looked at.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "10.0.0.254, timeexceeded",
        "10.0.0.254, unreachable, needfrag, MTU 100, PMTU 1400",
        "10.0.0.254, redirect, host, BADADDRS 10.0.0.1 8.8.8.8",
        "10.0.0.254, parameterproblem, erroratptr, SET_FIX_ANNO false",
    )

    WRITABLE: ClassVar[Mapping[str, str]] = {name: name for name in ("src", "mtu", "pmtu")}

    src: Annotated[int, IPAddress()]
    type: Annotated[int, ErrorType()]
    code: Annotated[int | str, ICMPCode()] = 0
    badaddrs: Annotated[tuple[int, ...], ListOf(IPAddress())] = ()
    _: KW_ONLY
    mtu: Annotated[int, Signed(IP_BYTES + ICMP_BYTES, 0xFFFF)] = 576
    pmtu: Annotated[int, Unsigned(16)] = 0
    set_fix_anno: bool = True

    @property
    def number(self) -> int:
        """The code as a number."""
        return code_number(self.type, self.code)

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        self.refuse(p)
        answer_to, rest = p.ip.src, self.rest_of_header(p)
        self.make_room(p)
        with p.when(p.length > self.mtu):
            p.set_mark(Mark.END, Mark.DATA, self.mtu)
        p.set_mark(Mark.NET, Mark.DATA)
        p.clear_mark(Mark.MAC)
        p.clear_mark(Mark.AUX)
        self.write_icmp(p, rest)
        self.write_ip(p, answer_to)
        for byte in range(0, CLICK_ANNOTATION_BYTES, 8):
            p.set_raw(Mark.ANNOTATION, byte, 8, 0)
        p.anno.packet_type = PacketType.HOST
        p.anno.dst_ip = answer_to
        if self.set_fix_anno:
            p.anno.fix_ip_src = 1
        p.emit(0)

    def refuse(self, p: Packet) -> None:
        """Drop what must not be answered by an error (RFC 1812 section 4.3.2.7)."""
        icmp_error = any_of(p.icmp.type == kind for kind in ERROR_TYPES)
        with p.when(p.ip.proto == PROTO_ICMP), p.when(~p.icmp.present(4) | icmp_error):
            p.drop("an ICMP error or a cut-off ICMP packet")
        with p.when(self.not_unicast(p.ip.dst)):
            p.drop("sent to a broadcast or multicast address")
        kind = p.anno.packet_type
        with p.when((kind == PacketType.BROADCAST) | (kind == PacketType.MULTICAST)):
            p.drop("sent as a link broadcast or multicast")
        src = p.ip.src
        network = src.bits(24, 8)
        with p.when(self.not_unicast(src) | (network == 0) | (network == 127) | (network >= 240)):
            p.drop("bad source address")
        with p.when(~first_fragment(p)):
            p.drop("a later fragment")

    def not_unicast(self, address: Value) -> Value:
        wrong = [
            address == 0xFFFF_FFFF,
            address.bits(28, 4) == 0xE,
            *(address == bad for bad in self.badaddrs),
        ]
        return any_of(wrong)

    def rest_of_header(self, p: Packet) -> Value | int:
        """The last four bytes of the ICMP header."""
        if (self.type, self.number) == (PARAMETER_PROBLEM, ERROR_AT_POINTER):
            return p.anno.icmp_paramprob.cast(32) << 24
        if self.type == REDIRECT:
            return p.anno.dst_ip
        return self.pmtu & 0xFFFF if (self.type, self.number) == (UNREACHABLE, NEED_FRAGMENTATION) else 0

    def make_room(self, p: Packet) -> None:
        """Move DATA and TRANSPORT to the new headers, and write the options between."""
        pointer = self.source_route(p)
        if self.type == REDIRECT:
            with p.when(pointer != 0):
                p.drop("a redirect for a source route")
            self.headers(p, 0)
            return
        with p.when(pointer == 0):
            self.headers(p, 0)
        with p.otherwise():
            self.reversed_route(p, pointer, 4)

    def headers(self, p: Packet, options: int) -> bool:
        """Put the new packet's start where its headers fit; false if they cannot."""
        size = IP_BYTES + options + ICMP_BYTES
        if size > self.mtu:
            p.drop("the MTU has no room for the source route")
            return False
        p.set_mark(Mark.DATA, Mark.NET, -size)
        p.set_mark(Mark.TRANSPORT, Mark.DATA, IP_BYTES + options)
        return True

    def reversed_route(self, p: Packet, pointer: Value, length: int) -> None:
        """The option of `length` bytes or more: type, length, pointer; addresses passed so far, last first; end."""
        if length == MAX_OPTION_BYTES:
            self.write_route(p, length)
            return
        with p.when(pointer == length):
            self.write_route(p, length)
        with p.otherwise():
            self.reversed_route(p, pointer, length + 4)

    def write_route(self, p: Packet, length: int) -> None:
        if not self.headers(p, length):
            return
        p.set_raw(Mark.DATA, IP_BYTES, 1, p.raw(Mark.AUX, 0, 1))
        p.set_raw(Mark.DATA, IP_BYTES + 1, 2, length - 1 << 8 | 4)
        for at in range(3, length - 1, 4):
            p.set_raw(Mark.DATA, IP_BYTES + at, 4, p.raw(Mark.AUX, length - 2 - at, 4))
        p.set_raw(Mark.DATA, IP_BYTES + length - 1, 1, 0)

    def source_route(self, p: Packet) -> Value:
        """The pointer (a multiple of 4, at most 40) of the source route to reverse, with AUX at its option; or 0."""
        pointer = p.local(0, 8)
        with p.when(p.ip.hl > 5):
            start, end = p.local(0xFFFF), p.local(0)
            for kind in (LOOSE_ROUTE, STRICT_ROUTE):
                found, offset, size = p.find_option(kind)
                with p.when(found & (offset < start.value)):
                    p.set_mark(Mark.AUX, Mark.NET, 0, offset)
                    here = p.raw(Mark.AUX, 2, 1)
                    with p.when((here >= 4) & (here.bits(0, 2) == 0) & (here.cast(16) <= size + 1)):
                        start.set(offset)
                        end.set(offset + size)
                        pointer.set(here)
            with p.when(pointer.value != 0):
                p.set_mark(Mark.AUX, Mark.NET, 0, start.value)
                if (self.type, self.number) == (PARAMETER_PROBLEM, ERROR_AT_POINTER):
                    blamed = p.anno.icmp_paramprob.cast(16)
                    with p.when((start.value <= blamed) & (blamed < end.value)):
                        pointer.set(0)
        return pointer.value

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return code_problems(self.type, self.code)

    def write_icmp(self, p: Packet, rest: Value | int) -> None:
        p.icmp.type = self.type
        p.icmp.code = self.number
        p.icmp.sum = 0
        p.icmp.rest = rest
        p.icmp.sum = ~p.sum(Mark.TRANSPORT, 0, p.distance(Mark.TRANSPORT, Mark.END))

    def write_ip(self, p: Packet, answer_to: Value) -> None:
        header = p.distance(Mark.NET, Mark.TRANSPORT)
        p.ip.vers = 4
        p.ip.hl = header.bits(2, 4)
        p.ip.tos = 0
        p.ip.len = p.length
        p.ip.id = p.next(IDENTIFICATION)
        p.ip.off = 0
        p.ip.ttl = TTL
        p.ip.proto = PROTO_ICMP
        p.ip.src = self.src
        p.ip.dst = answer_to
        fill_checksum(p, Mark.NET, header)
