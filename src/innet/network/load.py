"""Reads a network file into a `Snapshot`. Every mistake of the text is reported at once, with its place.

The schema, key by key:

    nodes:                          NAME: {kind: …, …}; `client` and `module` are words of the policy language
      kind: internet                [interfaces]            at most one address an interface, needed by the emulation
      kind: router                  interfaces, [routes], [split_horizon: bool]
      kind: switch                  interfaces, [table: {ETHERNET ADDRESS: interface}]
      kind: middlebox               interfaces (no addresses), click: FILE
      kind: platform                interfaces, pool: PREFIX or [PREFIX, …], [capacity: {modules: N, memory: 4GiB}]
      kind: clients                 interfaces (with subnet)
      kind: host                    address: A/LEN (interface `nic`) or interfaces
        interfaces: {NAME: A/LEN}   or {} without address, or {address: A/LEN, mac: M}
        routes: {PREFIX: OUT}       OUT: interface, `interface via A`, a list of interfaces, `drop` or `self`
    links: [[END, END], …]          END: `node:interface`, or `node` if it has one interface or is bare
    operator: {prefixes: [PREFIX, …], ingress_filtering: bool, connectionless: allowed|banned}
"""

from collections.abc import Callable, Sequence
from types import MappingProxyType

from innet.diagnostics import PolicyError, Source
from innet.network.addresses import FULL, Prefix, parse_address, parse_interface, parse_mac, parse_prefix
from innet.network.check import check
from innet.network.model import (
    DROP,
    SELF,
    Capacity,
    Clients,
    End,
    Host,
    Interface,
    Internet,
    Kind,
    Link,
    Middlebox,
    Node,
    Operator,
    Platform,
    Route,
    Router,
    Switch,
)
from innet.network.reader import Reader, parse_count, parse_size, parse_switch
from innet.network.routetable import Outcome, RouteTable
from innet.network.snapshot import Snapshot
from innet.network.yamltree import Listing, Mapping, Rows, Scalar, Tree, describe, parse, value_tree

KEYS: dict[Kind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Kind.INTERNET: (("interfaces",), ()),
    Kind.ROUTER: (("interfaces", "routes", "split_horizon"), ("interfaces",)),
    Kind.SWITCH: (("interfaces", "table"), ("interfaces",)),
    Kind.MIDDLEBOX: (("interfaces", "click"), ("interfaces", "click")),
    Kind.PLATFORM: (("interfaces", "pool", "capacity"), ("interfaces", "pool")),
    Kind.CLIENTS: (("interfaces",), ("interfaces",)),
    Kind.HOST: (("interfaces", "address"), ()),
}
"""For each kind the keys it may have beside `kind`, and those it must."""

RESERVED = {"client": "the operator's clients", "module": "a module of a request"}
END = "a node, or node:interface"
OUT = "an interface, `interface via ADDRESS`, a list of interfaces, `drop` or `self`"
OCTETS = {str(n): n for n in range(256)}
LENGTHS = {str(n): n for n in range(33)}
"""The numbers of a prefix as they are written."""
PREFIX = "a prefix such as 10.0.0.0/8"
ADDRESS = "an address and its subnet's length, such as 10.0.0.1/30"


def load(source: Source, read: Callable[[str], str]) -> Snapshot:
    """The snapshot that a network file describes. `read` gives the text of a file named in it (a middlebox's Click
    file) or raises `OSError` or `UnicodeError`; names are passed as written.

    Raises `PolicyError` with every mistake found.
    """
    tree = parse(source, rows=True)
    loader = _Loader(read)
    snapshot = loader.snapshot(tree, source.name)
    check(snapshot, loader.reader)
    if loader.reader.problems:
        raise PolicyError(loader.reader.problems)
    return snapshot


class _Loader:
    """Carries the mistakes and the file reader through one load."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self.read = read
        self.reader = Reader()

    def snapshot(self, tree: Tree, name: str) -> Snapshot:
        reader = self.reader
        top = reader.mapping(tree, "a network file")
        if top is None:
            return Snapshot({})
        reader.keys(top, "a network file", ("nodes", "links", "operator"), ("nodes",))
        nodes: dict[str, Node] = {}
        broken: set[str] = set()
        found = reader.mapping(top.get("nodes"), "'nodes'")
        for key, value in found.pairs if found else ():
            node = self.node(key, value)
            if node is None:
                broken.add(key.text)
            else:
                nodes[key.text] = node
        links = self.links(top.get("links"), nodes, broken)
        operator = self.operator(top.get("operator"))
        return Snapshot(MappingProxyType(nodes), links, operator, name)

    def node(self, key: Scalar, tree: Tree) -> Node | None:
        reader = self.reader
        before = len(reader.problems)
        name, what = key.text, f"node '{key.text}'"
        reader.name(key, "a node")
        if name in RESERVED:
            message = f"'{name}' stands for {RESERVED[name]} in policies and cannot be a node"
            reader.problem("N108", message, key.span, help=f"call it {name}1, say")
        fields = reader.mapping(tree, what)
        if fields is None:
            return None
        word = reader.scalar(fields.get("kind"), f"'kind' of {what}", "a word")
        if word is None:
            reader.keys(fields, what, [key.text for key, _ in fields.pairs], ("kind",))
            return None
        kinds = [kind.value for kind in Kind]
        if word.text not in kinds:
            help = reader.near(word.text, kinds)
            expected = "one of " + ", ".join(kinds)
            reader.problem("N107", f"'{word.text}' is not a kind of node", word.span, expected, help)
            return None
        kind = Kind(word.text)
        if name == "internet" and kind is not Kind.INTERNET:
            reader.problem("N108", "only a node of kind internet can be called 'internet'", key.span)
        known, needed = KEYS[kind]
        reader.keys(fields, what, ("kind", *known), needed)
        interfaces = self.interfaces(fields.get("interfaces"), what, kind)
        node = self.build(kind, name, key, fields, interfaces)
        return node if len(reader.problems) == before else None

    def build(
        self, kind: Kind, name: str, key: Scalar, fields: Mapping, interfaces: dict[str, Interface]
    ) -> Node:
        what, span = f"node '{name}'", key.span
        ports = MappingProxyType(interfaces)
        match kind:
            case Kind.INTERNET:
                return Internet(name=name, interfaces=ports, span=span)
            case Kind.ROUTER:
                routes = self.routes(fields.get("routes"), what, interfaces)
                split = self.reader.value(
                    fields.get("split_horizon"), f"'split_horizon' of {what}", "true or false", parse_switch
                )
                return Router(
                    name=name, interfaces=ports, span=span, routes=routes, split_horizon=bool(split)
                )
            case Kind.SWITCH:
                table = self.table(fields.get("table"), what, interfaces)
                return Switch(name=name, interfaces=ports, span=span, table=MappingProxyType(table))
            case Kind.MIDDLEBOX:
                click, text = self.click(fields.get("click"), what)
                return Middlebox(name=name, interfaces=ports, span=span, click=click, text=text)
            case Kind.PLATFORM:
                pools = self.prefixes(fields.get("pool"), f"'pool' of {what}")
                capacity = self.capacity(fields.get("capacity"), what)
                return Platform(name=name, interfaces=ports, span=span, pools=pools, capacity=capacity)
            case Kind.CLIENTS:
                return Clients(name=name, interfaces=ports, span=span)
            case Kind.HOST:
                address = fields.get("address")
                if address is not None:
                    if interfaces:
                        message = f"{what} has both 'address' and 'interfaces'"
                        self.reader.problem("N109", message, address.span, help="keep one of the two")
                    ports = MappingProxyType({"nic": self.interface("nic", address, what, kind)})
                elif not interfaces:
                    self.reader.problem("N105", f"{what} has no 'address'", span, "a key 'address'")
                return Host(name=name, interfaces=ports, span=span)

    def interfaces(self, tree: Tree | None, what: str, kind: Kind) -> dict[str, Interface]:
        fields = self.reader.mapping(tree, f"'interfaces' of {what}")
        interfaces = {}
        for key, value in fields.pairs if fields else ():
            self.reader.name(key, "an interface")
            if key.text in {"drop", "self"}:
                message = f"'{key.text}' is a word of routes and cannot be an interface"
                self.reader.problem("N108", message, key.span)
            interfaces[key.text] = self.interface(key.text, value, what, kind, key)
        return interfaces

    def interface(self, name: str, tree: Tree, what: str, kind: Kind, key: Scalar | None = None) -> Interface:
        reader, which = self.reader, f"interface '{name}' of {what}"
        address: Tree | None = tree
        mac = None
        if isinstance(tree, Mapping):
            reader.keys(tree, which, ("address", "mac"))
            address = tree.get("address")
            mac = reader.value(tree.get("mac"), which, "an Ethernet address such as 2:0:0:0:0:1", parse_mac)
        elif isinstance(tree, Scalar) and not tree.text:
            address = None
        span = tree.span if key is None else key.span
        if kind in {Kind.MIDDLEBOX, Kind.SWITCH} and address is not None:
            message = f"{which}: a {kind.value} has no addresses, frames pass through it"
            reader.problem("N110", message, address.span, "{}", f"write {name}: {{}}")
            return Interface(name, span=span)
        parsed = reader.value(address, which, ADDRESS, parse_interface)
        if parsed is None:
            if kind is Kind.CLIENTS and address is None:
                reader.problem("N105", f"{which} has no subnet", span, ADDRESS)
            return Interface(name, mac=mac, span=span)
        number, length = parsed
        if length <= 30:
            subnet = Interface(name, number, length).subnet
            assert subnet is not None
            if number in (subnet.low, subnet.high):
                kind_of = "network" if number == subnet.low else "broadcast"
                message = f"{which}: this is the {kind_of} address of {subnet}"
                reader.problem("N111", message, (address or tree).span, "an address inside the subnet")
        return Interface(name, number, length, mac, span)

    def routes(self, tree: Tree | None, what: str, interfaces: dict[str, Interface]) -> Sequence[Route]:
        fields = self.reader.mapping(tree, f"'routes' of {what}")
        if fields is not None and any(isinstance(part, Rows) for part in fields.parts):
            found = self.table_of(fields, what, interfaces)
            if found is not None:
                return found
        routes: dict[Prefix, Route] = {}
        route_of = f"route of {what}"
        plain: dict[str, tuple[tuple[str, ...], int | None]] = {name: ((name,), None) for name in interfaces}
        for key, value in fields.pairs if fields else ():
            prefix = self.reader.value(key, route_of, PREFIX, parse_prefix)
            output = plain.get(value.text) if isinstance(value, Scalar) else None  # most name an interface
            if output is None:
                output = self.output(value, what, interfaces)
            if prefix is None or output is None:
                continue
            if prefix in routes:
                first = routes[prefix].span
                message = f"{what} has a second route for {prefix}"
                self.reader.problem("N103", message, key.span, facts=(("first", str(first)),))
                continue
            routes[prefix] = Route(prefix, *output, span=key.span)
        return tuple(routes.values())

    def table_of(self, fields: Mapping, what: str, interfaces: dict[str, Interface]) -> RouteTable | None:
        """Very many routes; None if there is a mistake among them, which reading them one by one tells."""
        table = RouteTable(fields.span.source)
        numbers: dict[str, int] = {}
        outcomes: dict[Outcome, int] = {}
        before = len(self.reader.problems)

        def number(value: Tree, text: str) -> int:
            outcome = self.output(value, what, interfaces)
            if outcome is None:
                raise ValueError(text)
            found = outcomes.setdefault(outcome, len(outcomes))
            numbers[text] = found
            return found

        address, length, which = table.addresses.append, table.lengths.append, table.which.append
        try:
            for part in fields.parts:
                if not isinstance(part, Rows):
                    key, value = part
                    prefix = parse_prefix(key.text)
                    address(prefix.address)
                    length(prefix.length)
                    which(number(value, ""))
                    table.starts.append(key.span.start)
                    continue
                for text, outputs in part.texts():
                    dotted, slash, bits = text.partition("/")
                    a, b, c, d = dotted.split(".")
                    low = OCTETS[a] << 24 | OCTETS[b] << 16 | OCTETS[c] << 8 | OCTETS[d]
                    size = LENGTHS[bits] if slash else 32
                    if low & (FULL >> size):
                        raise ValueError(text)
                    address(low)
                    length(size)
                    known = numbers.get(outputs)
                    if known is None:
                        known = number(value_tree(outputs, part.source, part.starts[0]), outputs)
                    which(known)
                table.starts.extend(part.starts)
        except (ValueError, KeyError):
            del self.reader.problems[before:]
            return None
        table.outcomes = list(outcomes)
        return table if table.ordered() else None

    def output(
        self, tree: Tree, what: str, interfaces: dict[str, Interface]
    ) -> tuple[tuple[str, ...], int | None] | None:
        reader = self.reader
        if isinstance(tree, Listing):
            if not tree.items:
                reader.problem("N107", f"route of {what} leads nowhere", tree.span, OUT, "write drop")
                return None
            names = [self.known(item, what, interfaces) for item in tree.items]
            return None if None in names else (tuple(dict.fromkeys(n for n in names if n)), None)
        word = reader.scalar(tree, f"route of {what}", OUT)
        if word is None:
            return None
        if word.text == "drop":
            return DROP, None
        if word.text == "self":
            return SELF, None
        name, via, hop = word.text.partition(" via ")
        found = self.known(Scalar(name.strip(), word.span), what, interfaces)
        address = None
        if via:
            expected = "the address of the next router"
            address = reader.value(
                Scalar(hop.strip(), word.span), f"route of {what}", expected, parse_address
            )
            if address is None:
                return None
        return None if found is None else ((found,), address)

    def known(self, tree: Tree, what: str, interfaces: dict[str, Interface]) -> str | None:
        """The name of an interface that exists."""
        word = self.reader.scalar(tree, f"route of {what}", OUT)
        if word is None or word.text in interfaces:
            return None if word is None else word.text
        message = f"{what} has no interface '{word.text}'"
        help = self.reader.near(word.text, interfaces)
        self.reader.problem("N112", message, word.span, OUT, help)
        return None

    def table(self, tree: Tree | None, what: str, interfaces: dict[str, Interface]) -> dict[int, str]:
        fields = self.reader.mapping(tree, f"'table' of {what}")
        table: dict[int, str] = {}
        for key, value in fields.pairs if fields else ():
            mac = self.reader.value(key, f"'table' of {what}", "an Ethernet address", parse_mac)
            name = self.known(value, what, interfaces)
            if mac is not None and name is not None:
                if mac in table:
                    self.reader.problem("N103", f"{what} has '{key.text}' a second time", key.span)
                table.setdefault(mac, name)
        return table

    def click(self, tree: Tree | None, what: str) -> tuple[str, str]:
        word = self.reader.scalar(tree, f"'click' of {what}", "the name of a Click file")
        if word is None:
            return "", ""
        try:
            return word.text, self.read(word.text)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            message = f"{what}: the Click file '{word.text}' cannot be read: {reason}"
            help = "file names count from the folder of the network file"
            self.reader.problem("N113", message, word.span, "a readable file", help)
            return word.text, ""

    def prefixes(self, tree: Tree | None, what: str) -> tuple[Prefix, ...]:
        items = self.reader.listing(tree, what, "a prefix or a list of prefixes")
        found = [self.reader.value(item, what, PREFIX, parse_prefix) for item in items]
        return tuple(prefix for prefix in found if prefix is not None)

    def capacity(self, tree: Tree | None, what: str) -> Capacity:
        which = f"'capacity' of {what}"
        fields = self.reader.mapping(tree, which)
        if fields is None:
            return Capacity()
        self.reader.keys(fields, which, ("modules", "memory"))
        modules = self.reader.value(fields.get("modules"), which, "a number of modules", parse_count)
        memory = self.reader.value(fields.get("memory"), which, "a size such as 4GiB", parse_size)
        return Capacity(modules, memory)

    def operator(self, tree: Tree | None) -> Operator:
        reader = self.reader
        fields = reader.mapping(tree, "'operator'")
        if fields is None:
            return Operator()
        reader.keys(fields, "'operator'", ("prefixes", "ingress_filtering", "connectionless"))
        filtering = reader.value(
            fields.get("ingress_filtering"), "'ingress_filtering'", "true or false", parse_switch
        )
        allowed = reader.value(
            fields.get("connectionless"), "'connectionless'", "allowed or banned", parse_connectionless
        )
        prefixes = self.prefixes(fields.get("prefixes"), "'prefixes' of the operator")
        return Operator(prefixes, bool(filtering), allowed is not False)

    def links(self, tree: Tree | None, nodes: dict[str, Node], broken: set[str]) -> tuple[Link, ...]:
        reader = self.reader
        links: list[Link] = []
        used: dict[End, Link] = {}
        shape = "a pair [node:interface, node:interface]"
        if isinstance(tree, Scalar | Mapping) and describe(tree) != "nothing":
            reader.problem("N106", f"'links' is {describe(tree)}", tree.span, "a list of pairs")
        for item in tree.items if isinstance(tree, Listing) else ():
            if not isinstance(item, Listing) or len(item.items) != 2:
                many = f"{len(item.items)} ends" if isinstance(item, Listing) else describe(item)
                reader.problem("N106", f"a link is {many}", item.span, shape)
                continue
            words = [reader.scalar(end, "the end of a link", END) for end in item.items]
            if words[0] is None or words[1] is None:
                continue
            a = self.end(words[0], words[1], nodes, broken)
            b = self.end(words[1], words[0], nodes, broken)
            if a is None or b is None:
                continue
            if a.node == b.node:
                reader.problem("N114", f"this link joins '{a.node}' to itself", item.span, shape)
                continue
            link = Link(a, b, item.span)
            for word, end in zip(words, (a, b), strict=True):
                if end in used:
                    message = f"{end} is already in use: an interface takes one link"
                    facts = (("first", str(used[end].span)),)
                    reader.problem("N115", message, word.span if word else None, facts=facts)
                used.setdefault(end, link)
            links.append(link)
        return tuple(links)

    def end(self, word: Scalar, other: Scalar, nodes: dict[str, Node], broken: set[str]) -> End | None:
        """The interface that `word` names. A bare internet node gets an interface named after what it is joined to."""
        reader = self.reader
        name, colon, interface = word.text.partition(":")
        node = nodes.get(name)
        if node is None:
            if name not in broken:
                help = reader.near(name, [*nodes, *broken])
                reader.problem("N116", f"there is no node '{name}'", word.span, END, help)
            return None
        if colon:
            if interface in node.interfaces:
                return End(name, interface)
            help = reader.near(interface, node.interfaces, f"{name}:")
            expected = "one of " + ", ".join(f"{name}:{i}" for i in node.interfaces)
            reader.problem("N112", f"'{name}' has no interface '{interface}'", word.span, expected, help)
            return None
        implicit = node.kind is Kind.INTERNET and all(i.span is None for i in node.interfaces.values())
        if implicit:
            label = other.text.replace(":", ".")[:63]
            interfaces = {**node.interfaces, label: Interface(label)}
            nodes[name] = Internet(name=name, interfaces=MappingProxyType(interfaces), span=node.span)
            return End(name, label)
        if len(node.interfaces) == 1:
            return End(name, next(iter(node.interfaces)))
        expected = "one of " + ", ".join(f"{name}:{i}" for i in node.interfaces)
        message = f"'{name}' has {len(node.interfaces)} interfaces"
        reader.problem("N117", f"{message}: which one?", word.span, expected)
        return None


def parse_connectionless(text: str) -> bool:
    """True if allowed, false if banned."""
    if text in {"allowed", "banned"}:
        return text == "allowed"
    raise ValueError(f"'{text}' is neither allowed nor banned")
