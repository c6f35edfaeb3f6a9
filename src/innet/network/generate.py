"""Networks of any size for benchmarks: seeded, so that the same call gives the same network; linear in their size.

Shape: internet, a border router, a firewall (stateful, with address translation for clients), and under it a tree of
routers with fan-out 8 whose leaves are sites. A site has a subnet of clients; every tenth box of the network is a
platform, hung on a site. Routers carry one route for each child's subtree, a default route up, a ring between
neighbouring leaves, and a few odd longer routes. Some links to the clients pass a middlebox.

Addresses: site i has clients 10.x.y.0/24 (i as x.y) and public platform pools from 20.0.0.0/8 (64 addresses a site);
links are numbered from 100.64.0.0/10.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType

from innet.diagnostics import Source
from innet.network.addresses import Prefix, format_address, format_mac
from innet.network.load import load
from innet.network.model import (
    DROP,
    SELF,
    Capacity,
    Clients,
    End,
    Host,
    Interface,
    Internet,
    Link,
    Middlebox,
    Node,
    Operator,
    Platform,
    Route,
    Router,
    Switch,
)
from innet.network.snapshot import Snapshot

FAN_OUT = 8
CLIENTS = Prefix(0x0A00_0000, 8)
POOLS = Prefix(0x1400_0000, 8)
LINKS = 0x6440_0000
PUBLIC = 0xC000_0201
"""The address that clients leave with: 192.0.2.1."""

MAX_BOXES = 150_000
"""Site numbers have 16 bits."""

FIREWALL = """\
nat :: IPRewriter(pattern 192.0.2.1 1024-65535 - - 0 1, drop);
to_outside :: ToDevice(outside);
to_inside :: ToDevice(inside);
FromDevice(inside) -> Classifier(12/0800) -> CheckIPHeader(14)
  -> leaving :: IPFilter(0 src net 20.0.0.0/8, 1 src net 10.0.0.0/8 and (tcp or udp), deny all);
leaving [0] -> to_outside;
leaving [1] -> [0] nat;
nat [0] -> to_outside;
FromDevice(outside) -> Classifier(12/0800) -> CheckIPHeader(14)
  -> arriving :: IPFilter(deny src net 10.0.0.0/8 or src net 20.0.0.0/8 or src net 192.0.2.0/24,
                          0 dst net 20.0.0.0/8, 1 dst host 192.0.2.1 and (tcp or udp), deny all);
arriving [0] -> to_inside;
arriving [1] -> [1] nat;
nat [1] -> to_inside;
"""

METER = """\
down :: ToDevice(down);
up :: ToDevice(up);
FromDevice(up) -> pages :: IPClassifier(tcp src port 80, -);
pages [0] -> Counter -> down;
pages [1] -> Counter -> down;
FromDevice(down) -> Counter -> up;
"""

FILTER = """\
down :: ToDevice(down);
up :: ToDevice(up);
FromDevice(up) -> Classifier(12/0800) -> IPFilter(deny tcp dst port 23 or tcp dst port 25, allow all) -> down;
FromDevice(down) -> Classifier(12/0800) -> IPFilter(deny tcp dst port 25, allow all) -> up;
"""

BOXES = {"meter.click": METER, "filter.click": FILTER}


@dataclass
class _RouterDraft:
    """A router while its interfaces and routes are being collected."""

    name: str
    interfaces: dict[str, Interface] = field(default_factory=dict)
    routes: dict[Prefix, Route] = field(default_factory=dict)


class _Draft:
    """The network while it grows."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.routers: dict[str, _RouterDraft] = {}
        self.others: dict[str, Node] = {}
        self.links: list[Link] = []
        self.next_link = LINKS

    @property
    def boxes(self) -> int:
        return len(self.routers) + len(self.others)

    def router(self, name: str) -> _RouterDraft:
        return self.routers.setdefault(name, _RouterDraft(name))

    def subnet(self) -> tuple[int, int]:
        """Two addresses of a new /30."""
        self.next_link += 4
        return self.next_link - 3, self.next_link - 2

    def wire(self, a: End, b: End) -> None:
        self.links.append(Link(a, b))

    def join(self, a: _RouterDraft, port_a: str, b: _RouterDraft, port_b: str) -> None:
        """Link two routers by new interfaces."""
        first, second = self.subnet()
        a.interfaces[port_a] = Interface(port_a, first, 30)
        b.interfaces[port_b] = Interface(port_b, second, 30)
        self.wire(End(a.name, port_a), End(b.name, port_b))

    def snapshot(self) -> Snapshot:
        nodes: dict[str, Node] = {}
        for draft in self.routers.values():
            interfaces = MappingProxyType(draft.interfaces)
            routes = tuple(draft.routes.values())
            nodes[draft.name] = Router(name=draft.name, interfaces=interfaces, routes=routes)
        nodes.update(self.others)
        operator = Operator((CLIENTS, POOLS, Prefix(PUBLIC & ~255, 24)), ingress_filtering=True)
        return Snapshot(MappingProxyType(nodes), tuple(self.links), operator, "generated")


def _ports(*names: str) -> Mapping[str, Interface]:
    return MappingProxyType({name: Interface(name) for name in names})


def operator_network(boxes: int, seed: int = 1) -> Snapshot:
    """A network with exactly `boxes` nodes (8 to 150,000), one in ten of them a platform (at least one).

    `ValueError` for another number of boxes.
    """
    if not 8 <= boxes <= MAX_BOXES:
        raise ValueError(f"{boxes} boxes: a generated network has 8 to {MAX_BOXES:,}")
    draft = _Draft(seed)
    platforms = max(1, boxes // 10)
    middleboxes = boxes // 20
    sites = _sites(boxes - platforms - middleboxes)
    _edge(draft)
    leaves = _tree(draft, sites)
    for number in range(platforms):
        _platform(draft, leaves, number)
    for site, leaf in enumerate(leaves):
        _homes(draft, leaf, site, with_box=site < middleboxes)
    number = 0
    while draft.boxes < boxes:
        leaf = leaves[number % len(leaves)]
        mine, theirs = draft.subnet()
        port = f"host{number // len(leaves)}"
        name = f"server{number}"
        leaf.interfaces[port] = Interface(port, mine, 30)
        nic = Interface("nic", theirs, 30)
        draft.others[name] = Host(name=name, interfaces=MappingProxyType({"nic": nic}))
        draft.wire(End(leaf.name, port), End(name, "nic"))
        number += 1
    return draft.snapshot()


def _sites(boxes: int) -> int:
    """How many sites fit into `boxes`, with internet, border, firewall and the routers above the sites."""
    sites = max(1, (boxes - 3) * 7 // 15)
    while sites > 1 and 3 + _inner(sites) + 2 * sites > boxes:
        sites -= 1
    return sites


def _inner(sites: int) -> int:
    """Routers above the sites."""
    inner = 0
    while sites > 1:
        sites = -(-sites // FAN_OUT)
        inner += sites
    return inner


def _edge(draft: _Draft) -> None:
    """Internet, border, firewall; the firewall's inside is linked by `_tree`."""
    border = draft.router("border")
    border.interfaces["out"] = Interface("out", 0xCB00_7101, 30)
    net = Interface("net", 0xCB00_7102, 30)
    draft.others["internet"] = Internet(name="internet", interfaces=MappingProxyType({"net": net}))
    ports = _ports("outside", "inside")
    draft.others["firewall"] = Middlebox(
        name="firewall", interfaces=ports, click="firewall.click", text=FIREWALL
    )
    draft.wire(End("internet", "net"), End("border", "out"))
    for prefix, output in (
        (Prefix(0, 0), ("out",)),
        (CLIENTS, DROP),
        (POOLS, ("inside",)),
        (Prefix(PUBLIC & ~255, 24), DROP),
        (Prefix(PUBLIC, 32), ("inside",)),
    ):
        border.routes[prefix] = Route(prefix, output)


def _tree(draft: _Draft, sites: int) -> list[_RouterDraft]:
    """The routers: leaves first, then level by level their parents, up to one that hangs on the firewall."""
    leaves = [draft.router(f"site{n}") for n in range(sites)]
    for n in range(0, sites - 1, 2):  # neighbours reach each other directly: rings over the tree
        draft.join(leaves[n], "right", leaves[n + 1], "left")
        for a, port, other in ((leaves[n], "right", n + 1), (leaves[n + 1], "left", n)):
            prefix = _clients(other, 0)
            a.routes[prefix] = Route(prefix, (port,))
    level, below = 0, leaves
    while len(below) > 1:
        above = []
        for n in range(-(-len(below) // FAN_OUT)):
            parent = draft.router(f"level{level + 1}-{n}")
            above.append(parent)
            for k, child in enumerate(below[n * FAN_OUT : (n + 1) * FAN_OUT]):
                draft.join(parent, f"down{k}", child, "up")
                child.routes[Prefix(0, 0)] = Route(Prefix(0, 0), ("up",))
                for prefix in (_clients(n * FAN_OUT + k, level), _pools(n * FAN_OUT + k, level)):
                    parent.routes[prefix] = Route(prefix, (f"down{k}",))
            port = f"down{draft.random.randrange(len(below[n * FAN_OUT : (n + 1) * FAN_OUT]))}"
            odd = Prefix(0x2D00_0000 | draft.random.randrange(1 << 16) << 8, 24)
            parent.routes[odd] = Route(odd, DROP if draft.random.random() < 0.5 else (port,))
        level, below = level + 1, above
    root, border = below[0], draft.router("border")
    first, second = draft.subnet()
    border.interfaces["inside"] = Interface("inside", first, 30)
    root.interfaces["up"] = Interface("up", second, 30)
    root.routes[Prefix(0, 0)] = Route(Prefix(0, 0), ("up",))
    draft.wire(End("border", "inside"), End("firewall", "outside"))
    draft.wire(End("firewall", "inside"), End(root.name, "up"))
    return leaves


def _clients(index: int, level: int) -> Prefix:
    """The clients of the subtree `index` of a level: 256 addresses a site."""
    bits = min(8 + 3 * level, 24)
    return Prefix(CLIENTS.address + (index << bits), 32 - bits)


def _pools(index: int, level: int) -> Prefix:
    """The platform pools of a subtree: 64 addresses a site."""
    bits = 6 + 3 * level
    return Prefix(POOLS.address + (index << bits), 32 - bits)


def _platform(draft: _Draft, leaves: list[_RouterDraft], number: int) -> None:
    """Platform `number`, on a site of its own as long as there are sites; every fourth has a private pool."""
    site = number % len(leaves)
    leaf, turn = leaves[site], number // len(leaves)
    mine, theirs = draft.subnet()
    port, name = f"platform{turn}", f"platform{number}"
    leaf.interfaces[port] = Interface(port, mine, 30)
    nic = Interface("nic", theirs, 30)
    pool = Prefix(_pools(site, 0).address + turn * 16, 28)
    if number % 4 == 3:
        pool = Prefix(0xC0A8_0000 + (number // 4 % 4096 << 4), 28)
    draft.others[name] = Platform(
        name=name,
        interfaces=MappingProxyType({"nic": nic}),
        pools=(pool,),
        capacity=Capacity(draft.random.randrange(100, 1001), 4 << 30),
    )
    draft.wire(End(leaf.name, port), End(name, "nic"))


def _homes(draft: _Draft, leaf: _RouterDraft, site: int, with_box: bool) -> None:
    """The clients of a site, behind a middlebox if `with_box`."""
    subnet = _clients(site, 0)
    name = f"homes{site}"
    leaf.interfaces["homes"] = Interface("homes", subnet.high - 1, 24)
    lan = Interface("lan", subnet.low + 1, 24)
    draft.others[name] = Clients(name=name, interfaces=MappingProxyType({"lan": lan}))
    if not with_box:
        draft.wire(End(leaf.name, "homes"), End(name, "lan"))
        return
    box = f"box{site}"
    click = draft.random.choice(tuple(BOXES))
    draft.others[box] = Middlebox(name=box, interfaces=_ports("up", "down"), click=click, text=BOXES[click])
    draft.wire(End(leaf.name, "homes"), End(box, "up"))
    draft.wire(End(box, "down"), End(name, "lan"))


def write(snapshot: Snapshot) -> tuple[str, dict[str, str]]:
    """The snapshot as a network file, and its Click files by name; `load` gives an equal snapshot back."""
    lines = ["nodes:"]
    files: dict[str, str] = {}
    for node in snapshot.nodes.values():
        parts = [f"kind: {node.kind.value}"]
        parts.append("interfaces: {" + ", ".join(_interface(i) for i in node.interfaces.values()) + "}")
        match node:
            case Router():
                routes = ", ".join(f"{route.prefix}: {_output(route)}" for route in node.routes)
                parts.append(f"routes: {{{routes}}}")
            case Switch():
                table = ", ".join(f"'{format_mac(mac)}': {name}" for mac, name in node.table.items())
                parts.append(f"table: {{{table}}}")
            case Middlebox():
                parts.append(f"click: {node.click}")
                files[node.click] = node.text
            case Platform():
                parts.append(f"pool: [{', '.join(map(str, node.pools))}]")
                limits = {"modules": node.capacity.modules, "memory": node.capacity.memory}
                known = ", ".join(f"{name}: {value}" for name, value in limits.items() if value is not None)
                parts.append(f"capacity: {{{known}}}")
            case _:
                pass
        lines.append(f"  {node.name}: {{{', '.join(parts)}}}")
    lines.append("links:")
    lines += [f"  - ['{link.a}', '{link.b}']" for link in snapshot.links]
    operator = snapshot.operator
    prefixes = ", ".join(map(str, operator.prefixes))
    filtering = "true" if operator.ingress_filtering else "false"
    connectionless = "allowed" if operator.connectionless else "banned"
    lines.append(
        f"operator: {{prefixes: [{prefixes}], ingress_filtering: {filtering}, connectionless: {connectionless}}}"
    )
    return "\n".join(lines) + "\n", files


def _interface(interface: Interface) -> str:
    address = f"{format_address(interface.address or 0)}/{interface.length}"
    if interface.mac is not None:
        known = "" if interface.address is None else f"address: {address}, "
        return f"{interface.name}: {{{known}mac: '{format_mac(interface.mac)}'}}"
    return f"{interface.name}: {{}}" if interface.address is None else f"{interface.name}: {address}"


def _output(route: Route) -> str:
    if route.output == DROP:
        return "drop"
    if route.output == SELF:
        return "self"
    if route.via is not None:
        return f"{route.output[0]} via {format_address(route.via)}"
    return route.output[0] if len(route.output) == 1 else "[" + ", ".join(route.output) + "]"


def reload(snapshot: Snapshot) -> Snapshot:
    """The snapshot written and read again: for tests and benchmarks of reading."""
    text, files = write(snapshot)
    return load(Source("generated.yaml", text), files.__getitem__)
