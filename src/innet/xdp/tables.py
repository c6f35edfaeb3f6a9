"""Tables and numbers as BPF maps.

An entry is looked up once: its address is kept with the key for an update on the same path. What is idle for too long
is not found any more (compared in kernel jiffies, the cheapest clock there is); the agent frees its memory later.
"""

from collections.abc import Sequence

from innet import ir
from innet.ir.interpret import NS
from innet.ir.nodes import Op
from innet.xdp.expressions import Expressions
from innet.xdp.facts import Value, number
from innet.xdp.host import Host
from innet.xdp.layout import (
    EXPIRES,
    IDLE,
    PAIRED,
    PARTNER,
    PREFIX_BYTES,
    PREFIX_KEYS,
    MapSpec,
    Numbers,
    Record,
    TableLayout,
    Use,
    map_spec,
    table_layout,
)
from innet.xdp.target import MAY_GOTO, helper
from innet.xdp.unsupported import CannotCompileError
from innet.xdp.writer import FENCE, Edge, Writer

TableId = tuple[str, str]


class Tables:
    """The state of all elements of one program."""

    def __init__(
        self, writer: Writer, expressions: Expressions, jiffies_per_second: int, abort: str, host: Host
    ) -> None:
        self.host, self.target = host, expressions.memory.target
        self.writer, self.expressions, self.hz, self.abort = writer, expressions, jiffies_per_second, abort
        self.layouts: dict[TableId, TableLayout] = {}
        self.symbols: dict[TableId, str] = {}
        self.numbers = Numbers({}, [])
        self.rooms: dict[int, tuple[str, int]] = {}

    def maps(self) -> tuple[MapSpec, ...]:
        """The maps the program needs."""
        made = [map_spec(self.symbols[key], layout) for key, layout in self.layouts.items()]
        own = self.numbers.first and self.host.own_numbers
        return (*made, self.numbers.spec()) if own else tuple(made)

    # ---- addresses

    def layout(self, element: str, table: ir.Table) -> tuple[str, TableLayout]:
        """The symbol and the layout of a table."""
        key = (table.owner or element, table.name)
        if key not in self.layouts:
            if table.kind is ir.TableKind.PREFIX and table.key not in PREFIX_KEYS:
                wanted = "one number of 8, 16, 32 or 64 bits, or two of 64"
                raise CannotCompileError(f"table {table.name}", f"a prefix table's key is {wanted}")
            try:
                self.layouts[key] = table_layout(table)
            except ValueError as problem:
                raise CannotCompileError(f"table {table.name}", str(problem)) from None
            self.symbols[key] = f"table{len(self.symbols)}"
        return self.symbols[key], self.layouts[key]

    def number_at(self, use: Use, owner: str, name: str, first: int = 0) -> str:
        """A pointer to a number."""
        index = self.numbers.slot(use, owner, name, first) // 8
        return self.writer.pointer(self.host.numbers(self.writer), self.host.number_offset(index))

    def room(self, size: int, nth: int) -> str:
        """The `nth` piece of `size` bytes on the stack; used again by every statement."""
        name, before = self.rooms.get(nth, ("", 0))
        if size > before:
            name = self.writer.alloca(-(-size // 8) * 8, name)
            self.rooms[nth] = name, size
        return name

    def key(self, layout: TableLayout, values: Sequence[Value], nth: int = 0) -> str:
        """The key in memory."""
        place = self.room(layout.key.size, nth)
        if layout.timed:
            self.words(layout.key, place, values)
            return place
        self.clear(place, layout.key.size)
        self.writer.line(f"store i32 {sum(layout.table.key)}, ptr {place}, align 4")
        self.columns(layout.key, place, values)
        return place

    def words(self, record: Record, place: str, values: Sequence[Value]) -> None:
        """Write a whole record, eight bytes at a time: who reads it reads wider than most columns are, and a read of
        what several stores wrote waits for them."""
        writer = self.writer
        words = dict.fromkeys(range(0, record.size, 8), number(0, 64))
        for column, value in zip(record.columns, values, strict=True):
            part = writer.extend(writer.swap(writer.extend(value, column.size * 8)), 64)
            at, inside = divmod(column.offset, 8)
            shifted = writer.binary(Op.SHL, part, number(inside * 8, 64))
            words[at * 8] = writer.binary(Op.OR, words[at * 8], shifted)
        for at, word in words.items():
            writer.line(f"store {word.typed}, ptr {writer.pointer(place, at)}, align 8")

    def clear(self, place: str, size: int) -> None:
        for at in range(0, -(-size // 8) * 8, 8):
            self.writer.line(f"store i64 0, ptr {self.writer.pointer(place, at)}, align 8")

    def columns(self, record: Record, place: str, values: Sequence[Value]) -> None:
        """Write numbers where they belong; one that was read from there stays."""
        writer = self.writer
        for column, value in zip(record.columns, values, strict=True):
            if writer.state.pure.get(("column", place, column.offset)) == value:
                continue
            part = writer.swap(writer.extend(value, column.size * 8))
            at = min(column.size, PREFIX_BYTES if column.offset % 8 else 8)
            writer.line(f"store {part.typed}, ptr {writer.pointer(place, column.offset)}, align {at}")

    def lookup_pointer(self, symbol: str, layout: TableLayout, key: Sequence[Value], nth: int = 0) -> str:
        """The address of the entry of `key`, or null; known already if it was looked up on this path."""
        known = (symbol, tuple(v.text for v in key))
        entries = self.writer.state.entries
        if known not in entries:
            place = self.key(layout, key, nth)
            entries[known] = self.target.lookup(self.writer, symbol, place)
        return entries[known]

    def changed(self) -> None:
        """Some entry was written: what was read of any may not be there any more."""
        state = self.writer.state
        state.pure = {k: v for k, v in state.pure.items() if k[0] != "column"}

    def forget(self, symbol: str) -> None:
        """Addresses of entries are not known any more."""
        state = self.writer.state
        state.entries = {k: v for k, v in state.entries.items() if k[0] != symbol}
        self.changed()

    def found_or_not(self, pointer: str) -> tuple[Edge | None, Edge | None]:
        writer = self.writer
        if pointer == "null":
            return None, writer.edge()
        return writer.fork(writer.name(f"icmp ne ptr {pointer}, null"), ("hit", "miss"))

    def now(self) -> str:
        """The clock; the same for a packet wherever it is read again."""
        found = self.writer.state.pure.get(("ticks",))
        if found is None:
            found = self.writer.state.pure["ticks",] = Value(self.target.ticks(self.writer), 64)
        return found.text

    def field(self, pointer: str, offset: int, width: int) -> Value:
        """A number in the machine's byte order."""
        at = self.writer.pointer(pointer, offset)
        return self.writer.value(f"load i{width}, ptr {at}, align {width // 8}", width)

    # ---- statements

    def lookup(self, element: str, stmt: ir.Lookup) -> tuple[list[Edge], list[Edge]]:
        """The paths on which the table has the key, and those on which it has not, with the variables bound."""
        writer = self.writer
        symbol, layout = self.layout(element, stmt.table)
        key = tuple(self.expressions.value(k) for k in stmt.key)
        known = (symbol, tuple(v.text for v in key))
        pointer = self.lookup_pointer(symbol, layout, key)
        hit, miss = self.found_or_not(pointer)
        hits, misses = [], [] if miss is None else [miss]
        if hit is not None:
            writer.resume(hit)
            if layout.timed and self.target.forgets:
                expires = self.field(pointer, EXPIRES, 64)
                alive = writer.name(f"icmp ult i64 {self.now()}, {expires.text}")
                live, stale = writer.fork(alive, ("live", "stale"))
                misses.append(stale)
                writer.resume(live)
            for column, var in zip(layout.value.columns, stmt.values, strict=True):
                value = writer.swap(self.field(pointer, column.offset, column.size * 8))
                value = writer.state.env[var.name] = writer.extend(value, column.width)
                if self.target.verified:
                    writer.state.pure["column", pointer, column.offset] = value
            writer.state.env[stmt.found.name] = number(1, 1)
            hits.append(writer.edge())
        for edge in misses:
            if edge is miss:
                edge.state.entries[known] = "null"
            for var in (*stmt.values, stmt.found):
                edge.state.env[var.name] = number(0, var.width)
        return hits, misses

    def fill(self, layout: TableLayout, place: str, values: Sequence[Value], idle_s: Value) -> Value:
        """Write columns and times into the value at `place`; when it expires."""
        writer = self.writer
        self.columns(layout.value, place, values)
        ticks = writer.binary(Op.MUL, writer.extend(idle_s, 64), number(self.hz, 64))
        expires = writer.name(f"add i64 {self.now()}, {ticks.text}")
        writer.line(f"store i64 {expires}, ptr {writer.pointer(place, EXPIRES)}, align 8")
        writer.line(f"store {idle_s.typed}, ptr {writer.pointer(place, IDLE)}, align 4")
        return Value(expires, 64)

    def update(self, element: str, stmt: ir.Update) -> None:
        """An entry that is there: its values are written in place."""
        writer = self.writer
        symbol, layout = self.layout(element, stmt.table)
        key = tuple(self.expressions.value(k) for k in stmt.key)
        values = tuple(self.expressions.value(v) for v in stmt.values)
        idle_s = self.expressions.value(stmt.idle_s)
        pointer = self.lookup_pointer(symbol, layout, key)
        hit, miss = self.found_or_not(pointer)
        if hit is None or miss is None:
            return
        writer.resume(hit)
        before = self.field(pointer, EXPIRES, 64)
        after = self.fill(layout, pointer, values, idle_s)
        self.changed()
        self.target.used(writer, symbol, pointer)
        if layout.table.kind is ir.TableKind.PAIRED and self.target.verified:
            self.refresh(symbol, pointer, before, after, idle_s)
        writer.join([writer.edge(), miss])

    def refresh(self, symbol: str, pointer: str, before: Value, after: Value, idle_s: Value) -> None:
        """The partner of an entry lives as long as the entry, give or take a second: so most packets of a flow write to
        one entry only."""
        writer = self.writer
        moved = writer.name(f"sub i64 {after.text}, {before.text}")
        far, near = writer.fork(writer.name(f"icmp ugt i64 {moved}, {self.hz}"), ("far", "near"))
        writer.resume(far)
        has = writer.binary(Op.NE, self.field(pointer, PAIRED, 32), number(0, 32))
        pair, single = writer.fork(has.text)
        writer.resume(pair)
        partner = self.target.lookup(writer, symbol, writer.pointer(pointer, PARTNER))
        found, gone = writer.fork(writer.name(f"icmp ne ptr {partner}, null"))
        writer.resume(found)
        writer.line(f"store {after.typed}, ptr {writer.pointer(partner, EXPIRES)}, align 8")
        writer.line(f"store {idle_s.typed}, ptr {writer.pointer(partner, IDLE)}, align 4")
        writer.join([writer.edge(), gone, single, near])

    def insert(self, element: str, stmt: ir.Insert) -> None:
        """A new entry, or two; whatever is in the way goes first. A full map refuses."""
        writer = self.writer
        symbol, layout = self.layout(element, stmt.table)
        key = tuple(self.expressions.value(k) for k in stmt.key)
        values = tuple(self.expressions.value(v) for v in stmt.values)
        idle_s = self.expressions.value(stmt.idle_s)
        if stmt.reply is None and layout.table.kind is ir.TableKind.EXACT and self.target.verified:
            self.renew(symbol, layout, key, values, idle_s, stmt.ok)
            return
        if stmt.reply is None:
            result = self.write(symbol, layout, key, values, idle_s, None)
            self.forget(symbol)
            writer.state.env[stmt.ok.name] = writer.value(f"icmp eq i64 {result}, 0", 1)
            return
        reply_key = tuple(self.expressions.value(k) for k in stmt.reply[0])
        reply_values = tuple(self.expressions.value(v) for v in stmt.reply[1])
        for one in (key, reply_key):
            self.remove(symbol, layout, one)
        same = number(1, 1)
        for a, b in zip(key, reply_key, strict=True):
            same = (
                writer.binary(Op.AND, same, writer.binary(Op.EQ, a, b))
                if same.known != 1
                else writer.binary(Op.EQ, a, b)
            )
        edges = []
        alone, two = self.expressions.split_bit(same)
        if alone:
            writer.join(alone)
            result = self.write(symbol, layout, reply_key, reply_values, idle_s, None)
            writer.state.env[stmt.ok.name] = writer.value(f"icmp eq i64 {result}, 0", 1)
            edges.append(writer.edge())
        if two:
            writer.join(two)
            edges += self._pair(symbol, layout, (key, values), (reply_key, reply_values), idle_s, stmt.ok)
        writer.join(edges)
        self.forget(symbol)

    def renew(
        self,
        symbol: str,
        layout: TableLayout,
        key: Sequence[Value],
        values: Sequence[Value],
        idle_s: Value,
        ok: ir.Var,
    ) -> None:
        """Set an entry of a table without pairs: in place if there is one, be it past its time."""
        writer = self.writer
        pointer = self.lookup_pointer(symbol, layout, key)
        hit, miss = self.found_or_not(pointer)
        edges = []
        if hit is not None:
            writer.resume(hit)
            self.fill(layout, pointer, values, idle_s)
            writer.state.env[ok.name] = number(1, 1)
            edges.append(writer.edge())
        if miss is not None:
            writer.resume(miss)
            result = self.write(symbol, layout, key, values, idle_s, None)
            writer.state.env[ok.name] = writer.value(f"icmp eq i64 {result}, 0", 1)
            edges.append(writer.edge())
        writer.join(edges)
        self.forget(symbol)

    def _pair(
        self,
        symbol: str,
        layout: TableLayout,
        forward: tuple[Sequence[Value], Sequence[Value]],
        reply: tuple[Sequence[Value], Sequence[Value]],
        idle_s: Value,
        ok: ir.Var,
    ) -> list[Edge]:
        writer, edges = self.writer, []
        result = self.write(symbol, layout, forward[0], forward[1], idle_s, reply[0])
        stored, full = writer.fork(writer.name(f"icmp eq i64 {result}, 0"), ("stored", "full"))
        writer.resume(stored)
        result = self.write(symbol, layout, reply[0], reply[1], idle_s, forward[0], second=True)
        both, half = writer.fork(writer.name(f"icmp eq i64 {result}, 0"), ("both", "half"))
        both.state.env[ok.name] = number(1, 1)
        edges.append(both)
        writer.resume(half)
        self.target.delete(writer, symbol, self.key(layout, forward[0]))
        for edge in (writer.edge(), full):
            edge.state.env[ok.name] = number(0, 1)
            edges.append(edge)
        return edges

    def write(
        self,
        symbol: str,
        layout: TableLayout,
        key: Sequence[Value],
        values: Sequence[Value],
        idle_s: Value,
        partner: Sequence[Value] | None,
        second: bool = False,
    ) -> str:
        """Set an entry, the `second` of a pair if so; 0 if there was room."""
        writer = self.writer
        place = self.room(layout.value.size, 2)
        self.clear(place, layout.value.size)
        self.fill(layout, place, values, idle_s)
        if partner is not None:
            writer.line(f"store i32 1, ptr {writer.pointer(place, PAIRED)}, align 4")
            self.columns(layout.key, writer.pointer(place, PARTNER), partner)
        at = self.key(layout, key)
        return self.target.update(writer, symbol, at, place, second)

    def remove(self, symbol: str, layout: TableLayout, key: Sequence[Value]) -> None:
        """Take the entry of `key` and its partner out."""
        writer = self.writer
        pointer = self.lookup_pointer(symbol, layout, key, 1)
        hit, miss = self.found_or_not(pointer)
        if hit is None or miss is None:
            return
        writer.resume(hit)
        if layout.table.kind is ir.TableKind.PAIRED:
            has = writer.binary(Op.NE, self.field(pointer, PAIRED, 32), number(0, 32))
            pair, single = writer.fork(has.text)
            writer.resume(pair)
            partner = self.room(layout.key.size, 3)
            for at in range(0, layout.key.size, 8):
                part = self.field(pointer, PARTNER + at, 64)
                writer.line(f"store {part.typed}, ptr {writer.pointer(partner, at)}, align 8")
            self.target.delete(writer, symbol, partner)
            writer.join([writer.edge(), single])
        self.target.delete(writer, symbol, self.key(layout, key, 1))
        self.forget(symbol)
        self.forget_on(miss, symbol)
        writer.join([writer.edge(), miss])

    @staticmethod
    def forget_on(edge: Edge, symbol: str) -> None:
        edge.state.entries = {k: v for k, v in edge.state.entries.items() if k[0] != symbol}

    def delete(self, element: str, stmt: ir.Delete) -> None:
        symbol, layout = self.layout(element, stmt.table)
        self.remove(symbol, layout, tuple(self.expressions.value(k) for k in stmt.key))

    def allocate(self, element: str, stmt: ir.Allocate) -> None:
        """Look for a value whose key is free: the preferred one, then others in a loop, as many as the target tries."""
        writer = self.writer
        size = stmt.high - stmt.low + 1
        width = stmt.candidate.width
        owner = "" if stmt.cursor.shared else element
        cursor = self.number_at(Use.COUNTER, owner, stmt.cursor.name)
        won: list[Edge] = []
        if stmt.prefer is not None:
            prefer = self.expressions.value(stmt.prefer)
            wanted = writer.binary(
                Op.AND,
                writer.binary(Op.LE, number(stmt.low, width), prefer),
                writer.binary(Op.LE, prefer, number(stmt.high, width)),
            )
            inside, outside = self.expressions.split_bit(wanted)
            if inside:
                writer.join(inside)
                free, taken = self._try(element, stmt, prefer)
                won.append(free)
                outside.append(taken)
            writer.join(outside)
        if stmt.order is ir.Order.SEQUENTIAL:
            start = writer.value(f"urem {self.field(cursor, 0, 64).typed}, {size}", 64)
        else:
            start = self.target.below(writer, size)
        lost = self._search(element, stmt, start, size, won)
        edges = []
        writer.join(won)
        chosen = writer.extend(writer.state.env[stmt.candidate.name], 64)
        after = writer.binary(Op.SUB, writer.binary(Op.ADD, chosen, number(1, 64)), number(stmt.low, 64))
        writer.line(f"store {after.typed}, ptr {cursor}, align 8")
        writer.state.env[stmt.ok.name] = number(1, 1)
        edges.append(writer.edge())
        writer.resume(lost)
        writer.state.env[stmt.candidate.name] = number(0, width)
        writer.state.env[stmt.ok.name] = number(0, 1)
        edges.append(writer.edge())
        writer.join(edges)

    def _try(self, element: str, stmt: ir.Allocate, candidate: Value) -> tuple[Edge, Edge]:
        """The path on which `candidate` is free, and the one on which it is taken."""
        writer = self.writer
        symbol, layout = self.layout(element, stmt.table)
        writer.state.env[stmt.candidate.name] = candidate
        key = tuple(self.expressions.value(k) for k in stmt.key)
        place = self.key(layout, key)
        pointer = self.target.lookup(writer, symbol, place)
        taken, free = writer.fork(writer.name(f"icmp ne ptr {pointer}, null"), ("taken", "free"))
        free.state.entries[symbol, tuple(v.text for v in key)] = "null"
        return free, taken

    def _search(self, element: str, stmt: ir.Allocate, start: Value, size: int, won: list[Edge]) -> Edge:
        """The path on which nothing was found; those on which something was are added to `won`."""
        writer, width = self.writer, stmt.candidate.width
        loop, body = writer.label("search"), writer.label("attempt")
        step, next_step = writer.fresh(), writer.fresh()
        attempts = min(size, self.target.attempts)
        last = writer.barrier(writer.name(f"add i64 {start.text}, {attempts}"))
        before = writer.here
        writer.goto(loop)
        writer.start(loop, writer.state)
        loop_lines = writer.blocks[loop]
        loop_lines.append("")  # the phi, when the block that comes back is known
        lost = writer.label("none")
        if self.target.verified:
            onward = writer.label("on")
            goes_on = writer.name(f"icmp ne i64 {helper(writer, MAY_GOTO, 'i64')}, 0")
            writer.line(f"br i1 {goes_on}, label %{onward}, label %{lost}")
            writer.start(onward, writer.state)
            writer.line(FENCE)
        again = writer.name(f"icmp ult i64 {step}, {last}")
        writer.line(f"br i1 {again}, label %{body}, label %{lost}")
        outside = writer.state
        writer.start(body, outside.copy())
        wrapped = writer.name(f"urem i64 {step}, {size}")
        candidate = writer.value(f"add i64 {wrapped}, {stmt.low}", 64)
        free, taken = self._try(element, stmt, writer.extend(candidate, width))
        won.append(free)
        writer.resume(taken)
        writer.line(f"{next_step} = add i64 {step}, 1")
        loop_lines[0] = f"{step} = phi i64 [ {start.text}, %{before} ], [ {next_step}, %{writer.here} ]"
        writer.goto(loop)
        writer.start(lost, outside)
        return writer.edge()

    def next(self, element: str, counter: ir.Counter) -> Value:
        """The counter's value, which goes on by one."""
        owner = "" if counter.shared else element
        at = self.number_at(Use.COUNTER, owner, counter.name, counter.first)
        old = self.target.next(self.writer, at, counter.wrap or 1 << counter.width)
        return self.writer.extend(Value(old, 64), counter.width)

    def nanoseconds(self) -> Value:
        """The time; in the kernel that of its last tick, since its exact clock costs more than a table."""
        if not self.target.verified:
            return Value(self.target.nanoseconds(self.writer), 64)
        return self.writer.binary(Op.MUL, Value(self.now(), 64), number(NS // self.hz, 64))

    def random(self, width: int) -> Value:
        """`width` random bits, at most 64."""
        if width > 64:
            raise CannotCompileError("Random", "more than 64 bits")
        return self.target.random(self.writer, width)

    def count(self, use: Use, owner: str, name: str, amount: Value) -> None:
        at = self.number_at(use, owner, name)
        self.target.count(self.writer, at, self.writer.extend(amount, 64))
