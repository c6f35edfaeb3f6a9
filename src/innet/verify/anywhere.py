"""Whether a requirement fails on every platform, found out once: so that the platforms need not be tried one by one.

A requirement whose packets have to come to the module first fails where none of them gets to the place in the module
that it names. Where boxes on the way leave packets alone, they differ from platform to platform in destination, time
to live, header checksum, Ethernet addresses and how much is cut off at their end only; leaving those open, one
exploration of the module stands for all.
"""

from collections.abc import Iterable

from innet.elements.base import OUTSIDE
from innet.explore.flow import BudgetExceeded, End, flows
from innet.explore.modules import Box
from innet.explore.network import Network, blank, parse
from innet.ir.nodes import Mark
from innet.policy import ElementPort
from innet.symbolic.memory import Imprecise, Split
from innet.symbolic.state import LENGTH_BITS, State, Tables
from innet.symbolic.terms import Sym
from innet.verify.questions import Progress, Question, Start
from innet.verify.reach import BUDGET, Alike, Base, Findings, Query

OPEN = {64: 8, 80: 16, 128: 32}
"""Bits and widths of header fields that differ from platform to platform: time to live, checksum, destination."""


def fails_on(
    question: Question, box: Box, network: Network, arrived: Base, platforms: frozenset[str]
) -> frozenset[str]:
    """Those of `platforms` on which the requirement fails since only packets that are as they started come there, and
    of no start does one as asked get to its first hop, an element of the module `box`, which is in `network` somewhere
    and is the same wherever it is. `arrived` is all that comes to platforms."""
    first = question.hops[0].node
    if arrived.cut or not isinstance(first, ElementPort) or first.module != box.name:
        return frozenset()
    query = Query(question, network, Tables(False), network.budget(BUDGET), Findings(), operator=False)
    if arrived.alike is None:
        arrived.alike = _alike(query, arrived)
    never: dict[int, bool] = {}

    def fails(start: Start) -> bool:
        if id(start) not in never:
            never[id(start)] = _never_there(query, box, start)
        return never[id(start)]

    try:
        groups = [starts is not None and all(map(fails, starts)) for starts in arrived.alike.groups]
    except BudgetExceeded:
        return frozenset()
    if all(groups):
        return platforms
    of = arrived.alike.of
    return frozenset(platform for platform in platforms if groups[of.get(platform, 0)])


def _alike(query: Query, arrived: Base) -> Alike:
    images: dict[int, object] = {}

    def alike(start: Start, state: State) -> bool:
        if id(start) not in images:
            cases = list(parse(start.injected.state.fork(), query.network.parse, query.tables))
            images[id(start)] = _image(cases[0]) if len(cases) == 1 else None
        return images[id(start)] is not None and _image(state) == images[id(start)]

    starts: dict[int, Start] = {}
    some: dict[str, frozenset[int] | None] = {}
    """By platform, the starts of its packets; None: not all are alike."""

    def known(start: Start | None, same: bool) -> frozenset[int] | None:
        if start is None or not same:
            return None
        starts[id(start)] = start
        return frozenset((id(start),))

    def note(platform: str, mine: frozenset[int] | None) -> None:
        before = some.get(platform, mine)
        some[platform] = mine if before is mine or mine is None or before is None else before | mine

    for platform, waiting in arrived.waiting.items():
        for state, progress in waiting:
            start = progress.origin
            note(platform, known(start, start is not None and alike(start, state)))
    for aside in arrived.waiting.aside():
        assert isinstance(aside.progress, Progress)
        start = aside.progress.origin
        mine = known(start, start is not None and aside.unchanged and alike(start, aside.state))
        for platform in aside.ways:
            note(platform, mine)
    numbers: dict[frozenset[int] | None, int] = {frozenset(): 0}
    groups: list[tuple[Start, ...] | None] = [()]
    for group in some.values():
        if group not in numbers:
            numbers[group] = len(groups)
            groups.append(None if group is None else tuple(starts[number] for number in group))
    return Alike({platform: numbers[group] for platform, group in some.items()}, groups)


def _never_there(query: Query, box: Box, start: Start) -> bool:
    """Whether no packet of `start` that is as asked gets to the first hop in the module, whatever is open."""
    departure = query.departure(start)
    if departure is None:
        return False
    condition, held = departure
    one = _parsed(query, start)
    if not one.store.assume(condition) or not one.store.feasible():
        return True
    net, data = one.memory.marks[Mark.NET], one.memory.marks[Mark.DATA]
    for bit, width in OPEN.items():
        one.memory.write(net[0], net[1] * 8 + bit, width, Sym(f"open {bit}", width), one.hop, one.store)
    for bit in (0, 48):
        one.memory.write(data[0], data[1] * 8 + bit, 48, Sym(f"open ether {bit}", 48), one.hop, one.store)
    length = Sym("open length", LENGTH_BITS)
    one.memory.lengths = {**one.memory.lengths, one.memory.order[-1]: (0, ((length, 1),))}
    blank(one)
    one.progress = Progress(held=held, origin=start)
    there = False

    def watch(element: str, port: int, state: State) -> Iterable[State]:
        nonlocal there
        if port == OUTSIDE or box.scope + element not in query.walk.places:
            return (state,)
        going = query.watch(box.scope + element, port, state, state.progress)
        there |= bool(query.found.conforming) or any(
            isinstance(then, Progress) and then.index > 0 for _, then in going
        )
        return [case for case, _ in going]

    entries = [(entry, OUTSIDE, one.fork()) for names in box.entries.values() for entry in names]
    try:
        for flow in flows(box.machine, entries, query.tables, query.walk.budget, watch, box.scope):
            if there or flow.end in (End.LOST, End.LOOP):
                return False
    except (BudgetExceeded, Imprecise, Split):
        return False
    return not there


def _parsed(query: Query, start: Start) -> State:
    """The packets that start there; `Query.departure` knows that there is one case."""
    (one,) = parse(start.injected.state.fork(), query.network.parse, query.tables)
    return one


def _image(state: State) -> object:
    """The packet from its IPv4 header on, without the open fields, where it ends, and what was merely read of unread
    bytes."""
    memory = state.memory
    at = memory.marks.get(Mark.NET)
    if at is None:
        return None
    regions = []
    for rid in memory.order[memory.order.index(at[0]) :]:
        blob = memory.blobs[rid]
        first = 8 * at[1] if rid == at[0] else 0
        cells = {
            bit - first: (cell[0], cell[1])
            for bit, cell in memory.cells[rid].items()
            if (blob is None or cell[1] is not blob.carved.get((bit, cell[0])))
            and not (rid == at[0] and OPEN.get(bit - first) == cell[0])
        }
        regions.append((memory.lengths[rid] if rid != memory.order[-1] else None, blob, cells))
    return regions


__all__ = ["fails_on"]
