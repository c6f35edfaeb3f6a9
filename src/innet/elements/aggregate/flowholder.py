"""AggregateIPFlows where packets wait: fragments until their flow is known, and what comes behind them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.holder import Context, Holder, Out, timestamp, timestamp_of
from innet.elements.ip.header import FRAGMENT_OFFSET, MORE_OR_OFFSET
from innet.ir.interpret import NS, PacketBuffer
from innet.ir.nodes import Mark
from innet.packet.headers import PROTO_ICMP, PROTO_TCP, PROTO_UDP

if TYPE_CHECKING:
    from innet.elements.aggregate.aggregateipflows import AggregateIPFlows

ICMP_ERRORS = (3, 4, 5, 11, 12)
FIN, SYN, RST = 1, 2, 4
MAX_FLOWS, MAX_WAITING = 65536, 4096
Hosts: TypeAlias = tuple[int, int, int]
"""Protocol, lower and higher address."""


@dataclass
class Flow:
    """One flow between two hosts."""

    number: int
    reverse: int
    over: int = 0
    last_s: int = 0


@dataclass
class Waiting:
    """A packet that waits: what it is told by, and its flow if that is known."""

    packet: PacketBuffer
    header: bytes
    time_s: int
    flow: Flow | None
    paint: int

    @property
    def fragment(self) -> bool:
        return bool(int.from_bytes(self.header[6:8], "big") & MORE_OR_OFFSET)


@dataclass
class Pair:
    """All flows of a protocol between two hosts, and the packets that wait there."""

    flows: dict[tuple[int, int], Flow] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)


class FlowHolder(Holder):
    """The flows, by their hosts."""

    WRITABLE = ("clear",)

    def __init__(self, element: "AggregateIPFlows", inputs: str) -> None:
        self.element = element
        pulled = inputs[:1] == "l"
        if element.fragments and pulled:
            message = "FRAGMENTS true needs a push context"
            raise ConfigurationError(Diagnostic("E138", message, help="say FRAGMENTS false"))
        self.fragments = not pulled if element.fragments is None else element.fragments
        self.pairs: dict[Hosts, Pair] = {}
        self.next = 1
        self.flows = 0

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        if timestamp_of(packet) == 0:
            timestamp(packet, context.now_ns)
        header, paint, at = self.header_of(packet)
        if header is None or not any(header[12:20]):
            return self.none(packet, context)
        src, dst = (int.from_bytes(header[n : n + 4], "big") for n in (12, 16))
        flip = int(dst < src)
        hosts = header[9], min(src, dst), max(src, dst)
        pair = self.pairs.get(hosts)
        offset = int.from_bytes(header[6:8], "big")
        flow = None
        if not offset & FRAGMENT_OFFSET:
            start = at + header[0] % 16 * 4
            ports = bytes(packet.bytes[start : packet.marks[Mark.END]])[:8]
            if len(ports) < 8:
                return self.none(packet, context)
            sport, dport = int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:4], "big")
            flip |= int(src == dst and dport < sport)
            if pair is None:
                pair = self.pairs[hosts] = Pair()
            key = (dport, sport) if flip else (sport, dport)
            flow = self.flow(pair, key, flip, header[9] == PROTO_TCP, packet)
            if flow is None:
                return self.none(packet, context)
            paint ^= flip ^ flow.reverse
            self.mark(packet, flow, paint)
        elif pair is None and self.fragments:
            pair = self.pairs[hosts] = Pair()
        if pair is not None and (pair.waiting or (self.fragments and offset & MORE_OR_OFFSET)):
            entry = Waiting(packet, header, timestamp_of(packet) // NS, flow, paint)
            return self.wait(pair, entry, context)
        if flow is None:
            return self.none(packet, context)
        self.seen(packet, flow, paint)
        return ((0, packet),)

    def header_of(self, packet: PacketBuffer) -> tuple[bytes | None, int, int]:
        """The IPv4 header that says which flow it is (the quoted one, of ICMP errors), a first color, its place."""
        at, end = packet.marks[Mark.NET], packet.marks[Mark.END]
        header = bytes(packet.bytes[at : at + 20])
        if (
            header[9] == PROTO_ICMP
            and self.element.icmp
            and not int.from_bytes(header[6:8], "big") & FRAGMENT_OFFSET
        ):
            behind = packet.marks.get(Mark.TRANSPORT, end)
            message = bytes(packet.bytes[behind:end])
            quoted = message[8:28]
            whole = (
                len(quoted) == 20 and len(message) >= 8 + max(quoted[0] % 16 * 4, 20) and quoted[0] % 16 >= 5
            )
            if not whole or message[0] not in ICMP_ERRORS or quoted[9] not in (PROTO_TCP, PROTO_UDP):
                return None, 0, 0
            return quoted, 2, behind + 8
        return (header if header[9] in (PROTO_TCP, PROTO_UDP) else None), 0, at

    def flow(
        self, pair: Pair, key: tuple[int, int], flip: int, is_tcp: bool, packet: PacketBuffer
    ) -> Flow | None:
        """The flow of a packet: the one that is known, if it goes on, or a new one; None: there are too many."""
        found = pair.flows.get(key)
        element, now = self.element, timestamp_of(packet) // NS
        if found is not None:
            limit = element.udp_timeout
            if is_tcp:
                limit = element.tcp_done_timeout if found.over == 3 else element.tcp_timeout
            restarts = found.over == 3 and self.flags(packet) & SYN
            if now - found.last_s <= limit and not restarts:
                return found
            found.number, found.reverse, found.over = self.next, flip, 0
        elif self.flows >= MAX_FLOWS:
            return None
        else:
            self.flows += 1
            found = pair.flows[key] = Flow(self.next, flip)
        self.next += 1
        return found

    def flags(self, packet: PacketBuffer) -> int:
        """The TCP flags of a packet that is no ICMP error; zero if it has none."""
        if packet.bytes[packet.marks[Mark.NET] + 9] != PROTO_TCP or not packet.present(Mark.TRANSPORT, 0, 14):
            return 0
        return packet.bytes[packet.marks[Mark.TRANSPORT] + 13]

    def mark(self, packet: PacketBuffer, flow: Flow, paint: int) -> None:
        packet.annotations[20:24] = (flow.number % 2**32).to_bytes(4, "big")
        packet.annotations[16] = paint

    def seen(self, packet: PacketBuffer, flow: Flow, paint: int) -> None:
        """A packet of `flow` goes on."""
        flow.last_s = timestamp_of(packet) // NS
        offset = int.from_bytes(packet.bytes[packet.marks[Mark.NET] + 6 :][:2], "big") & FRAGMENT_OFFSET
        flags = self.flags(packet) if paint < 2 and not offset else 0
        if flags & RST:
            flow.over = 3
        elif flags & FIN:
            flow.over |= 1 << paint
        elif flags & SYN:
            flow.over = 0

    def wait(self, pair: Pair, entry: Waiting, context: Context) -> Sequence[Out]:
        """Queue a packet, and let go those that were queued too long, and what is behind them and no fragment."""
        pair.waiting.append(entry)
        if entry.flow is None:
            entry.packet.annotations[20:24] = bytes(4)
        old = entry.time_s - self.element.fragment_timeout
        outs: list[Out] = []
        too_many = len(pair.waiting) > MAX_WAITING
        while pair.waiting and (too_many or pair.waiting[0].time_s < old or not pair.waiting[0].fragment):
            too_many = False
            outs += self.release(pair, context)
        return outs

    def release(self, pair: Pair, context: Context) -> Sequence[Out]:
        """The packet that waited longest; fragments of one packet share the flow that one of them knows."""
        head = pair.waiting.pop(0)
        same = [w for w in pair.waiting if w.header[4:6] == head.header[4:6]]
        if head.flow is None:
            known = next((w for w in same if w.flow is not None), None)
            if known is None:
                context.drop("no flow")
                return ()
            head.flow, head.paint = known.flow, known.paint
        else:
            for other in same:
                other.flow, other.paint = head.flow, head.paint
        assert head.flow is not None
        self.mark(head.packet, head.flow, head.paint)
        self.seen(head.packet, head.flow, head.paint)
        return ((0, head.packet),)

    def none(self, packet: PacketBuffer, context: Context) -> Sequence[Out]:
        """A packet that belongs to no flow."""
        if context.outputs > 1:
            return ((1, packet),)
        context.drop("no flow")
        return ()

    def holding(self) -> int:
        return sum(len(pair.waiting) for pair in self.pairs.values())

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler != "clear":
            return False
        for pair in self.pairs.values():
            while pair.waiting:
                for out, packet in self.release(pair, context):
                    context.emit(out, packet)
        self.pairs.clear()
        self.flows = 0
        return True
