"""What native programs call besides their tables: Python's random numbers, and sums.

Random numbers are those that `random.Random` gives the interpreter: the same generator (Matsumoto, Nishimura: Mersenne
Twister, 1998) with the same ways to make numbers of it, so that the same seed means the same packets.
"""

import ctypes
from random import Random

from innet.xdp.facts import Value
from innet.xdp.writer import Writer

STATE_WORDS = 625
"""The generator's 624 words, and how many of them were used."""
PYTHON_VERSION = 3
"""Of the state that `Random.getstate` gives."""

RANDOM = """
@random = global [625 x i32] zeroinitializer, align 64

define internal void @random.twist() noinline {
entry:
  br label %loop
loop:
  %k = phi i64 [ 0, %entry ], [ %next, %loop ]
  %next = add i64 %k, 1
  %n1 = urem i64 %next, 624
  %km = add i64 %k, 397
  %n397 = urem i64 %km, 624
  %at = getelementptr i32, ptr @random, i64 %k
  %at1 = getelementptr i32, ptr @random, i64 %n1
  %at397 = getelementptr i32, ptr @random, i64 %n397
  %a = load i32, ptr %at, align 4
  %b = load i32, ptr %at1, align 4
  %c = load i32, ptr %at397, align 4
  %upper = and i32 %a, -2147483648
  %lower = and i32 %b, 2147483647
  %y = or i32 %upper, %lower
  %half = lshr i32 %y, 1
  %odd = and i32 %y, 1
  %is = icmp ne i32 %odd, 0
  %matrix = select i1 %is, i32 2567483615, i32 0
  %d = xor i32 %c, %half
  %e = xor i32 %d, %matrix
  store i32 %e, ptr %at, align 4
  %more = icmp ult i64 %next, 624
  br i1 %more, label %loop, label %done
done:
  store i32 0, ptr getelementptr (i32, ptr @random, i64 624), align 4
  ret void
}

define internal i32 @random.next() noinline {
entry:
  %used = load i32, ptr getelementptr (i32, ptr @random, i64 624), align 4
  %all = icmp uge i32 %used, 624
  br i1 %all, label %twist, label %draw
twist:
  call void @random.twist()
  br label %draw
draw:
  %n = phi i32 [ %used, %entry ], [ 0, %twist ]
  %more = add i32 %n, 1
  store i32 %more, ptr getelementptr (i32, ptr @random, i64 624), align 4
  %wide = zext i32 %n to i64
  %at = getelementptr i32, ptr @random, i64 %wide
  %y0 = load i32, ptr %at, align 4
  %s0 = lshr i32 %y0, 11
  %y1 = xor i32 %y0, %s0
  %s1 = shl i32 %y1, 7
  %m1 = and i32 %s1, 2636928640
  %y2 = xor i32 %y1, %m1
  %s2 = shl i32 %y2, 15
  %m2 = and i32 %s2, 4022730752
  %y3 = xor i32 %y2, %m2
  %s3 = lshr i32 %y3, 18
  %y4 = xor i32 %y3, %s3
  ret i32 %y4
}

define internal i64 @random.bits(i32 %width) {
entry:
  %low = call i32 @random.next()
  %long = icmp ugt i32 %width, 32
  br i1 %long, label %two, label %one
one:
  %by = sub i32 32, %width
  %cut = lshr i32 %low, %by
  %short = zext i32 %cut to i64
  ret i64 %short
two:
  %high = call i32 @random.next()
  %off = sub i32 64, %width
  %top = lshr i32 %high, %off
  %wide = zext i32 %top to i64
  %up = shl i64 %wide, 32
  %down = zext i32 %low to i64
  %both = or i64 %up, %down
  ret i64 %both
}

define internal i64 @random.below(i64 %size, i32 %width) {
entry:
  br label %draw
draw:
  %r = call i64 @random.bits(i32 %width)
  %fits = icmp ult i64 %r, %size
  br i1 %fits, label %done, label %draw
done:
  ret i64 %r
}
"""

SUM = """
define internal i64 @sum(ptr %start, i64 %length) {
entry:
  br label %blocks
blocks:
  %at = phi i64 [ 0, %entry ], [ %behind, %block ]
  %lanes = phi <8 x i64> [ zeroinitializer, %entry ], [ %added, %block ]
  %behind = add i64 %at, 32
  %inside = icmp ule i64 %behind, %length
  br i1 %inside, label %block, label %rest
block:
  %blockat = getelementptr i8, ptr %start, i64 %at
  %part = load <8 x i32>, ptr %blockat, align 1
  %wide = zext <8 x i32> %part to <8 x i64>
  %added = add <8 x i64> %lanes, %wide
  br label %blocks
rest:
  %sofar = call i64 @llvm.vector.reduce.add.v8i64(<8 x i64> %lanes)
  br label %words
words:
  %wordat = phi i64 [ %at, %rest ], [ %wordnext, %word ]
  %total = phi i64 [ %sofar, %rest ], [ %more, %word ]
  %wordnext = add i64 %wordat, 2
  %whole = icmp ule i64 %wordnext, %length
  br i1 %whole, label %word, label %end
word:
  %wordpointer = getelementptr i8, ptr %start, i64 %wordat
  %value = load i16, ptr %wordpointer, align 1
  %wordwide = zext i16 %value to i64
  %more = add i64 %total, %wordwide
  br label %words
end:
  %odd = icmp ult i64 %wordat, %length
  br i1 %odd, label %byte, label %done
byte:
  %bytepointer = getelementptr i8, ptr %start, i64 %wordat
  %last = load i8, ptr %bytepointer, align 1
  %lastwide = zext i8 %last to i64
  %with = add i64 %total, %lastwide
  ret i64 %with
done:
  ret i64 %total
}
declare i64 @llvm.vector.reduce.add.v8i64(<8 x i64>)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""


def random_bits(writer: Writer, width: int) -> Value:
    """`Random.getrandbits(width)`, at most 64."""
    wide = writer.value(f"call i64 @random.bits(i32 {width})", 64)
    return writer.extend(wide, width)


def set_random(address: int, random: Random) -> None:
    """Let the generator whose state is at `address` go on where `random` is."""
    version, state, _ = random.getstate()
    if version != PYTHON_VERSION:
        raise ValueError(f"a generator's state of version {version}")
    (ctypes.c_uint32 * STATE_WORDS).from_address(address)[:] = state


def get_random(address: int, random: Random) -> None:
    """Let `random` go on where the generator is whose state is at `address`."""
    state = tuple((ctypes.c_uint32 * STATE_WORDS).from_address(address))
    random.setstate((PYTHON_VERSION, state, None))
