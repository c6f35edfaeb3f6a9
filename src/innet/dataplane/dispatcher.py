"""The program on a platform's interfaces: it finds the module of a packet by its destination address, and calls it.

Written once as LLVM IR. What is not IPv4 for a module's address goes to the host's own stack; what is for a module that
does not run goes to the agent, unchanged. The one on the agent's TAP also takes packets that come back with a record.
"""

from collections.abc import Sequence

from innet.dataplane.dispatch import places
from innet.dataplane.layout import (
    COLD,
    DISPATCH,
    MALFORMED,
    NO_PROGRAM,
    NOBODY,
    NOT_OURS,
    PROGRAMS,
    TALLY,
    TO_AGENT,
    UNKNOWN,
)
from innet.network import Prefix
from innet.xdp import handover
from innet.xdp.host import SCRATCH
from innet.xdp.target import LAYOUT, MAP_LOOKUP, REDIRECT, Xdp
from innet.xdp.tcx import LENGTH, SKB_PULL_DATA, VLAN_PRESENT, SchedCls
from innet.xdp.writer import BARRIER

TAIL_CALL = 12
PASS, NEXT = 2, -1
"""To the host's own stack: XDP_PASS, and TCX_NEXT, which lets other programs on the interface have the packet too."""
DIRECT = 4
"""Shared programs that are jumped to directly."""
LONGEST_HEADERS = 14 + 60
FENCE = 'call void asm sideeffect "", ""()'


XDP = Xdp()


def dispatcher(
    mac: int, pools: Sequence[Prefix], tap: int, resumes: bool, shared: int, target: Xdp = XDP
) -> str:
    """LLVM IR for an interface with Ethernet address `mac` on a platform with these pools.

    `tap` is the index of the agent's TAP device; `resumes` is true for the program on the TAP itself. Programs of
    modules are of the same `target`; those that modules share are from slot `shared` on.
    """
    tcx = isinstance(target, SchedCls)
    data_at, end_at = target.ends
    leave_to_host = NEXT if tcx else PASS
    first, last = swapped(mac >> 16, 4), swapped(mac & 0xFFFF, 2)
    symbols = (DISPATCH, PROGRAMS, TALLY, SCRATCH)
    out = [LAYOUT, "declare i32 @llvm.bswap.i32(i32)"]
    out += [f"@{symbol} = external global i8" for symbol in symbols]
    out.append(f"""
define i32 @program(ptr %ctx) section "{target.section}" {{
entry:
  %key = alloca i32, align 8
  %dataat = getelementptr i8, ptr %ctx, i64 {data_at}
  %endat = getelementptr i8, ptr %ctx, i64 {end_at}{brought(resumes) if tcx else ""}
  %d32 = load volatile i32, ptr %dataat, align 4
  %e32 = load volatile i32, ptr %endat, align 4
  %d64 = zext i32 %d32 to i64
  %e64 = zext i32 %e32 to i64
  %data = inttoptr i64 %d64 to ptr
  %end = inttoptr i64 %e64 to ptr
  %behind = getelementptr i8, ptr %data, i64 34
  %whole = icmp ule ptr %behind, %end
  br i1 %whole, label %ethernet, label %host

ethernet:
  {FENCE}
  %m0 = load i32, ptr %data, align 4
  %m1at = getelementptr i8, ptr %data, i64 4
  %m1 = load i16, ptr %m1at, align 2""")
    if resumes:
        out.append(f"""
  %back = icmp eq i32 %m0, {handover.MAGIC}
  br i1 %back, label %resume, label %frame

resume:
  %behindrecord = getelementptr i8, ptr %data, i64 {handover.RECORD_BYTES}
  %wholerecord = icmp ule ptr %behindrecord, %end
  br i1 %wholerecord, label %record, label %host

record:
  {FENCE}
  %indexat = getelementptr i8, ptr %data, i64 {handover.MODULE_AT}
  %rindex = load i32, ptr %indexat, align 4
  %slotat = getelementptr i8, ptr %data, i64 {handover.SLOT_AT}
  %rslot = load i32, ptr %slotat, align 4
  br label %call

frame:""")
    out.append(f"""
  %ours0 = icmp eq i32 %m0, {first}
  br i1 %ours0, label %mine, label %host

mine:
  %ours1 = icmp eq i16 %m1, {last}
  br i1 %ours1, label %typed, label %host

typed:
  %typeat = getelementptr i8, ptr %data, i64 12
  %type = load i16, ptr %typeat, align 2
  %isip = icmp eq i16 %type, 8
  br i1 %isip, label %ipv4, label %host

ipv4:
  %dstat = getelementptr i8, ptr %data, i64 30
  %dst = load i32, ptr %dstat, align 4
  %address = call i32 @llvm.bswap.i32(i32 %dst){pooled(pools)}

pool:
  %place = phi i32 {", ".join(f"[ %place{n}, %in{n} ]" for n in range(len(pools)))}
  store i32 %place, ptr %key, align 8
  %found = call ptr inttoptr (i64 {MAP_LOOKUP} to ptr)(ptr @{DISPATCH}, ptr %key)
  %known = icmp ne ptr %found, null
  br i1 %known, label %entry0, label %unknown

entry0:
  %both = load i64, ptr %found, align 8
  %nobody = icmp eq i64 %both, {NOBODY}
  br i1 %nobody, label %unknown, label %module

module:
  %vat = getelementptr i8, ptr %data, i64 14
  %vihl = load i8, ptr %vat, align 1
  %v = sub i8 %vihl, 69
  %sane = icmp ult i8 %v, 11
  br i1 %sane, label %version, label %malformed

version:
  %ihl = and i8 %vihl, 15
  %ihl64 = zext i8 %ihl to i64
  %hl = shl i64 %ihl64, 2
  %ip = getelementptr i8, ptr %data, i64 %hl
  %ipend = getelementptr i8, ptr %ip, i64 14
  %complete = icmp ule ptr %ipend, %end
  br i1 %complete, label %lead, label %malformed

lead:
  %more = trunc i64 %both to i32
  %index = sub i32 %more, 1
  %above = lshr i64 %both, 32
  %slot = trunc i64 %above to i32
  %cold = icmp eq i32 %slot, {COLD}
  br i1 %cold, label %agent, label %call

call:
  %theindex = phi i32 [ %index, %lead ]{", [ %rindex, %record ]" if resumes else ""}
  %theslot = phi i32 [ %slot, %lead ]{", [ %rslot, %record ]" if resumes else ""}
  store i32 0, ptr %key, align 8
  %scratch = call ptr inttoptr (i64 {MAP_LOOKUP} to ptr)(ptr @{SCRATCH}, ptr %key)
  %has = icmp ne ptr %scratch, null
  br i1 %has, label %jump, label %lost

jump:
  store i32 %theindex, ptr %scratch, align 4
{direct(shared)}
  call i64 inttoptr (i64 {TAIL_CALL} to ptr)(ptr %ctx, ptr @{PROGRAMS}, i32 %theslot)
  br label %lost
""")
    ends = [("malformed", MALFORMED, f"ret i32 {target.drop}"), ("lost", NO_PROGRAM, f"ret i32 {target.drop}"),
            ("unknown", UNKNOWN, f"ret i32 {target.drop}"), ("host", NOT_OURS, f"ret i32 {leave_to_host}")]  # fmt: skip
    redirect = f"%away = call i64 inttoptr (i64 {REDIRECT} to ptr)(i32 {tap}, i64 0)\n  %how = trunc i64 %away to i32"
    ends.append(("agent", TO_AGENT, f"{redirect}\n  ret i32 %how"))
    for label, offset, leave in ends:
        out.append(f"""
{label}:
  store i32 0, ptr %key, align 8
  %tally.{label} = call ptr inttoptr (i64 {MAP_LOOKUP} to ptr)(ptr @{TALLY}, ptr %key)
  %ok.{label} = icmp ne ptr %tally.{label}, null
  br i1 %ok.{label}, label %count.{label}, label %leave.{label}

count.{label}:
  %at.{label} = getelementptr i8, ptr %tally.{label}, i64 {offset}
  %old.{label} = load i64, ptr %at.{label}, align 8
  %new.{label} = add i64 %old.{label}, 1
  store i64 %new.{label}, ptr %at.{label}, align 8
  br label %leave.{label}

leave.{label}:
  {leave}
""")
    out.append("}")
    return "\n".join(out) + "\n"


def brought(resumes: bool) -> str:
    """What comes first on tcx: a tagged packet is the host's; headers, or a record, are brought to hand."""
    wanted = handover.RECORD_BYTES if resumes else LONGEST_HEADERS
    return f"""
  %tagat = getelementptr i8, ptr %ctx, i64 {VLAN_PRESENT}
  %tagged = load volatile i32, ptr %tagat, align 4
  %untagged = icmp eq i32 %tagged, 0
  br i1 %untagged, label %measure, label %host

measure:
  %lengthat = getelementptr i8, ptr %ctx, i64 {LENGTH}
  %length = load volatile i32, ptr %lengthat, align 4
  %few = icmp ult i32 %length, {wanted}
  %wish = select i1 %few, i32 %length, i32 {wanted}
  %first32 = load volatile i32, ptr %dataat, align 4
  %last32 = load volatile i32, ptr %endat, align 4
  %first64 = zext i32 %first32 to i64
  %last64 = zext i32 %last32 to i64
  %firstopaque = {BARRIER.format(type="i64", value="%first64")}
  %lastopaque = {BARRIER.format(type="i64", value="%last64")}
  %bytes = sub i64 %lastopaque, %firstopaque
  %wish64 = zext i32 %wish to i64
  %lacks = icmp ult i64 %bytes, %wish64
  br i1 %lacks, label %pull, label %start

pull:
  call i64 inttoptr (i64 {SKB_PULL_DATA} to ptr)(ptr %ctx, i32 %wish)
  br label %start

start:"""


def pooled(pools: Sequence[Prefix]) -> str:
    """Find the pool that has the address, and the address's place among the entries."""
    out = []
    for n, (pool, first) in enumerate(places(pools)):
        other = f"out{n}" if n + 1 < len(pools) else "host"
        out.append(f"""
  %offset{n} = sub i32 %address, {pool.low}
  %inside{n} = icmp ult i32 %offset{n}, {pool.size}
  br i1 %inside{n}, label %in{n}, label %{other}

in{n}:
  %place{n} = add i32 %offset{n}, {first}
  br label %pool""")
        if n + 1 < len(pools):
            out.append(f"""

out{n}:""")
    return "".join(out)


def direct(first: int) -> str:
    """Jump to the first shared programs by their number: the kernel makes that a plain jump. One to a slot that is
    known at run time only goes by a table and a speculation barrier."""
    out = []
    for slot in range(first, first + 2 * DIRECT, 2):
        out.append(f"""  %is{slot} = icmp eq i32 %theslot, {slot}
  br i1 %is{slot}, label %slot{slot}, label %no{slot}

slot{slot}:
  {FENCE}
  call i64 inttoptr (i64 {TAIL_CALL} to ptr)(ptr %ctx, ptr @{PROGRAMS}, i32 {slot})
  br label %lost

no{slot}:""")
    return "\n".join(out)


def swapped(value: int, size: int) -> int:
    """`value` as a load of its bytes in network order gives it."""
    return int.from_bytes(value.to_bytes(size, "big"), "little")
