"""The flow tables of IPRewriter, TCPRewriter and UDPRewriter: flows have addresses and ports."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.ip.header import changes, first_fragment
from innet.elements.rewrite.flows import (
    TCP_CHECKSUM,
    UDP_CHECKSUM,
    UNCHANGED,
    Entry,
    FlowTable,
    Quote,
    Visit,
    Way,
    delta_of,
    with_state,
)
from innet.elements.rewrite.patterns import Flow
from innet.flowspec.names import dotted
from innet.ir.trace import Packet, Value, any_of, as_value
from innet.packet.headers import PROTO_TCP, PROTO_UDP

PROTO_DCCP = 33
PORTS_BYTES, TCP_CHECKSUM_END = 8, 18
FIN, SYN, RST = 0, 1, 2

# Bits of an entry's `state`. TCP: DONE and DATA are about the direction that the entry is for, the others about its
# reply. UDP: packets seen, up to 3, times 2, plus 1 once a reply was seen (both entries hold the same).
DONE, REPLY_DONE, DATA, REPLY_DATA = 0, 1, 2, 3
STREAMING = 7


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a flow may be idle, in seconds: TCP by its state, UDP with an answer and three packets, or without."""

    tcp: int = 86400
    tcp_nodata: int = 300
    tcp_done: int = 240
    udp: int = 300
    udp_streaming: int = 300


@dataclass(frozen=True, slots=True)
class PortFlows(FlowTable):
    """Flows of TCP, UDP or both, each protocol with ports of its own."""

    timeouts: Timeouts = Timeouts()

    KEY: ClassVar[tuple[int, ...]] = (8, 32, 16, 32, 16)
    HAS_STATE: ClassVar[bool] = True
    NO_FLOW: ClassVar[str] = "not the first fragment of a TCP or UDP packet"
    PROTOCOLS: ClassVar[tuple[int, ...]] = (PROTO_TCP, PROTO_UDP)

    def key(self, protocol: Value, flow: Flow) -> tuple[Value, ...]:
        return (protocol, *flow)

    def show_key(self, key: tuple[int, ...]) -> str:
        saddr, sport, daddr, dport = key[-4:]
        return f"({dotted(saddr)}, {sport}, {dotted(daddr)}, {dport})"

    def alone(self, key: tuple[int, ...], new: tuple[int, ...]) -> bool:
        return key[-4:] == (*new[2:], *new[:2])

    def quoted(self, kind: Quote, protocol: Value, flow: Flow) -> tuple[Value | None, tuple[Way, ...]]:
        known = any_of(protocol == one for one in self.PROTOCOLS)
        return known, () if kind is Quote.ECHO else (self.way(protocol, flow),)

    def way(self, protocol: Value, flow: Flow) -> Way:
        return Way(self.key(protocol, flow), lambda entry: entry.new)

    def takes(self, p: Packet, protocol: Value) -> Value:
        known = any_of(protocol == one for one in self.PROTOCOLS)
        return known & first_fragment(p) & p.udp.present(PORTS_BYTES)

    def rewrite(self, p: Packet, visit: Visit) -> None:
        addresses = self.rewrite_header(p, visit)
        flow, new = visit.flow, visit.entry.new
        ports = changes((flow.sport, new.sport), (flow.dport, new.dport))
        delta = p.bind(delta_of(p.bind(addresses.ones_add(ports))))
        before = visit.entry.state
        assert before is not None
        state, reply_state = p.local(before), p.local(before)
        idle_s = p.local(self.timeouts.udp, 32)
        is_tcp = p.bind(visit.protocol == PROTO_TCP)
        with p.when(is_tcp):
            with p.when(p.tcp.present(TCP_CHECKSUM_END)):
                p.tcp.sport, p.tcp.dport = new.sport, new.dport
                p.adjust(TCP_CHECKSUM, UNCHANGED, delta, pseudo=addresses)
                state.set(tcp_state(p, before))
            reply_state.set(swapped(state.value))
            idle_s.set(self.tcp_idle(state.value))
        with p.otherwise():
            p.udp.sport, p.udp.dport = new.sport, new.dport
            p.adjust(UDP_CHECKSUM, UNCHANGED, delta, keep_zero=True, pseudo=addresses)
            if self.udp_has_state:
                now = p.bind(udp_state(before, visit.entry.is_reply))
                state.set(now)
                reply_state.set(now)
                idle_s.set(self.udp_idle(now))
        reply_too = True if self.udp_has_state else is_tcp
        self.write(p, visit, reply_too, state.value, reply_state.value, idle_s.value)

    @property
    def udp_has_state(self) -> bool:
        """Whether a UDP flow's idle time depends on what was seen of it."""
        return self.timeouts.udp != self.timeouts.udp_streaming

    def write(
        self,
        p: Packet,
        visit: Visit,
        reply_too: Value | bool,
        state: Value,
        reply_state: Value,
        idle_s: Value,
    ) -> None:
        """Store the flow if it is new, else its new state, used now; the reply's too if `reply_too`."""
        own = with_state(visit.entry, state)
        partner = visit.entry.partner(visit.flow, reply_state)
        key = self.key(visit.protocol, visit.flow)
        with p.when(visit.found) if visit.creates else nullcontext():
            p.update(self.table, key, self.row(own), idle_s)
            if reply_too is not False:
                with p.when(reply_too) if isinstance(reply_too, Value) else nullcontext():
                    partner_key = self.reply_key(visit.protocol, visit.entry.new)
                    p.update(self.table, partner_key, self.row(partner), idle_s)
        if visit.creates:
            with p.otherwise():
                self.insert(p, visit, state, reply_state, idle_s)

    def tcp_idle(self, state: Value) -> Value:
        """Both directions done, else payload seen in both, else neither."""
        times = self.timeouts
        done = state.bits(DONE, 1) & state.bits(REPLY_DONE, 1)
        data = state.bits(DATA, 1) & state.bits(REPLY_DATA, 1)
        return (
            if_(done, times.tcp_done) | if_(~done & data, times.tcp) | if_(~(done | data), times.tcp_nodata)
        )

    def udp_idle(self, state: Value) -> Value:
        """Answered and three packets long, or not yet."""
        streaming = state == STREAMING
        return if_(streaming, self.timeouts.udp_streaming) | if_(~streaming, self.timeouts.udp)


@dataclass(frozen=True, slots=True)
class TCPFlows(PortFlows):
    """Flows of TCP only."""

    KEY: ClassVar[tuple[int, ...]] = (32, 16, 32, 16)
    NO_FLOW: ClassVar[str] = "not the first fragment of a TCP packet"
    PROTOCOLS: ClassVar[tuple[int, ...]] = (PROTO_TCP,)

    def key(self, protocol: Value, flow: Flow) -> tuple[Value, ...]:
        return tuple(flow)

    def rewrite(self, p: Packet, visit: Visit) -> None:
        addresses = self.rewrite_header(p, visit)
        flow, new = visit.flow, visit.entry.new
        ports = changes((flow.sport, new.sport), (flow.dport, new.dport))
        before = visit.entry.state
        assert before is not None
        state = p.local(before)
        with p.when(p.tcp.present(TCP_CHECKSUM_END)):
            p.tcp.sport, p.tcp.dport = new.sport, new.dport
            p.adjust(TCP_CHECKSUM, UNCHANGED, delta_of(p.bind(addresses.ones_add(ports))), pseudo=addresses)
            state.set(tcp_state(p, before))
        after = state.value
        self.write(p, visit, True, after, swapped(after), self.tcp_idle(after))


@dataclass(frozen=True, slots=True)
class UDPFlows(PortFlows):
    """Flows of any protocol with ports, all in one table: what one protocol mapped holds for the others too."""

    KEY: ClassVar[tuple[int, ...]] = (32, 16, 32, 16)
    HAS_PROTOCOL: ClassVar[bool] = True
    NO_FLOW: ClassVar[str] = "not the first fragment of a TCP, UDP or DCCP packet"
    PROTOCOLS: ClassVar[tuple[int, ...]] = (PROTO_TCP, PROTO_UDP, PROTO_DCCP)

    def key(self, protocol: Value, flow: Flow) -> tuple[Value, ...]:
        return tuple(flow)

    def way(self, protocol: Value, flow: Flow) -> Way:
        """Here the protocol that made the flow counts."""

        def made_it(entry: Entry) -> Value:
            assert entry.protocol is not None
            return entry.protocol == protocol

        return Way(self.key(protocol, flow), lambda entry: entry.new, made_it)

    def rewrite(self, p: Packet, visit: Visit) -> None:
        addresses = self.rewrite_header(p, visit)
        flow, new = visit.flow, visit.entry.new
        ports = changes((flow.sport, new.sport), (flow.dport, new.dport))
        delta = p.bind(delta_of(p.bind(addresses.ones_add(ports))))
        p.udp.sport, p.udp.dport = new.sport, new.dport
        with p.when(visit.protocol == PROTO_TCP):
            p.adjust(TCP_CHECKSUM, UNCHANGED, delta, pseudo=addresses)
        with p.when(visit.protocol == PROTO_UDP):
            p.adjust(UDP_CHECKSUM, UNCHANGED, delta, keep_zero=True, pseudo=addresses)
        before = visit.entry.state
        assert before is not None
        if not self.udp_has_state:
            self.write(p, visit, False, before, before, as_value(self.timeouts.udp, 32))
            return
        state = p.bind(udp_state(before, visit.entry.is_reply))
        self.write(p, visit, True, state, state, self.udp_idle(state))


def if_(condition: Value, number: int) -> Value:
    """`number` (32 bits) if `condition` holds, else 0."""
    return condition.cast(32) * number


def tcp_state(p: Packet, state: Value) -> Value:
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


def swapped(state: Value) -> Value:
    """A TCP state as the partner entry holds it."""
    return ((state & 0b0101) << 1) | ((state >> 1) & 0b0101)


def udp_state(state: Value, is_reply: Value) -> Value:
    seen = state | is_reply.cast(8)
    return seen + ((seen < 6).cast(8) << 1)
