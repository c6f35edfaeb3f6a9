"""What all rewriters share: the table of flows, where new ones come from, and what is done to packets of known ones.

A flow F = (source, port, destination, port) that is rewritten to R has two entries in one paired table: F leads to R,
and reverse(R), which is what the answers carry, leads to reverse(F). Keys and values are plain packet fields, constants
and allocated numbers, never arithmetic, so that a proof recognises an answer by equality.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, NamedTuple

from innet import ir
from innet.elements.ip.header import IP_CHECKSUM, NO_IP_HEADER, changes
from innet.elements.rewrite.patterns import Flow, Room
from innet.elements.rewrite.specs import NO_MAPPING, Discard, InputSpec, Mapping, Pass
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, as_value
from innet.packet.headers import PROTO_TCP, PROTO_UDP

TCP_CHECKSUM = ir.Field(Mark.TRANSPORT, 128, 16)
UDP_CHECKSUM = ir.Field(Mark.TRANSPORT, 48, 16)

NO_FREE_PORT = "no free port or address"
TABLE_FULL = "flow table full"
FAILURES = "mapping_failures"
TABLE = "flows"

UNCHANGED = Value(ir.Const(0xFFFF, 16))
"""The old value for which a checksum update adds just the new one."""

NEW_FLOW = 0
"""The state of a flow before its first packet."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the flow table, as values of the program.

    `new` is what the packet becomes; it leaves by `output`, answers to it by `reply_output`. `is_reply` tells
    the second entry of a flow from the first; `input` is where the flow's first packet came in. What not every rewriter
    has: `state`, what was seen of the flow; `protocol`, if the key has none; `note`, the REPLY_ANNO byte of the packet
    that made the flow; `shifts`, what its sequence numbers move by.
    """

    new: Flow
    output: Value
    reply_output: Value
    is_reply: Value
    input: Value
    state: Value | None = None
    protocol: Value | None = None
    note: Value | None = None
    shifts: tuple[Value, ...] = ()

    def partner(self, flow: Flow, state: Value | None) -> "Entry":
        """The other entry of the same flow, when this one's key is `flow`."""
        return Entry(
            flow.reverse(),
            self.reply_output,
            self.output,
            ~self.is_reply,
            self.input,
            state,
            self.protocol,
            self.note,
            (*self.shifts[len(self.shifts) // 2 :], *self.shifts[: len(self.shifts) // 2]),
        )


class Quote(Enum):
    """What an ICMP error quotes of a packet, as far as rewriters tell packets apart."""

    PORTS = "ports"
    ECHO = "echo"
    ADDRESSES = "addresses"
    """Neither, or not enough of it: ports are zero then."""


class Way(NamedTuple):
    """A look-up for the flow of a packet that an error quotes: a key, and what the row says that the packet was.

    The flow is that of answers to the packet. `holds` is what must be so as well.
    """

    key: tuple[Value, ...]
    flow: Callable[[Entry], Flow]
    holds: Callable[[Entry], Value] | None = None


@dataclass(frozen=True, slots=True)
class FlowTable:
    """The flow table of a rewriter and its rules; `push` is the program of one input port.

    `outputs` are those that some mapping may use. `reply_anno` is the annotation byte that replies get back.
    """

    outputs: tuple[int, ...]
    capacity: int
    guarantee_s: int
    dst_anno: bool
    reply_anno: int | None
    owner: str = ""
    """The element whose table it is, for those that look into it."""

    KEY: ClassVar[tuple[int, ...]]
    """Widths of what tells flows apart."""
    NEW: ClassVar[tuple[int, ...]] = (32, 16, 32, 16)
    """Widths of what a packet becomes."""
    HAS_STATE: ClassVar[bool] = False
    HAS_PROTOCOL: ClassVar[bool] = False
    SHIFTS: ClassVar[tuple[int, ...]] = ()
    """Widths of what sequence numbers of both directions move by, this one's first."""
    NO_FLOW: ClassVar[str] = ""
    """Why a packet is none of those that this rewriter rewrites."""

    @property
    def table(self) -> ir.Table:
        columns = (*self.NEW, 8, 8, 1, 8)
        columns += (8,) * (self.HAS_STATE + self.HAS_PROTOCOL + (self.reply_anno is not None))
        columns += self.SHIFTS
        return ir.Table(
            TABLE,
            key=self.KEY,
            values=columns,
            capacity=self.capacity,
            kind=ir.TableKind.PAIRED,
            owner=self.owner,
            guarantee_s=self.guarantee_s,
        )

    # ---- rows

    def key(self, protocol: Value, flow: Flow) -> tuple[Value, ...]:
        """What `flow` is found by."""
        raise NotImplementedError

    def new_parts(self, entry: Entry) -> tuple[Value, ...]:
        """What the rows hold of a rewritten flow."""
        return tuple(entry.new)

    def new_flow(self, parts: Sequence[Value]) -> Flow:
        """The rewritten flow that a row holds."""
        return Flow(*parts)

    def row(self, entry: Entry) -> tuple[Value, ...]:
        return (
            *self.new_parts(entry),
            entry.output,
            entry.reply_output,
            entry.is_reply,
            entry.input,
            *(one for one in (entry.state, entry.protocol, entry.note) if one is not None),
            *entry.shifts,
        )

    def entry(self, row: Sequence[Value]) -> Entry:
        size = len(self.NEW)
        output, reply_output, is_reply, number, *more = row[size:]
        state = more.pop(0) if self.HAS_STATE else None
        protocol = more.pop(0) if self.HAS_PROTOCOL else None
        note = more.pop(0) if self.reply_anno is not None else None
        return Entry(
            self.new_flow(row[:size]),
            output,
            reply_output,
            is_reply,
            number,
            state,
            protocol,
            note,
            tuple(more),
        )

    # ---- rows as numbers, for handlers

    def show_key(self, key: tuple[int, ...]) -> str:
        """The packets that a key is for."""
        raise NotImplementedError

    def show_new(self, new: tuple[int, ...]) -> str:
        """What they become."""
        return self.show_key(new)

    def alone(self, key: tuple[int, ...], new: tuple[int, ...]) -> bool:
        """Whether an entry has no partner: the flow is its own answer."""
        return False

    # ---- programs

    def quoted(self, kind: Quote, protocol: Value, flow: Flow) -> tuple[Value | None, tuple[Way, ...]]:
        """How to find the flow of a quoted packet, answers to which are `flow`, and whether to try (None: always)."""
        raise NotImplementedError

    def push(self, p: Packet, spec: InputSpec, port: int) -> None:
        """A packet on input `port`: the table first; if that does not know the flow, the input's `spec`."""
        if isinstance(spec, Pass):
            with p.when(~p.marked(Mark.NET)):
                p.drop(NO_IP_HEADER)
        protocol = p.ip.proto
        with p.when(~self.takes(p, protocol)):
            leave(p, spec, self.NO_FLOW)
        if not self.outputs:
            leave(p, spec, NO_MAPPING)
            return
        protocol, flow = self.flow(p, protocol)
        found, row = p.lookup(self.table, self.key(protocol, flow))
        entry = self.entry(row)
        with p.when(~found):
            self.create(p, spec, port, protocol, flow, entry)
        self.rewrite(p, Visit(protocol, flow, found, entry, creates=not isinstance(spec, Discard | Pass)))
        self.emit(p, entry.output)

    def takes(self, p: Packet, protocol: Value) -> Value:
        """Whether this rewriter deals with such packets at all."""
        raise NotImplementedError

    def flow(self, p: Packet, protocol: Value) -> tuple[Value, Flow]:
        """What `key` makes the packet's key of."""
        return protocol, Flow(p.ip.src, p.udp.sport, p.ip.dst, p.udp.dport)

    def create(
        self, p: Packet, spec: InputSpec, port: int, protocol: Value, flow: Flow, entry: Entry
    ) -> None:
        """Bind `entry` to what the specification makes of a new flow, or end the packet here."""
        mapping = self.mapping(p, spec, port, protocol, flow)
        if mapping is not None:
            first = self.first_entry(p, mapping, port, protocol)
            for old, new in zip(self.row(entry), self.row(first), strict=True):
                rebind(p, old, new)

    def mapping(self, p: Packet, spec: InputSpec, port: int, protocol: Value, flow: Flow) -> Mapping | None:
        """What the specification makes of a new flow; None if the packet always ends here."""
        if isinstance(spec, Discard | Pass):
            leave(p, spec, NO_MAPPING)
            return None
        room = Room(self.table, lambda new: self.reply_key(protocol, new))
        mapping, free = spec.map(p, room, flow, port)
        if free is not None:
            with p.when(~free):
                p.count(FAILURES)
                p.drop(NO_FREE_PORT)
        return mapping

    def reply_key(self, protocol: Value, new: Flow) -> tuple[Value, ...]:
        """What the answers to a rewritten flow are found by."""
        return self.key(protocol, new.reverse())

    def first_entry(self, p: Packet, mapping: Mapping, port: int, protocol: Value) -> Entry:
        note = None if self.reply_anno is None else p.raw(Mark.ANNOTATION, self.reply_anno, 1)
        return Entry(
            mapping.flow,
            as_value(mapping.output, 8),
            as_value(mapping.reply_output, 8),
            as_value(0, 1),
            as_value(port, 8),
            as_value(NEW_FLOW, 8) if self.HAS_STATE else None,
            protocol if self.HAS_PROTOCOL else None,
            note,
            tuple(as_value(0, width) for width in self.SHIFTS),
        )

    def rewrite(self, p: Packet, visit: "Visit") -> None:
        """Put the new flow into the packet, and write to the table what this packet says of the flow."""
        raise NotImplementedError

    def rewrite_header(self, p: Packet, visit: "Visit") -> Value:
        """Put the new addresses into the IPv4 header and the annotation; what they change of a checksum."""
        flow, entry, new = visit.flow, visit.entry, visit.entry.new
        p.ip.src, p.ip.dst = new.saddr, new.daddr
        if self.dst_anno:
            p.anno.dst_ip = new.daddr
        self.give_back(p, entry)
        addresses = p.bind(changes((flow.saddr, new.saddr), (flow.daddr, new.daddr)))
        p.adjust(IP_CHECKSUM, UNCHANGED, delta_of(addresses))
        return addresses

    def give_back(self, p: Packet, entry: Entry) -> None:
        """Replies get the annotation of the packet that made the flow."""
        if self.reply_anno is not None and entry.note is not None:
            with p.when(entry.is_reply):
                p.set_raw(Mark.ANNOTATION, self.reply_anno, 1, entry.note)

    def insert(
        self, p: Packet, visit: "Visit", state: Value | None, reply_state: Value | None, idle_s: Value | int
    ) -> None:
        """Store both entries of a new flow, or end the packet here."""
        own, partner = with_state(visit.entry, state), visit.entry.partner(visit.flow, reply_state)
        key, reply_key = (
            self.key(visit.protocol, visit.flow),
            self.reply_key(visit.protocol, visit.entry.new),
        )
        self.insert_pair(p, key, own, reply_key, partner, idle_s)

    def insert_pair(
        self,
        p: Packet,
        key: tuple[Value, ...],
        own: Entry,
        reply_key: tuple[Value, ...],
        partner: Entry,
        idle_s: Value | int,
    ) -> None:
        """Store two entries, or end the packet here."""
        stored = p.insert(self.table, key, self.row(own), idle_s, (reply_key, self.row(partner)))
        with p.when(~stored):
            p.count(FAILURES)
            p.drop(TABLE_FULL)

    def refresh(self, p: Packet, visit: "Visit", idle_s: int) -> None:
        """Store a flow that has no state if it is new, else count it as used now."""
        if not visit.creates:
            p.update(self.table, self.key(visit.protocol, visit.flow), self.row(visit.entry), idle_s)
            return
        with p.when(visit.found):
            p.update(self.table, self.key(visit.protocol, visit.flow), self.row(visit.entry), idle_s)
        with p.otherwise():
            self.insert(p, visit, None, None, idle_s)

    def emit(self, p: Packet, output: Value) -> None:
        """The packet leaves by the output that its entry says."""
        for number in self.outputs[:-1]:
            with p.when(output == number):
                p.emit(number)
        p.emit(self.outputs[-1])


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


def with_state(entry: Entry, state: Value | None) -> Entry:
    return Entry(
        entry.new,
        entry.output,
        entry.reply_output,
        entry.is_reply,
        entry.input,
        state,
        entry.protocol,
        entry.note,
        entry.shifts,
    )


def leave(p: Packet, spec: InputSpec, reason: str) -> None:
    """The end of a packet that has and gets no mapping."""
    if isinstance(spec, Pass):
        p.emit(spec.output)
    else:
        p.drop(reason)


def rebind(p: Packet, old: Value, new: Value) -> None:
    """Bind the variable `old` anew."""
    assert isinstance(old.expr, ir.Var)
    p.append(ir.Let(old.expr, new.expr))


def delta_of(changes: Value) -> Value:
    """What is added to a checksum's complement: where nothing changed in sum, nothing (not 0xffff), as Click does."""
    return changes * (changes != 0xFFFF).cast(16)


def adjust_transport(p: Packet, protocol: Value, first: Value, addresses: Value) -> None:
    """TCP's and UDP's checksums follow the addresses, where a first fragment has them."""
    delta = p.bind(delta_of(addresses))
    with p.when(first & (protocol == PROTO_TCP)):
        p.adjust(TCP_CHECKSUM, UNCHANGED, delta, pseudo=addresses)
    with p.when(first & (protocol == PROTO_UDP)):
        p.adjust(UDP_CHECKSUM, UNCHANGED, delta, keep_zero=True, pseudo=addresses)
