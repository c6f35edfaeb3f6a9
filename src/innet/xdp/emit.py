"""Packet programs to LLVM IR: one program of the kernel for one element, or for a graph of them.

Each input port of an element is a region of the program. Paths that bring the headers to the same places meet where a
region begins; if they differ, the region is compiled once for each kind (at most `MAX_SHAPES`), so that in almost every
program all headers but those behind IPv4 options are at constant offsets. What the target cannot do makes its region a
*slow* one: the packet is handed over with its marks, and everything before stays in the kernel. Where an element has
changed nothing before it wants what the target cannot do, only those packets are handed over, as they came to its
input: the region is *divided*. Of elements that keep tables that is possible where both sides have the same ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from innet import ir
from innet.ir.nodes import Mark, Op
from innet.ir.uses import statements
from innet.xdp import handover
from innet.xdp.copies import COPIED, Copies, copying
from innet.xdp.expressions import Expressions
from innet.xdp.facts import Derivations, Facts, Position, Value, number
from innet.xdp.graph import Destination, Graph, Input, Places, Resume, in_order, keeps_state, loops, shareable
from innet.xdp.host import ACCOUNTS, BLOCKS, EVENTS, SCRATCH, Alone, Host, Hosted
from innet.xdp.layout import MapSpec, Numbers, TableLayout, Use
from innet.xdp.loops import Loops
from innet.xdp.memory import MAX_ANNOTATIONS, Extent, Memory
from innet.xdp.options import find_option
from innet.xdp.sums import Sums
from innet.xdp.tables import Tables
from innet.xdp.target import Leave, Redirect, Target
from innet.xdp.unsupported import WHOLE, CannotCompileError, Unsupported
from innet.xdp.writer import FENCE, Edge, Placed, State, Writer, group

MAX_SHAPES = 4
MAX_SPLITS = 24
LOOP_WEIGHT = 1000
WANTED = "$wanted"
"""In the text, while it is written: how many bytes of a frame may be looked at."""
KERNEL = "kernel"
"""Owner of the numbers of packets that the kernel hands over in a form that the program cannot deal with."""
CHANGES = (
    ir.Assign, ir.Adjust, ir.SetMark, ir.ClearMark, ir.Copy, ir.Insert, ir.Update, ir.Delete, ir.Allocate, ir.Next,
    ir.Count,
)  # fmt: skip
"""Statements that leave a trace: what was done so far cannot be done again."""
MAX_STATEMENTS = 20_000
"""Statements compiled for one program, counting those compiled again for another shape."""


@dataclass(frozen=True)
class Emitted:
    """LLVM IR, the maps it needs, where its numbers are, and the regions that run on the slow path and why.

    `regions` are the inputs by the index that a handed-over packet carries.
    """

    llvm: str
    section: str
    maps: tuple[MapSpec, ...]
    numbers: Mapping[tuple[Use, str, str], int]
    tables: Mapping[tuple[str, str], str]
    regions: tuple[Input, ...]
    slow: tuple[Unsupported, ...]
    divided: tuple[Unsupported, ...]
    """The regions that hand some packets over, and why."""
    weights: Mapping[Input, int]
    """How much each compiled region is for the verifier: statements, and a thousand for each loop."""
    first: tuple[int, ...] = ()
    """What the numbers are at first; those of a hosted program, whose place is its block."""
    own_numbers: bool = True
    """Whether the numbers are in a map of the program's own."""
    layouts: Mapping[str, TableLayout] = field(default_factory=dict)
    """How the entries of a table lie, by its symbol."""
    handovers: Mapping[Input, tuple[Places, ...]] = field(default_factory=dict)
    """Where the marks of packets for a slow region are, as far as it is always the same."""


def emit(
    graph: Graph,
    target: Target,
    divert: Leave | Redirect,
    jiffies_per_second: int = 250,
    refused: Iterable[Unsupported] = (),
    host: Host | None = None,
    numbers: "Emitted | None" = None,
    shared: bool = False,
) -> Emitted:
    """Compile `graph` for `target`; packets for slow regions, `refused` among them, end with `divert`.

    If tables are `shared`, who takes the packets of divided regions looks up and writes in the maps of the program.

    Without a `host` the program is alone. The numbers of one whose block they do not fit get a map. A program that
    shares the numbers of another has them at the same places, and its own behind them; so it is with regions.
    """
    host = Alone() if host is None else host
    slow = {Input(one.element, one.port): one for one in refused}
    for one in loops(graph):
        slow[one] = Unsupported(one.element, one.port, "loop", "packets may come back to this input")
    while True:
        attempt = _Emitter(graph, target, divert, jiffies_per_second, slow, host, numbers, shared)
        try:
            emitted = attempt.run()
        except _SlowRegion as found:
            slow[found.region] = found.why
            continue
        if isinstance(host, Hosted) and not host.fits(len(attempt.tables.numbers.first)):
            host = replace(host, own_numbers=True)
            continue
        return emitted


class _SlowRegion(Exception):  # noqa: N818  # control flow: start again without this region
    def __init__(self, region: Input, why: Unsupported) -> None:
        super().__init__(str(why))
        self.region, self.why = region, why


def asks(block: ir.Block, var: ir.Var) -> bool:
    """Whether a branch of `block` depends on `var` alone."""
    conditions = (stmt.condition for stmt in statements(block) if isinstance(stmt, ir.Branch))
    return any(one in (var, ir.Not(var)) for one in conditions)


class _Emitter:
    def __init__(
        self,
        graph: Graph,
        target: Target,
        divert: Leave | Redirect,
        jiffies_per_second: int,
        slow: Mapping[Input, Unsupported],
        host: Host,
        numbers: Emitted | None,
        shared: bool,
    ) -> None:
        self.graph, self.target, self.divert, self.slow, self.host = graph, target, divert, slow, host
        self.shared = shared
        self.writer = Writer(Derivations(), target.verified)
        self.writer.blocks["start"] = []
        self.writer.here = "start"
        self.memory = Memory(self.writer, target, "abort")
        self.loops = Loops(self.memory)
        self.sums = Sums(self.memory, self.loops)
        self.expressions = Expressions(self.writer, self.memory, self.sums, host)
        self.tables = Tables(self.writer, self.expressions, jiffies_per_second, "abort", host)
        self.known: tuple[Input, ...] = ()
        if numbers is not None:
            self.tables.numbers = Numbers(dict(numbers.numbers), list(numbers.first))
            self.known = numbers.regions
        self.copies = Copies(self.writer, self.memory, target)
        self.copying = False
        self.pending: dict[Input, list[Edge]] = {}
        self.leaving: dict[Leave | Redirect, list[Edge]] = {}
        self.dropped: list[tuple[str, int]] = []
        self.handovers: dict[Input, tuple[Places, ...]] = {}
        self.divided: dict[Input, Unsupported] = {}
        self.given: list[Edge] = []
        """Paths on which the region at work hands its packets over."""
        self.region = graph.entries[0]
        self.splits = MAX_SPLITS
        self.statements = 0
        self.weights: dict[Input, int] = {}

    def run(self) -> Emitted:
        self.host.start(self.writer, self.target)
        self.target.prologue(self.writer)
        self.host.arrived(self.writer, self.writer.at(self.writer.state.tail).text)
        nowhere = self.writer.state.copy()
        self.target.admit(self.writer, WANTED)
        if isinstance(self.graph.entry, Input):
            self.pending[self.graph.entry] = [self.writer.edge()]
        elif self.graph.entry:
            self.resume(self.graph.entry)
        else:
            self.writer.goto("abort")
        for back in self.graph.back:
            assert self.target.clones, "a packet that comes back to other targets has a record"
            point = back if isinstance(back, Resume) else Resume(back, ())
            entered = self.copies.come_back(point.region, point.places)
            self.pending.setdefault(point.region, []).append(entered)
        order = in_order(self.graph, self.slow)
        regions = tuple(dict.fromkeys((*self.known, *order)))
        number = {region: index for index, region in enumerate(regions)}
        for region in order:
            edges = self.pending.pop(region, [])
            if not edges:
                continue
            self.region = region
            if region in self.slow:
                self.hand_over(number[region], edges)
                continue
            before = self.statements + LOOP_WEIGHT * self.loops.count
            try:
                self.copying = self.target.clones and copying(self.graph.programs[region].body)
                for same in group(edges, MAX_SHAPES):
                    self.expressions.meet(same)
                    self.writer.state.env.clear()
                    self.writer.state.touched = False
                    if len(same) > 1 and self.target.verified:
                        self.target.reload(
                            self.writer
                        )  # so that the verifier sees one state, and follows it once
                    rest = self.block(self.graph.programs[region].body)
                    assert not rest, "a checked program ends every path with a verdict"
            except CannotCompileError as problem:
                why = Unsupported(region.element, region.port, problem.what, problem.why)
                raise _SlowRegion(region, why) from None
            self.weights[region] = self.statements + LOOP_WEIGHT * self.loops.count - before
            if self.given:
                self.hand_over(number[region], self.given)
                self.given = []
        for way, edges in self.leaving.items():
            self.leave(way, edges)
        self.end_refused()
        self.end_dropped(nowhere)
        return Emitted(
            self.text(),
            self.target.section,
            self.tables.maps(),
            dict(self.tables.numbers.slots),
            dict(self.tables.symbols),
            regions,
            tuple(self.slow.values()),
            tuple(self.divided.values()),
            self.weights,
            tuple(self.tables.numbers.first),
            self.host.own_numbers,
            {self.tables.symbols[key]: layout for key, layout in self.tables.layouts.items()},
            self.handovers,
        )

    def text(self) -> str:
        """The LLVM module."""
        w = self.writer
        out = [self.target.layout]
        out += [f"declare i{n} @llvm.bswap.i{n}(i{n})" for n in (16, 32, 64, 128)]
        symbols = [spec.symbol for spec in self.tables.maps()]
        if isinstance(self.host, Hosted):
            symbols += [SCRATCH, BLOCKS, ACCOUNTS, EVENTS]
        out += [*self.target.definition(symbols), "entry:"]
        out += w.entry
        if self.memory.annotated:
            for at in range(0, MAX_ANNOTATIONS, 8):
                out.append(f"%a{at} = getelementptr i8, ptr {self.memory.annotations}, i64 {at}")
                out.append(f"store i64 0, ptr %a{at}, align 8")
        out += self.copies.start()
        for label, lines in w.blocks.items():
            out += [f"{label}:", *lines]
        out += ["abort:", f"ret i32 {self.target.abort}", "}"]
        return "\n".join(out).replace(WANTED, str(self.memory.deepest)) + "\n"

    # ---- statements

    def block(self, block: ir.Block) -> list[Edge]:
        """Compile `block`; the paths that go on after it."""
        for n, stmt in enumerate(block):
            self.statements += 1
            if self.statements > MAX_STATEMENTS:
                raise CannotCompileError(WHOLE, f"more than {MAX_STATEMENTS} statements")
            beyond = self.beyond(stmt)
            if beyond is not None:
                self.divide(beyond)
                return []
            if isinstance(stmt, CHANGES):
                self.writer.state.touched = True
            match stmt:
                case ir.Emit() | ir.Drop() | ir.Hold():
                    self.verdict(stmt)
                    return []
                case ir.Branch(condition, then, otherwise):
                    yes, no = self.expressions.split(condition)
                    return self.both(yes, then, no, otherwise, block[n + 1 :])
                case ir.Lookup(_, _, _, found):
                    yes, no = self.tables.lookup(self.region.element, stmt)
                    follow = block[n + 1] if n + 1 < len(block) else None
                    rest = block[n + 2 :]
                    match follow:
                        case ir.Branch(ir.Var(found.name, _), then, otherwise):
                            return self.both(yes, then, no, otherwise, rest, asks(rest, found))
                        case ir.Branch(ir.Not(ir.Var(found.name, _)), then, otherwise):
                            return self.both(no, then, yes, otherwise, rest, asks(rest, found))
                    self.expressions.meet(yes + no)
                case ir.SetMark(Mark.DATA | Mark.END, base) if self.unsure(base) is not None:
                    bit = self.unsure(base)
                    assert bit is not None
                    yes, no = self.expressions.split_bit(bit)
                    for edge in yes:
                        edge.state.marks[base] = Placed(edge.state.marks[base].at)
                    return self.both(yes, (stmt,), no, (), block[n + 1 :])
                case ir.FindOption():
                    self.expressions.meet(find_option(self.loops, stmt))
                case _:
                    self.stmt(stmt)
        return [self.writer.edge()]

    def beyond(self, stmt: ir.Stmt) -> CannotCompileError | None:
        """Why the target cannot do a statement, whatever the packet."""
        match stmt:
            case ir.Hold() if self.region.element not in self.graph.held:
                return CannotCompileError("Hold", f"{self.target.name} cannot keep packets")
            case ir.Havoc():
                return CannotCompileError(
                    "Havoc", f"{self.target.name} cannot fill a packet with random bytes"
                )
            case ir.Copy(port) if not self.target.clones:
                return CannotCompileError(f"Copy({port})", f"{self.target.name} cannot clone a packet")
        return None

    def divide(self, beyond: CannotCompileError) -> None:
        """Hand the packets of this path over, as they came to the region; raises `beyond` if that cannot be."""
        body = self.graph.programs[self.region].body
        alone = len(body) == 1 or isinstance(body[0], ir.Copy)
        if alone or self.writer.state.touched or not self.target.divides or not self.on_both_sides():
            raise beyond
        why = Unsupported(self.region.element, self.region.port, beyond.what, beyond.why)
        self.divided.setdefault(self.region, why)
        self.given.append(self.writer.edge())

    def on_both_sides(self) -> bool:
        """Whether the element at work may run here and where its packets are handed over to."""
        element = self.region.element
        bodies = [program.body for at, program in self.graph.programs.items() if at.element == element]
        return all(shareable(body) if self.shared else not keeps_state(body) for body in bodies)

    def unsure(self, mark: Mark) -> Value | None:
        """The bit that says whether `mark` is set, if that is not known."""
        placed = self.writer.state.marks.get(mark)
        return None if placed is None else placed.sure

    def both(
        self,
        yes: list[Edge],
        then: ir.Block,
        no: list[Edge],
        otherwise: ir.Block,
        rest: ir.Block,
        apart: bool = False,
    ) -> list[Edge]:
        """`then` on the paths `yes`, `otherwise` on the paths `no`, and `rest` on those that go on, if `apart` for each
        of the two by itself."""
        arms: list[list[Edge]] = []
        for edges, arm in ((yes, then), (no, otherwise)):
            if edges:
                self.expressions.meet(edges)
                arms.append(self.block(arm))
        if not any(arms):
            return []
        limit = MAX_SHAPES if self.splits > 0 else 1
        if apart and self.splits > 0:
            groups = [one for arm_edges in arms for one in group(arm_edges, limit)]
        else:
            groups = group([edge for arm_edges in arms for edge in arm_edges], limit)
        self.splits -= len(groups) - 1
        out: list[Edge] = []
        for same in groups:
            self.expressions.meet(same)
            out += self.block(rest)
        return out

    def stmt(self, stmt: ir.Stmt) -> None:
        writer, value, element = self.writer, self.expressions.value, self.region.element
        match stmt:
            case ir.Let(var, expr, followed):
                # what is not followed is long reckoning, which LLVM must not spread over more registers than there are
                writer.state.env[var.name] = value(expr) if followed else writer.settled(value(expr))
            case ir.Assign(target, expr):
                self.memory.store(target, value(expr))
            case ir.Adjust():
                self.adjust(stmt)
            case ir.SetMark(mark, base, offset, plus):
                self.memory.set_mark(mark, base, offset, None if plus is None else value(plus))
            case ir.ClearMark(mark):
                writer.state.marks.pop(mark, None)
            case ir.Insert():
                self.tables.insert(element, stmt)
            case ir.Update():
                self.tables.update(element, stmt)
            case ir.Delete():
                self.tables.delete(element, stmt)
            case ir.Allocate():
                self.tables.allocate(element, stmt)
            case ir.Next(counter, var):
                writer.state.env[var.name] = self.tables.next(element, counter)
            case ir.Now(var):
                writer.state.env[var.name] = self.tables.nanoseconds()
            case ir.Random(var):
                writer.state.env[var.name] = self.tables.random(var.width)
            case ir.Count(name, amount):
                self.tables.count(Use.STATISTIC, element, name, value(amount))
            case ir.Copy(port):
                self.clone(port, self.graph.connections.get((element, port)))
            case ir.Branch() | ir.Lookup() | ir.FindOption() | ir.Emit() | ir.Drop() | ir.Hold() | ir.Havoc():
                raise AssertionError(f"compiled by `block`: {stmt}")
            case _:
                assert_never(stmt)

    def adjust(self, stmt: ir.Adjust) -> None:
        """RFC 1624 equation 3, on words as they lie in memory: the sum does not depend on the byte order.

        A transport checksum that is only begun is the sum of the pseudo header, and what that changed by is added.
        """
        writer, memory = self.writer, self.memory
        unfinished = self.unfinished(stmt)
        old, new = (self.expressions.value(v) for v in (stmt.old, stmt.new))
        before = memory.load(stmt.sum)
        skipped: list[Edge] = []
        if stmt.keep_zero:
            going, skipped = self.expressions.split_bit(writer.binary(Op.NE, before, number(0, 16)))
            if not going:
                return
            writer.join(going)
        total = writer.extend(self.complement(writer.swap(before)), 64)
        for part in (self.complement(writer.swap(old)), writer.swap(new)):
            total = writer.binary(Op.ADD, total, writer.extend(part, 64))
        after = writer.swap(self.complement(self.sums.fold(total)))
        if unfinished is not None and stmt.pseudo is not None:
            begun = writer.ones(before, self.expressions.value(stmt.pseudo))
            after = writer.value(f"select i1 {unfinished.text}, {begun.typed}, {after.typed}", 16)
        memory.store(stmt.sum, after)
        if skipped:
            self.expressions.meet([writer.edge(), *skipped])

    def unfinished(self, stmt: ir.Adjust) -> Value | None:
        """Whether the checksum is only begun; None if it cannot be."""
        if self.target.finished or stmt.sum.mark is Mark.NET:
            return None
        if stmt.pseudo is None:
            why = f"on {self.target.name} it must be known what the pseudo header has changed by"
            raise CannotCompileError("Adjust", why)
        return self.target.unfinished(self.writer)

    def complement(self, value: Value) -> Value:
        return self.writer.binary(Op.XOR, value, number(-1, value.width))

    # ---- verdicts

    def verdict(self, stmt: ir.Verdict) -> None:
        element = self.region.element
        match stmt:
            case ir.Emit(port):
                way = self.graph.connections.get((element, port))
                if way is None:
                    self.drop(f"output {port} is not connected")
                else:
                    self.go(way)
            case ir.Drop(reason):
                self.drop(reason)
            case ir.Hold():
                self.go(self.graph.held[element])
            case _:
                assert_never(stmt)

    def clone(self, port: int, way: Destination | None) -> None:
        """A copy of the packet goes on."""
        if isinstance(way, Input):
            edge = self.copies.enter(way)
            if edge is not None:
                self.pending.setdefault(way, []).append(edge)
        elif isinstance(way, Leave):
            self.copies.leave(way.code)
        else:
            assert way is None, "a target that copies packets has no devices"
            self.tables.count(Use.DROP, self.region.element, f"output {port} is not connected", number(1, 64))
            self.copies.leave(self.target.drop)

    def go(self, way: Destination) -> None:
        if self.copying:
            self.clone(0, way)
            self.writer.line(f"ret i32 {COPIED}")
        elif isinstance(way, Input):
            self.pending.setdefault(way, []).append(self.writer.edge())
        else:
            self.leaving.setdefault(way, []).append(self.writer.edge())

    def drop(self, reason: str) -> None:
        """Go where all dropped packets end; the fence keeps LLVM from making a table of these places."""
        slot = self.tables.numbers.slot(Use.DROP, self.region.element, reason)
        self.writer.line(FENCE)
        self.dropped.append((self.writer.here, self.host.number_offset(slot // 8)))
        self.writer.goto("dropped")

    def end_refused(self) -> None:
        """Packets that the target cannot deal with are dropped under its reasons."""
        for reason, label in self.writer.refused.items():
            slot = self.tables.numbers.slot(Use.DROP, KERNEL, reason)
            self.dropped.append((label, self.host.number_offset(slot // 8)))
            self.writer.blocks[label] += [FENCE, "br label %dropped"]

    def end_dropped(self, nowhere: State) -> None:
        """Count a dropped packet under its reason, and end."""
        if not self.dropped:
            return
        writer = self.writer
        writer.start("dropped", nowhere)
        ways = ", ".join(f"[ {slot}, %{label} ]" for label, slot in self.dropped)
        slot = writer.name(f"phi i64 {ways}")
        at = writer.pointer(self.host.numbers(writer), slot)
        self.target.count(writer, at, number(1, 64))
        self.host.dropped(writer, slot)
        self.host.ended(writer)
        writer.line(f"ret i32 {self.target.drop}")

    def resume(self, points: tuple[Resume, ...]) -> None:
        """Go on with a packet that comes back from the slow path, behind its record."""
        writer, memory, record = self.writer, self.memory, self.target.record
        arrived = writer.state
        whole = writer.at(arrived.tail).text
        writer.demand(
            writer.name(f"icmp ule ptr {writer.pointer(arrived.data, record.size)}, {arrived.end}"), "abort"
        )
        index = writer.name(f"load i16, ptr {writer.pointer(arrived.data, handover.REGION_AT)}, align 2")
        memory.annotated = True
        for at in range(0, MAX_ANNOTATIONS, 8):
            there = writer.pointer(arrived.data, record.annotations_at + at)
            part = writer.name(f"load i64, ptr {there}, align 8")
            writer.line(f"store i64 {part}, ptr {writer.pointer(memory.annotations, at)}, align 8")
        length = writer.barrier(writer.name(f"sub i64 {whole}, {record.size}"))
        facts = Facts(writer.derivations)
        facts.narrow(length, 0, self.target.max_frame)
        tail = Position(length, 0)
        for n, point in enumerate(points):
            here, other = writer.fork(writer.name(f"icmp eq i16 {index}, {n}"), ("point", "other"))
            writer.resume(here)
            marks = {mark: Placed(Position(None, at)) for mark, at in point.places} | {Mark.END: Placed(tail)}
            writer.state = State(facts.copy(), arrived.data, arrived.end, tail, marks, head=record.size)
            self.pending.setdefault(point.region, []).append(writer.edge())
            writer.resume(other)
        writer.goto("abort")

    def leave(self, way: Leave | Redirect, edges: list[Edge]) -> None:
        """The frame becomes what the packet is, and goes."""
        kinds: dict[bool, list[Edge]] = {}
        for edge in edges:
            kinds.setdefault(edge.state.marks[Mark.END].at == edge.state.tail, []).append(edge)
        for kind in kinds.values():
            for same in group(kind, MAX_SHAPES):
                self.expressions.meet(same)
                state = self.writer.state
                if state.head or state.marks[Mark.DATA].at != Position(None, 0):
                    self.target.whole(self.writer)
                self.memory.fit_tail()
                self.memory.fit_head()
                state = self.writer.state
                start = state.marks[Mark.DATA].at
                first, last = (self.writer.at(one).text for one in (start, state.marks[Mark.END].at))
                self.host.leaving(self.writer, self.writer.name(f"sub i64 {last}, {first}"))
                self.host.ended(self.writer)
                self.target.finish(self.writer, way)

    def hand_over(self, index: int, edges: list[Edge]) -> None:
        """Put the packet's marks and annotations in front of it and send it to the slow path."""
        writer, memory, record = self.writer, self.memory, self.target.record
        bits = record.mark_bits
        memory.annotated = True
        found: dict[Places, None] = {}
        for same in group(edges, MAX_SHAPES):
            self.expressions.meet(same)
            places = self.places()
            if places is not None:
                found[places] = None
            if writer.state.head:
                self.target.whole(writer)
            memory.fit_tail()
            origin = writer.state.head
            memory.grow_head(record.size, record=True)
            start = Position(None, -writer.state.head)
            place, _ = memory.reach(Extent(start, start.plus(record.size), None), None)
            writer.line(f"store i32 {handover.MAGIC}, ptr {place}, align 4")
            module = writer.pointer(place, handover.MODULE_AT)
            writer.line(f"store i32 {self.host.module()}, ptr {module}, align 4")
            writer.line(f"store i16 {index}, ptr {writer.pointer(place, handover.REGION_AT)}, align 2")
            for n, mark in enumerate(handover.MARKS):
                text = str(record.unset)
                placed = writer.state.marks.get(mark)
                if placed is not None:
                    at = writer.at(placed.at.plus(origin)).text
                    whole = placed.at.base is None or bits == 64
                    text = at if whole else writer.name(f"trunc i64 {at} to i{bits}")
                    if placed.sure is not None:
                        text = writer.name(
                            f"select i1 {placed.sure.text}, i{bits} {text}, i{bits} {record.unset}"
                        )
                there = writer.pointer(place, record.marks_at + bits // 8 * n)
                writer.line(f"store i{bits} {text}, ptr {there}, align {bits // 8}")
            for at_byte in range(0, MAX_ANNOTATIONS, 8):
                part = writer.name(f"load i64, ptr {writer.pointer(memory.annotations, at_byte)}, align 8")
                there = writer.pointer(place, record.annotations_at + at_byte)
                writer.line(f"store i64 {part}, ptr {there}, align 8")
            self.host.diverted(writer)
            self.host.ended(writer)
            self.target.finish(writer, self.graph.exits.get(self.region, self.divert))
        self.handovers[self.region] = tuple(found)

    def places(self) -> Places | None:
        """Where the packet's marks are, counted from the frame's start as it is now; None if that is not known. Behind
        an IPv4 header of unknown length the transport header is expected where most are: 20 bytes on."""
        found = []
        state = self.writer.state
        for mark in Mark:
            placed = state.marks.get(mark)
            if placed is None or mark is Mark.END:
                continue
            net = state.marks.get(Mark.NET)
            if (
                mark is Mark.TRANSPORT
                and net is not None
                and net.at.base is None
                and placed.at.base is not None
            ):
                placed = Placed(net.at.plus(20), placed.sure)
            if placed.at.base is not None or placed.sure is not None:
                return None
            found.append((mark, placed.at.offset + state.head))
        return tuple(found)
