"""Flows through a configuration: every path from some packets at some places to their ends, with its story."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import cast

from innet.elements.base import OUTSIDE, Role
from innet.explore.entering import entered
from innet.explore.machine import Machine
from innet.ir.nodes import Mark
from innet.records import quick
from innet.symbolic.execute import Asked, Dropped, Emitted, Held, Result, execute, resume
from innet.symbolic.state import State, Tables, Template
from innet.symbolic.terms import Term
from innet.symbolic.work import MAX_WORK, BudgetExceeded, Stop, Work, never

STORY = (
    ("ip src", Mark.NET, 96, 32),
    ("ip dst", Mark.NET, 128, 32),
    ("proto", Mark.NET, 72, 8),
    ("sport", Mark.TRANSPORT, 0, 16),
    ("dport", Mark.TRANSPORT, 16, 16),
    ("ttl", Mark.NET, 64, 8),
)
"""The fields a trace shows at each hop."""

FIELDS = tuple(
    (mark, tuple((n, bit, width) for n, (_, of, bit, width) in enumerate(STORY) if of is mark))
    for mark in (Mark.NET, Mark.TRANSPORT)
)
"""The same by the mark that they are at, each with its number."""

MAX_VISITS = 12
"""How often one path may come to one input port before the exploration calls it a possible loop."""


class End(Enum):
    """What ended a flow."""

    EXIT = "exit"
    DROPPED = "dropped"
    LOST = "lost"
    LOOP = "loop"


@quick
@dataclass(frozen=True, slots=True)
class Hop:
    """One place of a path: parent-linked, so that paths share their beginnings. `fields` are as the packet came in."""

    parent: "Hop | None"
    place: str
    port: int
    fields: tuple[Term | None, ...]
    depth: int

    def story(self) -> "list[Hop]":
        """The hops from the first to this one."""
        out: list[Hop] = []
        hop: Hop | None = self
        while hop is not None:
            out.append(hop)
            hop = hop.parent
        return out[::-1]


def look(state: State) -> tuple[Term | None, ...]:
    """The fields of the story, as they are now, where they can be told without a case split."""
    memory = state.memory
    out: list[Term | None] = [None] * len(STORY)
    for mark, fields in FIELDS:
        at = memory.marks.get(mark)
        cells = None if at is None else memory.cells.get(at[0])
        if at is None or not cells:
            continue
        for n, bit, width in fields:
            cell = cells.get(at[1] * 8 + bit)
            if cell is not None and cell[0] == width:
                out[n] = cell[1]
    return tuple(out)


def hop_to(state: State, place: str, port: int) -> Hop:
    """Note on the path that the packet is at `place` now."""
    parent = state.hop
    assert parent is None or isinstance(parent, Hop)
    hop = Hop(parent, place, port, look(state), 0 if parent is None else parent.depth + 1)
    state.hop = hop
    return hop


@quick
@dataclass(frozen=True, slots=True)
class Flow:
    """A path to its end: `place` is the exit element, or where it was dropped (or lost), `reason` why."""

    end: End
    place: str
    reason: str
    state: State


class Budget:
    """What a question may cost: element executions and work (see `innet.symbolic.work`); shared by all explorations
    that answer it, and noting what they saw."""

    def __init__(self, steps: int, stop: Stop = never, work: int = MAX_WORK) -> None:
        self.limit = self.steps = steps
        self.work = Work(work, stop)
        self.places: set[str] = set()
        """Where packets were followed to."""
        self.ended = 0
        """How many paths were followed to their ends."""

    def spend(self, place: str) -> None:
        """Note that packets are followed through `place`."""
        self.steps -= 1
        if self.steps < 0:
            raise BudgetExceeded
        self.places.add(place)

    def explored(self) -> str:
        """What was seen so far, in words."""
        return (
            f"{self.limit - max(self.steps, 0):,} steps through {len(self.places):,} places were followed, "
            f"{self.ended:,} paths to their ends"
        )


def repeated(hop: Hop) -> int:
    """How often the path was at this place before."""
    count, earlier = 0, hop.parent
    while earlier is not None:
        if earlier.place == hop.place and earlier.port == hop.port:
            count += 1
        earlier = earlier.parent
    return count


def visits(hop: Hop, budget: Budget) -> int:
    """`repeated`, charged: the way may be long."""
    budget.work.spend(1 + (hop.depth >> 4))
    return repeated(hop)


def outcomes(
    machine: Machine, element: str, port: int, state: State, tables: Tables, prefix: str = ""
) -> Iterator[Result]:
    """What an element does with packets; those it holds have left already where it says how they leave."""
    program = machine.program(element, port, tables.work)
    if port == OUTSIDE and (known := entered(program, state, tables)) is not None:
        return iter((known,))
    at = element, port, False
    return released(machine, at, execute(program, state, tables, prefix, at), tables, prefix)


def released(
    machine: Machine, at: tuple[str, int, bool], results: Iterator[Result], tables: Tables, prefix: str
) -> Iterator[Result]:
    """`results` of the element at (element, port, whether that is how it releases packets), with what it lets go in
    place of what it holds."""
    element, port, leaving = at
    program = None if leaving else machine.released(element, port)
    if program is None:
        yield from results
        return
    for result in results:
        if isinstance(result, Held):
            yield from execute(program, result.state, tables, prefix, (element, port, True))
        else:
            yield result


Arrival = tuple[str, int, State]
"""Element, input port (`OUTSIDE` for packets from outside), packets."""
Watch = Callable[[str, int, State], Iterable[State]]
"""Sees packets that arrive at an element's input, and says which of them go on."""


def flows(
    machine: Machine,
    start: Iterable[Arrival],
    tables: Tables,
    budget: Budget,
    watch: Watch | None = None,
    prefix: str = "",
) -> Iterator[Flow]:
    """Every flow from `start` to its end. `watch(element, port, state)` sees each arrival and says what goes on.

    Time is not modelled: what a holder got may leave by any of its outputs (a full queue's second one too), or as the
    element says; an exit ends the flow, and lets it go on by its outputs where they are connected. Pull connections are
    followed forward, as packets go.
    """
    work: list[Arrival] = [(e, p, s) for e, p, s in start]
    work.reverse()
    tables.work = budget.work
    yield from _drain(machine, work, tables, budget, watch, prefix)


def resumed(
    machine: Machine,
    asked: Asked,
    kinds: list[Template],
    tables: Tables,
    budget: Budget,
    watch: Watch | None = None,
) -> Iterator[Flow]:
    """The flows of packets that find entries of kinds that were not known when they looked."""
    element, _, _ = at = cast("tuple[str, int, bool]", asked.at)
    tables.work = budget.work
    budget.spend(asked.scope + element)
    work: list[Arrival] = []
    results = released(machine, at, resume(asked, kinds, tables), tables, asked.scope)
    yield from _after(machine, element, results, work)
    yield from _drain(machine, work, tables, budget, watch, asked.scope)


def _drain(
    machine: Machine,
    work: list[Arrival],
    tables: Tables,
    budget: Budget,
    watch: Watch | None,
    prefix: str,
) -> Iterator[Flow]:
    while work:
        element, port, state = work.pop()
        budget.spend(prefix + element)
        hop = hop_to(state, prefix + element, port)
        if hop.depth > 40 and element in machine.heads() and visits(hop, budget) >= MAX_VISITS:
            yield Flow(End.LOOP, element, "comes back again and again", state)
            continue
        going: Iterable[State] = (state,) if watch is None else watch(element, port, state)
        for one in going:
            results = outcomes(machine, element, port, one, tables, prefix)
            for flow in _after(machine, element, results, work):
                budget.ended += 1
                yield flow


def _after(machine: Machine, element: str, results: Iterator[Result], work: list[Arrival]) -> Iterator[Flow]:
    """The ends among `results` of an element; what goes on is put to `work`."""
    for result in results:
        after = result.state
        if isinstance(result, Emitted):
            targets = machine.next.get((element, result.port), ())
            for n, (target, into) in enumerate(targets):
                last = n + 1 == len(targets)
                work.append((target, into, after if last else after.fork()))
        elif isinstance(result, Held):
            if machine.elements[element].ROLE is Role.EXIT:
                yield Flow(End.EXIT, element, "", after.fork())
            for output in range(machine.outputs(element)):
                for target, into in machine.next.get((element, output), ()):
                    work.append((target, into, after.fork()))
        elif isinstance(result, Dropped):
            yield Flow(End.DROPPED, element, result.reason, after)
        else:
            yield Flow(End.LOST, element, result.reason, after)


__all__ = [
    "Arrival",
    "Budget",
    "BudgetExceeded",
    "End",
    "Flow",
    "Hop",
    "Watch",
    "flows",
    "hop_to",
    "look",
    "resumed",
]
