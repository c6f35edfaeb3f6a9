"""Two configurations that are compared: their equal elements are taken to be in equal states, whatever these are.

If every packet then leaves both alike and changes the states of equal elements alike, no sequence of packets tells the
two apart: by induction, since they start equal (empty). So an entry is asked about once for both, a counter has the
same unknown start, a clock shows both the same time, and what is written is noted, to be compared afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from innet import ir
from innet.explore.machine import Machine
from innet.symbolic.formulas import all_of, equal, member
from innet.symbolic.memory import Imprecise, Memory
from innet.symbolic.state import State, keys_equal
from innet.symbolic.terms import FALSE, Formula, K, Sym, Term, add

Row = tuple[Term, ...]


@dataclass(frozen=True)
class Fact:
    """What a table held before the packet: `values` of `key`, None for no entry."""

    table: tuple[str, str]
    key: Row
    values: Row | None


@dataclass(frozen=True)
class Written:
    """Something done to the state of an element that both have: what it is, as rows of terms, or a packet it got."""

    place: tuple[str, str]
    what: tuple[object, ...]
    packet: Memory | None = None


@dataclass(frozen=True)
class Log:
    """What is known on a path of the state that both have, and what each side did to it. Carried by the path."""

    side: int = 0
    facts: tuple[Fact, ...] = ()
    written: tuple[tuple[Written, ...], tuple[Written, ...]] = ((), ())
    drawn: Mapping[tuple[int, str, str], int] = field(default_factory=dict)
    """How often each side drew from a source (element or counter, kind)."""
    chosen: tuple[tuple[tuple[str, int], int], ...] = ()
    """By which output the n-th packet left a holder."""

    def others(self) -> "Log":
        """The log as the second side finds it."""
        return replace(self, side=1)


class Twins:
    """The oracle for two configurations with scopes `scopes`. `equal`: their common states are equal and unknown;
    otherwise tables start empty and counters at their first value, and tables are kept by each path."""

    def __init__(self, machines: tuple[Machine, Machine], scopes: tuple[str, str], equal: bool) -> None:
        self.scopes, self.equal = scopes, equal
        self.partners = partners(*machines)
        self.whole = all(len(machine.elements) == len(self.partners) for machine in machines)
        self.names = {scopes[1] + b: a for a, b in self.partners.items()} | {
            scopes[0] + a: a for a in self.partners
        }
        self.symbols: dict[tuple[object, ...], Sym] = {}

    def common(self, place: str) -> str | None:
        """The name that both have for an element of either; None if the other has no such element."""
        return self.names.get(place)

    def symbol(self, key: tuple[object, ...], name: str, width: int, origin: str) -> Sym:
        found = self.symbols.get(key)
        if found is None:
            found = self.symbols[key] = Sym(name, width, origin)
        return found

    # ---- the oracle

    def draw(self, state: State, place: str, kind: str, width: int, counter: ir.Counter | None) -> Term:
        common = self.common(place)
        source = place if common is None else common
        if counter is not None:
            source = f"{source if not counter.shared else ''}.{counter.name}"
            if counter.shared and not self.equal:
                source = f"{_log(state).side}{source}"
        log = _log(state)
        key = (log.side, source, kind)
        n = log.drawn.get(key, 0)
        state.progress = replace(log, drawn={**log.drawn, key: n + 1})
        if counter is None:
            return self.symbol((source, kind, n, width), f"{kind} {n + 1} of {source}", width, kind)
        if not self.equal:
            return K((counter.first + n) % (counter.wrap or 1 << width), width)
        if counter.wrap is None:
            return add(self.symbol((source, counter), f"{source}", width, kind), K(n % (1 << width), width))
        number = self.symbol((source, counter, n), f"{source} {n + 1}", width, kind)
        state.store.assume(member(number, ((0, counter.wrap - 1),)))
        return number

    def lookup(
        self, state: State, place: str, table: ir.Table, key: Row
    ) -> list[tuple[State, Row | None]] | None:
        common = self.common(place)
        if not self.equal or common is None:
            return None
        log, name = _log(state), (common, table.name)
        for done in reversed(log.written[log.side]):
            if done.place == name:
                self.unchanged(state, done, key)
                if done.what[0] == "Insert" and state.store.status(keys_equal(key, done.what[1])) is True:  # type: ignore[arg-type]
                    return [(state, done.what[2])]  # type: ignore[list-item]
        for fact in log.facts:
            if fact.table == name and Memory.decide(keys_equal(key, fact.key), state.store):
                return [(state, fact.values)]
        values = tuple(Sym(f"{common}.{table.name}", width, "in a table") for width in table.values)
        hit = state.fork()
        hit.progress = replace(log, facts=(*log.facts, Fact(name, key, values)))
        state.progress = replace(log, facts=(*log.facts, Fact(name, key, None)))
        return [(hit, values), (state, None)]

    def unchanged(self, state: State, done: Written, key: Row) -> None:
        """What this packet did to a table is followed only where its entry is the one asked for, or surely another."""
        if done.what[0] == "Insert":
            match = keys_equal(key, done.what[1])  # type: ignore[arg-type]
            if state.store.status(match) is True:
                return
        if done.what[0] == "Allocate":
            return
        raise Imprecise("a table that this packet has changed is asked again")

    def write(self, state: State, place: str, table: ir.Table, written: tuple[object, ...]) -> Term | None:
        common = self.common(place)
        if not self.equal or common is None:
            return None
        log, name = _log(state), (common, table.name)
        n = sum(done.place == name for done in log.written[log.side])
        state.progress = noted(log, Written(name, written))
        return self.symbol((name, n, "room"), f"room in {common}", 1, "room")

    # ---- what runs ask

    def choose(self, state: State, place: str, outputs: int) -> list[tuple[State, int]]:
        """By which output a holder's packet leaves: both the same, if both have it."""
        log, common = _log(state), self.common(place)
        key = (log.side, place, "held")
        n = log.drawn.get(key, 0)
        log = replace(log, drawn={**log.drawn, key: n + 1})
        out: list[tuple[State, int]] = []
        for output in range(outputs):
            at = (common or place, n)
            known = dict(log.chosen).get(at)
            if known is None or known == output:
                one = state.fork()
                one.progress = log if known is not None else replace(log, chosen=(*log.chosen, (at, output)))
                out.append((one, output))
        return out

    def note(self, state: State, place: str, port: int) -> None:
        """A packet enters a holder that makes others of it."""
        where = self.common(place) or place  # one that only one side has leaves the states unequal
        state.progress = noted(
            _log(state), Written((where, f"input {port}"), ("enter",), state.memory.fork())
        )


def noted(log: Log, written: Written) -> Log:
    """The log with something more done by its side."""
    mine = (*log.written[log.side], written)
    return replace(log, written=(mine, log.written[1]) if log.side == 0 else (log.written[0], mine))


def _log(state: State) -> Log:
    assert isinstance(state.progress, Log)
    return state.progress


def rows_equal(one: tuple[object, ...], other: tuple[object, ...]) -> Formula:
    """Under what condition the same was written."""
    if one[0] != other[0] or len(one) != len(other):
        return FALSE
    found: list[Formula] = []
    for a, b in zip(one[1:], other[1:], strict=True):
        assert isinstance(a, tuple)
        assert isinstance(b, tuple)
        if len(a) != len(b):
            return FALSE
        found += [equal(x, y) for x, y in zip(a, b, strict=True)]
    return all_of(*found)


# ---- which elements are the same


def partners(one: Machine, other: Machine) -> dict[str, str]:
    """Elements of `one` and those of `other` that do the same: those of one name first, then in order."""
    found: dict[str, str] = {}
    free = list(other.elements)
    for same_name in (True, False):
        for a in one.elements:
            if a in found:
                continue
            for b in free:
                if (a == b or not same_name) and _equal(one, a, other, b):
                    found[a] = b
                    free.remove(b)
                    break
    return found


def _equal(one: Machine, a: str, other: Machine, b: str) -> bool:
    x, y = one.elements[a], other.elements[b]
    return (
        type(x) is type(y)
        and x == y
        and one.inputs(a) == other.inputs(b)
        and one.outputs(a) == other.outputs(b)
    )


def same_graph(one: Machine, other: Machine) -> bool:
    """Whether both are the same elements, connected in the same way."""
    pairs = partners(one, other)
    if len(pairs) != len(one.elements) or len(pairs) != len(other.elements):
        return False
    wires = {
        (pairs[source], output): [(pairs[target], port) for target, port in targets]
        for (source, output), targets in one.next.items()
    }
    return wires == other.next
