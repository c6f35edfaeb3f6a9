"""One's complement sums over bytes of the packet (RFC 1071)."""

from innet.ir.nodes import Mark, Op
from innet.xdp.facts import Position, Value, number
from innet.xdp.loops import Loops
from innet.xdp.memory import Extent, Memory, pieces
from innet.xdp.unsupported import CannotCompileError
from innet.xdp.writer import FENCE

MAX_STRAIGHT = 60
STRIDE = 32
"""Bytes that one turn of such a loop covers."""


class Sums:
    """Sums, written for what is known of their length: straight, word by word up to a header's end, or in a loop."""

    def __init__(self, memory: Memory, loops: Loops) -> None:
        self.memory, self.loops, self.writer = memory, loops, memory.writer

    def sum(self, mark: Mark, offset: int, length: Value) -> Value:
        """The one's complement sum over `length` bytes from `mark + offset`, those behind END left out."""
        writer = self.writer
        placed = writer.state.marks.get(mark)
        if mark is Mark.ANNOTATION:
            raise CannotCompileError("Sum", "over annotations")
        if placed is None:
            return number(0, 16)
        if not self.memory.target.finished and (
            mark is Mark.TRANSPORT or writer.state.facts.of(length)[1] > MAX_STRAIGHT
        ):
            raise CannotCompileError(
                "Sum", f"on {self.memory.target.name} a segment's checksum may be yet to finish"
            )
        start = placed.at.plus(offset)
        if placed.sure is not None or not writer.state.facts.in_order(writer.state.low, start):
            raise CannotCompileError("Sum", "the range may start where there is no packet")
        whole = Extent(start, start.plus(length.known or 0), None)
        if length.known is not None and length.known <= MAX_STRAIGHT and self.memory.is_present(whole):
            total = self._straight(whole, length.known)
        else:
            stop = self.memory.add(start, length)
            low, high = writer.state.facts.of(length)
            inside = writer.state.facts.in_order(stop, writer.state.marks[Mark.END].at)
            if (
                inside
                and low % 4 == 0
                and high <= MAX_STRAIGHT
                and writer.state.facts.multiple_of(length) >= 4
            ):
                total = self._ladder(start, length, low, high)
            else:
                total = self._whole(start, self.memory.earlier(stop, writer.state.marks[Mark.END].at))
        return self.swapped_fold(total)

    def _straight(self, whole: Extent, length: int) -> Value:
        pointer, offset = self.memory.reach(whole, None)
        total = number(0, 64)
        for at, size in pieces(length, 4):
            address = self.writer.pointer(pointer, offset + at)
            part = self.writer.value(
                f"load i{size * 8}, ptr {address}, align {self.memory.target.alignment(size)}", size * 8
            )
            total = self.writer.binary(Op.ADD, total, self.writer.extend(part, 64))
        return total

    def _ladder(self, start: Position, length: Value, low: int, high: int) -> Value:
        """The sum of a header whose length is a multiple of four in [low, high]: its options word by word."""
        writer = self.writer
        total = self._straight(Extent(start, start.plus(low), None), low) if low else number(0, 64)
        before, done = writer.state.copy(), writer.label("summed")
        pairs = []
        for at in range(low, high, 4):
            more = writer.binary(Op.LT, number(at, length.width), length)
            word = writer.label("option")
            pairs.append((total.text, writer.here))
            writer.line(f"br i1 {more.text}, label %{word}, label %{done}")
            writer.start(word, writer.state)
            writer.line(FENCE)
            total = writer.binary(
                Op.ADD, total, self._straight(Extent(start.plus(at), start.plus(at + 4), None), 4)
            )
        pairs.append((total.text, writer.here))
        writer.goto(done)
        writer.start(done, before)
        return writer.value("phi i64 " + ", ".join(f"[ {t}, %{b} ]" for t, b in pairs), 64)

    def _whole(self, start: Position, stop: Position) -> Value:
        """The sum of the bytes in [start, stop); there may be none."""
        writer = self.writer
        first, last = writer.at(start), writer.at(stop)
        if self.memory.target.verified:
            return self._loop(start, stop)
        bytes_ = writer.name(f"sub i64 {last.text}, {first.text}")
        some = writer.name(f"icmp sgt i64 {bytes_}, 0")
        length = writer.name(f"select i1 {some}, i64 {bytes_}, i64 0")
        offset = writer.at(start.plus(writer.state.head))
        return Value(
            self.memory.target.sum(writer, writer.pointer(writer.state.data, offset.text), length), 64
        )

    def _loop(self, start: Position, stop: Position) -> Value:
        """The sum of the bytes in [start, stop) as little-endian words, by a loop the verifier sees the end of."""
        self.loops.forget_bounds()
        writer, state = self.writer, self.writer.state
        most = min(self.memory.target.max_sum, max(0, -state.facts.room(stop, start)))
        first, last = self.loops.hidden(start), self.loops.hidden(stop)
        before, loop, none = writer.here, writer.label("sum"), writer.label("rest")
        at, total, n = writer.fresh(), writer.fresh(), writer.fresh()
        writer.goto(loop)
        writer.start(loop, state)
        phis = writer.blocks[loop]
        phis += ["", "", ""]
        self._when(f"icmp ule i64 {writer.name(f'add i64 {at}, {STRIDE}')}, {last}", none)
        self._when(f"icmp ult i64 {n}, {-(-most // STRIDE) + 1}", self.memory.abort)
        next_total = self._words(total, at, STRIDE)
        next_at = self._behind(at, STRIDE)
        next_n = writer.name(f"add i64 {n}, 1")
        for line, (name, initial, following) in enumerate(
            ((total, "0", next_total), (at, first, next_at), (n, "0", next_n))
        ):
            phis[line] = f"{name} = phi i64 [ {initial}, %{before} ], [ {following}, %{writer.here} ]"
        writer.goto(loop)
        writer.start(none, state)
        for size in (16, 8, 4, 2, 1):
            total, at = self._rest(total, at, last, size)
        return Value(total, 64)

    def _rest(self, total: str, at: str, last: str, size: int) -> tuple[str, str]:
        """The sum and the place after `size` more bytes, if there are so many before `last`."""
        writer, state = self.writer, self.writer.state
        before, done = writer.here, writer.label("summed")
        behind = writer.name(f"add i64 {at}, {size}")
        self._when(f"icmp ule i64 {behind}, {last}", done)
        more, moved = self._words(total, at, size), self._behind(at, size)
        from_part = writer.here
        writer.goto(done)
        writer.start(done, state)
        out = writer.name(f"phi i64 [ {total}, %{before} ], [ {more}, %{from_part} ]")
        return out, writer.name(f"phi i64 [ {at}, %{before} ], [ {moved}, %{from_part} ]")

    def _words(self, total: str, at: str, length: int) -> str:
        """`total` and the words of the `length` bytes at `at`."""
        writer, pointer = self.writer, self.loops.checked(at, length)
        for offset, size in pieces(length, 4):
            word = writer.name(
                f"load i{size * 8}, ptr {writer.pointer(pointer, offset)}, align {self.memory.target.alignment(size)}"
            )
            if size < 8:
                word = writer.name(f"zext i{size * 8} {word} to i64")
            total = writer.name(f"add i64 {total}, {word}")
        return total

    def _behind(self, at: str, length: int) -> str:
        """`at + length`; all that the verifier sees of it is that it lies in a frame."""
        moved = self.writer.barrier(self.writer.name(f"add i64 {at}, {length}"))
        return self.writer.name(f"and i64 {moved}, {self.memory.target.max_offset}")

    def _when(self, comparison: str, otherwise: str) -> None:
        writer = self.writer
        writer.demand(writer.name(comparison), otherwise)

    def swapped_fold(self, total: Value) -> Value:
        """A sum of little-endian words as the 16-bit sum of the big-endian ones (RFC 1071 section 2 (B))."""
        return self.writer.swap(self.fold(total))

    def fold(self, total: Value) -> Value:
        """A 64-bit sum, below 2^48, as a 16-bit one's complement sum."""
        writer = self.writer
        for bits in (32, 16, 16, 16):
            if writer.state.facts.of(total)[1] < 1 << 16:
                break
            low = writer.binary(Op.AND, total, number((1 << bits) - 1, 64))
            total = writer.binary(Op.ADD, low, writer.binary(Op.SHR, total, number(bits, 64)))
        return writer.extend(total, 16)
