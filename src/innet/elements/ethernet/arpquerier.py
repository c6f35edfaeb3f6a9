"""ARPQuerier."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import (
    ElementRef,
    EtherAddress,
    IPAddress,
    IPPrefix,
    Seconds,
)
from innet.elements.base import Element, Role
from innet.elements.ethernet.arp import (
    BROADCAST,
    FRAME_BYTES,
    GROUP_BIT,
    REPLY,
    REQUEST,
    header,
    is_arp,
    write_message,
)
from innet.elements.ethernet.arpcache import FOREVER_S, MS_NS, Cache, known_hosts, parsed
from innet.elements.ethernet.arptable import ARPTable, CacheHolder, Limits
from innet.elements.ethernet.frame import put_header
from innet.elements.holder import Context, Holder, Io, Out, Remembered
from innet.ir import interpret
from innet.ir.check import check
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value
from innet.lexical import Text, words
from innet.packet.headers import ETHERTYPE_IPV4

IP_INPUT, ARP_INPUT = 0, 1
ALL_ONES = 0xFFFF_FFFF
MULTICAST, MULTICAST_ETHER = 0xE, 0x01005E_000000
SOMEBODY = 0x0200_0000_0000
"""With an IPv4 address in its last bytes: an Ethernet address that nobody's adapter has."""
NO_ADDRESS, NO_NEXT_HOP = "no address of its own to ask with", "no next hop"


class Querier(Holder):
    """Asks for addresses, and keeps packets until the answer comes."""

    RUNS = True
    WRITABLE = ("insert", "delete", "clear")

    def __init__(self, element: "ARPQuerier") -> None:
        self.cache = element.cache()
        self.context: Context | None = None
        self.queries = 0
        self.counted: dict[str, int] = {}
        """What statistics of the programs were when `clear` was written."""
        self.reconfigured(element)

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, ARPQuerier)
        self.element = element
        self.encap, self.ask, self.poll = (element.inside(n) for n in range(3))

    def shared(self, context: Context) -> Cache:
        """The cache to use: its own, or that of an ARPTable."""
        self.context = context
        if self.element.table:
            table = context.other(self.element.table)
            if isinstance(table, CacheHolder):
                table.context = table.context or context
                return table.cache
        return self.cache

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        cache = self.shared(context)
        if port == IP_INPUT:
            self.change(self.encap, packet)
            return self.send(packet, cache, context)
        sender = packet.load(ir.Field(Mark.DATA, 8 * 28, 32))
        ether = packet.load(ir.Field(Mark.DATA, 8 * 22, 48))
        host = cache.tell(sender, ether, context, self.element.hosts)
        return [out for waiting in cache.take(host) for out in self.send(waiting, cache, context)]

    def send(self, packet: PacketBuffer, cache: Cache, context: Context) -> list[Out]:
        """Send a packet, of whose Ethernet header the destination is missing, or let it wait; ask, if it is time."""
        table, now_ns, last = self.element.hosts, context.now_ns, context.outputs - 1
        address = int.from_bytes(packet.annotations[:4], "big")
        host = cache.hosts.get(address)
        if host is None or not cache.knows(host, now_ns):
            if not cache.wait(address, packet, context, table):
                return []
            return [(last, self.query(self.ask, packet))]
        at = packet.marks[Mark.DATA]
        packet.bytes[at : at + 6] = host.ether.to_bytes(6, "big")
        outs: list[Out] = [(0, packet)]
        old = self.element.poll_timeout_ms and now_ns - host.live_ns >= self.element.poll_timeout_ms * MS_NS
        if old and cache.may_ask(address, host, context, table):
            outs.insert(0, (last, self.query(self.poll, packet)))
        return outs

    def query(self, program: ir.Program, packet: PacketBuffer) -> PacketBuffer:
        """The query for the next hop of a packet."""
        self.queries += 1
        made = packet.copy()
        self.change(program, made)
        return made

    def change(self, program: ir.Program, packet: PacketBuffer) -> None:
        interpret.run(program, packet, interpret.State())

    def statistic(self, name: str) -> int:
        """What the programs counted since `clear`."""
        if self.context is None:
            return 0
        return self.context.memory.statistic(name) - self.counted.get(name, 0)

    def read(self, handler: str) -> str | None:
        if self.context is None:
            return None if handler in ("responses", "drops") else self.value(handler, self.cache, 0)
        return self.value(handler, self.shared(self.context), self.context.now_ns)

    def value(self, handler: str, cache: Cache, now_ns: int) -> str | None:
        match handler:
            case "queries":
                return str(self.queries)
            case "responses" | "drops":
                return str(self.statistic(handler))
            case "stats":
                killed = self.statistic("drops") + cache.dropped
                return f"{killed} packets killed\n{self.queries} ARP queries sent\n"
        return cache.read(handler, now_ns)

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler == "clear":
            self.queries = 0
            self.counted = {name: context.memory.statistic(name) for name in ("responses", "drops")}
        return self.shared(context).write(handler, value, context, self.element.hosts)

    def wake_ns(self, context: Context) -> int | None:
        return self.cache.wake_ns()

    def run(self, context: Context) -> bool:
        return self.cache.expire(context, self.element.hosts)

    def settled(self, context: Context) -> Sequence[Out]:
        cache = self.shared(context)
        outs: list[Out] = []
        for address in [address for address, host in cache.hosts.items() if host.waiting]:
            host = cache.tell(address, SOMEBODY | address, context, self.element.hosts)
            outs += [out for packet in cache.take(host) for out in self.send(packet, cache, context)]
        return outs

    def holding(self) -> int:
        return self.cache.length


@dataclass(frozen=True)
class ARPQuerier(Limits):
    """Put an Ethernet header in front of IPv4 packets; ask for the address of their next hop by ARP.

    Ports:      in 0: IPv4 packets; the DST_IP annotation is the next hop.  in 1: Ethernet frames with ARP answers.
                out 0: the packets in Ethernet frames.  out 1 (optional; else output 0): ARP queries.
    Arguments:  IP (address or prefix) and ETH (Ethernet address): our own; or one name that stands for both.
                CAPACITY, ENTRY_CAPACITY, ENTRY_PACKET_CAPACITY, CAPACITY_SLIM_FACTOR, TIMEOUT (keywords): as in
                ARPTable.  TABLE (keyword, an ARPTable): use that one; its arguments count then.
                POLL_TIMEOUT (keyword, time, default 60 s): an answer so old is asked for anew; 0: never.
                BROADCAST_POLL (keyword, bool, default false): ask everybody then, not the host alone.
                BROADCAST (keyword, IPv4 address): sent to all hosts without a query; by default that of the
                prefix, or 255.255.255.255.
    State:      `hosts`, by IPv4 address; packets that wait for an answer, first in, first out. Any ARP answer
                is believed.
    Drops:      "no next hop": it is 0.0.0.0; "no address of its own to ask with": IP is 0.0.0.0; "waited too long for
                an ARP answer"; "no ARP answer"; "ARP answer", which is what becomes of answers.
    Verifier:   a packet whose next hop is not known leaves for any Ethernet address, or as a query. Answers may have
                come for any address.
    Source:     Click manual, ARPQuerier; RFC 826, RFC 1112 section 6.4.  A host is asked for when a packet comes for
                it, at most every 0.1 s, after 10 queries without answer every 2 s. Time goes by nanoseconds, not by
                milliseconds.
    """

    PORTS: ClassVar[str] = "2/1-2"
    PROCESSING: ClassVar[str] = "h/h"
    FLOW: ClassVar[str] = "xy/x"
    ROLE: ClassVar[Role] = Role.HOLDER
    KEYWORDS_FIRST: ClassVar[bool] = True
    READS: ClassVar[tuple[str, ...]] = ("ipaddr", "broadcast")
    WRITES: ClassVar[tuple[str, ...]] = ("ipaddr", "broadcast")
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "192.0.2.1, 2:0:0:0:0:1",
        "10.0.0.1/8, 2:0:0:0:0:1, TIMEOUT 10s, POLL_TIMEOUT 0",
        "10.0.0.1, 2:0:0:0:0:1, BROADCAST 10.255.255.255, CAPACITY 10, TIMEOUT 0",
    )

    ip: Annotated[tuple[int, int], IPPrefix(bare=True)]
    eth: Annotated[int, EtherAddress()]
    _: KW_ONLY
    poll_timeout_ms: Annotated[int, Seconds(3)] = 60_000
    broadcast: Annotated[int | None, IPAddress()] = None
    broadcast_poll: bool = False
    table: Annotated[str, ElementRef()] = ""

    @classmethod
    def expand(cls, given: tuple[Text, ...]) -> tuple[Text, ...]:
        """One name may stand for both addresses."""
        alone = [text for text in given if len(words(text)) == 1]
        named = any(len(parts) > 1 and parts[0].value in ("IP", "ETH") for parts in map(words, given))
        return given if len(alone) != 1 or named else (*alone, *given)

    def references(self) -> Mapping[str, type[Element]]:
        return {self.table: ARPTable} if self.table else {}

    @property
    def hosts(self) -> ir.Table:
        """The table of known hosts."""
        return known_hosts(self.table)

    @property
    def broadcast_address(self) -> int:
        """The address of all hosts on the network."""
        address, mask = self.ip
        last = address | ALL_ONES ^ mask
        return self.broadcast if self.broadcast is not None else last if last != address else ALL_ONES

    def push(self, p: Packet, port: int) -> None:
        if port == ARP_INPUT:
            self.hear(p)
            return
        if not self.ip[0]:
            p.count("drops")
            p.drop(NO_ADDRESS)
            return
        dst = p.anno.dst_ip
        found, (ether, live, until, ask) = p.lookup(self.hosts, (dst,))
        with p.when(found):
            now = p.now()
            with p.when(now <= until):
                if self.poll_timeout_ms:
                    with p.when((now - live >= self.poll_timeout_ms * MS_NS) & (now >= ask)):
                        p.hold()
                self.frame(p, ether)
        with p.when((dst == ALL_ONES) | (dst == self.broadcast_address)):
            self.frame(p, BROADCAST)
        with p.when(dst.bits(28, 4) == MULTICAST):
            self.frame(p, dst.cast(48) & 0x7FFFFF | MULTICAST_ETHER)
        with p.when(dst == 0):
            p.count("drops")
            p.drop(NO_NEXT_HOP)
        p.hold()

    def frame(self, p: Packet, to: Value | int) -> None:
        """The packet leaves in a frame."""
        put_header(p, to, self.eth, ETHERTYPE_IPV4)
        p.emit(0)

    def hear(self, p: Packet) -> None:
        """A frame on input 1."""
        with p.when(~p.present(Mark.DATA, 0, FRAME_BYTES)):
            p.drop("no ARP answer")
        p.count("responses")
        with p.when(~is_arp(p, REPLY) | ((header(p).sha & GROUP_BIT) != 0)):
            p.drop("no ARP answer")
        p.hold()

    def query(self, p: Packet, to: Value | int) -> None:
        """Make a frame the query for its next hop."""
        write_message(p, to, REQUEST, (self.eth, self.ip[0]), (0, p.anno.dst_ip))

    def inside(self, which: int) -> ir.Program:
        """What its holder does to packets: the header in front; of a framed packet the query, to all or to its host."""
        p = Packet("inside")
        if which == 0:
            put_header(p, BROADCAST, self.eth, ETHERTYPE_IPV4)
        else:
            self.query(p, BROADCAST if which == 1 or self.broadcast_poll else p.ether.dst)
        p.emit(0)
        return check(ir.Program("inside", 0, 1, p.finish()))

    def released(self, p: Packet, port: int) -> None:
        if port == ARP_INPUT:
            h = header(p)
            told = (h.sha, p.random(64), p.random(64), p.random(64))
            p.insert(self.hosts, (h.spa,), told, FOREVER_S)
            p.drop("ARP answer")
            return
        put_header(p, p.random(48), self.eth, ETHERTYPE_IPV4)
        with p.when(p.random(1) == 1):
            self.query(p, p.random(48))
            p.emit(p.outputs - 1)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return Querier(self)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        return IPAddress().unparse(self.ip[0] if handler == "ipaddr" else self.broadcast_address)

    def write(self, handler: str, value: str, memory: Remembered) -> Element:
        (address,) = parsed(value, "IPADDR", IPAddress())
        if handler == "broadcast":
            return replace(self, broadcast=address)
        return replace(self, ip=(address, self.ip[1]), broadcast=self.broadcast_address)
