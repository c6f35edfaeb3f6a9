"""The loop over a batch of packets, and over the copies of each, in LLVM IR; and how it is asked."""

import ctypes

from innet.xdp.copies import CODE, COPIED, COUNT, JOB_AT, JOB_BYTES, JOBS, LENGTH, POINT, POINT_AT, USED


class Request(ctypes.Structure):
    """What `run` is asked: packets by address, place and length, when each came (or `now`, if `times` is null), room
    for packets and for results; at which point they begin, and if they do not come in there, their jobs; after a packet
    with which verdict to end (0: none; else after one that was given up, too). And its answer, how much of both it
    used."""

    _fields_ = [
        ("packets", ctypes.c_uint64),
        ("offsets", ctypes.c_uint64),
        ("lengths", ctypes.c_uint64),
        ("times", ctypes.c_uint64),
        ("count", ctypes.c_uint64),
        ("first", ctypes.c_uint64),
        ("arena", ctypes.c_uint64),
        ("arena_bytes", ctypes.c_uint64),
        ("results", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("point", ctypes.c_uint64),
        ("records", ctypes.c_uint64),
        ("now", ctypes.c_uint64),
        ("used", ctypes.c_uint64),
        ("made", ctypes.c_uint64),
        ("stop", ctypes.c_uint64),
    ]


class Result(ctypes.Structure):
    """What became of a packet or a copy of it: where it lies in the arena now, its length, the verdict, and which
    packet of the batch it was."""

    _fields_ = [
        ("at", ctypes.c_uint64),
        ("length", ctypes.c_uint32),
        ("code", ctypes.c_int32),
        ("packet", ctypes.c_uint64),
    ]


RESULT_BYTES = ctypes.sizeof(Result)


def batch(head: int, longest: int, most: int, jobs: int, drop: int, abort: int) -> str:
    """The function that runs the program on a batch: `run(ptr request) -> packets done`.

    Each packet, of at most `longest` bytes, is copied to the arena, behind `head` bytes, where it may become `most`
    bytes long; so is each of its at most `jobs` jobs. A longer one is answered with `abort`. The run ends early before
    a packet for which there may be no room, or not enough results, and after one that ended with `request.stop`. The
    arena is used up by packets that leave only.
    """
    loads = "".join(
        f"  %{field[0]}at = getelementptr i8, ptr %request, i64 {8 * n}\n"
        f"  %{field[0]} = load i64, ptr %{field[0]}at, align 8\n"
        for n, field in enumerate(Request._fields_)
    )
    return (RUN if jobs == 0 else RUN_JOBS).format(
        loads=loads,
        head=head,
        most=most,
        reserve=(jobs + 1) * (head + most + 16),
        leaves=jobs + 1,
        drop=drop,
        abort=abort,
        longest=longest,
        result_bytes=RESULT_BYTES,
        length_at=Result.length.offset,
        code_at=Result.code.offset,
        packet_at=Result.packet.offset,
        point_at=POINT_AT,
        job_at=JOB_AT,
        jobs_at=JOBS,
        count_at=COUNT,
        used_at=USED,
        job_bytes=JOB_BYTES,
        job_length_at=LENGTH,
        job_code_at=CODE,
        job_point_at=POINT,
        copied=COPIED,
    )


HEAD = """
@now = global i64 0, align 64

define internal void @begin(ptr %ctx, i64 %point, i64 %records, i64 %n) alwaysinline {{
  %pointat = getelementptr i8, ptr %ctx, i64 {point_at}
  %point32 = trunc i64 %point to i32
  store i32 %point32, ptr %pointat, align 8
  %offset = mul i64 %n, {job_bytes}
  %address = add i64 %records, %offset
  %job = inttoptr i64 %address to ptr
  %jobat = getelementptr i8, ptr %ctx, i64 {job_at}
  store ptr %job, ptr %jobat, align 8
  ret void
}}

define i64 @run(ptr %request) {{
entry:
  %ctx = alloca [40 x i8], align 8
  %endat = getelementptr i8, ptr %ctx, i64 8
  %limitat = getelementptr i8, ptr %ctx, i64 16
{loads}
  %allpackets = inttoptr i64 %packets to ptr
  %alloffsets = inttoptr i64 %offsets to ptr
  %alllengths = inttoptr i64 %lengths to ptr
  %alltimes = inttoptr i64 %times to ptr
  %allresults = inttoptr i64 %results to ptr
  %room = inttoptr i64 %arena to ptr
  %timeless = icmp eq i64 %times, 0
  %stops = icmp ne i64 %stop, 0
  %stopcode = trunc i64 %stop to i32
  store i64 %now, ptr @now, align 8
  br label %each
each:
  %n = phi i64 [ %first, %entry ], [ %next, %done ]
  %cursor = phi i64 [ 0, %entry ], [ %after, %done ]
  %r = phi i64 [ 0, %entry ], [ %rafter, %done ]
  %more = icmp ult i64 %n, %count
  br i1 %more, label %look, label %end
look:
  %rlast = add i64 %r, {leaves}
  %last = add i64 %cursor, {reserve}
  %fits = icmp ule i64 %last, %arena_bytes
  %rfits = icmp ule i64 %rlast, %size
  %both = and i1 %fits, %rfits
  br i1 %both, label %time, label %end
time:
  %offsetat = getelementptr i64, ptr %alloffsets, i64 %n
  %offset = load i64, ptr %offsetat, align 8
  %lengthat = getelementptr i32, ptr %alllengths, i64 %n
  %length32 = load i32, ptr %lengthat, align 4
  %length = zext i32 %length32 to i64
  %from = getelementptr i8, ptr %allpackets, i64 %offset
  %next = add i64 %n, 1
  %known = icmp ule i64 %length, {longest}
  br i1 %known, label %arrived, label %refuse
refuse:
  %refusedoffset = mul i64 %r, {result_bytes}
  %refused = getelementptr i8, ptr %allresults, i64 %refusedoffset
  %refusedlengthat = getelementptr i8, ptr %refused, i64 {length_at}
  %refusedcodeat = getelementptr i8, ptr %refused, i64 {code_at}
  %refusedpacketat = getelementptr i8, ptr %refused, i64 {packet_at}
  store i64 0, ptr %refused, align 8
  store i32 0, ptr %refusedlengthat, align 4
  store i32 {abort}, ptr %refusedcodeat, align 4
  store i64 %n, ptr %refusedpacketat, align 8
  %rplus = add i64 %r, 1
  br label %done
arrived:
  br i1 %timeless, label %start, label %clock
clock:
  %timeat = getelementptr i64, ptr %alltimes, i64 %n
  %then = load i64, ptr %timeat, align 8
  store i64 %then, ptr @now, align 8
  br label %start
"""

TAKE = """
  %dataoffset = add i64 %c, {head}
  %data = getelementptr i8, ptr %room, i64 %dataoffset
  call void @llvm.memcpy.p0.p0.i64(ptr %data, ptr %bytes, i64 %bytecount, i1 false)
  %packetend = getelementptr i8, ptr %data, i64 %bytecount
  %limit = getelementptr i8, ptr %data, i64 {most}
  store ptr %data, ptr %ctx, align 8
  store ptr %packetend, ptr %endat, align 8
  store ptr %limit, ptr %limitat, align 8
"""

LEFT = """
  %resultoffset = mul i64 %rhere, {result_bytes}
  %result = getelementptr i8, ptr %allresults, i64 %resultoffset
  %resultlengthat = getelementptr i8, ptr %result, i64 {length_at}
  %codeat = getelementptr i8, ptr %result, i64 {code_at}
  %packetat = getelementptr i8, ptr %result, i64 {packet_at}
  store i32 %code, ptr %codeat, align 4
  store i64 %n, ptr %packetat, align 8
  %rnext = add i64 %rhere, 1
  %dropped = icmp eq i32 %code, {drop}
  br i1 %dropped, label %gone, label %left
gone:
  store i64 0, ptr %result, align 8
  store i32 0, ptr %resultlengthat, align 8
  br label %{following}
left:
  %newdata = load ptr, ptr %ctx, align 8
  %newend = load ptr, ptr %endat, align 8
  %dataaddress = ptrtoint ptr %newdata to i64
  %endaddress = ptrtoint ptr %newend to i64
  %place = sub i64 %dataaddress, %arena
  store i64 %place, ptr %result, align 8
  %newlength = sub i64 %endaddress, %dataaddress
  %newlength32 = trunc i64 %newlength to i32
  store i32 %newlength32, ptr %resultlengthat, align 8
  %behind = sub i64 %endaddress, %arena
  %up = add i64 %behind, 15
  %aligned = and i64 %up, -16
  br label %{following}
"""

END = """
  br i1 %halt, label %end, label %each
end:
  %usedend = phi i64 [ %cursor, %each ], [ %cursor, %look ], [ %after, %done ]
  %madeend = phi i64 [ %r, %each ], [ %r, %look ], [ %rafter, %done ]
  %nend = phi i64 [ %n, %each ], [ %n, %look ], [ %next, %done ]
  store i64 %usedend, ptr %usedat, align 8
  store i64 %madeend, ptr %madeat, align 8
  ret i64 %nend
}}
"""

HALTS = """
  %isstop = icmp eq i32 %code, %stopcode
  %isabort = icmp eq i32 %code, {abort}
  %isend = or i1 %isstop, %isabort
  %halts = and i1 %isend, %stops
"""

RUN = (
    HEAD
    + "start:\n  call void @begin(ptr %ctx, i64 %point, i64 %records, i64 %n)\n"
    + "  %c = add i64 %cursor, 0\n  %bytes = getelementptr i8, ptr %from, i64 0\n"
    + "  %bytecount = add i64 %length, 0\n  %rhere = add i64 %r, 0"
    + TAKE
    + "  %code = call i32 @program(ptr %ctx)"
    + HALTS
    + LEFT.replace("{following}", "done")
    + """
done:
  %after = phi i64 [ %cursor, %gone ], [ %aligned, %left ], [ %cursor, %refuse ]
  %halt = phi i1 [ %halts, %gone ], [ %halts, %left ], [ %stops, %refuse ]
  %rafter = add i64 %r, 1
"""
    + END
)

RUN_JOBS = (
    HEAD
    + """
start:
  call void @begin(ptr %ctx, i64 %point, i64 %records, i64 %n)
  %jobsat = getelementptr i8, ptr @copies, i64 {jobs_at}
  %jobs = load ptr, ptr %jobsat, align 8
  %heap = load ptr, ptr @copies, align 8
  %jobcountat = getelementptr i8, ptr @copies, i64 {count_at}
  %heapusedat = getelementptr i8, ptr @copies, i64 {used_at}
  store i64 0, ptr %jobcountat, align 8
  store i64 0, ptr %heapusedat, align 8
  %ctxpointat = getelementptr i8, ptr %ctx, i64 {point_at}
  br label %take
take:
  %bytes = phi ptr [ %from, %start ], [ %jobbytes, %job ]
  %bytecount = phi i64 [ %length, %start ], [ %joblength, %job ]
  %verdict = phi i32 [ {copied}, %start ], [ %jobcode, %job ]
  %c = phi i64 [ %cursor, %start ], [ %cnow, %job ]
  %halting = phi i1 [ false, %start ], [ %haltnow, %job ]
  %rhere = phi i64 [ %r, %start ], [ %rnow, %job ]
"""
    + TAKE
    + """
  %before = load i64, ptr %jobcountat, align 8
  %runs = icmp eq i32 %verdict, {copied}
  br i1 %runs, label %program, label %decided
program:
  %said = call i32 @program(ptr %ctx)
  call void @reverse(i64 %before)
  br label %decided
decided:
  %code = phi i32 [ %verdict, %take ], [ %said, %program ]
"""
    + HALTS
    + """
  %haltnow = or i1 %halting, %halts
  %onlyjobs = icmp eq i32 %code, {copied}
  br i1 %onlyjobs, label %pop, label %write
write:
"""
    + LEFT.replace("{following}", "pop")
    + """
pop:
  %cnow = phi i64 [ %c, %decided ], [ %c, %gone ], [ %aligned, %left ]
  %rnow = phi i64 [ %rhere, %decided ], [ %rnext, %gone ], [ %rnext, %left ]
  %waiting = load i64, ptr %jobcountat, align 8
  %nothing = icmp eq i64 %waiting, 0
  br i1 %nothing, label %done, label %job
job:
  %rest = sub i64 %waiting, 1
  store i64 %rest, ptr %jobcountat, align 8
  %joboffset = mul i64 %rest, {job_bytes}
  %jobplace = getelementptr i8, ptr %jobs, i64 %joboffset
  %jobbytesat = load i64, ptr %jobplace, align 8
  %jobbytes = getelementptr i8, ptr %heap, i64 %jobbytesat
  %joblengthat = getelementptr i8, ptr %jobplace, i64 {job_length_at}
  %joblength = load i64, ptr %joblengthat, align 8
  %jobcodeat = getelementptr i8, ptr %jobplace, i64 {job_code_at}
  %jobcode = load i32, ptr %jobcodeat, align 4
  %jobpointat = getelementptr i8, ptr %jobplace, i64 {job_point_at}
  %jobpoint = load i32, ptr %jobpointat, align 4
  store i32 %jobpoint, ptr %ctxpointat, align 8
  %ctxjobat = getelementptr i8, ptr %ctx, i64 {job_at}
  store ptr %jobplace, ptr %ctxjobat, align 8
  br label %take
done:
  %after = phi i64 [ %cnow, %pop ], [ %cursor, %refuse ]
  %rafter = phi i64 [ %rnow, %pop ], [ %rplus, %refuse ]
  %halt = phi i1 [ %haltnow, %pop ], [ %stops, %refuse ]
"""
    + END
)
