"""IPReassembler."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Annotated, ClassVar, TypeAlias

from innet.elements.arguments import Annotation, Unsigned
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out, timestamp, timestamp_of
from innet.elements.ip.header import HEADER_BYTES, is_fragment, leave_with_header, require_ip_header
from innet.elements.ip.inhand import (
    LENGTH,
    MF,
    OFFSET,
    OFFSET_MASK,
    bytes_of,
    fill_checksum,
    number,
    put_number,
    replaced,
)
from innet.ir.interpret import NS, PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import ANNOTATION_BYTES, BY_NAME

IDLE_S, REAP_INTERVAL_S = 30, 10
MEMORY_PER_SET = 40
"""Bytes that a set of fragments counts beside its payload."""
MAX_LENGTH = 0xFFFF
OWN_ANNOTATION = BY_NAME["anno.extra_length"].bit // 8
FRONT = 64
"""Bytes in front of the IPv4 header, stripped ones included, that fragments of one packet may differ in."""
BAD_FRAGMENT, COMPLETE, TIMED_OUT, NO_MEMORY = (
    "bad fragment", "beyond the last fragment", "fragments are missing", "too many fragments",
)  # fmt: skip

Key: TypeAlias = tuple[bytes, bytes, int, int | None]
"""Addresses, protocol and identification; in front of the header: old bytes, where data and the MAC header start."""


@dataclass
class Set:
    """The fragments of one packet that have come."""

    model: PacketBuffer
    """The packet whose header counts: that with offset zero, if it has come, else the first that did."""
    flags: int
    payload: bytearray
    have: list[tuple[int, int]] = field(default_factory=list)
    """Stretches of the payload that are there, in order, none touching another."""
    seen_s: int = 0
    largest: int = 0
    """Bytes of the largest fragment, from its IPv4 header on."""
    begun: bool = False
    """Whether the fragment with offset zero has come."""

    def put(self, start: int, part: bytes | bytearray) -> None:
        """Put a part in its place, over what was there."""
        end = start + len(part)
        self.payload += bytes(max(0, end - len(self.payload)))
        self.payload[start:end] = part
        apart = [(a, b) for a, b in self.have if b < start or a > end]
        touching = [(a, b) for a, b in self.have if not (b < start or a > end)]
        low, high = min([start, *(a for a, _ in touching)]), max([end, *(b for _, b in touching)])
        self.have = sorted([*apart, (low, high)])

    @property
    def complete(self) -> bool:
        return self.begun and not self.flags & MF and self.have == [(0, len(self.payload))]

    @property
    def memory(self) -> int:
        return MEMORY_PER_SET + len(self.payload)


class Reassembly(Holder):
    """Keeps fragments until all of a packet are there, they are too old, or there are too many."""

    def __init__(self, himem: int, mtu_anno: int | None) -> None:
        self.himem, self.mtu_anno = himem, mtu_anno
        self.sets: dict[Key, Set] = {}
        self.next_reap_s = 0
        self.used = 0
        """Bytes that the sets take."""

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        if not timestamp_of(packet) // NS:
            timestamp(packet, context.now_ns)
        now_s = timestamp_of(packet) // NS
        outs = self.reap(now_s, context)
        data = bytes_of(packet)
        hlen = (data[0] & 15) * 4
        off = number(data, OFFSET)
        start, size = (off & OFFSET_MASK) * 8, number(data, LENGTH) - hlen
        uneven = bool(off & MF and size % 8)
        if (
            size <= 0
            or uneven
            or hlen < HEADER_BYTES
            or len(data) < hlen + size
            or hlen + start + size > MAX_LENGTH
        ):
            context.drop(BAD_FRAGMENT)
            return outs
        if self.used > self.himem:
            outs += self.make_room(now_s, context)
        key = self.key(packet, data)
        found = self.sets.get(key)
        if found is None:
            found = self.sets[key] = Set(packet, off & ~OFFSET_MASK, bytearray())
            self.used += found.memory
        elif start + size > len(found.payload) and not found.flags & MF:
            context.drop(COMPLETE)
            return outs
        if start == 0 and hlen + len(found.payload) > MAX_LENGTH:
            context.drop(BAD_FRAGMENT)
            return outs
        self.used -= found.memory
        found.put(start, data[hlen : hlen + size])
        self.used += found.memory
        found.seen_s, found.largest = now_s, max(found.largest, hlen + size)
        if start == 0:
            found.model, found.begun = packet, True
        if not off & MF:
            found.flags &= ~MF
        if not found.complete:
            return outs
        del self.sets[key]
        self.used -= found.memory
        whole = self.joined(found)
        timestamp(whole, timestamp_of(packet))
        return [*outs, (0, whole)]

    def key(self, packet: PacketBuffer, data: bytearray) -> Key:
        at = packet.marks[Mark.NET]
        mac = packet.marks.get(Mark.MAC)
        return (
            bytes(data[4:6] + data[9:10] + data[12:20]),
            bytes(packet.bytes[: max(0, at - FRONT)]),
            at - packet.marks[Mark.DATA],
            None if mac is None else at - mac,
        )

    def joined(self, found: Set) -> PacketBuffer:
        """The packet that the fragments are of, its length and checksum as they should be."""
        head = bytes_of(found.model)
        head = head[: (head[0] & 15) * 4]
        put_number(head, OFFSET, found.flags)
        put_number(head, LENGTH, len(head) + len(found.payload))
        fill_checksum(head)
        whole = replaced(found.model, head, found.payload)
        self.annotate(whole, found)
        return whole

    def annotate(self, packet: PacketBuffer, found: Set) -> None:
        """Clear our own annotation, and note the size of the largest fragment."""
        packet.annotations[OWN_ANNOTATION : OWN_ANNOTATION + 4] = bytes(4)
        if self.mtu_anno is not None:
            packet.annotations[self.mtu_anno : self.mtu_anno + 2] = min(found.largest, 0xFFFF).to_bytes(
                2, "big"
            )

    def given_up(self, key: Key, reason: str, context: Context) -> list[Out]:
        """A set is not waited for any longer; what leaves."""
        found = self.sets.pop(key)
        self.used -= found.memory
        if context.outputs < 2:
            context.drop(reason)
            return []
        return [(1, self.pieces(found))]

    def pieces(self, found: Set) -> PacketBuffer:
        """The pieces that have come, each in its place, zeros between; the header says what the fragment's did."""
        head = bytes_of(found.model)
        head = head[: (head[0] & 15) * 4 if found.begun else HEADER_BYTES]
        put_number(head, OFFSET, found.flags)
        if not found.begun:
            head[0] = head[0] & 0xF0 | HEADER_BYTES // 4
        rest = replaced(found.model, head, found.payload)
        if not found.begun:
            rest.set_mark(Mark.DATA, rest.marks[Mark.NET])
            rest.marks.pop(Mark.MAC, None)
            rest.annotations[:] = bytes(ANNOTATION_BYTES)
        self.annotate(rest, found)
        return rest

    def reap(self, now_s: int, context: Context) -> list[Out]:
        """Give up sets to which nothing came for long. Looked at when a fragment comes, at most every ten seconds."""
        if now_s < self.next_reap_s:
            return []
        self.next_reap_s = now_s + REAP_INTERVAL_S
        old = [key for key, s in self.sets.items() if s.seen_s < now_s - IDLE_S]
        return [out for key in old for out in self.given_up(key, TIMED_OUT, context)]

    def make_room(self, now_s: int, context: Context) -> list[Out]:
        """Give up the oldest sets until a quarter of the memory is free."""
        outs: list[Out] = []
        for key in sorted(self.sets, key=lambda k: self.sets[k].seen_s):
            outs += self.given_up(key, NO_MEMORY, context)
            if self.used <= self.himem // 4 * 3:
                break
        return outs

    def holding(self) -> int:
        return len(self.sets)


@dataclass(frozen=True)
class IPReassembler(Element):
    """Put the fragments of IPv4 packets together again.

    Ports:      in 0: IPv4 with its header marked.
                out 0: whole packets: those that came whole, unchanged, and those put together, with what the fragment
                of offset zero had in its header, in front of it and in annotations.
                out 1 (optional; dropped if unconnected): of a packet given up, the pieces in their places.
    Arguments:  HIMEM (keyword, bytes, default 262144): if fragments need more, the oldest are given up until a quarter
                is free.  MAX_MTU_ANNO (keyword, an annotation of 2 bytes): gets the size of the largest fragment.
    State:      fragments by addresses, protocol and identification. Those to which nothing came for 30 s, by the
                packets' timestamps, are given up when another fragment comes.
    Drops:      "bad fragment", "beyond the last fragment", "fragments are missing", "too many fragments",
                "no IP header annotation".
    Checksum:   full.
    Verifier:   a fragment leaves as any packet of its addresses, protocol and identification, unless as a part of none.
    Source:     Click manual, IPReassembler; RFC 791 section 3.2, RFC 815.  Later fragments overwrite what they overlap.
                The time is that of the last fragment, DF that of the first one that came.
                Fragments with other numbers of bytes in front of the header are not put together.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "HIMEM 10000", "MAX_MTU_ANNO 24")

    _: KW_ONLY
    himem: Annotated[int, Unsigned()] = 256 * 1024
    max_mtu_anno: Annotated[int | None, Annotation(2)] = None

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        with p.when(~is_fragment(p)):
            p.emit(0)
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        total = p.random(16)
        with p.when(total < HEADER_BYTES):
            p.drop("no such packet")
        p.havoc(Mark.NET, -FRONT, FRONT)
        for byte in range(0, ANNOTATION_BYTES, 4):
            p.set_raw(Mark.ANNOTATION, byte, 4, p.random(32))
        p.ip.vers, p.ip.tos, p.ip.ttl = p.random(4), p.random(8), p.random(8)
        p.ip.len, p.ip.off, p.ip.sum = p.random(16), p.random(16), p.random(16)
        words = p.random(4)
        if p.outputs > 1:
            with p.when(p.random(1) == 1):
                with p.when(p.random(1) == 1):
                    p.set_mark(Mark.DATA, Mark.NET)
                    p.clear_mark(Mark.MAC)
                leave_with_header(p, words, total, 1)
        leave_with_header(p, words, total, 0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return Reassembly(self.himem, self.max_mtu_anno)
