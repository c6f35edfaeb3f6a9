"""Token buckets, once for holders and once for programs; tests hold the two against each other.

A bucket is refilled in ticks of a millisecond, and counts in parts of a token: the whole of it is 2^32 - 1 parts. What
is kept is how much is missing, so that a bucket nobody touched yet is full.
"""

from dataclasses import dataclass

from innet import ir
from innet.ir.trace import Packet, Value

TICK_NS = 1_000_000
TICKS = 1000
"""Ticks in a second."""
FULL = (1 << 32) - 1
DEBT = 131072
"""Bytes that a bucket of bytes has beyond its burst: what a packet may take more than there is."""
MAX_IDLE_S = 2_000_000


@dataclass(frozen=True, slots=True)
class TokenRate:
    """`rate` tokens a second, at most `capacity` of them; neither a rate nor a capacity of 0 ever gives one."""

    rate: int
    capacity: int

    @classmethod
    def of(cls, rate: int, capacity: int) -> "TokenRate":
        """The capacity is at least what one tick gives."""
        return cls(rate, max(capacity, -(-rate // TICKS)) if capacity else 0)

    @property
    def idle(self) -> bool:
        return self.rate == 0 or self.capacity == 0

    @property
    def scale(self) -> int:
        """Parts of a token."""
        return FULL // max(1, self.capacity)

    @property
    def parts_per_tick(self) -> int:
        return 0 if self.idle else max(1, self.rate * self.scale // TICKS)

    @property
    def ticks_to_fill(self) -> int:
        """Ticks from empty to full."""
        return (FULL - 1) // self.parts_per_tick + 1


class TokenBucket:
    """A bucket as holders use it; times in nanoseconds."""

    def __init__(self, rate: TokenRate) -> None:
        self.rate = rate
        self.missing = FULL if rate.idle else 0
        self.tick = 0

    def refill(self, now_ns: int) -> None:
        """Add what came since the last time."""
        tick = now_ns // TICK_NS
        if tick > self.tick:
            self.missing = max(0, self.missing - (tick - self.tick) * self.rate.parts_per_tick)
        self.tick = tick

    def contains(self, tokens: int) -> bool:
        return tokens * self.rate.scale <= FULL - self.missing

    def remove(self, tokens: int) -> None:
        """Take tokens, or all there are if there are not so many."""
        self.missing = min(FULL, self.missing + tokens * self.rate.scale)

    def remove_if(self, tokens: int) -> bool:
        """Take so many tokens if there are; whether there were."""
        if not self.contains(tokens):
            return False
        self.remove(tokens)
        return True

    def wake_ns(self, tokens: int, now_ns: int) -> int | None:
        """When there are so many tokens; None: never."""
        self.refill(now_ns)
        wanted = tokens * self.rate.scale - (FULL - self.missing)
        if wanted <= 0:
            return now_ns
        if self.rate.idle or tokens > self.rate.capacity:
            return None
        return (self.tick + -(-wanted // self.rate.parts_per_tick)) * TICK_NS


def capacity(rate: int, duration_ms: int | None, tokens: int | None, debt: int = 0) -> int:
    """The capacity for a burst given in milliseconds (20 if it is in neither) or in tokens, and `debt` beyond it."""
    if tokens is None:
        tokens = rate * (20 if duration_ms is None else duration_ms) // 1000
    return min(tokens + debt, FULL) or 1


def spend(p: Packet, rate: TokenRate, needed: int, cost: Value | int) -> None:
    """Let a packet pass to output 0 if the bucket has `needed` tokens, and charge `cost`; to output 1 if it has not.

    One row of a table is the bucket: when it was charged last, and what is missing. Nothing is kept of a packet that
    found too few: refilling in two steps is the same as in one.
    """
    if rate.idle:
        p.divert(1, "over the rate")
        return
    table = ir.Table("bucket", (1,), (64, 64), 1)
    _, (then, owed) = p.lookup(table, (0,))
    now = p.unfollowed(p.now() // TICK_NS)
    elapsed = p.bind((now - then) * (then <= now).cast(64))
    short = (elapsed < rate.ticks_to_fill).cast(64)
    refill = p.bind((elapsed * short) * rate.parts_per_tick)
    missing = p.unfollowed((owed - refill) * short * (refill < owed).cast(64))
    with p.when(missing > FULL - needed * rate.scale):
        p.divert(1, "over the rate")
    charge = cost * rate.scale if isinstance(cost, int) else (cost.cast(64) * rate.scale)
    owing = p.bind(missing + charge)
    over = (owing > FULL).cast(64)
    kept = p.unfollowed(owing - (owing - FULL) * over)
    p.insert(table, (0,), (now, kept), min(MAX_IDLE_S, rate.ticks_to_fill // TICKS + 2))
    p.emit(0)
