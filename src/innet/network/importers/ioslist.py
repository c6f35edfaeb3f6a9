"""Cisco IOS access lists: standard and extended, numbered and named, as rules in IPFilter's language.

Source: Cisco, "Configuring IP Access Lists" and "Access Control Lists and IP Fragments" (document 8014): of a fragment
but the first, a permitting line with ports looks at the addresses and the protocol only, and a denying line with ports
does not match; a line without ports matches every fragment; `fragments` matches all but first ones. A test of bytes
that the packet does not have fails.
"""

from innet.diagnostics import Span
from innet.network.addresses import FULL, format_address, parse_address
from innet.network.importers.device import Rule
from innet.network.importers.report import Report
from innet.network.importers.words import Line, Word

PROTOCOLS = {
    "ip": None, "icmp": 1, "igmp": 2, "ipinip": 4, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ahp": 51, "eigrp": 88,
    "ospf": 89, "nos": 94, "pim": 103, "pcp": 108, "sctp": 132,
}  # fmt: skip
BOTH_PORTS = {"discard": 9, "domain": 53, "echo": 7, "sunrpc": 111, "tacacs": 49, "talk": 517}
PORTS = {
    6: BOTH_PORTS
    | {
        "bgp": 179, "chargen": 19, "cmd": 514, "daytime": 13, "exec": 512, "finger": 79, "ftp": 21, "ftp-data": 20,
        "gopher": 70, "hostname": 101, "ident": 113, "irc": 194, "klogin": 543, "kshell": 544, "login": 513,
        "lpd": 515, "msrpc": 135, "nntp": 119, "pim-auto-rp": 496, "pop2": 109, "pop3": 110, "smtp": 25, "syslog": 514,
        "telnet": 23, "time": 37, "uucp": 540, "whois": 43, "www": 80,
    },
    17: BOTH_PORTS
    | {
        "biff": 512, "bootpc": 68, "bootps": 67, "dnsix": 195, "isakmp": 500, "mobile-ip": 434, "nameserver": 42,
        "netbios-dgm": 138, "netbios-ns": 137, "netbios-ss": 139, "non500-isakmp": 4500, "ntp": 123,
        "pim-auto-rp": 496, "rip": 520, "snmp": 161, "snmptrap": 162, "syslog": 514, "tftp": 69, "time": 37, "who": 513,
        "xdmcp": 177,
    },
}  # fmt: skip
ICMP = {
    "administratively-prohibited": (3, 13), "alternate-address": (6, None), "dod-host-prohibited": (3, 10),
    "dod-net-prohibited": (3, 9), "echo": (8, None), "echo-reply": (0, None), "host-isolated": (3, 8),
    "host-redirect": (5, 1), "host-tos-redirect": (5, 3), "host-tos-unreachable": (3, 12), "host-unknown": (3, 7),
    "host-unreachable": (3, 1), "information-reply": (16, None), "information-request": (15, None),
    "mask-reply": (18, None), "mask-request": (17, None), "net-redirect": (5, 0), "net-tos-redirect": (5, 2),
    "net-tos-unreachable": (3, 11), "net-unreachable": (3, 0), "network-unknown": (3, 6),
    "option-missing": (12, 1), "packet-too-big": (3, 4), "parameter-problem": (12, None), "port-unreachable": (3, 3),
    "precedence-unreachable": (3, 15), "protocol-unreachable": (3, 2), "reassembly-timeout": (11, 1),
    "redirect": (5, None), "router-advertisement": (9, None), "router-solicitation": (10, None),
    "source-quench": (4, None), "source-route-failed": (3, 5), "time-exceeded": (11, None),
    "timestamp-reply": (14, None), "timestamp-request": (13, None), "traceroute": (30, None), "ttl-exceeded": (11, 0),
    "unreachable": (3, None),
}  # fmt: skip
PRECEDENCE = {
    "routine": 0, "priority": 1, "immediate": 2, "flash": 3, "flash-override": 4, "critical": 5, "internet": 6,
    "network": 7,
}  # fmt: skip
DSCP = (
    {"default": 0, "ef": 46}
    | {f"cs{n}": 8 * n for n in range(1, 8)}
    | {f"af{k}{d}": 8 * k + 2 * d for k in range(1, 5) for d in range(1, 4)}
)
FLAGS = {"ack", "fin", "psh", "rst", "syn", "urg"}
OPERATORS = {"eq": "=", "gt": ">", "lt": "<"}
LATER = "ip[6:2] & 0x1fff > 0"
"""A fragment, but not the first."""


class UnclearError(Exception):
    """A line of a list that is not understood: where, why, and what was expected."""

    def __init__(self, span: Span, message: str, expected: str = "") -> None:
        super().__init__(message)
        self.span, self.message, self.expected = span, message, expected


def is_standard(name: str) -> bool:
    """Whether a numbered list matches on the source alone."""
    number = int(name) if name.isdigit() and len(name) < 6 else 0
    return 1 <= number <= 99 or 1300 <= number <= 1999


def is_extended(name: str) -> bool:
    """Whether a numbered list matches on protocol, addresses and ports."""
    number = int(name) if name.isdigit() and len(name) < 6 else 0
    return 100 <= number <= 199 or 2000 <= number <= 2699


def add_rule(rules: list[Rule], words: list[Word], line: Line, standard: bool, report: Report) -> None:
    """Add the entry that `words` are, from `permit` or `deny` on. One that is not understood makes all that comes
    to it uncertain."""
    if words and words[0].text == "remark":
        return
    try:
        rules.append(rule(words, line, standard))
    except UnclearError as why:
        report.unknown(
            why.span,
            why.message,
            "what no earlier line of the list decides may pass or not",
            why.expected,
        )
        rules.append(Rule(None, "", line.span))


def rule(words: list[Word], line: Line, standard: bool) -> Rule:
    """One entry as a rule; `UnclearError` if it is not understood."""
    entry = _Entry(words, line)
    action = entry.next("permit or deny")
    if action.text not in ("permit", "deny"):
        raise UnclearError(action.span, f"'{action.text[:40]}' is not an action", "permit, deny or remark")
    permit = action.text == "permit"
    details: list[str] = []
    if standard:
        tests = entry.standard()
    else:
        tests, details = entry.extended()
    if details:
        # the header that the details are about is in the first fragment only, and the tests are false without it
        looked_at = " and ".join(details)
        tests.append(f"({LATER} or ({looked_at}))" if permit else looked_at)
    return Rule(permit, " and ".join(tests), line.span)


class _Entry:
    """The words of an entry, read one after the other."""

    def __init__(self, words: list[Word], line: Line) -> None:
        self.words, self.at, self.line = words, 0, line

    def peek(self) -> str:
        return self.words[self.at].text if self.at < len(self.words) else ""

    def next(self, expected: str) -> Word:
        if self.at >= len(self.words):
            end = self.line.span.end
            raise UnclearError(Span(self.line.span.source, end, end), "the line ends too early", expected)
        self.at += 1
        return self.words[self.at - 1]

    def number(self, highest: int, names: dict[str, int], what: str) -> int:
        word = self.next(what)
        if word.text in names:
            return names[word.text]
        if word.text.isascii() and word.text.isdigit() and len(word.text) < 7 and int(word.text) <= highest:
            return int(word.text)
        raise UnclearError(word.span, f"'{word.text[:40]}' is not {what}", f"{what} from 0 to {highest}")

    def address(self, word: Word) -> int:
        try:
            return parse_address(word.text)
        except ValueError as error:
            raise UnclearError(word.span, str(error), "an IPv4 address") from None

    def hosts(self, side: str, standard: bool) -> list[str]:
        """`any`, `host A` or `A WILDCARD`; in a standard list `A` too."""
        word = self.next("any, host ADDRESS, or ADDRESS WILDCARD")
        if word.text == "any":
            return []
        if word.text == "host":
            return [f"{side} host {format_address(self.address(self.next('an address')))}"]
        if word.text in ("object-group", "addrgroup"):
            raise UnclearError(word.span, "object groups are not followed", "addresses")
        address = self.address(word)
        if standard and self.peek() in ("", "log"):
            return [f"{side} host {format_address(address)}"]
        mask = ~self.address(self.next("a wildcard such as 0.0.0.255")) & FULL
        if mask == 0:
            return []
        net, length = format_address(address & mask), bin(mask).count("1")
        if mask == FULL & ~(FULL >> length):
            return [f"{side} net {net}/{length}"]
        return [f"{side} net {net} mask {format_address(mask)}"]

    def standard(self) -> list[str]:
        tests = self.hosts("src", True)
        self.rest({"log"})
        return tests

    def rest(self, known: set[str]) -> None:
        while self.at < len(self.words):
            word = self.next("")
            if word.text not in known:
                raise UnclearError(word.span, f"'{word.text[:40]}' is not understood", "the end of the line")

    def extended(self) -> tuple[list[str], list[str]]:
        """Tests of what every fragment has, and of what only first ones have."""
        word = self.next("a protocol")
        proto = PROTOCOLS.get(word.text)
        if word.text not in PROTOCOLS:
            if not (
                word.text.isascii() and word.text.isdigit() and len(word.text) < 4 and int(word.text) < 256
            ):
                expected = "ip, tcp, udp, icmp, or a number"
                raise UnclearError(word.span, f"'{word.text[:40]}' is not a protocol", expected)
            proto = int(word.text)
        tests = [] if proto is None else [f"ip proto {proto}"]
        details: list[str] = []
        for side in ("src", "dst"):
            tests += self.hosts(side, False)
            if proto in PORTS and self.peek() in ("eq", "neq", "gt", "lt", "range"):
                details.append(self.ports(side, proto))
        if proto == 1 and self.peek() and (self.peek() in ICMP or self.peek().isdigit()):
            details.append(self.icmp())
        later = False
        while self.at < len(self.words):
            later |= self.option(proto, tests, details)
        if later and details:
            raise UnclearError(self.line.span, "'fragments' with ports", "'fragments' or ports")
        return tests, details

    def ports(self, side: str, proto: int) -> str:
        operator = self.next("").text
        what = "a port"
        kind = "tcp" if proto == 6 else "udp"
        first = self.number(65535, PORTS[proto], what)
        test = f"{kind} {side} port"
        if operator == "range":
            last = self.number(65535, PORTS[proto], what)
            low, high = min(first, last), max(first, last)
            return f"{test} >= {low} and {test} <= {high}"
        if operator in ("gt", "lt"):
            return f"{test} {OPERATORS[operator]} {first}"
        numbers = [first]
        while self.peek() in PORTS[proto] or self.peek().isdigit():
            numbers.append(self.number(65535, PORTS[proto], what))
        if operator == "neq":
            return " and ".join(f"{test} != {number}" for number in numbers)
        return "(" + " or ".join(f"{test} = {number}" for number in numbers) + ")"

    def icmp(self) -> str:
        named = ICMP.get(self.peek())
        if named is not None:
            self.next("")
            kind, code = named
        else:
            kind, code = self.number(255, {}, "an ICMP type"), None
            if self.peek().isdigit():
                code = self.number(255, {}, "an ICMP code")
        return f"icmp type {kind}" if code is None else f"icmp type {kind} and icmp[1:1] = {code}"

    def option(self, proto: int | None, tests: list[str], details: list[str]) -> bool:
        """One option of an extended entry; whether it is `fragments`."""
        word = self.next("")
        match word.text:
            case "log" | "log-input":
                return False
            case "fragments":
                tests.append(LATER)
                return True
            case "established" if proto == 6:
                details.append("(tcp opt ack or tcp opt rst)")
            case flag if proto == 6 and flag in FLAGS and not any("tcp opt" in one for one in details):
                details.append(f"tcp opt {flag}")
            case "dscp":
                tests.append(f"ip dscp = {self.number(63, DSCP, 'a DSCP')}")
            case "precedence":
                tests.append(f"ip[1:1] & 0xe0 = {self.number(7, PRECEDENCE, 'a precedence') << 5}")
            case "tos":
                tests.append(f"ip[1:1] & 0x1e = {self.number(15, {}, 'a type of service') << 1}")
            case _:
                raise UnclearError(word.span, f"'{word.text[:40]}' is not understood", "the end of the line")
        return False
