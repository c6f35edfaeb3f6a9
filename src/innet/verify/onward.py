"""What packets that leave a platform can do to a rule, whatever module sends them: found out once, then known.

A rule is at some point of its way when packets come to a module. What the module then sends is, at its most, any
packets to some destinations with some protocols; if none of those, from there on, can break the rule, the rule holds
with the module in place, and nothing of the module has to be run for it. If some could, that says nothing yet.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from innet.explore.flow import BudgetExceeded
from innet.explore.modules import ARRIVES, NOTHING, Gist, Module, Told, Traffic
from innet.explore.network import Network, header, parse
from innet.explore.waiting import Waiting
from innet.ir.nodes import Mark
from innet.network import End
from innet.network.reads import UNREAD, Reads
from innet.policy import Named, Place, Quantifier, Region, Subnet
from innet.records import quick
from innet.symbolic import ranges as rs
from innet.symbolic.formulas import all_of, equal, member, negate
from innet.symbolic.memory import Imprecise, Split
from innet.symbolic.ranges import Ranges
from innet.symbolic.state import Injected, State, Tables, inject_ip, possible
from innet.symbolic.terms import K, Sym
from innet.verify.questions import Progress, Question, places_of
from innet.verify.reach import BUDGET, Arrived, Base, Findings, Groups, Query


@quick
@dataclass(frozen=True, slots=True)
class Point:
    """Packets that leave a platform, and how far a rule is with them: what `Onward` is about."""

    platform: str
    interface: str
    index: int
    departed: bool
    owned: Ranges | None
    """The addresses of the account whose module they passed, if they passed one."""
    traffic: Traffic
    home: bool = False
    """The account owns whatever address a packet was sent to, which stands for all accounts; `owned` says nothing."""

    def widened(
        self, question: Question, owners: Callable[[Ranges], Ranges], ports: Ranges | None
    ) -> "Point":
        """These packets and others like them, which other modules send: to all addresses of whom they go to (`owners`),
        and from `ports`, if given. If those do no harm, whoever owns what, these do not, either."""
        traffic, owned, home = self.traffic, self.owned, False
        if owned is not None and question.reach.quantifier is Quantifier.NEVER:
            owned = rs.full(32)  # the more it owns, the more does what no flow may do
        elif owned is not None:
            # the less it owns, the more flows break the rule; all that it owns may be told from where it sends to
            home = rs.intersect(traffic.destinations, owned) == traffic.destinations
            owned = rs.EMPTY
        to, by = owners(traffic.destinations), traffic.ports if ports is None else ports
        like = Traffic(to, traffic.protocols, by)
        return Point(self.platform, self.interface, self.index, self.departed, owned, like, home)


@dataclass(frozen=True, eq=False)
class Onward:
    """What becomes of the packets of `point`, which `sender` sends: `harmless` if none can break the rule, as long as
    none comes to a module that is not there yet. `waiting` are those that come to platforms where no module has their
    address; they left with the destination `sent_to`."""

    point: Point
    sender: Module
    harmless: bool
    waiting: Waiting[Progress]
    sent_to: Sym
    reads: Reads = UNREAD
    """What of the snapshot it hangs on."""

    @property
    def ends(self) -> bool:
        """Whether none can break the rule, and none comes to a platform: whatever modules there are."""
        return self.harmless and not self.waiting

    def meets(self, modules: Iterable[Module], sender: Module) -> bool:
        """Whether a packet that `sender` sends may come to one of `modules`."""
        away = negate(equal(self.sent_to, K(sender.address, 32)))  # what it sends to itself does not leave
        return any(
            state.store.allows(all_of(away, equal(header(state, 128, 32), K(module.address, 32))))
            for module in modules
            for state, _ in self.waiting.at(module.platform)
        )


def onward(question: Question, network: Network, tables: Tables, point: Point, passed: Module) -> Onward:
    """Follow the packets of `point`. `passed` is the module that sends them.

    `tables` are in any state, for `new` rules too: packets carry the entries that they made on their way here.
    """
    injected = inject_ip()
    sent_to, traffic, store = injected.symbols["ip.dst"], point.traffic, injected.state.store
    port = injected.payload.carve(0, 16)
    known = (
        member(sent_to, traffic.destinations),
        member(injected.symbols["ip.proto"], traffic.protocols),
        member(port, traffic.ports),
    )
    if not store.assume(all_of(*known)):
        return Onward(point, passed, True, Waiting(network), sent_to)
    harm = Onward(point, passed, False, Waiting(network), sent_to)
    query = Query(question, network, tables, network.budget(BUDGET // 4), Findings(), operator=True)
    query.early = False
    never = question.reach.quantifier is Quantifier.NEVER
    module = None if point.owned is None else replace(passed, owned=point.owned)
    home = sent_to if point.home else None
    progress = Progress(point.index, point.departed, module=module, home=home)
    found, end = query.found, End(point.platform, point.interface)

    def harmless(_: object = None) -> bool:
        return not (found.lost or found.violating or (never and found.conforming))

    try:
        for one in parse(injected.state, network.parse, tables):
            if one.lost or Mark.NET not in one.memory.marks:
                return harm
            going = [(one, progress)] if point.departed else query.depart(one, progress)
            for state, then in going:
                query.collect(itertools.takewhile(harmless, query.walk.from_station(end, state, then)))
    except (BudgetExceeded, Imprecise, Split):
        return harm
    finally:
        query.walk.budget.work.done()
    return replace(harm, harmless=True, waiting=query.waiting) if harmless() else harm


def applies(question: Question, base: Base) -> bool:
    """Whether `points` can tell all that modules outside sandboxes, of which it is known what they send, add to what
    the rule found without them."""
    reach, found = question.reach, base.found
    broken = found.violating or found.lost or (reach.quantifier is Quantifier.NEVER and found.conforming)
    return (
        reach.quantifier is not Quantifier.SOME
        and not (broken or base.cut or base.check is not None)
        and isinstance(reach.start.node, Region | Named)
        and all(isinstance(hop.node, Region | Named | Subnet) and not hop.const for hop in question.hops)
    )


class Alone:
    """A module by itself in the network."""

    def __init__(self, network: Network, module: Module) -> None:
        self.network, self.module = network, module

    @cached_property
    def there(self) -> Network:
        """The network with it."""
        return self.network.with_modules([self.module])

    @cached_property
    def cases(self) -> tuple[State, ...] | None:
        """Any packets that the platform hands to it; None if not all can be followed."""
        injected, cases = self.network.anything()
        forks = [case.fork() for case in cases if not case.lost]
        if len(forks) < len(cases) or not all(handed(one, injected, self.module.address) for one in forks):
            return None
        return tuple(forks)


def points(
    question: Question, tables: Tables, base: Base, alone: Alone, gist: Gist
) -> Iterator[Point] | None:
    """How far the rule can be with packets that leave a module, whichever it gets; None if it is broken at the module
    already, or may be."""
    network, module = alone.network, alone.module
    place = ARRIVES + module.name
    looked = place in places_of(question, network)
    query: Query | None = None
    interface = next(iter(module.box.exits.values()), "0")
    reached: dict[tuple[int, bool, Ranges | None], Traffic] = {}

    def leave(progress: Progress, traffic: Traffic) -> None:
        owned = None if progress.module is None else progress.module.owned
        key = progress.index, progress.departed, owned
        reached[key] = reached.get(key, NOTHING).joined(traffic)

    if question.start.node == Region(Place.MODULE):
        leave(Progress(departed=False), joined(flow.traffic for flow in gist))
    for progress, came in waiting_there(base, module.platform):
        if looked:
            if query is None:
                query = Query(
                    question, alone.there, tables, network.budget(BUDGET), Findings(), operator=True
                )
            if alone.cases is None:
                return None
            seen = [then for case in alone.cases for _, then in query.watch(place, 0, case.fork(), progress)]
        else:
            seen = [progress]
        traffic = joined(
            Traffic(one.sources, flow.traffic.protocols, flow.traffic.ports) if flow.answers else flow.traffic
            for one in came
            for flow in gist
            if not flow.made and may_cause(one, flow)
        )
        for then in seen:
            assert isinstance(then, Progress)
            leave(then, traffic)
    if query is not None and (query.found.violating or query.found.conforming):
        return None
    return iter(
        [
            Point(module.platform, interface, index, departed, owned, traffic)
            for (index, departed, owned), traffic in reached.items()
            if traffic.destinations
        ]
    )


def handed(case: State, injected: Injected, address: int) -> bool:
    """Keep those of any packets that the platform hands to a module at `address`."""
    mine, symbols = rs.single(address), injected.symbols
    return case.store.assume(
        all_of(member(symbols["ip.dst"], mine), member(symbols["ip.src"], rs.complement(mine, 32)))
    )


def joined(parts: Iterable[Traffic]) -> Traffic:
    """All of the packets."""
    out = NOTHING
    for part in parts:
        out = part if out is NOTHING else out.joined(part)
    return out


def may_cause(came: Arrived, flow: Told) -> bool:
    """Whether packets at a platform may make the module send those of `flow`."""
    return (
        bool(rs.intersect(flow.protocols, came.protocols) and rs.intersect(flow.sources, came.sources))
        and (flow.first is None or came.first is None or bool(rs.intersect(flow.first, came.first)))
        and (flow.second is None or came.second is None or bool(rs.intersect(flow.second, came.second)))
    )


def waiting_there(base: Base, platform: str) -> Groups:
    """How far the rule is with packets that wait at a platform, each way of it once, and what is in their headers."""
    there = base.waiting.at(platform)
    known = base.groups.get(platform)
    if known is None or known[0] != len(there):
        ways: dict[tuple[int, bool, int], tuple[Progress, dict[Arrived, None]]] = {}
        for state, progress in there:
            key = progress.index, progress.departed, id(progress.module)
            ways.setdefault(key, (progress, {}))[1][_arrived(base, state)] = None
        groups = tuple((progress, tuple(came)) for progress, came in ways.values())
        known = base.groups[platform] = len(there), groups
    return known[1]


def _arrived(base: Base, state: State) -> Arrived:
    """The headers of packets that wait at a platform; found out once."""
    known = base.arrived.get(id(state))
    if known is None:
        memory, store = state.memory, state.store
        region, offset = memory.marks[Mark.TRANSPORT]
        ports = [
            None if cell is None or cell[0] != 16 else possible(cell[1], store)
            for cell in (memory.cells[region].get(8 * offset + bit) for bit in (0, 16))
        ]
        proto, source = possible(header(state, 72, 8), store), possible(header(state, 96, 32), store)
        known = base.arrived[id(state)] = Arrived(proto, source, *ports)
    return known


__all__ = ["Alone", "Onward", "Point", "applies", "onward", "points"]
