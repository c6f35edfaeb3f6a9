"""Symbolic execution of one packet program: all packets at once.

The same walk as the reference interpreter, over terms instead of numbers. A branch forks the path where both sides are
possible; an operation that depends on an open question forks it too (`Split`). Results are exclusive, except that
copies, choices and tables of unknown content give several for one packet.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from innet import ir
from innet.ir.interpret import PacketBuffer, find_option
from innet.ir.nodes import Mark, Op
from innet.records import quick
from innet.symbolic import ranges as rs
from innet.symbolic.evaluation import adjust
from innet.symbolic.formulas import all_of, any_of, at_most_zero, in_atom, member, negate
from innet.symbolic.memory import Imprecise, Split
from innet.symbolic.needed import needed
from innet.symbolic.rows import Rows
from innet.symbolic.state import State, Tables, Template
from innet.symbolic.terms import Fn, Formula, K, Linear, Sym, Term, minus
from innet.symbolic.values import UNKNOWN, Content, content_bytes, signed
from innet.symbolic.work import STATEMENT

MAX_PLACES = 11
"""How many places of the spare mark are told apart: those behind an IPv4 header of any length."""


@quick
@dataclass(frozen=True, slots=True)
class Emitted:
    """The packets that leave by `port`."""

    port: int
    state: State


@quick
@dataclass(frozen=True, slots=True)
class Dropped:
    """The packets that are dropped for `reason`."""

    reason: str
    state: State


@quick
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
            yield one, _Step(_NO_PROGRAM, one, tables, "").formula(expr)
        except Split as split:
            for alternative in reversed(split.alternatives):
                case = one.fork()
                if case.store.assume(alternative) and case.store.feasible():
                    work.append(case)


def formula_of(expr: ir.Expr, state: State, tables: Tables) -> Formula:
    """A condition on a packet as one formula over its symbols, whatever cases it has."""
    state.store.work = tables.work
    try:
        return _Step(_NO_PROGRAM, state, tables, "").formula(expr)
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


@quick
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
        return _table(self.program, self.lookup, self.scope)


def _table(program: ir.Program, lookup: ir.Lookup, scope: str) -> tuple[str, str]:
    table = lookup.table
    return scope + (table.owner or program.element), table.name


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
        step = _Step(program, state, tables, scope, wanted)
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
                    condition = step.formula(test)
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
                successors = step.stmt(stmt)
            except (Split, Imprecise) as why:
                if _leave_open(program, stmt, state, tables, scope):
                    successors = None
                elif isinstance(why, Imprecise):
                    yield Lost(f"{program.element}: {why}", state)
                    break
                else:
                    for alternative in reversed(why.alternatives):
                        one = state.fork()
                        if one.store.assume(alternative) and one.store.feasible():
                            work.append((one, frame))
                    break
            if observe is not None and (
                kind is ir.Count or kind is ir.Adjust or (kind is ir.Let and stmt.var.name in wanted)  # type: ignore[union-attr]
            ):
                observe(stmt, state)
            frame = (block, at + 1, parent)
            if kind is ir.Lookup and asked is not None and stmt.table.kind is not ir.TableKind.PREFIX:  # type: ignore[union-attr]
                seen = len(tables.kinds.get(_table(program, stmt, scope), ()))  # type: ignore[arg-type]  # a Lookup
                asked.append(Asked(program, stmt, state.fork(), frame, scope, place, seen))  # type: ignore[arg-type]
            if successors is not None:
                work.extend((one, frame) for one in reversed(successors))
                break


def _leave_open(program: ir.Program, stmt: ir.Stmt, state: State, tables: Tables, scope: str) -> bool:
    """Do without what a statement finds out, if that serves nothing but a transport mark that nobody looks at."""
    match stmt:
        case ir.SetMark(Mark.TRANSPORT):
            pass
        case ir.Let(var) if var.name not in needed(program, tables.oracle is not None, transport=False):
            pass
        case _:
            return False
    if not tables.unread(scope + program.element):
        return False
    if isinstance(stmt, ir.Let):
        state.env[stmt.var.name] = Sym(stmt.var.name, stmt.var.width, "unknown")
    else:
        state.memory.marks.pop(Mark.TRANSPORT, None)
    return True


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


class _Step(Rows):
    """Statements on one path."""

    __slots__ = ()

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

    # ---- fields and marks

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


def _option(regions: Content, start: int, kinds: tuple[int, ...]) -> tuple[int, int] | None:
    packet = PacketBuffer(content_bytes(regions))
    packet.marks[Mark.NET] = signed(start)
    return find_option(packet, kinds)


def _option_found(regions: Content, start: int, kinds: tuple[int, ...]) -> int:
    return int(_option(regions, start, kinds) is not None)


def _option_offset(regions: Content, start: int, kinds: tuple[int, ...]) -> int:
    return (_option(regions, start, kinds) or (0, 0))[0]


def _option_length(regions: Content, start: int, kinds: tuple[int, ...]) -> int:
    return (_option(regions, start, kinds) or (0, 0))[1]


__all__ = ["Dropped", "Emitted", "Held", "Lost", "Result", "execute"]
