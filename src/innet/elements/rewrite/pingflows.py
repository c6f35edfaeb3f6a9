"""The flow table of ICMPPingRewriter: flows have addresses and an identifier, requests and replies are told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from innet import ir
from innet.elements.ip.header import changes, first_fragment
from innet.elements.rewrite.flows import UNCHANGED, Entry, FlowTable, Quote, Visit, Way, delta_of, leave
from innet.elements.rewrite.patterns import Flow
from innet.elements.rewrite.specs import NO_MAPPING, InputSpec, Mapping
from innet.flowspec.names import dotted
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, as_value
from innet.packet.headers import PROTO_ICMP

ECHO_REPLY, ECHO = 0, 8
ICMP_CHECKSUM = ir.Field(Mark.TRANSPORT, 16, 16)
IDENTIFIER_END = 6


@dataclass(frozen=True, slots=True)
class PingFlows(FlowTable):
    """Echo requests of one identifier, and their replies. A flow's ports both are the identifier."""

    idle_s: int = 300

    KEY: ClassVar[tuple[int, ...]] = (8, 32, 16, 32, 16)
    NEW: ClassVar[tuple[int, ...]] = (32, 16, 32)
    NO_FLOW: ClassVar[str] = "not the first fragment of an ICMP echo request or reply"

    def new_parts(self, entry: Entry) -> tuple[Value, ...]:
        return entry.new.saddr, entry.new.sport, entry.new.daddr

    def new_flow(self, parts: Sequence[Value]) -> Flow:
        saddr, identifier, daddr = parts
        return Flow(saddr, identifier, daddr, identifier)

    def key(self, protocol: Value, flow: Flow) -> tuple[Value, ...]:
        """`protocol` is the ICMP type."""
        return (protocol, *flow)

    def reply_key(self, protocol: Value, new: Flow) -> tuple[Value, ...]:
        """Of a flow that a request makes.

        A pattern looks for a free identifier before the second port is set, so what it finds taken is only an
        identifier that is the packet's own (as in Click): otherwise the older flow makes room.
        """
        return (as_value(ECHO_REPLY, 8), *new.reverse())

    def show_key(self, key: tuple[int, ...]) -> str:
        return self.show_new(key[1:4])

    def show_new(self, new: tuple[int, ...]) -> str:
        saddr, identifier, daddr = new
        return f"({dotted(saddr)}, {dotted(daddr)}, {identifier})"

    def quoted(self, kind: Quote, protocol: Value, flow: Flow) -> tuple[Value | None, tuple[Way, ...]]:
        if kind is Quote.PORTS:
            return None, ()
        key = (as_value(ECHO_REPLY, 8), flow.saddr, flow.sport, flow.daddr, flow.sport)
        return protocol == PROTO_ICMP, (Way(key, lambda entry: entry.new),)

    def takes(self, p: Packet, protocol: Value) -> Value:
        echo = (p.icmp.type == ECHO) | (p.icmp.type == ECHO_REPLY)
        return (protocol == PROTO_ICMP) & first_fragment(p) & p.icmp.present(IDENTIFIER_END) & echo

    def flow(self, p: Packet, protocol: Value) -> tuple[Value, Flow]:
        identifier = p.icmp.id
        return p.icmp.type, Flow(p.ip.src, identifier, p.ip.dst, identifier)

    def mapping(self, p: Packet, spec: InputSpec, port: int, protocol: Value, flow: Flow) -> Mapping | None:
        with p.when(protocol == ECHO_REPLY):
            leave(p, spec, NO_MAPPING)
        mapping = FlowTable.mapping(self, p, spec, port, protocol, flow)
        if mapping is None:
            return None
        new = mapping.flow._replace(dport=mapping.flow.sport)
        return Mapping(new, mapping.output, mapping.reply_output)

    def rewrite(self, p: Packet, visit: Visit) -> None:
        self.rewrite_header(p, visit)
        identifier = visit.entry.new.sport
        p.icmp.id = identifier
        change = delta_of(p.bind(changes((visit.flow.sport, identifier))))
        p.adjust(ICMP_CHECKSUM, UNCHANGED, change, pseudo=as_value(0, 16))
        with (
            p.when((p.icmp.sum == 0) & (visit.protocol == ECHO_REPLY)),
            p.when(p.sum(Mark.TRANSPORT, 0, p.distance(Mark.TRANSPORT, Mark.END)) == 0),
        ):
            p.icmp.sum = 0xFFFF
        self.refresh(p, visit, self.idle_s)
