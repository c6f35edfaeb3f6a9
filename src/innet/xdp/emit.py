"""Packet programs to LLVM IR: one program of the kernel for one element, or for a graph of them.

Each input port of an element is a region of the program. Paths that bring the headers to the same places meet where a
region begins; if they differ, the region is compiled once for each kind (at most `MAX_SHAPES`), so that in almost every
program all headers but those behind IPv4 options are at constant offsets. What the target cannot do makes its region a
*slow* one: the packet is handed over with its marks, and everything before stays in the kernel.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from innet import ir
from innet.ir.nodes import Mark, Op
from innet.xdp import handover
from innet.xdp.expressions import Expressions
from innet.xdp.facts import Derivations, Position, Value, number
from innet.xdp.layout import MapSpec, Use
from innet.xdp.loops import Loops
from innet.xdp.memory import MAX_ANNOTATIONS, Extent, Memory
from innet.xdp.options import find_option
from innet.xdp.sums import Sums
from innet.xdp.tables import Tables
from innet.xdp.target import Leave, Redirect, Target
from innet.xdp.unsupported import CannotCompileError, Unsupported
from innet.xdp.writer import Edge, Writer, group

MAX_SHAPES = 4
MAX_SPLITS = 24
LOOP_WEIGHT = 1000
MAX_STATEMENTS = 20_000
"""Statements compiled for one program, counting those compiled again for another shape."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input port of an element."""

    element: str
    port: int


Destination: TypeAlias = Input | Leave | Redirect


@dataclass(frozen=True)
class Graph:
    """What to compile: a program for each input in use, and where outputs lead. A packet starts at `entry`.

    `held` says what becomes of what an element holds, for those (devices) whose holder is an exit.
    """

    programs: Mapping[Input, ir.Program]
    entry: Input
    connections: Mapping[tuple[str, int], Destination]
    held: Mapping[str, Leave | Redirect] = field(default_factory=dict)


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
    weights: Mapping[Input, int]
    """How much each compiled region is for the verifier: statements, and a thousand for each loop."""


def emit(
    graph: Graph,
    target: Target,
    divert: Leave | Redirect,
    jiffies_per_second: int = 250,
    refused: Iterable[Unsupported] = (),
) -> Emitted:
    """Compile `graph` for `target`; packets for slow regions, `refused` among them, end with `divert`."""
    slow = {Input(one.element, one.port): one for one in refused}
    for one in loops(graph):
        slow[one] = Unsupported(one.element, one.port, "loop", "packets may come back to this input")
    while True:
        attempt = _Emitter(graph, target, divert, jiffies_per_second, slow)
        try:
            return attempt.run()
        except _SlowRegion as found:
            slow[found.region] = found.why


class _SlowRegion(Exception):  # noqa: N818  # control flow: start again without this region
    def __init__(self, region: Input, why: Unsupported) -> None:
        super().__init__(str(why))
        self.region, self.why = region, why


def outputs(block: ir.Block) -> set[int]:
    """The output ports that `block` may emit on."""
    found: set[int] = set()
    for stmt in block:
        match stmt:
            case ir.Emit(port) | ir.Copy(port):
                found.add(port)
            case ir.Branch(_, then, otherwise):
                found |= outputs(then) | outputs(otherwise)
    return found


def successors(graph: Graph, region: Input) -> list[Input]:
    program = graph.programs[region]
    ways = (graph.connections.get((region.element, port)) for port in sorted(outputs(program.body)))
    return [w for w in ways if isinstance(w, Input)]


def loops(graph: Graph) -> list[Input]:
    """Inputs at which a loop is closed, seen from the entry."""
    closed: list[Input] = []
    open_: set[Input] = set()
    done: set[Input] = set()
    stack: list[tuple[Input, bool]] = [(graph.entry, False)]
    while stack:
        region, leaving = stack.pop()
        if leaving:
            open_.discard(region)
            done.add(region)
            continue
        if region in done or region in open_:
            continue
        open_.add(region)
        stack.append((region, True))
        for after in successors(graph, region):
            if after in open_:
                if after not in closed:
                    closed.append(after)
            elif after not in done:
                stack.append((after, False))
    return closed


def in_order(graph: Graph, slow: Mapping[Input, Unsupported]) -> list[Input]:
    """Regions in reach, each behind all that lead to it."""
    order: list[Input] = []
    seen: set[Input] = set()
    stack: list[tuple[Input, bool]] = [(graph.entry, False)]
    while stack:
        region, leaving = stack.pop()
        if leaving:
            order.append(region)
        elif region not in seen:
            seen.add(region)
            stack.append((region, True))
            if region not in slow:
                stack += [(after, False) for after in successors(graph, region)]
    return order[::-1]


class _Emitter:
    def __init__(
        self,
        graph: Graph,
        target: Target,
        divert: Leave | Redirect,
        jiffies_per_second: int,
        slow: Mapping[Input, Unsupported],
    ) -> None:
        self.graph, self.target, self.divert, self.slow = graph, target, divert, slow
        self.writer = Writer(Derivations())
        self.writer.blocks["start"] = []
        self.writer.here = "start"
        self.memory = Memory(self.writer, target, "abort")
        self.loops = Loops(self.memory)
        self.sums = Sums(self.memory, self.loops)
        self.expressions = Expressions(self.writer, self.memory, self.sums)
        self.tables = Tables(self.writer, self.expressions, jiffies_per_second, "abort")
        self.pending: dict[Input, list[Edge]] = {}
        self.leaving: dict[Leave | Redirect, list[Edge]] = {}
        self.region = graph.entry
        self.splits = MAX_SPLITS
        self.statements = 0
        self.weights: dict[Input, int] = {}

    def run(self) -> Emitted:
        self.target.prologue(self.writer)
        self.pending[self.graph.entry] = [self.writer.edge()]
        order = in_order(self.graph, self.slow)
        for index, region in enumerate(order):
            edges = self.pending.pop(region, [])
            if not edges:
                continue
            self.region = region
            if region in self.slow:
                self.hand_over(index, edges)
                continue
            before = self.statements + LOOP_WEIGHT * self.loops.count
            try:
                for same in group(edges, MAX_SHAPES):
                    self.expressions.meet(same)
                    self.writer.state.env.clear()
                    rest = self.block(self.graph.programs[region].body)
                    assert not rest, "a checked program ends every path with a verdict"
            except CannotCompileError as problem:
                why = Unsupported(region.element, region.port, problem.what, problem.why)
                raise _SlowRegion(region, why) from None
            self.weights[region] = self.statements + LOOP_WEIGHT * self.loops.count - before
        for way, edges in self.leaving.items():
            self.leave(way, edges)
        return Emitted(
            self.text(),
            self.target.section,
            self.tables.maps(),
            dict(self.tables.numbers.slots),
            dict(self.tables.symbols),
            tuple(order),
            tuple(self.slow.values()),
            self.weights,
        )

    def text(self) -> str:
        """The LLVM module."""
        w = self.writer
        out = [self.target.layout]
        out += [f"declare i{n} @llvm.bswap.i{n}(i{n})" for n in (16, 32, 64)]
        out += [f"@{spec.symbol} = external global i8" for spec in self.tables.maps()]
        out += [f'define i32 @program(ptr %ctx) section "{self.target.section}" {{', "entry:"]
        out += w.entry
        if self.memory.annotated:
            for at in range(0, MAX_ANNOTATIONS, 8):
                out.append(f"%a{at} = getelementptr i8, ptr {self.memory.annotations}, i64 {at}")
                out.append(f"store i64 0, ptr %a{at}, align 8")
        out.append("br label %start")
        for label, lines in w.blocks.items():
            out += [f"{label}:", *lines]
        out += ["abort:", f"ret i32 {self.target.abort}", "}"]
        return "\n".join(out) + "\n"

    # ---- statements

    def block(self, block: ir.Block) -> list[Edge]:
        """Compile `block`; the paths that go on after it."""
        for n, stmt in enumerate(block):
            self.statements += 1
            if self.statements > MAX_STATEMENTS:
                raise CannotCompileError("the whole", f"more than {MAX_STATEMENTS} statements")
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
                    match follow:
                        case ir.Branch(ir.Var(found.name, _), then, otherwise):
                            return self.both(yes, then, no, otherwise, block[n + 2 :])
                        case ir.Branch(ir.Not(ir.Var(found.name, _)), then, otherwise):
                            return self.both(no, then, yes, otherwise, block[n + 2 :])
                    self.expressions.meet(yes + no)
                case ir.FindOption():
                    self.expressions.meet(find_option(self.loops, stmt))
                case _:
                    self.stmt(stmt)
        return [self.writer.edge()]

    def both(
        self, yes: list[Edge], then: ir.Block, no: list[Edge], otherwise: ir.Block, rest: ir.Block
    ) -> list[Edge]:
        """`then` on the paths `yes`, `otherwise` on the paths `no`, and `rest` on those that go on."""
        going: list[Edge] = []
        for edges, arm in ((yes, then), (no, otherwise)):
            if edges:
                self.expressions.meet(edges)
                going += self.block(arm)
        if not going:
            return []
        groups = group(going, MAX_SHAPES if self.splits > 0 else 1)
        self.splits -= len(groups) - 1
        out: list[Edge] = []
        for same in groups:
            self.expressions.meet(same)
            out += self.block(rest)
        return out

    def stmt(self, stmt: ir.Stmt) -> None:
        writer, value, element = self.writer, self.expressions.value, self.region.element
        match stmt:
            case ir.Let(var, expr):
                writer.state.env[var.name] = value(expr)
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
                raise CannotCompileError(f"Copy({port})", f"{self.target.name} cannot clone a packet")
            case ir.Branch() | ir.Lookup() | ir.FindOption() | ir.Emit() | ir.Drop() | ir.Hold():
                raise AssertionError(f"compiled by `block`: {stmt}")
            case _:
                assert_never(stmt)

    def adjust(self, stmt: ir.Adjust) -> None:
        """RFC 1624 equation 3, on words as they lie in memory: the sum does not depend on the byte order."""
        writer, memory = self.writer, self.memory
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
        memory.store(stmt.sum, after)
        if skipped:
            self.expressions.meet([writer.edge(), *skipped])

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
                elif isinstance(way, Input):
                    self.pending.setdefault(way, []).append(self.writer.edge())
                else:
                    self.leaving.setdefault(way, []).append(self.writer.edge())
            case ir.Drop(reason):
                self.drop(reason)
            case ir.Hold():
                exit_ = self.graph.held.get(element)
                if exit_ is None:
                    raise CannotCompileError("Hold", f"{self.target.name} cannot keep packets")
                self.leaving.setdefault(exit_, []).append(self.writer.edge())
            case _:
                assert_never(stmt)

    def drop(self, reason: str) -> None:
        self.tables.count(Use.DROP, self.region.element, reason, number(1, 64))
        self.writer.line(f"ret i32 {self.target.drop}")

    def leave(self, way: Leave | Redirect, edges: list[Edge]) -> None:
        """The frame becomes what the packet is, and goes."""
        kinds: dict[bool, list[Edge]] = {}
        for edge in edges:
            kinds.setdefault(edge.state.marks[Mark.END].at == edge.state.tail, []).append(edge)
        for kind in kinds.values():
            for same in group(kind, MAX_SHAPES):
                self.expressions.meet(same)
                self.memory.fit_tail()
                self.memory.fit_head()
                self.target.finish(self.writer, way)

    def hand_over(self, index: int, edges: list[Edge]) -> None:
        """Put the packet's marks and annotations in front of it and send it to the slow path."""
        writer, memory = self.writer, self.memory
        memory.annotated = True
        for same in group(edges, MAX_SHAPES):
            self.expressions.meet(same)
            memory.fit_tail()
            origin = writer.state.head
            memory.grow_head(handover.RECORD_BYTES)
            start = Position(None, -writer.state.head)
            place, _ = memory.reach(Extent(start, start.plus(handover.RECORD_BYTES), None), None)
            writer.line(f"store i32 {handover.MAGIC}, ptr {place}, align 4")
            writer.line(f"store i16 {index}, ptr {writer.pointer(place, 4)}, align 2")
            for n, mark in enumerate(handover.MARKS):
                text = str(handover.UNSET)
                placed = writer.state.marks.get(mark)
                if placed is not None:
                    at = writer.at(placed.at.plus(origin)).text
                    text = at if placed.at.base is None else writer.name(f"trunc i64 {at} to i16")
                    if placed.sure is not None:
                        text = writer.name(f"select i1 {placed.sure.text}, i16 {text}, i16 {handover.UNSET}")
                writer.line(
                    f"store i16 {text}, ptr {writer.pointer(place, handover.MARKS_AT + 2 * n)}, align 2"
                )
            for at_byte in range(0, MAX_ANNOTATIONS, 8):
                part = writer.name(f"load i64, ptr {writer.pointer(memory.annotations, at_byte)}, align 8")
                there = writer.pointer(place, handover.ANNOTATIONS_AT + at_byte)
                writer.line(f"store i64 {part}, ptr {there}, align 8")
            self.target.finish(writer, self.divert)
