"""Open vSwitch: `ovs-ofctl dump-flows BRIDGE` (all tables), read into flows.

Source: ovs-fields(7) and ovs-actions(7). Of two flows that match, the one with the higher priority counts; two of one
priority that may match the same packet and do different things are refused, since OpenFlow does not say which counts.
Counters and time-outs are passed over: the flows are those of the moment.
"""

import re
from collections.abc import Callable, Iterator

from innet.diagnostics import Source, Span
from innet.network.addresses import FULL, parse_address, parse_mac
from innet.network.importers.device import Device
from innet.network.importers.ovsbox import FRAGMENT_TESTS, Flow, box_text
from innet.network.importers.report import Report
from innet.network.importers.words import Line, Word, is_prompt, lines

STATISTICS = {
    "cookie", "duration", "n_packets", "n_bytes", "idle_timeout", "hard_timeout", "idle_age", "hard_age", "importance",
    "send_flow_rem", "check_overlap", "reset_counts", "no_packet_counts", "no_byte_counts",
}  # fmt: skip
TYPES = {
    "ip": (0x0800, None), "icmp": (0x0800, 1), "tcp": (0x0800, 6), "udp": (0x0800, 17), "sctp": (0x0800, 132),
    "arp": (0x0806, None), "rarp": (0x8035, None), "ipv6": (0x86DD, None), "tcp6": (0x86DD, 6), "udp6": (0x86DD, 17),
    "icmp6": (0x86DD, 58), "sctp6": (0x86DD, 132), "mpls": (0x8847, None), "mplsm": (0x8848, None),
}  # fmt: skip
ALIASES = {
    "eth_src": "dl_src", "eth_dst": "dl_dst", "eth_type": "dl_type", "ip_src": "nw_src", "ip_dst": "nw_dst",
    "ip_proto": "nw_proto", "tcp_src": "tp_src", "udp_src": "tp_src", "tcp_dst": "tp_dst", "udp_dst": "tp_dst",
    "nw_frag": "ip_frag", "icmpv4_type": "icmp_type", "icmpv4_code": "icmp_code", "arp_spa": "nw_src",
    "arp_tpa": "nw_dst", "arp_op": "nw_proto", "ip_ecn": "nw_ecn",
}  # fmt: skip
WIDTHS = {
    "dl_type": 16, "nw_proto": 8, "tp_src": 16, "tp_dst": 16, "icmp_type": 8, "icmp_code": 8, "nw_ttl": 8, "nw_ecn": 2,
    "dl_vlan": 16, "dl_vlan_pcp": 3, "vlan_tci": 16, "vlan_vid": 16,
}  # fmt: skip
FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ece": 64, "cwr": 128}
MAX_PAIRS = 4_000_000
"""Pairs of flows of one priority that are compared; beyond, the import says so and stops."""

_HEAD = re.compile(r"(?:NXST|OFPST)_FLOW reply ")
_SPLIT = re.compile(r"[^,\s]+")


class StrangeError(Exception):
    """A part of a flow that is not understood."""

    def __init__(self, span: Span, message: str, expected: str = "") -> None:
        super().__init__(message)
        self.span, self.message, self.expected = span, message, expected


def read_flows(source: Source, device: Device, report: Report) -> None:
    """The flows; the Click text is made of them when the ports are known that links name."""
    flows: list[Flow] = []
    for line in lines(source):
        if _HEAD.match(line.text) or is_prompt(line):
            continue
        try:
            flow = read_flow(line)
        except StrangeError as why:
            device.unknown(report, why.span, why.message, why.expected)
            continue
        flows.append(flow)
        for port, span in ports_of(flow):
            device.port(port, span)
    flows.sort(key=lambda flow: (flow.table, -flow.priority))
    _overlaps(flows, report)
    device.box = lambda ports: box_text(device.name, flows, ports)


def read_flow(line: Line) -> Flow:
    """One line; StrangeError where it is not understood."""
    head, sign, tail = line.text.partition("actions=")
    if not sign:
        raise StrangeError(line.span, "this line is not understood", "priority=N,MATCH actions=ACTIONS")
    flow = Flow(line.span)
    for match in _SPLIT.finditer(head):
        _match(flow, Word(match[0], line.span.part(match.start(), match.end())))
    flow.actions = list(_actions(tail, line.span.part(len(head) + len(sign), len(line.text))))
    _checked(flow)
    return flow


def _match(flow: Flow, word: Word) -> None:
    key, equals, value = word.text.partition("=")
    if key in STATISTICS:
        return
    name = ALIASES.get(key, key)
    if not equals:
        if key not in TYPES:
            raise StrangeError(word.span, f"'{key[:40]}' is not a match that is followed")
        kind, proto = TYPES[key]
        _put(flow, word, "dl_type", kind, 0xFFFF)
        if proto is not None:
            _put(flow, word, "nw_proto", proto, 0xFF)
        return
    match name:
        case "table":
            flow.table = _number(word, value, 8)
        case "priority":
            flow.priority = _number(word, value, 16)
        case "in_port":
            port = _port(word, value)
            flow.in_port = "local" if port == "LOCAL" else port
        case "dl_src" | "dl_dst":
            _put(flow, word, name, *_masked(word, value, parse_mac, (1 << 48) - 1))
        case "nw_src" | "nw_dst":
            address, slash, length = value.partition("/")
            if slash and length.isascii() and length.isdigit() and len(length) < 3 and int(length) <= 32:
                mask = FULL & ~(FULL >> int(length))
                _put(flow, word, name, _read(word, address, parse_address) & mask, mask)
            else:
                _put(flow, word, name, *_masked(word, value, parse_address, FULL))
        case "nw_tos":
            _put(flow, word, "tos", _number(word, value, 8) & 0xFC, 0xFC)
        case "ip_dscp":
            _put(flow, word, "tos", _number(word, value, 6) << 2, 0xFC)
        case "nw_ecn":
            _put(flow, word, "ecn", _number(word, value, 2), 3)
        case "ip_frag":
            if value not in FRAGMENT_TESTS:
                raise StrangeError(
                    word.span, f"'{value[:40]}' is not a kind of fragment", ", ".join(FRAGMENT_TESTS)
                )
            flow.fragment = value
        case "tcp_flags":
            _put(flow, word, "tcp_flags", *_flags(word, value))
        case _ if name in WIDTHS:
            width = WIDTHS[name]
            _put(flow, word, name, *_masked(word, value, lambda text: _plain(text, width), (1 << width) - 1))
        case _:
            raise StrangeError(word.span, f"'{key[:40]}' is not a match that is followed")


def _put(flow: Flow, word: Word, name: str, value: int, mask: int) -> None:
    before = flow.fields.get(name)
    if before is not None and before != (value & mask, mask):
        raise StrangeError(word.span, f"{name} is given twice")
    flow.fields[name] = value & mask, mask


def _plain(text: str, width: int) -> int:
    """A number, also in hexadecimal."""
    base = 16 if text.lower().startswith("0x") else 10
    if not text.isascii() or not text.replace("0x", "").isalnum() or len(text) > 20:
        raise ValueError(f"'{text[:40]}' is not a number")
    number = int(text, base)
    if number >= 1 << width:
        raise ValueError(f"{text} has more than {width} bits")
    return number


def _read(word: Word, text: str, parse: Callable[[str], int]) -> int:
    try:
        return parse(text)
    except ValueError as error:
        raise StrangeError(word.span, str(error)) from None


def _number(word: Word, text: str, width: int) -> int:
    return _read(word, text, lambda text: _plain(text, width))


def _masked(word: Word, text: str, parse: Callable[[str], int], full: int) -> tuple[int, int]:
    value, slash, mask = text.partition("/")
    return _read(word, value, parse), _read(word, mask, parse) if slash else full


def _flags(word: Word, text: str) -> tuple[int, int]:
    """`+syn-ack`, or a number with a mask."""
    if text[:1] not in "+-":
        return _masked(word, text, lambda text: _plain(text, 12), 0xFFF)
    value = mask = 0
    for sign, name in re.findall(r"([+-])(\w+)", text):
        if name not in FLAGS:
            raise StrangeError(
                word.span, f"'{name[:40]}' is not a TCP flag that is followed", ", ".join(FLAGS)
            )
        mask |= FLAGS[name]
        value |= FLAGS[name] if sign == "+" else 0
    return value, mask


def _port(word: Word, text: str) -> str:
    """A port's number or name."""
    name = text.strip('"')
    if not name or len(name) > 60:
        raise StrangeError(word.span, f"'{text[:40]}' is not a port", "a number or a name")
    return name


def _actions(text: str, span: Span) -> Iterator[tuple[str, str, Span]]:
    """(action, argument, place); commas inside parentheses do not part actions."""
    depth = start = 0
    for at, sign in enumerate(text + ","):
        if sign == "," and depth <= 0:
            word = text[start:at].strip()
            place = span.part(start, at)
            if word:
                yield _action(word, place)
            start = at + 1
        depth += (sign == "(") - (sign == ")")


OUTPUTS = {"normal", "flood", "all", "in_port", "local", "drop"}
EFFECTLESS = {"strip_vlan", "pop_vlan", "set_queue", "pop_queue", "note", "sample", "clear_actions"}
"""Actions that do nothing to an untagged packet, or nothing but to queue or count it."""
REWRITES = {
    "mod_dl_src": "dl_src", "mod_dl_dst": "dl_dst", "mod_nw_src": "nw_src", "mod_nw_dst": "nw_dst",
    "mod_tp_src": "tp_src", "mod_tp_dst": "tp_dst", "mod_nw_tos": "nw_tos", "mod_nw_ecn": "nw_ecn",
}  # fmt: skip


def _action(text: str, span: Span) -> tuple[str, str, Span]:
    """One action, checked."""
    name, colon, value = text.partition(":")
    lower = name.lower()
    word = Word(text, span)
    if not colon:
        if lower in OUTPUTS or lower in EFFECTLESS or lower == "dec_ttl":
            return lower, "", span
        if text.isascii() and text.isdigit():
            return "output", text, span
        inner = re.fullmatch(r"resubmit\(,(\d{1,3})\)", text)
        if inner is not None:
            return "goto_table", inner[1], span
        raise StrangeError(span, f"'{text[:40]}' is not an action that is followed")
    if lower == "output":
        if "[" in value or "(" in value:
            raise StrangeError(span, "an output that depends on the packet is not followed")
        port = _port(word, value)
        return "output", "local" if port == "LOCAL" else port, span
    if lower == "enqueue":
        return "output", _port(word, value.partition(":")[0]), span
    if lower == "goto_table":
        return "goto_table", str(_number(word, value, 8)), span
    if lower in EFFECTLESS:
        return lower, "", span
    if lower == "set_field":
        value, arrow, target = value.partition("->")
        if not arrow or "/" in value:
            raise StrangeError(span, "a field that is set in part is not followed", "set_field:VALUE->FIELD")
        field_name = ALIASES.get(target.strip(), target.strip())
        if field_name == "ip_dscp":
            return "nw_tos", str(_number(word, value, 6) << 2), span
    else:
        field_name = REWRITES.get(lower, "")
    match field_name:
        case "dl_src" | "dl_dst":
            _read(word, value, parse_mac)
        case "nw_src" | "nw_dst":
            _read(word, value, parse_address)
        case "tp_src" | "tp_dst":
            value = str(_number(word, value, 16))
        case "nw_tos":
            value = str(_number(word, value, 8) & 0xFC)
        case "nw_ecn":
            value = str(_number(word, value, 2))
        case _:
            raise StrangeError(span, f"'{text[:40]}' is not an action that is followed")
    return field_name, value, span


def _checked(flow: Flow) -> None:
    """What must hold of a whole flow."""
    for n, (name, value, span) in enumerate(flow.actions):
        if name == "goto_table":
            if n + 1 < len(flow.actions):
                raise StrangeError(span, "actions behind another table are not followed")
            if int(value) <= flow.table:
                raise StrangeError(span, "only a table with a higher number can come next")
    fields = flow.fields
    if flow.family == "any" and any(name.startswith(("nw_", "tp_", "icmp_", "tcp_")) for name in fields):
        raise StrangeError(flow.span, "a match on a header needs its type", "ip, arp, tcp, udp or icmp")
    wanted: tuple[int, ...]
    if "icmp_type" in fields or "icmp_code" in fields:
        wanted = (1,)
    elif "tp_src" in fields or "tp_dst" in fields:
        wanted = (6, 17)
    else:
        wanted = (6,) if "tcp_flags" in fields else ()
    proto = fields.get("nw_proto", (None, 0))[0]
    if wanted and flow.family == "ip" and proto not in wanted:
        raise StrangeError(
            flow.span, "ports are followed for TCP and UDP, types for ICMP", "tcp, udp or icmp"
        )


def ports_of(flow: Flow) -> Iterator[tuple[str, Span]]:
    """The ports that a flow names."""
    if flow.in_port is not None:
        yield flow.in_port, flow.span
    for name, value, span in flow.actions:
        if name == "output":
            yield value, span
        elif name == "local":
            yield "local", span


def _overlaps(flows: list[Flow], report: Report) -> None:
    """Refuse flows of one table and priority that may match one packet and differ in what they do."""
    pairs = 0
    start = 0
    for end in range(1, len(flows) + 1):
        if end < len(flows) and (flows[end].table, flows[end].priority) == (
            flows[start].table,
            flows[start].priority,
        ):
            continue
        group = flows[start:end]
        start = end
        pairs += len(group) * (len(group) - 1) // 2
        if pairs > MAX_PAIRS:
            report.error(group[0].span, f"too many flows of priority {group[0].priority} to compare")
            return
        for n, one in enumerate(group):
            for other in group[:n]:
                if one.meets(other) and one.does != other.does:
                    report.error(
                        one.span,
                        f"a flow of the same priority may match the same packets: {other.span}",
                        "priorities that differ",
                    )
                    break
