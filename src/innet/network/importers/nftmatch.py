"""nftables: what a rule's matches say of packets, in IPFilter's language.

Source: libnftables-json(5) for the form; net/netfilter/nft_payload.c, nft_meta.c and nft_ct.c for the meaning: a match
on a transport header fails, whatever its operator, for a later fragment and where the bytes are not there.

Some matches are about more than a packet (its interfaces, what connection tracking knows): they are decided by where
and in which case the packet is looked at (`Case`), or not at all (`Condition.maybe`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from innet.network.addresses import Prefix, format_address, parse_address, parse_prefix, prefixes

PROTOCOLS = {
    "icmp": 1, "igmp": 2, "ipencap": 4, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58,
    "ipv6-icmp": 58, "ospf": 89, "pim": 103, "comp": 108, "vrrp": 112, "sctp": 132, "udplite": 136,
}  # fmt: skip
PORTS = {
    "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "bootps": 67, "bootpc": 68,
    "tftp": 69, "http": 80, "kerberos": 88, "pop3": 110, "sunrpc": 111, "ntp": 123, "imap2": 143, "snmp": 161,
    "snmp-trap": 162, "bgp": 179, "ldap": 389, "https": 443, "submission": 587, "ldaps": 636, "imaps": 993,
    "pop3s": 995, "openvpn": 1194, "mysql": 3306, "postgresql": 5432,
}  # fmt: skip
ICMP = {
    "echo-reply": 0, "destination-unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8,
    "router-advertisement": 9, "router-solicitation": 10, "time-exceeded": 11, "parameter-problem": 12,
    "timestamp-request": 13, "timestamp-reply": 14, "info-request": 15, "info-reply": 16, "address-mask-request": 17,
    "address-mask-reply": 18,
}  # fmt: skip
FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}
STATES = {"new", "established", "related", "invalid", "untracked"}
OPERATORS = {"==": "=", "!=": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
NEW_TCP = "(tcp[13:1] & 0x17 = 2 or tcp[13:1] & 0x17 = 16)"
"""Segments that begin a connection for Linux: SYN, or ACK alone (a connection that it did not see begin)."""
BEGINS = f"(ip proto 17 or {NEW_TCP})"


class StrangeError(Exception):
    """A part of a rule that is not understood: the keys to it from the rule on, and why."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.message, self.path = message, path


@dataclass(frozen=True, slots=True)
class Case:
    """Where a packet is looked at: came by `iif`, leaves by `oif` (None: not known). `state`: what tracking knows.
    "stateless": nothing, it does not run; "first": TCP or UDP that is of no connection yet; "again": of one, in the
    direction it began in; "reply": in the other; "invalid": of one, but not as it should be; "other": another protocol,
    of which it is not known; "piece": a later fragment, whatever it is part of."""

    iif: str | None
    oif: str | None
    state: str = "stateless"
    lowered: int = 0
    """How much lower a time to live the rules see than the packet has."""
    tracked: bool | None = True
    """Whether tracking has seen the packet by then; None: it is not known. What it has not seen is `invalid`."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Packets of `pattern` (empty: all); None: none. `maybe`: of those any may match or not."""

    pattern: str | None = ""
    maybe: bool = False

    def both(self, other: "Condition") -> "Condition":
        """Packets that match both."""
        if self.pattern is None or other.pattern is None:
            return NEVER
        joined = " and ".join(part for part in (self.pattern, other.pattern) if part)
        return Condition(joined, self.maybe or other.maybe)


ALWAYS, NEVER, MAYBE = Condition(), Condition(None), Condition("", True)
Sets = Mapping[str, Any]


def match_of(match: Any, case: Case, sets: Sets) -> Condition:
    """One match of a rule."""
    if not isinstance(match, dict) or not {"left", "right"} <= match.keys():
        raise StrangeError("not a match", "match")
    operator, left, right = match.get("op", "=="), match["left"], match["right"]
    if operator not in (*OPERATORS, "in"):
        raise StrangeError(f"the operator {str(operator)[:40]!r}", "match", "op")
    return compare(left, operator, right, case, sets)


def compare(left: Any, operator: str, right: Any, case: Case, sets: Sets) -> Condition:
    """A comparison; also the one that a key of a verdict map means."""
    if isinstance(left, dict) and len(left) == 1:
        (kind,) = left
        inner = left[kind]
        if kind == "meta" and isinstance(inner, dict):
            return meta(str(inner.get("key")), operator, right, case, sets)
        if kind == "payload" and isinstance(inner, dict):
            return whole(payload(inner, None, operator, right, sets, case.lowered), inner, case)
        if kind == "ct" and isinstance(inner, dict) and inner.get("key") == "state":
            return state(operator, right, case)
        if kind == "&" and isinstance(inner, list) and len(inner) == 2 and isinstance(inner[0], dict):
            field = inner[0].get("payload")
            if isinstance(field, dict):
                return whole(payload(field, inner[1], operator, right, sets, 0), field, case)
    raise StrangeError("this is not compared here", "match", "left")


def whole(found: Condition, inner: dict[str, Any], case: Case) -> Condition:
    """What a match on a transport header says of a later fragment: where datagrams are put together first, it is
    about bytes that are not seen; elsewhere some kernels take the fragment's own bytes for a header, others do not."""
    return MAYBE if case.state == "piece" and inner.get("protocol") not in ("ip", "ip6") else found


def values(right: Any, sets: Sets) -> list[Any]:
    """What is compared with: one value, or the elements of a set. Those of a set with time-outs are as they are now."""
    if isinstance(right, str) and right.startswith("@"):
        if right[1:] not in sets:
            raise StrangeError(f"there is no set {right[:40]!r}", "match", "right")
        right = {"set": sets[right[1:]]}
    if isinstance(right, dict) and isinstance(right.get("set"), list):
        found = []
        for one in right["set"]:
            inner = one.get("elem") if isinstance(one, dict) else None
            found.append(inner["val"] if isinstance(inner, dict) and "val" in inner else one)
        return found
    return list(right) if isinstance(right, list) else [right]


def any_of(tests: list[str], operator: str) -> Condition:
    """Packets for which one of the tests holds; with != those for which none does."""
    if operator == "!=":
        return Condition("not (" + " or ".join(tests) + ")" if tests else "")
    if not tests:
        return NEVER
    return Condition(tests[0] if len(tests) == 1 else "(" + " or ".join(tests) + ")")


def meta(key: str, operator: str, right: Any, case: Case, sets: Sets) -> Condition:
    """Interfaces, protocols."""
    if key in ("iifname", "oifname", "iif", "oif"):
        own = case.iif if key.startswith("i") else case.oif
        if operator not in ("==", "!="):
            raise StrangeError("interfaces are only equal or not", "match", "op")
        if own is None:
            return MAYBE
        names = [str(name) for name in values(right, sets)]
        found = any(own == name or (name.endswith("*") and own.startswith(name[:-1])) for name in names)
        return ALWAYS if found == (operator == "==") else NEVER
    if key == "l4proto":
        return protocol(operator, right, sets)
    if key in ("nfproto", "protocol"):
        found = any(name in ("ipv4", "ip") for name in values(right, sets))
        return ALWAYS if found == (operator != "!=") else NEVER
    raise StrangeError(f"meta {key[:40]!r} is not compared here", "match", "left")


def protocol(operator: str, right: Any, sets: Sets) -> Condition:
    numbers = [number(one, 255, PROTOCOLS) for one in values(right, sets)]
    if operator not in ("==", "!="):
        raise StrangeError("protocols are only equal or not", "match", "op")
    return any_of([f"ip proto {one}" for one in numbers], operator)


def number(given: Any, highest: int, names: Mapping[str, int]) -> int:
    """A number, or a name for one."""
    if isinstance(given, str) and given in names:
        return names[given]
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= highest:
        return given
    raise StrangeError(
        f"{str(given)[:40]!r} is no number up to {highest}, and no name for one", "match", "right"
    )


def payload(
    inner: dict[str, Any], mask: Any, operator: str, right: Any, sets: Sets, lowered: int
) -> Condition:
    """Fields of headers; `lowered`: how much less than the packet's time to live is compared."""
    proto, name = inner.get("protocol"), inner.get("field")
    if mask is not None and (proto, name) != ("tcp", "flags"):
        raise StrangeError("a masked field", "match", "left")
    match proto, name:
        case "ip", "saddr" | "daddr":
            side = "src" if name == "saddr" else "dst"
            if operator not in ("==", "!="):
                raise StrangeError("addresses are only equal or not", "match", "op")
            tests = [test for one in values(right, sets) for test in addresses(side, one)]
            return any_of(tests, operator)
        case "ip", "protocol":
            return protocol(operator, right, sets)
        case "ip", "version":
            return ALWAYS if (right == 4) == (operator != "!=") else NEVER
        case "ip", "ttl":
            return numeric("ip ttl", operator, right, 255, {}, sets, lowered)
        case "ip", "dscp":
            return numeric(
                "ip dscp", operator, right, 63, {f"cs{n}": 8 * n for n in range(8)} | {"ef": 46}, sets
            )
        case "tcp" | "udp", "sport" | "dport":
            side = "src" if name == "sport" else "dst"
            return numeric(f"{proto} {side} port", operator, right, 65535, PORTS, sets)
        case "th", "sport" | "dport":
            return numeric(f"transp[{0 if name == 'sport' else 2}:2]", operator, right, 65535, PORTS, sets)
        case "icmp", "type":
            return numeric("icmp[0:1]", operator, right, 255, ICMP, sets)
        case "icmp", "code":
            return numeric("icmp[1:1]", operator, right, 255, {}, sets)
        case "tcp", "flags":
            return flags(mask, operator, right)
        case "ip6" | "icmpv6", _:
            return NEVER
    raise StrangeError(f"{str(proto)[:20]} {str(name)[:20]} is not compared here", "match", "left")


def addresses(side: str, given: Any) -> list[str]:
    """Tests for an address, a prefix or a range."""
    try:
        if isinstance(given, str):
            prefix = parse_prefix(given)
            found = [prefix]
        elif isinstance(given, dict) and isinstance(given.get("prefix"), dict):
            inner = given["prefix"]
            found = [parse_prefix(f"{inner.get('addr')}/{inner.get('len')}")]
        elif isinstance(given, dict) and isinstance(given.get("range"), list) and len(given["range"]) == 2:
            low, high = (parse_address(str(end)) for end in given["range"])
            found = prefixes(low, high)
        else:
            raise ValueError(f"{str(given)[:60]!r} is not an address")
    except ValueError as error:
        raise StrangeError(str(error), "match", "right") from None
    return [address_test(side, prefix) for prefix in found]


def address_test(side: str, prefix: Prefix) -> str:
    """The addresses of a prefix."""
    if prefix.length == 32:
        return f"{side} host {format_address(prefix.address)}"
    return f"{side} net {prefix}" if prefix.length else "true"


def numeric(
    field: str,
    operator: str,
    right: Any,
    highest: int,
    names: Mapping[str, int],
    sets: Sets,
    lowered: int = 0,
) -> Condition:
    """A field, `lowered` by so much, with a number, a range or a set of them; it has to be there, also for `!=`."""
    bounds = []
    for one in values(right, sets):
        if isinstance(one, dict) and isinstance(one.get("range"), list) and len(one["range"]) == 2:
            low, high = (number(end, highest, names) for end in one["range"])
        else:
            low = high = number(one, highest, names)
        bounds.append((low, high))
    if operator not in ("==", "!=", "in"):
        if len(bounds) != 1 or bounds[0][0] != bounds[0][1]:
            raise StrangeError("an order with a set", "match", "op")
        value = bounds[0][0]
        spans = {"<": (0, value - 1), "<=": (0, value), ">": (value + 1, highest), ">=": (value, highest)}
        low, high = spans[operator]
        bounds = [(low, high)] if low <= high else []
    if operator == "!=":
        left = [(0, highest)]
        for low, high in sorted(bounds):
            last = left.pop() if left else (1, 0)
            left += [
                part for part in ((last[0], low - 1), (max(high + 1, last[0]), last[1])) if part[0] <= part[1]
            ]
        bounds = left
    bounds = [
        (low + lowered, min(high + lowered, highest)) for low, high in bounds if low + lowered <= highest
    ]
    tests = [between(field, low, high, highest) for low, high in bounds]
    return any_of(tests, "==")


def between(field: str, low: int, high: int, highest: int) -> str:
    """A test that a field is there and in a range."""
    if low == high:
        return f"{field} = {low}"
    if low == 0:
        return f"({field} = 0 or {field} > 0)" if high == highest else f"{field} <= {high}"
    return f"{field} >= {low}" if high == highest else f"({field} >= {low} and {field} <= {high})"


def flags(mask: Any, operator: str, right: Any) -> Condition:
    """TCP flags: all, those under a mask, or any of some."""

    def bits(given: Any) -> int:
        total = 0
        for one in given if isinstance(given, list) else [given]:
            if isinstance(one, dict) and isinstance(one.get("|"), list):
                total |= bits(one["|"])
            elif one == 0 and not isinstance(one, bool):
                continue
            else:
                total |= number(one, 255, FLAGS)
        return total

    field = "tcp[13:1]"
    if operator == "in":
        return Condition(f"{field} & {bits(right):#x} > 0") if bits(right) else NEVER
    if operator not in ("==", "!="):
        raise StrangeError("flags are only equal or not", "match", "op")
    under = 255 if mask is None else bits(mask)
    if not under:
        raise StrangeError("a mask without flags", "match", "left")
    return Condition(f"{field} & {under:#x} {OPERATORS[operator]} {bits(right)}")


def state(operator: str, right: Any, case: Case) -> Condition:
    """What connection tracking knows."""
    names = {str(one) for one in values(right, {})}
    if not names <= STATES or operator not in ("==", "!=", "in"):
        raise StrangeError("a state that is not known", "match", "right")
    if operator == "!=":
        names = STATES - names
    if not case.tracked:
        if case.tracked is None and names != STATES:
            return MAYBE
        return ALWAYS if "invalid" in names else NEVER
    match case.state:
        case "first":
            if {"new", "invalid"} <= names:
                return ALWAYS
            return (
                Condition(BEGINS)
                if "new" in names
                else Condition(f"not {BEGINS}")
                if "invalid" in names
                else NEVER
            )
        case "again":
            both = {"new", "established"} & names
            return ALWAYS if len(both) == 2 else MAYBE if both else NEVER
        case "reply":
            return ALWAYS if "established" in names else NEVER
        case "invalid":
            return ALWAYS if "invalid" in names else NEVER
    return ALWAYS if names == STATES else MAYBE


def negated(condition: Condition) -> Condition:
    """Packets that do not match; for `maybe`, that may not."""
    if condition.maybe:
        return MAYBE
    if condition.pattern is None:
        return ALWAYS
    return Condition(f"not ({condition.pattern})") if condition.pattern else NEVER


__all__ = ["ALWAYS", "NEVER", "Case", "Condition", "StrangeError", "compare", "match_of", "negated"]
