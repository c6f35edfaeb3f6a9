"""The packet as the kernel's verifier wants it accessed: bounds compared first, once, and only where needed.

Positions count from where the frame began on arrival. A header at a constant position is reached from the frame's
start; one at a computed position from an anchor, a pointer made once, so that one comparison serves all its fields.
"""

from dataclasses import dataclass

from innet import ir
from innet.ir.nodes import Mark, Op
from innet.xdp.facts import Position, Value, number
from innet.xdp.target import Target
from innet.xdp.unsupported import CannotCompileError
from innet.xdp.writer import FENCE, Edge, Placed, Writer

MAX_ACCESS = 8
"""Bytes of one load or store."""
MOST_AT_ONCE = 128
"""Bytes that are set to zero one after another. Of more LLVM makes a call of `memset`, and BPF has none."""
APART = 'call void asm sideeffect "", "~{memory}"()'
"""An instruction that is nothing, but on whose two sides LLVM writes separately."""
MAX_ANNOTATIONS = 64
MIN_AT_HAND, MAX_AT_HAND = 34, 256
"""Bytes of a frame that are brought to hand where they do not lie there all (see `tcx`): as many as the program may
look at, within these bounds."""
NOT_AT_HAND = "bytes that are not at hand"
NO_ROOM = "the kernel makes no room in front"
START_STAYS, END_STAYS = "the kernel does not cut the front off", "the kernel does not move the end"
UNFINISHED = "the front cannot be cut off before the checksum is finished"
"""Why packets are dropped whose frame the kernel does not hand over, or make, as the program needs it."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The bytes from `start` to `stop`; present only if `sure`, the mark they are counted from, is set."""

    start: Position
    stop: Position
    sure: Value | None


class Memory:
    """Loads, stores and marks of the packet, written by `writer` for `target`.

    `abort` is the block for what cannot happen. `annotations` points to the annotation area on the stack. `deepest` is
    how many bytes from the frame's start may be accessed, or the most that is brought to hand.
    """

    def __init__(self, writer: Writer, target: Target, abort: str) -> None:
        self.writer, self.target, self.abort = writer, target, abort
        self.deepest = MIN_AT_HAND
        self.annotations = writer.alloca(MAX_ANNOTATIONS)
        self.annotated = False

    # ---- where things are

    def extent(self, mark: Mark, first: int, last: int) -> Extent | None:
        """Bytes [first, last) from `mark` on; None if the mark is not set."""
        placed = self.writer.state.marks.get(mark)
        if placed is None:
            return None
        return Extent(placed.at.plus(first), placed.at.plus(last), placed.sure)

    def is_present(self, extent: Extent) -> bool | None:
        """Whether the bytes are in the packet, if that is known."""
        state = self.writer.state
        end = state.marks[Mark.END].at
        if state.facts.room(extent.stop, end) < 0 and state.facts.room(end, extent.stop) > 0:
            return False
        if extent.start.base is None and state.low.base is None and extent.start.offset < state.low.offset:
            return False
        sure = extent.sure is None and state.facts.in_order(state.low, extent.start)
        return True if sure and state.facts.in_order(extent.stop, end) else None

    def presence(self, extent: Extent | None) -> Value:
        """The bit that says whether the bytes are in the packet."""
        writer = self.writer
        known = False if extent is None else self.is_present(extent)
        if extent is None or known is not None:
            return number(int(bool(known)), 1)
        bits = [] if extent.sure is None else [extent.sure]
        for a, b in ((writer.state.low, extent.start), (extent.stop, writer.state.marks[Mark.END].at)):
            if not writer.state.facts.in_order(a, b):
                bits.append(self.compare(a, b))
        result = bits[0]
        for one in bits[1:]:
            result = writer.binary(Op.AND, result, one)
        return result

    def compare(self, a: Position, b: Position) -> Value:
        """The bit that says whether `a` does not lie behind `b`."""
        writer = self.writer
        left, right = writer.at(a), writer.at(b)
        key = ("sle", left.text, right.text)
        return writer.pure(key, lambda: f"icmp sle i64 {left.text}, {right.text}", 1)

    def split_presence(self, extent: Extent | None, near: bool) -> tuple[list[Edge], list[Edge]]:
        """The paths on which the bytes are in the packet, with that as a fact, and those on which they are not.

        With `near`, the first path may access the bytes at once.
        """
        writer = self.writer
        known = False if extent is None else self.is_present(extent)
        if extent is None or known is False:
            return [], [writer.edge()]
        absent: list[Edge] = []
        if known is None:
            if extent.sure is not None:
                yes, no = writer.fork(extent.sure.text)
                absent.append(no)
                writer.resume(yes)
            self._split(writer.state.low, extent.start, absent)
            end = writer.state.marks[Mark.END].at
            if end != writer.state.tail or not self.target.linear:
                self._split(extent.stop, end, absent)
            elif not writer.state.facts.in_order(extent.stop, end):
                self.reach(extent, absent)
                writer.state.facts.learn(extent.stop, end)
        if near:
            self.reach(extent, absent if known is None and self.target.linear else None)
        return [writer.edge()], absent

    def _split(self, a: Position, b: Position, absent: list[Edge]) -> None:
        """Go on where `a` does not lie behind `b`; the other path is added to `absent`."""
        writer = self.writer
        if writer.state.facts.in_order(a, b):
            return
        yes, no = writer.fork(self.compare(a, b).text)
        absent.append(no)
        writer.resume(yes)
        writer.state.facts.learn(a, b)

    # ---- pointers the verifier accepts

    def reach(self, extent: Extent, absent: list[Edge] | None) -> tuple[str, int]:
        """A pointer and the offset from it at which `extent` starts, compared with the frame's end.

        If the bytes are not there: to `absent`, or, if it is None since they must be in the packet, to `beyond`.
        """
        writer = self.writer
        start, base = extent.start, extent.start.base
        length = extent.stop.offset - extent.start.offset
        offset = start.offset + writer.state.head
        back = min(offset, 0) if base is not None else 0
        if base is None and offset < 0:
            raise CannotCompileError(f"bytes at {start}", "they lie before the frame")
        pointer = self._anchor(base, back, absent)
        offset -= back
        need = offset + length
        if writer.state.reach.get((pointer, writer.state.end), 0) < need:
            more = writer.state.facts.room(Position(base, 0), writer.state.marks[Mark.END].at)
            most = self.target.max_offset if self.target.linear else MAX_AT_HAND
            need = max(need, min(more + writer.state.head - back, most))
            self.look(writer.state.facts.of_base(base)[1] + back + need)
            limit = writer.pointer(pointer, need)
            self._demand(f"icmp ule ptr {limit}, {writer.state.end}", absent)
            writer.state.reach[pointer, writer.state.end] = need
        return pointer, offset

    def _anchor(self, base: str | None, back: int, absent: list[Edge] | None) -> str:
        writer = self.writer
        if base is None:
            return writer.state.data
        key = (writer.state.data, base, back)
        found = writer.state.anchors.get(key)
        if found is None:
            at = writer.barrier(base if back == 0 else writer.name(f"add i64 {base}, {back}"))
            possible = self.target.linear and writer.state.facts.of_base(base)[1] > self.target.max_offset
            self._demand(f"icmp ule i64 {at}, {self.target.max_offset}", absent if possible else None)
            found = writer.state.anchors[key] = writer.barrier(writer.pointer(writer.state.data, at), "ptr")
        return found

    def _demand(self, comparison: str, absent: list[Edge] | None) -> None:
        writer = self.writer
        condition = writer.name(comparison)
        if absent is None:
            writer.demand(condition, self.beyond())
            return
        yes, no = writer.fork(condition, ("ok", "absent"))
        absent.append(no)
        writer.resume(yes)
        writer.line(FENCE)

    def beyond(self) -> str:
        """The block for packets of which bytes that they have are not at hand; in linear ones there are none."""
        return self.abort if self.target.linear else self.writer.refuse(NOT_AT_HAND)

    def stuck(self, why: str) -> str:
        """The block for packets whose frame cannot become what it should: they are counted."""
        return self.writer.refuse(why) if self.target.verified else self.abort

    def look(self, depth: int) -> None:
        """The frame's first `depth` bytes may be accessed."""
        self.deepest = min(max(self.deepest, depth), MAX_AT_HAND)

    # ---- fields

    def load(self, field: ir.Field) -> Value:
        """What `field` holds now; zero if it is absent."""
        writer = self.writer
        first, last = field.bit // 8, (field.bit + field.width + 7) // 8
        if field.mark is Mark.ANNOTATION:
            if first < 0 or last > MAX_ANNOTATIONS:
                return number(0, field.width)
            self.annotated = True
            return self._cut(self._load(self.annotations, first, last - first), field)
        extent = self.extent(field.mark, first, last)
        if extent is None:
            return number(0, field.width)
        key = (extent.start.base, extent.start.offset * 8 + field.bit % 8, field.width)
        if key in writer.state.fields:
            return writer.state.fields[key]
        known = self.is_present(extent)
        if known:
            pointer, offset = self.reach(extent, None)
            value = self._cut(self._load(pointer, offset, last - first), field)
        elif known is False:
            return number(0, field.width)
        else:
            before = writer.state.copy()
            present, absent = self.split_presence(extent, near=True)
            writer.join(present)
            pointer, offset = self.reach(extent, None)
            found = self._cut(self._load(pointer, offset, last - first), field)
            value = self._meet(before, found, absent)
        writer.state.fields[key] = value
        return value

    def _meet(self, before: "object", found: Value, absent: list[Edge]) -> Value:
        """`found` if the bytes were there, otherwise zero; everything else as `before`."""
        writer = self.writer
        label = writer.label("met")
        pairs = [(found.text, writer.here)]
        writer.goto(label)
        for edge in absent:
            writer.resume(edge)
            writer.goto(label)
            pairs.append((number(0, found.width).text, edge.label))
        writer.start(label, before)  # type: ignore[arg-type]  # a State
        text = ", ".join(f"[ {value}, %{block} ]" for value, block in pairs)
        return writer.value(f"phi i{found.width} {text}", found.width)

    def _load(self, pointer: str, offset: int, length: int) -> Value:
        """`length` bytes as one big-endian number."""
        writer, result = self.writer, None
        for at, size in pieces(length):
            address = writer.pointer(pointer, offset + at)
            part = writer.value(
                f"load i{size * 8}, ptr {address}, align {self.target.alignment(size)}", size * 8
            )
            part = writer.extend(writer.swap(part), length * 8)
            if result is None:
                result = part
            else:
                result = writer.binary(Op.SHL, result, number(size * 8, length * 8))
                result = writer.binary(Op.OR, result, part)
        assert result is not None
        return result

    def _cut(self, whole: Value, field: ir.Field) -> Value:
        """The bits of `field` out of the bytes it lies in."""
        shift = (-(field.bit + field.width)) % 8
        return self.writer.extend(self.writer.binary(Op.SHR, whole, number(shift, whole.width)), field.width)

    def store(self, field: ir.Field, value: Value) -> None:
        """Set `field`; nothing happens if it is absent."""
        writer = self.writer
        first, last = field.bit // 8, (field.bit + field.width + 7) // 8
        if field.mark is Mark.ANNOTATION:
            if first >= 0 and last <= MAX_ANNOTATIONS:
                self.annotated = True
                self._store(self.annotations, first, last - first, field, value)
            return
        extent = self.extent(field.mark, first, last)
        known = False if extent is None else self.is_present(extent)
        if extent is None or known is False:
            return
        if known:
            pointer, offset = self.reach(extent, None)
            self._store(pointer, offset, last - first, field, value)
        else:
            before = writer.state.copy()
            present, absent = self.split_presence(extent, near=True)
            writer.join(present)
            pointer, offset = self.reach(extent, None)
            self._store(pointer, offset, last - first, field, value)
            self._meet(before, number(1, 1), absent)
        self.forget(extent)
        if known:
            key = (extent.start.base, extent.start.offset * 8 + field.bit % 8, field.width)
            writer.state.fields[key] = value

    def _store(self, pointer: str, offset: int, length: int, field: ir.Field, value: Value) -> None:
        writer, bits = self.writer, length * 8
        shift = (-(field.bit + field.width)) % 8
        whole = writer.binary(Op.SHL, writer.extend(value, bits), number(shift, bits))
        if field.width != bits:
            mask = ((1 << field.width) - 1) << shift
            kept = writer.binary(Op.AND, self._load(pointer, offset, length), number(~mask, bits))
            whole = writer.binary(Op.OR, kept, whole)
        for at, size in pieces(length):
            part = writer.binary(Op.SHR, whole, number((length - at - size) * 8, bits))
            part = writer.swap(writer.extend(part, size * 8))
            writer.line(
                f"store {part.typed}, ptr {writer.pointer(pointer, offset + at)}, align {self.target.alignment(size)}"
            )

    def forget(self, changed: Extent) -> None:
        """Field values known from before are not known any more where they overlap `changed`."""
        state = self.writer.state
        start, stop = changed.start.offset * 8, changed.stop.offset * 8
        low, high = state.facts.of_position(changed.start)[0], state.facts.of_position(changed.stop)[1]

        def overlaps(base: str | None, bit: int, width: int) -> bool:
            if base == changed.start.base:
                return bit < stop and start < bit + width
            first = state.facts.of_position(Position(base, bit // 8))[0]
            last = state.facts.of_position(Position(base, (bit + width + 7) // 8))[1]
            return first < high and low < last

        state.fields = {k: v for k, v in state.fields.items() if not overlaps(*k)}

    # ---- marks

    def set_mark(self, mark: Mark, base: Mark, offset: int, plus: Value | None) -> None:
        """Put `mark` at `base + offset + plus`."""
        writer = self.writer
        placed = writer.state.marks.get(base)
        if placed is None:
            if mark not in (Mark.DATA, Mark.END):
                writer.state.marks.pop(mark, None)
            return
        at = placed.at.plus(offset)
        if plus is not None:
            at = self.add(at, plus)
        if mark is Mark.DATA:
            if placed.sure is not None:
                raise CannotCompileError("SetMark(DATA)", f"{base.value} may or may not be set here")
            self.set_data(at)
        elif mark is Mark.END:
            if placed.sure is not None:
                raise CannotCompileError("SetMark(END)", f"{base.value} may or may not be set here")
            self.set_end(at)
        else:
            writer.state.marks[mark] = Placed(at, placed.sure)

    def add(self, at: Position, plus: Value) -> Position:
        """`plus` bytes behind `at`."""
        writer = self.writer
        if plus.known is not None:
            return at.plus(plus.known)
        wide = writer.extend(plus, 64)
        if at.base is None:
            return Position(wide.text, at.offset)
        total = writer.binary(Op.ADD, Value(at.base, 64), wide)
        return Position(total.text, at.offset)

    def earlier(self, a: Position, b: Position) -> Position:
        """The first of two positions."""
        writer = self.writer
        if writer.state.facts.in_order(a, b):
            return a
        if writer.state.facts.in_order(b, a):
            return b
        least = min(0, writer.state.facts.of_position(a)[0], writer.state.facts.of_position(b)[0])
        left, right = writer.at(a.plus(-least)), writer.at(b.plus(-least))
        first = self.compare(a, b)
        base = writer.name(f"select i1 {first.text}, i64 {left.text}, i64 {right.text}")
        result = Position(base, least)
        for one in (a, b):
            writer.state.facts.learn(result, one)
        return result

    def set_data(self, at: Position) -> None:
        """Start the packet at `at`, adding bytes in front where there are none."""
        writer = self.writer
        at = self.earlier(at, writer.state.marks[Mark.END].at)
        lack = -writer.state.head - writer.state.facts.of_position(at)[0]
        if lack > 0:
            self.grow_head(lack)
        if not writer.state.facts.in_order(writer.state.low, at):
            writer.state.low = self.earlier(writer.state.low, at)
        writer.state.marks[Mark.DATA] = Placed(at)

    def grow_head(self, length: int, record: bool = False) -> None:
        """Add `length` zero bytes before the frame; with `record`, on its way to the slow path."""
        writer = self.writer
        first = Position(None, -writer.state.head)
        front = [] if record else self._front(Extent(first, first.plus(self.target.front), None))
        grow = self.target.room_for_record if record else self.target.grow_head
        grow(writer, length, self.stuck(NO_ROOM))
        self.target.reload(writer)
        writer.state.head += length
        start = Position(None, -writer.state.head)
        behind = length + (self.target.front if front else 0)
        pointer, _ = self.reach(Extent(start, start.plus(behind), None), None)
        self._write(pointer, front, length)
        for at, size in pieces(length):
            if at and at % MOST_AT_ONCE == 0:
                writer.line(APART)
            writer.line(
                f"store i{size * 8} 0, ptr {writer.pointer(pointer, at)}, align {self.target.alignment(size)}"
            )

    def set_end(self, at: Position) -> None:
        """End the packet at `at`: cut now, in name only, or padded with zeros by the kernel."""
        writer = self.writer
        data, end = writer.state.marks[Mark.DATA].at, writer.state.marks[Mark.END].at
        if not writer.state.facts.in_order(data, at):
            at = self.later(data, at)
        if writer.state.facts.in_order(at, end):
            self._ends(at)
            return
        shorter, longer = writer.fork(self.compare(at, end).text, ("cut", "pad"))
        writer.resume(shorter)
        writer.state.facts.learn(at, end)
        self._ends(at)
        cut = writer.edge()
        writer.resume(longer)
        writer.state.facts.learn(end.plus(1), at)
        self.fit_tail()
        self._move_tail(end, at)
        self._ends(at)
        writer.state.tail = at
        writer.join([cut, writer.edge()])

    def later(self, a: Position, b: Position) -> Position:
        """The last of two positions."""
        writer = self.writer
        least = min(0, writer.state.facts.of_position(a)[0], writer.state.facts.of_position(b)[0])
        left, right = writer.at(a.plus(-least)), writer.at(b.plus(-least))
        base = writer.name(f"select i1 {self.compare(a, b).text}, i64 {right.text}, i64 {left.text}")
        result = Position(base, least)
        for one in (a, b):
            writer.state.facts.learn(one, result)
        return result

    def _ends(self, at: Position) -> None:
        state = self.writer.state
        state.marks[Mark.END] = Placed(at)

        def inside(base: str | None, bit: int, width: int) -> bool:
            return state.facts.in_order(Position(base, (bit + width + 7) // 8), at)

        state.fields = {k: v for k, v in state.fields.items() if inside(*k)}

    # ---- the frame's own ends

    def fit_tail(self) -> None:
        """Cut the frame where the packet ends."""
        writer = self.writer
        end, tail = writer.state.marks[Mark.END].at, writer.state.tail
        if end == tail:
            return
        self._move_tail(tail, end)
        writer.state.tail = end

    def _move_tail(self, tail: Position, end: Position) -> None:
        writer = self.writer
        by = writer.name(f"sub i64 {writer.at(end).text}, {writer.at(tail).text}")
        moves, stays = writer.fork(writer.name(f"icmp ne i64 {by}, 0"), ("resize", "fits"))
        writer.resume(moves)
        result = self.target.move_tail(writer, writer.name(f"trunc i64 {by} to i32"))
        writer.demand(writer.name(f"icmp eq i64 {result}, 0"), self.stuck(END_STAYS))
        self.target.reload(writer)
        writer.join([writer.edge(), stays])

    def fit_head(self) -> None:
        """Start the frame where the packet starts."""
        writer = self.writer
        data = writer.state.marks[Mark.DATA].at.plus(writer.state.head)
        if data.base is None and data.offset == 0:
            return
        front = self._new_front() if self.target.front else []
        by = writer.name(f"trunc i64 {writer.at(data).text} to i32") if data.base else str(data.offset)
        result = self.target.move_head(writer, by)
        writer.demand(writer.name(f"icmp eq i64 {result}, 0"), self.stuck(START_STAYS))
        if front:
            self.target.reload(writer)
            limit = writer.pointer(writer.state.data, self.target.front)
            writer.demand(writer.name(f"icmp ule ptr {limit}, {writer.state.end}"), self.beyond())
            self._write(writer.state.data, front, 0)

    def _write(self, pointer: str, front: list[tuple[int, Value]], offset: int) -> None:
        """Store what `_front` gave `offset` bytes behind a pointer."""
        for at, part in front:
            there = self.writer.pointer(pointer, offset + at)
            self.writer.line(f"store {part.typed}, ptr {there}, align {part.width // 8}")

    def _new_front(self) -> list[tuple[int, Value]]:
        """What the frame starts with when its head is cut off; only of a packet that allows it."""
        writer = self.writer
        unfinished = self.target.unfinished(writer)
        if unfinished is not None:
            writer.demand(writer.binary(Op.XOR, unfinished, number(1, 1)).text, self.stuck(UNFINISHED))
        extent = self.extent(Mark.DATA, 0, self.target.front)
        assert extent is not None
        present, absent = self.split_presence(extent, near=True)
        for edge in absent:
            writer.resume(edge)
            writer.goto(self.stuck(START_STAYS))
        if not present:
            writer.start(writer.label("never"), writer.state)
            return []
        writer.join(present)
        return self._front(extent)

    def _front(self, extent: Extent) -> list[tuple[int, Value]]:
        """The bytes of `extent`, which are there, by their offsets in it."""
        if not self.target.front:
            return []
        writer = self.writer
        pointer, offset = self.reach(extent, None)
        found = []
        for at, size in pieces(self.target.front):
            address = writer.pointer(pointer, offset + at)
            found.append((at, writer.value(f"load i{size * 8}, ptr {address}, align {size}", size * 8)))
        return found


def pieces(length: int, largest: int = MAX_ACCESS) -> list[tuple[int, int]]:
    """Offsets and sizes of the accesses that cover `length` bytes."""
    out, at = [], 0
    while at < length:
        size = next(s for s in (8, 4, 2, 1) if s <= min(length - at, largest))
        out.append((at, size))
        at += size
    return out
