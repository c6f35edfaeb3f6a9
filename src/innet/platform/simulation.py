"""A snapshot as an in-process network in virtual time: no root, no kernel, the same code for platforms and middleboxes.

Wires have a latency and never lose a frame. Routers forward by longest prefix as `Snapshot.routes` says, lower the
time to live and check the header's checksum; they send no ICMP errors. Hosts, clients and the internet send and receive
IPv4 packets. Next hops and Ethernet addresses follow the rules of the emulation in namespaces: a router's neighbour is
known without ARP, and the stations of a segment with a middlebox of more than two interfaces share one address.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from innet.network import (
    DROP,
    SELF,
    Clients,
    End,
    Host,
    Internet,
    Middlebox,
    Platform,
    Route,
    Router,
    Snapshot,
    Switch,
    lpm,
)
from innet.platform.ipv4 import ETHERNET_BYTES, ETHERTYPE_IPV4, checksum, ends
from innet.platform.ports import Box
from innet.runtime.clock import VirtualClock

LATENCY_NS = 50_000
"""From one end of a wire to the other."""

LOCAL_MACS = 0x021E_0000_0000
"""Ethernet addresses count from here; the second bit of the first byte says they are local."""

FRAMES_PER_INSTANT = 1_000_000
"""More frames than this without time passing for anybody else is a loop."""


class Arrival(NamedTuple):
    """An IPv4 packet that a host received, and when (nanoseconds)."""

    time_ns: int
    packet: bytes


@dataclass(frozen=True)
class Pipe:
    """`Port` of a simulated interface."""

    mac: int
    peer_mac: int | None
    send: Callable[[bytes], None] = field(repr=False)

    def write(self, frame: bytes) -> bool:
        self.send(frame)
        return True


class Simulation:
    """The network. `drops` counts packets that routers and hosts dropped, by (node, reason)."""

    def __init__(self, snapshot: Snapshot, clock: VirtualClock | None = None) -> None:
        self.snapshot = snapshot
        self.clock = clock or VirtualClock()
        self.drops: Counter[tuple[str, str]] = Counter()
        self.on_arrival: Callable[[str, Arrival], None] = lambda node, arrival: None
        self._macs = ethernet_addresses(snapshot)
        self._boxes: dict[str, Box] = {}
        self._tables: dict[str, lpm.Flat[Route]] = {}
        self._events: list[tuple[int, int, End, bytes]] = []
        self._order = count()
        self._in_flight = 0

    # ---- building

    def port(self, node: str, interface: str) -> Pipe:
        """The port of an interface."""
        end = End(node, interface)
        return Pipe(self._macs[end], self._peer_mac(end), lambda frame: self._put(end, frame))

    def ports(self, node: str) -> dict[str, Pipe]:
        """A port on every linked interface of a node."""
        names = self.snapshot.nodes[node].interfaces
        return {n: self.port(node, n) for n in names if self.snapshot.neighbour(node, n) is not None}

    def attach(self, node: str, box: Box) -> None:
        """Let `box` be the platform or middlebox `node`."""
        if not isinstance(self.snapshot.nodes[node], Platform | Middlebox):
            raise ValueError(f"{node} is neither a platform nor a middlebox")
        self._boxes[node] = box

    # ---- hosts

    def send(self, node: str, packet: bytes) -> None:
        """Let a host, the clients or the internet send an IPv4 packet (with a complete header)."""
        destination = int.from_bytes(packet[16:20], "big")
        for name in self.snapshot.nodes[node].interfaces:
            end = End(node, name)
            hop = self._station(end, destination, None)
            if hop is not None:
                self._transmit(end, hop, packet)
                return
        self.drops[node, "not plugged in"] += 1

    # ---- time

    def run(self, until_ns: int) -> None:
        """Let everything happen up to `until_ns`; the clock then stands there."""
        boxes = self._boxes.values()
        while True:
            worked = [box.work() for box in boxes]
            busy = any(worked)
            if busy:
                # A box that always has work (a source without a rate) may not stop time.
                self.clock.advance(min(self.clock() + LATENCY_NS, until_ns))
                if self.clock() >= until_ns:
                    return
            wakes = [wake for box in boxes if (wake := box.next_wake()) is not None]
            if self._events:
                wakes.append(self._events[0][0])
            following = min(wakes, default=None)
            if following is None or following > until_ns:
                if busy:
                    continue
                self.clock.advance(until_ns)
                return
            self.clock.advance(following)
            self._deliver_due()

    def _deliver_due(self) -> None:
        now = self.clock()
        for _ in range(FRAMES_PER_INSTANT):
            if not self._events or self._events[0][0] > now:
                return
            _, _, end, frame = heappop(self._events)
            self._arrive(end, frame)
        raise RuntimeError("frames go in circles")

    def _put(self, end: End, frame: bytes) -> None:
        """Put a frame on the wire at `end`."""
        other = self.snapshot.neighbour(*end)
        if other is not None:
            heappush(self._events, (self.clock() + LATENCY_NS, next(self._order), other, frame))

    # ---- nodes

    def _arrive(self, end: End, frame: bytes) -> None:
        node = self.snapshot.nodes[end.node]
        if isinstance(node, Platform | Middlebox):
            box = self._boxes.get(node.name)
            if box is None:
                self.drops[node.name, "nobody runs this node"] += 1
            else:
                box.receive(end.interface, frame)
        elif isinstance(node, Switch):
            self._switch(node, end, frame)
        elif int.from_bytes(frame[:6], "big") != self._macs[end]:
            self.drops[node.name, "another station's frame"] += 1
        elif (packet := ends(frame)) is None:
            self.drops[node.name, "not IPv4"] += 1
        elif isinstance(node, Router):
            self._route(node, end, frame[ETHERNET_BYTES:], packet.destination)
        else:
            self._receive(node, end, frame[ETHERNET_BYTES:], packet.destination)

    def _switch(self, node: Switch, end: End, frame: bytes) -> None:
        known = node.table.get(int.from_bytes(frame[:6], "big"))
        for name in node.interfaces if known is None else (known,):
            if name != end.interface:
                self._put(End(node.name, name), frame)

    def _receive(self, node: Host | Clients | Internet, end: End, packet: bytes, destination: int) -> None:
        owner = self.snapshot.owner(destination)
        if not isinstance(node, Internet) and (owner is None or owner.node != node.name):
            self.drops[node.name, "another host's packet"] += 1
            return
        self.on_arrival(node.name, Arrival(self.clock(), packet))

    def _route(self, node: Router, end: End, packet: bytes, destination: int) -> None:
        header = (packet[0] & 15) * 4
        if checksum(packet[:header]) != 0:
            self.drops[node.name, "wrong header checksum"] += 1
            return
        route = self._lookup(node, destination)
        output = node.allowed(route.output, end.interface) if route is not None else DROP
        if route is None or route.output == DROP:
            self.drops[node.name, "no route"] += 1
        elif route.output == SELF or self._is_own(node, destination):
            self.drops[node.name, "for the router itself"] += 1
        elif packet[8] <= 1:
            self.drops[node.name, "time to live expired"] += 1
        elif output == DROP:
            self.drops[node.name, "split horizon"] += 1
        else:
            way = End(node.name, output[_spread(packet) % len(output)])
            hop = self._station(way, destination, route.via)
            if hop is None:
                self.drops[node.name, "no next hop"] += 1
            else:
                self._transmit(way, hop, _lower(packet, header))

    def _is_own(self, node: Router, destination: int) -> bool:
        return any(interface.address == destination for interface in node.interfaces.values())

    def _lookup(self, node: Router, destination: int) -> Route | None:
        table = self._tables.get(node.name)
        if table is None:
            routes = self.snapshot.routes(node.name)
            table = lpm.flatten((r.prefix.address, r.prefix.length, r) for r in routes)
            self._tables[node.name] = table
        return lpm.lookup(table, destination)

    def _transmit(self, end: End, hop: End, packet: bytes) -> None:
        macs = self._macs[hop].to_bytes(6, "big") + self._macs[end].to_bytes(6, "big")
        self._put(end, macs + ETHERTYPE_IPV4 + packet)

    def _station(self, end: End, destination: int, via: int | None) -> End | None:
        """Which station of its segment an interface sends packets for `destination` to."""
        ((_, _, station),) = self.snapshot.stations(end, destination, destination, via)
        return station

    def _peer_mac(self, end: End) -> int | None:
        gateway = self.snapshot.gateway(end)
        return None if gateway is None else self._macs[gateway]


def ethernet_addresses(snapshot: Snapshot) -> dict[End, int]:
    """Each interface's Ethernet address."""
    macs: dict[End, int] = {}
    for node in snapshot.nodes.values():
        for interface in node.interfaces.values():
            end = End(node.name, interface.name)
            if end in macs:
                continue
            mac = interface.mac if interface.mac is not None else LOCAL_MACS + len(macs) + 1
            segment = snapshot.segment(*end)
            shared = segment is not None and not segment.plain
            macs.update(
                dict.fromkeys(segment.stations, mac) if segment is not None and shared else {end: mac}
            )
    return macs


def _lower(packet: bytes, header: int) -> bytes:
    """The packet with one less time to live, and the header's checksum for it."""
    changed = bytearray(packet)
    changed[8] -= 1
    changed[10:12] = b"\0\0"
    changed[10:12] = checksum(bytes(changed[:header])).to_bytes(2, "big")
    return bytes(changed)


def _spread(packet: bytes) -> int:
    """A number that is the same for all packets of one pair of addresses: chooses among equal ways."""
    return int.from_bytes(packet[12:16], "big") ^ int.from_bytes(packet[16:20], "big")
