"""Tables that nobody can tell from empty ones (decision 0011).

An element's table need not be kept if each packet that finds an entry comes to the same end as it would have had it
found none. That is looked at packet by packet: for all packets that can arrive, in all states that the table can be in,
the program is run as it is, and once more on the very same packets as it is without the table. What entries there can
be is known from an exploration that collects every insertion; expired entries are misses.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from innet import ir
from innet.elements.base import Element, Role
from innet.explore.machine import Machine
from innet.ir.uses import statements, tables_of, variables_in
from innet.simplify.equality import same
from innet.symbolic.execute import Dropped, Emitted, Result, execute, value_of
from innet.symbolic.memory import ANNOTATIONS, Memory
from innet.symbolic.state import State, Tables
from innet.symbolic.terms import K, Sym, Term
from innet.symbolic.values import UNKNOWN

LIMIT = ir.Table("", (), ()).capacity
"""A table of fewer entries than one that says nothing of its size is a limit that somebody set: it is kept, since
without it packets would pass for which it has no room."""

TOUCHES = (ir.Lookup, ir.Insert, ir.Update, ir.Delete)
BEYOND = (ir.Allocate, ir.Next, ir.Copy, ir.Hold, ir.Now, ir.Random, ir.Havoc, ir.FindOption)
"""Statements of which an element that loses its table has none: they give another result each time, or several."""

Port = tuple[str, int]


class Observable(Exception):  # noqa: N818 - an answer, no error
    """Somebody could see that the table is not there, and how."""


@dataclass(frozen=True)
class Candidate:
    """An element with tables of its own: its programs, and the programs without the tables."""

    element: str
    tables: tuple[str, ...]
    programs: Mapping[Port, ir.Program]
    without: Mapping[Port, ir.Program]


def stateful(programs: Mapping[Port, ir.Program]) -> frozenset[str]:
    """The elements whose programs use a table that packets change."""
    return frozenset(element for (element, _), p in programs.items() if any(_kept(p.body)))


def candidate(element: str, machine: Machine, programs: Mapping[Port, ir.Program]) -> Candidate:
    """The element, if what is written of it does not speak against leaving its tables out; else raises `Observable`."""
    own = {at: p for at, p in programs.items() if at[0] == element}
    bodies = [p.body for p in own.values()]
    for why in (
        fickle(bodies),
        foreign(element, bodies),
        limited(bodies),
        looked_into(element, programs),
        acting(machine.elements[element]),
    ):
        if why:
            raise Observable(why)
    names = dict.fromkeys(table.name for body in bodies for table in _kept(body))
    without = {at: replace(p, body=emptied(p.body)) for at, p in own.items()}
    return Candidate(element, tuple(names), own, without)


def fickle(bodies: Iterable[ir.Block]) -> str:
    """What its programs do that gives another result each time."""
    for body in bodies:
        for stmt in statements(body):
            if isinstance(stmt, BEYOND):
                return f"it also uses {type(stmt).__name__}, whose result is another one each time"
    return ""


def foreign(element: str, bodies: Iterable[ir.Block]) -> str:
    """Whose tables it uses beside its own."""
    owners = (table.owner for body in bodies for table in _kept(body))
    return next((f"the table is that of {owner}" for owner in owners if owner not in ("", element)), "")


def limited(bodies: Iterable[ir.Block]) -> str:
    """Which limit somebody set."""
    sizes = [table.capacity for body in bodies for table in _kept(body) if table.capacity < LIMIT]
    return f"room for {sizes[0]} entries is a limit: what finds the table full is dropped" if sizes else ""


def looked_into(element: str, programs: Mapping[Port, ir.Program]) -> str:
    """Who else uses its tables."""
    for (other, _), program in programs.items():
        if other != element and any(table.owner == element for table in tables_of(program.body)):
            return f"{other} looks into it"
    return ""


def acting(made: Element) -> str:
    """Whether it does anything by itself."""
    alone = made.ROLE is Role.TRANSFORM and type(made).holder is Element.holder and not made.calls()
    return "" if alone else "it does more than its programs say"


def _kept(block: ir.Block) -> Iterator[ir.Table]:
    """The tables of a program that packets change."""
    return (table for table in tables_of(block) if table.kind is not ir.TableKind.PREFIX)


def emptied(block: ir.Block) -> ir.Block:
    """The program with tables in which nothing is ever found and for everything is room."""
    out: list[ir.Stmt] = []
    for stmt in block:
        match stmt:
            case ir.Lookup(table, _, values, found) if table.kind is not ir.TableKind.PREFIX:
                out.append(ir.Let(found, ir.Const(0, 1)))
                out += [ir.Let(var, ir.Const(0, var.width)) for var in values]
            case ir.Insert(ok=ok):
                out.append(ir.Let(ok, ir.Const(1, 1)))
            case ir.Update() | ir.Delete():
                pass
            case ir.Branch(condition, then, otherwise):
                out.append(ir.Branch(condition, emptied(then), emptied(otherwise)))
            case _:
                out.append(stmt)
    return tuple(out)


# ---- the proof


def prove(one: Candidate, arrivals: Iterable[tuple[Port, State]], tables: Tables) -> None:
    """Every packet of `arrivals` that finds an entry comes to the same end without; raises `Observable` if not.

    `tables` has every entry that there can be. `arrivals` are all packets that come to the element.
    """
    witnessed = Witnessed(tables)
    before, tables.observe = tables.observe, witnessed.see
    try:
        for at, state in arrivals:
            for result in execute(one.programs[at], _fresh(state), tables):
                if result.state.hits:
                    same_without(one, at, state, result, tables)
    finally:
        tables.observe = before


def same_without(one: Candidate, at: Port, state: State, result: Result, tables: Tables) -> None:
    """The packets that came to `result`, run without the table: raises `Observable` if they come to another end."""
    place = f"a packet on input {at[1]} that finds an entry"
    if not isinstance(result, Emitted | Dropped):
        raise Observable(f"{place} cannot be followed")
    again = _fresh(state)
    again.store = result.state.store.fork()  # all that is known of these packets, and of the entry
    for other in execute(one.without[at], again, tables):
        difference = differs(result, other)
        if difference:
            raise Observable(f"{place} {difference}")


def _fresh(state: State) -> State:
    one = state.fork()
    one.progress = ()
    return one


class Witnessed:
    """Notes on each path what it counted, and what its checksum updates say of addresses: programs may differ in these
    though the packets are the same."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def see(self, stmt: ir.Stmt, state: State) -> None:
        match stmt:
            case ir.Count(name, amount):
                self.note(state, name, amount)
            case ir.Adjust(pseudo=pseudo) if pseudo is not None:
                self.note(state, "pseudo", pseudo)

    def note(self, state: State, name: str, expr: ir.Expr) -> None:
        assert isinstance(state.progress, tuple)
        followed = (
            variables_in(expr) <= state.env.keys()
        )  # what nothing but this depends on the engine leaves out
        value = value_of(expr, state, self.tables) if followed else Sym(name, expr.width, "unknown")
        state.progress = (*state.progress, (name, value))


def differs(a: Result, b: Result) -> str:
    """How the packets of `b`, all of which are among those of `a`, end otherwise; empty if they do not."""
    match a, b:
        case Emitted(port=first), Emitted(port=second) if first == second:
            return _packets_differ(a.state, b.state)
        case Dropped(reason=why), Dropped(reason=other) if why == other:
            return "" if _same_notes(a.state, b.state) else "is counted otherwise"
    return "goes another way than one that finds none"


def _packets_differ(a: State, b: State) -> str:
    store = b.store
    if not _same_notes(a, b):
        return "is counted otherwise than one that finds none"
    if len(a.memory.order) != len(b.memory.order):
        return "has other parts than one that finds none"
    if UNKNOWN in (*a.memory.marks.values(), *b.memory.marks.values()):
        return "has a mark that cannot be followed"
    place_a, place_b = (_places(s.memory) for s in (a, b))
    if {m: place_a(at) for m, at in a.memory.marks.items()} != {
        m: place_b(at) for m, at in b.memory.marks.items()
    }:
        return "has its headers elsewhere than one that finds none"
    for x, y in zip((*a.memory.order, ANNOTATIONS), (*b.memory.order, ANNOTATIONS), strict=True):
        if a.memory.blobs[x] is not b.memory.blobs[y] or store.canonical(
            a.memory.lengths[x]
        ) != store.canonical(b.memory.lengths[y]):
            return "has other content than one that finds none"
        first, second = a.memory.cells[x], b.memory.cells[y]
        for bit in first.keys() | second.keys():
            width = (first.get(bit) or second[bit])[0]
            terms = _at(a.memory, x, bit, width), _at(b.memory, y, bit, width)
            if terms[0] is None or terms[1] is None or not same(terms[0], terms[1], store):
                return "becomes another packet than one that finds none"
    return ""


def _at(memory: Memory, region: int, bit: int, width: int) -> Term | None:
    """What some bits of a region hold: as one cell says, or what was there at first; None if that is not plain."""
    cells, blob = memory.cells[region], memory.blobs[region]
    cell = cells.get(bit)
    if cell is not None:
        return cell[1] if cell[0] == width else None
    if any(b < bit + width and bit < b + c[0] for b, c in cells.items()):
        return None
    return K(0, width) if blob is None else blob.carve(bit, width)


def _places(memory: Memory) -> Callable[[tuple[int, int]], tuple[int, int]]:
    """Where a position is, by the place of its region among the others."""
    number = {rid: n for n, rid in enumerate(memory.order)}
    return lambda at: (number.get(at[0], at[0]), at[1])


def _same_notes(a: State, b: State) -> bool:
    first, second = a.progress, b.progress
    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    return len(first) == len(second) and all(
        x[0] == y[0] and same(x[1], y[1], b.store) for x, y in zip(first, second, strict=True)
    )
