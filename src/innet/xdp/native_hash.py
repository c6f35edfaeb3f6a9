"""Hash tables of native programs, as functions in LLVM IR, one set for each table.

An entry stays until it is deleted or has to make room, and who makes room is decided as in the interpreter. Entries lie
in a slab and never move, so that the address of one found earlier on a path stays good; an index of 32-bit references,
probed linearly, leads to them, and what is behind a deleted one moves up (Knuth, volume 3, section 6.4, algorithm R).
"""

from dataclasses import dataclass

from innet import ir
from innet.ir.interpret import NS
from innet.xdp.layout import EXPIRES, IDLE, PAIRED, PARTNER, Record, TableLayout

COUNT, FREE, USED, NOT_BEFORE, SEED, INDEX, SLAB = range(0, 56, 8)
"""In a table's header (all 64 bits): entries, first free place (from one; 0: none), places ever used, a time before
which no entry can make room, where hashes begin, and the addresses of index and slab."""
HEADER_WORDS = 7
HASH, LINK, KEY = 0, 4, 8
"""In an entry: hash (u32), next free place or TAKEN (u32), then key and value."""
TAKEN = 0xFFFFFFFF
SPARE = 2
"""A pair may be added when one place is left."""
NO_ROOM = -7
"""As the kernel says it: -E2BIG."""
MIX = 0x9E3779B97F4A7C15
"""Odd, and near 2^64 divided by the golden ratio: spreads a product's high bits (Knuth, volume 3, section 6.4)."""


@dataclass(frozen=True)
class HashShape:
    """Sizes of a hash table."""

    layout: TableLayout

    @property
    def limit(self) -> int:
        """Entries from which on one has to make room."""
        table = self.layout.table
        return table.capacity * (2 if table.kind is ir.TableKind.PAIRED else 1)

    @property
    def buckets(self) -> int:
        return 1 << max(4, (2 * (self.limit + SPARE) - 1).bit_length())

    @property
    def value_at(self) -> int:
        return KEY + self.layout.key.size

    @property
    def stride(self) -> int:
        return self.value_at + self.layout.value.size

    @property
    def slab_bytes(self) -> int:
        return (self.limit + SPARE) * self.stride


def hash_table(symbol: str, layout: TableLayout) -> str:
    """The functions of a hash table: `.lookup`, `.update`, `.delete` and `.used`."""
    shape = HashShape(layout)
    words = range(0, layout.key.size, 8)
    hashing = "".join(
        f"  %p{at} = getelementptr i8, ptr %key, i64 {at}\n"
        f"  %w{at} = load i64, ptr %p{at}, align 8\n"
        f"  %x{at} = xor i64 {'%seed' if at == 0 else f'%h{at - 8}'}, %w{at}\n"
        f"  %m{at} = mul i64 %x{at}, {MIX}\n"
        f"  %s{at} = lshr i64 %m{at}, 32\n"
        f"  %h{at} = xor i64 %m{at}, %s{at}\n"
        for at in words
    )
    comparing = "".join(
        f"  %ap{at} = getelementptr i8, ptr %found, i64 {KEY + at}\n"
        f"  %bp{at} = getelementptr i8, ptr %key, i64 {at}\n"
        f"  %a{at} = load i64, ptr %ap{at}, align 8\n"
        f"  %b{at} = load i64, ptr %bp{at}, align 8\n"
        f"  %d{at} = xor i64 %a{at}, %b{at}\n"
        f"  %o{at} = or i64 {'0' if at == 0 else f'%o{at - 8}'}, %d{at}\n"
        for at in words
    )
    names = {
        "T": f"@{symbol}",
        "HEADER": HEADER_WORDS,
        "LAST": layout.key.size - 8,
        "HASHING": hashing,
        "COMPARING": comparing,
        "MASK": shape.buckets - 1,
        "STRIDE": shape.stride,
        "VALUE": shape.value_at,
        "KEYBYTES": layout.key.size,
        "VALUEBYTES": layout.value.size,
        "LIMIT": shape.limit,
        "ROOMFROM": _room_from(layout.table),
        "LESS": _less(layout.key),
        "PARTNERED": str(int(layout.table.kind is ir.TableKind.PAIRED)),
    }
    text = HASH_TABLE
    for name, value in names.items():
        text = text.replace(f"${name}$", str(value))
    return text


def _room_from(table: ir.Table) -> str:
    """The time from which on an entry may make room (`%from`), of its `%expires` and `%idle` (seconds)."""
    if table.guarantee_s is None:
        return "  %from = add i64 %expires, 0\n"
    return (
        f"  %idlens = mul i64 %idle, {NS}\n"
        "  %touched = sub i64 %expires, %idlens\n"
        f"  %from = add i64 %touched, {table.guarantee_s * NS}\n"
    )


def _less(key: Record) -> str:
    """Compare keys `%a` and `%b` as the interpreter compares tuples: column by column in the order of the text."""
    lines = ["  %r0 = add i1 false, false"]
    for n, column in enumerate(reversed(key.columns)):
        bits = column.size * 8
        for side in "ab":
            lines.append(f"  %{side}p{n} = getelementptr i8, ptr %{side}, i64 {column.offset}")
            lines.append(f"  %{side}v{n} = load i{bits}, ptr %{side}p{n}, align 1")
            if bits > 8:
                lines.append(f"  %{side}n{n} = call i{bits} @llvm.bswap.i{bits}(i{bits} %{side}v{n})")
            else:
                lines.append(f"  %{side}n{n} = add i8 %{side}v{n}, 0")
        lines.append(f"  %lt{n} = icmp ult i{bits} %an{n}, %bn{n}")
        lines.append(f"  %eq{n} = icmp eq i{bits} %an{n}, %bn{n}")
        lines.append(f"  %rest{n} = and i1 %eq{n}, %r{n}")
        lines.append(f"  %r{n + 1} = or i1 %lt{n}, %rest{n}")
    lines.append(f"  ret i1 %r{len(key.columns)}")
    return "\n".join(lines) + "\n"


HASH_TABLE = f"""
$T$ = global [$HEADER$ x i64] zeroinitializer, align 64

define internal i32 $T$.hash(ptr %key) alwaysinline {{
  %seedat = getelementptr i8, ptr $T$, i64 {SEED}
  %seed = load i64, ptr %seedat, align 8
$HASHING$
  %high = lshr i64 %h$LAST$, 32
  %hash = trunc i64 %high to i32
  ret i32 %hash
}}

define internal ptr $T$.entry(i32 %reference) alwaysinline {{
  %slabat = getelementptr i8, ptr $T$, i64 {SLAB}
  %slab = load ptr, ptr %slabat, align 8
  %n = sub i32 %reference, 1
  %wide = zext i32 %n to i64
  %offset = mul i64 %wide, $STRIDE$
  %at = getelementptr i8, ptr %slab, i64 %offset
  ret ptr %at
}}

define internal ptr $T$.find(ptr %key, i32 %hash) alwaysinline {{
entry:
  %indexat = getelementptr i8, ptr $T$, i64 {INDEX}
  %index = load ptr, ptr %indexat, align 8
  %wide = zext i32 %hash to i64
  br label %probe
probe:
  %step = phi i64 [ %wide, %entry ], [ %next, %other ]
  %bucket = and i64 %step, $MASK$
  %at = getelementptr i32, ptr %index, i64 %bucket
  %reference = load i32, ptr %at, align 4
  %empty = icmp eq i32 %reference, 0
  br i1 %empty, label %none, label %candidate
candidate:
  %found = call ptr $T$.entry(i32 %reference)
  %its = load i32, ptr %found, align 8
  %same = icmp eq i32 %its, %hash
  br i1 %same, label %compare, label %other
compare:
$COMPARING$
  %equal = icmp eq i64 %o$LAST$, 0
  br i1 %equal, label %hit, label %other
other:
  %next = add i64 %step, 1
  br label %probe
hit:
  ret ptr %found
none:
  ret ptr null
}}

define internal ptr $T$.lookup(ptr %key) alwaysinline {{
  %hash = call i32 $T$.hash(ptr %key)
  %found = call ptr $T$.find(ptr %key, i32 %hash)
  %none = icmp eq ptr %found, null
  %value = getelementptr i8, ptr %found, i64 $VALUE$
  %result = select i1 %none, ptr null, ptr %value
  ret ptr %result
}}

define internal i64 $T$.from(ptr %value) alwaysinline {{
  %expiresat = getelementptr i8, ptr %value, i64 {EXPIRES}
  %expires = load i64, ptr %expiresat, align 8
  %idleat = getelementptr i8, ptr %value, i64 {IDLE}
  %idle32 = load i32, ptr %idleat, align 4
  %idle = zext i32 %idle32 to i64
$ROOMFROM$
  ret i64 %from
}}

define internal void $T$.timed(ptr %value) alwaysinline {{
  %from = call i64 $T$.from(ptr %value)
  %boundat = getelementptr i8, ptr $T$, i64 {NOT_BEFORE}
  %bound = load i64, ptr %boundat, align 8
  %earlier = icmp ult i64 %from, %bound
  %new = select i1 %earlier, i64 %from, i64 %bound
  store i64 %new, ptr %boundat, align 8
  ret void
}}

define internal void $T$.used(ptr %value) alwaysinline {{
entry:
  call void $T$.timed(ptr %value)
  br i1 $PARTNERED$, label %pairs, label %done
pairs:
  %pairedat = getelementptr i8, ptr %value, i64 {PAIRED}
  %paired = load i32, ptr %pairedat, align 4
  %has = icmp ne i32 %paired, 0
  br i1 %has, label %partner, label %done
partner:
  %key = getelementptr i8, ptr %value, i64 {PARTNER}
  %other = call ptr $T$.lookup(ptr %key)
  %gone = icmp eq ptr %other, null
  br i1 %gone, label %done, label %both
both:
  %expires = load i64, ptr %value, align 8
  store i64 %expires, ptr %other, align 8
  %idleat = getelementptr i8, ptr %value, i64 {IDLE}
  %idle = load i32, ptr %idleat, align 4
  %otheridleat = getelementptr i8, ptr %other, i64 {IDLE}
  store i32 %idle, ptr %otheridleat, align 4
  call void $T$.timed(ptr %other)
  br label %done
done:
  ret void
}}

define internal void $T$.add(ptr %key, i32 %hash, ptr %value) {{
entry:
  %indexat = getelementptr i8, ptr $T$, i64 {INDEX}
  %index = load ptr, ptr %indexat, align 8
  %freeat = getelementptr i8, ptr $T$, i64 {FREE}
  %free = load i64, ptr %freeat, align 8
  %none = icmp eq i64 %free, 0
  br i1 %none, label %fresh, label %again
fresh:
  %usedat = getelementptr i8, ptr $T$, i64 {USED}
  %used = load i64, ptr %usedat, align 8
  %more = add i64 %used, 1
  store i64 %more, ptr %usedat, align 8
  %newreference = trunc i64 %more to i32
  br label %place
again:
  %oldreference = trunc i64 %free to i32
  %old = call ptr $T$.entry(i32 %oldreference)
  %oldlinkat = getelementptr i8, ptr %old, i64 {LINK}
  %link = load i32, ptr %oldlinkat, align 4
  %linkwide = zext i32 %link to i64
  store i64 %linkwide, ptr %freeat, align 8
  br label %place
place:
  %reference = phi i32 [ %newreference, %fresh ], [ %oldreference, %again ]
  %entryat = call ptr $T$.entry(i32 %reference)
  store i32 %hash, ptr %entryat, align 8
  %linkat = getelementptr i8, ptr %entryat, i64 {LINK}
  store i32 -1, ptr %linkat, align 4
  %keyat = getelementptr i8, ptr %entryat, i64 {KEY}
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %keyat, ptr align 8 %key, i64 $KEYBYTES$, i1 false)
  %valueat = getelementptr i8, ptr %entryat, i64 $VALUE$
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %valueat, ptr align 8 %value, i64 $VALUEBYTES$, i1 false)
  call void $T$.timed(ptr %valueat)
  %count = load i64, ptr $T$, align 8
  %counted = add i64 %count, 1
  store i64 %counted, ptr $T$, align 8
  %wide = zext i32 %hash to i64
  br label %probe
probe:
  %step = phi i64 [ %wide, %place ], [ %next, %taken ]
  %bucket = and i64 %step, $MASK$
  %at = getelementptr i32, ptr %index, i64 %bucket
  %there = load i32, ptr %at, align 4
  %empty = icmp eq i32 %there, 0
  br i1 %empty, label %here, label %taken
taken:
  %next = add i64 %step, 1
  br label %probe
here:
  store i32 %reference, ptr %at, align 4
  ret void
}}

define internal void $T$.remove(ptr %found) {{
entry:
  %indexat = getelementptr i8, ptr $T$, i64 {INDEX}
  %index = load ptr, ptr %indexat, align 8
  %slabat = getelementptr i8, ptr $T$, i64 {SLAB}
  %slab = load ptr, ptr %slabat, align 8
  %foundnumber = ptrtoint ptr %found to i64
  %slabnumber = ptrtoint ptr %slab to i64
  %offset = sub i64 %foundnumber, %slabnumber
  %n = udiv i64 %offset, $STRIDE$
  %place = add i64 %n, 1
  %reference = trunc i64 %place to i32
  %hash = load i32, ptr %found, align 8
  %wide = zext i32 %hash to i64
  br label %probe
probe:
  %step = phi i64 [ %wide, %entry ], [ %next, %other ]
  %first = and i64 %step, $MASK$
  %firstat = getelementptr i32, ptr %index, i64 %first
  %there = load i32, ptr %firstat, align 4
  %same = icmp eq i32 %there, %reference
  br i1 %same, label %shift, label %other
other:
  %next = add i64 %step, 1
  br label %probe
shift:
  %hole = phi i64 [ %first, %probe ], [ %hole, %stays ], [ %j, %moves ]
  %before = phi i64 [ %first, %probe ], [ %j, %stays ], [ %j, %moves ]
  %behind = add i64 %before, 1
  %j = and i64 %behind, $MASK$
  %jat = getelementptr i32, ptr %index, i64 %j
  %moving = load i32, ptr %jat, align 4
  %end = icmp eq i32 %moving, 0
  br i1 %end, label %clear, label %consider
consider:
  %candidate = call ptr $T$.entry(i32 %moving)
  %home32 = load i32, ptr %candidate, align 8
  %home = zext i32 %home32 to i64
  %fromhome = sub i64 %j, %home
  %far = and i64 %fromhome, $MASK$
  %fromhole = sub i64 %j, %hole
  %near = and i64 %fromhole, $MASK$
  %may = icmp uge i64 %far, %near
  br i1 %may, label %moves, label %stays
moves:
  %holeat = getelementptr i32, ptr %index, i64 %hole
  store i32 %moving, ptr %holeat, align 4
  br label %shift
stays:
  br label %shift
clear:
  %lastat = getelementptr i32, ptr %index, i64 %hole
  store i32 0, ptr %lastat, align 4
  %freeat = getelementptr i8, ptr $T$, i64 {FREE}
  %free = load i64, ptr %freeat, align 8
  %link = trunc i64 %free to i32
  %linkat = getelementptr i8, ptr %found, i64 {LINK}
  store i32 %link, ptr %linkat, align 4
  store i64 %place, ptr %freeat, align 8
  %count = load i64, ptr $T$, align 8
  %counted = sub i64 %count, 1
  store i64 %counted, ptr $T$, align 8
  ret void
}}

define internal void $T$.delete(ptr %key) {{
entry:
  %hash = call i32 $T$.hash(ptr %key)
  %found = call ptr $T$.find(ptr %key, i32 %hash)
  %none = icmp eq ptr %found, null
  br i1 %none, label %done, label %take
take:
  call void $T$.remove(ptr %found)
  br label %done
done:
  ret void
}}

define internal i1 $T$.less(ptr %a, ptr %b) {{
$LESS$}}

define internal i1 $T$.room() noinline {{
entry:
  %partner = alloca [$KEYBYTES$ x i8], align 8
  %now = load i64, ptr @now, align 8
  %boundat = getelementptr i8, ptr $T$, i64 {NOT_BEFORE}
  %bound = load i64, ptr %boundat, align 8
  %early = icmp ult i64 %now, %bound
  br i1 %early, label %full, label %start
start:
  %usedat = getelementptr i8, ptr $T$, i64 {USED}
  %used = load i64, ptr %usedat, align 8
  br label %scan
scan:
  %n = phi i64 [ 0, %start ], [ %following, %next ]
  %best = phi ptr [ null, %start ], [ %bestafter, %next ]
  %least = phi i64 [ -1, %start ], [ %leastafter, %next ]
  %more = icmp ult i64 %n, %used
  br i1 %more, label %look, label %scanned
look:
  %following = add i64 %n, 1
  %reference = trunc i64 %following to i32
  %one = call ptr $T$.entry(i32 %reference)
  %linkat = getelementptr i8, ptr %one, i64 {LINK}
  %link = load i32, ptr %linkat, align 4
  %taken = icmp eq i32 %link, -1
  br i1 %taken, label %held, label %next
held:
  %value = getelementptr i8, ptr %one, i64 $VALUE$
  %from = call i64 $T$.from(ptr %value)
  %lower = icmp ult i64 %from, %least
  %leastnow = select i1 %lower, i64 %from, i64 %least
  %free = icmp ule i64 %from, %now
  br i1 %free, label %candidate, label %next
candidate:
  %nobest = icmp eq ptr %best, null
  br i1 %nobest, label %better, label %compare
compare:
  %bestvalue = getelementptr i8, ptr %best, i64 $VALUE$
  %bestexpires = load i64, ptr %bestvalue, align 8
  %expires = load i64, ptr %value, align 8
  %sooner = icmp ult i64 %expires, %bestexpires
  br i1 %sooner, label %better, label %tie
tie:
  %same = icmp eq i64 %expires, %bestexpires
  br i1 %same, label %keys, label %next
keys:
  %onekey = getelementptr i8, ptr %one, i64 {KEY}
  %bestkey = getelementptr i8, ptr %best, i64 {KEY}
  %first = call i1 $T$.less(ptr %onekey, ptr %bestkey)
  br i1 %first, label %better, label %next
better:
  br label %next
next:
  %bestafter = phi ptr [ %best, %look ], [ %best, %held ], [ %best, %tie ], [ %best, %keys ], [ %one, %better ]
  %leastafter = phi i64 [ %least, %look ], [ %leastnow, %held ], [ %leastnow, %tie ], [ %leastnow, %keys ],
    [ %leastnow, %better ]
  br label %scan
scanned:
  store i64 %least, ptr %boundat, align 8
  %nothing = icmp eq ptr %best, null
  br i1 %nothing, label %full, label %take
take:
  %chosen = getelementptr i8, ptr %best, i64 $VALUE$
  %pairedat = getelementptr i8, ptr %chosen, i64 {PAIRED}
  %paired = load i32, ptr %pairedat, align 4
  %haspartner = icmp ne i32 %paired, 0
  %pairs = and i1 %haspartner, $PARTNERED$
  br i1 %pairs, label %two, label %alone
two:
  %partnerat = getelementptr i8, ptr %chosen, i64 {PARTNER}
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %partner, ptr align 8 %partnerat, i64 $KEYBYTES$, i1 false)
  call void $T$.remove(ptr %best)
  call void $T$.delete(ptr %partner)
  ret i1 true
alone:
  call void $T$.remove(ptr %best)
  ret i1 true
full:
  ret i1 false
}}

define i64 $T$.update(ptr %key, ptr %value, i1 zeroext %second) {{
entry:
  %hash = call i32 $T$.hash(ptr %key)
  %found = call ptr $T$.find(ptr %key, i32 %hash)
  %none = icmp eq ptr %found, null
  br i1 %none, label %new, label %old
old:
  %valueat = getelementptr i8, ptr %found, i64 $VALUE$
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %valueat, ptr align 8 %value, i64 $VALUEBYTES$, i1 false)
  call void $T$.timed(ptr %valueat)
  ret i64 0
new:
  br i1 %second, label %add, label %check
check:
  %count = load i64, ptr $T$, align 8
  %fits = icmp ult i64 %count, $LIMIT$
  br i1 %fits, label %add, label %make
make:
  %made = call i1 $T$.room()
  br i1 %made, label %add, label %full
add:
  call void $T$.add(ptr %key, i32 %hash, ptr %value)
  ret i64 0
full:
  ret i64 {NO_ROOM}
}}
"""
