"""Linux: `ip -j addr`, `ip -j link` and `ip -j route`, as iproute2 prints them.

Source: iproute2, ip/ipaddress.c and ip/iproute.c; routes of the tables `main` and `local` only. Keys that change
nothing in forwarding are known and passed over; any other key makes the device opaque, or is refused.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from innet.diagnostics import Source
from innet.network.addresses import Prefix, covering, parse_address, parse_mac, parse_prefix
from innet.network.importers.device import Device, Forward, Hop
from innet.network.importers.jsonplaces import Document
from innet.network.importers.report import Report

LINK_KEYS = {
    "ifindex", "ifname", "link", "link_index", "link_netnsid", "flags", "mtu", "qdisc", "operstate", "linkmode",
    "group", "txqlen", "link_type", "address", "broadcast", "permaddr", "addr_info", "altnames", "link_pointtopoint",
    "promiscuity", "allmulti", "min_mtu", "max_mtu", "num_tx_queues", "num_rx_queues", "gso_max_size", "gso_max_segs",
    "tso_max_size", "tso_max_segs", "gro_max_size", "gso_ipv4_max_size", "gro_ipv4_max_size", "inet6_addr_gen_mode",
    "parentbus", "parentdev", "stats", "stats64", "ifalias", "carrier", "linkinfo", "hardware", "netns-immutable",
}  # fmt: skip
ROUTE_KEYS = {
    "type", "dst", "gateway", "dev", "table", "protocol", "scope", "prefsrc", "metric", "flags", "nexthops", "nhid",
    "via", "mtu", "advmss", "uid", "cacheinfo", "pref", "expires", "error",
}  # fmt: skip
HARMLESS_KINDS = {"veth", "vlan", "dummy", "ifb", "macvlan", "tun"}
"""Kinds of interfaces (`ip -d link`) that send packets as they are."""
PLAIN_TYPES = {"ether", "loopback", "ppp", "infiniband"}
"""Types of links that put no IP packet into another."""
HOP_KEYS = {"gateway", "dev", "weight", "flags", "via"}
DROPPED = {"blackhole", "unreachable", "prohibit", "throw"}
"""Types of routes that forward nothing. `throw` ends the look-up in the last table that has routes."""
LOCAL = {"local", "broadcast", "anycast"}
"""Types of routes to the machine itself; a broadcast is not forwarded either."""
HARMLESS_FLAGS = {"onlink", "offload", "rt_offload", "notify", "linkdown", "pervasive"}
LOOPBACK = Prefix(127 << 24, 8)


def read_links(source: Source, device: Device, report: Report) -> None:
    """`ip -j link` or `ip -j addr`: interfaces, their state, and IPv4 addresses where they are told."""
    places = _Places(source, device, report)
    for n, link in places.objects("ip -j addr"):
        places.known([n], link, LINK_KEYS, "an interface")
        name = link.get("ifname")
        if not isinstance(name, str) or not name:
            places.wrong([n], "an interface without 'ifname'", "the output of `ip -j addr` or `ip -j link`")
            continue
        if "master" in link:
            device.unknown(
                report,
                places.place([n, "master"]),
                f"'{name}' is part of '{link['master']}': bridges, bonds and VRFs are not followed",
            )
        port = device.port(name, places.place([n, "ifname"]))
        flags = link.get("flags", [])
        port.is_up = isinstance(flags, list) and "UP" in flags
        places.plain(n, link, port.is_up)
        mac = link.get("address")
        if link.get("link_type") == "ether" and isinstance(mac, str):
            try:
                port.mac = parse_mac(mac)
            except ValueError as error:
                places.wrong([n, "address"], str(error), "an Ethernet address")
        given = link.get("addr_info", [])
        if "LOOPBACK" in flags:
            port.is_up = False  # it stays an interface only for an address of the network
        for m, one in enumerate(given if isinstance(given, list) else ()):
            if isinstance(one, dict) and one.get("family") == "inet":
                _address(places, [n, "addr_info", m], one, port.addresses)
        if port.addresses and "LOOPBACK" in flags:
            port.is_up = True


def _address(
    places: "_Places", path: list[str | int], one: dict[str, Any], found: list[tuple[int, int]]
) -> None:
    length = one.get("prefixlen")
    try:
        number = parse_address(str(one.get("local")))
    except ValueError as error:
        places.wrong([*path, "local"], str(error), "an IPv4 address")
        return
    if isinstance(length, bool) or not isinstance(length, int) or not 0 <= length <= 32:
        places.wrong([*path, "prefixlen"], f"{length!r:.40} is not a prefix length", "a number from 0 to 32")
    elif number not in LOOPBACK and (number, length) not in found:
        found.append((number, length))


def read_routes(source: Source, device: Device, report: Report) -> None:
    """`ip -j route`, also with `show table local` or `table all`; other tables are not followed."""
    places = _Places(source, device, report)
    device.has_table = True
    rows = places.objects("ip -j route")
    first = local_prefixes(row for _, row in rows)
    lengths = sorted({prefix.length for prefix in first})
    for n, row in rows:
        places.known([n], row, ROUTE_KEYS, "a route")
        table = row.get("table", "main")
        if table not in ("main", "local"):
            device.unknown(
                report,
                places.place([n, "table"]),
                f"a route of table {str(table)[:40]!r}: policy routing is not followed",
                "table main or local",
            )
            continue
        if ":" in str(row.get("dst")):
            report.note(f"{device.name}: routes of IPv6 are left out")
            continue
        kind = row.get("type", "unicast")
        prefix = places.prefix([n, "dst"], row.get("dst"))
        if prefix is None or (kind in LOCAL and LOOPBACK.covers(prefix)):
            continue
        if kind == "multicast" or prefix.low >= 0xE000_0000:
            report.note(
                f"{device.name}: multicast and broadcast routes are left out: proofs are about unicast"
            )
            continue
        if table == "main" and any(
            length <= prefix.length and covering(prefix.address, length) in first for length in lengths
        ):
            report.note(f"{device.name}: the route for {prefix} is not used: table local is looked up first")
            continue
        span = places.place([n, "dst"])
        metric = row.get("metric", 0)
        if isinstance(metric, bool) or not isinstance(metric, int):
            places.wrong([n, "metric"], f"{metric!r:.40} is not a metric", "a whole number")
            continue
        if kind in LOCAL or kind in DROPPED:
            device.route(Forward(prefix, (), span, kind in LOCAL, metric=metric), report)
            continue
        if kind != "unicast":
            device.unknown(report, places.place([n, "type"]), f"a route of type {str(kind)[:40]!r}")
            continue
        hops = _hops(places, n, row)
        if hops == ():
            report.note(f"{device.name}: the route for {prefix} is dead: the next best is used")
        elif hops is not None:
            connected = row.get("scope") == "link" and row.get("protocol") == "kernel"
            if connected and isinstance(row.get("prefsrc"), str):
                _own(places, n, row["prefsrc"], prefix, hops)
            device.route(Forward(prefix, hops, span, is_connected=connected, metric=metric), report)


def local_prefixes(rows: Iterable[dict[str, Any]]) -> set[Prefix]:
    """What table `local` has routes for: it is looked up before table `main`, whatever is longer there."""
    found = set()
    for row in rows:
        if row.get("table", "main") == "local" and row.get("type") != "throw":
            with suppress(ValueError):  # told when the route is read
                found.add(parse_prefix(str(row.get("dst"))))
    return found


def _own(places: "_Places", n: int, source: str, prefix: Prefix, hops: tuple[Hop, ...]) -> None:
    """The route of a subnet tells the machine's own address in it."""
    try:
        number = parse_address(source)
    except ValueError as error:
        places.wrong([n, "prefsrc"], str(error), "an IPv4 address")
        return
    for hop in hops:
        port = places.device.port(hop.interface or "", places.place([n, "dev"]))
        if number in prefix and (number, prefix.length) not in port.addresses:
            port.addresses.append((number, prefix.length))


def _hops(places: "_Places", n: int, row: dict[str, Any]) -> tuple[Hop, ...] | None:
    """The hops of a route that are alive; None if one is not understood."""
    several = row.get("nexthops")
    rows: list[tuple[list[str | int], Any]] = [([n], row)]
    if isinstance(several, list):
        rows = [([n, "nexthops", m], hop) for m, hop in enumerate(several)]
    hops = []
    for path, hop in rows:
        if not isinstance(hop, dict):
            places.wrong(path, "not a next hop", '{"gateway": "10.0.0.1", "dev": "eth0"}')
            return None
        if len(path) > 1:
            places.known(path, hop, HOP_KEYS, "a next hop")
        flags = hop.get("flags", [])
        for flag in flags if isinstance(flags, list) else [flags]:
            if flag != "dead" and flag not in HARMLESS_FLAGS:
                places.unknown([*path, "flags"], f"the flag {str(flag)[:40]!r}")
                return None
        if "dead" in flags:
            continue
        dev, gateway = hop.get("dev"), hop.get("gateway")
        if "via" in hop:
            places.unknown([*path, "via"], "a next hop that is no IPv4 address")
            return None
        if not isinstance(dev, str):
            places.wrong(path, "a route without 'dev'", "the interface it leads to")
            return None
        via = None
        if gateway is not None:
            try:
                via = parse_address(str(gateway))
            except ValueError as error:
                places.wrong([*path, "gateway"], str(error), "an IPv4 address")
                return None
        hops.append(Hop(dev, via))
    return tuple(hops)


class _Places:
    """One JSON text and where to tell what is wrong with it."""

    def __init__(self, source: Source, device: Device, report: Report) -> None:
        self.document, self.device, self.report = Document(source), device, report
        self.place = self.document.place
        self.strange: set[str] = set()

    def objects(self, command: str) -> list[tuple[int, dict[str, Any]]]:
        """The objects of a list, with their places in it; empty ones, as older versions print them, left out."""
        tree = self.document.value
        if not isinstance(tree, list):
            self.wrong([], "not a list", f"the output of `{command}`")
            return []
        found = []
        for n, one in enumerate(tree):
            if isinstance(one, dict):
                if one:
                    found.append((n, one))
            else:
                self.wrong([n], "not an object", f"the output of `{command}`")
        return found

    def wrong(self, path: list[str | int], message: str, expected: str) -> None:
        self.report.error(self.place(path), message, expected)

    def unknown(self, path: list[str | int], message: str) -> None:
        self.device.unknown(self.report, self.place(path), message)

    def known(self, path: list[str | int], given: dict[str, Any], keys: set[str], what: str) -> None:
        """Tell of keys that are not understood, each once."""
        for key in given.keys() - keys - self.strange - {"master"}:
            self.strange.add(key)
            self.unknown([*path, key], f"{what} has '{key[:40]}', which is not understood")

    def plain(self, n: int, link: dict[str, Any], up: bool) -> None:
        """Tell of an interface that does more to packets than to send them."""
        info = link.get("linkinfo")
        kind = info.get("info_kind") if isinstance(info, dict) else None
        if up and kind is not None and kind not in HARMLESS_KINDS:
            self.unknown([n, "linkinfo"], f"an interface of kind {str(kind)[:40]!r} is not followed")
        elif up and link.get("link_type", "ether") not in PLAIN_TYPES:
            self.unknown([n, "link_type"], f"a link of type {str(link['link_type'])[:40]!r} is not followed")

    def prefix(self, path: list[str | int], given: Any) -> Prefix | None:
        if given == "default":
            return Prefix(0, 0)
        try:
            return parse_prefix(str(given))
        except ValueError as error:
            self.wrong(path, str(error), "a prefix such as 10.0.0.0/8, or default")
            return None
