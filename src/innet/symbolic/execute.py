"""Symbolic execution of one packet program: all packets at once.

The same walk as the reference interpreter, over terms instead of numbers. A branch forks the path where both sides are
possible; an operation that depends on an open question forks it too (`Split`). Results are exclusive, except that
copies, choices and tables of unknown content give several for one packet.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from innet import ir
from innet.ir.interpret import PacketBuffer, apply, find_option, ones_sum
from innet.ir.nodes import PREDICATES, Mark, Op
from innet.symbolic import ranges as rs
from innet.symbolic.formulas import (
    all_of,
    any_of,
    as_term,
    at_most_zero,
    equal,
    in_atom,
    less,
    member,
    negate,
    truth,
)
from innet.symbolic.memory import ANNOTATIONS, Imprecise, Memory, Split, length_term
from innet.symbolic.needed import needed
from innet.symbolic.state import Entry, Renaming, State, Tables, Template, keys_equal, overlay
from innet.symbolic.store import Store
from innet.symbolic.terms import (
    FALSE,
    TRUE,
    Fn,
    Formula,
    K,
    Lin,
    Linear,
    Sym,
    Term,
    add,
    adjust,
    bitwise,
    cast,
    concat,
    from_linear,
    levels,
    linear_of,
    minus,
    opaque,
    pieces,
    shift_left,
    shift_right,
)
from innet.symbolic.work import OPERATION, STATEMENT, TEMPLATE

MAX_OVERFLOWS = 8
"""How many ways a sum can overflow are told apart where a position depends on it."""

MAX_PLACES = 11
"""How many places of the spare mark are told apart: those behind an IPv4 header of any length."""

LONGEST = 0xFFFF
"""The longest distance between two marks that a program can tell: 16 bits."""

MAX_LEVELS = 300
"""How deep terms may be nested: about 150 operations, one on the result of the other."""

UNKNOWN = (-2, 0)
"""The position of a mark that the engine does not follow: reads there give fresh values."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """The packets that leave by `port`."""

    port: int
    state: State


@dataclass(frozen=True, slots=True)
class Dropped:
    """The packets that are dropped for `reason`."""

    reason: str
    state: State


@dataclass(frozen=True, slots=True)
class Held:
    """The packets that go to the element's holder."""

    state: State


@dataclass(frozen=True, slots=True)
class Lost:
    """The packets that the engine could not follow, and why: answers become `undecided`."""

    reason: str
    state: State


Result: TypeAlias = Emitted | Dropped | Held | Lost
_Frame: TypeAlias = "tuple[ir.Block, int, _Frame] | None"


def evaluate(expr: ir.Expr, state: State, tables: Tables) -> Iterator[tuple[State, Formula]]:
    """A condition on a packet, without running anything: cases of `state`, exclusive and complete, with a formula."""
    state.store.work = tables.work
    work = [state]
    while work:
        one = work.pop()
        try:
            yield one, truth(_Step(_NO_PROGRAM, one, tables, "").value(expr))
        except Split as split:
            for alternative in reversed(split.alternatives):
                case = one.fork()
                if case.store.assume(alternative) and case.store.feasible():
                    work.append(case)


def formula_of(expr: ir.Expr, state: State, tables: Tables) -> Formula:
    """A condition on a packet as one formula over its symbols, whatever cases it has."""
    state.store.work = tables.work
    try:
        return truth(_Step(_NO_PROGRAM, state, tables, "").value(expr))
    except Split as split:
        found: list[Formula] = []
        for alternative in split.alternatives:
            case = state.fork()
            if case.store.assume(alternative) and case.store.feasible():
                found.append(all_of(alternative, formula_of(expr, case, tables)))
        return any_of(*found)


def value_of(expr: ir.Expr, state: State, tables: Tables) -> Term:
    """What an expression is on a path of a program; raises `Split` where that has no single answer."""
    return _Step(_NO_PROGRAM, state, tables, "").value(expr)


def read(field: ir.Field, state: State, tables: Tables) -> Iterator[tuple[State, Term]]:
    """What a field holds (zero where it is absent): cases of `state`, each with a term."""
    state.store.work = tables.work
    work = [state]
    while work:
        one = work.pop()
        try:
            yield one, _Step(_NO_PROGRAM, one, tables, "").load(field)
        except Split as split:
            for alternative in reversed(split.alternatives):
                case = one.fork()
                if case.store.assume(alternative) and case.store.feasible():
                    work.append(case)


UNFORESEEN = "whatever comes out of "
"""How `State.over` says that a path has bytes that nobody can foretell: what it shows may not happen."""

_NO_PROGRAM = ir.Program("", 0, 0, ())


@dataclass(frozen=True, slots=True)
class Asked:
    """A look-up in a table that flows fill, where entries that turn up later are to be looked for: `state` are the
    packets that miss, which go on at `frame`; `seen` is how many kinds of entries of the table were known.

    `at` says where that was, in the words of who executes.
    """

    program: ir.Program
    lookup: ir.Lookup
    state: State
    frame: _Frame
    scope: str
    at: object
    seen: int

    @property
    def table(self) -> tuple[str, str]:
        """The element, with its scope, and the table."""
        table = self.lookup.table
        return self.scope + (table.owner or self.program.element), table.name


def execute(
    program: ir.Program, state: State, tables: Tables, scope: str = "", at: object = None
) -> Iterator[Result]:
    """Everything that can become of the packets of `state`; it is used up. `scope` tells configurations apart."""
    state.env, state.hits = {}, ()
    state.store.work = tables.work
    yield from _run(program, [(state, (program.body, 0, None))], tables, scope, at)


def resume(asked: Asked, kinds: list[Template], tables: Tables) -> Iterator[Result]:
    """What becomes of packets that find entries of these kinds, which were not known when they looked."""
    asked.state.store.work = tables.work
    step = _Step(asked.program, asked.state.fork(), tables, asked.scope)
    found = step.foreign(asked.lookup, asked.table[0], step.row(asked.lookup.key), kinds)
    work: list[tuple[State, _Frame]] = [(one, asked.frame) for one in found]
    yield from _run(asked.program, work, tables, asked.scope, asked.at)


def _run(
    program: ir.Program, work: list[tuple[State, _Frame]], tables: Tables, scope: str, at: object
) -> Iterator[Result]:
    asked, charged, observe = tables.asked, tables.work, tables.observe
    place = at
    wanted = needed(program, tables.oracle is not None)
    while work:
        state, frame = work.pop()
        while True:
            charged.spend(STATEMENT)
            if frame is None:
                raise AssertionError("a checked program ends every path with a verdict")
            block, at, parent = frame
            if at == len(block):
                frame = parent
                continue
            stmt = block[at]
            kind = stmt.__class__
            if kind is ir.Emit:
                yield Emitted(stmt.port, state)  # type: ignore[union-attr]
                break
            if kind is ir.Drop:
                yield Dropped(stmt.reason, state)  # type: ignore[union-attr]
                break
            if kind is ir.Hold:
                yield Held(state)
                break
            try:
                if kind is ir.Branch:
                    after: _Frame = (block, at + 1, parent)
                    test, then = _nested(stmt, observe is None)  # type: ignore[arg-type]  # a Branch
                    condition = truth(_Step(program, state, tables, scope).value(test))
                    if observe is not None:
                        observe(stmt, state)
                    decided = state.store.status(condition)
                    if decided is not None:
                        frame = (then if decided else stmt.otherwise, 0, after)  # type: ignore[union-attr]
                        continue
                    other = state.fork()
                    if other.store.assume(negate(condition)) and other.store.feasible():
                        work.append((other, (stmt.otherwise, 0, after)))  # type: ignore[union-attr]
                    if not (state.store.assume(condition) and state.store.feasible()):
                        break
                    frame = (then, 0, after)
                    continue
                if kind is ir.Copy:
                    if state.copies is None:
                        yield Emitted(stmt.port, state.fork())  # type: ignore[union-attr]
                    else:
                        state.copies = (*state.copies, (stmt.port, state.memory.fork()))  # type: ignore[union-attr]
                    frame = (block, at + 1, parent)
                    continue
                if observe is not None and kind is ir.Assign:
                    observe(stmt, state)
                successors = _Step(program, state, tables, scope, wanted).stmt(stmt)
            except Split as split:
                for alternative in reversed(split.alternatives):
                    one = state.fork()
                    if one.store.assume(alternative) and one.store.feasible():
                        work.append((one, frame))
                break
            except Imprecise as why:
                yield Lost(f"{program.element}: {why}", state)
                break
            if observe is not None and (
                kind is ir.Count or kind is ir.Adjust or (kind is ir.Let and stmt.var.name in wanted)  # type: ignore[union-attr]
            ):
                observe(stmt, state)
            frame = (block, at + 1, parent)
            if kind is ir.Lookup and asked is not None and stmt.table.kind is not ir.TableKind.PREFIX:  # type: ignore[union-attr]
                miss = Asked(program, stmt, state.fork(), frame, scope, place, 0)  # type: ignore[arg-type]  # a Lookup
                asked.append(replace(miss, seen=len(tables.kinds.get(miss.table, ()))))
            if successors is not None:
                work.extend((one, frame) for one in reversed(successors))
                break


def _nested(branch: ir.Branch, joined: bool) -> tuple[ir.Expr, ir.Block]:
    """Condition and body of a `when`; if `joined`, one with nothing in it but another `when` is one decision with that:
    two paths, not three."""
    condition, then, otherwise = branch.condition, branch.then, branch.otherwise
    while (
        joined
        and not otherwise
        and len(then) == 1
        and isinstance(inner := then[0], ir.Branch)
        and not inner.otherwise
    ):
        condition, then = ir.Binary(Op.AND, condition, inner.condition), inner.then
    return condition, then


class _Step:
    """One statement on one path."""

    __slots__ = ("memory", "program", "scope", "state", "store", "tables", "wanted")

    def __init__(
        self,
        program: ir.Program,
        state: State,
        tables: Tables,
        scope: str,
        wanted: frozenset[str] = frozenset(),
    ) -> None:
        self.program, self.state, self.tables, self.scope, self.wanted = program, state, tables, scope, wanted
        self.memory: Memory = state.memory
        self.store: Store = state.store

    def stmt(self, stmt: ir.Stmt) -> list[State] | None:
        """Run `stmt` on the path; several paths if it has several outcomes, None if it goes on as one."""
        env, memory, store = self.state.env, self.memory, self.store
        match stmt:
            case ir.Let(var, value, followed):
                if var.name in self.wanted:
                    term = (
                        self.shallow(self.value(value)) if followed else Sym(var.name, var.width, "unknown")
                    )
                    env[var.name] = term
            case ir.Assign(f, value):
                self.assign(f, self.shallow(self.value(value)))
            case ir.Adjust(f, old, new, keep_zero):
                self.writable(f)
                if self.present(f):
                    args = (self.value(f), self.value(old), self.value(new), old.width, int(keep_zero))
                    self.assign(f, self.shallow(Fn("adjust", args, 16, adjust)))
            case ir.SetMark(mark, base, offset, plus):
                self.set_mark(mark, base, offset, None if plus is None else self.value(plus))
            case ir.ClearMark(mark):
                memory.marks.pop(mark, None)
            case ir.Havoc(mark, offset, length):
                self.havoc(mark, offset, None if length is None else self.value(length))
                why = f"{UNFORESEEN}{self.scope}{self.program.element}"
                if why not in self.state.over:
                    self.state.over = (*self.state.over, why)
            case ir.Lookup():
                return self.lookup(stmt)
            case ir.Insert(table, key, values, ok, _, reply):
                room = self.written(stmt, table, (key, values, *(reply or ())))
                if room is not None:
                    env[ok.name] = room
                    return None
                return self.insert(stmt, table, key, values, ok, reply)
            case ir.Update(table, key, values, _):
                if self.written(stmt, table, (key, values)) is None:
                    self.update(table, self.row(key), self.row(values))
            case ir.Delete(table, key):
                if self.written(stmt, table, (key,)) is None:
                    self.delete(table, self.row(key))
            case ir.Allocate() if (found := self.allocated(stmt)) is not None:
                return found
            case ir.Allocate(_, _, candidate, low, high, _, _, _, ok):
                name = f"{self.program.element}.{candidate.name}"
                fresh = Sym(name, candidate.width, f"allocated by {self.program.element}")
                taken = self.tables.any_state or self.kept(stmt.table) > high - low
                others = [self.state.fork()] if taken else []
                for other in others:
                    other.env[candidate.name], other.env[ok.name] = K(0, candidate.width), K(0, 1)
                env[candidate.name], env[ok.name] = fresh, K(1, 1)
                if not store.assume(member(fresh, ((low, high),))):
                    return others
                return [self.state, *others] if others else None
            case ir.Next(counter, var):
                name = f"{self.program.element}.{counter.name}"
                env[var.name] = self.drawn(name, var.width, "counter", counter)
            case ir.Now(var):
                env[var.name] = self.drawn("now", var.width, "time")
            case ir.Random(var):
                env[var.name] = self.drawn("random", var.width, "random")
            case ir.FindOption():
                return self.find_option(stmt)
            case ir.Count():
                pass
            case ir.Branch() | ir.Copy() | ir.Emit() | ir.Drop() | ir.Hold():
                raise AssertionError("handled by execute")
            case _:
                assert_never(stmt)
        return None

    # ---- what is asked of an oracle, if there is one

    def drawn(self, name: str, width: int, kind: str, counter: ir.Counter | None = None) -> Term:
        """What a clock, a die or a counter shows."""
        oracle = self.tables.oracle
        if oracle is None:
            return Sym(name, width, kind)
        return oracle.draw(self.state, self.scope + self.program.element, kind, width, counter)

    def written(
        self, stmt: ir.Insert | ir.Update | ir.Delete, table: ir.Table, rows: tuple[tuple[ir.Expr, ...], ...]
    ) -> Term | None:
        """Whether there was room, if the oracle notes what is written."""
        oracle = self.tables.oracle
        if oracle is None:
            return None
        life = () if isinstance(stmt, ir.Delete) else (self.value(stmt.idle_s),)
        what = (type(stmt).__name__, *map(self.row, rows), life)
        return oracle.write(self.state, self.scope + (table.owner or self.program.element), table, what)

    def allocated(self, stmt: ir.Allocate) -> list[State] | None:
        """The outcomes of an allocation that the oracle knows of; None if it does not."""
        oracle, state = self.tables.oracle, self.state
        if oracle is None or (stmt.cursor.shared and not oracle.whole):
            return None
        place, width = self.scope + (stmt.table.owner or self.program.element), stmt.candidate.width
        number = oracle.draw(state, place, f"allocated {stmt.table.name}", width, None)
        state.env[stmt.candidate.name] = number
        prefer = () if stmt.prefer is None else (self.value(stmt.prefer),)
        what = ("Allocate", self.row(stmt.key), prefer, (K(stmt.low, 64), K(stmt.high, 64)))
        room = oracle.write(state, place, stmt.table, what)
        if room is None and self.tables.any_state:
            return None
        if room is None:  # in a table that was empty: the value preferred is free, as a rule
            room = K(1, 1)
            if prefer and Memory.decide(member(prefer[0], ((stmt.low, stmt.high),)), self.store):
                number = prefer[0]
                state.env[stmt.candidate.name] = number
        other = state.fork()
        other.env[stmt.candidate.name], other.env[stmt.ok.name] = K(0, width), K(0, 1)
        state.env[stmt.ok.name] = K(1, 1)
        fits = all_of(truth(room), member(number, ((stmt.low, stmt.high),)))
        out = [state] if state.store.assume(fits) and state.store.feasible() else []
        return [*out, other] if other.store.assume(negate(truth(room))) and other.store.feasible() else out

    def shallow(self, term: Term) -> Term:
        """`term`, or any number in place of one that is nested too deep to work with."""
        if term.__class__ is K or term.__class__ is Sym or levels(term) <= MAX_LEVELS:
            return term
        self.state.over = (*self.state.over, "a number that is computed of many others")
        return Sym("computed", term.width, "unknown")

    def row(self, values: tuple[ir.Expr, ...]) -> tuple[Term, ...]:
        return tuple(self.value(v) for v in values)

    # ---- fields

    def present_bytes(self, mark: Mark, length: int) -> Formula:
        """Whether `length` bytes from `mark` on are there."""
        there = self.memory.available(mark, 0, length, self.store)
        return FALSE if there is None else there

    def present(self, f: ir.Field) -> bool:
        """Whether the field is there on this path; splits the path if both can be."""
        first, last = f.bit // 8, (f.bit + f.width + 7) // 8
        there = self.memory.available(f.mark, first, last - first, self.store)
        if there is None:
            return False
        if there is TRUE:
            return True
        decided = self.store.status(there)
        if decided is not None:
            return decided
        if self.store.entails(there):
            return True
        if self.store.allows(there):
            raise Split(there, negate(there))
        return False

    def writable(self, f: ir.Field) -> None:
        """Fields whose place is not known cannot be written."""
        if self.memory.marks.get(f.mark) == UNKNOWN:
            raise Imprecise(f"a write at {f.mark.value}, whose position depends on the packet")

    def assign(self, f: ir.Field, value: Term) -> None:
        self.writable(f)
        if self.present(f):
            at = self.memory.position(f.mark)
            assert at is not None
            self.memory.write(at[0], at[1] * 8 + f.bit, f.width, value, self.state.hop, self.store)

    def load(self, f: ir.Field) -> Term:
        at = self.memory.marks.get(f.mark)
        if at is not None:
            if at is UNKNOWN:
                self.state.over = (*self.state.over, "IPv4 option content")
                return Sym(f"{f.mark.value}[{f.bit}:{f.width}]", f.width, "unknown")
            cell = self.memory.cells[at[0]].get(at[1] * 8 + f.bit)
            if cell is not None and cell[0] == f.width and not self.memory.lengths[at[0]][1]:
                return cell[1]
        if not self.present(f):
            return K(0, f.width)
        at = self.memory.position(f.mark)
        assert at is not None
        return self.memory.read(at[0], at[1] * 8 + f.bit, f.width, self.store)

    def set_mark(self, mark: Mark, base: Mark, offset: int, plus: Term | None) -> None:
        memory, store = self.memory, self.store
        start = memory.end() if base is Mark.END else memory.position(base)
        if start is None:
            if mark is not Mark.DATA and mark is not Mark.END:
                memory.marks.pop(mark, None)
            return
        if start == UNKNOWN:
            raise Imprecise(
                f"{mark.value} put relative to {base.value}, whose position depends on the packet"
            )
        by = (0, ()) if plus is None else self.integer(plus)
        if by is None:
            if mark is Mark.AUX:
                memory.marks[mark] = UNKNOWN
                return
            raise Imprecise(f"{mark.value} moved by a value that cannot be followed")
        by = store.canonical((by[0] + offset, by[1]))
        low, high = store.bounds(by)
        if low == high:
            by = (low, ())
        if mark is Mark.AUX and by[1]:
            self.tell_apart(by)
            memory.marks[mark] = UNKNOWN
        elif mark is Mark.END:
            self._set_end(start, by)
        elif mark is Mark.DATA:
            beyond = minus(by, memory.to_end(*start))
            forward = by[1] or base is not Mark.DATA or by[0] > 0
            if forward and not memory.decide(at_most_zero(beyond), store):
                start, by = memory.end(), (0, ())
            memory.set_data(memory.advance(start, by, store), store)
        else:
            memory.marks[mark] = memory.advance(start, by, store)

    def tell_apart(self, by: Linear) -> None:
        """Split the path by the value of a distance that has few: where headers of other lengths end."""
        _, parts = by
        if len(parts) == 1:
            atom = parts[0][0]
            values = [
                number
                for low, high in self.store.domain(atom)
                for number in range(low, min(high, low + MAX_PLACES) + 1)
            ]
            if len(values) <= MAX_PLACES:
                raise Split(*(in_atom(atom, rs.single(number)) for number in values))

    def _set_end(self, start: tuple[int, int], by: Linear) -> None:
        memory, store = self.memory, self.store
        grows = minus(by, memory.to_end(*start))
        if not grows[1] and grows[0] == 0:
            return
        if memory.decide(at_most_zero(grows), store):
            data = memory.marks[Mark.DATA]
            ahead = minus(minus((0, ()), grows), memory.to_end(*data))  # from the new end to DATA
            if not memory.decide(at_most_zero(ahead), store):
                start, by = data, (0, ())
            memory.cut_end(start, by, store)
        else:
            low, high = store.bounds(store.canonical(grows))
            memory.grow((low, ()) if low == high else grows, store)

    def havoc(self, mark: Mark, offset: int, length: Term | None) -> None:
        memory, store = self.memory, self.store
        at = memory.position(mark)
        if at is None:
            return
        by = None if length is None else self.integer(length)
        if at == UNKNOWN or (length is not None and by is None):
            raise Imprecise(f"unknown bytes at {mark.value}, whose place depends on the packet")
        memory.havoc(at, offset, by, f"{self.program.element} any", store)

    # ---- tables

    def lookup(self, stmt: ir.Lookup) -> list[State] | None:
        table, state = stmt.table, self.state
        key = self.row(stmt.key)
        element = self.scope + (table.owner or self.program.element)
        if table.kind is ir.TableKind.PREFIX:
            return self.lookup_prefix(stmt, concat([part for one in key for part in pieces(one)]))
        oracle = self.tables.oracle
        if oracle is not None and (cases := oracle.lookup(state, element, table, key)) is not None:
            nothing = tuple(K(0, var.width) for var in stmt.values)
            for one, values in cases:
                _found(stmt, one, nothing if values is None else values)
                one.env[stmt.found.name] = K(int(values is not None), 1)
            return [one for one, _ in cases]
        any_state = self.tables.any_state
        out: list[State] = []
        if any_state:
            out = self.foreign(stmt, element, key, self.tables.rows((element, table.name)))
        missing: list[Formula] = []
        self.tables.work.spend(len(state.entries))
        for entry in reversed(state.entries):
            if entry.element != element or entry.table != table.name:
                continue
            match = keys_equal(key, entry.key)
            decided = state.store.status(match)
            if decided is False:
                continue
            one = state.fork()
            if one.store.assume(all_of(match, *missing)) and one.store.feasible():
                one.hits = (*one.hits, (element, table.name, key, entry.key))
                out.append(_found(stmt, one, entry.values))
            if decided is True and not any_state:
                missing.append(FALSE)
                break
            if not any_state:
                missing.append(negate(match))
        if not missing or state.store.assume(all_of(*missing)):
            if missing and not state.store.feasible():
                return out
            state.env[stmt.found.name] = K(0, 1)
            for var in stmt.values:
                state.env[var.name] = K(0, var.width)
            if not out:
                return None
            out.append(state)
        return out

    def foreign(
        self, stmt: ir.Lookup, element: str, key: tuple[Term, ...], templates: Iterable[Template]
    ) -> list[State]:
        """The packets that find an entry of another flow, one path for each kind of entries."""
        out: list[State] = []
        name = stmt.table.name
        for template in templates:
            self.tables.work.spend(TEMPLATE)
            renaming = Renaming()
            own = tuple(renaming.term(t) for t in template.key)
            match = keys_equal(key, own)
            if match is FALSE:
                continue
            one = self.state.fork()
            known = [member(renaming.term(a), d) for a, d in template.domains]
            known += [renaming.formula(f) for f in template.facts]
            if one.store.assume(all_of(*known, match)) and one.store.feasible():
                one.over = (*one.over, f"entry of another flow in {element}")
                one.hits = (*one.hits, (element, name, key, own))
                out.append(_found(stmt, one, tuple(renaming.term(t) for t in template.values)))
        return out

    def lookup_prefix(self, stmt: ir.Lookup, key: Term) -> list[State]:
        out: list[State] = []
        outcomes = self.tables.prefixes(stmt.table)
        for values, keys in outcomes.items():
            one = self.state.fork()
            if one.store.assume(member(key, keys)) and one.store.feasible():
                one.env[stmt.found.name] = K(1, 1)
                for var, value in zip(stmt.values, values, strict=True):
                    one.env[var.name] = K(value, var.width)
                out.append(one)
        state = self.state
        rest = rs.normal(part for keys in outcomes.values() for part in keys)
        if state.store.assume(member(key, rs.complement(rest, key.width))) and state.store.feasible():
            state.env[stmt.found.name] = K(0, 1)
            for var in stmt.values:
                state.env[var.name] = K(0, var.width)
            out.append(state)
        return out

    def insert(
        self,
        stmt: ir.Insert,
        table: ir.Table,
        key: tuple[ir.Expr, ...],
        values: tuple[ir.Expr, ...],
        ok: ir.Var,
        reply: tuple[tuple[ir.Expr, ...], tuple[ir.Expr, ...]] | None,
    ) -> list[State] | None:
        element = self.scope + (table.owner or self.program.element)
        rows = [(self.row(key), self.row(values))]
        if reply is not None:
            rows.append((self.row(reply[0]), self.row(reply[1])))
        read = ok.name in self.wanted  # an outcome that nobody asks for need not be told apart
        pair = None if reply is None else (rows[0][0], rows[1][0])
        gone = [e for row_key, _ in rows for e in self.held(element, table, row_key, sure=reply is None)]
        evicted: list[State] = []
        if self.tables.any_state:
            full = self.state.fork() if read else None
            self.forget(gone)
        else:
            self.forget(gone)
            crowded = self.kept(table) >= table.capacity * len(rows)
            full = self.state.fork() if crowded else None
            evicted = self.without_one(table) if crowded else []
        for one in (self.state, *evicted):
            self.put(one, element, table, rows, pair)
            one.env[ok.name] = K(1, 1)
        if full is None:
            return None
        full.env[ok.name] = K(0, 1)
        return [self.state, *evicted, full]

    def put(
        self,
        state: State,
        element: str,
        table: ir.Table,
        rows: list[tuple[tuple[Term, ...], tuple[Term, ...]]],
        pair: tuple[tuple[Term, ...], tuple[Term, ...]] | None,
    ) -> None:
        for row_key, row_values in rows:
            entry = Entry(element, table.name, row_key, row_values, pair)
            state.entries = (*state.entries, entry)
            self.tables.note(element, table.name, row_key, row_values, state.store)

    def own(self, table: ir.Table) -> list[Entry]:
        """The flow's entries in a table."""
        element = self.scope + (table.owner or self.program.element)
        return [e for e in self.state.entries if e.element == element and e.table == table.name]

    def kept(self, table: ir.Table) -> int:
        """How many entries the flow has in a table."""
        return len(self.own(table))

    def without_one(self, table: ir.Table) -> list[State]:
        """The path with room made in a table of the flow's own entries, one way for each that may have to go."""
        out: list[State] = []
        for entry in self.own(table):
            one = self.state.fork()
            one.entries = tuple(
                e for e in one.entries if e is not entry and (entry.pair is None or e.pair != entry.pair)
            )
            if not any(one.entries == other.entries for other in out):
                out.append(one)
        return out

    def update(self, table: ir.Table, key: tuple[Term, ...], values: tuple[Term, ...]) -> None:
        element = self.scope + (table.owner or self.program.element)
        found = {id(e) for e in self.held(element, table, key)}
        own = self.state.own_key(element, table.name, key)
        self.tables.note(element, table.name, own, values, self.store)
        self.state.entries = tuple(
            replace(e, values=values) if id(e) in found else e for e in self.state.entries
        )

    def delete(self, table: ir.Table, key: tuple[Term, ...]) -> None:
        self.forget(self.held(self.scope + (table.owner or self.program.element), table, key))

    def held(self, element: str, table: ir.Table, key: tuple[Term, ...], sure: bool = False) -> list[Entry]:
        """The flow's entries that have this key; splits the path where that is open, unless only `sure` ones count.

        In any-state mode sure ones are enough: the others may be there as those of another flow.
        """
        sure = sure or self.tables.any_state
        found: list[Entry] = []
        self.tables.work.spend(len(self.state.entries))
        for entry in self.state.entries:
            if entry.element == element and entry.table == table.name:
                match = keys_equal(key, entry.key)
                if self.store.status(match) is True if sure else self.memory.decide(match, self.store):
                    found.append(entry)
        return found

    def forget(self, gone: list[Entry]) -> None:
        """Remove entries, and those that live and die with them."""
        if gone:
            ids, pairs = {id(e) for e in gone}, {e.pair for e in gone if e.pair is not None}
            self.state.entries = tuple(
                e for e in self.state.entries if id(e) not in ids and e.pair not in pairs
            )

    def find_option(self, stmt: ir.FindOption) -> list[State] | None:
        """Whether there is such an option, and where, is computable when the packet is known; the store cannot tell."""
        env = self.state.env
        none = K(0, 1), K(0, 16), K(0, 16)
        env[stmt.found.name], env[stmt.offset.name], env[stmt.length.name] = none
        if not self.memory.decide(self.present_bytes(Mark.NET, 20), self.store):
            return None
        optioned = member(self.value(ir.Field(Mark.NET, 4, 4)), ((6, 15),))
        if self.store.status(optioned) is False:
            return None
        header, at = self.content(Mark.NET)
        found, offset, length = (
            Fn(f"option {what}", (header, at, stmt.kinds), width, compute)  # type: ignore[arg-type]  # nested
            for what, width, compute in (
                ("found", 1, _option_found),
                ("offset", 16, _option_offset),
                ("length", 16, _option_length),
            )
        )
        exists = in_atom(found, rs.single(1))
        other = self.state.fork()
        inside = all_of(exists, optioned, member(offset, ((20, 58),)), member(length, ((2, 40),)))
        if not (other.store.assume(inside) and other.store.feasible()):
            return None
        other.env[stmt.found.name] = K(1, 1)
        other.env[stmt.offset.name], other.env[stmt.length.name] = offset, length
        if not self.store.assume(negate(exists)):
            return [other]
        return [self.state, other]

    # ---- values

    def value(self, e: ir.Expr) -> Term:
        kind = e.__class__  # the most frequent ones first: patterns look at one class after the other
        if kind is ir.Field:
            return self.load(e)  # type: ignore[arg-type]
        if kind is ir.Binary:
            return self.binary(e.op, e.left, e.right)  # type: ignore[union-attr]
        if kind is ir.Var:
            return self.state.env[e.name]  # type: ignore[union-attr]
        if kind is ir.Const:
            return K(e.value, e.width)  # type: ignore[union-attr,arg-type]
        match e:
            case ir.Not(inner):
                if e.width == 1:
                    return as_term(negate(truth(self.value(inner))))
                width = e.width
                return bitwise_not(self.value(inner), width)
            case ir.Cast(inner, width):
                return cast(self.value(inner), width)
            case ir.Present(mark, offset, length):
                if self.memory.marks.get(mark) is UNKNOWN:
                    return Sym(f"has {mark.value}", 1, "unknown")
                there = self.memory.available(mark, offset, length, self.store)
                return as_term(FALSE if there is None else there)
            case ir.Marked(mark):
                return K(int(mark in (Mark.END, Mark.ANNOTATION) or mark in self.memory.marks), 1)
            case ir.Distance(start, end):
                return self.distance(start, end)
            case ir.Sum(mark, offset, length):
                return self.sum(mark, offset, self.value(length))
            case ir.Const() | ir.Var() | ir.Field() | ir.Binary():
                raise AssertionError("handled above")
            case _:
                assert_never(e)

    def binary(self, op: Op, left: ir.Expr, right: ir.Expr) -> Term:
        self.tables.work.left -= OPERATION
        if left.width == 1 and op in (Op.AND, Op.OR):
            x = truth(self.value(left))
            if x == (FALSE if op is Op.AND else TRUE) or self.store.status(x) is (op is Op.OR):
                return as_term(FALSE if op is Op.AND else TRUE)
            try:
                y = truth(self.value(right))
            except Split as split:
                if not self.store.allows(x if op is Op.AND else negate(x)):
                    return as_term(FALSE if op is Op.AND else TRUE)
                # what the right side asks matters only where the left side leaves it open
                raise Split(
                    *(all_of(x if op is Op.AND else negate(x), a) for a in split.alternatives),
                    negate(x) if op is Op.AND else x,
                ) from None
            return as_term(all_of(x, y) if op is Op.AND else any_of(x, y))
        if op in PREDICATES:
            if isinstance(left, ir.Field) and isinstance(right, ir.Const):
                return as_term(self.field_test(op, left, K(right.value, right.width)))
            return as_term(compare(op, self.value(left), self.value(right)))
        a, b = self.value(left), self.value(right)
        parts = len(pieces(a)) + len(pieces(b))
        if parts > 4:
            self.tables.work.left -= parts * parts >> 2
        match op:
            case Op.ADD | Op.SUB:
                return self.exact(add(a, b, 1 if op is Op.ADD else -1))
            case Op.AND | Op.OR | Op.XOR:
                return bitwise(op, a, b)
            case Op.SHL | Op.SHR:
                if not isinstance(b, K):
                    return opaque(op, a, b, a.width)
                return shift_left(a, b.value) if op is Op.SHL else shift_right(a, b.value)
            case Op.DIV | Op.MOD:
                return self.divided(op, a, b)
            case Op.MUL | Op.ONES:
                if isinstance(a, K) and isinstance(b, K):
                    return K(apply(op, a.value, b.value, a.width), a.width)
                if isinstance(a, K):
                    a, b = b, a
                if op is Op.MUL and b == K(0, b.width):
                    return b
                if op is Op.MUL and isinstance(b, K) and (linear := linear_of(a)) is not None:
                    return from_linear(
                        (linear[0] * b.value, tuple((t, c * b.value) for t, c in linear[1])), a.width
                    )
                return opaque(op, a, b, a.width)
        raise AssertionError(op)

    def divided(self, op: Op, a: Term, b: Term) -> Term:
        """Quotient or remainder of a division by a constant."""
        assert isinstance(b, K), "a checked program divides by constants"
        divisor, width = b.value, a.width
        if isinstance(a, K):
            return K(apply(op, a.value, divisor, width), width)
        if divisor & (divisor - 1) == 0:
            bits = divisor.bit_length() - 1
            return shift_right(a, bits) if op is Op.DIV else cast(slice_low(a, bits), width)
        result = opaque(op, a, b, width)
        most = ((1 << width) - 1) // divisor if op is Op.DIV else divisor - 1
        self.store.assume(member(result, ((0, most),)))
        return result

    def exact(self, term: Term) -> Term:
        """A sum that cannot overflow on this path, as an integer; any other term as it is."""
        if term.__class__ is Lin and not term.exact and (linear := self.wrapped(term)) is not None:
            term = Lin(linear, term.width)
            term.exact = True
        return term

    def wrapped(self, term: Lin) -> Linear | None:
        """The integer that a sum modulo 2^width is on this path; None if it overflows for some packets only."""
        low, high = self.store.bounds(self.store.canonical(term.linear))
        times = low >> term.width
        if high >> term.width != times:
            return None
        const, parts = term.linear
        return const - (times << term.width), parts

    def integer(self, term: Term) -> Linear | None:
        """A term as an integer sum, if it is one; splits the path where the sum overflows for some packets only."""
        linear = linear_of(term)
        if linear is not None or not isinstance(term, Lin):
            return linear
        const, parts = term.linear
        low, high = self.store.bounds(self.store.canonical(term.linear))
        first, last = low >> term.width, high >> term.width
        for times in range(first, min(last, first + MAX_OVERFLOWS) + 1):
            start = const - (times << term.width)
            if times == last or self.memory.decide(
                at_most_zero((start + 1 - (1 << term.width), parts)), self.store
            ):
                return start, parts
        return None

    def field_test(self, op: Op, f: ir.Field, number: K) -> Formula:
        """A field compared with a constant; where it may be absent (and so zero), both cases in one formula."""
        at = self.memory.marks.get(f.mark)
        if at is not None and at is not UNKNOWN:
            first, last = f.bit // 8, (f.bit + f.width + 7) // 8
            there = self.memory.available(f.mark, first, last - first, self.store)
            if there is not None and there is not TRUE and self.store.status(there) is None:
                value = self.memory.read(at[0], at[1] * 8 + f.bit, f.width, self.store)
                absent = compare(op, K(0, f.width), number)
                return any_of(all_of(there, compare(op, value, number)), all_of(negate(there), absent))
        return compare(op, self.load(f), number)

    def distance(self, start: Mark, end: Mark) -> Term:
        if UNKNOWN in (self.memory.marks.get(start), self.memory.marks.get(end)):
            both = self.memory.marks.keys() | {Mark.END}
            return Sym("distance", 16, "unknown") if {start, end} <= both else K(0, 16)
        length = self.memory.distance(start, end)
        if length is None:
            return K(0, 16)
        length = self.store.canonical(length)
        if not length[1]:
            return K(length[0] % 65536, 16)
        low, high = self.store.bounds(length)
        if low == high:
            return K(low % 65536, 16)
        if low < 0 or high > LONGEST:  # 16 bits do not hold all of them
            inside = all_of(at_most_zero(minus((0, ()), length)), at_most_zero(minus(length, (LONGEST, ()))))
            if not self.store.entails(inside):
                if self.store.allows(inside):
                    raise Split(inside, negate(inside))
                return from_linear(length, 16)
        return length_term(length)

    def sum(self, mark: Mark, offset: int, length: Term) -> Term:
        """A checksum: opaque to the store, but computable when the packet is known."""
        if mark is not Mark.END and self.memory.position(mark) is None:
            return K(0, 16)
        if self.memory.marks.get(mark) is UNKNOWN:
            return Sym("sum", 16, "unknown")
        content, start = self.content(mark, offset)
        return Fn("sum", (content, start, length), 16, _sum_bytes)  # type: ignore[arg-type]  # nested

    def content(self, mark: Mark, offset: int = 0) -> tuple[tuple[object, ...], int | Term]:
        """Bytes from some place on, as an argument for opaque values, and where `mark + offset` is among them.

        A place in front of the buffer is negative, or counts as 16 bits.
        """
        memory = self.memory
        at = memory.end() if mark is Mark.END else memory.position(mark)
        assert at is not None
        start: int | Term = at[1] + offset
        order = (at[0],) if at[0] == ANNOTATIONS else memory.order[memory.order.index(at[0]) :]
        if at[1] + offset < 0 and at[0] != ANNOTATIONS:
            order = memory.order
            const, parts = memory.from_start(at[0], at[1] + offset)
            start = length_term((const, parts)) if parts else const
        regions = []
        for rid in order:
            cells = tuple((b, c[0], c[1]) for b, c in sorted(memory.cells[rid].items()))
            regions.append((memory.blobs[rid] or "", length_term(memory.lengths[rid]), cells))
        return tuple(regions), start


def _found(stmt: ir.Lookup, state: State, values: tuple[Term, ...]) -> State:
    """The path on which the look-up found `values`."""
    state.env[stmt.found.name] = K(1, 1)
    for var, value in zip(stmt.values, values, strict=True):
        state.env[var.name] = value
    return state


_Content: TypeAlias = "tuple[tuple[bytes | str, int, tuple[tuple[int, int, int], ...]], ...]"
"""Regions as `_Step.content` gives them, their terms evaluated: bytes, length, (bit, width, number) cells."""


def _bytes(regions: _Content) -> bytes:
    data = bytearray()
    for content, size, cells in regions:
        data += overlay(content if isinstance(content, bytes) else b"", size, cells)
    return bytes(data)


def _signed(place: int) -> int:
    return place - 0x10000 if place >= 0x8000 else place


def _sum_bytes(regions: _Content, start: int, length: int) -> int:
    start = _signed(start)
    return ones_sum(_bytes(regions)[max(start, 0) : max(start + length, 0)])


def _option(regions: _Content, start: int, kinds: tuple[int, ...]) -> tuple[int, int] | None:
    packet = PacketBuffer(_bytes(regions))
    packet.marks[Mark.NET] = _signed(start)
    return find_option(packet, kinds)


def _option_found(regions: _Content, start: int, kinds: tuple[int, ...]) -> int:
    return int(_option(regions, start, kinds) is not None)


def _option_offset(regions: _Content, start: int, kinds: tuple[int, ...]) -> int:
    return (_option(regions, start, kinds) or (0, 0))[0]


def _option_length(regions: _Content, start: int, kinds: tuple[int, ...]) -> int:
    return (_option(regions, start, kinds) or (0, 0))[1]


def compare(op: Op, a: Term, b: Term) -> Formula:
    """A comparison of two terms."""
    if op is Op.EQ:
        return equal(a, b)
    return negate(equal(a, b)) if op is Op.NE else less(a, b, op is Op.LE)


def slice_low(term: Term, bits: int) -> Term:
    """The low `bits` bits of `term`; zero if there are none."""
    return cast(term, bits) if bits else K(0, 1)


def bitwise_not(term: Term, width: int) -> Term:
    """The complement, bit by bit."""
    if isinstance(term, K):
        return K(~term.value & (1 << width) - 1, width)
    return bitwise(Op.XOR, term, K((1 << width) - 1, width))


__all__ = ["Dropped", "Emitted", "Held", "Lin", "Lost", "Result", "execute"]
