"""TCP flows whose bytes another element adds to or takes from: sequence numbers move from some number on.

What they move by stands in the flow table, for both directions in both entries, so that all who look into it agree:
the shift of what came before the first kept point, and up to KEPT points, each the sequence number from which on
another shift holds. Acknowledgements of the other direction move back by the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from innet import ir
from innet.elements.rewrite.flows import TCP_CHECKSUM, Visit
from innet.elements.rewrite.portflows import TCPFlows
from innet.ir.interpret import PacketBuffer, fold
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, as_value

KEPT, HALF, MODULUS = 8, 1 << 31, 1 << 32
COLUMNS = (8, 32, *((32, 32) * KEPT))
SEQUENCE, ACKNOWLEDGEMENT = ir.Field(Mark.TRANSPORT, 32, 32), ir.Field(Mark.TRANSPORT, 64, 32)
OPTIONS_AT, SACK, NOTHING, END_OF_OPTIONS = 20, 5, 1, 0


@dataclass(frozen=True, slots=True)
class Shifts:
    """What one direction's sequence numbers move by, as numbers: `points` are (from where on, shift), oldest first."""

    first: int = 0
    points: tuple[tuple[int, int], ...] = ()

    @staticmethod
    def of(columns: Sequence[int]) -> "Shifts":
        count, first, *rest = columns
        return Shifts(first, tuple((rest[2 * n], rest[2 * n + 1]) for n in range(count)))

    def columns(self) -> tuple[int, ...]:
        flat = [number for point in self.points for number in point]
        return (len(self.points), self.first, *flat, *(0,) * (2 * KEPT - len(flat)))

    def grown(self, at: int, by: int) -> "Shifts":
        """From sequence number `at` on, `by` more bytes; once more changes nothing, nor does an older point."""
        points = list(self.points)
        if points and (at - points[-1][0]) % MODULUS >= HALF:
            return self
        if points and points[-1][0] == at:
            points.pop()
        before = points[-1][1] if points else self.first
        points.append((at, (before + by) % MODULUS))
        first = self.first
        if len(points) > KEPT:
            first = points.pop(0)[1]
        return Shifts(first, tuple(points))

    def back(self, number: int) -> int:
        """An acknowledgement by the other end, as this end counts."""
        shift = self.first
        for at, by in self.points:
            if (number - by - at) % MODULUS < HALF:
                shift = by
        return (number - shift) % MODULUS


@dataclass(frozen=True, slots=True)
class ShiftedFlows(TCPFlows):
    """TCP flows with shifts."""

    holds: bool = True

    SHIFTS: ClassVar[tuple[int, ...]] = (*COLUMNS, *COLUMNS)

    def rewrite(self, p: Packet, visit: Visit) -> None:
        """Segments that may have selective acknowledgements to move are for the element's holder, which comes back."""
        if self.holds:
            others = visit.entry.shifts[len(COLUMNS)]
            with p.when(visit.found & (others != 0) & (p.tcp.off > 5)):
                p.hold()
        self.move(p, visit)
        TCPFlows.rewrite(self, p, visit)

    def move(self, p: Packet, visit: Visit) -> None:
        half = len(COLUMNS)
        own, other = visit.entry.shifts[:half], visit.entry.shifts[half:]
        whole = header_bytes(p) <= p.distance(Mark.TRANSPORT, Mark.END)
        with p.when(p.tcp.present(18)), p.when(whole):
            for columns, place, back in ((own, SEQUENCE, False), (other, ACKNOWLEDGEMENT, True)):
                with p.when(columns[0] != 0):
                    old = p.load(place)
                    new = p.bind(moved(columns, old, back))
                    p.store(place, new)
                    p.adjust(TCP_CHECKSUM, old, new, pseudo=as_value(0, 16))


def header_bytes(p: Packet) -> Value:
    """The length of the TCP header, as it says."""
    return p.tcp.off.cast(16) << 2


def moved(columns: Sequence[Value], number: Value, back: bool) -> Value:
    """A number moved by the newest shift that is reached, or `back` by it; no branches, for there are many."""
    count, shift, *rest = columns
    for n in range(KEPT):
        at, by = rest[2 * n], rest[2 * n + 1]
        seen = number - by if back else number
        reached = ((as_value(n, 8) < count) & ((seen - at) < HALF)).cast(32)
        shift = shift * (as_value(1, 32) - reached) + by * reached
    return number - shift if back else number + shift


def move_sack(packet: PacketBuffer, shifts: Shifts) -> None:
    """Move the numbers of all selective acknowledgements back (RFC 2018)."""
    at, end = packet.marks[Mark.TRANSPORT], packet.marks[Mark.END]
    data = packet.bytes
    size = 4 * (data[at + 12] >> 4)
    only_time = size == 32 and data[at + OPTIONS_AT : at + OPTIONS_AT + 4] == b"\1\1\x08\x0a"
    if size < 32 or end - at < size or only_time:
        return
    here, total = at + OPTIONS_AT, 0
    while here < at + size and data[here] != END_OF_OPTIONS:
        if data[here] == NOTHING:
            here += 1
            continue
        length = data[here + 1] if here + 1 < at + size else 0
        if length < 2 or (data[here] == SACK and (here + length > at + size or length % 8 != 2)):
            break
        if data[here] == SACK:
            first = here + 2 - (here - at) % 2
            before = words(data, first, here + length)
            for number in range(here + 2, here + length, 4):
                old = int.from_bytes(data[number : number + 4], "big")
                data[number : number + 4] = shifts.back(old).to_bytes(4, "big")
            total += sum(words(data, first, here + length)) + sum(~word & 0xFFFF for word in before)
        here += length
    if total:
        field = slice(at + 16, at + 18)
        left = ~int.from_bytes(data[field], "big") & 0xFFFF
        data[field] = (~fold(left + total) & 0xFFFF).to_bytes(2, "big")


def words(data: bytearray, first: int, end: int) -> list[int]:
    """The 16-bit words from `first` to `end`, the last one with what is behind it."""
    return [int.from_bytes(data[n : n + 2], "big") for n in range(first, end, 2)]


def flow_numbers(packet: PacketBuffer) -> tuple[int, ...]:
    """Addresses and ports of a TCP segment, in the order of a flow."""
    fields = ((Mark.NET, 96, 32), (Mark.TRANSPORT, 0, 16), (Mark.NET, 128, 32), (Mark.TRANSPORT, 16, 16))
    return tuple(packet.load(ir.Field(mark, bit, width)) for mark, bit, width in fields)
