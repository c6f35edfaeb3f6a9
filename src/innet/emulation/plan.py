"""What has to be made for a snapshot, as data: namespaces, wires, and the `ip` commands of each node.

Next hops. No ARP is spoken: a station reaches each other station of its segment through a link-local address of its
own making (169.254.x.y) that has a permanent neighbour entry, so that no packet ever shows that address.

Ethernet addresses. Every interface has its own, but for the stations of a segment with a middlebox of more than two
interfaces: they share one. There the middlebox decides who gets a frame, not the address in it, and a sender cannot
know; so the configuration need not write Ethernet addresses, and is the same in the proof.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from innet.diagnostics import Diagnostic, PlatformError
from innet.network import (
    DROP,
    SELF,
    Clients,
    End,
    Internet,
    Middlebox,
    Node,
    Platform,
    Prefix,
    Route,
    Router,
    Snapshot,
    Switch,
    format_address,
    format_mac,
)

LOCAL_MACS = 0x021E_0000_0000
"""Ethernet addresses given by us count from here; the second bit of the first byte says they are local."""

SPLIT_TABLES = 1000
"""Routing tables count from here that a router with a split horizon has for what comes in by an interface."""

LINK_LOCAL = 0xA9FE_0000
BRIDGE = "bridge0"


@dataclass(frozen=True, slots=True)
class Device:
    """The network device that stands for an interface of the snapshot; `peer_mac` is where a platform's or host's
    frames go: the first router of the segment (None: nobody there)."""

    end: End
    namespace: str
    name: str
    mac: int
    peer_mac: int | None = None


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node: its namespace, kernel settings (path under /proc/sys/net, value), and lines for `ip -batch` and
    `bridge -batch` once its devices are there."""

    node: str
    namespace: str
    settings: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    bridge_commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything to be made."""

    run: str
    nodes: Mapping[str, NodePlan]
    devices: Mapping[End, Device]
    wires: tuple[tuple[Device, Device], ...]


def plan(snapshot: Snapshot, run: str) -> Plan:
    """The plan for `snapshot`; `run` tells this emulation's namespaces from others: `innet-RUN-NODE`.

    Raises `PlatformError` for what cannot be emulated: a switch in a segment whose Ethernet addresses are shared.
    """
    planner = _Planner(snapshot, run)
    return Plan(
        run,
        MappingProxyType({name: planner.node(node) for name, node in snapshot.nodes.items()}),
        MappingProxyType(planner.devices),
        tuple((planner.devices[link.a], planner.devices[link.b]) for link in snapshot.links),
    )


class _Planner:
    """Holds the Ethernet addresses and device names given so far."""

    def __init__(self, snapshot: Snapshot, run: str) -> None:
        self.snapshot = snapshot
        self.run = run
        self.macs = self.ethernet_addresses()
        self.devices: dict[End, Device] = {}
        for node in snapshot.nodes.values():
            for number, name in enumerate(node.interfaces):
                end = End(node.name, name)
                device = name if len(name) <= 15 and name not in {"lo", BRIDGE} else f"port{number}"
                namespace = f"innet-{run}-{node.name}"
                self.devices[end] = Device(end, namespace, device, self.macs[end], self.peer_mac(end))

    def ethernet_addresses(self) -> dict[End, int]:
        macs: dict[End, int] = {}
        problems = []
        for node in self.snapshot.nodes.values():
            for interface in node.interfaces.values():
                end = End(node.name, interface.name)
                if end in macs:
                    continue
                mac = interface.mac if interface.mac is not None else LOCAL_MACS + len(macs) + 1
                segment = self.snapshot.segment(*end)
                if segment is None or segment.plain:
                    macs[end] = mac
                    continue
                macs.update(dict.fromkeys(segment.stations, mac))
                if segment.switches:
                    message = (
                        f"switch '{segment.switches[0]}' shares a segment with a middlebox of more than two "
                        "interfaces: this can be proven but not emulated"
                    )
                    help = "put a router between them"
                    problems.append(
                        Diagnostic("E102", message, self.snapshot.nodes[segment.switches[0]].span, help=help)
                    )
        if problems:
            raise PlatformError(problems)
        return macs

    def peer_mac(self, end: End) -> int | None:
        segment = self.snapshot.segment(*end)
        others = segment.others(end) if segment else ()
        routers = [other for other in others if isinstance(self.snapshot.nodes[other.node], Router)]
        return next((self.macs[other] for other in (*routers, *others)), None)

    def node(self, node: Node) -> NodePlan:
        commands = ["link set dev lo up"]
        bridge: list[str] = []
        ends = [End(node.name, name) for name in node.interfaces]
        linked = [end for end in ends if self.snapshot.neighbour(*end) is not None]
        if isinstance(node, Switch):
            commands.append(f"link add name {BRIDGE} type bridge stp_state 0 mcast_snooping 0")
            commands.append(f"link set dev {BRIDGE} up")
        for end in linked:
            device = self.devices[end].name
            commands.append(f"link set dev {device} up")
            if isinstance(node, Switch):
                commands.append(f"link set dev {device} master {BRIDGE}")
                commands.append(f"link set dev {device} type bridge_slave learning off")
        if isinstance(node, Switch):
            bridge += [
                f"fdb replace {format_mac(mac)} dev {self.devices[End(node.name, name)].name} master static"
                for mac, name in node.table.items()
                if End(node.name, name) in linked
            ]
        elif not isinstance(node, Middlebox):
            for end in linked:
                commands += self.station(end)
            commands += self.router(node) if isinstance(node, Router) else self.host(node, linked)
        namespace = f"innet-{self.run}-{node.name}"
        return NodePlan(node.name, namespace, settings(node), tuple(commands), tuple(bridge))

    def station(self, end: End) -> Iterator[str]:
        """Address and neighbours of an interface that speaks IP."""
        interface = self.snapshot.interface(end)
        device = self.devices[end].name
        address = interface.address if interface.address is not None else self.spare(end)
        if address is not None:
            yield f"addr add {format_address(address)}/32 dev {device}"
        if isinstance(self.snapshot.nodes[end.node], Clients) and interface.subnet is not None:
            yield f"route add local {interface.subnet} dev lo table local"
        for hop, other in self.hops(end):
            yield (
                f"neigh replace {format_address(hop)} lladdr {format_mac(self.macs[other])} "
                f"dev {device} nud permanent"
            )

    def spare(self, end: End) -> int | None:
        """For an internet node without address: one of its router's subnet that nobody has."""
        if not isinstance(self.snapshot.nodes[end.node], Internet):
            return None
        for _, other in self.hops(end):
            subnet = self.snapshot.interface(other).subnet
            if subnet is None or subnet.length >= 32:
                continue
            edge = 0 if subnet.length == 31 else 1
            for address in range(subnet.low + edge, min(subnet.high - edge, subnet.low + 255) + 1):
                if self.snapshot.owner(address) is None:
                    return address
        return None

    def hops(self, end: End) -> list[tuple[int, End]]:
        """The other stations of the segment, each with the link-local address that stands for it."""
        segment = self.snapshot.segment(*end)
        stations = segment.stations if segment else ()
        return [(LINK_LOCAL + n, other) for n, other in enumerate(stations, 1) if other != end]

    def next_hop(self, end: End, prefix: Prefix, via: int | None) -> int | None:
        """The link-local address of the station that packets for `prefix` go to."""
        hops = self.hops(end)
        addresses = {self.snapshot.interface(other).address: hop for hop, other in hops}
        for wanted in (via, prefix.address if prefix.length == 32 else None):
            if wanted is not None and wanted in addresses:
                return addresses[wanted]
        for hop, other in hops:
            subnet = self.snapshot.interface(other).subnet
            node = self.snapshot.nodes[other.node]
            if isinstance(node, Clients) and subnet is not None and subnet.covers(prefix):
                return hop
            if isinstance(node, Platform) and any(pool.covers(prefix) for pool in node.pools):
                return hop
        routers = [hop for hop, other in hops if isinstance(self.snapshot.nodes[other.node], Router)]
        outside = [hop for hop, other in hops if isinstance(self.snapshot.nodes[other.node], Internet)]
        return next(iter((*routers, *outside, *addresses.values())), None)

    def router(self, node: Router) -> Iterator[str]:
        own = {interface.address for interface in node.interfaces.values()}
        default = False
        for route in self.snapshot.routes(node.name):
            default |= route.prefix.length == 0
            if route.output == SELF:
                if not (route.prefix.length == 32 and route.prefix.address in own):
                    yield f"route add local {route.prefix} dev lo table local"
            else:
                yield self.forward(node, route)
        if not default:
            yield "route add blackhole 0.0.0.0/0"
        for number, name in enumerate(node.interfaces if node.split_horizon else (), SPLIT_TABLES):
            yield f"rule add iif {self.devices[End(node.name, name)].name} lookup {number}"
            for route in self.snapshot.routes(node.name):
                if name in route.output:
                    route = replace(route, output=node.allowed(route.output, name))
                    yield f"{self.forward(node, route)} table {number}"
                else:
                    yield f"route add throw {route.prefix} table {number}"

    def forward(self, node: Router, route: Route) -> str:
        hops = []
        for name in route.output:
            end = End(node.name, name)
            hop = self.next_hop(end, route.prefix, route.via)
            if hop is not None:
                hops.append(f"via {format_address(hop)} dev {self.devices[end].name}")
        if route.output == DROP or not hops:
            return f"route add blackhole {route.prefix}"
        if len(hops) == 1:
            return f"route add {route.prefix} {hops[0]} onlink"
        return f"route add {route.prefix} " + " ".join(f"nexthop {hop} onlink" for hop in hops)

    def host(self, node: Node, linked: list[End]) -> Iterator[str]:
        """Routes of a node that is no router: neighbours directly, the rest by the first router."""
        default: str | None = None
        for end in linked:
            device = self.devices[end].name
            for hop, other in self.hops(end):
                way = f"via {format_address(hop)} dev {device} onlink"
                station = self.snapshot.interface(other)
                if isinstance(self.snapshot.nodes[other.node], Router):
                    default = default or way
                if station.address is not None:
                    # in the clients' own subnet: beside the route that makes its other addresses their own
                    inside = isinstance(node, Clients) and any(station.address in s for s in node.subnets)
                    table = " table local" if inside else ""
                    yield f"route add {format_address(station.address)}/32 {way}{table}"
        if default is not None:
            yield f"route add default {default}"


def settings(node: Node) -> tuple[tuple[str, str], ...]:
    """Kernel settings of a node's namespace. `ip_forward` comes first, since writing it resets others."""
    names = [("ipv4/ip_forward", "1" if isinstance(node, Router) else "0")]
    for scope in ("all", "default"):
        names += [
            (f"ipv4/conf/{scope}/rp_filter", "0"),
            (f"ipv4/conf/{scope}/send_redirects", "0"),
            (f"ipv4/conf/{scope}/accept_redirects", "0"),
            (f"ipv4/conf/{scope}/accept_local", "0" if isinstance(node, Router) else "1"),
            (f"ipv6/conf/{scope}/disable_ipv6", "1"),
        ]
    return tuple(names)
