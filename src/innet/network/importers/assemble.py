"""Devices, links and what no device tells, put together into the text of a network file.

A router becomes a router; its access lists become filters in its wires; a switch a switch for each VLAN; a Click file a
middlebox; a device that was not understood a box that may send anything. Where an interface of a router leads is not
always known: a host without an address, `edge.ROUTER.INTERFACE`, stands there, and what is sent to it has left.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from innet.diagnostics import Span
from innet.network.addresses import Prefix, covering, format_address, format_mac, parse_interface
from innet.network.importers import boxes
from innet.network.importers.device import Device, Forward, Hop, Rule
from innet.network.importers.report import Report
from innet.network.importers.stations import Joint, Station, Wires, clean, names_of
from innet.network.importers.words import Word
from innet.network.importers.yamltext import Writer, flow
from innet.network.model import End
from innet.network.reader import NAME
from innet.network.yamltree import Mapping as Tree
from innet.network.yamltree import Scalar

MAX_STEPS = 16
"""Next hops that are looked up one after another: more are a circle."""
MAX_WAYS = 64
"""Equal ways of one route."""
PASSING = {"switch", "middlebox"}


@dataclass(frozen=True)
class Extras:
    """What `import.yaml` says: nodes and the operator's part as trees, and links."""

    nodes: Mapping[str, tuple[Scalar, Tree]]
    links: tuple[tuple[Word, Word], ...] = ()
    operator: Tree | None = None


def assemble(
    devices: Mapping[str, Device],
    links: list[tuple[Word, Word]],
    extras: Extras,
    report: Report,
    title: str,
) -> tuple[str, dict[str, str]]:
    """The text of the network file, and the Click files named in it, by name. Mistakes are in `report`."""
    while True:
        known = sum(bool(device.opaque) for device in devices.values())
        errors, notes = len(report.errors), dict(report.notes)
        made = _Assembly(devices, extras, report, title).build([*links, *extras.links])
        if sum(bool(device.opaque) for device in devices.values()) == known:
            return made
        # what a device does turned out to be unclear only when its neighbours were known
        del report.errors[errors:]
        report.notes = notes


class _Assembly:
    def __init__(self, devices: Mapping[str, Device], extras: Extras, report: Report, title: str) -> None:
        self.devices, self.extras, self.report = devices, extras, report
        self.writer = Writer(title)
        self.files: dict[str, str] = {}
        self.joints: dict[str, Joint] = {}
        self.wires = Wires(self.joints, report)
        self.names: dict[str, dict[str, str]] = {}

    def build(self, links: list[tuple[Word, Word]]) -> tuple[str, dict[str, str]]:
        for device in self.devices.values():
            self.joint(device)
        for name, (key, tree) in self.extras.nodes.items():
            if name in self.devices:
                self.report.error(key.span, f"'{name}' is a device already, with files of its own")
            else:
                self.extra(name, key, tree)
        for a, b in links:
            self.wires.explicit(a, b)
        self.wires.infer()
        for device in self.devices.values():
            self.node(device)
        for name, (_, tree) in self.extras.nodes.items():
            self.writer.tree(name, tree)
        for joint in self.joints.values():
            if joint.name.startswith("lan."):
                self.writer.node(joint.name, "switch", dict.fromkeys(joint.stations, "{}"))
        self.links()
        if self.extras.operator is not None:
            self.writer.operator = flow(self.extras.operator)
        return self.writer.text(), self.files

    # ---- nodes, as far as links go

    def joint(self, device: Device) -> None:
        span = device.span
        assert span is not None
        if not NAME.match(device.name) or device.name in ("client", "module", "internet"):
            expected = "a letter, then letters, digits, '_', '.' or '-'; not client, module or internet"
            self.report.error(span, f"'{device.name[:70]}' cannot be the name of a device", expected)
        for route in device.routes.values():
            for hop in route.hops:
                if hop.interface is not None:
                    device.port(hop.interface, route.span)
        ports = [name for name, port in device.ports.items() if port.is_up]
        names = self.names[device.name] = names_of(ports, f"'{device.name}'", span, self.report)
        kind = kind_of(device)
        if kind == "switch" and any(device.ports[name].addresses for name in ports):
            device.unknown(self.report, span, f"'{device.name}' both switches and routes")
            kind = kind_of(device)
        if kind == "switch" and device.filters:
            ((where, _), (_, place)), *_ = device.filters.items()
            device.unknown(self.report, place, f"an access list at a port of a switch ({where})")
            kind = kind_of(device)
        is_open = kind == "switch" or device.box is not None
        joint = Joint(device.name, kind, span, kind in PASSING, is_open=is_open, names=names)
        joint.down = frozenset(name for name, port in device.ports.items() if not port.is_up)
        self.joints[device.name] = joint
        if kind == "switch" and len(device.vlans) > 1:
            joint.vlans = device.vlans
            for vlan in device.vlans:
                name = clean(f"{device.name}.vlan{vlan}")
                self.joints[name] = Joint(name, kind, span, True)
                self.wires.vlan_joints[device.name, vlan] = name
            return
        for name in ports:
            port = device.ports[name]
            end = End(device.name, names[name])
            joint.stations[end.interface] = Station(end, tuple(port.addresses), port.span)

    def extra(self, name: str, key: Scalar, tree: Tree) -> None:
        """A node of import.yaml: its interfaces with their addresses. What is wrong with it is told when it is
        loaded."""
        kind = tree.get("kind")
        word = kind.text if isinstance(kind, Scalar) else ""
        joint = Joint(name, word, key.span, word in PASSING)
        self.joints[name] = joint
        interfaces = tree.get("interfaces")
        address = tree.get("address")
        found: list[tuple[str, str, Span]] = []
        if isinstance(address, Scalar):
            found.append(("nic", address.text, address.span))
        for port, value in interfaces.pairs if isinstance(interfaces, Tree) else ():
            inner = value.get("address") if isinstance(value, Tree) else value
            found.append((port.text, inner.text if isinstance(inner, Scalar) else "", port.span))
        joint.bare = word == "internet" and not found
        for port_name, text, span in found:
            addresses: tuple[tuple[int, int], ...] = ()
            with suppress(ValueError):  # told by the loader
                addresses = (parse_interface(text),) if text else ()
            joint.names[port_name] = port_name
            joint.stations[port_name] = Station(End(name, port_name), addresses, span)

    # ---- nodes as text

    def node(self, device: Device) -> None:
        joint = self.joints[device.name]
        ports = list(joint.stations)
        if device.opaque:
            title = f"{device.name}: not understood: {device.opaque[0]}"
            self.box(device.name, boxes.opaque_text(boxes.quoted(title), ports), ports)
        elif device.click is not None:
            self.box(device.name, device.click, ports)
        elif device.box is not None:
            self.box(device.name, device.box(ports), ports)
        elif joint.kind == "switch":
            self.switch(device)
        else:
            self.router(device)

    def box(self, name: str, text: str, ports: list[str]) -> None:
        self.files[f"{name}.click"] = text
        interfaces = dict.fromkeys(ports, "{}")
        self.writer.node(name, "middlebox", interfaces, [("click", f"{name}.click")])

    def switch(self, device: Device) -> None:
        tables: dict[int, list[str]] = {}
        for (vlan, mac), port in device.macs.items():
            tables.setdefault(vlan, []).append(f'"{format_mac(mac)}": {clean(port)}')
        for vlan in device.vlans or {1: {}}:
            name = self.wires.vlan_joints.get((device.name, vlan), device.name)
            stations = self.joints[name].stations
            for port in device.vlans.get(vlan, ()):
                stations.setdefault(clean(port), Station(End(name, clean(port)), (), self.joints[name].span))
            table = "{" + ", ".join(tables.get(vlan, ())) + "}"
            self.writer.node(name, "switch", dict.fromkeys(stations, "{}"), [("table", table)])

    def router(self, device: Device) -> None:
        names = self.names[device.name]
        rows = dict(self.routes(device))
        interfaces = {}
        for name, port in device.ports.items():
            if not port.is_up:
                continue
            text = "{}"
            if port.addresses:
                address, length = port.addresses[0]
                text = f"{format_address(address)}/{length}"
                if port.mac is not None:
                    text = f'{{address: {text}, mac: "{format_mac(port.mac)}"}}'
            interfaces[names[name]] = text
        self.writer.router(device.name, interfaces, ((str(p), out) for p, out in rows.items()))
        used = {name for out in rows.values() for name in out.strip("[]").split(", ")}
        used = {name.partition(" via ")[0] for name in used}
        for name, port in device.ports.items():
            end = End(device.name, names.get(name, ""))
            if port.is_up and end not in self.wires.peer:
                wide = any(length < 32 for _, length in port.addresses)
                if wide or end.interface in used or self.filters(device, name):
                    self.edge(end, port.span)
        if device.guard is not None:
            self.guarded(device, rows)

    def guarded(self, device: Device, rows: Mapping[Prefix, str]) -> None:
        """The packet filter around a router: a box with both sides of each of its interfaces."""
        assert device.guard is not None
        ups = [
            (name, self.names[device.name][name], port.addresses[0][0] if port.addresses else None)
            for name, port in device.ports.items()
            if port.is_up
        ]
        back = {known: name for name, known, _ in ups}
        table: dict[str, str | None] = {}
        for prefix, out in rows.items():
            way = out.partition(" via ")[0]
            table[str(prefix)] = "self" if way in ("self", "drop") else back.get(way)
        for name, port in device.ports.items():
            for address, length in port.addresses if port.is_up else ():
                table.setdefault(str(covering(address, length)), name)
                table.setdefault(str(Prefix(address, 32)), "self")
        if not ups:
            return
        text = device.guard(ups, table)
        name = f"{device.name}.nft"
        if name in self.joints or len(name) > 63:
            message = f"'{name}' cannot be the name of a box"
            self.report.error(device.span, message, help="name the device otherwise")
            return
        inner = [known for _, known, _ in ups]
        self.box(name, text, [*inner, *(f"{known}.router" for known in inner)])
        for known in inner:
            self.writer.link(f"{device.name}:{known}", f"{name}:{known}.router")

    def edge(self, end: End, span: Span) -> None:
        """Somebody outside this network, at an interface that no link names."""
        name = clean(f"edge.{end.node}.{end.interface}")
        if name in self.joints:
            self.report.error(
                span, f"'{name}' is the name of two nodes", help="name one of the devices otherwise"
            )
            return
        self.joints[name] = Joint(name, "host", span)
        self.joints[name].stations["nic"] = Station(End(name, "nic"), (), span)
        self.wires.join(end, End(name, "nic"), span)
        self.writer.node(name, "host", {"nic": "{}"})

    def filters(self, device: Device, port: str) -> bool:
        return any((port, way) in device.filters for way in ("in", "out"))

    # ---- routes

    def routes(self, device: Device) -> Iterator[tuple[Prefix, str]]:
        """The routes of a router as text. What the snapshot derives from addresses is left to it: own addresses, and
        connected subnets, but for those that lead out of this network."""
        names = self.names[device.name]
        own = {port.addresses[0][0] for port in device.ports.values() if port.is_up and port.addresses}
        at_edge = {
            name for name, port in device.ports.items()
            if port.is_up and End(device.name, names[name]) not in self.wires.peer
        }  # fmt: skip
        told: set[Prefix] = set()
        for route in device.routes.values():
            if route.is_local:
                if not (route.prefix.length == 32 and route.prefix.address in own):
                    told.add(route.prefix)
                    yield route.prefix, "self"
            elif not route.hops:
                told.add(route.prefix)
                yield route.prefix, "drop"
            elif not (route.is_connected and self.derived(device, route, at_edge)):
                out = self.output(device, route)
                if out is not None:
                    told.add(route.prefix)
                    yield route.prefix, out
        for name, port in device.ports.items():
            for n, (address, length) in enumerate(port.addresses):
                host, subnet = Prefix(address, 32), covering(address, length)
                if n and port.is_up and host not in told:
                    told.add(host)
                    yield host, "self"
                outward = name in at_edge or n
                if port.is_up and length < 32 and outward and not device.has_table and subnet not in told:
                    told.add(subnet)
                    yield subnet, names[name]
        for prefix in self.undone(device):
            if prefix not in told:
                told.add(prefix)
                best = best_route(device, prefix.address, prefix, prefix.length)
                out = "drop" if best is None else "self" if best.is_local else self.output(device, best)
                if out is not None:
                    yield prefix, out

    def undone(self, device: Device) -> Iterator[Prefix]:
        """What the snapshot would take to be connected, since it is at an interface, though the table has no route for
        it there."""
        if not device.has_table:
            return
        for name, port in device.ports.items():
            if not (port.is_up and port.addresses):
                continue
            subnet = covering(*port.addresses[0])
            if subnet.length < 32 and subnet not in device.routes:
                yield subnet
            for station in self.wires.hearers(End(device.name, self.names[device.name][name]))[0]:
                address = station.addresses[0][0] if station.addresses else None
                if address is not None and address not in subnet:
                    best = best_route(device, address)
                    if best is None or all(hop.interface != name for hop in best.hops):
                        yield Prefix(address, 32)

    def derived(self, device: Device, route: Forward, at_edge: set[str]) -> bool:
        """Whether the snapshot has this connected route by itself."""
        for hop in route.hops:
            port = device.ports.get(hop.interface or "")
            if port is None or not port.is_up or hop.interface in at_edge or not port.addresses:
                return False
            if covering(*port.addresses[0]) != route.prefix:
                return False
        return True

    def output(self, device: Device, route: Forward) -> str | None:
        """What stands behind a prefix; None if it is not clear, which is told."""
        hops = list(dict.fromkeys(self.resolved(device, route)))
        names = self.names[device.name]
        ways: dict[str, list[int | None]] = {}
        for hop in hops:
            port = device.ports.get(hop.interface or "")
            if port is None:
                address = format_address(hop.via or 0)
                device.unknown(
                    self.report, route.span, f"no route leads to the next hop {address}", "an interface"
                )
                return None
            if not port.is_up:
                self.report.note(f"{device.name}: routes by {port.name}, which is down, drop")
                continue
            name = names[port.name]
            found = self.next_hop(device, route, End(device.name, name), hop.via)
            ways.setdefault(name, []).append(found)
        several = any(len(vias) > 1 and len(set(vias)) > 1 for vias in ways.values())
        if several or (len(ways) > 1 and any(via is not None for vias in ways.values() for via in vias)):
            device.unknown(
                self.report,
                route.span,
                f"the route for {route.prefix} has several next hops, of which one is on a shared segment",
                "next hops that have an interface each to themselves",
            )
            return None
        if not ways:
            return "drop"
        if len(ways) == 1:
            ((name, vias),) = ways.items()
            return name if vias[0] is None else f"{name} via {format_address(vias[0])}"
        return "[" + ", ".join(ways) + "]"

    def next_hop(self, device: Device, route: Forward, end: End, via: int | None) -> int | None:
        """The next hop's address where the network file needs it: where several stations hear what is sent."""
        heard, passed = self.wires.hearers(end)
        if via is None or not heard or via in passed:
            return None
        for station in heard:
            if any(address == via for address, _ in station.addresses):
                return station.addresses[0][0] if len(heard) > 1 else None
        routers = [station for station in heard if self.joints[station.end.node].kind == "router"]
        if routers and (len(heard) > 1 or routers[0].addresses):
            known = [format_address(a) for station in heard for a, _ in station.addresses]
            address = format_address(via)
            device.unknown(
                self.report,
                route.span,
                f"the next hop {address} is nobody's at {end}",
                "one of " + ", ".join(known[:8]) if known else "a link to it",
            )
        return None

    def resolved(self, device: Device, route: Forward) -> list[Hop]:
        """The hops of a route, each with its interface, looked up in the table where it has none."""
        found: list[Hop] = []
        work = [(hop, 0) for hop in route.hops]
        while work and len(found) < MAX_WAYS:
            hop, steps = work.pop(0)
            if hop.interface is not None or hop.via is None:
                found.append(hop)
                continue
            direct = self.connected(device, hop.via)
            if direct is not None:
                found.append(Hop(direct, hop.via))
                continue
            best = best_route(device, hop.via, route.prefix)
            if best is None or not best.hops or steps >= MAX_STEPS:
                found.append(hop)
                continue
            for other in best.hops:
                via = hop.via if best.is_connected or other.via is None else other.via
                work.append((Hop(other.interface, via), steps + 1))
        return found

    def connected(self, device: Device, address: int) -> str | None:
        """The interface in whose subnet an address is."""
        for name, port in device.ports.items():
            if port.is_up and any(
                length < 32 and address in covering(a, length) for a, length in port.addresses
            ):
                return name
        return None

    # ---- links as text

    def links(self) -> None:
        for a, b in self.wires.links:
            self.writer.link(self.outer(a), self.outer(b))

    def outer(self, end: End) -> str:
        """The end that a link goes to: behind the filter of a router's interface, if it has one."""
        device = self.devices.get(end.node)
        if device is None or self.joints[end.node].kind != "router":
            bare = self.joints[end.node].bare
            return end.node if bare else str(end)
        if device.guard is not None:
            return f"{end.node}.nft:{end.interface}"
        port = next((name for name, known in self.names[device.name].items() if known == end.interface), "")
        if not self.filters(device, port):
            return str(end)
        name = clean(f"{end.node}.{end.interface}.acl")
        if name in self.joints or f"{name}.click" in self.files:
            self.report.error(
                device.span, f"'{name}' is the name of two nodes", help="name a device otherwise"
            )
            return str(end)
        rules = [self.rules(device, port, way) for way in ("in", "out")]
        title = f"access lists of {end}"
        self.box(name, boxes.filter_text(title, rules[0], rules[1]), [boxes.INSIDE, boxes.OUTSIDE])
        self.writer.link(str(end), f"{name}:{boxes.INSIDE}")
        return f"{name}:{boxes.OUTSIDE}"

    def rules(self, device: Device, port: str, way: str) -> list[Rule] | None:
        """The rules of an interface in one direction; None: everything passes. An empty list permits everything."""
        found = device.filters.get((port, way))
        return (device.lists.get(found[0]) or None) if found is not None else None


def kind_of(device: Device) -> str:
    """What becomes of a device."""
    if device.opaque or device.click is not None or device.box is not None:
        return "middlebox"
    return "switch" if device.vlans or device.macs else "router"


def best_route(device: Device, address: int, but: Prefix | None = None, longest: int = 32) -> Forward | None:
    """The longest route for an address, at most so long, other than the one for `but`."""
    for length in range(longest, -1, -1):
        prefix = covering(address, length)
        route = device.routes.get(prefix)
        if route is not None and prefix != but:
            return route
    return None


__all__ = ["Extras", "assemble"]
