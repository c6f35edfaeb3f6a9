"""What must hold of a whole snapshot, beyond each line of its text being right."""

from collections.abc import Iterable, Iterator

from innet.diagnostics import Span
from innet.network.addresses import Prefix, format_address
from innet.network.model import End, Interface, Platform, Route, Router
from innet.network.reader import Reader
from innet.network.routetable import RouteTable
from innet.network.segments import Segment
from innet.network.snapshot import Snapshot


def check(snapshot: Snapshot, reader: Reader) -> None:
    """Note in `reader` every contradiction: addresses given twice, subnets that overlap, neighbours in different
    subnets, next hops nobody has, platforms that cannot be reached.

    Where `reader` has mistakes already, nodes or links are missing; then only what does not depend on links is
    checked, so that one mistake is told once.
    """
    whole = not reader.problems
    _addresses(snapshot, reader)
    _prefixes(snapshot, reader)
    if not whole:
        return
    _segments(snapshot, reader)
    _next_hops(snapshot, reader)
    for platform in snapshot.platforms:
        if not platform.pools:
            message = f"platform '{platform.name}' has no pool: it could give no module an address"
            reader.problem("N105", message, platform.span, "pool: PREFIX")
        if not any(snapshot.neighbour(platform.name, name) for name in platform.interfaces):
            message = f"platform '{platform.name}' is not linked: its pool could not be routed"
            reader.problem("N118", message, platform.span, help="add a link to a router")


def _stations(snapshot: Snapshot) -> Iterator[tuple[End, Interface]]:
    for node in snapshot.nodes.values():
        for interface in node.interfaces.values():
            yield End(node.name, interface.name), interface


def _addresses(snapshot: Snapshot, reader: Reader) -> None:
    ips: dict[int, tuple[End, Span | None]] = {}
    macs: dict[int, tuple[End, Span | None]] = {}
    for end, interface in _stations(snapshot):
        for number, seen, text in (
            (interface.address, ips, "address " + format_address(interface.address or 0)),
            (interface.mac, macs, "Ethernet address"),
        ):
            if number is None:
                continue
            if number in seen:
                first, span = seen[number]
                facts = (("first", f"{first} at {span}"),)
                reader.problem("N119", f"{end}: its {text} is taken", interface.span, facts=facts)
            seen.setdefault(number, (end, interface.span))


def _prefixes(snapshot: Snapshot, reader: Reader) -> None:
    """Pools, client subnets and subnets of interfaces: pools overlap nothing; subnets nest only if they are equal."""
    found: list[tuple[Prefix, str, bool, Span | None]] = []
    for node in snapshot.nodes.values():
        if isinstance(node, Platform):
            found += [(pool, f"pool of '{node.name}'", True, node.span) for pool in node.pools]
        for interface in node.interfaces.values():
            subnet = interface.subnet
            if subnet is not None:
                what = f"subnet of {node.name}:{interface.name}"
                found.append((subnet, what, False, interface.span))
    found.sort(key=lambda entry: (entry[0].low, entry[0].length))
    around: list[tuple[Prefix, str, bool, Span | None]] = []
    for entry in found:
        prefix, what, is_pool, span = entry
        while around and not around[-1][0].covers(prefix):
            around.pop()
        if around:
            other, its, other_is_pool, place = around[-1]
            same_subnet = prefix == other and not is_pool and not other_is_pool
            single = prefix.length == 32 and not is_pool and not other_is_pool  # a loopback address, say
            if not same_subnet and not single:
                message = f"{what}, {prefix}, overlaps the {its}, {other}"
                reader.problem("N120", message, span, "prefixes of their own", facts=(("other", str(place)),))
        around.append(entry)


def _segments(snapshot: Snapshot, reader: Reader) -> None:
    """Stations of one segment have to be in one subnet. Where a box with several interfaces decides who gets a frame,
    it may stand for a router: then each of its sides may have its own."""
    seen: set[int] = set()
    homes: dict[Prefix, End] = {}
    for end, _ in _stations(snapshot):
        segment = snapshot.segment(*end)
        if segment is None or id(segment) in seen:
            continue
        seen.add(id(segment))
        first: tuple[End, Prefix] | None = None
        for station in segment.stations if segment.plain else ():
            own = snapshot.interface(station)
            subnet = own.subnet
            if subnet is None or subnet.length == 32:
                continue
            if first is None:
                first = station, subnet
                if subnet in homes:
                    message = f"subnet {subnet} of {station} is also that of {homes[subnet]}, elsewhere"
                    reader.problem("N121", message, own.span, "one segment to a subnet")
                homes.setdefault(subnet, station)
            elif subnet != first[1]:
                message = f"{station} is in {subnet}, but {first[0]}, which it is joined to, in {first[1]}"
                facts = (("other", str(snapshot.interface(first[0]).span)),)
                reader.problem("N122", message, own.span, f"an address in {first[1]}", facts=facts)


def _next_hops(snapshot: Snapshot, reader: Reader) -> None:
    for router in snapshot.routers:
        routes, before = router.routes, len(reader.problems)
        if isinstance(routes, RouteTable):
            _next_hops_of(router, routes.firsts(), snapshot, reader)
            if len(reader.problems) == before:
                continue
            del reader.problems[before:]
        _next_hops_of(router, routes, snapshot, reader)


def _next_hops_of(router: Router, routes: Iterable[Route], snapshot: Snapshot, reader: Reader) -> None:
    segments: dict[str, Segment | None] = {}
    for route in routes:
        for name in route.output:
            if name not in router.interfaces:
                continue  # self
            if name not in segments:
                segments[name] = snapshot.segment(router.name, name)
            segment = segments[name]
            if segment is not None and route.via is None and not segment.switches:
                continue
            what = f"router '{router.name}', route {route.prefix}"
            if segment is None:
                message = f"{what}: nothing is linked to interface '{name}'"
                reader.problem("N123", message, route.span, "an interface with a link")
                continue
            others = segment.others(End(router.name, name))
            if route.via is not None:
                if all(snapshot.interface(other).address != route.via for other in others):
                    known = [snapshot.interface(other).address for other in others]
                    expected = "one of " + ", ".join(format_address(a) for a in known if a is not None)
                    message = f"{what}: nobody at '{name}' has address {format_address(route.via)}"
                    reader.problem("N124", message, route.span, expected)
            elif segment.switches and len(_routers(snapshot, others)) > 1:
                message = f"{what}: several routers are at '{name}'"
                expected = "`interface via ADDRESS`"
                reader.problem("N125", f"{message}: which one is meant?", route.span, expected)


def _routers(snapshot: Snapshot, ends: tuple[End, ...]) -> list[End]:
    return [end for end in ends if isinstance(snapshot.nodes[end.node], Router)]
