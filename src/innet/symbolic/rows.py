"""What a packet program does with tables on one path, and what it is told of the time and of chance."""

from collections.abc import Iterable
from dataclasses import replace

from innet import ir
from innet.symbolic import ranges as rs
from innet.symbolic.formulas import all_of, member, negate, truth
from innet.symbolic.memory import Memory
from innet.symbolic.state import Entry, Renaming, State, Template, keys_equal
from innet.symbolic.terms import FALSE, Formula, K, Sym, Term, concat, pieces
from innet.symbolic.values import Values
from innet.symbolic.work import TEMPLATE


class Rows(Values):
    """Look-ups and changes of tables: several paths where there are several outcomes."""

    __slots__ = ()

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


def _found(stmt: ir.Lookup, state: State, values: tuple[Term, ...]) -> State:
    """The path on which the look-up found `values`."""
    state.env[stmt.found.name] = K(1, 1)
    for var, value in zip(stmt.values, values, strict=True):
        state.env[var.name] = value
    return state
