"""Cisco IOS: `show ip route`.

Source: the layout of IOS 12 to 17 and IOS XE. A prefix without a length has the one that the line above it says for
all its subnets (`172.16.0.0/24 is subnetted`). A next hop without an interface is looked up in the table itself.
"""

import re

from innet.diagnostics import Source
from innet.network.addresses import Prefix, parse_address, parse_prefix
from innet.network.importers.device import Device, Forward, Hop
from innet.network.importers.report import Report
from innet.network.importers.words import Line, interface_name, is_prompt, lines

CODES = frozenset(
    {
        "C",
        "S",
        "R",
        "M",
        "B",
        "D",
        "EX",
        "O",
        "IA",
        "N1",
        "N2",
        "E1",
        "E2",
        "i",
        "su",
        "L1",
        "L2",
        "ia",
        "U",
        "o",
        "P",
    }
    | {"H", "l", "a", "L", "I", "E", "n", "d", "A"}
)
"""The letters before a route: who told it. `*` marks a candidate default. Others change its meaning."""

_ADDRESS = r"\d+\.\d+\.\d+\.\d+"
_ROUTE = re.compile(
    rf"(?P<codes>[A-Za-z][A-Za-z0-9*%+&p ]*?)\s+(?P<prefix>{_ADDRESS}(?:/\d+)?)(?P<rest>.*)\Z"
)
_MORE = re.compile(r"\[\d+(?:/\d+)?\]\s")
_PARENT = re.compile(
    rf"(?P<prefix>{_ADDRESS}(?:/\d+)?) is (?P<how>variably )?subnetted, \d+ subnets?(?:, \d+ masks?)?\Z"
)
_HOP = re.compile(
    rf"(?:\[\d+(?:/\d+)?\] )?(?:via (?P<via>{_ADDRESS})|is directly connected|is a summary)"
    r"(?:, (?P<age>(?:\d+:\d\d:\d\d)|(?:\d+[ywdh]\d*\w*)|never))?(?:, (?P<port>[A-Za-z][\w./:-]*))?\Z"
)
_HEAD = re.compile(r"Codes:|Gateway of last resort is |Load for |Time source is |No time source")
EXPECTED = "O 10.0.0.0/8 [110/2] via 10.1.0.2, 00:01:00, GigabitEthernet0/1"


def read_routes(source: Source, device: Device, report: Report) -> None:
    """The table of the default VRF; addresses of interfaces from its `L` and `C` routes."""
    device.has_table = True
    table = _Table(device, report)
    legend = False
    for line in lines(source):
        if line.text.startswith("Codes:"):
            legend = True
        elif legend and " - " in line.text:
            pass
        else:
            legend = False
            if not (_HEAD.match(line.text) or is_prompt(line)):
                table.line(line)
    table.end()


class _Table:
    """Reads line by line: a route may go on over several lines."""

    def __init__(self, device: Device, report: Report) -> None:
        self.device, self.report = device, report
        self.length: int | None = None
        self.prefix: Prefix | None = None
        self.codes: frozenset[str] = frozenset()
        self.hops: list[Hop] = []
        self.first: Line | None = None
        self.spoilt = False
        self.connected: dict[str, list[Prefix]] = {}

    def unknown(self, line: Line, message: str, expected: str = EXPECTED) -> None:
        self.spoilt = True
        self.device.unknown(self.report, line.span, message, expected)

    def line(self, line: Line) -> None:
        parent = _PARENT.match(line.text)
        if parent is not None:
            self.end()
            self.length = None
            if parent["how"] is None:
                length = parent["prefix"].partition("/")[2]
                self.length = int(length) if length.isdigit() and int(length) <= 32 else None
            return
        match = _ROUTE.match(line.text)
        if match is not None:
            self.end()
            self.start(line, match)
        elif _MORE.match(line.text) and self.first is not None:
            self.hop(line, line.text)
        else:
            self.unknown(line, "this line is not understood")

    def start(self, line: Line, match: re.Match[str]) -> None:
        codes = match["codes"].replace("*", " ").split()
        strange = [code for code in codes if code not in CODES]
        self.first, self.codes, self.spoilt = line, frozenset(codes), False
        if strange:
            self.unknown(line, f"'{strange[0]}' is not a code of a route that is followed here")
            return
        text = match["prefix"]
        try:
            if "/" in text:
                self.prefix = parse_prefix(text)
            elif self.length is not None:
                self.prefix = Prefix(parse_address(text), self.length)
            elif text == "0.0.0.0":
                self.prefix = Prefix(0, 0)
            else:
                self.unknown(line, f"{text} has no length", "a prefix such as 10.0.0.0/8")
                return
        except ValueError as error:
            self.spoilt = True
            span = line.span.part(match.start("prefix"), match.end("prefix"))
            self.report.error(span, str(error), "a prefix such as 10.0.0.0/8")
            return
        rest = match["rest"].strip().removeprefix(", ")
        if rest:
            self.hop(line, rest)

    def hop(self, line: Line, text: str) -> None:
        match = _HOP.match(text)
        if match is None:
            self.unknown(line, "this next hop is not understood", "[110/2] via ADDRESS, AGE, INTERFACE")
            return
        via = None
        if match["via"] is not None:
            try:
                via = parse_address(match["via"])
            except ValueError as error:
                self.spoilt = True
                self.report.error(line.span, str(error), "an IPv4 address")
                return
        port = None if match["port"] is None else interface_name(match["port"])
        if via is None and port is None:
            self.unknown(line, "this route leads nowhere", "via ADDRESS, or an interface")
            return
        self.hops.append(Hop(port, via))

    def end(self) -> None:
        """A route is complete."""
        line, prefix, hops = self.first, self.prefix, self.hops
        self.first, self.prefix, self.hops = None, None, []
        if line is None or prefix is None or self.spoilt:
            return
        if not hops:
            self.unknown(line, f"the route for {prefix} has no next hop")
            return
        device = self.device
        if "L" in self.codes:
            device.route(Forward(prefix, (), line.span, is_local=True), self.report)
            for hop in hops:
                self.address(hop.interface or "", prefix.address, line)
            return
        null = [hop.interface == "Null0" for hop in hops]
        if any(null):
            if not all(null):
                self.unknown(line, "a route that forwards and drops")
            else:
                device.route(Forward(prefix, (), line.span), self.report)
            return
        connected = self.codes == {"C"}
        if connected:
            for hop in hops:
                if hop.interface is not None:
                    device.port(hop.interface, line.span)
                    self.connected.setdefault(hop.interface, []).append(prefix)
        device.route(
            Forward(prefix, tuple(dict.fromkeys(hops)), line.span, is_connected=connected), self.report
        )

    def address(self, name: str, address: int, line: Line) -> None:
        """An `L` route tells an interface's address; its `C` route came before it."""
        port = self.device.port(name, line.span)
        for prefix in self.connected.get(name, ()):
            if address in prefix and (address, prefix.length) not in port.addresses:
                port.addresses.append((address, prefix.length))
