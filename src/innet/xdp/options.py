"""The search for an IPv4 option: a loop of at most forty steps, which the verifier can follow."""

from innet import ir
from innet.ir.nodes import Mark
from innet.xdp.facts import Value, number
from innet.xdp.loops import Loops
from innet.xdp.memory import Extent
from innet.xdp.unsupported import CannotCompileError
from innet.xdp.writer import Edge

HEADER, LONGEST, STEPS = 20, 60, 40
END_OF_OPTIONS, NO_OPERATION = 0, 1


def find_option(loops: Loops, stmt: ir.FindOption) -> list[Edge]:
    """The paths after `stmt`, with its variables bound."""
    writer, memory = loops.writer, loops.memory
    placed = writer.state.marks.get(Mark.NET)
    if placed is None:
        return [_nothing(writer.edge(), stmt)]
    if placed.sure is not None or not writer.state.facts.in_order(writer.state.low, placed.at):
        raise CannotCompileError("FindOption", "there may be no network header here")
    fixed = Extent(placed.at, placed.at.plus(HEADER), None)
    present, absent = memory.split_presence(fixed, near=False)
    edges = [_nothing(edge, stmt) for edge in absent]
    if present:
        writer.join(present)
        edges += _Search(loops, stmt).run()
    return edges


def _nothing(edge: Edge, stmt: ir.FindOption) -> Edge:
    for var in (stmt.found, stmt.offset, stmt.length):
        edge.state.env[var.name] = number(0, var.width)
    return edge


class _Search:
    def __init__(self, loops: Loops, stmt: ir.FindOption) -> None:
        self.writer, self.memory, self.loops, self.stmt = loops.writer, loops.memory, loops, stmt
        self.none, self.found = self.writer.label("none"), self.writer.label("found")

    def run(self) -> list[Edge]:
        writer, memory = self.writer, self.memory
        at = writer.state.marks[Mark.NET].at
        words = writer.extend(memory.load(ir.Field(Mark.NET, 4, 4)), 16)
        stop = memory.add(at, writer.value(f"shl {words.typed}, 2", 16))
        stop = memory.earlier(stop, writer.state.marks[Mark.END].at)
        self.loops.forget_bounds()
        first = self.loops.hidden(at.plus(HEADER))
        last = self.loops.hidden(stop)
        self.state = writer.state.copy()
        before, loop, step = writer.here, writer.label("options"), writer.label("next")
        place, n = writer.fresh(), writer.fresh()
        writer.goto(loop)
        writer.start(loop, self.state)
        phis = writer.blocks[loop]
        phis += ["", ""]
        self.need(f"icmp ult i64 {place}, {last}")
        self.need(f"icmp ult i64 {n}, {STEPS}")
        kind = self.byte(place)
        self.need(f"icmp ne i64 {kind}, {END_OF_OPTIONS}")
        long, from_nop = writer.label("long"), writer.here
        writer.line(
            f"br i1 {writer.name(f'icmp eq i64 {kind}, {NO_OPERATION}')}, label %{step}, label %{long}"
        )
        writer.start(long, self.state)
        behind = writer.name(f"add i64 {place}, 1")
        self.need(f"icmp ult i64 {behind}, {last}")
        length = self.byte(behind)
        self.need(f"icmp ugt i64 {length}, 1")
        after = writer.name(f"add i64 {place}, {length}")
        self.need(f"icmp ule i64 {after}, {last}")
        for wanted in self.stmt.kinds:
            other = writer.label("other")
            match = writer.name(f"icmp eq i64 {kind}, {wanted}")
            hit = writer.label("hit")
            writer.line(f"br i1 {match}, label %{hit}, label %{other}")
            writer.start(hit, self.state)
            writer.goto(self.found)
            writer.start(other, self.state)
        from_long = writer.here
        writer.goto(step)
        writer.start(step, self.state)
        by = writer.name(f"phi i64 [ 1, %{from_nop} ], [ {length}, %{from_long} ]")
        moved = writer.barrier(writer.name(f"add i64 {place}, {by}"))
        next_place = writer.name(f"and i64 {moved}, {memory.target.max_offset}")
        next_n = writer.name(f"add i64 {n}, 1")
        phis[0] = f"{place} = phi i64 [ {first}, %{before} ], [ {next_place}, %{step} ]"
        phis[1] = f"{n} = phi i64 [ 0, %{before} ], [ {next_n}, %{step} ]"
        writer.goto(loop)
        writer.start(self.none, self.state)
        none = _nothing(writer.edge(), self.stmt)
        writer.start(self.found, self.state.copy())
        base = writer.at(at.plus(writer.state.head))
        offset = writer.value(f"sub i64 {place}, {base.text}", 64)
        env = writer.state.env
        env[self.stmt.found.name] = number(1, 1)
        env[self.stmt.offset.name] = self.bounded(offset, HEADER, LONGEST)
        env[self.stmt.length.name] = self.bounded(Value(length, 64), 2, LONGEST)
        return [none, writer.edge()]

    def need(self, comparison: str) -> None:
        self.writer.demand(self.writer.name(comparison), self.none)

    def byte(self, place: str) -> str:
        part = self.writer.name(f"load i8, ptr {self.loops.checked(place, 1)}, align 1")
        return self.writer.name(f"zext i8 {part} to i64")

    def bounded(self, value: Value, low: int, high: int) -> Value:
        self.writer.state.facts.narrow(value.text, low, high)
        return self.writer.extend(value, 16)
