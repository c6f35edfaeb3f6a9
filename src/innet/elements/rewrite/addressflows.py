"""The flow tables of IPAddrRewriter and IPAddrPairRewriter: addresses change, ports do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.ip.header import IP_CHECKSUM, changes, first_fragment, require_ip_header
from innet.elements.rewrite.flows import (
    UNCHANGED,
    Entry,
    FlowTable,
    Quote,
    Visit,
    Way,
    adjust_transport,
    delta_of,
    leave,
)
from innet.elements.rewrite.patterns import Flow
from innet.elements.rewrite.specs import NO_MAPPING, Ask, Discard, InputSpec, Mapping, Pass, Rewrite
from innet.flowspec.names import dotted
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, any_of, as_value

TOO_MUCH = "a pattern that sets more than this rewriter can"
FORWARD, REPLY = 0, 1
NO_PORT, NO_ADDRESS = as_value(0, 16), as_value(0, 32)


@dataclass(frozen=True, slots=True)
class PairFlows(FlowTable):
    """Flows from one address to another."""

    idle_s: int = 7200

    KEY: ClassVar[tuple[int, ...]] = (32, 32)
    NEW: ClassVar[tuple[int, ...]] = (32, 32)
    KEPT: ClassVar[tuple[str, ...]] = ("sport", "dport")
    """What no pattern may set: such a mapping is not made, as in Click."""

    def key(self, protocol: Value, flow: Flow) -> tuple[Value, ...]:
        return flow.saddr, flow.daddr

    def new_parts(self, entry: Entry) -> tuple[Value, ...]:
        return entry.new.saddr, entry.new.daddr

    def new_flow(self, parts: Sequence[Value]) -> Flow:
        saddr, daddr = parts
        return Flow(saddr, NO_PORT, daddr, NO_PORT)

    def show_key(self, key: tuple[int, ...]) -> str:
        return f"({dotted(key[0])}, {dotted(key[1])})"

    def alone(self, key: tuple[int, ...], new: tuple[int, ...]) -> bool:
        return key == new[::-1]

    def quoted(self, kind: Quote, protocol: Value, flow: Flow) -> tuple[Value | None, tuple[Way, ...]]:
        return None, (Way(self.key(protocol, flow), lambda entry: entry.new),)

    def push(self, p: Packet, spec: InputSpec, port: int) -> None:
        require_ip_header(p)
        if not self.outputs:
            leave(p, spec, NO_MAPPING)
            return
        protocol = p.ip.proto
        flow = Flow(p.ip.src, NO_PORT, p.ip.dst, NO_PORT)
        found, row = p.lookup(self.table, self.key(protocol, flow))
        entry = self.entry(row)
        with p.when(~found):
            self.create(p, spec, port, protocol, flow, entry)
        visit = Visit(protocol, flow, found, entry, creates=not isinstance(spec, Discard | Pass))
        addresses = self.rewrite_header(p, visit)
        adjust_transport(p, protocol, first_fragment(p), addresses)
        self.refresh(p, visit, self.idle_s)
        self.emit(p, entry.output)

    def mapping(self, p: Packet, spec: InputSpec, port: int, protocol: Value, flow: Flow) -> Mapping | None:
        if isinstance(spec, Rewrite) and any(getattr(spec.pattern, part) is not None for part in self.KEPT):
            p.drop(TOO_MUCH)
            return None
        mapping = FlowTable.mapping(self, p, spec, port, protocol, flow)
        if isinstance(spec, Ask) and mapping is not None:
            with p.when(any_of(getattr(mapping.flow, part) != 0 for part in self.KEPT)):
                p.drop(TOO_MUCH)
        return mapping


@dataclass(frozen=True, slots=True)
class AddressFlows(PairFlows):
    """All that comes from one address, and all that goes back to the one it was given: two sides of one table."""

    KEY: ClassVar[tuple[int, ...]] = (8, 32)
    NEW: ClassVar[tuple[int, ...]] = (32,)
    KEPT: ClassVar[tuple[str, ...]] = ("sport", "daddr", "dport")

    def reply_key(self, protocol: Value, new: Flow) -> tuple[Value, ...]:
        return as_value(REPLY, 8), new.saddr

    def new_parts(self, entry: Entry) -> tuple[Value, ...]:
        return (entry.new.saddr,)

    def new_flow(self, parts: Sequence[Value]) -> Flow:
        return Flow(parts[0], NO_PORT, NO_ADDRESS, NO_PORT)

    def show_key(self, key: tuple[int, ...]) -> str:
        return dotted(key[-1])

    def alone(self, key: tuple[int, ...], new: tuple[int, ...]) -> bool:
        return False

    def quoted(self, kind: Quote, protocol: Value, flow: Flow) -> tuple[Value | None, tuple[Way, ...]]:
        """The entry knows one address; the other comes out as zero, as Click has it."""

        def answer(entry: Entry) -> Flow:
            return Flow(NO_ADDRESS, NO_PORT, entry.new.saddr, NO_PORT)

        forward = Way((as_value(FORWARD, 8), flow.saddr), lambda entry: entry.new)
        return None, (forward, Way((as_value(REPLY, 8), flow.daddr), answer))

    def push(self, p: Packet, spec: InputSpec, port: int) -> None:
        require_ip_header(p)
        if not self.outputs:
            leave(p, spec, NO_MAPPING)
            return
        source, target, protocol = p.ip.src, p.ip.dst, p.ip.proto
        found, row = p.lookup(self.table, (FORWARD, source))
        known = self.entry(row)
        with p.when(found):
            self.from_source(p, protocol, source, known)
            p.update(self.table, (FORWARD, source), row, self.idle_s)
            self.emit(p, known.output)
        answers, row = p.lookup(self.table, (REPLY, target))
        known = self.entry(row)
        with p.when(answers):
            p.ip.dst = known.new.saddr
            p.anno.dst_ip = known.new.saddr
            if self.reply_anno is not None and known.note is not None:
                p.set_raw(Mark.ANNOTATION, self.reply_anno, 1, known.note)
            self.adjust(p, protocol, target, known.new.saddr)
            p.update(self.table, (REPLY, target), row, self.idle_s)
            self.emit(p, known.output)
        flow = Flow(source, NO_PORT, NO_ADDRESS, NO_PORT)
        mapping = self.mapping(p, spec, port, protocol, flow)
        if mapping is None:
            return
        entry = self.first_entry(p, mapping, port, protocol)
        self.from_source(p, protocol, source, entry)
        answer = entry.partner(Flow(source, NO_PORT, source, NO_PORT), None)
        key = (as_value(FORWARD, 8), source)
        self.insert_pair(p, key, entry, self.reply_key(protocol, entry.new), answer, self.idle_s)
        self.emit(p, entry.output)

    def from_source(self, p: Packet, protocol: Value, source: Value, entry: Entry) -> None:
        """The packet leaves with the address that its source was given."""
        p.ip.src = entry.new.saddr
        self.adjust(p, protocol, source, entry.new.saddr)

    def adjust(self, p: Packet, protocol: Value, old: Value, new: Value) -> None:
        addresses = p.bind(changes((old, new)))
        p.adjust(IP_CHECKSUM, UNCHANGED, delta_of(addresses))
        adjust_transport(p, protocol, first_fragment(p), addresses)
