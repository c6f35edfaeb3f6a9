"""Copies of packets in native programs.

A copy is kept, as it is then, in a list of jobs; so is the packet itself when it leaves an element that may have copied
it. When the program has ended, its jobs are done one after the other, each with all that comes of it before the next:
the order in which the interpreter's packets go. A job is a verdict, or a *point* of the program where it is entered
again: a region, and where marks are if that is known.
"""

import struct
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol, TypeAlias

from innet import ir
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.uses import statements
from innet.xdp import handover
from innet.xdp.facts import Facts, Position, Value
from innet.xdp.memory import MAX_ANNOTATIONS, Memory
from innet.xdp.target import Target
from innet.xdp.unsupported import CannotCompileError
from innet.xdp.writer import Edge, Placed, State, Writer

MAX_COPIES = 256
"""Jobs of one packet, with all its copies; a graph that may make more is not compiled whole."""
HELD = -1
"""In place of an output: where packets go that the element holds."""
COPIED = -1
"""The verdict of a program that left nothing but jobs. No way out has this code."""
POINT_AT, JOB_AT = 24, 32
"""In a program's context: where to begin (u32; 0: with a packet that came in), and the job."""
AT, LENGTH, CODE, POINT, MARKS_AT, ANNOTATIONS_AT = 0, 8, 16, 20, 24, 64
JOB_BYTES = 128
"""A job: where its bytes are (u64), how many (u64), verdict (i32), point (u32), marks (5 x i64), annotations."""
UNSET = 1 << 62
HEAP, USED, JOBS, COUNT = range(0, 32, 8)
"""In `@copies`: address of the bytes of jobs, how many there are, address of the jobs, how many there are."""
COPIES_WORDS = 4


class Known(Enum):
    """What is known of a mark whose place is not: it is set, or not even that."""

    SET = "set"
    MAYBE = "maybe"


Place: TypeAlias = int | Known


class Region(Protocol):
    """An input of an element."""

    @property
    def element(self) -> str: ...


def job(packet: PacketBuffer) -> bytes:
    """The job that a packet is which comes back; its bytes are elsewhere.

    Raises ValueError if a mark lies before the packet's bytes: there is no such place here.
    """
    at = [packet.marks.get(mark, UNSET) for mark in handover.MARKS]
    if min(at) < 0:
        raise ValueError(f"a mark {-min(at)} bytes before the packet")
    return bytes(MARKS_AT) + struct.pack(f"<{len(at)}q", *at) + bytes(packet.annotations)


CLONE = f"""
@copies = global [{COPIES_WORDS} x i64] zeroinitializer, align 64

define internal void @clone(i32 %code, i32 %point, ptr %first, i64 %length, ptr %marks, ptr %annotations) {{
  %heap = load ptr, ptr @copies, align 8
  %usedat = getelementptr i8, ptr @copies, i64 {USED}
  %used = load i64, ptr %usedat, align 8
  %jobsat = getelementptr i8, ptr @copies, i64 {JOBS}
  %jobs = load ptr, ptr %jobsat, align 8
  %countat = getelementptr i8, ptr @copies, i64 {COUNT}
  %count = load i64, ptr %countat, align 8
  %offset = mul i64 %count, {JOB_BYTES}
  %job = getelementptr i8, ptr %jobs, i64 %offset
  store i64 %used, ptr %job, align 8
  %lengthat = getelementptr i8, ptr %job, i64 {LENGTH}
  store i64 %length, ptr %lengthat, align 8
  %codeat = getelementptr i8, ptr %job, i64 {CODE}
  store i32 %code, ptr %codeat, align 4
  %pointat = getelementptr i8, ptr %job, i64 {POINT}
  store i32 %point, ptr %pointat, align 4
  %marksat = getelementptr i8, ptr %job, i64 {MARKS_AT}
  call void @llvm.memcpy.p0.p0.i64(ptr %marksat, ptr %marks, i64 {ANNOTATIONS_AT - MARKS_AT}, i1 false)
  %annotationsat = getelementptr i8, ptr %job, i64 {ANNOTATIONS_AT}
  call void @llvm.memcpy.p0.p0.i64(ptr %annotationsat, ptr %annotations, i64 {MAX_ANNOTATIONS}, i1 false)
  %to = getelementptr i8, ptr %heap, i64 %used
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %first, i64 %length, i1 false)
  %more = add i64 %used, %length
  store i64 %more, ptr %usedat, align 8
  %counted = add i64 %count, 1
  store i64 %counted, ptr %countat, align 8
  ret void
}}

define internal void @reverse(i64 %from) {{
entry:
  %swap = alloca [{JOB_BYTES} x i8], align 8
  %jobsat = getelementptr i8, ptr @copies, i64 {JOBS}
  %jobs = load ptr, ptr %jobsat, align 8
  %countat = getelementptr i8, ptr @copies, i64 {COUNT}
  %count = load i64, ptr %countat, align 8
  br label %next
next:
  %low = phi i64 [ %from, %entry ], [ %higher, %exchange ]
  %high = phi i64 [ %count, %entry ], [ %last, %exchange ]
  %higher = add i64 %low, 1
  %more = icmp ult i64 %higher, %high
  br i1 %more, label %exchange, label %done
exchange:
  %last = sub i64 %high, 1
  %firstoffset = mul i64 %low, {JOB_BYTES}
  %lastoffset = mul i64 %last, {JOB_BYTES}
  %a = getelementptr i8, ptr %jobs, i64 %firstoffset
  %b = getelementptr i8, ptr %jobs, i64 %lastoffset
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %swap, ptr align 8 %a, i64 {JOB_BYTES}, i1 false)
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %a, ptr align 8 %b, i64 {JOB_BYTES}, i1 false)
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %b, ptr align 8 %swap, i64 {JOB_BYTES}, i1 false)
  br label %next
done:
  ret void
}}
"""


def copying(block: ir.Block) -> bool:
    """Whether a packet may be copied in `block`."""
    return any(isinstance(stmt, ir.Copy) for stmt in statements(block))


def jobs(block: ir.Block, after: Mapping[int, int], own: int) -> int:
    """The most jobs that a packet makes in `block` and behind it; `after` says how many it makes behind each output,
    `own` is 1 if the packet itself becomes one when it leaves."""
    total = 0
    for stmt in block:
        match stmt:
            case ir.Copy(port):
                total += 1 + after.get(port, 0)
            case ir.Emit(port):
                total += own + after.get(port, 0)
            case ir.Hold():
                total += own + after.get(HELD, 0)
            case ir.Branch(_, then, otherwise):
                total += max(jobs(then, after, own), jobs(otherwise, after, own))
    return total


class Copies:
    """Writes the places where packets are copied, and those where the program is entered again with a copy."""

    def __init__(self, writer: Writer, memory: Memory, target: Target) -> None:
        self.writer, self.memory, self.target = writer, memory, target
        self.points: dict[tuple[Region, tuple[tuple[Mark, Place], ...]], int] = {}
        self.labels: list[str] = []
        self.marks = writer.alloca(8 * len(handover.MARKS)) if target.clones else ""

    def start(self) -> list[str]:
        """The end of the function's entry: to where the packet begins."""
        if not self.labels:
            return ["br label %start"]
        ways = " ".join(f"i32 {n}, label %{label}" for n, label in enumerate(self.labels, 1))
        return [
            f"%pointat = getelementptr i8, ptr %ctx, i64 {POINT_AT}",
            "%point = load i32, ptr %pointat, align 8",
            f"switch i32 %point, label %start [ {ways} ]",
        ]

    def leave(self, code: int) -> None:
        """A copy leaves with the verdict `code`."""
        self._clone(code, 0, self.writer.state.marks[Mark.DATA].at)

    def enter(self, region: Region) -> Edge | None:
        """A copy goes to `region`; the place where it enters it, if that is new."""
        places = self._places()
        for n, mark in enumerate(handover.MARKS):
            if not isinstance(places.get(mark), int):
                at = self.writer.pointer(self.marks, 8 * n)
                self.writer.line(
                    f"store i64 {self._mark(self.writer.state.marks.get(mark))}, ptr {at}, align 8"
                )
        known = (region, tuple(places.items()))
        is_new = known not in self.points
        if is_new:
            self.points[known] = len(self.points) + 1
        self._clone(COPIED, self.points[known], self.writer.state.low)
        if not is_new:
            return None
        here = self.writer.edge()
        found = self._entry(places)
        self.writer.resume(here)
        return found

    def come_back(self, region: Region, known: Sequence[tuple[Mark, int]] = ()) -> Edge:
        """The place where packets come to `region` whose only marks are the `known` ones, or of which nothing is known.
        It is written first, in the order of the graph's `back`: their points are 1, 2 and so on."""
        places: dict[Mark, Place] = dict(known)
        if not known:
            places = {m: Known.SET if m is Mark.DATA else Known.MAYBE for m in handover.MARKS}
        self.points[region, tuple(places.items())] = len(self.points) + 1
        self.memory.annotated = True
        here = self.writer.edge()
        found = self._entry(places)
        self.writer.resume(here)
        return found

    def _places(self) -> dict[Mark, Place]:
        """What is known of the marks that may be set, END aside; bytes count from the first there is."""
        state, found = self.writer.state, dict[Mark, Place]()
        for mark in handover.MARKS:
            placed = state.marks.get(mark)
            if placed is None:
                continue
            if placed.sure is not None:
                found[mark] = Known.MAYBE
            elif placed.at.base != state.low.base:
                found[mark] = Known.SET
            else:
                found[mark] = placed.at.offset - state.low.offset
        return found

    def _mark(self, placed: Placed | None) -> str:
        """Where a mark is (i64), from the first byte on."""
        writer, state = self.writer, self.writer.state
        if placed is None:
            return str(UNSET)
        if not state.facts.in_order(state.low, placed.at):
            raise CannotCompileError("Copy", "of a packet with a mark that may lie before its bytes")
        text = writer.name(f"sub i64 {writer.at(placed.at).text}, {writer.at(state.low).text}")
        return (
            text
            if placed.sure is None
            else writer.name(f"select i1 {placed.sure.text}, i64 {text}, i64 {UNSET}")
        )

    def _clone(self, code: int, point: int, first: Position) -> None:
        writer, state = self.writer, self.writer.state
        self.memory.annotated = True
        start = writer.pointer(state.data, writer.at(first.plus(state.head)).text)
        length = writer.name(f"sub i64 {writer.at(state.marks[Mark.END].at).text}, {writer.at(first).text}")
        writer.line(
            f"call void @clone(i32 {code}, i32 {point}, ptr {start}, i64 {length}, ptr {self.marks}, "
            f"ptr {self.memory.annotations})"
        )

    def _entry(self, places: Mapping[Mark, Place]) -> Edge:
        """A new block, where the program begins with a copy."""
        writer, label = self.writer, self.writer.label("copy")
        self.labels.append(label)
        writer.start(label, writer.state)
        data, end, length = self.target.pointers(writer)
        facts = Facts(writer.derivations)
        facts.narrow(length, 0, self.target.max_frame)
        tail = Position(length, 0)
        job = writer.name(f"load ptr, ptr {writer.pointer('%ctx', JOB_AT)}, align 8")
        for at in range(0, MAX_ANNOTATIONS, 8):
            part = writer.name(f"load i64, ptr {writer.pointer(job, ANNOTATIONS_AT + at)}, align 8")
            writer.line(f"store i64 {part}, ptr {writer.pointer(self.memory.annotations, at)}, align 8")
        marks = {}
        for n, mark in enumerate(handover.MARKS):
            known = places.get(mark)
            if isinstance(known, int):
                marks[mark] = Placed(Position(None, known))
            elif known is not None:
                found = writer.name(f"load i64, ptr {writer.pointer(job, MARKS_AT + 8 * n)}, align 8")
                sure = (
                    Value(writer.name(f"icmp ne i64 {found}, {UNSET}"), 1) if known is Known.MAYBE else None
                )
                marks[mark] = Placed(Position(found, 0), sure)
        facts.learn(marks[Mark.DATA].at, tail)
        marks[Mark.END] = Placed(tail)
        writer.state = State(facts, data, end, tail, marks)
        return writer.edge()
