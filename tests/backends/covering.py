"""Whether a symbolic result covers a packet: symbols that stand for what nobody can foretell take the value it needs.

Less strict than the campaign's comparison where a value follows from no single field; but what is known must be right.
"""

from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.symbolic.evaluation import Unbound, blob_bytes, evaluate, evaluate_linear
from innet.symbolic.execute import Emitted
from innet.symbolic.memory import ANNOTATIONS, Memory
from innet.symbolic.solve import satisfied
from innet.symbolic.terms import Sym
from innet.symbolic.values import UNKNOWN
from tests.backends.campaign import Blobs, Values, single_constraints

MARKS = (Mark.DATA, Mark.MAC, Mark.NET, Mark.TRANSPORT)


class Cover:
    """One result against one packet; `values` grows as symbols are found out."""

    def __init__(self, memory: Memory, packet: PacketBuffer, values: Values, blobs: Blobs) -> None:
        self.memory, self.packet = memory, packet
        self.values, self.blobs = dict(values), blobs
        self.spans: dict[int, tuple[int, int]] = {}

    def lengths(self) -> list[int | None]:
        found: list[int | None] = []
        for rid in self.memory.order:
            try:
                found.append(evaluate_linear(self.memory.lengths[rid], self.values, self.blobs))
            except Unbound:
                found.append(None)
        return found

    def place(self) -> bool:
        """Where each region lies in the packet's buffer, as far as that is known; false if it cannot be."""
        lengths, total = self.lengths(), len(self.packet.bytes)
        open_ = [n for n, length in enumerate(lengths) if length is None]
        if len(open_) == 1:
            lengths[open_[0]] = total - sum(length or 0 for length in lengths)
        elif not open_ and sum(length or 0 for length in lengths) != total:
            return False
        at = 0
        for rid, length in zip(self.memory.order, lengths, strict=True):
            if length is None:
                break
            if length < 0:
                return False
            self.spans[rid] = at, at + length
            at += length
        return True

    def learn(self) -> bool:
        """Take values of open symbols from their cells; false if a known one is another."""
        for rid, data in self.regions():
            for bit, (width, term, _) in self.memory.cells[rid].items():
                have = int.from_bytes(data, "big") >> max(0, 8 * len(data) - bit - width) & (1 << width) - 1
                if bit + width > 8 * len(data):
                    continue
                try:
                    if evaluate(term, self.values, self.blobs) != have:
                        return False
                except Unbound:
                    if isinstance(term, Sym):
                        self.values[term] = have
        return True

    def regions(self) -> list[tuple[int, bytes]]:
        """The regions whose place is known, and what the packet has there."""
        found = [(rid, bytes(self.packet.bytes[a:b])) for rid, (a, b) in self.spans.items()]
        return [*found, (ANNOTATIONS, bytes(self.packet.annotations))]

    def rest_is_right(self) -> bool:
        """Whether bytes that no cell holds are those of the region's blob, where that is known, or zero."""
        for rid, data in self.regions():
            blob = self.memory.blobs[rid]
            try:
                content = b"" if blob is None else blob_bytes(blob, self.values, self.blobs)
            except Unbound:
                continue
            want = bytearray(content[: len(data)].ljust(len(data), b"\0"))
            held = {
                n
                for b, (width, _, _) in self.memory.cells[rid].items()
                for n in range(b // 8, (b + width + 7) // 8)
            }
            if any(want[n] != data[n] for n in range(len(data)) if n not in held):
                return False
        return True

    def marks_are_right(self) -> bool:
        for mark in MARKS:
            at, have = self.memory.marks.get(mark), self.packet.marks.get(mark)
            if (at is None) != (have is None):
                return False
            if at is None or at == UNKNOWN or at[0] not in self.spans:
                continue
            if self.spans[at[0]][0] + at[1] != have:
                return False
        return True

    def holds(self, result: Emitted) -> bool:
        for _ in range(3):
            if not self.place() or not self.learn():
                return False
        if not self.rest_is_right() or not self.marks_are_right():
            return False
        for one in single_constraints(result.state.store):
            try:
                if not satisfied(one, self.values, self.blobs):
                    return False
            except Unbound:
                continue
        return True


def covers(result: Emitted, packet: PacketBuffer, values: Values, blobs: Blobs) -> bool:
    """Whether `packet` is one of those that `result` speaks of."""
    return Cover(result.state.memory, packet, values, blobs).holds(result)
