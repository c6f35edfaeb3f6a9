"""Flows through the operator's network: routers as longest-prefix tables, middleboxes and modules as configurations.

On a wire a packet is an Ethernet frame that carries IPv4; NET and TRANSPORT are kept while nothing but routers touch
it. Other frames only boxes send, or make of packets: switches pass them on, boxes see them, everywhere else they end.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeAlias

from innet.elements.base import OUTSIDE, Role
from innet.explore.fabric import LOOP, Way, ways
from innet.explore.flow import STORY, Budget, Flow, Hop, hop_to, look, repeated
from innet.explore.flow import End as Ended
from innet.explore.flow import flows as config_flows
from innet.explore.interest import ANYWHERE, SMALL, Interest, Ways
from innet.explore.modules import ARRIVES, SENDS, Box, Module, Modules, Places
from innet.explore.resized import joined, pieces
from innet.explore.rounds import Came
from innet.ir.nodes import Mark, Program
from innet.network import Clients, End, Host, Internet, Middlebox, Platform, Router, Snapshot, Switch, lpm
from innet.network.model import DROP
from innet.network.reads import Change, Reads
from innet.network.recorded import Recorded
from innet.packet.headers import BY_NAME, ETHERTYPE_IPV4
from innet.symbolic import ranges as rs
from innet.symbolic.evaluation import adjust
from innet.symbolic.execute import Emitted, Lost, execute
from innet.symbolic.formulas import all_of, any_of, equal, less, member, negate
from innet.symbolic.memory import ANNOTATIONS, Imprecise, Split
from innet.symbolic.ranges import Ranges
from innet.symbolic.state import ARRIVAL, Injected, State, Tables, inject_ip, possible, stamp, whole_frame
from innet.symbolic.terms import Fn, K, Sym, Term, add, cast, shift_left, slice_of
from innet.symbolic.work import MAX_WORK, Guard

LONG = 24
"""After so many hops it is looked whether packets go round."""
MAX_HOPS = 255
FAR = "packets come there on ways that are too long to be followed"
ROUND = "packets go round there, and are changed each time"

TTL = [name for name, *_ in STORY].index("ttl")

ANOTHER = "a frame for another station"

FIXED = "fixed"
"""The origin of Ethernet addresses that are not told."""

GROUP = 40
"""The bit of an Ethernet address that is set in those of several stations."""

FEW = 4
"""How many ways are followed before others where one may be enough."""

MAX_WAYS = 200_000
"""How many ways through routers are remembered."""

NO_MODULE = "no module has this address"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a flow ended: delivered at a node (`reason` empty), or dropped or lost there."""

    node: str
    delivered: bool
    reason: str
    state: State
    lost: bool = False


class Network:
    """The snapshot made ready for exploring. Immutable but for what it remembers of routing tables and wires."""

    def __init__(
        self, snapshot: Snapshot, boxes: Mapping[str, Box], parse: Program, modules: Iterable[Module] = ()
    ) -> None:
        self.snapshot = snapshot if isinstance(snapshot, Recorded) else Recorded(snapshot)
        """What proofs see of it, and what they have read (`Recorded.noting`)."""
        self.boxes = boxes
        self.parse = parse
        self.modules = Modules().changed(modules)
        self.guests: frozenset[str] = frozenset()
        """Names of the modules that are only tried, in `with_modules`."""
        self._outputs: dict[str, tuple[tuple[tuple[str, ...], Ranges | lpm.Addresses], ...]] = {}
        self._ways = Remembered()
        self._macs: dict[End, Term] = {}
        self._owners: dict[Term, End] = {}
        self._anybody: dict[End, Term] = {}
        self._starts: dict[tuple[End, Ranges, int], Injected] = {}
        self._anything: list[tuple[Injected, tuple[State, ...]]] = []
        self.places: dict[object, Places] = {}
        """Where packets may be at nodes of questions (`innet.verify.questions.place_names`)."""
        self.guard = Guard()
        self.ran: dict[object, list[Flow]] = {}
        """What became of packets in modules, by module, element and packets; see `Walk.through`."""

    def with_modules(self, modules: Iterable[Module]) -> "Network":
        """The same network with more modules, to see how they fare; what is remembered is shared."""
        guests = tuple(modules)
        other = self.holding(self.modules.changed(guests))
        other.guests = frozenset(m.name for m in guests)
        return other

    def holding(self, modules: Modules) -> "Network":
        """The same network with other modules; what is remembered is shared."""
        other = Network(self.snapshot, self.boxes, self.parse)
        other.modules = modules
        other._outputs, other._macs, other._starts = self._outputs, self._macs, self._starts
        other._anything, other._anybody, other.places = self._anything, self._anybody, self.places
        other._owners, other._ways = self._owners, self._ways
        other.guard = self.guard
        return other

    def changed(self, snapshot: Snapshot, boxes: Mapping[str, Box], change: Change) -> "Network":
        """Another network that differs by `change`, without modules. Packets and addresses have the same symbols, so
        that what was found out about this one, and did not read what is different, serves the other."""
        other = Network(snapshot, boxes, self.parse)
        other._starts, other._anything, other._anybody = self._starts, self._anything, self._anybody
        gone = {
            end for end in self._macs if change.differs(("port", *end)) or change.differs(("kind", end[0]))
        }
        other._macs = {end: term for end, term in self._macs.items() if end not in gone}
        other._owners = {term: end for term, end in self._owners.items() if end not in gone}
        other._outputs = {
            router: known for router, known in self._outputs.items() if not change.moved(("table", router))
        }
        return other

    def budget(self, steps: int, work: int = MAX_WORK) -> Budget:
        """What a question about this network may cost. Raises `Stopped` if there were too many."""
        self.guard.question()
        return Budget(steps, self.guard.asked, work)

    def start(self, end: End, sources: Ranges, longest: int) -> Injected:
        """Any packets with these sources, and at most `longest` bytes behind the header, that arrive at `end`: the same
        symbols each time, so that what is found out about them for one question serves others. To be forked, not
        changed."""
        found = self._starts.get((end, sources, longest))
        if found is None:
            found = self._starts[end, sources, longest] = inject_ip(max_payload=longest)
            found.state.store.domains[found.symbols["ip.src"]] = sources
        return found

    def anything(self) -> tuple[Injected, tuple[State, ...]]:
        """Any packet with an IPv4 header, and the cases of it with NET and TRANSPORT known (`lost` where they are not).
        To be forked, not changed."""
        if not self._anything:
            injected = inject_ip()
            cases = tuple(parse(injected.state.fork(), self.parse, Tables(False)))
            self._anything.append((injected, cases))
        return self._anything[0]

    def outputs(
        self, router: str, destinations: Ranges = ANYWHERE
    ) -> Sequence[tuple[tuple[str, ...], Ranges | lpm.Cut]]:
        """For each output of a router those of `destinations` that it sends there; () drops."""
        self.snapshot.note_table(("table", router), destinations)
        if len(destinations) == 1:
            output = lpm.only(self.snapshot.plain.table(router), *destinations[0])
            if output is not None:
                return [(output, destinations)]
        found = self._outputs.get(router)
        if found is None:
            flat = self.snapshot.plain.table(router)
            if isinstance(flat, lpm.Packed):
                found = tuple(flat.addresses(DROP).items())
            else:
                routed = tuple((out, tuple(parts)) for out, parts in lpm.by_output(flat).items())
                rest = rs.complement(rs.normal(part for _, parts in routed for part in parts), 32)
                found = (*routed, ((), rest)) if rest else routed
            self._outputs[router] = found
        parts = ((output, lpm.cut(some, destinations)) for output, some in found)
        return [(output, part) for output, part in parts if part]

    def mac(self, end: End) -> Term:
        """The Ethernet address of a station: the snapshot's, or one that is fixed but not known."""
        known = self.snapshot.interface(end).mac
        term = self._macs.get(end)
        if term is None:
            term = self._macs[end] = K(known, 48) if known is not None else Sym(f"mac of {end}", 48, FIXED)
            if known is None:
                self._owners[term] = end
        return term

    def anybody(self, out: End) -> Term:
        """Whom a station addresses where a box decides who gets a frame: whoever it is takes it for his."""
        term = self._anybody.get(out)
        if term is None:
            term = self._anybody[out] = Sym(f"whoever {out} sends to", 48, FIXED)
        return term

    def facing(self, out: End) -> End | None:
        """The station that hears what leaves by an interface: that at the other end of the wire, or the only one behind
        switches and boxes. None: none does, or several, or a box decides who."""
        snapshot = self.snapshot
        peer = snapshot.neighbour(*out)
        if peer is None or not isinstance(snapshot.nodes[peer.node], Switch | Middlebox):
            return peer
        segment = snapshot.segment(*out)
        if segment is None or not segment.plain or len(segment.stations) != 2:
            return None
        (other,) = segment.others(out)
        return other

    def gateway(self, out: End) -> End | None:
        """Whom a platform sends packets to. None: to whoever is behind the box there."""
        facing = self.facing(out)
        if facing is not None:
            return facing
        segment = self.snapshot.segment(*out)
        several = segment is not None and segment.plain and len(segment.stations) > 2
        return self.snapshot.gateway(out) if several else None

    def owner(self, mac: Term) -> End | None:
        """The station that has an Ethernet address which the snapshot does not tell."""
        found = self._owners.get(mac)
        if found is not None:
            self.snapshot.note("port", *found)
            self.snapshot.note("kind", found.node)
        return found

    def ways(
        self, router: Router, entrance: str, destinations: Ranges, stops: frozenset[str] = frozenset()
    ) -> Ways:
        """Every way of packets that a router forwards, which came in by an interface of it; routers in `stops` end one.
        Remembered: questions ask for the same ones."""
        name = router.name
        key = name, entrance if router.split_horizon else "", destinations, stops
        known = self._ways.get(key)
        if known is None:
            with self.snapshot.noting() as reads:
                found = ways(self.snapshot, self.outputs, name, destinations, stops, self.stations, entrance)
                known = Ways(found, self.snapshot), reads
            self._ways.put(key, known)
        self.snapshot.note_all(known[1])
        return known[0]

    def to_platforms(self, ways: Ways) -> Mapping[str, Sequence[Way]]:
        """Those ways that lead to platforms. Packets will have the Ethernet addresses there that other networks have,
        too, as far as all that is read is the same."""
        if ways.stations is None:
            with self.snapshot.noting() as reads:
                for some in ways.platforms.values():
                    for way in some:
                        assert way.out is not None
                        peer = self.snapshot.neighbour(*way.out)
                        assert peer is not None
                        self.mac(way.out)
                        self.mac(peer)
            ways.stations = reads
        self.snapshot.note_all(ways.stations)
        return ways.platforms

    def stations(self, end: End, part: Ranges | lpm.Cut) -> Sequence[tuple[End | None, Ranges]]:
        """For an interface of a router whose frames several stations hear, through switches: whom it sends which of
        the destinations `part` to. Empty where there is one, or where a box decides who gets a frame."""
        told = self.snapshot.plain.addressed(end)
        destinations = part if isinstance(part, tuple) else part.all() if told else part.among
        self.snapshot.note_table(("stations", *end), destinations)
        return [(station, rs.intersect(destinations, some)) for station, some in told.items()]


Asked: TypeAlias = tuple[str, str, Ranges, frozenset[str]]
"""Ways are asked for by router, interface that packets came in by ("": any), destinations and routers that are watched.
"""


class Remembered:
    """Ways by what they were asked for, each with what they hang on; the oldest go when there are too many."""

    def __init__(self) -> None:
        self._known: dict[Asked, tuple[Ways, Reads]] = {}
        self._size = 0

    def get(self, key: Asked) -> tuple[Ways, Reads] | None:
        return self._known.get(key)

    def put(self, key: Asked, found: tuple[Ways, Reads]) -> None:
        self._known[key] = found
        self._size += len(found[0])
        while len(self._known) > 1 and self._size > MAX_WAYS:
            oldest, _ = self._known.pop(next(iter(self._known)))
            self._size -= len(oldest)


Watch = Callable[[str, int, State, object], Iterable[tuple[State, object]]]
"""(place, port, packets, progress) -> what goes on, each with its progress. Places are node names and elements."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Packets at a router that go ways, or to destinations on them, where they end and nothing of interest comes of it.
    Some of them are followed if nothing else was found to tell of."""

    ways: Ways
    node: Router
    state: State
    progress: object


@dataclass(frozen=True, slots=True)
class Aside:
    """Packets at a router that it and others forward to platforms: one state for all of them, which are many. `but` one
    way was followed at once."""

    router: str
    state: State
    progress: object
    ways: Mapping[str, Sequence[Way]]
    but: Way | None

    @property
    def unchanged(self) -> bool:
        """Whether nothing of the packets from the IPv4 header on is different at the platforms but what routers write
        there: Ethernet addresses are in front of it, in a region of their own."""
        memory = self.state.memory
        net, data = memory.marks[Mark.NET][0], memory.marks[Mark.DATA][0]
        return memory.order.index(data) < memory.order.index(net)


@dataclass(frozen=True, slots=True)
class Later:
    """Packets at a router that go ways which are followed once those before them came to nothing."""

    found: Iterator[Way]
    node: Router
    state: State
    progress: object


class Walk:
    """Follows flows from where they start to their ends. `watch` is asked at `places` only."""

    def __init__(
        self, network: Network, tables: Tables, budget: Budget, watch: Watch, places: Places
    ) -> None:
        self.network, self.tables, self.budget = network, tables, budget
        tables.work = budget.work
        self.watch, self.places = watch, places
        self.wanted: Callable[[object], bool] = lambda progress: True
        """Whether flows with that progress that end nowhere of interest are to be told of."""
        self.resizes = False
        """Whether network cards may join packets, and cut them (`innet.explore.resized`)."""
        self.interest: Interest | None = None
        """Which flows that end at hosts among `places` are of interest; of others that end it is then enough to tell of
        one. None: all flows are of interest."""
        self.gradual = False
        """Whether few ways are followed to their ends before others are: one may be enough."""
        self.put_aside: Callable[[Aside], None] | None = None
        """Who takes packets that routers forward to very many platforms, instead of their being followed there. They
        have to be ones where no module is."""
        nodes = network.snapshot.nodes
        self.stops = frozenset(name for name in places.names if isinstance(nodes.get(name), Router))
        """Routers among `places`."""
        self.work: list[tuple[End, State, object] | Rest | Later] = []
        self.held: Callable[[object], Iterable[Term] | None] = lambda progress: None
        """What a statement has remembered of packets to compare with later. None: what they were in the beginning."""
        self.came: dict[int, tuple[Hop, Came]] = {}
        """How packets came to each place that they came to again, by its `id`."""
        self.passed: set[int] = set()
        """The addresses of modules that packets came to."""

    def from_wire(self, end: End, state: State, progress: object) -> Iterator[tuple[Outcome, object]]:
        """Packets that arrive at an interface, and all that becomes of them."""
        self.work.append((end, self.charged(state), progress))
        yield from self.rest()

    def charged(self, state: State) -> State:
        """The packets, which may come from the exploration of another question, as this one's."""
        state.store.work = self.budget.work
        return state

    def from_module(self, module: Module, state: State, progress: object) -> Iterator[tuple[Outcome, object]]:
        """Packets that a platform hands to a module."""
        for handed in parse(self.charged(state), self.network.parse, self.tables):
            if handed.lost:
                yield Outcome(module.name, False, handed.lost, handed, True), progress
            elif Mark.NET in handed.memory.marks:  # nothing else is handed to modules
                yield from self.module(module, handed, progress)
        yield from self.rest()

    def from_sources(
        self, module: Module, blank_packet: State, progress: object
    ) -> Iterator[tuple[Outcome, object]]:
        """Packets that a module makes by itself."""
        self.charged(blank_packet).progress = progress
        sources = module.box.machine.with_role(Role.SOURCE)
        if sources:
            arrivals = [(element, OUTSIDE, blank_packet.fork()) for element in sources]
            yield from self.follow(module.box, arrivals, module)
            yield from self.rest()

    def from_exit(
        self, module: Module, element: str, state: State, progress: object
    ) -> Iterator[tuple[Outcome, object]]:
        """Packets that a module's exit hands to the platform."""
        yield from self.leave(module.box, module.box.exits[element], self.charged(state), progress, module)
        yield from self.rest()

    def from_station(self, out: End, state: State, progress: object) -> Iterator[tuple[Outcome, object]]:
        """Packets that a station puts on its wire, with its own Ethernet address."""
        self.readdress(state, out)
        yield from self.send(out.node, out.interface, state, progress)
        yield from self.rest()

    def from_platform(
        self, platform: str, state: State, progress: object
    ) -> Iterator[tuple[Outcome, object]]:
        """Packets that are at a platform, and go to its module that they are addressed to."""
        node = self.network.snapshot.nodes[platform]
        assert isinstance(node, Platform)
        yield from self.platform(node, self.charged(state), progress)
        yield from self.rest()

    def from_output(
        self, module: Module, element: str, port: int, state: State, progress: object
    ) -> Iterator[tuple[Outcome, object]]:
        """Packets that leave an element of a module by an output (an exit: that leave the module)."""
        self.charged(state).progress = progress
        targets = module.box.machine.next.get((element, port), ())
        if targets:
            yield from self.follow(module.box, [(e, p, state.fork()) for e, p in targets], module)
        elif element in module.box.exits:
            yield from self.leave(module.box, module.box.exits[element], state, progress, module)
        yield from self.rest()

    def rest(self) -> Iterator[tuple[Outcome, object]]:
        while self.work:
            item = self.work.pop()
            if isinstance(item, Later):
                yield from self.few(item.found, item.node, item.state, item.progress)
            elif not isinstance(item, Rest):
                yield from self.arrive(*item)
            elif self.wanted(item.progress):
                assert self.interest is not None, "there is no rest where all flows are of interest"
                found = [*item.ways.others(self.interest, self.places)]
                yield from self.along(found, item.node, item.state, item.progress)

    def arrive(self, end: End, state: State, progress: object) -> Iterator[tuple[Outcome, object]]:
        self.budget.spend(end.node)
        hop = hop_to(state, end.node, 0)
        node = self.network.snapshot.nodes[end.node]
        if (before := repeated(hop)) and (why := self.loops(end, hop, state, progress, before)):
            yield Outcome(end.node, False, why, state, why is not LOOP), progress
            return
        if hop.depth > MAX_HOPS:
            yield Outcome(end.node, False, f"{end.node}: {FAR}", state, True), progress
            return
        if isinstance(node, Middlebox):
            for one, then in self.seen(end.node, state, progress):
                yield from self.run(self.network.boxes[end.node], end.interface, one, then, None)
            return
        for parsed in parse(state, self.network.parse, self.tables):
            if parsed.lost:
                yield Outcome(end.node, False, parsed.lost, parsed, True), progress
                continue
            ipv4 = Mark.NET in parsed.memory.marks
            if not isinstance(node, Switch) and self.for_another(end, parsed):
                if self.wanted(progress):
                    yield Outcome(end.node, False, ANOTHER, parsed), progress
                continue
            for one, then in self.seen(end.node, parsed, progress):
                if isinstance(node, Switch):
                    yield from self.switch(node, end, one, then)
                elif not ipv4:  # it is there, and goes no further
                    yield Outcome(end.node, False, "not IPv4", one), then
                elif isinstance(node, Router):
                    yield from self.route(node, end, one, then)
                elif isinstance(node, Platform):
                    yield from self.platform(node, one, then)
                elif isinstance(node, Internet):
                    yield Outcome(end.node, True, "", one), then
                elif isinstance(node, Clients | Host):
                    yield from self.host(node, one, then)

    def seen(self, place: str, state: State, progress: object) -> Iterable[tuple[State, object]]:
        return self.watch(place, 0, state, progress) if place in self.places else ((state, progress),)

    def loops(self, end: End, hop: Hop, state: State, progress: object, before: int) -> str:
        """Why packets that come to a place again, with the same addresses and ports, are not followed any more: they
        come by the same interface as they were, with no time to live that they had not before; or something else of
        them is another one, so that nobody can tell what comes of that. Empty if they are followed."""
        found = [*parse(state.fork(), self.network.parse, self.tables)]
        one = found[0] if len(found) == 1 and not found[0].lost else state
        ttl = look(one)[TTL]
        times = rs.full(8) if ttl is None else possible(ttl, one.store)
        try:
            came = Came(end, destination(one), hop.fields[:TTL], times, progress, one)
        except (Split, Imprecise):
            return ""
        self.came[id(hop)] = hop, came
        earlier = hop.parent if before > 1 and hop.depth > LONG else None
        why = ""
        while earlier is not None:
            known = self.came.get(id(earlier))
            if known is not None and known[1].alike(came):
                if known[1].includes(came, self.held(progress)):
                    return LOOP
                why = f"{end.node}: {ROUND}"
            earlier = earlier.parent
        return why

    def send(
        self, node: str, interface: str, state: State, progress: object
    ) -> Iterator[tuple[Outcome, object]]:
        peer = self.network.snapshot.neighbour(node, interface)
        if peer is None:
            yield Outcome(node, False, f"nothing is plugged into {node}:{interface}", state), progress
        else:
            self.work.append((peer, state, progress))

    # ---- nodes

    def route(
        self, node: Router, end: End, state: State, progress: object
    ) -> Iterator[tuple[Outcome, object]]:
        """From a router to where the routers let packets out of their midst."""
        store = state.store
        ttl, dst = header(state, 64, 8), header(state, 128, 32)
        expired = less(ttl, K(1, 8), True)
        if store.status(expired) is not False:
            if self.wanted(progress):
                late = state.fork()
                if late.store.assume(expired) and late.store.feasible():
                    yield Outcome(node.name, False, "time to live expired", late), progress
            if not (store.assume(negate(expired)) and store.feasible()):
                return
        ways = self.network.ways(node, end.interface, possible(dst, store), self.stops)
        interest = self.interest
        if interest is None:
            yield from self.along(ways.all, node, state, progress)
            return
        if ways.may_end and self.wanted(progress):
            self.work.append(Rest(ways, node, state.fork(), progress))
        aside = self.set_aside(ways, node, state, progress)
        follow = [] if aside is None or aside.but is None else [aside.but]
        if self.gradual:
            some = chain(ways.last_first(interest, self.places, aside is None), follow)
            yield from self.few(some, node, state, progress)
        else:
            found = [*ways.chosen(interest, self.places, aside is None), *follow]
            yield from self.along(found, node, state, progress)

    def set_aside(self, ways: Ways, node: Router, state: State, progress: object) -> Aside | None:
        """Put aside the packets at a router that go to platforms, if there are many of those. One way is followed, if
        an end is to be told of."""
        marks, platforms = state.memory.marks, ways.platforms
        if (
            self.put_aside is None
            or len(platforms) <= SMALL
            or not (Mark.NET in marks and Mark.TRANSPORT in marks)
            or not self.places.names.isdisjoint(platforms)
        ):
            return None
        one = next(iter(platforms.values()))[0] if self.wanted(progress) else None
        aside = Aside(node.name, state.fork(), progress, self.network.to_platforms(ways), one)
        self.put_aside(aside)
        return aside

    def few(
        self, found: Iterator[Way], node: Router, state: State, progress: object
    ) -> Iterator[tuple[Outcome, object]]:
        """From a router along the first of these ways; the others wait."""
        now = [*islice(found, FEW)]
        if len(now) == FEW:
            self.work.append(Later(found, node, state.fork(), progress))
        yield from self.along(now[::-1], node, state, progress)

    def along(
        self, found: Sequence[Way], node: Router, state: State, progress: object
    ) -> Iterator[tuple[Outcome, object]]:
        """From a router along these ways."""
        ttl, dst = header(state, 64, 8), header(state, 128, 32)
        header_at = [(ttl, header(state, 80, 16))]
        fields = look(state)
        for n, way in enumerate(found):
            self.budget.spend(node.name)
            one = state if n + 1 == len(found) else state.fork()
            passed = len(way.routers) - (way.out is None)
            while len(header_at) <= passed:
                header_at.append(lowered(*header_at[-1]))
            limits = [member(dst, way.destinations)]
            if way.reason is not LOOP and len(way.routers) > 1:
                limits.append(member(ttl, ((len(way.routers) + 1, 255),)))
            if not (one.store.assume(all_of(*limits)) and one.store.feasible()):
                continue
            follow_hops(one, way.routers, header_at, fields)
            if passed:
                net = one.memory.marks[Mark.NET]
                write(one, net, 64, 8, header_at[passed][0])
                write(one, net, 80, 16, header_at[passed][1])
            last = way.routers[-1]
            if way.out is None:
                yield Outcome(last, False, way.reason, one), progress
                continue
            self.readdress(one, way.out, way.station)
            yield from self.send(last, way.out.interface, one, progress)

    def readdress(self, state: State, out: End, station: End | None = None) -> None:
        """A station sends the frame: its own address as source, the next station's as destination."""
        network = self.network
        peer = station or network.facing(out)
        mac = state.memory.marks[Mark.DATA]
        write(state, mac, 0, 48, network.anybody(out) if peer is None else network.mac(peer))
        write(state, mac, 48, 48, network.mac(out))

    def for_another(self, end: End, state: State) -> bool:
        """Whether a frame is addressed to another station than the one that it came to, which then drops it; what may
        be addressed to either is, from now on, to this one. An address that no station has may be that of a station
        of which none is told, and a platform's card hands on what it gets."""
        to, own = destination(state), self.network.mac(end)
        if to == own:
            return False
        if self.network.owner(to) is not None:
            return True
        if is_fixed(to):
            return False  # it is sent through a box
        node = self.network.snapshot.nodes[end.node]
        if isinstance(node, Platform):
            return isinstance(to, K) and bool(self.network.snapshot.stations_with(to.value))
        several = slice_of(to, GROUP, 1)
        if isinstance(own, K):
            mine = equal(to, own)
            if not isinstance(node, Router):
                mine = any_of(mine, member(several, rs.single(1)))
        elif isinstance(to, K) and self.network.snapshot.stations_with(to.value):
            return True
        elif isinstance(node, Router):
            mine = member(several, rs.single(0))
        else:
            return False
        return state.store.status(mine) is not True and not (
            state.store.assume(mine) and state.store.feasible()
        )

    def switch(
        self, node: Switch, end: End, state: State, progress: object
    ) -> Iterator[tuple[Outcome, object]]:
        """A frame leaves by the port that the table has for its address, or by any other than it came by."""
        mac = destination(state)
        port = node.table.get(mac.value) if isinstance(mac, K) else None
        others = [name for name in ((port,) if port else node.interfaces) if name != end.interface]
        if node.table and not isinstance(mac, K) and not is_fixed(mac):
            cases = []
            for name in others:
                elsewhere = rs.normal((known, known) for known, at in node.table.items() if at != name)
                case = state.fork()
                if case.store.assume(member(mac, rs.complement(elsewhere, 48))) and case.store.feasible():
                    cases.append((name, case))
        else:
            cases = [(name, state if n == 0 else state.fork()) for n, name in enumerate(others)]
        if not cases and self.wanted(progress):
            yield Outcome(node.name, False, "it came by the port that it would leave by", state), progress
        for name, case in cases:
            yield from self.send(node.name, name, case, progress)

    def host(self, node: Clients | Host, state: State, progress: object) -> Iterator[tuple[Outcome, object]]:
        mine: list[tuple[int, int]] = []
        for interface in node.interfaces.values():
            if isinstance(node, Clients) and interface.subnet is not None:
                mine.append((interface.subnet.low, interface.subnet.high))
            elif interface.address is not None:
                mine.append((interface.address, interface.address))
        inside = member(header(state, 128, 32), rs.normal(mine))
        decided = state.store.status(inside)
        if decided is not True:
            other = state.fork()
            if other.store.assume(negate(inside)) and other.store.feasible():
                yield Outcome(node.name, False, "addressed to nobody here", other), progress
            if not (state.store.assume(inside) and state.store.feasible()):
                return
        yield Outcome(node.name, True, "", state), progress

    def platform(self, node: Platform, state: State, progress: object) -> Iterator[tuple[Outcome, object]]:
        dst, src = header(state, 128, 32), header(state, 96, 32)
        modules = self.network.modules
        for address in modules.on(node.name, possible(dst, state.store)):
            module = modules.at(address)
            assert module is not None
            mine = equal(dst, K(module.address, 32))
            if state.store.status(mine) is False:
                continue
            one = state.fork()
            foreign = negate(equal(src, K(module.address, 32)))
            if one.store.assume(mine) and one.store.assume(foreign) and one.store.feasible():
                yield from self.module(module, one, progress)
            if not (state.store.assume(negate(mine)) and state.store.feasible()):
                return
        yield Outcome(node.name, False, NO_MODULE, state), progress

    def module(self, module: Module, state: State, progress: object) -> Iterator[tuple[Outcome, object]]:
        self.passed.add(module.address)
        place = ARRIVES + module.name
        interface = next(iter(module.box.entries), "0")
        for one, then in self.sized(joined, ((state, progress),)):  # as the module gets it
            if one.lost:
                yield Outcome(module.name, False, one.lost, one, True), then
                continue
            seen = self.watch(place, 0, one, then) if place in self.places else ((one, then),)
            for arrived, after in seen:
                for inside in self.enforced(module, arrived, inward=True):
                    if inside.lost:
                        yield Outcome(module.name, False, inside.lost, inside, True), after
                    else:
                        yield from self.run(module.box, interface, inside, after, module)

    def enforced(self, module: Module, state: State, inward: bool) -> Iterator[State]:
        """What the sandbox around the module lets through, in or out."""
        if module.enforcer is None:
            yield state
            return
        if inward and self.tables.any_state:
            # ChangeEnforcer passes or drops what comes in, unchanged; the entries it makes are among the templates
            yield state
            return
        program = module.enforcer.inward if inward else module.enforcer.outward
        for result in execute(program, state, self.tables, module.box.scope):
            if isinstance(result, Emitted | Lost):
                if isinstance(result, Lost):
                    result.state.lost = result.reason
                yield result.state

    def sized(
        self, change: Callable[[State], Iterable[State]], cases: Iterable[tuple[State, object]]
    ) -> Iterable[tuple[State, object]]:
        """The packets, and what cards make of them."""
        if not self.resizes:
            return cases
        return ((one, progress) for state, progress in cases for one in change(state))

    def run(
        self, box: Box, interface: str, state: State, progress: object, module: Module | None
    ) -> Iterator[tuple[Outcome, object]]:
        """Through a configuration and on, from each of its exits."""
        blank(state)
        entries = box.entries.get(interface, ())
        if not entries:
            yield Outcome(box.name, False, f"{box.name} takes nothing from {interface}", state), progress
            return
        state.progress = progress
        arrivals = [(e, OUTSIDE, state if n == 0 else state.fork()) for n, e in enumerate(entries)]
        yield from self.follow(box, arrivals, module)

    def follow(
        self, box: Box, arrivals: list[tuple[str, int, State]], module: Module | None
    ) -> Iterator[tuple[Outcome, object]]:
        watching = self.places.under(box.scope)

        def watch(element: str, port: int, at: State) -> Iterable[State]:
            if port == OUTSIDE or box.scope + element not in self.places:
                return (at,)
            out = []
            for one, then in self.watch(box.scope + element, port, at, at.progress):
                one.progress = then
                out.append(one)
            return out

        found: Iterable[Flow]
        if watching or module is None or self.tables.any_state or len(arrivals) > 1:
            found = config_flows(
                box.machine, arrivals, self.tables, self.budget, watch if watching else None, box.scope
            )
        else:
            found = self.through(module, *arrivals[0])
        for flow in found:
            then = flow.state.progress
            if flow.end is Ended.EXIT:
                yield from self.leave(box, box.exits[flow.place], flow.state, then, module)
            else:
                lost = flow.end is not Ended.DROPPED
                yield Outcome(box.scope + flow.place, False, flow.reason, flow.state, lost), then

    def through(self, module: Module, element: str, port: int, state: State) -> Iterator[Flow]:
        """Flows through a module whose tables are empty; several questions send it the same packets."""
        key = (module.name, element, port, contents(state))
        known = self.network.ran.get(key)
        if known is None:
            box = module.box
            flows = config_flows(
                box.machine, [(element, port, state.fork())], self.tables, self.budget, None, box.scope
            )
            known = self.network.ran[key] = list(flows)
        for flow in known:
            after = self.charged(flow.state.fork())
            after.progress = state.progress
            yield Flow(flow.end, flow.place, flow.reason, after)

    def leave(
        self, box: Box, interface: str, state: State, progress: object, module: Module | None
    ) -> Iterator[tuple[Outcome, object]]:
        if module is None:
            state.memory.clip()
            blank(state)
            yield from self.send(box.name, interface, state, progress)
            return
        out = End(module.platform, interface)
        for one in framed(state, self.network.parse, self.tables):
            if one.lost:
                yield Outcome(module.name, False, one.lost, one, True), progress
                continue
            if Mark.NET not in one.memory.marks:
                yield Outcome(module.name, False, "a module sends IPv4 only", one), progress
                continue
            back = equal(header(one, 128, 32), K(module.address, 32))
            if one.store.status(back) is not False:
                returning = one.fork()
                if returning.store.assume(back) and returning.store.feasible():
                    yield Outcome(module.name, False, "addressed to the module itself", returning), progress
                if not (one.store.assume(negate(back)) and one.store.feasible()):
                    continue
            sends = module.name + SENDS
            for passed in self.enforced(module, one, inward=False):
                if passed.lost:
                    yield Outcome(module.name, False, passed.lost, passed, True), progress
                    continue
                seen = (
                    self.watch(sends, 0, passed, progress) if sends in self.places else ((passed, progress),)
                )
                for departing, then in self.sized(pieces, seen):
                    if departing.lost:
                        yield Outcome(module.name, False, departing.lost, departing, True), then
                        continue
                    self.readdress(departing, out, self.network.gateway(out))
                    yield from self.send(module.platform, interface, departing, then)


# ---- packets between nodes


def is_fixed(mac: Term) -> bool:
    """Whether an Ethernet address is that of an interface, and not told."""
    return isinstance(mac, Sym) and mac.origin == FIXED


def destination(state: State) -> Term:
    """The Ethernet address that a parsed frame is sent to."""
    rid, offset = state.memory.marks[Mark.DATA]
    return state.memory.read(rid, offset * 8, 48, state.store)


def header(state: State, bit: int, width: int) -> Term:
    """A field of the IPv4 header at NET, which is known to be complete."""
    rid, offset = state.memory.marks[Mark.NET]
    return state.memory.read(rid, offset * 8 + bit, width, state.store)


def contents(state: State) -> object:
    """A packet and all that is known of it, comparable: the same packets have equal contents (not always the other way
    round), whatever way they came and whenever they did."""
    memory, store = state.memory, state.store
    place = {rid: n for n, rid in enumerate(memory.order)}
    regions = tuple(
        (
            memory.lengths[rid],
            memory.blobs[rid],
            tuple(sorted((b, c[0], c[1]) for b, c in cells.items() if not came_at(c[1]))),
        )
        for rid, cells in ((rid, memory.cells[rid]) for rid in (*memory.order, ANNOTATIONS))
    )
    marks = frozenset((mark, place.get(rid, rid), at) for mark, (rid, at) in memory.marks.items())
    facts = frozenset(store.domains.items()), frozenset(store.substitution.items())
    more = store.unequal, store.inequalities, store.clauses, store.sliced
    return regions, marks, facts, more, state.entries, state.over, state.lost


def came_at(term: Term) -> bool:
    """Whether it is the time at which the packet came in."""
    return isinstance(term, Sym) and term.origin == ARRIVAL


def write(state: State, at: tuple[int, int], bit: int, width: int, term: Term) -> None:
    state.memory.write(at[0], at[1] * 8 + bit, width, term, state.hop, state.store)


def lowered(ttl: Term, total: Term) -> tuple[Term, Term]:
    """Time to live and header checksum after one more router (RFC 1812 section 5.3.1)."""
    lower = add(ttl, K(1, 8), -1)
    old, new = shift_left(cast(ttl, 16), 8), shift_left(cast(lower, 16), 8)
    return lower, Fn("adjust", (total, old, new, 16, 0), 16, adjust)


def follow_hops(
    state: State,
    routers: tuple[str, ...],
    header_at: list[tuple[Term, Term]],
    fields: tuple[Term | None, ...],
) -> None:
    """Note on the path that the packet went through `routers`; it is at the first of them."""
    hop = state.hop
    assert isinstance(hop, Hop)
    for n, name in enumerate(routers[1:], 1):
        came = fields if fields[TTL] is None else (*fields[:TTL], header_at[n][0], *fields[TTL + 1 :])
        hop = Hop(hop, name, 0, came, hop.depth + 1)
    state.hop = hop


DESTINATION = BY_NAME["anno.dst_ip"]
READING = 16
"""What reading the headers of a frame costs where they are known to be whole: about as much as the program would."""


def blank(state: State) -> None:
    """A frame as a device hands it over: only where it begins and ends is known, and that it has a timestamp."""
    memory = state.memory
    memory.marks = {Mark.DATA: memory.marks[Mark.DATA]}
    stamp(memory)


def parse(state: State, program: Program, tables: Tables) -> Iterator[State]:
    """The frame with NET and TRANSPORT set where it carries a complete IPv4 header; `lost` where that is unclear."""
    state.store.work = tables.work
    if Mark.NET in state.memory.marks and Mark.TRANSPORT in state.memory.marks:
        yield state
        return
    blank(state)
    headers = whole_frame(state.memory, state.store)
    if headers is not None:
        memory, (rid, offset) = state.memory, headers[Mark.NET]
        tables.work.spend(READING)
        memory.marks, state.env, state.hits = headers, {}, ()
        destination = memory.read(rid, 8 * offset + 128, 32, state.store)
        memory.cells[ANNOTATIONS][DESTINATION.bit] = (DESTINATION.width, destination, state.hop)
        yield state
        return
    for result in execute(program, state, tables):
        if isinstance(result, Emitted | Lost):
            if isinstance(result, Lost):
                result.state.lost = result.reason
            yield result.state


def framed(state: State, program: Program, tables: Tables) -> Iterator[State]:
    """What a platform puts on the wire of what a module's exit hands over: a frame; parsed.

    Data that starts at both header marks is a frame, as it is for the exits themselves.
    """
    memory = state.memory
    data, mac, net = (memory.marks.get(mark) for mark in (Mark.DATA, Mark.MAC, Mark.NET))
    assert data is not None
    try:
        start = memory.locate(*data, state.store)
        frame = mac is not None and start == memory.locate(*mac, state.store)
        bare = not frame and net is not None and start == memory.locate(*net, state.store)
    except Split as split:
        for alternative in split.alternatives:
            case = state.fork()
            if case.store.assume(alternative) and case.store.feasible():
                yield from framed(case, program, tables)
        return
    except Imprecise as why:
        state.lost = str(why)
        yield state
        return
    if bare:
        memory.marks[Mark.DATA] = start
        memory.clip()
        ether = memory.add_region((14, ()), None, 0)
        memory.cells[ether][96] = (16, K(ETHERTYPE_IPV4, 16), state.hop)
        memory.marks[Mark.DATA] = (ether, 0)
    else:
        memory.clip()
    blank(state)
    yield from parse(state, program, tables)
