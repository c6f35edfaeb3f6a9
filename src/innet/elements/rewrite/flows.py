"""What the rewriters of TCP and UDP flows share: the flow table, and what is done to a packet of a known flow.

A flow F = (source, port, destination, port) that is rewritten to R has two entries in one paired table: F leads to R,
and reverse(R), which is what the answers carry, leads to reverse(F). Keys and values are plain packet fields, constants
and allocated numbers, never arithmetic, so that a proof recognises an answer by equality.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from innet import ir
from innet.elements.ip.header import IP_CHECKSUM, NO_IP_HEADER, changes, first_fragment, tcp_or_udp
from innet.elements.rewrite.patterns import Flow
from innet.elements.rewrite.specs import NO_MAPPING, Discard, InputSpec, Mapping, Pass
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, as_value
from innet.packet.headers import PROTO_TCP

TCP_CHECKSUM = ir.Field(Mark.TRANSPORT, 128, 16)
UDP_CHECKSUM = ir.Field(Mark.TRANSPORT, 48, 16)
PORTS_BYTES, TCP_CHECKSUM_END = 8, 18
FIN, SYN, RST = 0, 1, 2

NO_FLOW = "not the first fragment of a TCP or UDP packet"
NO_FREE_PORT = "no free port or address"
TABLE_FULL = "flow table full"
FAILURES = "mapping_failures"

# Bits of an entry's `state`. TCP: DONE and DATA are about the direction that the entry is for, the others about its
# reply. UDP: packets seen, up to 3, times 2, plus 1 once a reply was seen (both entries hold the same).
DONE, REPLY_DONE, DATA, REPLY_DATA = 0, 1, 2, 3
STREAMING = 7

UNCHANGED = Value(ir.Const(0xFFFF, 16))
"""The old value for which a checksum update adds just the new one."""

NEW_FLOW, KEY_WIDTHS, FLOW_WIDTHS = 0, (8, 32, 16, 32, 16), (32, 16, 32, 16)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a flow may be idle, in seconds: TCP by its state, UDP with an answer and three packets, or without."""

    tcp: int = 86400
    tcp_nodata: int = 300
    tcp_done: int = 240
    udp: int = 300
    udp_streaming: int = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the flow table, as values of the program.

    `new` is what the packet becomes; it leaves by `output`, answers to it by `reply_output`. `is_reply` tells
    the second entry of a flow from the first; `note` is the REPLY_ANNO byte of the packet that made the flow.
    """

    new: Flow
    output: Value
    reply_output: Value
    is_reply: Value
    state: Value
    note: Value | None

    def row(self) -> tuple[Value, ...]:
        return (
            *self.new,
            self.output,
            self.reply_output,
            self.is_reply,
            self.state,
            *(() if self.note is None else (self.note,)),
        )

    @staticmethod
    def of(row: Sequence[Value]) -> "Entry":
        saddr, sport, daddr, dport, output, reply_output, is_reply, state, *note = row
        new = Flow(saddr, sport, daddr, dport)
        return Entry(new, output, reply_output, is_reply, state, note[0] if note else None)

    def partner(self, flow: Flow, state: Value) -> "Entry":
        """The other entry of the same flow, when this one's key is `flow`."""
        return Entry(flow.reverse(), self.reply_output, self.output, ~self.is_reply, state, self.note)


@dataclass(frozen=True, slots=True)
class FlowTable:
    """The flow table of a rewriter and its rules; `push` is the program of one input port.

    `outputs` are those that some mapping may use. `reply_anno` is the annotation byte that replies get back.
    """

    outputs: tuple[int, ...]
    timeouts: Timeouts
    capacity: int
    guarantee_s: int
    dst_anno: bool
    reply_anno: int | None

    @property
    def table(self) -> ir.Table:
        note = () if self.reply_anno is None else (8,)
        return ir.Table(
            "flows",
            key=KEY_WIDTHS,
            values=(*FLOW_WIDTHS, 8, 8, 1, 8, *note),
            capacity=self.capacity,
            kind=ir.TableKind.PAIRED,
            guarantee_s=self.guarantee_s,
        )

    def push(self, p: Packet, spec: InputSpec, port: int) -> None:
        """A packet on input `port`: the table first; if that does not know the flow, the input's `spec`."""
        if isinstance(spec, Pass):
            with p.when(~p.marked(Mark.NET)):
                p.drop(NO_IP_HEADER)
        protocol = p.ip.proto
        with p.when(~(tcp_or_udp(protocol) & first_fragment(p) & p.udp.present(PORTS_BYTES))):
            _leave(p, spec, NO_FLOW)
        if not self.outputs:
            _leave(p, spec, NO_MAPPING)
            return
        flow = Flow(p.ip.src, p.udp.sport, p.ip.dst, p.udp.dport)
        found, row = p.lookup(self.table, (protocol, *flow))
        entry = Entry.of(row)
        with p.when(~found):
            self.create(p, spec, port, protocol, flow, entry)
        self.rewrite(p, Visit(protocol, flow, found, entry, creates=not isinstance(spec, Discard | Pass)))
        for output in self.outputs[:-1]:
            with p.when(entry.output == output):
                p.emit(output)
        p.emit(self.outputs[-1])

    def create(
        self, p: Packet, spec: InputSpec, port: int, protocol: Value, flow: Flow, entry: Entry
    ) -> None:
        """Bind `entry` to what the specification makes of a new flow, or end the packet here."""
        if isinstance(spec, Discard | Pass):
            _leave(p, spec, NO_MAPPING)
            return
        mapping, free = spec.map(p, self.table, protocol, flow, port)
        if free is not None:
            with p.when(~free):
                p.count(FAILURES)
                p.drop(NO_FREE_PORT)
        for old, new in zip(entry.row(), self.first_entry(p, mapping).row(), strict=True):
            _rebind(p, old, new)

    def first_entry(self, p: Packet, mapping: Mapping) -> Entry:
        note = None if self.reply_anno is None else p.raw(Mark.ANNOTATION, self.reply_anno, 1)
        output, reply_output = as_value(mapping.output, 8), as_value(mapping.reply_output, 8)
        return Entry(mapping.flow, output, reply_output, as_value(0, 1), as_value(NEW_FLOW, 8), note)

    def rewrite(self, p: Packet, visit: "Visit") -> None:
        """Put the new flow into the packet, and write to the table what this packet says of the flow."""
        flow, entry, new = visit.flow, visit.entry, visit.entry.new
        p.ip.src, p.ip.dst = new.saddr, new.daddr
        if self.dst_anno:
            p.anno.dst_ip = new.daddr
        if self.reply_anno is not None and entry.note is not None:
            with p.when(entry.is_reply):
                p.set_raw(Mark.ANNOTATION, self.reply_anno, 1, entry.note)
        addresses = p.bind(changes((flow.saddr, new.saddr), (flow.daddr, new.daddr)))
        ports = changes((flow.sport, new.sport), (flow.dport, new.dport))
        p.adjust(IP_CHECKSUM, UNCHANGED, _delta(addresses))
        delta = p.bind(_delta(p.bind(addresses.ones_add(ports))))
        state, reply_state = p.local(entry.state), p.local(entry.state)
        idle_s = p.local(self.timeouts.udp, 32)
        is_tcp = p.bind(visit.protocol == PROTO_TCP)
        with p.when(is_tcp):
            with p.when(p.tcp.present(TCP_CHECKSUM_END)):
                p.tcp.sport, p.tcp.dport = new.sport, new.dport
                p.adjust(TCP_CHECKSUM, UNCHANGED, delta, pseudo=addresses)
                state.set(_tcp_state(p, entry.state))
            reply_state.set(_swapped(state.value))
            idle_s.set(self.tcp_idle(state.value))
        with p.otherwise():
            p.udp.sport, p.udp.dport = new.sport, new.dport
            p.adjust(UDP_CHECKSUM, UNCHANGED, delta, keep_zero=True, pseudo=addresses)
            if self.udp_has_state:
                now = p.bind(_udp_state(entry))
                streaming = now == STREAMING
                state.set(now)
                reply_state.set(now)
                idle_s.set(
                    _when(streaming, self.timeouts.udp_streaming) | _when(~streaming, self.timeouts.udp)
                )
        self.write(p, visit, is_tcp, state.value, reply_state.value, idle_s.value)

    @property
    def udp_has_state(self) -> bool:
        """Whether a UDP flow's idle time depends on what was seen of it."""
        return self.timeouts.udp != self.timeouts.udp_streaming

    def write(
        self, p: Packet, visit: "Visit", is_tcp: Value, state: Value, reply_state: Value, idle_s: Value
    ) -> None:
        """Store the flow if it is new, else its new state, used now; the reply's too where it has one."""
        own = replace(visit.entry, state=state)
        partner = visit.entry.partner(visit.flow, reply_state)
        key = (visit.protocol, *visit.flow)
        partner_key = (visit.protocol, *visit.entry.new.reverse())
        with p.when(visit.found) if visit.creates else nullcontext():
            p.update(self.table, key, own.row(), idle_s)
            with nullcontext() if self.udp_has_state else p.when(is_tcp):
                p.update(self.table, partner_key, partner.row(), idle_s)
        if visit.creates:
            with p.otherwise():
                stored = p.insert(self.table, key, own.row(), idle_s, (partner_key, partner.row()))
                with p.when(~stored):
                    p.count(FAILURES)
                    p.drop(TABLE_FULL)

    def tcp_idle(self, state: Value) -> Value:
        """Both directions done, else payload seen in both, else neither."""
        times = self.timeouts
        done = state.bits(DONE, 1) & state.bits(REPLY_DONE, 1)
        data = state.bits(DATA, 1) & state.bits(REPLY_DATA, 1)
        return (
            _when(done, times.tcp_done)
            | _when(~done & data, times.tcp)
            | _when(~(done | data), times.tcp_nodata)
        )


@dataclass(frozen=True, slots=True)
class Visit:
    """A packet of a flow that has a mapping: `found` in the table, or else made for it just now.

    `creates` false: the input makes no mappings, so `found` is sure.
    """

    protocol: Value
    flow: Flow
    found: Value
    entry: Entry
    creates: bool


def _leave(p: Packet, spec: InputSpec, reason: str) -> None:
    """The end of a packet that has and gets no mapping."""
    if isinstance(spec, Pass):
        p.emit(spec.output)
    else:
        p.drop(reason)


def _rebind(p: Packet, old: Value, new: Value) -> None:
    """Bind the variable `old` anew."""
    assert isinstance(old.expr, ir.Var)
    p.append(ir.Let(old.expr, new.expr))


def _delta(changes: Value) -> Value:
    """What is added to a checksum's complement: where nothing changed in sum, nothing (not 0xffff), as Click does."""
    return changes * (changes != 0xFFFF).cast(16)


def _when(condition: Value, number: int) -> Value:
    """`number` (32 bits) if `condition` holds, else 0."""
    return condition.cast(32) * number


def _tcp_state(p: Packet, state: Value) -> Value:
    """The entry's state after this segment.

    RST ends both directions, FIN this one; SYN or payload opens this one again; payload marks it as having had data.
    """
    flags = p.tcp.flags
    fin, syn, rst = (flags.bits(bit, 1) for bit in (FIN, SYN, RST))
    headers = p.bind((p.ip.hl.cast(16) + p.tcp.off.cast(16)) << 2)
    payload = p.bind(headers < p.ip.len)
    done = rst | fin | (state.bits(DONE, 1) & ~(syn | payload))
    return (
        done.cast(8)
        | ((state.bits(REPLY_DONE, 1) | rst).cast(8) << REPLY_DONE)
        | ((state.bits(DATA, 1) | payload).cast(8) << DATA)
        | (state.bits(REPLY_DATA, 1).cast(8) << REPLY_DATA)
    )


def _swapped(state: Value) -> Value:
    """A TCP state as the partner entry holds it."""
    return ((state & 0b0101) << 1) | ((state >> 1) & 0b0101)


def _udp_state(entry: Entry) -> Value:
    seen = entry.state | entry.is_reply.cast(8)
    return seen + ((seen < 6).cast(8) << 1)
