"""Programs for traffic control (tcx): behind the kernel's own first steps, where offloads stay on.

What is seen there is not quite what is on a wire:

* A frame may be a train of TCP or UDP segments, up to 64 KiB long, of which only the first bytes are at hand. What the
  program looks at is brought to hand first; a packet of which it still lacks a byte is dropped and counted, never read
  as a short one. A train keeps its length: a program that would move its ends drops it.
* The transport checksum of packets made on this machine is only begun: the field holds the sum of the pseudo header,
  and the last device sums the segment up. The kernel does not tell, but its own helper acts on it (`unfinished`).
* The outermost VLAN tag is beside the frame. A tagged packet is not what its bytes say, so it is dropped and counted.
"""

from innet.xdp.facts import Value
from innet.xdp.memory import NO_ROOM
from innet.xdp.target import Xdp, helper
from innet.xdp.writer import Writer

L4_CSUM_REPLACE, SKB_CHANGE_TAIL, SKB_PULL_DATA, SKB_CHANGE_HEAD, SKB_ADJUST_ROOM = 11, 38, 39, 43, 50
"""Helper numbers."""
LENGTH, VLAN_PRESENT, DATA, DATA_END, GSO_SIZE = 0, 20, 76, 80, 176
"""Places in the context (struct __sk_buff)."""
NOT_SUPPORTED = -524
"""ENOTSUPP: what the helper says to packets that are not IPv4 or IPv6."""
ADJUST_MAC = 1
"""BPF_ADJ_ROOM_MAC: what is put in or taken out begins behind the Ethernet header."""

TAGGED = "a VLAN tag beside the frame"
TOO_LONG = "more than 65,535 bytes"
NOT_BROUGHT = "the kernel does not bring the bytes to hand"
TRAIN = "a train of segments, whose frame cannot be moved"
"""Why packets are dropped that the kernel has in a form the program cannot deal with."""


class SchedCls(Xdp):
    """BPF_PROG_TYPE_SCHED_CLS, attached by tcx where packets come in."""

    name = "tcx"
    section = "tc"
    drop = 2
    abort = 2
    ends = (DATA, DATA_END)
    max_frame = 0xFFFF
    linear = False
    finished = False
    front = 14

    @property
    def max_offset(self) -> int:
        return 0x3FFF

    def pointers(self, writer: Writer) -> tuple[str, str, str]:
        data, end, _ = super().pointers(writer)
        return data, end, writer.barrier(writer.name(f"zext i32 {self._word(writer, LENGTH)} to i64"))

    def _word(self, writer: Writer, offset: int) -> str:
        """A number of the context."""
        return writer.name(f"load volatile i32, ptr {writer.pointer('%ctx', offset)}, align 4")

    def admit(self, writer: Writer, wanted: str) -> None:
        tag = self._word(writer, VLAN_PRESENT)
        writer.demand(writer.name(f"icmp eq i32 {tag}, 0"), writer.refuse(TAGGED))
        length = writer.at(writer.state.tail).text
        above = writer.name(f"sub i64 {length}, {self.minimum}")
        possible = writer.name(f"icmp ule i64 {above}, {self.max_frame - self.minimum}")
        writer.demand(possible, writer.refuse(TOO_LONG))
        state = writer.state
        ends = [writer.name(f"ptrtoint ptr {pointer} to i64") for pointer in (state.end, state.data)]
        at_hand = writer.barrier(writer.name(f"sub i64 {ends[0]}, {ends[1]}"))
        some = writer.name(f"icmp ult i64 {length}, {wanted}")
        wish = writer.name(f"select i1 {some}, i64 {length}, i64 {wanted}")
        lacking, enough = writer.fork(writer.name(f"icmp ult i64 {at_hand}, {wish}"), ("lacking", "enough"))
        writer.resume(lacking)
        size = writer.name(f"trunc i64 {wish} to i32")
        result = helper(writer, SKB_PULL_DATA, "i64", f"ptr %ctx, i32 {size}")
        writer.demand(writer.name(f"icmp eq i64 {result}, 0"), writer.refuse(NOT_BROUGHT))
        writer.join([writer.edge(), enough])
        self.reload(writer)

    def whole(self, writer: Writer) -> None:
        train = self._word(writer, GSO_SIZE)
        writer.demand(writer.name(f"icmp eq i32 {train}, 0"), writer.refuse(TRAIN))

    def unfinished(self, writer: Writer) -> Value | None:
        """Whether the transport checksum is only begun.

        A trial: the helper for checksums of segments adds one to the frame's first two bytes, as if they were one,
        unless it leaves what the device computes alone. Then they are put back.
        """
        key = ("unfinished",)
        found = writer.state.pure.get(key)
        if found is None:
            before = self._first(writer)
            result = helper(writer, L4_CSUM_REPLACE, "i64", "ptr %ctx, i32 0, i64 0, i64 1, i64 2")
            writer.demand(writer.name(f"icmp eq i64 {result}, 0"), writer.refuse(NOT_BROUGHT))
            self.reload(writer)
            after = self._first(writer)
            writer.line(f"store i16 {before}, ptr {writer.state.data}, align 2")
            found = writer.state.pure[key] = writer.value(f"icmp eq i16 {before}, {after}", 1)
        return found

    def _first(self, writer: Writer) -> str:
        """The frame's first two bytes."""
        state = writer.state
        inside = writer.name(f"icmp ule ptr {writer.pointer(state.data, 2)}, {state.end}")
        writer.demand(inside, writer.refuse(NOT_BROUGHT))
        return writer.name(f"load i16, ptr {state.data}, align 2")

    def grow_head(self, writer: Writer, length: int, otherwise: str) -> None:
        """Room behind the first 14 bytes, as `move_head` takes it away again; of other packets than IP in front."""
        self.whole(writer)
        result = helper(writer, SKB_ADJUST_ROOM, "i64", f"ptr %ctx, i32 {length}, i32 {ADJUST_MAC}, i64 0")
        other, ip = writer.fork(writer.name(f"icmp eq i64 {result}, {NOT_SUPPORTED}"), ("other", "ip"))
        writer.resume(ip)
        writer.demand(writer.name(f"icmp eq i64 {result}, 0"), writer.refuse(NO_ROOM))
        grown = writer.edge()
        writer.resume(other)
        self.room_for_record(writer, length, otherwise)
        writer.join([grown, writer.edge()])

    def room_for_record(self, writer: Writer, length: int, otherwise: str) -> None:
        """In front, so that the kernel parts a train into single packets with a record each for the TAP device."""
        result = helper(writer, SKB_CHANGE_HEAD, "i64", f"ptr %ctx, i32 {length}, i64 0")
        writer.demand(writer.name(f"icmp eq i64 {result}, 0"), writer.refuse(NO_ROOM))

    def move_head(self, writer: Writer, bytes_: str) -> str:
        """The helper takes out what follows the first 14 bytes; the caller writes these anew."""
        less = writer.name(f"sub i32 0, {bytes_}")
        return helper(writer, SKB_ADJUST_ROOM, "i64", f"ptr %ctx, i32 {less}, i32 {ADJUST_MAC}, i64 0")

    def move_tail(self, writer: Writer, bytes_: str) -> str:
        self.whole(writer)
        length = writer.name(f"add i32 {self._word(writer, LENGTH)}, {bytes_}")
        return helper(writer, SKB_CHANGE_TAIL, "i64", f"ptr %ctx, i32 {length}, i64 0")
