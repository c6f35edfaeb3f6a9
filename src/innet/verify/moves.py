"""What changes if a module stands elsewhere: two placements of one module in the operator's network (the paper's
section 3, a server on the internet against the same server on a platform).

Clients and the internet send the module packets, each the first of its flow; what arrives at clients and at the
internet because of them is compared, with the module's address, which is another one at each place, taken for the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from innet import ir
from innet.explore.contents import Piece, Value, alike, contents
from innet.explore.flow import Budget, BudgetExceeded, Flow, flows
from innet.explore.modules import Module, Places
from innet.explore.network import Network, Outcome, Walk, header, parse
from innet.explore.replay import Moving, Replay
from innet.explore.twins import Log, Twins
from innet.explore.witness import solutions, with_transport_sum
from innet.ir.interpret import ones_sum
from innet.ir.nodes import Mark
from innet.network import Clients, End, Internet
from innet.packet.headers import PROTO_TCP, PROTO_UDP
from innet.policy import Place, Region
from innet.symbolic import ranges as rs
from innet.symbolic.execute import evaluate
from innet.symbolic.formulas import all_of, equal, member, negate
from innet.symbolic.memory import Imprecise, Memory, Split
from innet.symbolic.ranges import Ranges
from innet.symbolic.state import State, Tables
from innet.symbolic.store import Store
from innet.symbolic.terms import FALSE, AtMostZero, Formula, In, K, Same, Sym
from innet.verify.concrete import Sending, differ
from innet.verify.diff import Comparison, Difference, Verdict, described, domains, together
from innet.verify.questions import Start, starts

BUDGET, WORK = 4_000, 150_000
"""Element and hop executions, and work, that one placement may cost, from one place to start at."""
MAX_FATES = 120
"""Fates of packets from one place that are told apart."""
MAX_SOLUTIONS = 6
ANY = ir.Const(1, 1)
"""The condition that all packets meet."""
SUMS = {PROTO_TCP: 128, PROTO_UDP: 48}
"""Where the checksum of a transport header begins, in bits."""

COVERED = (
    "compared: packets from clients and from the internet to the module, each the first of its flow and with a time to "
    "live of 64 or more, and what arrives at clients and at the internet because of them; checksums, and the time to "
    "live that is left, aside"
)
UNSAID = ("ip.dst", "ip.ttl")
"""Fields of which nothing is said: they are as they have to be."""
LONG_LIVED = ((64, 255),)
"""Times to live of packets: one way may be longer than the other."""


@dataclass(frozen=True)
class Arrival:
    """Packets with one fate: delivered at a node (None: nowhere), with their contents there."""

    node: str | None
    store: Store
    pieces: tuple[Piece, ...] = ()
    why: str = ""
    lost: str = ""


@dataclass
class _Found:
    differences: list[Difference] = field(default_factory=list)
    open_questions: dict[str, None] = field(default_factory=dict)
    known: dict[tuple[str, str, str], tuple[int, dict[str, Ranges]]] = field(default_factory=dict)
    """Where packets start and end in A and in B for which there is an example already: which difference has it, and
    what is known of its packets."""


def compare_placements(
    network: Network, first: Module, second: Module, condition: ir.Expr = ANY
) -> Comparison:
    """What becomes of packets to a module at one place, and at another; on the internet it is a host there.

    Only packets that meet `condition` as they start are sent.
    """
    moves = _Moves(network, (first, second), condition)
    for region in (Place.CLIENT, Place.INTERNET):
        for start in starts(Region(region), network):
            moves.compare(start, region.value)
    found = moves.found
    verdict = Verdict.NONE
    if found.differences:
        verdict = Verdict.DIFFERENT
    elif found.open_questions:
        verdict = Verdict.UNDECIDED
    return Comparison(verdict, tuple(found.differences), tuple(found.open_questions), (COVERED,))


class _Moves:
    def __init__(self, network: Network, modules: tuple[Module, Module], condition: ir.Expr) -> None:
        self.modules, self.condition = modules, condition
        self.networks = [network.with_modules([module]) for module in modules]
        machine = modules[0].box.machine
        self.twins = Twins((machine, machine), ("\0", "\1"), equal=False)
        self.address = Sym("module", 32, "fixed")
        self.found = _Found()

    def compare(self, start: Start, region: str) -> None:
        """All packets from one place."""
        assert start.end is not None
        try:
            self.pairs(start, region)
        except (Imprecise, Split):
            self.found.open_questions["a header lies across parts of unknown length"] = None
        except BudgetExceeded:
            self.found.open_questions["there are too many paths: the comparison was cut short"] = None

    def pairs(self, start: Start, region: str) -> None:
        """Every fate of packets in A with every one in B."""
        mine, others = (list(self.arrivals(start, n)) for n in (0, 1))
        questions, dst = self.found.open_questions, start.injected.symbols["ip.dst"]
        for side in (mine, others):
            questions.update(dict.fromkeys(a.lost for a in side if a.lost))
            if len(side) > MAX_FATES:
                raise BudgetExceeded
            if not exclusive(side):
                questions["packets are copied, which is not compared"] = None
        known = [(b, knowledge(b.store, dst)) for b in others]
        for a in mine:
            for b, facts in known:
                both = a.store.fork()
                if both.assume(facts) and both.feasible():
                    self.judge(start, region, a, b, both)

    def judge(self, start: Start, region: str, a: Arrival, b: Arrival, store: Store) -> None:
        """Packets whose fate in both placements is known."""
        fates = region, a.node or "", b.node or ""
        if a.lost or b.lost or (a.node is None and b.node is None):
            return
        same = FALSE if a.node != b.node else alike(list(a.pieces), list(b.pieces), store)
        if store.entails(same):
            return
        one = store.fork()
        if one.assume(negate(same)):
            if fates in self.found.known:
                self.add(start, fates, one)
                return
            if self.show(start, fates, one, (a.why, b.why)):
                return
            where = [x.node or f"nowhere ({x.why})" for x in (a, b)]
            text = f"packets that get to {where[0]} in A and to {where[1]} in B may not be the same; none was found"
            self.found.open_questions[text] = None

    # ---- where packets go

    def arrivals(self, start: Start, side: int) -> Iterator[Arrival]:
        """All fates of packets from `start` to the module at one place."""
        assert start.end is not None
        module, network = self.modules[side], self.networks[side]
        tables = Tables(any_state=False)
        tables.oracle = self.twins
        walk = Walk(
            network,
            tables,
            Budget(BUDGET),
            lambda place, port, state, progress: ((state, progress),),
            Places(),
        )
        state = start.injected.state.fork()
        dst = start.injected.symbols["ip.dst"]
        others = rs.complement(rs.normal((m.address, m.address) for m in self.modules), 32)
        sources = rs.intersect(state.store.domain(start.injected.symbols["ip.src"]), others)
        if not sources:
            return
        state.store.domains[start.injected.symbols["ip.src"]] = sources
        state.store.domains[dst] = rs.single(module.address)
        state.store.domains[start.injected.symbols["ip.ttl"]] = LONG_LIVED
        work: list[tuple[Outcome, object]] = []
        for parsed in parse(state, network.parse, tables):
            for one, formula in evaluate(self.condition, parsed, tables):
                if one.store.assume(formula) and one.store.feasible():
                    work += walk.from_wire(start.end, one, Log())
        while work:
            outcome, progress = work.pop()
            node = network.snapshot.nodes.get(outcome.node)
            one = outcome.state
            if outcome.delivered and isinstance(node, Internet) and module.platform == outcome.node:
                mine = equal(header(one, 128, 32), K(module.address, 32))
                inside = one.fork()
                if inside.store.assume(mine) and inside.store.feasible():
                    work += walk.from_module(module, inside, progress)
                if not (one.store.assume(negate(mine)) and one.store.feasible()):
                    continue
            if outcome.lost:
                yield Arrival(None, one.store, lost=outcome.reason)
            elif outcome.delivered and isinstance(node, Clients | Internet):
                yield from self.delivered(outcome.node, one, side, dst)
            else:
                yield Arrival(None, one.store, why=outcome.reason or outcome.node)

    def delivered(self, node: str, state: State, side: int, dst: Sym) -> Iterator[Arrival]:
        """The packets at their end, without what differs from way to way, the module's address by one name."""
        work = [state]
        while work:
            one = work.pop()
            try:
                yield Arrival(node, one.store, tuple(self.plain(one, side, dst)))
            except Split as split:
                for alternative in split.alternatives:
                    case = one.fork()
                    if case.store.assume(alternative) and case.store.feasible():
                        work.append(case)
            except Imprecise as why:
                yield Arrival(node, one.store, lost=str(why))

    def plain(self, state: State, side: int, dst: Sym) -> list[Piece]:
        memory, store = state.memory.fork(), state.store
        net = memory.marks[Mark.NET]
        proto = header(state, 72, 8)
        for bit, width in ((64, 8), (80, 16)):
            memory.write(net[0], net[1] * 8 + bit, width, K(0, width), None, store)
        for number, bit in SUMS.items():
            if Memory.decide(member(proto, rs.single(number)), store):
                there = memory.available(Mark.TRANSPORT, bit // 8, 2, store)
                first = member(header(state, 51, 13), rs.single(0))
                if there is not None and Memory.decide(all_of(there, first), store):
                    at = memory.marks[Mark.TRANSPORT]
                    memory.write(at[0], at[1] * 8 + bit, 16, K(0, 16), None, store)
        mine = K(self.modules[side].address, 32)
        return [
            Value(self.address) if isinstance(p, Value) and (p.term == mine or p.term is dst) else p
            for p in contents(memory, net, store)
        ]

    # ---- showing

    def show(self, start: Start, fates: tuple[str, str, str], store: Store, why: tuple[str, str]) -> bool:
        """Find a packet that really fares differently; whether there is one."""
        example = self.example(start, store)
        if example is None:
            return False
        frame, *sent = example
        ends = [replace(s, why="" if s.packets else w) for s, w in zip(sent, why, strict=True)]
        known = domains(start.injected, store, UNSAID)
        self.found.known[fates] = len(self.found.differences), known
        self.found.differences.append(Difference(told(fates, known), (), frame, *ends))
        return True

    def add(self, start: Start, fates: tuple[str, str, str], store: Store) -> None:
        """Say of a known difference that these packets fare so, too, if some do."""
        number, known = self.found.known[fates]
        both = together(start.injected, known, domains(start.injected, store, UNSAID))
        if both != known and self.example(start, store) is not None:
            self.found.known[fates] = number, both
            more = replace(self.found.differences[number], packets=told(fates, both))
            self.found.differences[number] = more

    def example(self, start: Start, store: Store) -> tuple[bytes, Sending, Sending] | None:
        """A packet that fares differently when it is replayed, and how it does."""
        assert start.end is not None
        for found in islice(solutions(start.injected, start.injected, store), MAX_SOLUTIONS):
            mine = readdressed(found.frame, self.modules[0].address)
            others = readdressed(found.frame, self.modules[1].address)
            first, second = self.replay(start.end, 0, mine), self.replay(start.end, 1, others)
            if differ(self.renamed(first, 0), self.renamed(second, 1)):
                return mine, first, second
        return None

    def replay(self, end: End, side: int, frame: bytes) -> Sending:
        """What arrives at clients and at the internet because of a frame, by the interpreter."""
        replay = _Outside(self.networks[side], self.modules[side])
        replay.send(end, frame)
        snapshot = self.networks[side].snapshot
        arrived = [
            (event.place, event.packet[14:])
            for event in replay.events
            if event.delivered and isinstance(snapshot.nodes.get(event.place), Clients | Internet)
        ]
        return Sending(tuple(arrived), nothing="nothing arrives")

    def renamed(self, sending: Sending, side: int) -> Sending:
        """What arrives, without time to live and checksums, the module's address zero."""
        address = self.modules[side].address.to_bytes(4, "big")
        out = []
        for place, packet in sending.packets:
            data = bytearray(packet)
            data[8:9], data[10:12] = b"\0", b"\0\0"
            for at in (12, 16):
                if data[at : at + 4] == address:
                    data[at : at + 4] = bytes(4)
            size = 4 * (data[0] & 15)
            bit = SUMS.get(data[9])
            if (
                bit is not None
                and not int.from_bytes(data[6:8], "big") & 0x1FFF
                and len(data) >= size + bit // 8 + 2
            ):
                data[size + bit // 8 : size + bit // 8 + 2] = b"\0\0"
            out.append((place, bytes(data)))
        return Sending(tuple(out))


class _Way(Walk):
    """Flows whose draws from dice and counters are known along the whole way: nothing is remembered of modules."""

    def through(self, module: Module, element: str, port: int, state: State) -> Iterator[Flow]:
        box = module.box
        return flows(box.machine, [(element, port, state)], self.tables, self.budget, None, box.scope)


def _everything(place: str, port: int, state: State, progress: object) -> tuple[tuple[State, object], ...]:
    return ((state, progress),)


class _Outside(Replay):
    """A replay in a network with a module that may be a host on the internet."""

    def __init__(self, network: Network, module: Module) -> None:
        super().__init__(network)
        self.guest = module

    def arrive(self, end: End, frame: bytes, after: int) -> Iterator[Moving]:
        node = self.network.snapshot.nodes[end.node]
        mine = isinstance(node, Internet) and node.name == self.guest.platform
        if mine and frame[30:34] == self.guest.address.to_bytes(4, "big"):
            yield from self.module(self.guest, frame, after)
        else:
            yield from super().arrive(end, frame, after)


def told(fates: tuple[str, str, str], known: Mapping[str, Ranges]) -> str:
    """Which packets fare differently, in words."""
    return f"from {fates[0]}: {described(known)}"


def exclusive(arrivals: Sequence[Arrival]) -> bool:
    """Whether no packet has two fates."""
    known = [knowledge(arrival.store, None) for arrival in arrivals]
    for n, one in enumerate(arrivals):
        for facts in known[n + 1 :]:
            both = one.store.fork()
            if both.assume(facts) and both.feasible():
                return False
    return True


def knowledge(store: Store, but: Sym | None) -> Formula:
    """All that a store says, but for what it says of one symbol by itself."""
    return all_of(
        *(In(atom, domain) for atom, domain in store.domains.items() if atom is not but),
        *(Same(a, b, k, True) for a, (b, k) in store.substitution.items()),
        *(Same(a, b, k, False) for a, b, k in store.unequal),
        *(AtMostZero(linear) for linear in store.inequalities),
        *store.clauses,
    )


def readdressed(frame: bytes, address: int) -> bytes:
    """The frame to another destination; checksums that were right are, and those that were wrong are not."""
    ip = bytearray(frame[14:])
    size = 4 * (ip[0] & 15)
    right = ones_sum(bytes(ip[:size])) == 0xFFFF
    body = bytes(ip[size:])
    good = with_transport_sum(bytes(ip[:size]), body) == body
    ip[16:20] = address.to_bytes(4, "big")
    ip[10:12] = bytes(2)
    total = ~ones_sum(bytes(ip[:size])) & 0xFFFF
    ip[10:12] = (total if right else total ^ 0x0101).to_bytes(2, "big")
    return frame[:14] + bytes(ip[:size]) + (with_transport_sum(bytes(ip[:size]), body) if good else body)


__all__ = ["compare_placements"]
