"""What differs between the places a program can run: how it starts, what it can call, how it ends."""

from dataclasses import dataclass
from typing import Protocol

from innet.ir.nodes import Mark
from innet.xdp.facts import MAX_FRAME, Facts, Position
from innet.xdp.unsupported import CannotCompileError
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

    def prologue(self, writer: Writer) -> None:
        """Define `data`, `end` and `tail`, and with them the first state."""

    def reload(self, writer: Writer) -> None:
        """Read `data` and `end` again after the frame was changed."""

    def grow_head(self, writer: Writer, length: int, otherwise: str) -> None:
        """Make room for `length` bytes in front."""

    def move_head(self, writer: Writer, bytes_: str) -> str:
        """Start the frame `bytes_` (i32, signed) later; the helper's result (i64)."""

    def move_tail(self, writer: Writer, bytes_: str) -> str:
        """End the frame `bytes_` (i32, signed) later, with zeros if there are more; the helper's result (i64)."""

    def finish(self, writer: Writer, way: Leave | Redirect) -> None:
        """Return."""


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

    def prologue(self, writer: Writer) -> None:
        data, end, length = self._pointers(writer)
        facts = Facts(writer.derivations)
        facts.narrow(length, self.minimum, MAX_FRAME)
        tail = Position(length, 0)
        marks = {Mark.DATA: Placed(Position(None, 0)), Mark.END: Placed(tail)}
        writer.state = State(facts, data, end, tail, marks)

    def reload(self, writer: Writer) -> None:
        state = writer.state
        state.data, state.end, _ = self._pointers(writer)
        state.anchors.clear()
        state.reach.clear()

    def _pointers(self, writer: Writer) -> tuple[str, str, str]:
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


class SchedCls(Xdp):
    """Traffic control (tcx): after the kernel made an skb, so offloads stay on; headers cannot be added or cut yet."""

    name = "tcx"
    section = "tc"
    drop = 2
    abort = 2
    ends = (76, 80)

    def move_head(self, writer: Writer, bytes_: str) -> str:
        raise CannotCompileError("SetMark(DATA)", "on tcx the frame's start stays where it is")

    def move_tail(self, writer: Writer, bytes_: str) -> str:
        raise CannotCompileError("SetMark(END)", "on tcx the frame's end stays where it is")
