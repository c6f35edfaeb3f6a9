"""Expressions and conditions. A condition is compiled to branches, not to a bit: bounds are learnt from branches."""

from typing import assert_never

from innet import ir
from innet.ir.nodes import Mark, Op
from innet.xdp.facts import Value, number
from innet.xdp.host import Host
from innet.xdp.memory import Memory
from innet.xdp.sums import Sums
from innet.xdp.writer import Edge, Writer

PARAMETER = "$"
"""A variable `$N`, which no program binds, is parameter N of the module (see `shape`)."""


class Expressions:
    """Compiles expressions at the writer's place."""

    def __init__(self, writer: Writer, memory: Memory, sums: Sums, host: Host) -> None:
        self.writer, self.memory, self.sums, self.host = writer, memory, sums, host

    def value(self, expr: ir.Expr) -> Value:
        """The number that `expr` is."""
        writer = self.writer
        match expr:
            case ir.Const(constant, width):
                return number(constant, width)
            case ir.Var(name, width):
                if name.startswith(PARAMETER):
                    return self.host.parameter(writer, int(name[len(PARAMETER) :]), width)
                return writer.state.env[name]
            case ir.Field():
                return self.memory.load(expr)
            case ir.Binary(op, left, right):
                a, b = self.value(left), self.value(right)
                result = writer.binary(op, a, b)
                if op is Op.SUB and b.known is not None and result.known is None:
                    self.shorter(a, b.known, result)
                return result
            case ir.Not(inner):
                value = self.value(inner)
                return writer.binary(Op.XOR, value, number(-1, value.width))
            case ir.Cast(inner, width):
                return writer.extend(self.value(inner), width)
            case ir.Present(mark, offset, length):
                if mark is Mark.ANNOTATION:
                    return number(int(offset >= 0 and offset + length <= 64), 1)
                return self.memory.presence(self.memory.extent(mark, offset, offset + length))
            case ir.Marked(mark):
                return self.marked(mark)
            case ir.Distance(start, end):
                return self.distance(start, end)
            case ir.Sum(mark, offset, length):
                return self.sums.sum(mark, offset, self.value(length))
            case _:
                assert_never(expr)

    def shorter(self, whole: Value, by: int, result: Value) -> None:
        """`result` is `whole - by`: if one is a distance, so is the other."""
        distance, root = self.writer.derivations.distance, self.writer.derivations.root
        between = distance.get(root(whole.text))
        if between is not None and self.writer.state.facts.of(whole)[0] >= by:
            distance.setdefault(root(result.text), (between[0].plus(by), between[1]))

    def marked(self, mark: Mark) -> Value:
        placed = self.writer.state.marks.get(mark)
        if mark is Mark.ANNOTATION or (placed is not None and placed.sure is None):
            return number(1, 1)
        return number(0, 1) if placed is None or placed.sure is None else placed.sure

    def distance(self, start: Mark, end: Mark) -> Value:
        """Bytes between two marks; remembered as such, for what a comparison with it tells about positions."""
        writer, facts, target = self.writer, self.writer.state.facts, self.memory.target
        a, b = writer.state.marks.get(start), writer.state.marks.get(end)
        if a is None or b is None:
            return number(0, 16)
        left, right = writer.at(a.at), writer.at(b.at)
        if a.at.base == b.at.base:
            result = number(b.at.offset - a.at.offset, 16)
        else:
            key = ("distance", left.text, right.text)
            bytes_ = writer.pure(key, lambda: f"sub i64 {right.text}, {left.text}", 64)
            if facts.in_order(a.at, b.at):
                most = facts.of_position(b.at)[1] - facts.of_position(a.at)[0]
                facts.narrow(
                    bytes_.text,
                    max(0, facts.room(a.at, b.at)),
                    max(0, min(most, 2 * max(target.max_frame, target.max_offset))),
                )
                writer.derivations.distance[bytes_.text] = (a.at, b.at)
            result = writer.extend(bytes_, 16)
        for sure in (a.sure, b.sure):
            if sure is not None:
                result = writer.value(f"select i1 {sure.text}, {result.typed}, i16 0", 16)
        return result

    # ---- conditions

    def split(self, condition: ir.Expr) -> tuple[list[Edge], list[Edge]]:
        """The paths on which `condition` is 1, and those on which it is 0."""
        match condition:
            case ir.Binary(Op.AND, left, right):
                yes, no = self.split(left)
                if not yes:
                    return yes, no
                self.meet(yes)
                both, not_right = self.split(right)
                return both, no + not_right
            case ir.Binary(Op.OR, left, right):
                yes, no = self.split(left)
                if not no:
                    return yes, no
                self.meet(no)
                right_yes, neither = self.split(right)
                return yes + right_yes, neither
            case ir.Not(inner):
                yes, no = self.split(inner)
                return no, yes
            case ir.Present(mark, offset, length) if mark is not Mark.ANNOTATION:
                return self.memory.split_presence(
                    self.memory.extent(mark, offset, offset + length), near=False
                )
        return self.split_bit(self.value(condition))

    def split_bit(self, bit: Value) -> tuple[list[Edge], list[Edge]]:
        writer = self.writer
        low, high = writer.state.facts.of(bit)
        if low == high:
            here = [writer.edge()]
            return (here, []) if low else ([], here)
        yes, no = writer.fork(bit.text)
        for edge, truth in ((yes, True), (no, False)):
            writer.resume(edge)
            self.assume(bit, truth)
        return [yes], [no]

    def meet(self, edges: list[Edge]) -> None:
        """Go on where `edges` meet; the frame starts at the same place on all of them afterwards."""
        head = max(e.state.head for e in edges)
        level = []
        for edge in edges:
            if edge.state.head < head:
                self.writer.resume(edge)
                self.memory.grow_head(head - edge.state.head)
                edge = self.writer.edge()
            level.append(edge)
        self.writer.join(level)
        if len(level) > 1 and self.memory.target.verified:
            self.memory.target.reload(self.writer)

    def assume(self, bit: Value, truth: bool, depth: int = 8) -> None:
        """From here on the one-bit `bit` is known to be `truth`; so is what follows from it."""
        state = self.writer.state
        state.facts.narrow(bit.text, int(truth), int(truth))
        made = self.writer.derivations.made.get(bit.text)
        if made is None or not depth:
            return
        op, a, b = made
        match op, truth:
            case (Op.AND, True) | (Op.OR, False):
                self.assume(a, truth, depth - 1)
                self.assume(b, truth, depth - 1)
            case (Op.XOR, _) if b.known == 1:
                self.assume(a, not truth, depth - 1)
            case (Op.EQ, True) | (Op.NE, False):
                state.facts.learn_equal(a, b)
                self.order(a, b, False)
                self.order(b, a, False)
            case (Op.EQ, False) | (Op.NE, True):
                state.facts.learn_unequal(a, b)
            case (Op.LT, True):
                self.order(a, b, True)
            case (Op.LT, False):
                self.order(b, a, False)
            case (Op.LE, True):
                self.order(a, b, False)
            case (Op.LE, False):
                self.order(b, a, True)

    def order(self, a: Value, b: Value, strict: bool) -> None:
        """`a <= b` (`a < b`); if one of them is a distance in the packet, the order of positions that follows."""
        facts, root, step = self.writer.state.facts, self.writer.derivations.root, int(strict)
        facts.learn_order(a, b, strict)
        between = self.writer.derivations.distance.get(root(b.text))
        if between is not None:
            facts.learn(self.memory.add(between[0], a).plus(step), between[1])
        between = self.writer.derivations.distance.get(root(a.text))
        if between is not None:
            facts.learn(between[1].plus(step), self.memory.add(between[0], b))
