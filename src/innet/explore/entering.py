"""What entries make of packets as they come in: found out once for any packet, known for each that is judged.

Whatever is judged gets the packets that `innet.symbolic.state.arriving` injects, with the same symbols each time, and
an entry reads their headers before anything else. Where all of them take one way and nothing is learnt of them, those
of which more is known take it, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from innet import ir
from innet.ir.nodes import Mark
from innet.symbolic.execute import Emitted, execute
from innet.symbolic.memory import ANNOTATIONS, Cell
from innet.symbolic.state import ARRIVAL, ARRIVING, State, Tables, arriving, collect_atoms, stamp
from innet.symbolic.store import Store
from innet.symbolic.terms import Atom, Sym
from innet.symbolic.work import BudgetExceeded, Work

MAX_KEPT = 256
"""For how many programs it is remembered."""

PLAIN = (ir.Let, ir.Assign, ir.SetMark, ir.ClearMark, ir.Count, ir.Emit, ir.Drop, ir.Hold)
"""Statements, beside branches, that depend on the packet only, and change nothing else."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What a program does with every packet: it leaves by `port` with these marks and annotations, and is otherwise as
    it was. `work`: what it took to find that out."""

    port: int
    marks: Mapping[Mark, tuple[int, int]]
    annotations: Mapping[int, Cell]
    work: int


_known: dict[int, tuple[ir.Program, Entered | None]] = {}


def entered(program: ir.Program, state: State, tables: Tables) -> Emitted | None:
    """What becomes of packets of `state`, if that is known: of those that nothing has run on. It is used up then."""
    if tables.observe is not None or tables.oracle is not None or not _untouched(state):
        return None
    found = _known.get(id(program))
    if found is None:
        if len(_known) >= MAX_KEPT:
            _known.clear()
        found = _known[id(program)] = program, _found(program)
    known = found[1]
    if known is None:
        return None
    tables.work.spend(known.work)
    memory, hop = state.memory, state.hop
    memory.marks = dict(known.marks)
    cells = memory.cells[ANNOTATIONS] = dict(memory.cells[ANNOTATIONS])
    for bit, (width, term, _) in known.annotations.items():
        cells[bit] = width, term, hop
    state.env, state.hits, state.store.work = {}, (), tables.work
    return Emitted(known.port, state)


def _found(program: ir.Program) -> Entered | None:
    """What the program does with every packet, if that is one thing."""
    if not _plain(program.body):
        return None
    injected = arriving()
    state, memory = injected.state, injected.state.memory
    stamp(memory)
    before, stamps = state.fork(), memory.cells[ANNOTATIONS]
    tables = Tables(any_state=False)
    tables.work = Work()
    try:
        results = list(execute(program, state, tables))
    except BudgetExceeded:
        return None
    if len(results) != 1 or not isinstance(results[0], Emitted):
        return None
    after = results[0].state
    cells, was = after.memory.cells, before.memory.cells
    if (
        after.memory.order != before.memory.order
        or after.memory.lengths is not before.memory.lengths
        or any(cells[rid] is not was[rid] for rid in before.memory.order)
        or (after.over, after.lost) != ((), "")
        or not _only_sets(after.store)
        or after.store.domains != before.store.domains
    ):
        return None
    annotations = {bit: cell for bit, cell in cells[ANNOTATIONS].items() if stamps.get(bit) != cell}
    atoms: dict[Atom, None] = {}
    for _, term, _ in annotations.values():
        collect_atoms(term, atoms)
    own = {*injected.symbols.values()}
    if not stamps.keys() <= cells[ANNOTATIONS].keys() - annotations.keys() or any(
        isinstance(atom, Sym) and atom not in own for atom in atoms
    ):
        return None
    work = tables.work.limit - tables.work.left
    return Entered(results[0].port, after.memory.marks, annotations, work)


def _plain(block: ir.Block) -> bool:
    return all(
        _plain(stmt.then) and _plain(stmt.otherwise)
        if isinstance(stmt, ir.Branch)
        else isinstance(stmt, PLAIN)
        for stmt in block
    )


def _untouched(state: State) -> bool:
    """Whether packets are as they were injected, of any length, and nothing but sets of values is known of them."""
    memory, store, first = state.memory, state.store, ARRIVING.state
    if memory.order is not first.memory.order or memory.lengths is not first.memory.lengths:
        return False
    cells, annotations = memory.cells, memory.cells[ANNOTATIONS]
    return (
        memory.marks == first.memory.marks
        and all(cells[rid] is first.memory.cells[rid] for rid in memory.order)
        and len(annotations) == STAMPS
        and all(term.__class__ is Sym and term.origin == ARRIVAL for _, term, _ in annotations.values())
        and _only_sets(store)
        and all(store.domains.get(size) is first.store.domains[size] for size in SIZES)
    )


STAMPS = 2
"""How many annotations `stamp` sets: of packets that have just come in, there are no others."""

SIZES = tuple(ARRIVING.symbols[name] for name in ("ip.hl", "length"))
"""The fields that say where things are."""


def _only_sets(store: Store) -> bool:
    """Whether all that the store has is sets of values."""
    return not (store.substitution or store.unequal or store.inequalities or store.clauses or store.sliced)


__all__ = ["Entered", "entered"]
