"""Captures read and written by machine code: records of a file to packets of a batch, and results to records.

Nothing is decided here that `innet.packet` decides: whatever is not a whole record of usual size is left to it.
"""

import ctypes
from functools import cache

import llvmlite.binding as llvm

from innet.ir.nodes import Mark
from innet.packet.pcapng import ENHANCED_PACKET
from innet.xdp import handover
from innet.xdp.copies import ANNOTATIONS_AT, JOB_BYTES
from innet.xdp.native_batch import RESULT_BYTES, Result
from innet.xdp.native_target import MAX_PACKET, WIDE, engine, host_layout

RECORD_HEAD = 16
"""Bytes in front of each packet in a file."""
BLOCK_HEAD, BLOCK_TAIL = 28, 4
"""Bytes around each packet in a pcapng file."""
EXTRA_AT, SECONDS_AT, NANOSECONDS_AT = 28, 52, 56
"""Annotations: bytes of the packet that were not captured, and when it was."""


class Scan(ctypes.Structure):
    """What `scan` and `scan_blocks` are asked: the bytes from `at` to `end` of the memory at `data`, in which byte
    order, how many packets at most; where to put their places and lengths, where their records end, and their jobs.
    Then nanoseconds in one unit of the fraction of a second; or for so many interfaces (at this address) nanoseconds
    in one unit of time, 0 if that is no whole number. And the answer: where the first record begins that was not
    taken."""

    _fields_ = [
        ("data", ctypes.c_uint64),
        ("at", ctypes.c_uint64),
        ("end", ctypes.c_uint64),
        ("swapped", ctypes.c_uint64),
        ("most", ctypes.c_uint64),
        ("offsets", ctypes.c_uint64),
        ("lengths", ctypes.c_uint64),
        ("ends", ctypes.c_uint64),
        ("jobs", ctypes.c_uint64),
        ("unit", ctypes.c_uint64),
        ("interfaces", ctypes.c_uint64),
        ("units", ctypes.c_uint64),
    ]


class Dump(ctypes.Structure):
    """What `dump` is asked: results `first` to `made`, the arena they lie in, the verdict of the first of `files`
    files, and these."""

    _fields_ = [
        ("arena", ctypes.c_uint64),
        ("results", ctypes.c_uint64),
        ("first", ctypes.c_uint64),
        ("made", ctypes.c_uint64),
        ("low", ctypes.c_uint64),
        ("files", ctypes.c_uint64),
        ("file", ctypes.c_uint64),
    ]


class File(ctypes.Structure):
    """A file that is written: room for records and how much of it is used, bytes kept of each packet, nanoseconds in
    one unit of the fraction of a second, all ones if bytes that were not captured count (else 0), packets so far."""

    _fields_ = [
        ("room", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("used", ctypes.c_uint64),
        ("keep", ctypes.c_uint64),
        ("unit", ctypes.c_uint64),
        ("extra", ctypes.c_uint64),
        ("packets", ctypes.c_uint64),
    ]


def _loads(structure: type[ctypes.Structure]) -> str:
    """The fields of a request, by their names, and where they are."""
    return "".join(
        f"  %{field[0]}.at = getelementptr i8, ptr %request, i64 {8 * n}\n"
        f"  %{field[0]} = load i64, ptr %{field[0]}.at, align 8\n"
        for n, field in enumerate(structure._fields_)
    )


def _word(name: str, offset: int) -> str:
    """A number of a record's head, in the file's byte order."""
    return f"""
  %{name}.p = getelementptr i8, ptr %head, i64 {offset}
  %{name}.raw = load i32, ptr %{name}.p, align 1
  %{name}.rev = call i32 @llvm.bswap.i32(i32 %{name}.raw)
  %{name} = select i1 %turned, i32 %{name}.rev, i32 %{name}.raw"""


SCAN_START = f"""
entry:
{_loads(Scan)}
  %memory = inttoptr i64 %data to ptr
  %alloffsets = inttoptr i64 %offsets to ptr
  %alllengths = inttoptr i64 %lengths to ptr
  %allends = inttoptr i64 %ends to ptr
  %alljobs = inttoptr i64 %jobs to ptr
  %allunits = inttoptr i64 %units to ptr
  %turned = icmp ne i64 %swapped, 0
  br label %each
each:
  %n = phi i64 [ 0, %entry ], [ %next, %take ]
  %here = phi i64 [ %at, %entry ], [ %behind, %take ]
  %head = getelementptr i8, ptr %memory, i64 %here
  %room = icmp ult i64 %n, %most
  br i1 %room, label %look, label %done
"""

SCAN_END = f"""
  %offset.p = getelementptr i64, ptr %alloffsets, i64 %n
  store i64 %start, ptr %offset.p, align 8
  %length.p = getelementptr i32, ptr %alllengths, i64 %n
  store i32 %captured, ptr %length.p, align 4
  %end.p = getelementptr i64, ptr %allends, i64 %n
  store i64 %behind, ptr %end.p, align 8
  %job.offset = mul i64 %n, {JOB_BYTES}
  %job = getelementptr i8, ptr %alljobs, i64 %job.offset
  %sum32 = trunc i64 %sum to i32
  %rest32 = trunc i64 %rest to i32
  %more = call i32 @llvm.usub.sat.i32(i32 %wire, i32 %captured)
  %sum.be = call i32 @llvm.bswap.i32(i32 %sum32)
  %rest.be = call i32 @llvm.bswap.i32(i32 %rest32)
  %more.be = call i32 @llvm.bswap.i32(i32 %more)
  %seconds.to = getelementptr i8, ptr %job, i64 {ANNOTATIONS_AT + SECONDS_AT}
  %rest.to = getelementptr i8, ptr %job, i64 {ANNOTATIONS_AT + NANOSECONDS_AT}
  %more.to = getelementptr i8, ptr %job, i64 {ANNOTATIONS_AT + EXTRA_AT}
  store i32 %sum.be, ptr %seconds.to, align 4
  store i32 %rest.be, ptr %rest.to, align 4
  store i32 %more.be, ptr %more.to, align 4
  %next = add i64 %n, 1
  br label %each
done:
  store i64 %here, ptr %at.at, align 8
  ret i64 %n
}}
"""

SCAN = f"""
define i64 @scan(ptr %request) {{
{SCAN_START}
look:
  %start = add i64 %here, {RECORD_HEAD}
  %headed = icmp ule i64 %start, %end
  br i1 %headed, label %record, label %done
record:
{_word("seconds", 0)}
{_word("fraction", 4)}
{_word("captured", 8)}
{_word("wire", 12)}
  %length = zext i32 %captured to i64
  %behind = add i64 %start, %length
  %usual = icmp ule i64 %length, {MAX_PACKET}
  %whole = icmp ule i64 %behind, %end
  %good = and i1 %usual, %whole
  br i1 %good, label %take, label %done
take:
  %s = zext i32 %seconds to i64
  %f = zext i32 %fraction to i64
  %ns = mul i64 %f, %unit
  %carry = udiv i64 %ns, 1000000000
  %rest = urem i64 %ns, 1000000000
  %sum = add i64 %s, %carry
{SCAN_END}
"""

SCAN_BLOCKS = f"""
define i64 @scan_blocks(ptr %request) {{
{SCAN_START}
look:
  %start = add i64 %here, {BLOCK_HEAD}
  %least = add i64 %start, {BLOCK_TAIL}
  %headed = icmp ule i64 %least, %end
  br i1 %headed, label %record, label %done
record:
{_word("kind", 0)}
{_word("total", 4)}
{_word("origin", 8)}
{_word("high", 12)}
{_word("low.half", 16)}
{_word("captured", 20)}
{_word("wire", 24)}
  %length = zext i32 %captured to i64
  %size = zext i32 %total to i64
  %behind = add i64 %here, %size
  %interface = zext i32 %origin to i64
  %ours = icmp eq i32 %kind, {ENHANCED_PACKET}
  %unaligned = and i32 %total, 3
  %aligned = icmp eq i32 %unaligned, 0
  %needed = add i64 %length, {BLOCK_HEAD + BLOCK_TAIL}
  %long = icmp uge i64 %size, %needed
  %usual = icmp ule i64 %length, {MAX_PACKET}
  %whole = icmp ule i64 %behind, %end
  %known = icmp ult i64 %interface, %interfaces
  %good1 = and i1 %ours, %aligned
  %good2 = and i1 %long, %usual
  %good3 = and i1 %whole, %known
  %good4 = and i1 %good1, %good2
  %good = and i1 %good3, %good4
  br i1 %good, label %check, label %done
check:
  %tail.at = sub i64 %behind, {BLOCK_TAIL}
  %tail.p = getelementptr i8, ptr %memory, i64 %tail.at
  %tail.raw = load i32, ptr %tail.p, align 1
  %tail.rev = call i32 @llvm.bswap.i32(i32 %tail.raw)
  %tail = select i1 %turned, i32 %tail.rev, i32 %tail.raw
  %same = icmp eq i32 %tail, %total
  %unit.p = getelementptr i64, ptr %allunits, i64 %interface
  %ns.each = load i64, ptr %unit.p, align 8
  %exact = icmp ne i64 %ns.each, 0
  %high.wide = zext i32 %high to i64
  %high.up = shl i64 %high.wide, 32
  %low.wide = zext i32 %low.half to i64
  %stamp = or i64 %high.up, %low.wide
  %product = call {{i64, i1}} @llvm.umul.with.overflow.i64(i64 %stamp, i64 %ns.each)
  %ns = extractvalue {{i64, i1}} %product, 0
  %over = extractvalue {{i64, i1}} %product, 1
  %fits = xor i1 %over, true
  %sure1 = and i1 %same, %exact
  %sure = and i1 %sure1, %fits
  br i1 %sure, label %take, label %done
take:
  %sum = udiv i64 %ns, 1000000000
  %rest = urem i64 %ns, 1000000000
{SCAN_END}
declare {{i64, i1}} @llvm.umul.with.overflow.i64(i64, i64)
"""


def _annotation(name: str, offset: int) -> str:
    """An annotation of the packet behind the record at `%record`."""
    return f"""
  %{name}.p = getelementptr i8, ptr %record, i64 {WIDE.annotations_at + offset}
  %{name}.be = load i32, ptr %{name}.p, align 1
  %{name}.32 = call i32 @llvm.bswap.i32(i32 %{name}.be)
  %{name} = zext i32 %{name}.32 to i64"""


def _file(name: str) -> str:
    """A field of the file at `%one`."""
    offset = getattr(File, name).offset
    return f"""
  %{name}.at = getelementptr i8, ptr %one, i64 {offset}
  %{name} = load i64, ptr %{name}.at, align 8"""


DATA_AT = WIDE.marks_at + 8 * handover.MARKS.index(Mark.DATA)

DUMP = f"""
define i64 @dump(ptr %request) {{
entry:
{_loads(Dump)}
  %allresults = inttoptr i64 %results to ptr
  %memory = inttoptr i64 %arena to ptr
  %allfiles = inttoptr i64 %file to ptr
  br label %each
each:
  %n = phi i64 [ %first, %entry ], [ %next, %other ], [ %next, %write ]
  %more = icmp ult i64 %n, %made
  br i1 %more, label %look, label %done
look:
  %next = add i64 %n, 1
  %result.offset = mul i64 %n, {RESULT_BYTES}
  %result = getelementptr i8, ptr %allresults, i64 %result.offset
  %code.p = getelementptr i8, ptr %result, i64 {Result.code.offset}
  %code.32 = load i32, ptr %code.p, align 4
  %code = sext i32 %code.32 to i64
  %k = sub i64 %code, %low
  %ours = icmp ult i64 %k, %files
  br i1 %ours, label %left, label %other
other:
  br label %each
left:
  %place = load i64, ptr %result, align 8
  %length.p = getelementptr i8, ptr %result, i64 {Result.length.offset}
  %length.32 = load i32, ptr %length.p, align 4
  %length.all = zext i32 %length.32 to i64
  %record = getelementptr i8, ptr %memory, i64 %place
  %start.p = getelementptr i8, ptr %record, i64 {DATA_AT}
  %start.in = load i64, ptr %start.p, align 1
  %start = add i64 %start.in, {WIDE.size}
  %length = sub i64 %length.all, %start
  %data = getelementptr i8, ptr %record, i64 %start
  %file.offset = mul i64 %k, {ctypes.sizeof(File)}
  %one = getelementptr i8, ptr %allfiles, i64 %file.offset
{_annotation("seconds", SECONDS_AT)}
{_annotation("rest", NANOSECONDS_AT)}
{_annotation("missing", EXTRA_AT)}
{"".join(_file(field[0]) for field in File._fields_)}
  %carry = udiv i64 %rest, 1000000000
  %ns = urem i64 %rest, 1000000000
  %time = add i64 %seconds, %carry
  %late = icmp ugt i64 %time, 4294967295
  %kept = call i64 @llvm.umin.i64(i64 %length, i64 %keep)
  %needed = add i64 %kept, {RECORD_HEAD}
  %after = add i64 %used, %needed
  %full = icmp ugt i64 %after, %size
  %cannot = or i1 %late, %full
  br i1 %cannot, label %done, label %write
write:
  %fraction = udiv i64 %ns, %unit
  %counted = and i64 %missing, %extra
  %wire.all = add i64 %length, %counted
  %wire = call i64 @llvm.umin.i64(i64 %wire.all, i64 4294967295)
  %address = add i64 %room, %used
  %to = inttoptr i64 %address to ptr
  %time.32 = trunc i64 %time to i32
  store i32 %time.32, ptr %to, align 1
  %fraction.to = getelementptr i8, ptr %to, i64 4
  %fraction.32 = trunc i64 %fraction to i32
  store i32 %fraction.32, ptr %fraction.to, align 1
  %kept.to = getelementptr i8, ptr %to, i64 8
  %kept.32 = trunc i64 %kept to i32
  store i32 %kept.32, ptr %kept.to, align 1
  %wire.to = getelementptr i8, ptr %to, i64 12
  %wire.32 = trunc i64 %wire to i32
  store i32 %wire.32, ptr %wire.to, align 1
  %bytes.to = getelementptr i8, ptr %to, i64 {RECORD_HEAD}
  call void @llvm.memcpy.p0.p0.i64(ptr %bytes.to, ptr %data, i64 %kept, i1 false)
  store i64 %after, ptr %used.at, align 8
  %one.more = add i64 %packets, 1
  store i64 %one.more, ptr %packets.at, align 8
  br label %each
done:
  ret i64 %n
}}

declare i32 @llvm.bswap.i32(i32)
declare i32 @llvm.usub.sat.i32(i32, i32)
declare i64 @llvm.umin.i64(i64, i64)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""


class CaptureCode:
    """The functions.

    `scan(request)` (pcap) and `scan_blocks(request)` (pcapng) are how many packets they found: they stop before a
    record that is not whole or of more than MAX_PACKET bytes, or no enhanced packet block with an exact time.
    `dump(request)` is the first result that it did not write: there is no room, or the file cannot hold its time (so
    it is if there is no room in an empty one)."""

    def __init__(self) -> None:
        self._engine: llvm.ExecutionEngine = engine(host_layout() + SCAN + SCAN_BLOCKS + DUMP)
        address = self._engine.get_function_address
        function = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)
        self.scan, self.scan_blocks = function(address("scan")), function(address("scan_blocks"))
        self.dump = function(address("dump"))


@cache
def capture_code() -> CaptureCode:
    """They are the same for everyone in this process."""
    return CaptureCode()
