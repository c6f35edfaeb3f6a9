"""Requirements and rules (the paper's section 4.2): do some, all or no flows go as a `reach` statement says.

`reach` asks for a flow, tables empty at its start, and its yes carries a packet that was replayed through the network
by the reference interpreter. `always` and `never` look at all flows, in any state of the tables unless `new` is said,
and their no carries a packet too; where that needs entries of other flows, it says so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from innet import flowspec, ir
from innet.explore.flow import Budget, BudgetExceeded, Hop
from innet.explore.network import NO_MODULE, Module, Network, Outcome, Walk, header, parse
from innet.explore.replay import Event, Replay
from innet.explore.witness import solutions, summary
from innet.ir.interpret import PacketBuffer
from innet.ir.interpret import evaluate as evaluate_concrete
from innet.ir.nodes import Mark
from innet.messages import Answer, Check, Step, Witness
from innet.network import Clients, End, Host, Internet, Snapshot, format_address
from innet.network.addresses import PRIVATE
from innet.policy import ElementPort, Named, Node, Place, Quantifier, Reach, Region, Subnet, Variable
from innet.policy.fields import ConstField
from innet.policy.syntax import Hop as PolicyHop
from innet.symbolic import ranges as rs
from innet.symbolic.execute import evaluate, formula_of, read
from innet.symbolic.formulas import all_of, at_most_zero, equal, member, negate
from innet.symbolic.memory import Imprecise, Split
from innet.symbolic.ranges import Ranges
from innet.symbolic.state import Injected, State, Tables, empty, inject_ip
from innet.symbolic.terms import FALSE, TRUE, Formula, K, Linear, Term, minus
from innet.verify.story import steps

BUDGET = 20_000
"""Element and hop executions one statement may cost."""

MAX_FOUND = 6
"""How many conforming flows are tried for one that replays."""

MAX_SOLUTIONS = 10


@dataclass(frozen=True)
class Question:
    """A statement made ready: nodes resolved, flows lowered to conditions."""

    reach: Reach
    start: PolicyHop
    hops: tuple[PolicyHop, ...]
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


@dataclass
class Findings:
    """What an exploration turned up."""

    conforming: list[tuple[State, Progress]] = field(default_factory=list)
    violating: list[tuple[State, Progress, str]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    furthest: tuple[int, str, str, State] | None = None

    def copy(self) -> "Findings":
        return Findings([*self.conforming], [*self.violating], [*self.lost], self.furthest)


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


@dataclass
class Base:
    """What a statement finds in the network without the modules that are asked about.

    `waiting` are packets that came to a platform where no module has their address. `cut`: it was cut short.
    """

    found: Findings
    waiting: list[tuple[str, State, Progress]] = field(default_factory=list)
    cut: bool = False
    check: Check | None = None
    """The answer, where no further module can change it."""


def first_is(question: Question, network: Network, candidates: frozenset[str]) -> bool:
    """Whether the packets of a `reach` have to come to one of the candidates first, from a node outside them."""
    if question.reach.quantifier is not Quantifier.SOME:
        return False
    match question.start.node:
        case Region(Place.INTERNET | Place.CLIENT) | Named():
            pass
        case _:
            return False
    match question.hops[0].node:
        case ElementPort(module, _, _):
            return module in candidates
        case Subnet(address, 0xFFFF_FFFF):
            found = network.by_address.get(address)
            return found is not None and found.name in candidates
    return False


def everything_from(node: Node, network: Network) -> Base:
    """All packets from `node` that come to platforms, tables empty at the start."""
    nowhere = PolicyHop(Subnet(0, 0xFFFF_FFFF))
    reach = Reach(PolicyHop(node), (nowhere,))
    return explore_base(prepare(reach, {}), network, lambda: Tables(False), whole=True)


def is_any_state(reach: Reach) -> bool:
    """Whether entries of other flows count."""
    return reach.quantifier is not Quantifier.SOME and not reach.new


def explore_base(
    question: Question, network: Network, tables: Callable[[], Tables], whole: bool = False
) -> Base:
    """Explore the statement in the network as it is; unless `whole`, only until it is decided."""
    base = Base(Findings())
    used = tables() if is_any_state(question.reach) else Tables(False)
    query = _Query(question, network, used, Budget(BUDGET), base.found, operator=True)
    query.some = query.some and not whole
    try:
        for start in starts(question.start.node, network):
            query.explore(start)
            if query.shown is not None:
                base.check = query.shown
                return base
    except (BudgetExceeded, Imprecise, Split):
        base.cut = True
    base.waiting = query.waiting
    some = question.reach.quantifier is Quantifier.SOME
    if base.found.conforming if some else base.found.violating or base.found.conforming:
        check = _conclude(question, network, base.found, is_any_state(question.reach), operator=True)
        if check.holds is (Answer.YES if some else Answer.NO):
            base.check = check
    return base


def answer(
    question: Question,
    network: Network,
    tables: Callable[[], Tables],
    base: Base | None = None,
    candidates: frozenset[str] = frozenset(),
    operator: bool = True,
    arrivals: Callable[[Node], Base] | None = None,
) -> Check:
    """Whether the statement holds in `network`. `tables` gives the entries that other flows can make.

    With a `base` (the statement in the same network without the modules `candidates`) only what the candidates add
    is explored: packets that wait at their platforms, and packets that they send. `arrivals` gives, for a node to start
    at, all packets that come to platforms: a statement whose first hop is a candidate goes on from there. `operator`
    sees inner nodes.
    """
    reach = question.reach
    if base is not None and base.check is not None:
        return base.check if operator else replace(base.check, trace=(), reason=_discreet(base.check.reason))
    used = tables() if is_any_state(reach) else Tables(False)
    found = Findings() if base is None else base.found.copy()
    query = _Query(question, network, used, Budget(BUDGET), found, operator)
    cut = base is not None and base.cut
    try:
        if base is None:
            if first_is(question, network, candidates):
                shown = _directly(question, network, candidates, operator)
                if shown is not None:
                    return shown
            near = (
                arrivals(question.start.node)
                if arrivals is not None and first_is(question, network, candidates)
                else None
            )
            platforms = {m.platform for m in network.modules if m.name in candidates}
            if near is None or near.cut or not query.continue_from(near.waiting, platforms):
                for start in starts(question.start.node, network):
                    query.explore(start)
                    if query.shown is not None:
                        break
        else:
            for start in starts(question.start.node, network):
                if start.module is not None and start.module.name in candidates:
                    query.explore(start)
            query.resume(base.waiting, candidates)
    except (BudgetExceeded, Imprecise, Split):
        cut = True
    if query.shown is not None:
        return query.shown
    some = reach.quantifier is Quantifier.SOME
    decided = (
        bool(found.conforming) if some or reach.quantifier is Quantifier.NEVER else bool(found.violating)
    )
    if cut and not decided:
        return Check(reach.text, Answer.UNDECIDED, "too many paths: the exploration was cut short")
    return _conclude(question, network, found, is_any_state(reach), operator)


def _directly(
    question: Question, network: Network, candidates: frozenset[str], operator: bool
) -> Check | None:
    """The yes to a statement whose first hop is in a candidate, found among packets that are addressed to candidates
    from the start. None if there is none; then other packets may still get there."""
    mine = rs.normal((m.address, m.address) for m in network.modules if m.name in candidates)
    query = _Query(question, network, Tables(False), Budget(BUDGET // 4), Findings(), operator)
    try:
        for start in starts(question.start.node, network):
            state = start.injected.state.fork()
            state.store.domains[start.injected.symbols["ip.dst"]] = mine
            query.explore(replace(start, injected=replace(start.injected, state=state)))
            if query.shown is not None:
                return query.shown
    except (BudgetExceeded, Imprecise, Split):
        pass
    return None


def _conclude(
    question: Question, network: Network, found: Findings, any_state: bool, operator: bool
) -> Check:
    reach = question.reach
    if reach.quantifier is Quantifier.SOME:
        for state, progress in found.conforming[:MAX_FOUND]:
            witness = _witness(question, network, state, progress, conform=True)
            if witness is not None:
                return Check(reach.text, Answer.YES, witness=witness, trace=_trace(state, operator, network))
        if found.conforming:
            state, _ = found.conforming[0]
            why = "a flow seems to conform, but no packet was found that does so when replayed"
            return Check(reach.text, Answer.UNDECIDED, why, trace=_trace(state, operator, network))
        if found.lost:
            return Check(reach.text, Answer.UNDECIDED, found.lost[0])
        return _no_flow(question, found, operator, network)
    bad = (
        [(s, p, w) for s, p, w in found.violating]
        if reach.quantifier is Quantifier.ALWAYS
        else [(s, p, "") for s, p in found.conforming]
    )
    if bad:
        for state, progress, why in bad[:MAX_FOUND]:
            witness = _witness(
                question, network, state, progress, conform=reach.quantifier is Quantifier.NEVER
            )
            if witness is not None:
                return Check(reach.text, Answer.NO, why or "a flow does this", witness=witness,
                             trace=_trace(state, operator, network))  # fmt: skip
        state, progress, why = bad[0]
        note = (
            "only with table entries that other flows have made" if any_state else "not confirmed by a packet"
        )
        packet = _packet(state, progress)
        shown = Witness(summary(packet), packet[14:].hex(), note) if packet else None
        reason = f"{why or 'a flow may do this'} ({note})"
        return Check(reach.text, Answer.NO, reason, witness=shown, trace=_trace(state, operator, network))
    if found.lost:
        return Check(reach.text, Answer.UNDECIDED, found.lost[0])
    return Check(reach.text, Answer.YES)


def _discreet(reason: str) -> str:
    """What a tenant is told of a rule that fails without its doing."""
    return "it does not hold in this network" if reason else ""


def _no_flow(question: Question, found: Findings, operator: bool, network: Network) -> Check:
    if found.furthest is None:
        return Check(question.reach.text, Answer.NO, "no packet can start there with such a flow")
    index, place, reason, state = found.furthest
    if index < len(question.hops):
        target = _node_name(question.hops[index])
        where = (
            f"at {place}"
            if operator or place.split(":")[0] in {m.name for m in network.modules}
            else "on the way"
        )
        text = f"no flow gets to {target} as asked; the furthest ends {where}: {reason}"
    else:
        text = reason
    return Check(question.reach.text, Answer.NO, text, trace=_trace(state, operator, network))


def _node_name(hop: PolicyHop) -> str:
    from innet.policy import node_text

    return node_text(hop.node)


def _trace(state: State, operator: bool, network: Network) -> tuple[Step, ...]:
    """The path; tenants see their modules only."""
    assert isinstance(state.hop, Hop)
    story = steps(state.hop, state.store, state)
    if operator:
        return story
    mine = {m.name for m in network.modules}
    return tuple(s for s in story if ":" in s.place and s.place.split(":")[0] in mine)


# ---- where packets start


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


# ---- exploring


class _Query:
    def __init__(
        self,
        question: Question,
        network: Network,
        tables: Tables,
        budget: Budget,
        found: Findings,
        operator: bool,
    ) -> None:
        self.question, self.network, self.tables, self.found = question, network, tables, found
        self.operator = operator
        self.walk = Walk(network, tables, budget, self.watch, self.places())
        self.always = question.reach.quantifier is Quantifier.ALWAYS
        self.some = question.reach.quantifier is Quantifier.SOME
        self.last = len(question.hops)
        self.waiting: list[tuple[str, State, Progress]] = []
        self.shown: Check | None = None
        """The answer, once a flow is found that decides it."""
        self.tried = len(found.conforming)
        self.plain = question.flows[-1] == ir.Const(1, 1) and not question.hops[-1].const
        self.walk.wanted = self.wanted

    def wanted(self, progress: object) -> bool:
        """Whether a flow that ends would be the one that came furthest."""
        assert isinstance(progress, Progress)
        return self.found.furthest is None or progress.index > self.found.furthest[0]

    def settled(self, progress: object) -> bool:
        """Whether a flow of an `always` conforms wherever it goes: it passed every way-point, no module, and nothing
        is asked of it at the end."""
        assert isinstance(progress, Progress)
        return self.plain and progress.index + 1 == self.last and progress.module is None

    def decided(self) -> bool:
        """Whether a flow that was found answers the question: some flow was asked for, and it is shown by a packet."""
        if self.shown is None and self.some:
            while self.shown is None and self.tried < min(len(self.found.conforming), MAX_FOUND):
                state, progress = self.found.conforming[self.tried]
                self.tried += 1
                witness = _witness(self.question, self.network, state, progress, conform=True)
                if witness is not None:
                    trace = _trace(state, self.operator, self.network)
                    self.shown = Check(self.question.reach.text, Answer.YES, witness=witness, trace=trace)
        return self.shown is not None

    def continue_from(self, waiting: Iterable[tuple[str, State, Progress]], platforms: set[str]) -> bool:
        """Go on with any packets that came to platforms, as if they had started with this question's flow.

        False if that cannot be told from where they are (the caller then explores from the start).
        """
        todo: list[tuple[str, State, Progress]] = []
        known: dict[int, tuple[Formula, tuple[object, ...]] | None] = {}
        for platform, state, progress in waiting:
            if platform not in platforms:
                continue
            start = progress.origin
            assert start is not None
            if id(start) not in known:
                known[id(start)] = self.departure(start)
            departure = known[id(start)]
            if departure is None:
                return False
            condition, held = departure
            one = state.fork()
            if one.store.assume(condition) and one.store.feasible():
                todo.append((platform, one, Progress(held=held, origin=start)))
        for platform, state, progress in todo:
            self.collect(self.walk.from_platform(platform, state, progress))
        return True

    def departure(self, start: Start) -> tuple[Formula, tuple[object, ...]] | None:
        """The condition that a packet is of the question's flow as it starts, and what `const` compares with."""
        cases = list(parse(start.injected.state.fork(), self.network.parse, self.tables))
        if len(cases) != 1 or Mark.NET not in cases[0].memory.marks:
            return None
        condition = formula_of(self.question.flows[0], cases[0], self.tables)
        held = list(self.hold(cases[0], 0))
        return (condition, held[0][1]) if len(held) == 1 else None

    def resume(self, waiting: Iterable[tuple[str, State, Progress]], candidates: frozenset[str]) -> None:
        """Go on with packets that waited at platforms for the modules `candidates`."""
        platforms = {m.platform for m in self.network.modules if m.name in candidates}
        for platform, state, progress in waiting:
            if platform in platforms:
                self.collect(self.walk.from_platform(platform, state.fork(), progress))

    def places(self) -> frozenset[str]:
        """Where the flow has to be looked at."""
        out: set[str] = set()
        for hop in self.question.hops:
            out |= place_names(hop.node, self.network)
        if self.question.start.node == Region(Place.MODULE) or isinstance(self.question.start.node, Subnet):
            out |= {f"{m.name} sends" for m in self.network.modules}
        return frozenset(out)

    def explore(self, start: Start) -> None:
        origin, state = start, start.injected.state.fork()
        if start.module is not None and start.output is None:
            sent = start.module.sent
            if sent is not None and start.module.enforcer is None and self.tables.any_state:
                progress = Progress(departed=False, origin=Start(sent.injected, module=start.module))
                for element, after in sent.flows:
                    self.collect(self.walk.from_exit(start.module, element, after.fork(), progress))
            else:
                progress = Progress(departed=False, origin=origin)
                self.collect(self.walk.from_module(start.module, state, progress))
            self.collect(self.walk.from_sources(start.module, empty(), progress))
            return
        for parsed in parse(state, self.network.parse, self.tables):
            for one, condition in evaluate(self.question.flows[0], parsed, self.tables):
                if not (one.store.assume(condition) and one.store.feasible()):
                    continue
                for held, values in self.hold(one, 0):
                    progress = Progress(held=values, origin=origin)
                    if start.end is not None:
                        self.collect(self.walk.from_wire(start.end, held, progress))
                    elif start.module is not None and start.output is not None:
                        element, port = start.output
                        self.collect(self.walk.from_output(start.module, element, port, held, progress))

    def collect(self, outcomes: Iterator[tuple[Outcome, object]]) -> None:
        """Follow flows to their ends, or until one decides the question."""
        if self.shown is not None:
            return
        for outcome, progress in outcomes:
            if len(self.found.conforming) > self.tried and self.decided():
                return
            assert isinstance(progress, Progress)
            if outcome.lost:
                self.found.lost.append(outcome.reason)
            if outcome.reason is NO_MODULE:
                self.waiting.append((outcome.node, outcome.state, progress))
            far = self.found.furthest
            if far is None or (progress.index, depth(outcome.state)) > (far[0], depth(far[3])):
                reason = outcome.reason or "delivered there"
                self.found.furthest = (progress.index, outcome.node, reason, outcome.state)
        self.decided()

    def hold(self, state: State, index: int) -> Iterator[tuple[State, tuple[object, ...]]]:
        """What the fields of the next hop's `const` are now."""
        const = self.question.hops[index].const if index < self.last else ()
        cases: list[tuple[State, tuple[object, ...]]] = [(state, ())]
        for one in const:
            after: list[tuple[State, tuple[object, ...]]] = []
            for case, values in cases:
                for split, value in field_value(one, case, self.tables):
                    after.append((split, (*values, value)))
            cases = after
        yield from cases

    def watch(self, place: str, port: int, state: State, progress: object) -> Iterable[tuple[State, object]]:
        assert isinstance(progress, Progress)
        out: list[tuple[State, object]] = []
        for one in located(state, self.network, self.tables):
            out += self.look(place, port, one, progress)
        return out

    def look(self, place: str, port: int, state: State, progress: Progress) -> list[tuple[State, object]]:
        if not progress.departed:
            if not place.endswith(" sends"):
                return [(state, progress)]
            return self.depart(state, progress)
        if place.endswith(" sends"):
            return [(state, progress)]
        index = progress.index
        if self.always:
            return self.look_always(place, port, state, progress)
        hop = self.question.hops[index]
        arrived = arrival(hop.node, place, port, state, self.network, progress)
        if arrived is FALSE:
            return [(state, progress)]
        out: list[tuple[State, object]] = []
        for one, conforms in self.conforms(index, place, state, progress):
            both = all_of(arrived, conforms)
            rest = one.fork()
            if one.store.assume(both) and one.store.feasible():
                out += self.advance(place, one, progress)
            if rest.store.assume(negate(both)) and rest.store.feasible():
                self.miss(index, place, arrived, conforms, rest)
                out.append((rest, progress))
        return out

    def look_always(
        self, place: str, port: int, state: State, progress: Progress
    ) -> list[tuple[State, object]]:
        last = self.question.hops[-1]
        arrived = arrival(last.node, place, port, state, self.network, progress, owned=False)
        if arrived is not FALSE:
            return self.arrive_last(place, port, arrived, state, progress)
        index = progress.index
        if index + 1 >= self.last:
            return [(state, progress)]
        passing = arrival(self.question.hops[index].node, place, port, state, self.network, progress)
        if passing is FALSE:
            return [(state, progress)]
        out: list[tuple[State, object]] = []
        for one, conforms in self.conforms(index, place, state, progress):
            both = all_of(passing, conforms)
            rest = one.fork()
            if one.store.assume(both) and one.store.feasible():
                out += (case for case in self.advance(place, one, progress) if not self.settled(case[1]))
            if rest.store.assume(negate(both)) and rest.store.feasible():
                out.append((rest, progress))
        return out

    def arrive_last(
        self, place: str, port: int, arrived: Formula, state: State, progress: Progress
    ) -> list[tuple[State, object]]:
        """All that gets there must have passed every way-point and conform."""
        going: list[tuple[State, object]] = []
        elsewhere = state.fork()
        if elsewhere.store.assume(negate(arrived)) and elsewhere.store.feasible():
            going.append((elsewhere, progress))
        if not (state.store.assume(arrived) and state.store.feasible()):
            return going
        if progress.index + 1 < self.last:
            missing = _node_name(self.question.hops[progress.index])
            self.found.violating.append((state, progress, f"it gets to {place} without {missing}"))
            return going
        exact = arrival(self.question.hops[-1].node, place, port, state, self.network, progress)
        for one, conforms in self.conforms(self.last - 1, place, state, progress):
            if one.store.assume(negate(all_of(exact, conforms))) and one.store.feasible():
                why = "it gets there through a module that its receiver did not ask for" if conforms is TRUE else (
                    "it gets there, but not as the rule says"
                )  # fmt: skip
                self.found.violating.append((one, progress, why))
        return going

    def depart(self, state: State, progress: Progress) -> list[tuple[State, object]]:
        out: list[tuple[State, object]] = []
        for one, condition in evaluate(self.question.flows[0], state, self.tables):
            if one.store.assume(condition) and one.store.feasible():
                for held, values in self.hold(one, 0):
                    out.append((held, replace(progress, departed=True, held=values)))
        return out

    def conforms(
        self, index: int, place: str, state: State, progress: Progress
    ) -> Iterator[tuple[State, Formula]]:
        """Cases of the packets at hop `index`, each with the formula that they conform (flow and const)."""
        for one, flow in evaluate(self.question.flows[index + 1], state, self.tables):
            cases: list[tuple[State, Formula]] = [(one, flow)]
            for const, before in zip(self.question.hops[index].const, progress.held, strict=True):
                after: list[tuple[State, Formula]] = []
                for case, formula in cases:
                    for split, now in field_value(const, case, self.tables):
                        after.append((split, all_of(formula, kept(before, now))))
                cases = after
            yield from cases

    def advance(self, place: str, state: State, progress: Progress) -> list[tuple[State, object]]:
        index = progress.index + 1
        module = progress.module
        if self.question.hops[progress.index].node == Region(Place.MODULE):
            module = next((m for m in self.network.modules if place == f"module {m.name}"), module)
        then = replace(progress, index=index, module=module, places=(*progress.places, place))
        if index == self.last:
            self.found.conforming.append((state, then))
            return []
        return [(one, replace(then, held=values)) for one, values in self.hold(state, index)]

    def miss(self, index: int, place: str, arrived: Formula, conforms: Formula, state: State) -> None:
        """Remember a flow that was there, but not as asked: the nearest miss."""
        if state.store.status(arrived) is True and index + 1 == self.last:
            far = self.found.furthest
            if far is None or far[0] <= index:
                hop = _node_name(self.question.hops[index])
                self.found.furthest = (
                    self.last,
                    place,
                    f"a flow gets to {hop}, but not as asked there",
                    state,
                )


def depth(state: State) -> int:
    """How many places the packets have passed."""
    return state.hop.depth if isinstance(state.hop, Hop) else 0


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


# ---- witnesses


def _packet(state: State, progress: Progress) -> bytes | None:
    start = progress.origin
    assert start is not None
    first = next(solutions(start.injected, start.injected, state.store), None)
    return first.frame if first is not None else None


def _witness(
    question: Question, network: Network, state: State, progress: Progress, conform: bool
) -> Witness | None:
    """A packet that, replayed from empty tables, conforms to the statement (or violates it)."""
    start = progress.origin
    assert start is not None
    for n, found in enumerate(solutions(start.injected, start.injected, state.store)):
        if n >= MAX_SOLUTIONS:
            return None
        replay = Replay(network)
        if start.end is not None:
            replay.send(start.end, found.frame)
        elif start.module is not None and start.output is not None:
            replay.send_output(start.module, *start.output, found.frame)
        elif start.module is not None:
            replay.send_module(start.module, found.frame)
        arrived = conform or any(_at(question.hops[-1].node, e, network, None) for e in replay.events)
        if arrived and conforms_concretely(question, network, replay.events, found.frame) is conform:
            seen = [e for e in replay.events if e.delivered]
            result = f"{summary(seen[-1].packet)}, at {seen[-1].place}" if seen else ""
            return Witness(summary(found.frame), found.frame[14:].hex(), result, True)
    return None


def conforms_concretely(question: Question, network: Network, events: list[Event], frame: bytes) -> bool:
    """Whether the packet's recorded way conforms to the statement (for `always`: to its hops)."""
    departs_at = 0
    before = frame
    if question.start.node == Region(Place.MODULE):
        sends = next((n for n, e in enumerate(events) if e.place.endswith(" sends")), None)
        if sends is None:
            return False
        departs_at, before = sends, events[sends].packet
    if not _flow_holds(question.flows[0], before):
        return False
    at = departs_at
    module: Module | None = None
    for index, hop in enumerate(question.hops):
        found = None
        for n in range(at, len(events)):
            event = events[n]
            if event.dropped or not _at(hop.node, event, network, module):
                continue
            if _flow_holds(question.flows[index + 1], event.packet) and all(
                _const_value(c, before) == _const_value(c, event.packet) for c in hop.const
            ):
                found = n
                break
        if found is None:
            return False
        at, before = found, events[found].packet
        if hop.node == Region(Place.MODULE):
            module = next((m for m in network.modules if events[found].place == f"module {m.name}"), module)
    return True


def _at(node: Node, event: Event, network: Network, module: Module | None) -> bool:
    names = place_names(node, network)
    if event.place not in names:
        return False
    dst = int.from_bytes(event.packet[30:34], "big")
    at = network.snapshot.nodes.get(event.place)
    match node:
        case Region(Place.INTERNET):
            return event.delivered
        case Region(Place.CLIENT):
            return event.delivered and (module is None or rs.contains(module.owned, dst))
        case Subnet(address, mask):
            here = event.delivered if isinstance(at, Clients | Host | Internet) else True
            return here and dst & mask == address & mask
        case ElementPort(_, _, port):
            return event.port == port
    return True


def marked(frame: bytes) -> PacketBuffer:
    """A packet with its header marks: a frame, or a bare IPv4 packet."""
    packet = PacketBuffer(frame)
    net = 14 if frame[12:14] == b"\x08\x00" and len(frame) > 14 and frame[14] >> 4 == 4 else 0
    if len(frame) >= net + 20:
        packet.marks[Mark.NET] = net
        packet.marks[Mark.TRANSPORT] = net + 4 * (frame[net] & 15)
    return packet


def _flow_holds(condition: ir.Expr, frame: bytes) -> bool:
    return bool(evaluate_concrete(condition, marked(frame)))


def _const_value(const: ConstField, frame: bytes) -> object:
    packet = marked(frame)
    if const.is_payload:
        transport = packet.marks.get(Mark.TRANSPORT, 0)
        size = 20 if packet.load(ir.Field(Mark.NET, 72, 8)) == 6 else 8
        return bytes(packet.bytes[transport + size : packet.marks[Mark.END]])
    return tuple(packet.load(f) for f in const.fields)


__all__ = ["K", "Question", "answer", "format_address", "prepare"]
