"""A `reach` statement made ready: where packets start, when they are at its nodes, and what its fields hold there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from innet import flowspec, ir
from innet.explore.network import Module, Network, header, parse
from innet.ir.nodes import Mark
from innet.network import Clients, End, Host, Internet, Snapshot
from innet.network.addresses import PRIVATE
from innet.policy import ElementPort, Named, Node, Place, Quantifier, Reach, Region, Subnet, Variable
from innet.policy.fields import ConstField
from innet.policy.syntax import Hop
from innet.symbolic import ranges as rs
from innet.symbolic.execute import read
from innet.symbolic.formulas import all_of, at_most_zero, equal, member
from innet.symbolic.ranges import Ranges
from innet.symbolic.state import Injected, State, Tables, inject_ip
from innet.symbolic.terms import FALSE, TRUE, Formula, Linear, Term, minus


@dataclass(frozen=True)
class Question:
    """A statement made ready: nodes resolved, flows lowered to conditions."""

    reach: Reach
    start: Hop
    hops: tuple[Hop, ...]
    flows: tuple[ir.Expr, ...]
    """One condition a hop, that of the start first."""


@dataclass(frozen=True)
class Progress:
    """How far a flow has come: hops satisfied, what `const` compares with, and whose module it passed."""

    index: int = 0
    departed: bool = True
    held: tuple[object, ...] = ()
    module: Module | None = None
    origin: "Start | None" = None
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
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


def prepare(reach: Reach, addresses: Mapping[str, int]) -> Question:
    """The statement with `$NAME` addresses filled in."""

    def node(n: Node) -> Node:
        return Subnet(addresses[n.name], span=n.span) if isinstance(n, Variable) else n

    hops = [replace(hop, node=node(hop.node)) for hop in (reach.start, *reach.hops)]
    conditions = tuple(
        flowspec.lower(hop.flow.resolve(addresses)) if hop.flow is not None else ir.Const(1, 1)
        for hop in hops
    )
    return Question(reach, hops[0], tuple(hops[1:]), conditions)


def is_any_state(reach: Reach) -> bool:
    """Whether entries of other flows count."""
    return reach.quantifier is not Quantifier.SOME and not reach.new


def starts(node: Node, network: Network) -> Iterator[Start]:
    """Every place where packets from `node` come into the network, with what is known of them."""
    snapshot = network.snapshot
    match node:
        case Region(Place.INTERNET):
            for end in snapshot.outside:
                yield _start(network, end, outside_sources(snapshot))
        case Region(Place.CLIENT):
            for clients in snapshot.clients:
                yield from _from_node(network, clients.name, None)
        case Region(Place.MODULE):
            for module in network.modules:
                yield _module_start(module)
        case Subnet(address, mask):
            for low, high in subnet_ranges(address, mask):
                inside = rs.EMPTY
                for first, last, end in snapshot.owners(low, high):
                    inside = rs.union(inside, ((first, last),))
                    own = network.by_address.get(first) if first == last else None
                    if own is not None:
                        yield _module_start(own)
                    else:
                        yield from _from_node(network, end.node, ((first, last),))
                outside = rs.intersect(
                    rs.intersect(((low, high),), rs.complement(inside, 32)), outside_sources(snapshot)
                )
                if outside:
                    for end in snapshot.outside:
                        yield _start(network, end, outside)
        case ElementPort(module, element, port):
            found = next((m for m in network.modules if m.name == module), None)
            if found is not None:
                injected = inject_ip()
                yield Start(injected, module=found, output=(element, port))
        case Named(name):
            for interface in snapshot.nodes[name].interfaces:
                peer = snapshot.neighbour(name, interface)
                if peer is not None:
                    yield _start(network, peer, rs.full(32))


def outside_sources(snapshot: Snapshot) -> Ranges:
    """Sources that packets from the internet have: none of the operator's own or private prefixes."""
    inside = [(p.low, p.high) for p in (*snapshot.operator.prefixes, *PRIVATE)]
    return rs.complement(rs.normal(inside), 32)


def subnet_ranges(address: int, mask: int) -> Ranges:
    """The addresses of a subnet; the mask has no holes."""
    return ((address & mask, address & mask | ~mask & 0xFFFF_FFFF),)


def _from_node(network: Network, name: str, sources: Ranges | None) -> Iterator[Start]:
    snapshot = network.snapshot
    node = snapshot.nodes[name]
    for interface in node.interfaces.values():
        peer = snapshot.neighbour(name, interface.name)
        if peer is None:
            continue
        if sources is not None:
            yield _start(network, peer, sources)
        elif interface.subnet is not None and isinstance(node, Clients):
            yield _start(network, peer, ((interface.subnet.low, interface.subnet.high),))


def _start(network: Network, end: End, sources: Ranges) -> Start:
    return Start(network.start(end, sources), end=end)


def _module_start(module: Module) -> Start:
    """Any packet to the module: what it then sends is what the rule is about."""
    injected = inject_ip()
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


def place_names(node: Node, network: Network) -> set[str]:
    """The places at which a packet may be at `node`."""
    snapshot = network.snapshot
    match node:
        case Region(Place.INTERNET):
            return {n.name for n in snapshot.nodes.values() if isinstance(n, Internet)}
        case Region(Place.CLIENT):
            return {n.name for n in snapshot.clients}
        case Region(Place.MODULE):
            return {f"module {m.name}" for m in network.modules}
        case Subnet():
            hosts = {n.name for n in snapshot.nodes.values() if isinstance(n, Clients | Host | Internet)}
            return hosts | {f"module {m.name}" for m in network.modules}
        case ElementPort(module, element, _):
            return {f"{module}:{element}"}
        case Named(name):
            return {name}
        case Variable():
            raise AssertionError("filled in before")
    raise AssertionError(node)


def arrival(
    node: Node, place: str, port: int, state: State, network: Network, progress: Progress, owned: bool = True
) -> Formula:
    """Under what condition a packet at `place` has arrived at `node`."""
    snapshot = network.snapshot
    if Mark.NET not in state.memory.marks:
        return FALSE
    dst = header(state, 128, 32)
    match node:
        case Region(Place.INTERNET):
            return TRUE if isinstance(snapshot.nodes.get(place), Internet) else FALSE
        case Region(Place.CLIENT):
            clients = snapshot.nodes.get(place)
            if not isinstance(clients, Clients):
                return FALSE
            mine = rs.normal([(s.low, s.high) for s in clients.subnets])
            if owned and progress.module is not None:
                mine = rs.intersect(mine, progress.module.owned)
            return member(dst, mine)
        case Region(Place.MODULE):
            return TRUE if place.startswith("module ") else FALSE
        case Subnet(address, mask):
            inside = member(dst, subnet_ranges(address, mask))
            if place.startswith("module "):
                return inside
            at = snapshot.nodes.get(place)
            return inside if isinstance(at, Clients | Host | Internet) else FALSE
        case ElementPort(module, element, at_port):
            return TRUE if place == f"{module}:{element}" and port == at_port else FALSE
        case Named(name):
            return TRUE if place == name else FALSE
    raise AssertionError(node)


def field_value(const: ConstField, state: State, tables: Tables) -> Iterator[tuple[State, object]]:
    """What a `const` field holds: cases of `state`, each with a tuple of terms, or a payload's content."""
    if const.is_payload:
        proto = ir.Field(Mark.NET, 72, 8)
        for one, term in read(proto, state, tables):
            sizes = ((rs.single(6), 20), (rs.complement(rs.single(6), 8), 8))
            for protos, size in sizes:
                case = one.fork()
                if case.store.assume(member(term, protos)) and case.store.feasible():
                    yield case, _payload(case, size)
        return
    cases: list[tuple[State, tuple[Term, ...]]] = [(state, ())]
    for f in const.fields:
        after: list[tuple[State, tuple[Term, ...]]] = []
        for case, values in cases:
            for split, term in read(f, case, tables):
                after.append((split, (*values, term)))
        cases = after
    yield from cases


@dataclass(frozen=True)
class Payload:
    """Bytes behind a transport header, as the engine knows them."""

    parts: tuple[object, ...] | None


def _payload(state: State, size: int) -> Payload:
    content = state.memory.content(Mark.TRANSPORT, size, state.store)
    return Payload(content)


def kept(before: object, now: object) -> Formula:
    """Whether two values of `field_value` are the same."""
    if isinstance(before, Payload) and isinstance(now, Payload):
        return _same_payload(before, now)
    if isinstance(before, tuple) and isinstance(now, tuple):
        return all_of(*(equal(a, b) for a, b in zip(before, now, strict=True)))
    return FALSE


def _same_payload(before: Payload, now: Payload) -> Formula:
    if before.parts is None or now.parts is None or len(before.parts) != len(now.parts):
        return FALSE
    found: list[Formula] = []
    for a, b in zip(before.parts, now.parts, strict=True):
        assert isinstance(a, tuple)
        assert isinstance(b, tuple)
        if a[:2] != b[:2] or a[3] != b[3]:
            return FALSE
        difference: Linear = minus(a[2], b[2])
        found.append(at_most_zero(difference))
        found.append(at_most_zero(minus((0, ()), difference)))
    return all_of(*found)
