"""What ARPTable and ARPQuerier remember: Ethernet addresses, and packets that wait for one."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from innet import ir
from innet.diagnostics import ConfigurationError
from innet.elements.argument_addresses import EtherAddress, IPAddress
from innet.elements.argument_names import NO_NAMES
from innet.elements.ethernet.arp import BROADCAST
from innet.elements.holder import Context, HandlerError, Remembered
from innet.flowspec.names import dotted
from innet.ir.interpret import NS, PacketBuffer
from innet.lexical import Text, words

POLL_NS, SLOW_POLL_NS, PATIENCE = NS // 10, 2 * NS, 10
"""Queries for one address are so far apart, and further after so many without an answer."""
FOREVER_NS, FOREVER_S = (1 << 64) - 1, (1 << 32) - 1
DEFAULT_PACKETS, DEFAULT_SLIM, DEFAULT_TIMEOUT_MS = 2048, 2, 300_000
MS_NS = 1_000_000
MAX_HOSTS = 65536
WAITING_TOO_LONG = "waited too long for an ARP answer"


def known_hosts(owner: str) -> ir.Table:
    """By IPv4 address: Ethernet address, when it was told, until when it holds, and from when on it may be asked for
    again (nanoseconds). `owner` is the ARPTable, if there is one."""
    return ir.Table("hosts", (32,), (48, 64, 64, 64), owner=owner)


@dataclass
class Host:
    """What is known of an IPv4 address."""

    ether: int = BROADCAST
    known: bool = False
    live_ns: int = 0
    """When it was told, or first asked for."""
    ask_ns: int = 0
    """From when on it may be asked for."""
    asked: int = 0
    """Queries since the last answer."""
    waiting: deque[PacketBuffer] = field(default_factory=deque)


@dataclass
class Cache:
    """Hosts, that told (or first asked for) longest ago first. Known ones are also in the table that programs see."""

    packets: int = DEFAULT_PACKETS
    hosts_most: int = 0
    packets_a_host: int = 0
    slim_factor: int = DEFAULT_SLIM
    timeout_ns: int = DEFAULT_TIMEOUT_MS * MS_NS
    hosts: dict[int, Host] = field(default_factory=dict)
    dropped: int = 0
    length: int = 0
    """How many packets wait."""

    @property
    def most(self) -> int:
        """How many hosts there may be."""
        return min(self.hosts_most or MAX_HOSTS, MAX_HOSTS)

    def knows(self, host: Host, now_ns: int) -> bool:
        return host.known and not self.expired(host, now_ns)

    def expired(self, host: Host, now_ns: int) -> bool:
        return self.timeout_ns > 0 and host.live_ns + self.timeout_ns < now_ns

    def ensure(self, address: int, context: Context, table: ir.Table) -> Host:
        """The entry of an address, made if need be; others may have to go for it."""
        host = self.hosts.get(address)
        if host is None:
            now_ns = context.now_ns
            if len(self.hosts) >= self.most:
                self.slim(context, table, new_hosts=1)
            host = self.hosts[address] = Host(live_ns=now_ns)
        return host

    def tell(self, address: int, ether: int, context: Context, table: ir.Table) -> Host:
        """An address is known from now on (not, if it is told to be the broadcast one)."""
        host = self.ensure(address, context, table)
        host.ether, host.known = ether, ether != BROADCAST
        host.live_ns, host.ask_ns, host.asked = context.now_ns, 0, 0
        self.hosts[address] = self.hosts.pop(address)
        self.show(address, context.memory, table)
        return host

    def take(self, host: Host) -> deque[PacketBuffer]:
        """The packets that waited for a host."""
        waiting, host.waiting = host.waiting, deque()
        self.length -= len(waiting)
        return waiting

    def wait(self, address: int, packet: PacketBuffer, context: Context, table: ir.Table) -> bool:
        """Let a packet wait for an address that is not known; whether to ask for it now."""
        now_ns = context.now_ns
        host = self.ensure(address, context, table)
        if self.expired(host, now_ns):
            host.live_ns, host.known = now_ns - self.timeout_ns, False
            self.hosts = dict(sorted(self.hosts.items(), key=lambda item: item[1].live_ns))
            self.show(address, context.memory, table)
        if self.packets_a_host and len(host.waiting) >= self.packets_a_host:
            self.drop(1, context)
            return False
        if self.packets and self.length + 1 > self.packets:
            self.slim(context, table, new_packets=1)
        host.waiting.append(packet)
        self.length += 1
        return self.may_ask(address, host, context, table)

    def may_ask(self, address: int, host: Host, context: Context, table: ir.Table) -> bool:
        """Whether it is time to ask for an address; if so, that is done."""
        now_ns = context.now_ns
        if now_ns < host.ask_ns:
            return False
        host.asked += 1
        host.ask_ns = now_ns + (SLOW_POLL_NS if host.asked >= PATIENCE else POLL_NS)
        self.show(address, context.memory, table)
        return True

    def slim(self, context: Context, table: ir.Table, new_hosts: int = 0, new_packets: int = 0) -> None:
        """Forget old hosts, and packets where there are too many."""
        while self.hosts:
            address, oldest = next(iter(self.hosts.items()))
            full = len(self.hosts) + new_hosts > self.most
            if not full and not self.expired(oldest, context.now_ns):
                break
            self.forget(address, context, table)
        if not self.packets or self.length + new_packets <= self.packets:
            return
        most = max(1, self.packets - self.packets // self.slim_factor)
        over = self.length + new_packets - most
        for host in self.hosts.values():
            while host.waiting and over > 0:
                host.waiting.popleft()
                self.length -= 1
                self.drop(1, context)
                over -= 1

    def forget(self, address: int, context: Context, table: ir.Table) -> None:
        """Remove a host; packets for it are dropped."""
        self.drop(len(self.take(self.hosts.pop(address))), context)
        self.show(address, context.memory, table)

    def clear(self, context: Context, table: ir.Table) -> None:
        """Forget everything."""
        for address in tuple(self.hosts):
            self.forget(address, context, table)

    def wake_ns(self) -> int | None:
        """When the first packets have waited for too long; None if none wait, or they may for ever."""
        if not self.length or not self.timeout_ns:
            return None
        return min(host.live_ns for host in self.hosts.values() if host.waiting) + self.timeout_ns + 1

    def expire(self, context: Context, table: ir.Table) -> bool:
        """Forget hosts whose time is over, and what waits for them; whether packets were dropped."""
        before = self.dropped
        self.slim(context, table)
        return self.dropped != before

    def drop(self, count: int, context: Context) -> None:
        self.dropped += count
        for _ in range(count):
            context.drop(WAITING_TOO_LONG)

    def show(self, address: int, memory: Remembered, table: ir.Table) -> None:
        """Let programs see what is known of an address now."""
        host = self.hosts.get(address)
        if host is None or not host.known:
            memory.delete(table, (address,))
            return
        until_ns = host.live_ns + self.timeout_ns if self.timeout_ns else FOREVER_NS
        idle_s = -(-self.timeout_ns // NS) if self.timeout_ns else FOREVER_S
        memory.put(table, (address,), (host.ether, host.live_ns, until_ns, host.ask_ns), idle_s)

    # ---- handlers

    def read(self, handler: str, now_ns: int) -> str | None:
        match handler:
            case "table":
                return "".join(f"{line}\n" for line in self.lines(now_ns))
            case "count":
                return str(len(self.hosts))
            case "length":
                return str(self.length)
        return None

    def lines(self, now_ns: int) -> Iterable[str]:
        """Click's table of hosts: address, whether it is known, its Ethernet address, and the age of that."""
        for address, host in self.hosts.items():
            known, age_us = int(self.knows(host, now_ns)), (now_ns - host.live_ns) // 1000
            ether = EtherAddress().show(host.ether)
            yield f"{dotted(address)} {known} {ether} {age_us // 10**6}.{age_us % 10**6:06}"

    def write(self, handler: str, value: str, context: Context, table: ir.Table) -> bool:
        match handler:
            case "insert":
                address, ether = parsed(value, "IP ETH", IPAddress(), EtherAddress())
                self.tell(address, ether, context, table)
            case "delete":
                (address,) = parsed(value, "IP", IPAddress())
                self.tell(address, BROADCAST, context, table)
            case "clear":
                self.clear(context, table)
                self.dropped = 0
            case _:
                return False
        return True


def parsed(value: str, form: str, *kinds: IPAddress | EtherAddress) -> tuple[int, ...]:
    """The words of what is written to a handler."""
    parts = words(Text(value.strip()))
    if len(parts) != len(kinds):
        raise HandlerError(f"expected '{form}', not '{value.strip()}'")
    try:
        return tuple(kind.parse(part, NO_NAMES) for kind, part in zip(kinds, parts, strict=True))
    except ConfigurationError as e:
        raise HandlerError(f"expected '{form}': {e.diagnostics[0].message}") from None
