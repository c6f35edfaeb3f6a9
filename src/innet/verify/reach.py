"""Requirements and rules (the paper's section 4.2): do some, all or no flows go as a `reach` statement says.

`reach` asks for a flow, tables empty at its start, and its yes carries a packet that was replayed through the network
by the reference interpreter. `always` and `never` look at all flows, in any state of the tables unless `new` is said,
and their no carries a packet too; where that needs entries of other flows, it says so.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, TypeAlias

from innet import ir
from innet.explore.fabric import NO_ROUTE
from innet.explore.flow import Budget, BudgetExceeded, Hop
from innet.explore.modules import ARRIVES, SENDS, Module, Sent
from innet.explore.network import NO_MODULE, Network, Outcome, Walk, header, parse
from innet.explore.waiting import Waiting
from innet.ir.nodes import Mark
from innet.messages import Answer, Check, Step
from innet.network import Clients, Host, Internet
from innet.network.reads import UNREAD, Reads
from innet.policy import ElementPort, Named, Node, Place, Quantifier, Reach, Region, Subnet
from innet.policy.syntax import Hop as PolicyHop
from innet.symbolic.execute import UNFORESEEN, evaluate, formula_of
from innet.symbolic.formulas import all_of, equal, member, negate
from innet.symbolic.memory import Imprecise, Split
from innet.symbolic.ranges import Ranges
from innet.symbolic.state import MAX_PAYLOAD, State, Tables, empty
from innet.symbolic.terms import FALSE, TRUE, Formula, K, Term
from innet.verify.confirm import witness_after_others, witness_of
from innet.verify.constant import field_value, kept, terms_held, unknown
from innet.verify.questions import (
    Progress,
    Question,
    Start,
    arrival,
    interest,
    is_any_state,
    located,
    module_start,
    output_start,
    places_of,
    prepare,
    starts,
)
from innet.verify.story import steps

BUDGET = 20_000
"""Element and hop executions one statement may cost."""

BOXES = "what the middleboxes and modules there remember is not known"

ANYTHING = ir.Const(1, 1)
"""The condition that every packet meets."""

MAX_JUDGED = 3
"""How many paths of a module's judgement, and packets of each, are tried for a packet that conforms."""

MAX_FOUND = 6
"""How many conforming flows are tried for one that replays."""


@dataclass
class Findings:
    """What an exploration turned up."""

    conforming: list[tuple[State, Progress]] = field(default_factory=list)
    violating: list[tuple[State, Progress, str]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    furthest: tuple[int, str, str, State] | None = None

    def further(self, other: "Findings") -> None:
        """Take the other's furthest flow if it came further."""
        mine, theirs = self.furthest, other.furthest
        if theirs is not None and (mine is None or theirs[0] > mine[0]):
            self.furthest = theirs

    def copy(self) -> "Findings":
        return Findings([*self.conforming], [*self.violating], [*self.lost], self.furthest)


@dataclass(frozen=True)
class Alike:
    """Of which starts packets wait at platforms just as they started: `of` has by platform the number of one of
    `groups`, None if not all do. Where nothing waits it is the first one, which is empty."""

    of: Mapping[str, int]
    groups: Sequence[tuple[Start, ...] | None]


class Arrived(NamedTuple):
    """What is in the headers of packets, as sets: protocols, source addresses, and the first two 16-bit fields behind
    the IPv4 header (None: not told)."""

    protocols: Ranges
    sources: Ranges
    first: Ranges | None
    second: Ranges | None


Groups: TypeAlias = "Sequence[tuple[Progress, tuple[Arrived, ...]]]"
"""How far a statement may be with packets, each with what may be in their headers."""


@dataclass
class Base:
    """What a statement finds in the network without the modules that are asked about.

    `waiting` are packets that came to platforms where no module has their address. `cut`: it was cut short.
    """

    found: Findings
    waiting: Waiting[Progress]
    cut: bool = False
    explored: str = ""
    """What was seen before it was cut short."""
    check: Check | None = None
    """The answer, where no further module can change it."""
    reads: Reads = UNREAD
    """What of the snapshot it hangs on."""
    alike: "Alike | None" = None
    """Which packets wait just as they started, once asked (`innet.verify.anywhere`)."""
    arrived: dict[int, Arrived] = field(default_factory=dict)
    """What is in the headers of those that wait, by their states' `id`, once asked (`innet.verify.onward`)."""
    groups: dict[str, tuple[int, "Groups"]] = field(default_factory=dict)
    """By platform, how many wait there, and what `innet.verify.onward` tells apart of them, once asked."""


Arrivals: TypeAlias = Callable[[Node, str | None], Base]
"""All packets from a node that come to platforms; with a platform's name, those to its pools."""


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
            found = network.modules.at(address)
            return found is not None and found.name in candidates
    return False


def placed(network: Network, names: Iterable[str]) -> list[Module]:
    """The modules of those names."""
    found = (network.modules.named(name) for name in sorted(names))
    return [module for module in found if module is not None]


def everything(node: Node) -> Question:
    """All packets from `node`, wherever they go, tables empty at the start."""
    nowhere = PolicyHop(Subnet(0, 0xFFFF_FFFF))
    return prepare(Reach(PolicyHop(node), (nowhere,)), {})


def everything_from(node: Node, network: Network, addressed: Ranges | None = None) -> Base:
    """All packets from `node` that come to platforms; only those that start to one of the addresses `addressed`, if
    given."""
    return explore_base(everything(node), network, lambda: Tables(False), True, addressed)


def explore_base(
    question: Question,
    network: Network,
    tables: Callable[[], Tables],
    whole: bool = False,
    addressed: Ranges | None = None,
) -> Base:
    """Explore the statement in the network as it is; unless `whole`, only until it is decided."""
    base = Base(Findings(), Waiting(network))
    try:
        used = tables() if is_any_state(question.reach) else Tables(False)
    except BudgetExceeded:
        base.cut, base.explored = True, BOXES
        return base
    budget = network.budget(BUDGET)
    query = Query(question, network, used, budget, base.found, operator=True)
    query.early = not whole
    if (
        whole or question.reach.quantifier is not Quantifier.SOME
    ):  # else the flow that comes furthest is told of
        query.walk.put_aside = query.waiting.put_aside
    try:
        for start in starts(question.start.node, network, question.longest):
            query.explore(start if addressed is None else start.to(addressed))
            if query.shown is not None:
                base.check = query.shown
                return base
    except (BudgetExceeded, Imprecise, Split):
        base.cut, base.explored = True, budget.explored()
    finally:
        budget.work.done()
    base.waiting = query.waiting
    if whole:
        return base
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
    arrivals: Arrivals | None = None,
) -> Check:
    """Whether the statement holds in `network`. `tables` gives the entries that other flows can make.

    With a `base` (the statement in the same network without the modules `candidates`) only what the candidates add
    is explored: packets that wait at their platforms, and packets that they send. `arrivals` gives packets that come to
    platforms: a statement whose first hop is a candidate goes on from there. `operator` sees inner nodes.
    """
    reach = question.reach
    if base is not None and base.check is not None:
        return base.check if operator else replace(base.check, trace=(), reason=_discreet(base.check.reason))
    try:
        used = tables() if is_any_state(reach) else Tables(False)
    except BudgetExceeded:
        return _undecided(reach, BOXES, operator)
    found = Findings() if base is None else base.found.copy()
    budget = network.budget(BUDGET)
    query = Query(question, network, used, budget, found, operator)
    cut, explored = (base.cut, base.explored) if base is not None else (False, "")
    modules = placed(network, candidates)
    try:
        if base is None:
            first = arrivals is not None and first_is(question, network, candidates)
            near: Base | None = None
            if first and arrivals is not None:
                shown = None if operator else _shown_by_judgement(question, network, modules, budget)
                if shown is None:
                    shown = _shown_nearby(question, network, candidates, operator, arrivals)
                if shown is not None:
                    return shown
                near = arrivals(question.start.node, None)
            if near is None or near.cut or not query.continue_from(near.waiting, modules):
                for start in starts(question.start.node, network, question.longest):
                    query.explore(start)
                    if query.shown is not None:
                        return query.shown
        else:
            for module in modules:
                for start in own_starts(question, module):
                    query.explore(start)
            query.resume(base.waiting, modules)
    except (BudgetExceeded, Imprecise, Split):
        cut, explored = True, budget.explored()
    finally:
        budget.work.done()
    if query.shown is not None:
        return query.shown
    some = reach.quantifier is Quantifier.SOME
    decided = (
        bool(found.conforming) if some or reach.quantifier is Quantifier.NEVER else bool(found.violating)
    )
    if cut and not decided:
        return _undecided(reach, explored, operator)
    return _conclude(question, network, found, is_any_state(reach), operator)


def _undecided(reach: Reach, explored: str, operator: bool) -> Check:
    """The answer to a question that is too large. How many places of the network were seen is for the operator."""
    why = "too many paths: the exploration was cut short"
    return Check(reach.text, Answer.UNDECIDED, f"{why}: {explored}" if operator and explored else why)


def _shown_by_judgement(
    question: Question, network: Network, modules: Iterable[Module], budget: Budget
) -> Check | None:
    """The yes to a statement whose first hop is in a module, by a packet that takes a path which was found when the
    module was judged, and goes on from there as the network has it. None if the first ones tried do not conform."""
    tables = Tables(False)
    tables.work = budget.work
    places = tuple(itertools.islice(starts(question.start.node, network, question.longest), MAX_JUDGED))
    tried = 0
    for module in modules:
        sent = module.sent
        for state in () if sent is None else _as_asked(question, sent, network, tables):
            assert sent is not None
            for start in places:
                source = start.injected.state.store.domain(start.injected.symbols["ip.src"])
                one, symbols = state.fork(), sent.injected.symbols
                usual = member(symbols["length"], ((0, question.longest),))
                if not one.store.assume(all_of(member(symbols["ip.src"], source), usual)):
                    continue
                tried += 1
                origin = Start(sent.injected, start.end)
                witness = witness_of(question, network, one, Progress(origin=origin), True, MAX_JUDGED)
                if witness is not None:
                    trace = _trace(one, False, network)
                    return Check(question.reach.text, Answer.YES, witness=witness, trace=trace)
                if tried == MAX_JUDGED:
                    return None
    return None


def _as_asked(question: Question, sent: Sent, network: Network, tables: Tables) -> Iterator[State]:
    """Flows that a module sends without help from others', where packets may start as the question asks and be at its
    last hop as they leave the module. What happens between is left to who tries them."""
    started = list(parse(sent.injected.state.fork(), network.parse, tables))
    if len(started) != 1 or started[0].lost:
        return
    departing = formula_of(question.flows[0], started[0], tables)
    for flow in sent.flows:
        state = flow.state.fork()
        state.store.work = tables.work
        if flow.made or state.over or not state.store.assume(departing):
            continue
        try:
            for leaving in located(state, network, tables):
                formula = formula_of(question.flows[-1], leaving, tables)
                if state.store.assume(formula) and state.store.feasible():
                    yield state
                break
        except (Imprecise, Split):
            continue


def _shown_nearby(
    question: Question, network: Network, candidates: frozenset[str], operator: bool, arrivals: Arrivals
) -> Check | None:
    """The yes to a statement whose first hop is in a candidate, found among packets that are addressed to the pools of
    its platform from the start. None if there is none; then other packets may still get there."""
    modules = placed(network, candidates)
    for platform in dict.fromkeys(m.platform for m in modules):
        budget = network.budget(BUDGET // 4)
        query = Query(question, network, Tables(False), budget, Findings(), operator)
        near = arrivals(question.start.node, platform)
        if near.cut:
            continue
        try:
            query.continue_from(near.waiting, [m for m in modules if m.platform == platform])
        except (BudgetExceeded, Imprecise, Split):
            continue
        finally:
            budget.work.done()
        if query.shown is not None:
            return query.shown
    return None


def _conclude(
    question: Question, network: Network, found: Findings, any_state: bool, operator: bool
) -> Check:
    reach = question.reach
    if reach.quantifier is Quantifier.SOME:
        for state, progress in found.conforming[:MAX_FOUND]:
            witness = witness_of(question, network, state, progress, conform=True)
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
        bad.sort(key=lambda case: (case[1].doubt or bool(unforeseen_in(case[0])), is_long(case[0], case[1])))
        for state, progress, why in bad[:MAX_FOUND]:
            witness = witness_of(
                question, network, state, progress, conform=reach.quantifier is Quantifier.NEVER
            )
            if witness is not None:
                return Check(reach.text, Answer.NO, why or "a flow does this", witness=witness,
                             trace=_trace(state, operator, network))  # fmt: skip
        state, progress, why = bad[0]
        unforeseen = unforeseen_in(state)
        if unforeseen and not progress.doubt:
            why = f"a flow may do so, for {unforeseen} nobody can foretell; no packet was found that does"
            return Check(reach.text, Answer.UNDECIDED, why, trace=_trace(state, operator, network))
        if progress.doubt:
            why = "whether a flow leaves its payload as it is cannot be told, and no packet was found that decides it"
            return Check(reach.text, Answer.UNDECIDED, why, trace=_trace(state, operator, network))
        if any_state:
            never = reach.quantifier is Quantifier.NEVER
            for state, progress, why in bad[:MAX_FOUND]:
                witness = witness_after_others(question, network, state, progress, conform=never)
                if witness is not None:
                    reason = (
                        f"{why or 'a flow does this'} (only with table entries that other flows have made)"
                    )
                    return Check(reach.text, Answer.NO, reason, witness=witness,
                                 trace=_trace(state, operator, network))  # fmt: skip
            state, progress, why = bad[0]
        note = "only with table entries that other flows have made; " if any_state else ""
        reason = f"{why or 'a flow may do this'} ({note}no packets were found that show it)"
        return Check(reach.text, Answer.NO, reason, trace=_trace(state, operator, network))
    if found.lost:
        return Check(reach.text, Answer.UNDECIDED, found.lost[0])
    return Check(reach.text, Answer.YES)


def unforeseen_in(state: State) -> str:
    """What of the path nobody can foretell; empty if all of it can be."""
    return next((why for why in state.over if why.startswith(UNFORESEEN)), "")


def _discreet(reason: str) -> str:
    """What a tenant is told of a rule that fails without its doing."""
    return "it does not hold in this network" if reason else ""


def _no_flow(question: Question, found: Findings, operator: bool, network: Network) -> Check:
    if found.furthest is None:
        why = "no packet can start there with such a flow"
        return Check(
            question.reach.text, Answer.NO, why, "ask for a flow whose source is an address of that node"
        )
    index, place, reason, state = found.furthest
    if index < len(question.hops):
        target = _node_name(question.hops[index])
        where = f"at {place}" if operator or place.split(":")[0] in network.guests else "on the way"
        text = f"no flow gets to {target} as asked; the furthest ends {where}: {reason}"
        remedy = _mended(place, reason, network, target)
    else:
        text, remedy = reason, "weaken what is asked there: the flow after the last node, or its const"
    return Check(question.reach.text, Answer.NO, text, remedy, trace=_trace(state, operator, network))


def _mended(place: str, reason: str, network: Network, target: str) -> str:
    """How a flow that ended at `place` might get to its target."""
    module, inside, element = place.partition(":")
    if inside and module in network.guests:
        return f"have {element or module} let such packets pass, or ask for a flow that it lets pass"
    if reason in (NO_MODULE, NO_ROUTE, "addressed to nobody here", "delivered there"):
        return f"have the packets addressed to {target}: name it as dst of the flow, or have the module send to it"
    return (
        "ask for a flow that is let through (another protocol or port, or one that starts at the other end)"
    )


def _node_name(hop: PolicyHop) -> str:
    from innet.policy import node_text

    return node_text(hop.node)


def _trace(state: State, operator: bool, network: Network) -> tuple[Step, ...]:
    """The path; tenants see their modules only. Empty for what ended at the output that it started from."""
    if state.hop is None:
        return ()
    assert isinstance(state.hop, Hop)
    if operator:
        return steps(state.hop, state.store, state)
    return steps(
        state.hop, state.store, state, lambda place: ":" in place and place.split(":")[0] in network.guests
    )


# ---- exploring


class Query:
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
        self.budget, self.operator = budget, operator
        tables.work = budget.work
        self.always = question.reach.quantifier is Quantifier.ALWAYS
        self.some = question.reach.quantifier is Quantifier.SOME
        self.early = True
        """Whether to stop as soon as the question is answered, by a packet that starts where the flow did."""
        self.last = len(question.hops)
        self.waiting: Waiting[Progress] = Waiting(network)
        self.shown: Check | None = None
        """The answer, once a flow is found that decides it."""
        self.tried = len(found.violating if self.always else found.conforming)
        self.plain = question.flows[-1] == ANYTHING and not question.hops[-1].const

    @cached_property
    def walk(self) -> Walk:
        """Who follows the flows; some questions are answered where packets are."""
        question, network = self.question, self.network
        walk = Walk(network, self.tables, self.budget, self.watch, places_of(question, network))
        walk.wanted, walk.gradual, walk.resizes = self.wanted, self.some, not self.some
        walk.interest = interest(question.hops, network)
        walk.held = self.held
        return walk

    def held(self, progress: object) -> Iterable[Term]:
        """What is remembered of packets to compare with later."""
        assert isinstance(progress, Progress)
        home = () if progress.home is None else (progress.home,)
        return (*terms_held(progress.held), *home)

    def wanted(self, progress: object) -> bool:
        """Whether a flow that ends would be the one that came furthest."""
        assert isinstance(progress, Progress)
        return self.found.furthest is None or progress.index > self.found.furthest[0]

    def settled(self, progress: object) -> bool:
        """Whether a flow of an `always` conforms wherever it goes: it passed every way-point, no module, and nothing
        is asked of it at the end."""
        assert isinstance(progress, Progress)
        return self.plain and progress.index + 1 == self.last and progress.module is None

    @property
    def telling(self) -> Sequence[tuple[State, Progress, str]]:
        """The flows that decide the question if a packet bears one of them out: conforming ones, or those that an
        `always` must not have; each with what is wrong with it."""
        if self.always:
            return self.found.violating
        return [(state, progress, "") for state, progress in self.found.conforming]

    @property
    def untried(self) -> bool:
        """Whether there is such a flow that no packet was looked for yet."""
        found = self.found.violating if self.always else self.found.conforming
        return self.tried < min(len(found), MAX_FOUND)

    def decided(self) -> bool:
        """Whether a flow that was found answers the question, and is shown by a packet."""
        while self.early and self.shown is None and self.untried:
            state, progress, why = self.telling[self.tried]
            self.tried += 1
            if is_long(
                state, progress
            ):  # a short packet may show the same; if none does, `_conclude` comes back
                continue
            witness = witness_of(self.question, self.network, state, progress, conform=not self.always)
            if witness is not None:
                holds, why = (Answer.YES, "") if self.some else (Answer.NO, why or "a flow does this")
                trace = _trace(state, self.operator, self.network)
                self.shown = Check(self.question.reach.text, holds, why, witness=witness, trace=trace)
        return self.shown is not None

    def continue_from(self, waiting: Waiting[Progress], modules: Iterable[Module]) -> bool:
        """Go on with any packets that came to platforms, for `modules`, as if they had started as the question asks.

        False if that cannot be told from where they are (the caller then explores from the start).
        """
        known: dict[int, tuple[Formula, tuple[object, ...]] | None] = {}
        for module in modules:
            for state, progress in waiting.at(module.platform):
                start = progress.origin
                assert start is not None
                if id(start) not in known:
                    known[id(start)] = self.departure(start)
                departure = known[id(start)]
                if departure is None:
                    return False
                condition, held = departure
                one = state.fork()
                if one.store.assume(all_of(condition, comes_to(module, one))) and one.store.feasible():
                    self.collect(self.walk.from_module(module, one, Progress(held=held, origin=start)))
                if self.shown is not None:
                    return True
        return True

    def departure(self, start: Start) -> tuple[Formula, tuple[object, ...]] | None:
        """The condition that a packet is of the question's flow as it starts, and what `const` compares with."""
        cases = list(parse(start.injected.state.fork(), self.network.parse, self.tables))
        if len(cases) != 1 or Mark.NET not in cases[0].memory.marks:
            return None
        condition = formula_of(self.question.flows[0], cases[0], self.tables)
        held = list(self.hold(cases[0], 0))
        return (condition, held[0][1]) if len(held) == 1 else None

    def resume(self, waiting: Waiting[Progress], modules: Iterable[Module]) -> None:
        """Go on with packets that waited at platforms for `modules`."""
        for module in modules:
            for state, progress in waiting.at(module.platform):
                one = state.fork()
                if one.store.assume(comes_to(module, one)) and one.store.feasible():
                    self.collect(self.walk.from_module(module, one, progress))

    def explore(self, start: Start) -> None:
        origin, state = start, start.injected.state.fork()
        if start.module is not None and start.output is None:
            sent = start.module.sent
            if sent is not None and start.module.enforcer is None and self.tables.any_state:
                progress = Progress(departed=False, origin=Start(sent.injected, module=start.module))
                for flow in sent.flows:
                    if not flow.made:
                        after = flow.state.fork()
                        self.collect(self.walk.from_exit(start.module, flow.element, after, progress))
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
            if self.untried and self.decided():
                return
            assert isinstance(progress, Progress)
            if outcome.lost:
                self.found.lost.append(outcome.reason)
            if outcome.reason is NO_MODULE:
                self.waiting.add(outcome.node, ((outcome.state, progress),))
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
            if one.lost:
                self.found.lost.append(one.lost)
            out += self.look(place, port, one, progress)
        return out

    def look(self, place: str, port: int, state: State, progress: Progress) -> list[tuple[State, object]]:
        if not progress.departed:
            if not place.endswith(SENDS):
                return [(state, progress)]
            return self.depart(state, progress)
        if place.endswith(SENDS):
            return [(state, progress)]
        index = progress.index
        if self.always:
            return self.look_always(place, port, state, progress)
        hop = self.question.hops[index]
        arrived = arrival(hop.node, place, port, state, self.network, progress)
        if arrived is FALSE or state.store.status(arrived) is False:
            return [(state, progress)]
        out: list[tuple[State, object]] = []
        for one, conforms, then in self.conforms(index, state, progress):
            both = all_of(arrived, conforms)
            rest = one.fork()
            if one.store.assume(both) and one.store.feasible():
                if self.may_return(index):
                    out.append((one.fork(), then))
                out += self.advance(place, one, then)
            if rest.store.assume(negate(both)) and rest.store.feasible():
                self.miss(index, place, arrived, conforms, rest)
                out.append((rest, then))
        return out

    def may_return(self, index: int) -> bool:
        """Whether a later visit of the hop may do where this one does not: what comes next depends on which it was."""
        own = self.question.hops[index].node == Region(Place.MODULE)
        return index + 1 < self.last and (own or bool(self.question.hops[index + 1].const))

    def look_always(
        self, place: str, port: int, state: State, progress: Progress
    ) -> list[tuple[State, object]]:
        last = self.question.hops[-1]
        arrived = arrival(last.node, place, port, state, self.network, progress, owned=False)
        if arrived is not FALSE and state.store.status(arrived) is not False:
            return self.arrive_last(place, port, arrived, state, progress)
        index = progress.index
        if index + 1 >= self.last:
            return [(state, progress)]
        passing = arrival(self.question.hops[index].node, place, port, state, self.network, progress)
        if passing is FALSE:
            return [(state, progress)]
        out: list[tuple[State, object]] = []
        for one, conforms, then in self.conforms(index, state, progress):
            both = all_of(passing, conforms)
            rest = one.fork()
            if one.store.assume(both) and one.store.feasible():
                out += (case for case in self.advance(place, one, then) if not self.settled(case[1]))
            if rest.store.assume(negate(both)) and rest.store.feasible():
                out.append((rest, then))
        return out

    def arrive_last(
        self, place: str, port: int, arrived: Formula, state: State, progress: Progress
    ) -> list[tuple[State, object]]:
        """All that gets there must have passed every way-point and conform, each time. What does goes on."""
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
        over = isinstance(self.network.snapshot.nodes.get(place), Internet | Clients | Host) or self.settled(
            progress
        )
        for one, conforms, then in self.conforms(self.last - 1, state, progress):
            rest = None if over else one.fork()
            if rest is not None and rest.store.assume(all_of(exact, conforms)) and rest.store.feasible():
                going.append((rest, then))
            if one.store.assume(negate(all_of(exact, conforms))) and one.store.feasible():
                why = "it gets there through a module that its receiver did not ask for" if conforms is TRUE else (
                    "it gets there, but not as the rule says"
                )  # fmt: skip
                self.found.violating.append((one, then, why))
        return going

    def depart(self, state: State, progress: Progress) -> list[tuple[State, object]]:
        out: list[tuple[State, object]] = []
        for one, condition in evaluate(self.question.flows[0], state, self.tables):
            if one.store.assume(condition) and one.store.feasible():
                for held, values in self.hold(one, 0):
                    out.append((held, replace(progress, departed=True, held=values)))
        return out

    def conforms(
        self, index: int, state: State, progress: Progress
    ) -> Iterator[tuple[State, Formula, Progress]]:
        """Cases of the packets at hop `index`, each with the formula that they conform (flow and const)."""
        for one, flow in evaluate(self.question.flows[index + 1], state, self.tables):
            cases: list[tuple[State, Formula, bool]] = [(one, flow, progress.doubt)]
            for const, before in zip(self.question.hops[index].const, progress.held, strict=True):
                after: list[tuple[State, Formula, bool]] = []
                for case, formula, doubt in cases:
                    for split, now in field_value(const, case, self.tables):
                        same, exact = kept(before, now, split)
                        if exact:
                            after.append((split, all_of(formula, same), doubt))
                            continue
                        surely = split.fork()
                        if surely.store.assume(same) and surely.store.feasible():
                            after.append((surely, formula, doubt))
                        if split.store.assume(negate(same)) and split.store.feasible():
                            after.append((split, all_of(formula, unknown()), True))
                cases = after
            for case, formula, doubt in cases:
                yield case, formula, replace(progress, doubt=doubt) if doubt else progress

    def advance(self, place: str, state: State, progress: Progress) -> list[tuple[State, object]]:
        index = progress.index + 1
        module, home = progress.module, progress.home
        if self.question.hops[progress.index].node == Region(Place.MODULE):
            home = None
            module = self.network.modules.named(place.removeprefix(ARRIVES))
            assert module is not None, "packets come to modules of the network"
        then = replace(progress, index=index, module=module, home=home, places=(*progress.places, place))
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


def is_long(state: State, progress: Progress) -> bool:
    """Whether only packets do so that are longer than some links carry."""
    assert progress.origin is not None
    return state.store.domain(progress.origin.injected.symbols["length"])[0][0] > MAX_PAYLOAD


def comes_to(module: Module, state: State) -> Formula:
    """The condition that a packet at the module's platform is handed to it."""
    mine = K(module.address, 32)
    return all_of(equal(header(state, 128, 32), mine), negate(equal(header(state, 96, 32), mine)))


def own_starts(question: Question, module: Module) -> Iterator[Start]:
    """Where packets of the question start that the module sends."""
    match question.start.node:
        case Region(Place.MODULE):
            yield module_start(module, question.longest)
        case Subnet(address, mask) if address & mask == module.address & mask:
            yield module_start(module, question.longest)
        case ElementPort(name, element, port) if name == module.name:
            yield output_start(module, element, port, question.longest)


def depth(state: State) -> int:
    """How many places the packets have passed."""
    return state.hop.depth if isinstance(state.hop, Hop) else 0


__all__ = ["Alike", "Base", "answer", "everything_from", "explore_base"]
