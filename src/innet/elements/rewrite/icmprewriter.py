"""ICMPRewriter."""

from contextlib import nullcontext
from dataclasses import KW_ONLY, dataclass, replace
from typing import Annotated, ClassVar, NamedTuple

from innet import ir
from innet.elements.argument_names import Names
from innet.elements.arguments import Annotation, ArgumentType, ListOf
from innet.elements.base import Element
from innet.elements.ip.header import FRAGMENT_OFFSET, IP_CHECKSUM, changes, header_bytes, require_ip_header
from innet.elements.neighbours import neighbour
from innet.elements.rewrite.family import FlowRewriter
from innet.elements.rewrite.flows import UNCHANGED, Entry, FlowTable, Quote
from innet.elements.rewrite.patterns import Flow
from innet.elements.rewrite.pingflows import ECHO, ICMP_CHECKSUM, IDENTIFIER_END
from innet.elements.rewrite.portflows import PORTS_BYTES, PROTO_DCCP, TCP_CHECKSUM_END
from innet.flowspec import names as literals
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, any_of, as_value
from innet.lexical import Text
from innet.packet.headers import PROTO_ICMP, PROTO_TCP, PROTO_UDP

ERROR_TYPES = (3, 4, 5, 11, 12)
QUOTE, SHORTEST = 8, 28
"""Where the quoted packet begins in the ICMP message, and how many bytes that has with a header without options."""
QUOTED_CHECKSUM = ir.Field(Mark.TRANSPORT, 8 * (QUOTE + 10), 16)
ECHO_CHECKSUM = ir.Field(Mark.AUX, 16, 16)
NO_ERROR, UNKNOWN = "not an ICMP error that quotes a packet", "no mapping for the quoted packet"
NONE = as_value(0, 16)


@dataclass(frozen=True, slots=True)
class Map:
    """A rewriter whose flows are looked up; `offset` is where its outputs begin, None if all go to output 0."""

    name: str
    offset: int | None
    rewriter: FlowRewriter

    def __str__(self) -> str:
        return self.name if self.offset is None else f"{self.name}:{self.offset}"

    @property
    def flows(self) -> FlowTable:
        return replace(self.rewriter.flows, owner=self.name)


@dataclass(frozen=True)
class MapName(ArgumentType[Map]):
    """`NAME` or `NAME:OFFSET`."""

    def describe(self) -> str:
        return "the name of a rewriter, or NAME:OFFSET"

    def parse(self, text: Text, names: Names) -> Map:
        word = self.word(text)
        name, colon, number = word.partition(":")
        offset = literals.integer(number) if colon else None
        if colon and (offset is None or offset < 0):
            raise self.refused(text, f"'{number}' is no output")
        full, element = neighbour(names, Text(name, text.span))
        if not isinstance(element, FlowRewriter):
            raise self.refused(
                text, f"'{name}' is of class {type(element).__name__}, which rewrites no flows"
            )
        return Map(full, offset, element)


class Quoted(NamedTuple):
    """The packet that an error quotes, and how much of it."""

    kind: Quote
    protocol: Value
    source: Value
    sport: Value
    target: Value
    dport: Value

    @property
    def answers(self) -> Flow:
        """The flow of answers to it; of an echo request, its identifier stands for one port only."""
        if self.kind is Quote.ECHO:
            return Flow(self.target, self.sport, self.source, NONE)
        return Flow(self.target, self.dport, self.source, self.sport)


@dataclass(frozen=True)
class ICMPRewriter(Element):
    """Rewrite ICMP errors about packets that rewriters changed, so that the packets' senders know them again.

    Ports:      in 0: IPv4 with its header marked.  out 0: errors rewritten.
                out OFFSET and those behind it: errors about flows of that rewriter, by the output of their answers.
    Arguments:  MAPS: the rewriters whose flows to look for, each NAME or NAME:OFFSET, in this order. An error's
                destination becomes the quoted packet's sender, if it was the quoted source; the quoted addresses, ports
                or identifier become what the sender wrote.
                DST_ANNO (true): the DST_IP annotation becomes the new destination.
                REPLY_ANNO: annotation byte that answers get back from the packet that made the mapping, as far as the
                rewriter keeps it.
    State:      that of the rewriters; mappings are not counted as used.
    Drops:      "not an ICMP error that quotes a packet", "no mapping for the quoted packet", "the mapping's
                output is not there", "no IP header annotation".
    Checksum:   IPv4 and ICMP incremental; of the quoted packet IPv4, and UDP's and TCP's if they are quoted.
    Verifier:   mappings are those of the rewriters; the quoted header's length is told apart.
    Source:     Click manual, ICMPRewriter; RFC 792, RFC 3022 section 4.3.  Errors without a mapping are dropped even if
                there is an output 1, as Click does it. Of flows of an IPAddrRewriter only one address is known, the
                other comes out as 0.0.0.0, as in Click.
    """

    PORTS: ClassVar[str] = "1/1-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "rw ping",
        "all:0 addresses pairs, DST_ANNO false, REPLY_ANNO PAINT",
    )
    COMPANIONS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("rw", "IPRewriter", "pattern 192.0.2.1 1024-65535# - - 0 0"),
        ("ping", "ICMPPingRewriter", "pattern 192.0.2.1 1-60000# - - 0 0, REPLY_ANNO PAINT"),
        ("all", "UDPRewriter", "pattern 192.0.2.2 1024-65535# - - 0 0"),
        ("addresses", "IPAddrRewriter", "pattern 192.0.2.3 - 0 0"),
        ("pairs", "IPAddrPairRewriter", "pattern 192.0.2.4 - 0 0"),
    )

    maps: Annotated[tuple[Map, ...], ListOf(MapName())]
    _: KW_ONLY
    dst_anno: bool = True
    reply_anno: Annotated[int | None, Annotation(1)] = None

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return tuple(
            f"the outputs of '{one.name}' need outputs up to {last}, but the element has {outputs}"
            for one in self.maps
            if one.offset is not None
            and (last := one.offset + max(one.rewriter.mapped, default=0)) >= outputs
        )

    def references(self) -> dict[str, type[Element]]:
        return {one.name: FlowRewriter for one in self.maps}

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        error = any_of(p.icmp.type == kind for kind in ERROR_TYPES)
        vers, words = (
            p.load(ir.Field(Mark.TRANSPORT, 8 * QUOTE, 4)),
            p.load(ir.Field(Mark.TRANSPORT, 8 * QUOTE + 4, 4)),
        )
        right = (p.ip.proto == PROTO_ICMP) & error & (vers == 4) & (words >= 5)
        with p.when(~(p.icmp.present(SHORTEST) & right)):
            p.drop(NO_ERROR)
        protocol = p.raw(Mark.TRANSPORT, QUOTE + 9, 1)
        source, target = p.raw(Mark.TRANSPORT, QUOTE + 12, 4), p.raw(Mark.TRANSPORT, QUOTE + 16, 4)
        first = (p.raw(Mark.TRANSPORT, QUOTE + 6, 2) & FRAGMENT_OFFSET) == 0
        has_ports = any_of(protocol == one for one in (PROTO_TCP, PROTO_UDP, PROTO_DCCP))
        with p.when(first & has_ports):
            p.set_mark(Mark.AUX, Mark.TRANSPORT, QUOTE, header_bytes(words))
            with p.when(p.present(Mark.AUX, 0, PORTS_BYTES)):
                sport, dport = p.raw(Mark.AUX, 0, 2), p.raw(Mark.AUX, 2, 2)
                self.look(p, Quoted(Quote.PORTS, protocol, source, sport, target, dport))
        with p.when(first & (protocol == PROTO_ICMP)):
            p.set_mark(Mark.AUX, Mark.TRANSPORT, QUOTE, header_bytes(words))
            echo = p.raw(Mark.AUX, 0, 1) == ECHO
            with p.when(p.present(Mark.AUX, 0, IDENTIFIER_END) & echo):
                identifier = p.raw(Mark.AUX, 4, 2)
                self.look(p, Quoted(Quote.ECHO, protocol, source, identifier, target, identifier))
        self.look(p, Quoted(Quote.ADDRESSES, protocol, source, NONE, target, NONE))

    def look(self, p: Packet, quoted: Quoted) -> None:
        """The first rewriter that knows the quoted packet."""
        for one in self.maps:
            flows = one.flows
            tried, ways = flows.quoted(quoted.kind, quoted.protocol, quoted.answers)
            for way in ways:
                with nullcontext() if tried is None else p.when(tried):
                    found, row = p.lookup(flows.table, way.key)
                    entry = flows.entry(row)
                    with p.when(found if way.holds is None else found & way.holds(entry)):
                        self.restore(p, quoted, way.flow(entry), entry)
                        self.leave(p, one, entry.output)
        p.drop(UNKNOWN)

    def restore(self, p: Packet, quoted: Quoted, new: Flow, entry: Entry) -> None:
        """Write the quoted packet as its sender sent it; answers to that are `new`."""
        with p.when(p.ip.dst == quoted.source):
            p.ip.dst = new.daddr
            p.adjust(IP_CHECKSUM, quoted.source, new.daddr)
            if self.dst_anno:
                p.anno.dst_ip = new.daddr
        if self.reply_anno is not None:
            with p.when(entry.is_reply):
                note = as_value(0, 8) if entry.note is None else entry.note
                p.set_raw(Mark.ANNOTATION, self.reply_anno, 1, note)
        addresses = changes((quoted.source, new.daddr), (quoted.target, new.saddr))
        p.set_raw(Mark.TRANSPORT, QUOTE + 12, 4, new.daddr)
        p.set_raw(Mark.TRANSPORT, QUOTE + 16, 4, new.saddr)
        covered = addresses.ones_add(changed_sum(p, QUOTED_CHECKSUM, addresses))
        if quoted.kind is Quote.PORTS:
            covered = covered.ones_add(self.restore_ports(p, quoted, new, addresses))
        elif quoted.kind is Quote.ECHO:
            p.set_raw(Mark.AUX, 4, 2, new.dport)
            identifier = changes((quoted.sport, new.dport))
            covered = covered.ones_add(identifier).ones_add(changed_sum(p, ECHO_CHECKSUM, identifier))
        p.adjust(ICMP_CHECKSUM, UNCHANGED, covered, pseudo=NONE)

    def restore_ports(self, p: Packet, quoted: Quoted, new: Flow, addresses: Value) -> Value:
        """Write the ports; what that and the quoted transport checksum change of the error's own checksum."""
        p.set_raw(Mark.AUX, 0, 2, new.dport)
        p.set_raw(Mark.AUX, 2, 2, new.sport)
        ports = changes((quoted.sport, new.dport), (quoted.dport, new.sport))
        covered = p.local(0, 16)
        with p.when(quoted.protocol == PROTO_TCP), p.when(p.present(Mark.AUX, 0, TCP_CHECKSUM_END)):
            covered.set(changed_sum(p, ir.Field(Mark.AUX, 128, 16), addresses.ones_add(ports)))
        with p.when(quoted.protocol == PROTO_UDP):
            covered.set(changed_sum(p, ir.Field(Mark.AUX, 48, 16), addresses.ones_add(ports), keep_zero=True))
        return ports.ones_add(covered.value)

    def leave(self, p: Packet, one: Map, output: Value) -> None:
        if one.offset is None:
            p.emit(0)
            return
        for number in range(one.offset, p.outputs):
            with p.when(output == number - one.offset):
                p.emit(number)
        p.drop("the mapping's output is not there")


def changed_sum(p: Packet, sum: ir.Field, change: Value, keep_zero: bool = False) -> Value:
    """Let a quoted checksum follow a change of what it covers; what it changes itself of the error's own."""
    before = p.load(sum)
    p.adjust(sum, UNCHANGED, change, keep_zero=keep_zero, pseudo=NONE)
    return changes((before, p.load(sum)))
