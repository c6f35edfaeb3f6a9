"""FRR: `show ip route json`.

Source: FRR, zebra/zebra_vty.c (vty_show_ip_route). Of the routes for a prefix the selected one counts, and of its next
hops those that are in the kernel's table (`fib`).
"""

from typing import Any

from innet.diagnostics import Source
from innet.network.addresses import parse_address, parse_prefix
from innet.network.importers.device import Device, Forward, Hop
from innet.network.importers.jsonplaces import Document
from innet.network.importers.report import Report

MEANT = {"labels", "vrf", "srte", "seg6local", "seg6", "encap"}
"""Keys of a next hop that change what happens to packets, and are not followed."""


def read_routes(source: Source, device: Device, report: Report) -> None:
    """The routing table, prefix by prefix."""
    document = Document(source)
    tree = document.value
    device.has_table = True
    if not isinstance(tree, dict):
        report.error(document.place([]), "not an object", "the output of `show ip route json`")
        return
    for key, entries in tree.items():
        try:
            prefix = parse_prefix(key)
        except ValueError as error:
            report.error(document.place([key]), str(error), "an object with prefixes as its keys")
            continue
        if prefix.low >= 0xE000_0000:
            report.note(
                f"{device.name}: multicast and broadcast routes are left out: proofs are about unicast"
            )
            continue
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            report.error(document.place([key]), "not a list of routes", f'{{"{prefix}": [{{...}}]}}')
            continue
        for n, entry in enumerate(entries):
            if entry.get("selected") is True:
                path = [key, n]
                if entry.get("vrfName", "default") != "default":
                    device.unknown(
                        report,
                        document.place([*path, "vrfName"]),
                        "a route of another VRF than 'default'",
                    )
                elif entry.get("installed") is not True:
                    device.unknown(
                        report,
                        document.place(path),
                        f"the route for {prefix} is selected, but not in the kernel's table",
                        '"installed": true',
                    )
                else:
                    hops = _hops(document, path, entry, device, report)
                    if hops is not None:
                        span = document.place(path)
                        local = entry.get("protocol") == "local"
                        connected = entry.get("protocol") == "connected"
                        route = Forward(prefix, () if local else hops, span, local, connected)
                        device.route(route, report)


def _hops(
    document: Document, path: list[str | int], entry: dict[str, Any], device: Device, report: Report
) -> tuple[Hop, ...] | None:
    given = entry.get("nexthops")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        report.error(document.place(path), "a route without a list 'nexthops'", '"nexthops": [...]')
        return None
    hops = []
    drops = False
    for n, hop in enumerate(given):
        at = [*path, "nexthops", n]
        if hop.get("fib") is not True:
            continue
        for key in sorted(MEANT & hop.keys()):
            device.unknown(report, document.place([*at, key]), f"a next hop with '{key}' is not followed")
            return None
        if hop.get("blackhole") or hop.get("unreachable") or hop.get("reject"):
            drops = True
            continue
        via = None
        if "ip" in hop:
            try:
                via = parse_address(str(hop["ip"]))
            except ValueError as error:
                report.error(document.place([*at, "ip"]), str(error), "an IPv4 address")
                return None
        name = hop.get("interfaceName")
        if not isinstance(name, str):
            report.error(document.place(at), "a next hop without 'interfaceName'", "an interface")
            return None
        hops.append(Hop(name, via))
    if hops and drops:
        device.unknown(report, document.place(path), "a route that forwards and drops")
        return None
    if not hops and not drops:
        device.unknown(report, document.place(path), "a selected route of which no next hop is in use")
        return None
    return tuple(dict.fromkeys(hops))
