"""The processor of this machine as a target: where packets are, what its programs call, and how they are compiled."""

from collections.abc import Sequence
from functools import cache

import llvmlite.binding as llvm

from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.packet.headers import ANNOTATION_BYTES
from innet.xdp import handover
from innet.xdp.compile import failure
from innet.xdp.facts import Value
from innet.xdp.handover import Record
from innet.xdp.native_runtime import random_bits
from innet.xdp.target import Leave, Redirect, Xdp
from innet.xdp.writer import Writer

MAX_PACKET = 0xFFFF
"""Bytes of the longest packet that may come in."""
TAIL_ROOM = 1 << 17
"""Bytes that a packet may grow at its end."""
MARKS_AT = 16
WIDE = Record(
    MARKS_AT + 8 * len(handover.MARKS) + ANNOTATION_BYTES,
    MARKS_AT,
    64,
    1 << 62,
    MARKS_AT + 8 * len(handover.MARKS),
)
"""In front of packets that are handed over: like the kernel's, with marks of 64 bits."""
DATA, END, LIMIT = 0, 8, 16
"""In a program's context: the packet's ends, and where its room ends."""


def machine() -> llvm.TargetMachine:
    """This machine, as LLVM sees it; each engine owns one."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=2, codemodel="jitdefault"
    )


@cache
def host_layout() -> str:
    host = machine()
    return f'target datalayout = "{host.target_data}"\ntarget triple = "{host.triple}"\n'


class Native(Xdp):
    """Machine code: packets of any length in one piece, as for XDP, with room on both sides."""

    name = "native"
    section = ""
    drop = 1
    abort = 0
    minimum = 0
    max_frame = (1 << 20) - 1
    max_sum = MAX_PACKET
    attempts = 1 << 64
    verified = False
    forgets = False
    clones = True
    divides = False
    record = WIDE

    def __init__(self) -> None:
        self.layout = host_layout()
        self.head = 0
        """The most room that a packet needs in front, known when all is written."""

    @property
    def max_offset(self) -> int:
        return (1 << 40) - 1

    def prologue(self, writer: Writer) -> None:
        super().prologue(writer)
        length = writer.state.tail.base
        assert length is not None
        writer.state.facts.narrow(length, 0, MAX_PACKET)

    def pointers(self, writer: Writer) -> tuple[str, str, str]:
        data = writer.name("load ptr, ptr %ctx, align 8")
        end = writer.name(f"load ptr, ptr {writer.pointer('%ctx', END)}, align 8")
        first, last = (writer.name(f"ptrtoint ptr {p} to i64") for p in (data, end))
        return data, end, writer.name(f"sub i64 {last}, {first}")

    def reload(self, writer: Writer) -> None:
        """The ends are names here, set where they move."""

    def grow_head(self, writer: Writer, length: int, otherwise: str) -> None:
        self.head = max(self.head, writer.state.head + length)
        writer.state.data = writer.pointer(writer.state.data, -length)

    def move_head(self, writer: Writer, bytes_: str) -> str:
        by = writer.name(f"sext i32 {bytes_} to i64")
        writer.state.data = writer.pointer(writer.state.data, by)
        return "0"

    def move_tail(self, writer: Writer, bytes_: str) -> str:
        """Checks that there is room; the result is not 0 if there is none."""
        state = writer.state
        by = writer.name(f"sext i32 {bytes_} to i64")
        before, after = state.end, writer.pointer(state.end, by)
        limit = writer.name(f"load ptr, ptr {writer.pointer('%ctx', LIMIT)}, align 8")
        fits = writer.name(f"icmp ule ptr {after}, {limit}")
        grows = writer.name(f"icmp sgt i64 {by}, 0")
        fill = writer.name(f"select i1 {grows}, i64 {by}, i64 0")
        fill = writer.name(f"select i1 {fits}, i64 {fill}, i64 0")
        writer.line(f"call void @llvm.memset.p0.i64(ptr {before}, i8 0, i64 {fill}, i1 false)")
        state.end = after
        return writer.name(f"select i1 {fits}, i64 0, i64 -1")

    def finish(self, writer: Writer, way: Leave | Redirect) -> None:
        assert isinstance(way, Leave), "checked before: there are no devices here"
        writer.line(f"store ptr {writer.state.data}, ptr %ctx, align 8")
        writer.line(f"store ptr {writer.state.end}, ptr {writer.pointer('%ctx', END)}, align 8")
        writer.line(f"ret i32 {way.code}")

    def alignment(self, size: int) -> int:
        return 1

    def definition(self, symbols: Sequence[str]) -> list[str]:
        return ["define internal i32 @program(ptr %ctx) alwaysinline {"]

    def lookup(self, writer: Writer, symbol: str, key: str) -> str:
        return writer.name(f"call ptr @{symbol}.lookup(ptr {key})")

    def update(self, writer: Writer, symbol: str, key: str, value: str, partner: bool = False) -> str:
        arguments = f"ptr {key}, ptr {value}, i1 zeroext {int(partner)}"
        return writer.name(f"call i64 @{symbol}.update({arguments})")

    def delete(self, writer: Writer, symbol: str, key: str) -> None:
        writer.line(f"call void @{symbol}.delete(ptr {key})")

    def used(self, writer: Writer, symbol: str, value: str) -> None:
        writer.line(f"call void @{symbol}.used(ptr {value})")

    def ticks(self, writer: Writer) -> str:
        return self.nanoseconds(writer)

    def nanoseconds(self, writer: Writer) -> str:
        return writer.name("load i64, ptr @now, align 8")

    def random(self, writer: Writer, width: int) -> Value:
        return random_bits(writer, width)

    def below(self, writer: Writer, size: int) -> Value:
        return writer.value(f"call i64 @random.below(i64 {size}, i32 {size.bit_length()})", 64)

    def sum(self, writer: Writer, start: str, length: str) -> str:
        return writer.name(f"call i64 @sum(ptr {start}, i64 {length})")

    def next(self, writer: Writer, at: str, modulus: int) -> str:
        before = writer.name(f"load i64, ptr {at}, align 8")
        more = writer.name(f"add i64 {before}, 1")
        if modulus < 1 << 64:
            more = writer.name(f"urem i64 {more}, {modulus}")
        writer.line(f"store i64 {more}, ptr {at}, align 8")
        return before

    def count(self, writer: Writer, at: str, amount: Value) -> None:
        before = writer.name(f"load i64, ptr {at}, align 8")
        writer.line(f"store i64 {writer.name(f'add i64 {before}, {amount.text}')}, ptr {at}, align 8")


def read_record(frame: bytes) -> tuple[int, PacketBuffer]:
    """The region (an index into `Emitted.regions`) and the packet of one that was handed over."""
    packet = PacketBuffer.__new__(PacketBuffer)
    packet.bytes = bytearray(memoryview(frame)[WIDE.size :])
    packet.annotations = bytearray(frame[WIDE.annotations_at : WIDE.size])
    packet.marks = {Mark.END: len(packet.bytes)}
    for n, mark in enumerate(handover.MARKS):
        at = int.from_bytes(frame[MARKS_AT + 8 * n : MARKS_AT + 8 * n + 8], "little", signed=True)
        if at != WIDE.unset:
            packet.marks[mark] = at
    region = int.from_bytes(frame[handover.REGION_AT : handover.REGION_AT + 2], "little")
    return region, packet


def engine(text: str) -> llvm.ExecutionEngine:
    """The code of a module, ready to run."""
    host = machine()
    try:
        module = llvm.parse_assembly(text)
        module.verify()
    except RuntimeError as problem:  # what llvmlite raises for text that LLVM does not accept
        raise failure(f"LLVM refused the program: {problem}") from None
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    _passes().run(module, llvm.create_pass_builder(host, tuning))
    engine = llvm.create_mcjit_compiler(module, host)
    engine.finalize_object()
    return engine


def _passes() -> llvm.ModulePassManager:
    """What is done to a module: as fast code as LLVM's own list (O2) gives, in half the time; and with that list the
    process would grow by half a megabyte with each module."""
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.add_sccp_pass()
    passes.add_dead_store_elimination_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.add_aggressive_dce_pass()
    passes.add_global_dead_code_eliminate_pass()
    return passes
