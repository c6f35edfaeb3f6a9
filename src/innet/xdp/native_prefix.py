"""Prefix tables of native programs: they never change, so each is the sorted list of ranges that its prefixes make."""

import ctypes
import struct

from innet import ir
from innet.xdp.layout import PREFIX_BYTES, TableLayout
from innet.xdp.native_memory import Memory

RANGES, STARTS, REFERENCES, VALUES = range(0, 32, 8)
"""In a prefix table's header: how many ranges, and the addresses of their starts (u64, or u128 for wider keys), of what
each refers to (u32, from one; 0: nothing), and of the values."""
PREFIX_WORDS = 4


def word_bits(width: int) -> int:
    """The width of the numbers that addresses of `width` bits are compared as."""
    return 64 if width <= 64 else 128


def prefix_table(symbol: str, layout: TableLayout) -> str:
    """The function `.lookup` of a prefix table."""
    width = sum(layout.table.key)
    word = word_bits(width)
    widen = f"zext i{width} %bytes to i{word}" if width < word else f"or i{word} %bytes, 0"
    return f"""
@{symbol} = global [{PREFIX_WORDS} x i64] zeroinitializer, align 64

define internal ptr @{symbol}.lookup(ptr %key) alwaysinline {{
entry:
  %at = getelementptr i8, ptr %key, i64 {PREFIX_BYTES}
  %bytes = load i{width}, ptr %at, align 1
  %wide = {widen}
  %swapped = call i{word} @llvm.bswap.i{word}(i{word} %wide)
  %address = lshr i{word} %swapped, {word - width}
  %ranges = load i64, ptr @{symbol}, align 8
  %startsat = getelementptr i8, ptr @{symbol}, i64 {STARTS}
  %starts = load ptr, ptr %startsat, align 8
  br label %search
search:
  %low = phi i64 [ 0, %entry ], [ %newlow, %step ]
  %size = phi i64 [ %ranges, %entry ], [ %newsize, %step ]
  %more = icmp ugt i64 %size, 1
  br i1 %more, label %step, label %done
step:
  %half = lshr i64 %size, 1
  %middle = add i64 %low, %half
  %middleat = getelementptr i{word}, ptr %starts, i64 %middle
  %start = load i{word}, ptr %middleat, align 8
  %behind = icmp ule i{word} %start, %address
  %newlow = select i1 %behind, i64 %middle, i64 %low
  %newsize = sub i64 %size, %half
  br label %search
done:
  %referencesat = getelementptr i8, ptr @{symbol}, i64 {REFERENCES}
  %references = load ptr, ptr %referencesat, align 8
  %referenceat = getelementptr i32, ptr %references, i64 %low
  %reference = load i32, ptr %referenceat, align 4
  %valuesat = getelementptr i8, ptr @{symbol}, i64 {VALUES}
  %values = load ptr, ptr %valuesat, align 8
  %n = sub i32 %reference, 1
  %widen = zext i32 %n to i64
  %offset = mul i64 %widen, {layout.value.size}
  %value = getelementptr i8, ptr %values, i64 %offset
  %none = icmp eq i32 %reference, 0
  %result = select i1 %none, ptr null, ptr %value
  ret ptr %result
}}
"""


def ranges(table: ir.Table) -> tuple[list[int], list[int], list[tuple[int, ...]]]:
    """Starts of address ranges in order, what each refers to (from one; 0: nothing), and the values."""
    width = sum(table.key)
    first: dict[tuple[int, int], tuple[int, ...]] = {}
    for prefix, length, values in table.entries:
        shift = width - length
        first.setdefault((prefix >> shift << shift, length), values)
    out: list[tuple[int, int]] = [(0, 0)]
    values_of: list[tuple[int, ...]] = []
    open_: list[tuple[int, int]] = []

    def put(at: int, reference: int) -> None:
        if out[-1][0] == at:
            out.pop()
        out.append((at, reference))

    def close(before: int) -> None:
        while open_ and open_[-1][0] < before:
            last, _ = open_.pop()
            if last + 1 < 1 << width:
                put(last + 1, open_[-1][1] if open_ else 0)

    for (start, length), values in sorted(first.items()):
        close(start)
        values_of.append(values)
        put(start, len(values_of))
        open_.append((start + (1 << width - length) - 1, len(values_of)))
    close(1 << width)
    return [at for at, _ in out], [reference for _, reference in out], values_of


class PrefixTable:
    """The memory of a prefix table whose header is at `header`."""

    def __init__(self, header: int, layout: TableLayout) -> None:
        starts, references, values = ranges(layout.table)
        parts = (
            b"".join(start.to_bytes(word_bits(sum(layout.table.key)) // 8, "little") for start in starts),
            struct.pack(f"<{len(references)}I", *references),
            b"".join(layout.value.pack(one) for one in values),
        )
        self.memories = [Memory(len(part)) for part in parts]
        for memory, part in zip(self.memories, parts, strict=True):
            ctypes.memmove(memory.address, part, len(part))
        words = (ctypes.c_uint64 * PREFIX_WORDS).from_address(header)
        words[:] = [len(starts), *(memory.address for memory in self.memories)]
