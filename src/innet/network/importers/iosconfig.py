"""Cisco IOS: `show running-config`: interfaces, their addresses and access lists, static routes, access ports.

Lines that do not change what is forwarded are known by their first words and passed over; how the box is managed, and
routing protocols, whose outcome is in `show ip route`. Any other line is not understood.
"""

import re

from innet.diagnostics import Source
from innet.network.addresses import FULL, Prefix, parse_address
from innet.network.importers.device import Device, Forward, Hop, Rule
from innet.network.importers.ioslist import add_rule, is_extended, is_standard
from innet.network.importers.report import Report
from innet.network.importers.words import Line, Word, interface_name, is_prompt, lines

HARMLESS = (
    "aaa", "alias", "archive", "banner", "boot", "boot-end-marker", "boot-start-marker", "call-home", "cdp",
    "class-map", "clock", "control-plane", "crypto key", "crypto pki", "diagnostic", "dot11", "enable", "end",
    "errdisable", "event", "exit", "file", "hostname", "ip arp", "ip as-path", "ip bgp-community", "ip cef",
    "ip classless", "ip community-list", "ip default-gateway", "ip dhcp", "ip domain", "ip domain-list",
    "ip domain-lookup", "ip domain-name", "ip finger", "ip flow-cache", "ip flow-export", "ip forward-protocol",
    "ip ftp", "ip host", "ip http", "ip icmp rate-limit", "ip igmp", "ip local policy", "ip multicast-routing",
    "ip name-server", "ip pim", "ip prefix-list", "ip radius", "ip rcmd", "ip routing", "ip scp", "ip sla", "ip ssh",
    "ip subnet-zero", "ip tacacs", "ip tcp path-mtu-discovery", "ip tcp synwait-time", "ip telnet", "ip tftp", "ipv6",
    "key", "license", "line", "lldp", "logging", "mac address-table aging-time", "memory", "multilink bundle-name",
    "netconf", "ntp", "parser", "password", "platform", "policy-map", "power", "privilege", "process", "radius",
    "radius-server", "redundancy", "restconf", "route-map", "scheduler", "security", "service", "snmp", "snmp-server",
    "spanning-tree", "subscriber", "tacacs", "tacacs-server", "transceiver", "udld", "username", "version", "vlan",
    "vtp", "Building configuration", "Current configuration", "Using",
)  # fmt: skip
"""First words of global lines, and of the sections they begin, that do not change what is forwarded."""
HARMLESS_ON_INTERFACE = (
    "arp timeout", "bandwidth", "carrier-delay", "cdp", "clock rate", "delay", "description", "duplex",
    "encapsulation hdlc", "encapsulation ppp", "exit", "fair-queue", "hold-queue", "ip cef", "ip eigrp", "ip flow",
    "ip hello-interval", "ip hold-time", "ip igmp", "ip load-sharing", "ip mtu", "ip ospf", "ip pim", "ip proxy-arp",
    "ip redirects", "ip rip", "ip route-cache", "ip router", "ip split-horizon", "ip summary-address",
    "ip unreachables", "ip virtual-reassembly", "ipv6", "isis", "keepalive", "lldp", "load-interval", "logging",
    "mac-address", "media-type", "mtu", "negotiation", "ntp", "power", "snmp", "spanning-tree", "speed",
    "switchport access", "switchport mode access", "switchport nonegotiate", "udld",
)  # fmt: skip
"""First words of lines below an interface that do not change which IPv4 packets pass it."""
UNDONE = ("ip routing", "switchport")
"""What `no` must not stand before: without it the box is another one."""
FILTERS_OF_VLANS = ("vlan access-map", "vlan filter")
UNUSED = 255
"""The distance of a static route that is never in the table."""
HARMLESS_IN_VLAN = ("exit", "mtu", "name", "state active")
"""Lines below `vlan N` that do not change what the VLAN carries."""
LIST_SECTION = re.compile(r"ip access-list (?P<kind>standard|extended) (?P<name>\S+)\Z")
DYNAMIC = re.compile(r"router \S+")


def read_config(source: Source, device: Device, report: Report) -> None:
    """The configuration of one box."""
    _Config(device, report).read(source)


class _Config:
    """Reads line by line; a section goes on as long as lines are indented."""

    def __init__(self, device: Device, report: Report) -> None:
        self.device, self.report = device, report
        self.section = ""
        self.interface = ""
        self.name = ""
        self.statics: dict[Prefix, dict[int, list[Forward]]] = {}
        self.permanent: list[Forward] = []
        self.protocol: Line | None = None
        self.banner = ""
        self.numbered: dict[str, dict[int, list[Rule]]] = {}
        self.highest: dict[str, int] = {}
        self.access: dict[str, None] = {}

    def read(self, source: Source) -> None:
        for line in lines(source):
            if self.banner:
                if self.banner in line.text:
                    self.banner = ""
            elif line.text.startswith("!") or is_prompt(line):
                continue
            elif line.indent and self.section:
                self.inner(line)
            else:
                self.outer(line)
        for name, entries in self.numbered.items():
            self.device.lists[name] = [rule for _, rules in sorted(entries.items()) for rule in rules]
        for name, span in self.device.filters.values():
            if name not in self.device.lists:
                self.report.note(f"{span}: there is no access list {name}: IOS lets everything pass then")
        self.routes()
        self.switched()

    def unknown(self, line: Line, expected: str = "") -> None:
        self.device.unknown(self.report, line.span, "this line is not understood", expected)

    # ---- lines at the margin

    def outer(self, line: Line) -> None:
        text = line.text
        words = line.words()
        self.section = "unknown"
        found = LIST_SECTION.match(text)
        if found is not None:
            self.section, self.name = found["kind"], found["name"]
            self.numbered.setdefault(self.name, {})
        elif text.startswith("interface ") and len(words) <= 3:
            self.section = "interface"
            self.interface = interface_name("".join(word.text for word in words[1:]))
            self.device.port(self.interface, line.span)
        elif text.startswith("access-list ") and len(words) > 2:
            self.numbered_entry(line, words)
        elif text.startswith("ip route ") and "vrf" not in text:
            self.static(line, words)
        elif DYNAMIC.match(text):
            self.section = "harmless"
            self.protocol = line
        elif text.startswith("no "):
            self.section = "harmless"
            if begins(text[3:], UNDONE):
                self.unknown(line)
        elif begins(text, FILTERS_OF_VLANS):
            self.unknown(line)
        elif begins(text, HARMLESS):
            self.section = "vlan" if words[0].text == "vlan" else "harmless"
            if words[0].text == "banner" and len(words) > 2:
                self.banner = banner_end(text, words[2].text)
        else:
            self.unknown(line)

    def numbered_entry(self, line: Line, words: list[Word]) -> None:
        """`access-list NUMBER ...`"""
        name = words[1].text
        if not (is_standard(name) or is_extended(name)):
            self.unknown(line, "the number of a standard or an extended list of IPv4")
            return
        self.entry(name, words[2:], line, is_standard(name))

    def entry(self, name: str, words: list[Word], line: Line, standard: bool) -> None:
        """An entry goes where its sequence number says, or ten behind the last."""
        entries = self.numbered.setdefault(name, {})
        number = self.highest.get(name, 0) + 10
        if words and words[0].text.isascii() and words[0].text.isdigit() and len(words[0].text) < 11:
            number, words = int(words[0].text), words[1:]
            if number in entries:
                self.report.error(
                    line.span, f"the list has two entries {number}", "numbers that differ", "keep one of them"
                )
        if words and words[0].text == "remark":
            return
        rules: list[Rule] = []
        add_rule(rules, words, line, standard, self.report)
        entries[number] = rules
        self.highest[name] = max(number, self.highest.get(name, 0))

    def static(self, line: Line, words: list[Word]) -> None:
        """`ip route NETWORK MASK [INTERFACE] [NEXT HOP] [DISTANCE] [tag N] [name WORD] [permanent]`"""
        rest = words[2:]
        try:
            address, mask = parse_address(rest[0].text), parse_address(rest[1].text)
            prefix = Prefix(address, mask_length(mask))
        except (ValueError, IndexError) as error:
            why = str(error) if isinstance(error, ValueError) else "the line ends too early"
            self.report.error(line.span, why, "ip route NETWORK MASK NEXT-HOP")
            return
        rest = rest[2:]
        port = via = None
        if rest and rest[0].text == "dhcp":
            self.device.unknown(self.report, rest[0].span, "a next hop that DHCP tells is not followed")
            return
        if rest and not rest[0].text[0].isdigit():
            port = interface_name(rest.pop(0).text)
        if rest and rest[0].text.count(".") == 3:
            try:
                via = parse_address(rest[0].text)
            except ValueError as error:
                self.report.error(rest[0].span, str(error), "an IPv4 address")
                return
            rest.pop(0)
        distance = 1
        if rest and rest[0].text.isascii() and rest[0].text.isdigit() and len(rest[0].text) < 4:
            distance = int(rest.pop(0).text)
        permanent = False
        while rest:
            word = rest.pop(0)
            if word.text in ("tag", "name") and rest:
                rest.pop(0)
            elif word.text == "permanent":
                permanent = True
            else:
                self.device.unknown(self.report, word.span, f"'{word.text[:40]}' is not understood")
                return
        if port is None and via is None:
            self.report.error(line.span, "this route leads nowhere", "an interface or a next hop")
            return
        hops = () if port == "Null0" else (Hop(port, via),)
        route = Forward(prefix, hops, line.span)
        if permanent:
            self.permanent.append(route)
        self.statics.setdefault(prefix, {}).setdefault(distance, []).append(route)

    def routes(self) -> None:
        """Static routes count where no table was given, which has them, and what protocols found, in it."""
        if self.device.has_table:
            return
        if self.protocol is not None:
            self.device.unknown(
                self.report,
                self.protocol.span,
                "what this protocol finds is not in the configuration",
                "the output of `show ip route` beside it, as ios-route.txt",
            )
        for prefix, every in self.statics.items():
            found = {
                distance: used
                for distance, routes in every.items()
                if distance < UNUSED and (used := [route for route in routes if self.is_used(route)])
            }
            if not found:
                continue
            best = found[min(found)]
            hops = tuple(dict.fromkeys(hop for route in best for hop in route.hops))
            if hops and not all(route.hops for route in best):
                self.device.unknown(self.report, best[0].span, "a route that forwards and drops")
                continue
            self.device.route(Forward(prefix, hops, best[0].span), self.report)

    def is_used(self, route: Forward) -> bool:
        """Whether a static route is in the table: not by an interface that is shut down, unless it is permanent; others
        count then."""
        down = [
            hop.interface
            for hop in route.hops
            if hop.interface in self.device.ports and not self.device.ports[hop.interface].is_up
        ]
        if route in self.permanent:
            return True
        if down:
            self.report.note(
                f"{route.span}: the route for {route.prefix} is not used: {down[0]} is shut down"
            )
        return not down

    def switched(self) -> None:
        """Ports of VLANs: those that are shut down carry nothing; an access port of no VLAN is in VLAN 1."""
        told = {port for ports in self.device.vlans.values() for port in ports}
        for name in self.access:
            if name not in told:
                self.device.vlans.setdefault(1, {})[name] = None
        for vlan, ports in list(self.device.vlans.items()):
            up = {name: None for name in ports if self.device.ports[name].is_up}
            if up:
                self.device.vlans[vlan] = up
            elif len(self.device.vlans) > 1:
                del self.device.vlans[vlan]
            else:
                self.device.vlans[vlan] = {}

    # ---- lines in a section

    def inner(self, line: Line) -> None:
        match self.section:
            case "harmless" | "unknown":
                return
            case "vlan":
                if not begins(line.text, (*HARMLESS_IN_VLAN, "no")):
                    self.unknown(line)
            case "standard" | "extended":
                self.entry(self.name, line.words(), line, self.section == "standard")
            case "interface":
                self.on_interface(line)

    def on_interface(self, line: Line) -> None:
        text, words = line.text, line.words()
        port = self.device.port(self.interface, line.span)
        if text == "shutdown":
            port.is_up = False
        elif text.startswith("ip address "):
            self.address(line, words)
        elif text.startswith("ip access-group ") and len(words) == 4 and words[3].text in ("in", "out"):
            self.device.filters[self.interface, words[3].text] = words[2].text, line.span
        elif text.startswith("encapsulation dot1Q ") and len(words) <= 4 and "." in self.interface:
            return  # a subinterface is an interface of its own; a link file says what it is joined to
        elif text.startswith("no "):
            if begins(text[3:], UNDONE) and text != "no switchport":
                self.unknown(line)
        elif begins(text, HARMLESS_ON_INTERFACE):
            if (
                text.startswith("switchport access vlan ")
                and words[-1].text.isdigit()
                and len(words[-1].text) < 5
            ):
                self.device.vlans.setdefault(int(words[-1].text), {})[self.interface] = None
            elif text == "switchport mode access":
                self.access[self.interface] = None
        else:
            self.unknown(line)

    def address(self, line: Line, words: list[Word]) -> None:
        """`ip address ADDRESS MASK [secondary]`"""
        if len(words) not in (4, 5) or (len(words) == 5 and words[4].text != "secondary"):
            self.unknown(line, "ip address ADDRESS MASK")
            return
        try:
            address = parse_address(words[2].text)
            length = mask_length(parse_address(words[3].text))
        except ValueError as error:
            self.report.error(words[2].span, str(error), "an address and a mask such as 255.255.255.0")
            return
        port = self.device.port(self.interface, line.span)
        if (address, length) not in port.addresses:
            port.addresses.insert(0 if len(words) == 4 else len(port.addresses), (address, length))


def begins(text: str, heads: tuple[str, ...]) -> bool:
    """Whether a line begins with one of these words or rows of words."""
    return any(text == head or text.startswith((head + " ", head + ".", head + ":")) for head in heads)


def mask_length(mask: int) -> int:
    """The length of the prefix that a mask leaves; ValueError if its ones are not in one row."""
    length = bin(mask).count("1")
    if mask != FULL & ~(FULL >> length):
        raise ValueError("the mask has zeros between its ones")
    return length


def banner_end(text: str, mark: str) -> str:
    """What ends a banner that begins on this line; empty if it ends there."""
    sign = mark[:2] if mark.startswith("^") else mark[0]
    return "" if text.count(sign) > 1 else sign
