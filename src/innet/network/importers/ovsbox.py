"""A bridge with OpenFlow rules as Click text: for each port the flows that its packets may match, table by table.

Proofs follow IPv4, and ARP passes too; frames of other types are dropped. Ports of a packet are zero for a later
fragment, or where the header is cut off, as Open vSwitch takes them. `NORMAL` is one learning bridge for all flows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from innet.diagnostics import Span
from innet.network.addresses import FULL, format_address, format_mac
from innet.network.importers.stations import clean

SET_PORTS = """\
elementprogram SetSourcePort(PORT port) {
  outputs 1
  if ip.proto == 6 and ip.off & 0x1fff == 0 and has transport[0+20] { tcp.sport = PORT updating tcp.sum }
  if ip.proto == 17 and ip.off & 0x1fff == 0 and has transport[0+8] { udp.sport = PORT updating udp.sum }
  emit 0
}
elementprogram SetDestinationPort(PORT port) {
  outputs 1
  if ip.proto == 6 and ip.off & 0x1fff == 0 and has transport[0+20] { tcp.dport = PORT updating tcp.sum }
  if ip.proto == 17 and ip.off & 0x1fff == 0 and has transport[0+8] { udp.dport = PORT updating udp.sum }
  emit 0
}
"""
FIRST_TABLE = 0
NO_VLAN = 0xFFFF
ARP_FIELDS = {"dl_dst": (0, 6), "dl_src": (6, 6), "nw_proto": (20, 2), "nw_src": (28, 4), "nw_dst": (38, 4)}
"""Where fields stand in an ARP frame, and how long they are."""
TRANSPORT = {
    "tp_src": "[0:2]", "tp_dst": "[2:2]", "icmp_type": "[0:1]", "icmp_code": "[1:1]", "tcp_flags": "[12:2]",
}  # fmt: skip
"""Where fields stand in the transport header, and how long they are."""
WHOLE_HEADER = {
    kind: f"({kind}[{last}:1] > 0 or {kind}[{last}:1] = 0)"
    for kind, last in (("tcp", 19), ("udp", 7), ("icmp", 7))
}
"""Whether the last byte of the header is there: Open vSwitch reads nothing of one that is cut off."""
FRAGMENT_TESTS = {
    "no": "ip[6:2] & 0x3fff = 0",
    "first": "ip[6:2] & 0x3fff = 0x2000",
    "later": "ip[6:2] & 0x1fff > 0",
    "yes": "ip[6:2] & 0x3fff > 0",
    "not_later": "ip[6:2] & 0x1fff = 0",
}


@dataclass(slots=True)
class Flow:
    """One flow. `fields`: name to (value, mask); actions: (name, argument, place)."""

    span: Span
    table: int = 0
    priority: int = 32768
    in_port: str | None = None
    fields: dict[str, tuple[int, int]] = field(default_factory=dict)
    fragment: str = ""
    actions: list[tuple[str, str, Span]] = field(default_factory=list)

    @property
    def family(self) -> str:
        """`ip`, `arp`, `any` for both, or `other`: nothing that is followed matches it."""
        for name in ("dl_vlan", "dl_vlan_pcp", "vlan_tci", "vlan_vid"):
            value, mask = self.fields.get(name, (0, 0))
            tagged = mask if name in ("dl_vlan", "dl_vlan_pcp") else value & mask
            if tagged and not (name == "dl_vlan" and value == NO_VLAN):
                return "other"  # frames with a tag are not followed; `dl_vlan=0` is a tag too
        kind, mask = self.fields.get("dl_type", (0, 0))
        if mask == 0:
            return "any"
        found = {value: name for value, name in ((0x0800, "ip"), (0x0806, "arp")) if value & mask == kind}
        return "any" if len(found) == 2 else next(iter(found.values()), "other")

    @property
    def does(self) -> list[tuple[str, str]]:
        """What it does, to be compared."""
        return [(name, value) for name, value, _ in self.actions if name != "drop"]

    def meets(self, other: "Flow") -> bool:
        """Whether one packet may match both. Fragments are not looked into: they may."""
        if self.in_port is not None and other.in_port is not None and self.in_port != other.in_port:
            return False
        for name, (value, mask) in self.fields.items():
            its, its_mask = other.fields.get(name, (0, 0))
            if (value ^ its) & mask & its_mask:
                return False
        families = {self.family, other.family}
        return "other" not in families and families != {"ip", "arp"}


def box_text(name: str, flows: Sequence[Flow], ports: Sequence[str]) -> str:
    """The Click text for a bridge with these ports, by their names in the network."""
    return _Box(name, flows, ports).text()


class _Box:
    def __init__(self, name: str, flows: Sequence[Flow], ports: Sequence[str]) -> None:
        self.name, self.flows = name, flows
        self.ports = list(dict.fromkeys(clean(port) for port in ports))
        self.number = {port: n for n, port in enumerate(self.ports)}
        self.declared: list[str] = []
        self.lines: list[str] = []
        self.made: set[tuple[int, int, str]] = set()
        self.work: list[tuple[int, int, str]] = []
        self.count = 0
        self.bridged: set[int] = set()

    def text(self) -> str:
        out = [f"// Open vSwitch bridge {self.name}"]
        if any(name in ("tp_src", "tp_dst") for flow in self.flows for name, _, _ in flow.actions):
            out.append(SET_PORTS)
        for n, port in enumerate(self.ports):
            self.declared.append(f"Idle -> to{n} :: ToDevice({port});")
            self.lines.append(f"FromDevice({port}) -> in{n} :: Classifier(12/0806, 12/0800);")
            for output, family in enumerate(("arp", "ip")):
                self.lines.append(f"in{n} [{output}] -> {self.table(FIRST_TABLE, n, family)};")
        while self.work:
            self.lines += self.rules(*self.work.pop())
        if self.bridged:
            self.declared.append("bridge :: EtherSwitch;")
            for n in range(len(self.ports)):
                self.lines.append(f"bridge [{n}] -> to{n};")
                if n not in self.bridged:
                    self.lines.append(f"Idle -> [{n}] bridge;")
        return "\n".join((*out, *self.declared, *self.lines)) + "\n"

    def table(self, table: int, port: int, family: str) -> str:
        """The element that decides in a table about packets that came by a port."""
        key = (table, port, family)
        if key not in self.made:
            self.made.add(key)
            self.work.append(key)
        return f"t{table}_{port}_{family}"

    def rules(self, table: int, port: int, family: str) -> Iterator[str]:
        mine = [
            flow
            for flow in self.flows
            if flow.table == table
            and flow.family in (family, "any")
            and (flow.in_port is None or self.number[clean(flow.in_port)] == port)
        ]
        name = f"t{table}_{port}_{family}"
        patterns = [arp_pattern(flow) if family == "arp" else ip_pattern(flow) for flow in mine]
        if not mine:
            self.declared.append(f"{name} :: Discard;")
        elif family == "arp":
            rows = [pattern or "-" for pattern in patterns]
            self.declared.append(f"{name} :: Classifier(\n  " + ",\n  ".join(rows) + ");")
        else:
            rows = [f"{n} {pattern or 'all'}" for n, pattern in enumerate(patterns)]
            self.declared.append(f"{name} :: IPFilter(\n  " + ",\n  ".join(rows) + ");")
        for n, flow in enumerate(mine):
            yield from self.acts(f"{name} [{n}]", flow, port, family)

    def acts(self, source: str, flow: Flow, port: int, family: str) -> Iterator[str]:
        """What happens to packets of a flow, action by action: copies leave as they are at that moment."""
        steps: list[tuple[str, str]] = []
        for name, value, _ in flow.actions:
            if name in ("output", "local", "in_port", "flood", "all", "normal", "goto_table"):
                steps += [("to", target) for target in self.targets(name, value, port, family)]
            else:
                element = rewrite(name, value, family)
                steps += [("through", element)] if element else []
        while steps and steps[-1][0] == "through":
            steps.pop()
        for n, (kind, what) in enumerate(steps):
            last = n + 1 == len(steps)
            self.count += 1
            if kind == "through":
                yield f"{source} -> a{self.count} :: {what};"
                source = f"a{self.count}"
            elif last:
                yield f"{source} -> {what};"
            else:
                yield f"{source} -> a{self.count} :: Tee(2);"
                yield f"a{self.count} [0] -> {what};"
                source = f"a{self.count} [1]"
        if not steps:
            yield f"{source} -> Discard;"

    def targets(self, name: str, value: str, port: int, family: str) -> list[str]:
        """Where an output leads; a packet does not leave by the port it came by unless that is said."""
        match name:
            case "output" | "local":
                number = self.number[clean(value if name == "output" else "local")]
                return [f"to{number}"] if number != port else []
            case "in_port":
                return [f"to{port}"]
            case "flood" | "all":
                return [f"to{n}" for n in range(len(self.ports)) if n != port]
            case "normal":
                if len(self.ports) < 2:
                    return []
                self.bridged.add(port)
                return [f"[{port}] bridge"]
        return [self.table(int(value), port, family)]


def rewrite(name: str, value: str, family: str) -> str:
    """The element that does an action; empty if it does nothing to such packets."""
    if name in ("dl_src", "dl_dst"):
        return f"StoreEtherAddress({value}, {name[3:]})"
    if family != "ip":
        return ""
    match name:
        case "nw_src" | "nw_dst":
            return f"StoreIPAddress({value}, {name[3:]})"
        case "tp_src":
            return f"SetSourcePort({value})"
        case "tp_dst":
            return f"SetDestinationPort({value})"
        case "nw_tos":
            return f"SetIPDSCP({int(value) >> 2})"
        case "nw_ecn":
            return f"SetIPECN({value})"
        case "dec_ttl":
            return "DecIPTTL"
    return ""


def ip_pattern(flow: Flow) -> str:
    """The match on IPv4 packets, in IPFilter's language; empty: all."""
    tests = []
    fields = flow.fields
    for name, side in (("dl_src", "src"), ("dl_dst", "dst")):
        value, mask = fields.get(name, (0, 0))
        if mask:
            tests.append(f"ether {side} & {format_mac(mask)} = {format_mac(value)}")
    for name, side in (("nw_src", "src"), ("nw_dst", "dst")):
        value, mask = fields.get(name, (0, 0))
        if mask == FULL:
            tests.append(f"{side} host {format_address(value)}")
        elif mask:
            tests.append(f"{side} net {format_address(value)} mask {format_address(mask)}")
    proto, mask = fields.get("nw_proto", (0, 0))
    if mask:
        tests.append(f"ip proto {proto}")
    for name, at in (("tos", "ip[1:1]"), ("ecn", "ip[1:1]"), ("nw_ttl", "ip[8:1]")):
        value, mask = fields.get(name, (0, 0))
        if mask:
            tests.append(f"{at} & {mask:#x} = {value}")
    kind = {1: "icmp", 6: "tcp", 17: "udp"}.get(proto, "")
    for name, at in TRANSPORT.items():
        value, mask = fields.get(name, (0, 0))
        if mask:
            test, whole = f"{kind}{at} & {mask:#x}", WHOLE_HEADER[kind]
            tests.append(f"{whole} and {test} = {value}" if value else f"not ({whole} and {test} > 0)")
    if flow.fragment:
        tests.append(FRAGMENT_TESTS[flow.fragment])
    return " and ".join(tests)


def arp_pattern(flow: Flow) -> str:
    """The match on ARP frames, in Classifier's language; empty: all."""
    clauses = []
    for name, (at, size) in ARP_FIELDS.items():
        value, mask = flow.fields.get(name, (0, 0))
        if name == "nw_proto" and mask:
            mask = 0xFFFF
        if mask:
            clauses.append(f"{at}/{value:0{2 * size}x}%{mask:0{2 * size}x}")
    return " ".join(clauses)
