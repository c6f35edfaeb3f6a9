"""A `reach` statement made ready: where packets start, when they are at its nodes, and what its fields hold there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from innet import flowspec, ir
from innet.diagnostics import Diagnostic, PolicyError, suggest
from innet.explore.interest import Interest
from innet.explore.modules import ARRIVES, Module, Places
from innet.explore.network import Network, header, parse
from innet.ir.nodes import Mark
from innet.network import Clients, End, Host, Internet, Platform, Snapshot
from innet.network.addresses import PRIVATE
from innet.packet.headers import LONGEST_PAYLOAD
from innet.policy import ElementPort, Named, Node, Place, Policy, Quantifier, Reach, Region, Subnet, Variable
from innet.policy.syntax import Hop
from innet.records import quick
from innet.symbolic import ranges as rs
from innet.symbolic.formulas import all_of, equal, member
from innet.symbolic.ranges import Ranges
from innet.symbolic.state import MAX_PAYLOAD, Injected, State, Tables, inject_ip
from innet.symbolic.terms import FALSE, TRUE, Formula, Term


@dataclass(frozen=True)
class Question:
    """A statement made ready: nodes resolved, flows lowered to conditions."""

    reach: Reach
    start: Hop
    hops: tuple[Hop, ...]
    flows: tuple[ir.Expr, ...]
    """One condition a hop, that of the start first."""

    @cached_property
    def text(self) -> str:
        """The statement on one line."""
        return self.reach.text

    @property
    def longest(self) -> int:
        """Bytes behind the header of the longest packets that it is about: a yes to `reach` has to hold for packets
        that every link carries, `always` and `never` are about all that modules may get."""
        return MAX_PAYLOAD if self.reach.quantifier is Quantifier.SOME else LONGEST_PAYLOAD


@quick
@dataclass(frozen=True, slots=True)
class Progress:
    """How far a flow has come: hops satisfied, what `const` compares with, and whose module it passed."""

    index: int = 0
    departed: bool = True
    held: tuple[object, ...] = ()
    module: Module | None = None
    home: Term | None = None
    """The one address that the account of `module` owns, where that is not told by `module`: it stands for any."""
    origin: "Start | None" = None
    places: tuple[str, ...] = ()
    doubt: bool = False
    """Whether it could not be told that it went on as it did: then only a packet decides."""


@quick
@dataclass(frozen=True, slots=True)
class Start:
    """Where packets are injected: at a wire, at a module's entry, or at an element's output."""

    injected: Injected
    end: End | None = None
    module: Module | None = None
    output: tuple[str, int] | None = None

    def to(self, addresses: Ranges) -> "Start":
        """Those of the packets that are addressed to one of `addresses`."""
        state = self.injected.state.fork()
        dst = self.injected.symbols["ip.dst"]
        state.store.domains[dst] = rs.intersect(state.store.domain(dst), addresses)
        return replace(self, injected=replace(self.injected, state=state))


_lowered = lru_cache(maxsize=1024)(flowspec.lower)
"""The flows of rules are asked about with each request."""


def prepare(reach: Reach, addresses: Mapping[str, int]) -> Question:
    """The statement with `$NAME` addresses filled in."""

    def resolved(hop: Hop) -> Hop:
        node = hop.node
        if not isinstance(node, Variable):
            return hop
        return replace(hop, node=Subnet(addresses[node.name], span=node.span))

    hops = [resolved(hop) for hop in (reach.start, *reach.hops)]
    conditions = tuple(
        _lowered(hop.flow.resolve(addresses)) if hop.flow is not None else ir.Const(1, 1) for hop in hops
    )
    return Question(reach, hops[0], tuple(hops[1:]), conditions)


def check_nodes(policy: Policy, snapshot: Snapshot) -> None:
    """Raises PolicyError, with every such mistake, if rules name nodes that the network does not have: a `never` about
    such a node would hold for nothing."""
    problems = []
    for rule in policy.rules:
        for hop in (rule.start, *rule.hops):
            node = hop.node
            variables = [(name, hop.flow.span) for name in hop.flow.variables] if hop.flow else []
            if isinstance(node, Variable):
                variables.append((node.name, node.span))
            for name, place in variables:
                problems.append(Diagnostic("V304", f"'${name}' has no value in a rule", place, "an address"))
            if isinstance(node, Named) and node.name not in snapshot.nodes:
                known = list(dict.fromkeys([*snapshot.nodes, *(place.value for place in Place)]))
                near = suggest(node.name, known)
                expected = "an address, a subnet, MODULE:ELEMENT[:PORT], or one of " + ", ".join(known[:20])
                help = f"did you mean '{near}'?" if near else ""
                text = f"'{node.name}' is not a node of the network"
                problems.append(Diagnostic("V303", text, node.span, expected, help))
    if problems:
        raise PolicyError(problems)


def is_any_state(reach: Reach) -> bool:
    """Whether entries of other flows count."""
    return reach.quantifier is not Quantifier.SOME and not reach.new


def starts(node: Node, network: Network, longest: int = LONGEST_PAYLOAD) -> Iterator[Start]:
    """Every place where packets from `node` come into the network, with what is known of them. At most `longest` bytes
    are behind their headers."""
    snapshot = network.snapshot
    match node:
        case Region(Place.INTERNET):
            for end in snapshot.outside:
                yield _start(network, end, outside_sources(snapshot), longest)
        case Region(Place.CLIENT):
            for clients in snapshot.clients:
                yield from _from_node(network, clients.name, None, longest)
        case Region(Place.MODULE):
            for module in network.modules:
                yield module_start(module, longest)
        case Subnet(address, mask):
            for low, high in subnet_ranges(address, mask):
                inside = rs.EMPTY
                for first, last, end in snapshot.owners(low, high):
                    inside = rs.union(inside, ((first, last),))
                    yield from _from_owner(network, end.node, first, last, longest)
                outside = rs.intersect(
                    rs.intersect(((low, high),), rs.complement(inside, 32)), outside_addresses(snapshot)
                )
                if outside:
                    for end in snapshot.outside:
                        yield _start(network, end, outside, longest)
        case ElementPort(module, element, port):
            found = network.modules.named(module)
            if found is not None:
                yield output_start(found, element, port, longest)
        case Named(name):
            for interface in snapshot.nodes[name].interfaces:
                peer = snapshot.neighbour(name, interface)
                if peer is not None:
                    yield _start(network, peer, rs.full(32), longest)


def ends_of(node: Node, snapshot: Snapshot) -> list[End]:
    """Where packets from a node that is no module come into the network."""
    if node == Region(Place.INTERNET):
        return list(snapshot.outside)
    names = [clients.name for clients in snapshot.clients] if node == Region(Place.CLIENT) else []
    if isinstance(node, Named):
        names = [node.name]
    peers = (
        snapshot.neighbour(name, interface) for name in names for interface in snapshot.nodes[name].interfaces
    )
    return [peer for peer in peers if peer is not None]


def outside_sources(snapshot: Snapshot) -> Ranges:
    """Sources that packets from the internet have: outside addresses if the operator filters, any if it does not."""
    return outside_addresses(snapshot) if snapshot.operator.ingress_filtering else rs.full(32)


def outside_addresses(snapshot: Snapshot) -> Ranges:
    """Addresses that are at home on the internet: none of the operator's own or private prefixes."""
    inside = [(p.low, p.high) for p in (*snapshot.operator.prefixes, *PRIVATE)]
    return rs.complement(rs.normal(inside), 32)


def subnet_ranges(address: int, mask: int) -> Ranges:
    """The addresses of a subnet; the mask has no holes."""
    return ((address & mask, address & mask | ~mask & 0xFFFF_FFFF),)


def _from_owner(network: Network, name: str, first: int, last: int, longest: int) -> Iterator[Start]:
    """Packets from addresses that a node has: of a platform's, its modules send, and it does itself."""
    node = network.snapshot.nodes[name]
    if not isinstance(node, Platform):
        yield from _from_node(network, name, ((first, last),), longest)
        return
    for address in network.modules.on(name, ((first, last),)):
        module = network.modules.at(address)
        assert module is not None
        yield module_start(module, longest)
    own = [
        i.address for i in node.interfaces.values() if i.address is not None and first <= i.address <= last
    ]
    if own:
        yield from _from_node(network, name, rs.normal((a, a) for a in own), longest)


def _from_node(network: Network, name: str, sources: Ranges | None, longest: int) -> Iterator[Start]:
    snapshot = network.snapshot
    node = snapshot.nodes[name]
    for interface in node.interfaces.values():
        peer = snapshot.neighbour(name, interface.name)
        if peer is None:
            continue
        if sources is not None:
            yield _start(network, peer, sources, longest)
        elif interface.subnet is not None and isinstance(node, Clients):
            own = ((interface.subnet.low, interface.subnet.high),)
            filtering = snapshot.operator.ingress_filtering
            yield _start(network, peer, own if filtering else rs.full(32), longest)


def _start(network: Network, end: End, sources: Ranges, longest: int) -> Start:
    return Start(network.start(end, sources, longest), end=end)


def output_start(module: Module, element: str, port: int, longest: int) -> Start:
    """Any packet that leaves an element of a module by an output."""
    return Start(inject_ip(max_payload=longest), module=module, output=(element, port))


def module_start(module: Module, longest: int) -> Start:
    """Any packet to the module: what it then sends is what the rule is about."""
    injected = inject_ip(max_payload=longest)
    mine = rs.single(module.address)
    injected.state.store.domains[injected.symbols["ip.src"]] = rs.complement(mine, 32)
    injected.state.store.domains[injected.symbols["ip.dst"]] = mine
    return Start(injected, module=module)


def located(state: State, network: Network, tables: Tables) -> Iterator[State]:
    """The packet with NET and TRANSPORT known, wherever it is: on a wire, or inside a configuration."""
    if Mark.NET in state.memory.marks and Mark.TRANSPORT in state.memory.marks:
        yield state
        return
    yield from parse(state.fork(), network.parse, tables)


MAX_PLACES = 4096
"""Of how many nodes, and ways of them, it is remembered where packets are at them."""


def places_of(question: Question, network: Network) -> Places:
    """Where flows have to be looked at."""
    start = question.start.node
    nodes = start, *[hop.node for hop in question.hops]
    out = network.places.get(nodes)
    if out is None:
        out = Places(sends=start == Region(Place.MODULE) or isinstance(start, Subnet))
        for node in nodes[1:]:
            out |= place_names(node, network)
        if len(network.places) >= MAX_PLACES:
            network.places.clear()
        network.places[nodes] = out
    return out


def place_names(node: Node, network: Network) -> Places:
    """The places at which a packet may be at `node`.

    That the names of the nodes of a kind are read is not written down: whether a node is among them matters where
    packets come to it, or may next, and of which kind it is was read there (`Walk.arrive`, `fabric.ways`).
    """
    known = network.places.get(node)
    if known is None:
        known = network.places[node] = _place_names(node, network)
    return known


def _hosts(network: Network, *kinds: type[Clients | Host | Internet]) -> Places:
    """All hosts of these kinds."""
    known = network.places.get(kinds)
    if known is None:
        names = (name for kind in kinds for name in network.snapshot.plain.names(kind.KIND.value))
        known = network.places[kinds] = Places(hosts=frozenset(names))
    return known


def _place_names(node: Node, network: Network) -> Places:
    match node:
        case Region(Place.INTERNET):
            return Places(frozenset(network.snapshot.plain.names(Internet.KIND.value)))
        case Region(Place.CLIENT):
            return _hosts(network, Clients)
        case Region(Place.MODULE):
            return Places(arrivals=True)
        case Subnet():
            return Places(arrivals=True) | _hosts(network, Clients, Host, Internet)
        case ElementPort(module, element, _):
            return Places(frozenset({f"{module}:{element}"}))
        case Named(name):
            return Places(frozenset({name}))
        case Variable():
            raise AssertionError("filled in before")
    raise AssertionError(node)


def interest(hops: tuple[Hop, ...], network: Network) -> Interest:
    """Which packets that end at hosts may be at a node of the question there."""
    snapshot = network.snapshot
    names: set[str] = set()
    among = rs.EMPTY
    for hop in hops:
        names |= place_names(hop.node, network).names
        match hop.node:
            case Region(Place.CLIENT):
                among = rs.full(32)
            case Subnet(address, mask):
                among = rs.union(among, subnet_ranges(address, mask))

    def at(place: str) -> Ranges:
        found = (destinations_at(hop.node, place, snapshot) for hop in hops)
        return rs.normal(part for parts in found for part in parts)

    return Interest(at, frozenset(names), among)


def arrival(
    node: Node, place: str, port: int, state: State, network: Network, progress: Progress, owned: bool = True
) -> Formula:
    """Under what condition a packet at `place` has arrived at `node`."""
    snapshot = network.snapshot
    match node:
        case Region(Place.INTERNET):
            ipv4 = Mark.NET in state.memory.marks
            return TRUE if ipv4 and isinstance(snapshot.nodes.get(place), Internet) else FALSE
        case Region(Place.MODULE):
            return TRUE if place.startswith(ARRIVES) else FALSE
        case ElementPort(module, element, at_port):
            return TRUE if place == f"{module}:{element}" and port == at_port else FALSE
        case Named(name):
            return TRUE if place == name else FALSE
    if Mark.NET not in state.memory.marks:
        return FALSE
    dst = header(state, 128, 32)
    mine = destinations_at(node, place, snapshot)
    if node == Region(Place.CLIENT) and owned:
        if progress.home is not None:
            return all_of(member(dst, mine), equal(dst, progress.home)) if mine else FALSE
        if progress.module is not None:
            mine = rs.intersect(mine, progress.module.owned)
    return member(dst, mine) if mine else FALSE


def destinations_at(node: Node, place: str, snapshot: Snapshot) -> Ranges:
    """The destinations with which a packet at `place` may have arrived at `node`."""
    at = snapshot.nodes.get(place)
    match node:
        case Region(Place.INTERNET):
            return rs.full(32) if isinstance(at, Internet) else rs.EMPTY
        case Region(Place.CLIENT):
            return rs.normal((s.low, s.high) for s in at.subnets) if isinstance(at, Clients) else rs.EMPTY
        case Subnet(address, mask):
            if isinstance(at, Internet):
                return at_home_outside(address, mask, snapshot)
            here = place.startswith(ARRIVES) or isinstance(at, Clients | Host)
            return subnet_ranges(address, mask) if here else rs.EMPTY
        case Named(name):
            return rs.full(32) if place == name else rs.EMPTY
    return rs.full(32) if at is None else rs.EMPTY  # modules and their elements


def at_home_outside(address: int, mask: int, snapshot: Snapshot) -> Ranges:
    """The addresses of a subnet that packets which leave for the internet arrive at."""
    if mask == 0xFFFF_FFFF and snapshot.owner(address) is not None:
        return rs.EMPTY
    return rs.intersect(subnet_ranges(address, mask), outside_addresses(snapshot))
