"""The security rules (the paper's section 4.4; DESIGN section 9): what a module may send, and what becomes of it.

Injected at the module's entry is any IPv4 packet addressed to it whose source it is not, fragments included; sources of
the module's own making are injected too. Tables may hold entries of other flows. Every packet that leaves is judged.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from innet.elements.base import OUTSIDE, Role
from innet.explore.flow import Arrival, Budget, BudgetExceeded, End, Flow, Hop, Watch, flows, resumed
from innet.explore.modules import NOTHING, Box, Enforcer, Sent, SentFlow, Traffic
from innet.explore.network import framed, header
from innet.explore.network import parse as parse_frame
from innet.explore.runs import Left
from innet.explore.unread import unread
from innet.ir.nodes import Mark, Program
from innet.messages import Account, Answer, Assessment, Check, Step
from innet.messages import Role as AccountRole
from innet.packet.headers import PROTO_TCP, PROTO_UDP
from innet.records import quick
from innet.symbolic import ranges as rs
from innet.symbolic.execute import Asked, execute
from innet.symbolic.formulas import all_of, equal, member, negate
from innet.symbolic.memory import Imprecise, Split
from innet.symbolic.state import (
    Injected,
    State,
    Tables,
    Template,
    arriving,
    empty,
    inject_ip,
    possible,
    resolve,
    stamp,
)
from innet.symbolic.store import Store
from innet.symbolic.terms import FALSE, TRUE, Atom, Blob, Formula, K, Lin, Sym, Term
from innet.verify.story import steps
from innet.verify.violations import STRANGER, Question, find

Templates: TypeAlias = dict[tuple[str, str], list[Template]]

MAX_ROUNDS = 8
"""Rounds until the entries that flows can make must have settled."""
PATIENCE = 3
"""Rounds after which new kinds of entries are widened: an element that counts in its table makes new ones for ever."""

ANTI_SPOOFING = "anti-spoofing: a packet leaves with the module's address, or with the source it came with"
DEFAULT_OFF = (
    "default-off: a packet goes to an address of the account, or to the source of the packet that caused it"
)
CONNECTIONLESS = "this operator bans connectionless traffic: a module sends TCP only"
USE = "the module acts on traffic addressed to it"
RETURNS = (
    "it sends nothing but packets back to itself: it is for traffic addressed to others, which no module gets",
    "send on what it receives, for instance with IPRewriter(pattern - - ADDRESS - 0 0), or answer it (IPMirror)",
)
IN_PATH = (
    "it acts only on traffic that is not addressed to it (in-path use), and no module gets that",
    "have the traffic addressed to $ADDR, and send it on, for instance with IPRewriter(pattern - - ADDRESS - 0 0)",
)
NOT_IPV4 = (
    "nothing that it sends is a packet with a complete IPv4 header, and a platform lets out nothing else",
    "send frames as FromNetfront hands them over, or IPv4 packets from their header on: "
    "Strip(14) -> CheckIPHeader -> ... -> ToNetfront",
)
"""Why a module that breaks no rule is of no use, and the form that would be."""
FIELDS = {ANTI_SPOOFING: ("source", 0), DEFAULT_OFF: ("destination", 1)}
"""The header field that a rule is about, and its number in the story of a flow."""
MAX_REASONS = 4
"""Elements by which one rule is broken that are told, each with packets of its own."""
VICTIMS = (0xCB007109, 0xC0000263, 0x08080808)
"""Addresses to be abused in examples: one that the account does not own is taken."""
NO_LOOPS = "no packet goes round in the module for ever"


@dataclass(frozen=True)
class Rules:
    """What one module is judged by."""

    address: int
    account: Account
    allowed: rs.Ranges
    """The account's list: its addresses and its other modules."""
    connectionless: bool = True

    @property
    def texts(self) -> list[str]:
        """The rules that are asked about, in order."""
        rules = [ANTI_SPOOFING]
        if self.account.role is AccountRole.THIRD_PARTY:
            rules.append(DEFAULT_OFF)
        return rules if self.connectionless else [*rules, CONNECTIONLESS]


@dataclass(frozen=True)
class Security:
    """The assessment of a module, the checks it follows from, and the entries that flows can make in its tables."""

    assessment: Assessment
    checks: tuple[Check, ...]
    templates: Templates = field(default_factory=dict)
    protocol: int | None = None
    """The only IP protocol of packets that have an effect; None: more than one."""
    port: int | None = None
    """The only destination port of them, if there is one."""
    sent: Sent | None = None
    """What it sends, if all of it could be followed."""


@quick
@dataclass(frozen=True, slots=True)
class Judged:
    """A flow that leaves: what it may do (formulas over its packets)."""

    state: State
    hop: Hop
    exit: str
    conforms: Formula
    forges: Formula
    strays: Formula
    unconnected: Formula
    """It is not TCP, where only that is allowed."""
    back: Formula


BREAKS: Mapping[str, Callable[[Judged], Formula]] = {
    ANTI_SPOOFING: lambda j: j.forges,
    DEFAULT_OFF: lambda j: j.strays,
    CONNECTIONLESS: lambda j: j.unconnected,
}


def inject(address: int, own: bool = True, label: str | None = None) -> Injected:
    """Any packet that the platform hands to the module at `address` (or, not `own`, to any other). With a `label`, one
    beside others, with symbols of its own."""
    injected = arriving() if label is None else inject_ip(label)
    store, symbols = injected.state.store, injected.symbols
    mine = rs.single(address)
    store.domains[symbols["ip.src"]] = rs.complement(mine, 32)
    store.domains[symbols["ip.dst"]] = mine if own else rs.complement(mine, 32)
    return injected


def arrivals(box: Box, injected: Injected) -> list[Arrival]:
    """The injected packet at every entry, and a blank one at every source."""
    machine = box.machine
    entries = [e for names in box.entries.values() for e in names]
    found: list[Arrival] = [(e, OUTSIDE, injected.state.fork()) for e in entries]
    for _, _, state in found:
        stamp(state.memory)
    found += [(e, OUTSIDE, empty()) for e in machine.with_role(Role.SOURCE)]
    return found


def settle(
    box: Box, start: Iterable[Arrival], tables: Tables, budget: Budget, watch: Watch | None = None
) -> list[Flow]:
    """Explore until no new kind of table entry turns up; every flow. What new kinds of entries change is explored from
    the look-ups that may find them. `watch` sees each arrival. The packets of `start` are used up."""
    machine = box.machine
    asked: list[object] = []
    tables.asked = asked
    try:
        found = list(flows(machine, start, tables, budget, watch, box.scope))
        for n in range(1, MAX_ROUNDS):
            before, tables.widening = tables.noted, n >= PATIENCE
            for at in range(len(asked)):
                one = asked[at]
                assert isinstance(one, Asked)
                kinds = tables.kinds.get(one.table, [])
                if one.seen < len(kinds):
                    asked[at] = replace(one, seen=len(kinds))
                    rows = tables.templates[one.table]
                    new = [kind for kind in kinds[one.seen :] if any(kind is row for row in rows)]
                    found += resumed(machine, one, new, tables, budget, watch)
            if tables.noted == before:
                return found
    finally:
        tables.asked = None
    raise BudgetExceeded


def sandbox_templates(
    box: Box, around: Enforcer, parse: Program, address: int, known: Templates, budget: Budget
) -> Templates:
    """The entries that flows can make in a sandboxed module and in the sandbox itself, until no new kind turns up."""
    tables = Tables(any_state=True)
    tables.work = budget.work
    tables.templates = {key: [*rows] for key, rows in known.items()}
    entries = [e for names in box.entries.values() for e in names]
    for n in range(MAX_ROUNDS):
        before, tables.widening = tables.noted, n >= PATIENCE
        start: list[Arrival] = [(e, OUTSIDE, empty()) for e in box.machine.with_role(Role.SOURCE)]
        for frame in parse_frame(inject(address).state, parse, tables):
            # what comes in goes on unchanged, so the module may be given all of it; the sandbox notes its entries
            start += [(e, OUTSIDE, frame.fork()) for e in entries]
            for _noted in execute(around.inward, frame, tables, box.scope):
                budget.spend(box.scope)
        for flow in flows(box.machine, start, tables, budget, None, box.scope):
            if flow.end is End.EXIT:
                for sent_frame in framed(flow.state, parse, tables):
                    if Mark.NET in sent_frame.memory.marks:
                        for _result in execute(around.outward, sent_frame, tables, box.scope):
                            budget.spend(box.scope)
        if tables.noted == before:
            return tables.templates
    raise BudgetExceeded


def assess(box: Box, parse: Program, rules: Rules, budget: Budget, show: bool = True) -> Security:
    """Judge a module. Never `safe` unless every packet it can send, in any state, conforms. `show`: look for packets
    that show its violations, too."""
    if rules.account.role is AccountRole.OPERATOR:
        return Security(
            Assessment.SAFE, (Check("the operator's own modules are not restricted", Answer.YES),)
        )
    try:
        return _assess(box, parse, rules, budget, show)
    except BudgetExceeded:
        seen = f"{budget.explored()}; it has {len(box.machine.elements):,} elements"
        why = f"the module is too complex to be judged within the limits: {seen}"
        remedy = "make it smaller: fewer elements in a row that tell packets apart, or fewer rules"
        return Security(Assessment.UNDECIDED, (Check(USE, Answer.UNDECIDED, why, remedy),))
    finally:
        budget.work.done()


def _assess(box: Box, parse: Program, rules: Rules, budget: Budget, show: bool) -> Security:
    injected = inject(rules.address)
    origin = replace(injected, state=injected.state.fork())
    tables = Tables(any_state=True)
    inside = unread(box.machine, box.scope, budget.work)
    # of what leaves, the exits and rules look at where it begins and at the IPv4 header
    tables.unread = lambda place: place == parse.element or inside(place)
    found = settle(box, arrivals(box, injected), tables, budget)
    judged: list[Judged] = []
    sent: list[SentFlow] = []
    entries = {box.scope + e for names in box.entries.values() for e in names}
    loops = [f for f in found if f.end is End.LOOP]
    lost = [f for f in found if f.end is End.LOST]
    for flow in found:
        if flow.end is End.EXIT:
            at_exit = flow.state.fork()
            try:
                made = list(judge(flow, parse, tables, rules, origin.symbols["ip.src"]))
            except (Imprecise, Split) as why:
                lost.append(replace(flow, reason=f"{flow.place}: {why}"))
                continue
            judged += made
            alone = _hop(at_exit).story()[0].place not in entries
            source = origin.symbols["ip.src"]
            answers = all(j.state.store.entails(equal(header(j.state, 128, 32), source)) for j in made)
            kind = traffic([j.state for j in made], rules.address)
            sent.append(SentFlow(flow.place, at_exit, kind, alone, answers and not alone))
    good = vacuous = False
    broken: dict[str, list[tuple[Judged, Formula]]] = {rule: [] for rule in rules.texts}
    for j in judged:
        store = j.state.store
        away = negate(j.back)
        good |= store.allows(all_of(j.conforms, away))
        for rule, violations in broken.items():
            violation = BREAKS[rule](j)
            if store.allows(violation):
                violations.append((j, violation))
        vacuous |= store.allows(j.back)
    checks = [
        check
        for rule, violations in broken.items()
        for check in (
            _violated(rule, violations, box, parse, rules, origin, show)
            if violations
            else [Check(rule, Answer.YES)]
        )
    ]
    bad = any(broken.values())
    if loops:
        checks.append(
            Check(NO_LOOPS, Answer.NO, f"packets come back to {loops[0].place} again and again",
                  "break the cycle of connections", trace=steps(_hop(loops[0].state), loops[0].state.store))
        )  # fmt: skip
        return Security(Assessment.REFUSED, tuple(checks))
    if lost:
        good = bad = True
        checks = [
            replace(c, holds=Answer.UNDECIDED, reason=lost[0].reason) if c.holds is Answer.YES else c
            for c in checks
        ]
        checks.append(
            Check("everything the module does can be followed", Answer.UNDECIDED, lost[0].reason,
                  "it runs in the sandbox, which holds it to the rules packet by packet" if rules.connectionless else
                  "make it simpler: the sandbox lets packets through that are not TCP")
        )  # fmt: skip
    if broken.get(
        CONNECTIONLESS
    ):  # the sandbox does not look at protocols, so nothing else holds the module to it
        assessment = Assessment.REFUSED
    elif lost and not rules.connectionless:
        assessment = Assessment.UNDECIDED
    elif good:
        assessment = Assessment.SANDBOX if bad else Assessment.SAFE
    elif bad:
        assessment = Assessment.REFUSED
    elif vacuous or _transits(box, parse, rules, budget):
        assessment = Assessment.REFUSED
        exits = any(flow.end is End.EXIT for flow in found)
        checks.append(Check(USE, Answer.NO, *(RETURNS if vacuous else NOT_IPV4 if exits else IN_PATH)))
    else:
        assessment = Assessment.SAFE
        checks.append(Check("the module sends nothing: a sink", Answer.YES))
    protocol = port = None
    if judged and not lost:
        protocol = _only([j.state.store.domain(origin.symbols["ip.proto"]) for j in judged])
        dport = origin.payload.carved.get((16, 16))
        if dport is not None and protocol in (PROTO_TCP, PROTO_UDP):
            port = _only([j.state.store.domain(dport) for j in judged])
    return Security(
        assessment,
        tuple(checks),
        tables.templates,
        protocol,
        port,
        None if lost else Sent(origin, tuple(sent)),
    )


def _only(domains: list[rs.Ranges]) -> int | None:
    """The one value that all sets have, or None."""
    values = {low if low == high else None for domain in domains for low, high in domain}
    return values.pop() if len(values) == 1 else None


def judge(flow: Flow, parse: Program, tables: Tables, rules: Rules, source: Sym) -> Iterator[Judged]:
    """What packets of a flow that leaves may do. What is not IPv4 the platform does not let out."""
    for state in framed(flow.state, parse, tables):
        if state.lost:
            raise Imprecise(state.lost)
        if Mark.NET in state.memory.marks:
            yield from _judge(state, flow.place, rules, source)


def _judge(state: State, place: str, rules: Rules, source: Sym) -> Iterator[Judged]:
    store = state.store
    try:
        src, dst, proto = header(state, 96, 32), header(state, 128, 32), header(state, 72, 8)
    except Split as split:  # the header lies across parts of unknown length
        for alternative in split.alternatives:
            case = state.fork()
            if case.store.assume(alternative) and case.store.feasible():
                yield from _judge(case, place, rules, source)
        return
    mine = rs.single(rules.address)
    came = equal(src, source)
    src_ok: Formula = TRUE
    forges: Formula = FALSE
    if not store.entails(came):
        src_ok = member(src, mine)
        forges = all_of(negate(src_ok), negate(came))
    back = member(dst, mine)
    dst_ok: Formula = TRUE
    strays: Formula = FALSE
    if rules.account.role is AccountRole.THIRD_PARTY:
        answers = equal(dst, source)
        if not (earlier_source(dst, store) or store.entails(answers)):
            dst_ok = member(dst, rules.allowed)
            strays = all_of(negate(dst_ok), negate(answers), negate(back))
    unconnected: Formula = FALSE
    if not rules.connectionless:
        tcp = member(proto, rs.single(PROTO_TCP))
        dst_ok, unconnected = all_of(dst_ok, tcp), negate(tcp)
    yield Judged(state, _hop(state), place, all_of(src_ok, dst_ok), forges, strays, unconnected, back)


def traffic(states: Iterable[State], address: int) -> Traffic:
    """What frames with an IPv4 header are that the module at `address` sends; those to itself do not leave."""
    found = NOTHING
    for state in states:
        store = state.store
        at = state.memory.marks.get(Mark.TRANSPORT)
        cell = None if at is None else state.memory.cells[at[0]].get(8 * at[1])
        ports = rs.full(16) if cell is None or cell[0] != 16 else possible(cell[1], store)
        destinations = possible(header(state, 128, 32), store)
        found = found.joined(Traffic(destinations, possible(header(state, 72, 8), store), ports))
    others = rs.intersect(found.destinations, rs.complement(rs.single(address), 32))
    if rs.complement(others, 32) == rs.single(address):
        others = rs.full(32)  # the same for modules at any address
    return replace(found, destinations=others)


def earlier_source(term: Term, store: Store) -> bool:
    """Whether the value is the source address of an earlier packet to this module: an entry of another flow gave it."""
    candidates: list[Atom] = []
    resolved = resolve(term, store)
    for one in (term, resolved):
        if isinstance(one, (Lin, K)):
            continue
        if isinstance(one, Sym):
            candidates.append(one)
    for atom in store.substitution:
        rep, by = store.find(atom)
        if by == 0 and any(rep is c for c in candidates):
            candidates.append(atom)
    return any(isinstance(a, Sym) and a.origin == "earlier source" for a in candidates)


def _transits(box: Box, parse: Program, rules: Rules, budget: Budget) -> bool:
    """Whether anything leaves when the module gets traffic that is not addressed to it."""
    tables = Tables(any_state=True)
    tables.unread = unread(box.machine, box.scope, budget.work)
    found = settle(box, arrivals(box, inject(rules.address, own=False)), tables, budget)
    return any(f.end is End.EXIT for f in found)


def _hop(state: State) -> Hop:
    assert isinstance(state.hop, Hop)
    return state.hop


def _violated(
    rule: str,
    violations: list[tuple[Judged, Formula]],
    box: Box,
    parse: Program,
    rules: Rules,
    origin: Injected,
    show: bool,
) -> Iterator[Check]:
    """A rule that is broken: a check for each element that does it, with packets that show it if any were found."""
    places: dict[str, list[tuple[Judged, Formula]]] = {}
    for j, violation in violations:
        where = "" if rule is CONNECTIONLESS else changed_at(j.hop, FIELDS[rule][1])
        places.setdefault(where, []).append((j, violation))
    for where, mine in list(places.items())[:MAX_REASONS]:
        j, violation = mine[0]
        if rule is CONNECTIONLESS:
            reason = f"packets leave at {j.exit} that are not TCP"
            remedy = "let TCP pass only: IPFilter(allow tcp)"
        else:
            reason = f"the {FIELDS[rule][0]} of packets that leave at {j.exit} " + (
                f"is set by {where}" if where else "is not proven to be allowed"
            )
            remedy = "send to an address that the account owns, or answer the sender (IPMirror)"
            if rule is ANTI_SPOOFING:
                remedy = "leave the source alone, or set it to $ADDR"
                if where:
                    remedy = f"remove {where}, or store the module's own address ($ADDR)"
        stores = [store for one, broken in mine if (store := _assumed(one.state.store, broken)) is not None]
        state = j.state.fork()
        state.store.assume(violation)
        witness = find(_question(rule, box, parse, rules), origin, stores) if show else None
        holds = Answer.NO
        if show and witness is None:
            holds = Answer.UNDECIDED
            reason += "; no packet was found that shows it, and none is proven not to be there"
        yield Check(rule, holds, reason, remedy, witness, steps(j.hop, state.store, j.state))


def _assumed(store: Store, f: Formula) -> Store | None:
    one = store.fork()
    return one if one.assume(f) and one.feasible() else None


def _question(rule: str, box: Box, parse: Program, rules: Rules) -> Question:
    """What is looked for when a rule is broken: see `Question`."""

    def breaks(left: Left, state: State, origin: Injected, tables: Tables) -> Iterator[Store]:
        sent = State(left.memory.fork(), state.store.fork())
        sent.hop = left.hop
        for j in judge(Flow(End.EXIT, left.exit, "", sent), parse, tables, rules, origin.symbols["ip.src"]):
            store = _assumed(j.state.store, BREAKS[rule](j))
            if store is not None:
                yield store

    def inject_one(label: str) -> Injected:
        return inject(rules.address, label=label)

    def wrong(left: bytes, causes: set[int], sources: set[int]) -> bool:
        return violates(causes, sources, left, rules, rule)

    owned = [low for low, _ in rules.account.owned]
    owner = next((address for address in owned if address != rules.address), STRANGER)
    victim = next(v for v in VICTIMS if not rs.contains(rules.allowed, v) and v != rules.address)
    return Question(box, rules.address, owner, victim, inject_one, breaks, wrong)


def changed_at(hop: Hop, field: int) -> str:
    """The last element before the exit that changed field number `field` of the story; empty if none did."""
    story = hop.story()
    for before, after in zip(reversed(story[:-1]), reversed(story[1:]), strict=True):
        a, b = before.fields[field], after.fields[field]
        if a is not None and b is not None and a != b:
            return before.place
    return ""


def violates(causes: set[int], sources: set[int], left: bytes, rules: Rules, rule: str) -> bool:
    """Whether a frame that left breaks a rule, whichever packet caused it: one from `causes`, or for the destination
    one that came before, too, from `sources`."""
    src, dst = int.from_bytes(left[26:30], "big"), int.from_bytes(left[30:34], "big")
    if rule is ANTI_SPOOFING:
        return src != rules.address and src not in causes
    if rule is CONNECTIONLESS:
        return left[23] != PROTO_TCP
    return dst != rules.address and dst not in sources and not rs.contains(rules.allowed, dst)


__all__ = ["Blob", "Rules", "Security", "Step", "assess"]
