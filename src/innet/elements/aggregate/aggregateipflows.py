"""AggregateIPFlows."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.aggregate.flowholder import FlowHolder
from innet.elements.arguments import ElementRef, Seconds
from innet.elements.base import Element, Role
from innet.elements.holder import Holder, Io, Remembered
from innet.elements.ip.header import HEADER_BYTES, first_fragment, tcp_or_udp
from innet.elements.times.instants import FOREVER_S, stamp_if_unset
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, constant
from innet.packet.headers import PROTO_TCP, PROTO_UDP

FLOWS = ir.Table("flows", key=(8, 32, 32, 16, 16), values=(32, 1, 2, 32))
"""By protocol, addresses and ports, the lower address first: the flow's number, whether its first packet went from the
higher address, which directions have ended, and when the last packet came (seconds)."""
NUMBERS = ir.Counter("numbers", 32, first=1)
SYN = 2
NO_FLOW = "no flow"
UDP_BYTES = 8


@dataclass(frozen=True)
class AggregateIPFlows(Element):
    """Number packets by their TCP or UDP flow.

    Ports:      in 0: packets with IP header annotation.  out 0: packets of a flow; the AGGREGATE annotation is its
                number, from 1 in the order of first packets, PAINT is 0 in the direction of its first packet and 1 in
                the other (with ICMP, 2 or 3 for errors about such packets).
                out 1 (optional; dropped if unconnected): other protocols, packets without ports, later fragments whose
                flow is not known, and those of a new flow when there are 65536 already.
    Arguments:  TCP_TIMEOUT (default 24 h), TCP_DONE_TIMEOUT (30 s: after both sides sent FIN, or a RST), UDP_TIMEOUT
                (60 s): a flow whose last packet is longer ago gets a new number, by the packets' timestamps; so does a
                flow that has ended when a SYN comes.  FRAGMENTS (keyword, bool; default true in push context, where
                false leaves them out; must be false in pull): keep fragments, and what comes behind them between
                the same hosts, until their flow is known or for FRAGMENT_TIMEOUT (30 s).  ICMP (keyword, bool, default
                false): count ICMP errors to the flow of the packet that they quote.
                REAP (keyword), NOTIFIER, SOURCE, TRACEINFO: accepted, without effect.
    State:      the flows; write handler `clear` forgets them.
    Drops:      "no flow".
    Verifier:   with FRAGMENTS or ICMP the annotations are taken for anything.
    Errors:     FRAGMENTS true in pull context.
    Source:     Click manual, AggregateIPFlows. Click keeps any number of flows.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "FRAGMENTS false, UDP_TIMEOUT 10",
        "",
        "ICMP true, FRAGMENTS false",
    )
    ROLE: ClassVar[Role] = Role.TRANSFORM
    WRITES: ClassVar[tuple[str, ...]] = ("clear",)

    _: KW_ONLY
    tcp_timeout: Annotated[int, Seconds()] = 86400
    tcp_done_timeout: Annotated[int, Seconds()] = 30
    udp_timeout: Annotated[int, Seconds()] = 60
    fragment_timeout: Annotated[int, Seconds()] = 30
    reap: Annotated[int, Seconds()] = 1200
    icmp: bool = False
    fragments: bool | None = None
    source: Annotated[str | None, ElementRef()] = None
    traceinfo: str = ""

    @property
    def holds(self) -> bool:
        """Whether packets have to wait, or to be read farther than a program does."""
        return self.icmp or self.fragments is not False

    def push(self, p: Packet, port: int) -> None:
        with p.when(~p.ip.present(HEADER_BYTES)):
            p.divert(1, NO_FLOW)
        if self.holds:
            p.hold()
            return
        stamp_if_unset(p)
        with p.when(~tcp_or_udp(p.ip.proto)):
            p.divert(1, NO_FLOW)
        with p.when(~(first_fragment(p) & p.present(Mark.TRANSPORT, 0, UDP_BYTES))):
            p.divert(1, NO_FLOW)
        src, dst = p.ip.src, p.ip.dst
        with p.when((src == 0) & (dst == 0)):
            p.divert(1, NO_FLOW)
        with p.when(p.ip.proto == PROTO_TCP):
            self._order(p, src, dst, PROTO_TCP)
        self._order(p, src, dst, PROTO_UDP)

    def _order(self, p: Packet, src: Value, dst: Value, proto: int) -> None:
        sport, dport = p.udp.sport, p.udp.dport
        with p.when((dst < src) | ((src == dst) & (dport < sport))):
            self._number(p, (dst, src, dport, sport), proto, 1)
        self._number(p, (src, dst, sport, dport), proto, 0)

    def _number(self, p: Packet, ends: tuple[Value, ...], proto: int, flipped: int) -> None:
        now = p.anno.time_s
        key: tuple[Value | int, ...] = (proto, *ends)
        flags = p.tcp.flags if proto == PROTO_TCP else None
        found, (number, reverse, over, last) = p.lookup(FLOWS, key)
        with p.when(found & self._alive(flags, over, p.bind(now - last))):
            paint = p.bind(reverse ^ flipped)
            p.update(FLOWS, key, (number, reverse, self._ended(flags, over, paint), now), FOREVER_S)
            self._emit(p, number, paint)
        new, first = p.next(NUMBERS), Value(constant(0, 1))
        ended = self._ended(flags, Value(constant(0, 2)), first)
        with p.when(p.insert(FLOWS, key, (new, flipped, ended, now), FOREVER_S)):
            self._emit(p, new, first)
        p.divert(1, NO_FLOW)

    def _alive(self, flags: Value | None, over: Value, age: Value) -> Value:
        """Whether a flow goes on, `age` seconds (with a sign) after its last packet."""
        if flags is None:
            return (age <= self.udp_timeout) | (age >= 1 << 31)
        open_ = (over != 3) & ((age <= self.tcp_timeout) | (age >= 1 << 31))
        closed = (over == 3) & ((age <= self.tcp_done_timeout) | (age >= 1 << 31))
        return open_ | (closed & ((flags & SYN) == 0))

    def _ended(self, flags: Value | None, over: Value, paint: Value) -> Value:
        """Which directions have ended behind a packet: both at a RST, its own at a FIN, none at a SYN."""
        if flags is None:
            return over
        rst, fin, syn = (_twice(flags.bits(bit, 1)) for bit in (2, 0, 1))
        closing = fin & (over | (paint.cast(2) + 1))
        return rst | (~rst & (closing | (~fin & ~syn & over)))

    def _emit(self, p: Packet, number: Value, paint: Value) -> None:
        p.anno.aggregate = number
        p.anno.paint = paint.cast(8)
        p.emit(0)

    def released(self, p: Packet, port: int) -> None:
        for at, length in ((20, 4), (16, 1), (52, 4), (56, 4)):
            p.set_raw(Mark.ANNOTATION, at, length, p.random(8 * length))
        if p.outputs > 1:
            with p.when(p.random(1) == 1):
                p.emit(1)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder | None:
        return FlowHolder(self, inputs) if self.holds else None

    def write(self, handler: str, value: str, memory: Remembered) -> None:
        memory.clear(FLOWS)


def _twice(bit: Value) -> Value:
    """Two copies of a bit side by side."""
    return bit.cast(2) | (bit.cast(2) << 1)
