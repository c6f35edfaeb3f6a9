"""What differs between the places a program can run: how it starts, what it can call, how it ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from innet.ir.nodes import Mark, Op
from innet.xdp.facts import MAX_FRAME, Facts, Position, Value, number
from innet.xdp.handover import KERNEL, Record
from innet.xdp.writer import Placed, State, Writer

LAYOUT = """target datalayout = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"
target triple = "bpf"
"""

MAP_LOOKUP, MAP_UPDATE, MAP_DELETE, KTIME_GET_NS, PRANDOM_U32, REDIRECT = 1, 2, 3, 5, 7, 23
XDP_ADJUST_HEAD, XDP_ADJUST_TAIL, JIFFIES64 = 44, 65, 118
"""Helper numbers, from the kernel's include/uapi/linux/bpf.h."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The program ends with the verdict `code`."""

    code: int


@dataclass(frozen=True, slots=True)
class Redirect:
    """The frame goes out by the device with this index."""

    interface: int


class Target(Protocol):
    """Where a program runs."""

    name: str
    section: str
    layout: str
    drop: int
    """The verdict that discards a packet."""
    abort: int
    """The verdict for what cannot happen, and for frames that the kernel refuses to grow."""
    max_frame: int
    """No frame is longer; all ones."""
    linear: bool
    """Whether all bytes of a frame lie between its two pointers; if not, what lies behind is no absent byte."""
    finished: bool
    """Whether transport checksums in packets are what they will be on a wire."""
    front: int
    """Bytes that stay at the start of a frame whose head moves, and have to be written anew."""
    max_sum: int
    """Bytes that a checksum loop covers at most."""
    attempts: int
    """Values that a search for a free one tries; then it gives up, as if all were taken."""
    verified: bool
    """Whether a verifier has to follow what is written."""
    forgets: bool
    """Whether an entry past its time is not found any more."""
    clones: bool
    """Whether a packet can be copied."""
    divides: bool
    """Whether an element may run here for some packets and on the slow path for others."""
    record: Record
    """What stands in front of a packet for the slow path."""

    @property
    def max_offset(self) -> int:
        """No access is further behind the frame's start; all ones."""

    def prologue(self, writer: Writer) -> None:
        """Define `data`, `end` and `tail`, and with them the first state."""

    def pointers(self, writer: Writer) -> tuple[str, str, str]:
        """The two pointers to the frame's bytes, and its length (i64)."""

    def admit(self, writer: Writer, wanted: str) -> None:
        """Bring the first `wanted` (i64) bytes to hand; end the program for what the target cannot deal with."""

    def whole(self, writer: Writer) -> None:
        """Go on with a single packet only: what comes is about its ends."""

    def unfinished(self, writer: Writer) -> Value | None:
        """Whether the transport checksum of this packet is only begun: it holds the sum of the pseudo header. None if
        it never is. May change `data` and `end`."""

    def reload(self, writer: Writer) -> None:
        """Read `data` and `end` again after the frame was changed."""

    def grow_head(self, writer: Writer, length: int, otherwise: str) -> None:
        """Make room for `length` bytes in front; the first `front` bytes of the frame have to be written again."""

    def room_for_record(self, writer: Writer, length: int, otherwise: str) -> None:
        """The same for what only goes before the packet on its way to the slow path; nothing is written again."""

    def move_head(self, writer: Writer, bytes_: str) -> str:
        """Start the frame `bytes_` (i32, signed) later; the helper's result (i64)."""

    def move_tail(self, writer: Writer, bytes_: str) -> str:
        """End the frame `bytes_` (i32, signed) later, with zeros if there are more; the helper's result (i64)."""

    def finish(self, writer: Writer, way: Leave | Redirect) -> None:
        """Return."""

    def alignment(self, size: int) -> int:
        """What LLVM is told of the alignment of `size` bytes (a power of two) in the packet."""

    def definition(self, symbols: Sequence[str]) -> list[str]:
        """What comes before the program's first block: maps by symbol, the function's head."""

    def lookup(self, writer: Writer, symbol: str, key: str) -> str:
        """The address of a table's value for the key at `key`, or null."""

    def update(self, writer: Writer, symbol: str, key: str, value: str, partner: bool = False) -> str:
        """Set an entry; 0 (i64) if there was room. `partner`: of the one set just before, so there is."""

    def delete(self, writer: Writer, symbol: str, key: str) -> None:
        """Take an entry out, if there is one."""

    def used(self, writer: Writer, symbol: str, value: str) -> None:
        """The entry whose value is at `value` was used; its time was written."""

    def ticks(self, writer: Writer) -> str:
        """The clock that entries expire by (i64)."""

    def nanoseconds(self, writer: Writer) -> str:
        """The time in nanoseconds (i64)."""

    def random(self, writer: Writer, width: int) -> Value:
        """`width` random bits, at most 64."""

    def below(self, writer: Writer, size: int) -> Value:
        """A random number (i64) below `size`."""

    def sum(self, writer: Writer, start: str, length: str) -> str:
        """The sum of the little-endian words of `length` bytes (i64) at `start`; where nothing is verified."""

    def next(self, writer: Writer, at: str, modulus: int) -> str:
        """The number at `at` (i64), which goes on by one; below `modulus`, at which it goes round."""

    def count(self, writer: Writer, at: str, amount: Value) -> None:
        """Add to the number at `at` (i64)."""


MAY_GOTO = 0x49_4E_45
"""In place of a helper's number: the call and the test of its result become the instruction `may_goto`, which ends a
loop at some time, so that the verifier need not follow each turn (`innet.xdp.compile.patched`)."""


def helper(writer: Writer, number: int, type_: str, arguments: str = "") -> str:
    """Call a kernel helper; the name of its result."""
    return writer.name(f"call {type_} inttoptr (i64 {number} to ptr)({arguments})")


class Xdp:
    """The eXpress Data Path: before the kernel's own stack, one linear frame."""

    name = "xdp"
    section = "xdp"
    layout = LAYOUT
    drop = 1
    abort = 0
    ends: tuple[int, int] = (0, 4)
    """Where the context holds the frame's two ends."""
    minimum = 14
    """The kernel neither hands over nor leaves shorter frames (ETH_HLEN)."""
    max_frame = MAX_FRAME
    linear = True
    finished = True
    front = 0
    max_sum = 4096
    attempts = 128
    verified = True
    forgets = True
    clones = False
    divides = True
    record = KERNEL

    @property
    def max_offset(self) -> int:
        return self.max_frame

    def prologue(self, writer: Writer) -> None:
        data, end, length = self.pointers(writer)
        facts = Facts(writer.derivations)
        facts.narrow(length, self.minimum, self.max_frame)
        tail = Position(length, 0)
        marks = {Mark.DATA: Placed(Position(None, 0)), Mark.END: Placed(tail)}
        writer.state = State(facts, data, end, tail, marks)

    def reload(self, writer: Writer) -> None:
        state = writer.state
        state.data, state.end, _ = self.pointers(writer)
        state.anchors.clear()
        state.reach.clear()

    def admit(self, writer: Writer, wanted: str) -> None:
        pass

    def whole(self, writer: Writer) -> None:
        pass

    def unfinished(self, writer: Writer) -> Value | None:
        return None

    def pointers(self, writer: Writer) -> tuple[str, str, str]:
        """The frame's ends as pointers, and its length; what is read has 32 bits, but the verifier sees pointers.

        The barriers keep LLVM from spilling 32 bits of a pointer, and from computing with the complement of one where
        that of the length is wanted: the verifier refuses both.
        """
        found = []
        for offset in self.ends:
            at = writer.pointer("%ctx", offset)
            whole = writer.name(f"zext i32 {writer.name(f'load volatile i32, ptr {at}, align 4')} to i64")
            found.append(writer.barrier(whole))
        data, end = (writer.name(f"inttoptr i64 {v} to ptr") for v in found)
        return data, end, writer.barrier(writer.name(f"sub i64 {found[1]}, {found[0]}"))

    def grow_head(self, writer: Writer, length: int, otherwise: str) -> None:
        result = self.move_head(writer, str(-length))
        writer.demand(writer.name(f"icmp eq i64 {result}, 0"), otherwise)

    def room_for_record(self, writer: Writer, length: int, otherwise: str) -> None:
        self.grow_head(writer, length, otherwise)

    def move_head(self, writer: Writer, bytes_: str) -> str:
        return helper(writer, XDP_ADJUST_HEAD, "i64", f"ptr %ctx, i32 {bytes_}")

    def move_tail(self, writer: Writer, bytes_: str) -> str:
        return helper(writer, XDP_ADJUST_TAIL, "i64", f"ptr %ctx, i32 {bytes_}")

    def finish(self, writer: Writer, way: Leave | Redirect) -> None:
        if isinstance(way, Leave):
            writer.line(f"ret i32 {way.code}")
            return
        result = helper(writer, REDIRECT, "i64", f"i32 {way.interface}, i64 0")
        writer.line(f"ret i32 {writer.name(f'trunc i64 {result} to i32')}")

    def alignment(self, size: int) -> int:
        """Its own size, so that LLVM makes one access of it; x86 does not mind."""
        return size

    def definition(self, symbols: Sequence[str]) -> list[str]:
        found = [f"@{symbol} = external global i8" for symbol in symbols]
        return [*found, f'define i32 @program(ptr %ctx) section "{self.section}" {{']

    def lookup(self, writer: Writer, symbol: str, key: str) -> str:
        return helper(writer, MAP_LOOKUP, "ptr", f"ptr @{symbol}, ptr {key}")

    def update(self, writer: Writer, symbol: str, key: str, value: str, partner: bool = False) -> str:
        return helper(writer, MAP_UPDATE, "i64", f"ptr @{symbol}, ptr {key}, ptr {value}, i64 0")

    def delete(self, writer: Writer, symbol: str, key: str) -> None:
        helper(writer, MAP_DELETE, "i64", f"ptr @{symbol}, ptr {key}")

    def used(self, writer: Writer, symbol: str, value: str) -> None:
        pass

    def ticks(self, writer: Writer) -> str:
        return helper(writer, JIFFIES64, "i64")

    def nanoseconds(self, writer: Writer) -> str:
        return helper(writer, KTIME_GET_NS, "i64")

    def random(self, writer: Writer, width: int) -> Value:
        low = writer.extend(Value(helper(writer, PRANDOM_U32, "i32"), 32), 64)
        if width > 32:
            high = writer.extend(Value(helper(writer, PRANDOM_U32, "i32"), 32), 64)
            low = writer.binary(Op.OR, low, writer.binary(Op.SHL, high, number(32, 64)))
        return writer.extend(low, width)

    def below(self, writer: Writer, size: int) -> Value:
        start = writer.extend(Value(helper(writer, PRANDOM_U32, "i32"), 32), 64)
        return writer.value(f"urem {start.typed}, {size}", 64)

    def sum(self, writer: Writer, start: str, length: str) -> str:
        raise AssertionError("the verifier has to follow the loop")

    def next(self, writer: Writer, at: str, modulus: int) -> str:
        old = writer.name(f"atomicrmw add ptr {at}, i64 1 seq_cst")
        return old if modulus == 1 << 64 else writer.name(f"urem i64 {old}, {modulus}")

    def count(self, writer: Writer, at: str, amount: Value) -> None:
        writer.line(f"atomicrmw add ptr {at}, {amount.typed} monotonic")
