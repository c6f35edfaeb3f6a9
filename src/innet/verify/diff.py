"""What two versions of a module treat differently: every packet through both, symbolically, side by side.

Both get the same packet; each pair of runs that some packet takes is compared: what leaves, by which interface, byte by
byte. Elements that both have are taken to be in equal states, whatever these are, and must be left in equal states; so
"nothing" holds for all sequences of packets. A difference is shown by packets that the interpreter sent through both.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import permutations

from innet.elements.base import OUTSIDE, Role
from innet.explore.contents import alike, contents, same_packet
from innet.explore.flow import Budget, BudgetExceeded
from innet.explore.machine import Machine, device_of
from innet.explore.modules import Box
from innet.explore.network import framed, header
from innet.explore.replay import memory
from innet.explore.runs import Left, Run, runs
from innet.explore.twins import Log, Twins, rows_equal, same_graph
from innet.explore.witness import sequences
from innet.ir.nodes import Mark
from innet.symbolic import ranges as rs
from innet.symbolic.formulas import all_of, equal, negate
from innet.symbolic.memory import Imprecise, Memory, Split
from innet.symbolic.ranges import Ranges
from innet.symbolic.state import Injected, State, Tables, empty, inject_ip, stamp
from innet.symbolic.store import Store
from innet.symbolic.terms import FALSE, TRUE, Formula, K
from innet.verify.concrete import Sending, Version, differ, runs_as_it_is, send, throws, version
from innet.verify.security import inject, settle
from innet.verify.story import span
from innet.verify.world import PARSE

BUDGET = 20_000
"""Element executions that one comparison may cost."""
SEQUENCE_BUDGET = 3_000
"""Those that looking for a sequence of packets may cost."""
SEQUENCE_WORK = 600_000
LONGEST_SEQUENCE = 3
MAX_DIFFERENCES = 12
MAX_SOLUTIONS = 6
MAX_CANDIDATES = 60
MAX_FAILURES = 3
"""How many cases with the same ends are searched for an example in vain."""
MAX_COPIES = 4
"""Up to how many packets that leave because of one their order is not looked at."""
MAX_REPEATED = 70
"""How often an example is sent again, to see what is counted."""
SEEDS = 8
"""How many throws of the dice are tried where chance takes part."""

SCOPES = ("A:", "B:")

Out = tuple[str, Memory, tuple[int, int]]
"""A packet that leaves: device, memory, where its comparison starts."""


class Verdict(Enum):
    """Whether two versions treat packets alike."""

    NONE = "none"
    DIFFERENT = "different"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Difference:
    """Packets that are treated differently: what they have in common, and an example that was replayed.

    `before` are frames that have to come first, in order; the example is the last one of the sequence.
    """

    packets: str
    before: tuple[bytes, ...]
    frame: bytes
    first: Sending
    second: Sending

    @property
    def way(self) -> str:
        """What kind of difference it is."""
        if not self.second.packets:
            return "only A sends"
        return "both send, not the same" if self.first.packets else "only B sends"


@dataclass(frozen=True)
class Comparison:
    """The answer: `differences` with an example each; `open_questions`: what stood in the way of a proof."""

    verdict: Verdict
    differences: tuple[Difference, ...] = ()
    open_questions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What the answer is about, and what it does not cover."""


@dataclass
class _Case:
    """Packets whose runs in both versions are known."""

    origins: tuple[Injected, ...]
    device: str
    first: Run
    second: Run
    state: State
    devices: tuple[str, ...] = ()


@dataclass
class _Found:
    differences: list[Difference] = field(default_factory=list)
    open_questions: dict[str, None] = field(default_factory=dict)
    known: dict[tuple[str, str], tuple[int, Mapping[str, Ranges]]] = field(default_factory=dict)
    """Where packets end in A and in B for which there is an example already: which difference has it, and what is known
    of its packets."""
    failures: Counter[tuple[object, ...]] = field(default_factory=Counter)
    examples: list[tuple[str, bytes]] = field(default_factory=list)
    """A packet of each case, for trying sequences."""


def compare(first: Machine, second: Machine, address: int) -> Comparison:
    """What two versions treat differently. `address` is the module's own, in both."""
    return _Diff(version(first, address), version(second, address)).compare()


class _Diff:
    def __init__(self, first: Version, second: Version) -> None:
        self.versions = first, second
        self.is_module = first.is_module and second.is_module
        self.address = first.address
        self.found = _Found()
        self.tried = 0

    def compare(self) -> Comparison:
        found = self.found
        if same_graph(*(v.machine for v in self.versions)):
            return Comparison(Verdict.NONE, notes=self.notes())
        for v, scope in zip(self.versions, SCOPES, strict=True):
            for name, element in v.machine.elements.items():
                if element.written():
                    found.open_questions[f"{scope}{name} writes handlers as it runs"] = None
        self.steady()
        if not found.differences and found.open_questions:
            self.sequences()
        if found.differences:
            shown = sorted(found.differences, key=lambda d: len(d.before))
            return Comparison(Verdict.DIFFERENT, tuple(shown), tuple(found.open_questions), self.notes())
        verdict = Verdict.UNDECIDED if found.open_questions else Verdict.NONE
        return Comparison(verdict, (), tuple(found.open_questions), self.notes())

    def notes(self) -> tuple[str, ...]:
        """What the answer covers."""
        what = (
            "IPv4 packets addressed to the module whose source it is not, as a platform hands them over"
            if self.is_module
            else "Ethernet frames that carry IPv4, on every interface"
        )
        waiting = self.timing()
        out = [f"compared: {what}, in any order, tables empty at the start"]
        if waiting:
            out.append(
                f"not compared: when packets leave, and what full queues drop; this differs: {waiting}"
            )
        return tuple(out)

    def timing(self) -> str:
        """The holders that only one version has."""
        pairs = self.twins(True).partners
        a, b = (v.machine for v in self.versions)
        mine = [name for name in a.elements if name not in pairs and _holds(a, name)]
        others = [name for name in b.elements if name not in pairs.values() and _holds(b, name)]
        return ", ".join([*(f"A's {name}" for name in mine), *(f"B's {name}" for name in others)])

    def twins(self, equal: bool) -> Twins:
        return Twins((self.versions[0].machine, self.versions[1].machine), SCOPES, equal)

    @property
    def devices(self) -> list[str]:
        return list(dict.fromkeys(d for v in self.versions for d in v.devices))

    # ---- any state of the tables

    def steady(self) -> None:
        """Every packet, in every state that both may be in together. Says what differs and what is not proven."""
        found, twins = self.found, self.twins(True)
        tables = Tables(any_state=True)
        budget = Budget(BUDGET)
        try:
            self.templates(tables, twins)
            noted, tables.oracle = tables.noted, twins
            for case in self.cases(tables, twins, budget):
                if self.enough():
                    break
                self.judge(case, tables)
            self.sources(tables, twins, budget)
            if tables.noted != noted:
                found.open_questions["entries of tables that only one version has are not known"] = None
        except BudgetExceeded:
            found.open_questions["there are too many paths: the comparison was cut short"] = None

    def enough(self) -> bool:
        return len(self.found.differences) >= MAX_DIFFERENCES or self.tried >= MAX_CANDIDATES

    def templates(self, tables: Tables, twins: Twins) -> None:
        """The entries that flows can make in tables that only one version has."""
        for v, scope in zip(self.versions, SCOPES, strict=True):
            if all(twins.common(scope + name) is not None for name in v.machine.elements):
                continue
            box = Box(scope[0], v.machine, {d: tuple(e for e, _ in v.entries(d)) for d in v.devices}, {}, ":")
            start = [
                (element, port, state)
                for device in v.devices
                for injected in (self.injected(),)
                for element, port in v.entries(device)
                for state in (_stamped(injected),)
            ]
            start += [(e, OUTSIDE, empty()) for e in v.machine.with_role(Role.SOURCE)]
            own = Tables(any_state=True)
            settle(box, start, own, Budget(BUDGET))
            tables.templates.update(own.templates)

    def injected(self, label: str = "") -> Injected:
        """Any packet that may come in."""
        if self.is_module:
            return inject(self.address, label=label)
        return inject_ip(label)

    def cases(self, tables: Tables, twins: Twins, budget: Budget) -> Iterator[_Case]:
        """Every pair of runs of one packet."""
        for device in self.devices:
            injected = self.injected()
            state = _stamped(injected)
            state.progress = Log()
            yield from self.pairs(
                (replace(injected, state=state.fork()),), (device,), state, tables, twins, budget
            )

    def pairs(
        self,
        origins: tuple[Injected, ...],
        devices: tuple[str, ...],
        state: State,
        tables: Tables,
        twins: Twins,
        budget: Budget,
    ) -> Iterator[_Case]:
        """Every pair of runs of the last packet; `state` has the packet, and all that is known of earlier ones."""
        device = devices[-1]
        one, other = (v.entries(device) for v in self.versions)
        before = state.memory.fork()
        machines = [v.machine for v in self.versions]
        for a in runs(machines[0], one, state, tables, budget, SCOPES[0], twins.choose, twins.note):
            after = a.state.fork()
            after.memory, after.hop, after.copies = before.fork(), None, None
            assert isinstance(after.progress, Log)
            after.progress = after.progress.others()
            for b in runs(machines[1], other, after, tables, budget, SCOPES[1], twins.choose, twins.note):
                yield _Case(origins, device, a, b, b.state, devices)

    # ---- one pair of runs

    def judge(self, case: _Case, tables: Tables) -> None:
        """Whether the packets of a case leave both alike, and leave both in equal states."""
        if _ends(case) in self.found.known:
            self.add(case, tables)
            return
        questions = self.found.open_questions
        lost = case.first.lost or case.second.lost
        if lost:
            questions[lost] = None
            self.show(case, case.state.store, TRUE)
            return
        for store, same in self.outputs(case, tables):
            if isinstance(same, str):
                questions[same] = None
                self.show(case, store, TRUE)
            elif not store.entails(same):
                if not self.show(case, store, negate(same)):
                    questions[self.unlike(case)] = None
            else:
                self.states(case, store)

    def add(self, case: _Case, tables: Tables) -> None:
        """Say of a known difference that the packets of this case are treated so, too, if some are."""
        number, known = self.found.known[_ends(case)]
        if not known or case.first.lost or case.second.lost or self.tried >= MAX_CANDIDATES:
            return
        origin = case.origins[-1]
        for store, same in self.outputs(case, tables):
            one = store.fork()
            if isinstance(same, str) or not one.assume(negate(same)):
                continue
            both = together(origin, known, domains(origin, one))
            if both != known and self.example(case, one) is not None:
                known = both
                one_more = replace(self.found.differences[number], packets=described(known))
                self.found.differences[number] = one_more
                self.found.known[_ends(case)] = number, known

    def unlike(self, case: _Case) -> str:
        """Why a case is open."""
        ends = []
        for run in (case.first, case.second):
            places = [left.exit for left in run.left] or [e.place for e in run.ended]
            ends.append(", ".join(places) or "nowhere")
        return f"packets that get to {ends[0]} in A and to {ends[1]} in B may not leave alike; no such packet was found"

    def states(self, case: _Case, store: Store) -> None:
        """Whether equal elements are in equal states afterwards."""
        log = case.state.progress
        assert isinstance(log, Log)
        written = log.written
        questions = self.found.open_questions
        for place in dict.fromkeys(w.place for side in written for w in side):
            mine, others = ([w for w in side if w.place == place] for side in written)
            equal_states = len(mine) == len(others)
            for x, y in zip(mine, others, strict=False):
                try:
                    if x.packet is not None and y.packet is not None:
                        same = same_packet(x.packet, y.packet, store)
                    else:
                        same = rows_equal(x.what, y.what)
                    equal_states &= store.entails(same)
                except (Split, Imprecise):
                    equal_states = False
            if not equal_states:
                questions[f"{place[0]} is not always left in the same state"] = None
        counts = [
            {
                (source, kind): n
                for (side, source, kind), n in log.drawn.items()
                if side == wanted and kind == "counter"
            }
            for wanted in (0, 1)
        ]
        if counts[0] != counts[1]:
            questions["packets are not counted alike"] = None

    def outputs(self, case: _Case, tables: Tables) -> Iterator[tuple[Store, Formula | str]]:
        """Cases of a case, each with the condition that the same packets leave, or why that cannot be told."""
        try:
            for store, mine in self.sent(0, case.first.left, case.state.store.fork(), tables):
                for both, others in self.sent(1, case.second.left, store, tables):
                    yield from _same_packets(mine, others, both)
        except Imprecise as why:
            yield case.state.store, str(why)

    def sent(
        self, side: int, lefts: Sequence[Left], store: Store, tables: Tables
    ) -> Iterator[tuple[Store, list[Out]]]:
        """The packets that leave a version, in cases: device, memory, where the comparison starts."""
        if not lefts:
            yield store, []
            return
        left, rest = lefts[0], lefts[1:]
        device = device_of(self.versions[side].machine, left.exit)
        for after, out in self.leaving(device, left.memory, store, tables):
            for final, more in self.sent(side, rest, after, tables):
                yield final, [*out, *more]

    def leaving(
        self, device: str, memory: Memory, store: Store, tables: Tables
    ) -> Iterator[tuple[Store, list[Out]]]:
        """What a platform sends of a packet at an exit; a box sends all of it."""
        if not self.is_module:
            yield store, [(device, memory, memory.marks[Mark.DATA])]
            return
        for frame in framed(State(memory.fork(), store.fork()), PARSE, tables):
            if frame.lost:
                raise Imprecise(frame.lost)
            if Mark.NET not in frame.memory.marks:
                yield frame.store, []
                continue
            yield from self.sent_away(device, frame)

    def sent_away(self, device: str, frame: State) -> Iterator[tuple[Store, list[Out]]]:
        """A frame that a platform sends, unless it is addressed to the module itself."""
        try:
            back = equal(header(frame, 128, 32), K(self.address, 32))
        except Split as split:  # the header lies across parts of unknown length
            for alternative in split.alternatives:
                case = frame.fork()
                if case.store.assume(alternative) and case.store.feasible():
                    yield from self.sent_away(device, case)
            return
        returning = frame.store.fork()
        if returning.assume(back) and returning.feasible():
            yield returning, []
        if frame.store.assume(negate(back)) and frame.store.feasible():
            yield frame.store, [(device, frame.memory, frame.memory.marks[Mark.NET])]

    # ---- what sources send

    def sources(self, tables: Tables, twins: Twins, budget: Budget) -> None:
        """Packets that the versions make by themselves: those of a source that both have must leave alike."""
        machines = [v.machine for v in self.versions]
        mine, others = (m.with_role(Role.SOURCE) for m in machines)
        for a in mine:
            b = twins.partners.get(a)
            if b is None:
                self.found.open_questions[f"A's {a} sends packets by itself"] = None
                continue
            state = empty()
            state.progress = Log()
            before = state.memory.fork()
            for x in runs(
                machines[0], [(a, OUTSIDE)], state, tables, budget, SCOPES[0], twins.choose, twins.note
            ):
                after = x.state.fork()
                after.memory, after.hop, after.copies = before.fork(), None, None
                assert isinstance(after.progress, Log)
                after.progress = after.progress.others()
                for y in runs(
                    machines[1], [(b, OUTSIDE)], after, tables, budget, SCOPES[1], twins.choose, twins.note
                ):
                    self.judge(_Case((), "", x, y, y.state), tables)
        for b in others:
            if b not in twins.partners.values():
                self.found.open_questions[f"B's {b} sends packets by itself"] = None

    # ---- sequences of packets

    def sequences(self) -> None:
        """Look for packets one after the other, tables empty at the start, that are treated differently."""
        twins = self.twins(False)
        tables = Tables(any_state=False)
        tables.oracle = twins
        budget = Budget(SEQUENCE_BUDGET, work=SEQUENCE_WORK)
        tried = self.tried
        try:
            started: list[tuple[tuple[Injected, ...], tuple[str, ...], Store, State]] = []
            fresh = State(Memory(), Store())
            fresh.progress = Log()
            started.append(((), (), Store(), fresh))
            for length in range(1, LONGEST_SEQUENCE + 1):
                following = []
                for origins, devices, store, known in started:
                    for case in self.following(origins, devices, store, known, tables, twins, budget):
                        if self.found.differences or self.tried - tried > MAX_CANDIDATES:
                            return
                        if case.first.lost or case.second.lost:
                            continue
                        for after, same in self.outputs(case, tables):
                            if not isinstance(same, str) and not after.entails(same):
                                self.show(case, after, negate(same))
                        if length < LONGEST_SEQUENCE and _remembers(case.state, known):
                            following.append((case.origins, case.devices, case.state.store, case.state))
                started = following
        except BudgetExceeded:
            pass
        self.repeated()

    def following(
        self,
        origins: tuple[Injected, ...],
        devices: tuple[str, ...],
        store: Store,
        known: State,
        tables: Tables,
        twins: Twins,
        budget: Budget,
    ) -> Iterator[_Case]:
        """Every pair of runs of one more packet."""
        for device in self.devices:
            injected = self.injected(f"{len(origins) + 1}: " if origins else "")
            state = _stamped(injected)
            origin = replace(injected, state=state.fork())
            after = store.fork()
            after.domains.update(state.store.domains)
            state.store = after
            state.entries = known.entries
            assert isinstance(known.progress, Log)
            state.progress = replace(known.progress, side=0)
            yield from self.pairs((*origins, origin), (*devices, device), state, tables, twins, budget)

    def repeated(self) -> None:
        """Send an example of each case to both, over and over: what is counted or remembered may show then."""
        if self.found.differences or not self.found.examples:
            return
        frames = [*self.found.examples, *reversed(self.found.examples)]
        frames += [example for example in self.found.examples for _ in range(MAX_REPEATED)]
        states = memory(0), memory(0)
        for n, (device, frame) in enumerate(frames):
            mine, others = (send(self.versions[k], device, frame, states[k]) for k in (0, 1))
            if differ(mine, others):
                if self.replay(frames[: n + 1]) is not None:
                    self.keep("packets in this order", frames[: n + 1])
                return

    def shortened(self, frames: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """As few of the frames as still end in a difference."""
        at = 0
        while at < len(frames) - 1:
            fewer = frames[:at] + frames[at + 1 :]
            if self.replay(fewer) is not None:
                frames = fewer
            else:
                at += 1
        return frames

    # ---- showing

    def show(self, case: _Case, store: Store, difference: Formula) -> bool:
        """Find packets of the case that really are treated differently; whether there are any."""
        ends = _ends(case)
        if not case.origins or self.found.failures[len(case.origins), *ends] >= MAX_FAILURES:
            return False
        one = store.fork()
        if not one.assume(difference):
            self.tried += 1
            return False
        frames = self.example(case, one)
        if frames is not None:
            known = domains(case.origins[-1], one)
            self.keep(described(known), frames)
            self.found.known[ends] = len(self.found.differences) - 1, known
            return True
        self.found.failures[len(case.origins), *ends] += 1
        return False

    def example(self, case: _Case, store: Store) -> list[tuple[str, bytes]] | None:
        """Packets of the case, out of `store`, of which the last one is treated differently when it is replayed."""
        self.tried += 1
        for n, found in enumerate(sequences(case.origins, store)):
            if n >= MAX_SOLUTIONS:
                break
            frames = [(device, s.frame) for device, s in zip(case.devices, found, strict=True)]
            if n == 0 and len(frames) == 1:
                self.found.examples.append(frames[0])
            if self.replay(frames) is not None:
                return frames
        return None

    def keep(self, packets: str, frames: list[tuple[str, bytes]]) -> None:
        """Note a difference that was replayed."""
        frames = self.shortened(frames)
        result = self.replay(frames)
        assert result is not None
        before = tuple(frame for _, frame in frames[:-1])
        self.found.differences.append(Difference(packets, before, frames[-1][1], *result))

    def replay(self, frames: list[tuple[str, bytes]]) -> tuple[Sending, Sending] | None:
        """What both make of the last frame, if they differ. Where chance takes part, whatever the dice show."""
        if not all(runs_as_it_is(v.machine) for v in self.versions):
            return None
        results: list[tuple[Sending, Sending]] = []
        chance = any(throws(v.machine) for v in self.versions)
        for seed in range(SEEDS if chance else 1):
            last: list[Sending] = []
            for k in (0, 1):
                state = memory(seed)
                for device, frame in frames:
                    result = send(self.versions[k], device, frame, state)
                last.append(result)
            results.append((last[0], last[1]))
        for mine, _ in results:
            for _, others in results:
                if not differ(mine, others):
                    return None
        return results[0]


def _same_packets(mine: list[Out], others: list[Out], store: Store) -> Iterator[tuple[Store, Formula | str]]:
    """Under what condition the same packets leave, whatever their order; cases where that depends on the packet."""
    if len(mine) != len(others):
        yield store, FALSE
        return
    work = [store]
    while work:
        one = work.pop()
        try:
            first: Formula | None = None
            for order in permutations(others) if len(others) <= MAX_COPIES else [others]:
                same = all_of(*(_same(a, b, one) for a, b in zip(mine, order, strict=True)))
                first = same if first is None else first
                if one.entails(same):
                    first = TRUE
                    break
            yield one, TRUE if first is None else first
        except Split as split:
            for alternative in split.alternatives:
                case = one.fork()
                if case.assume(alternative) and case.feasible():
                    work.append(case)
        except Imprecise as why:
            yield one, str(why)


def _same(a: Out, b: Out, store: Store) -> Formula:
    if a[0] != b[0]:
        return FALSE
    return alike(contents(a[1], a[2], store), contents(b[1], b[2], store), store)


def _stamped(injected: Injected) -> State:
    state = injected.state.fork()
    stamp(state.memory)
    return state


def _remembers(after: State, before: State) -> bool:
    """Whether a packet changed a table or a counter."""
    a, b = after.progress, before.progress
    assert isinstance(a, Log)
    assert isinstance(b, Log)
    return after.entries != before.entries or any(
        key[2] == "counter" and b.drawn.get(key) != n for key, n in a.drawn.items()
    )


def _holds(machine: Machine, name: str) -> bool:
    """Whether an element keeps packets."""
    return machine.elements[name].ROLE is Role.HOLDER


def _ends(case: _Case) -> tuple[str, str]:
    """Where the packets of a case end, in A and in B."""
    found = []
    for run in (case.first, case.second):
        places = [left.exit for left in run.left] or [f"{e.place} ({e.reason})" for e in run.ended]
        found.append(", ".join(places) or "its end inside")
    return found[0], found[1]


FIELDS = {
    "ip.src": "ip src", "ip.dst": "ip dst", "ip.proto": "proto", "ip.ttl": "ttl", "ip.tos": "tos",
    "ip.fragment": "fragment",
}  # fmt: skip
PORTS = {"sport": (0, 16), "dport": (16, 16)}


def domains(origin: Injected, store: Store, but: Collection[str] = ()) -> dict[str, Ranges]:
    """What the fields of a case's packets have, where that is not all that they may have; without those in `but`."""
    found = {}
    for name in (*FIELDS, *PORTS):
        if name in but:
            continue
        sym = origin.payload.carved.get(PORTS[name]) if name in PORTS else origin.symbols.get(name)
        if sym is not None and store.domain(sym) != whole(origin, name):
            found[name] = store.domain(sym)
    return found


def together(origin: Injected, one: Mapping[str, Ranges], other: Mapping[str, Ranges]) -> dict[str, Ranges]:
    """What the fields of the packets of two cases have."""
    both = {name: rs.union(some, other[name]) for name, some in one.items() if name in other}
    return {name: some for name, some in both.items() if some != whole(origin, name)}


def whole(origin: Injected, name: str) -> Ranges:
    """What a field may have at all."""
    sym = origin.symbols.get(name)
    return rs.full(16) if sym is None else origin.state.store.domain(sym)


def described(domains: Mapping[str, Ranges]) -> str:
    """What packets have in common, as far as single fields say, in words."""
    words = {FIELDS.get(name, name): some for name, some in domains.items()}
    return ", ".join(f"{word} {span(word, some)}" for word, some in words.items()) or "packets of any kind"


__all__ = ["Comparison", "Difference", "Verdict", "compare", "described", "domains", "together"]
