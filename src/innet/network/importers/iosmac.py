"""Cisco IOS: `show mac address-table` of a switch.

Each VLAN is a switch of its own. Addresses of the switch itself (port CPU) and of groups are left out: nothing is sent
on for them that proofs are about.
"""

import re

from innet.diagnostics import Source
from innet.network.addresses import parse_mac
from innet.network.importers.device import Device
from innet.network.importers.report import Report
from innet.network.importers.words import interface_name, is_prompt, lines

_ROW = re.compile(
    r"\*?\s*(?P<vlan>All|\d{1,4})\s+(?P<mac>[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})\s+"
    r"(?P<type>DYNAMIC|STATIC|dynamic|static)\s+(?P<rest>\S.*)\Z"
)
_HEAD = re.compile(
    r"Mac Address Table\Z|-[-+ ]*\Z|Vlan\s+Mac Address\s+Type|Total Mac Addresses|Unicast Entries\Z|Multicast Entries\Z"
    r"|vlan\s+mac address\s+type|Legend:|\* - primary entry",
    re.IGNORECASE,
)
GROUP = 1 << 40
"""The bit of an Ethernet address that says that it is a group's."""


def read_macs(source: Source, device: Device, report: Report) -> None:
    """The table, row by row."""
    for line in lines(source):
        if _HEAD.match(line.text) or is_prompt(line):
            continue
        row = _ROW.match(line.text)
        if row is None:
            expected = "10  0011.2233.4455  DYNAMIC  Gi0/1"
            device.unknown(report, line.span, "this line is not understood", expected)
            continue
        digits = row["mac"].replace(".", "")
        mac = parse_mac(":".join(digits[n : n + 2] for n in range(0, 12, 2)))
        port = row["rest"].split()[-1]
        if port.upper() in ("CPU", "SWITCH", "ROUTER") or mac & GROUP:
            continue
        if row["vlan"] == "All" or "," in port or port.lower() == "drop":
            device.unknown(
                report, line.span, "an address of all VLANs, or without one port", "one VLAN, one port"
            )
            continue
        vlan, name = int(row["vlan"]), interface_name(port)
        known = device.macs.setdefault((vlan, mac), name)
        if known != name:
            report.error(line.span, f"{row['mac']} is at {known} and at {name}", help="keep one of the two")
        device.port(name, line.span)
        device.vlans.setdefault(vlan, {})[name] = None
