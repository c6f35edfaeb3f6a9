"""Exponentially weighted moving averages, once for holders and handlers and once for programs.

An average moves by 1/2^`shift` of the distance to each new value, in fixed-point numbers of `bits` bits of fraction,
rounded as Click rounds them. A rate is the average of what came in each tick; the tick that runs does not count yet.
"""

from dataclasses import dataclass

from innet import ir
from innet.elements.argument_types import show_fixed
from innet.elements.meter.bucket import TICK_NS, TICKS
from innet.ir.trace import Packet, Value

GAP = 100
"""So many ticks without anything make an average zero."""
SHIFT, BITS = 4, 10
IDLE_S = 60
"""Long enough for an average to be zero when its row is forgotten."""


@dataclass(slots=True)
class Average:
    """A moving average of numbers; `value` is in units of 2^-`bits`."""

    shift: int = SHIFT
    bits: int = BITS
    value: int = 0

    def update(self, number: int, times: int = 1) -> None:
        """`number` was seen, so often in a row."""
        if times >= GAP:
            self.value = number << self.bits
            return
        for _ in range(times):
            self.value += ((number << self.bits) + (1 << self.shift >> 1) - self.value) >> self.shift

    def rounded(self) -> int:
        return (self.value + (1 << self.bits >> 1)) >> self.bits

    def show(self) -> str:
        return show_fixed(self.value, self.bits)


class RateAverage:
    """The moving average of a rate, in ticks of `tick_ns`."""

    def __init__(self, bits: int = BITS, shift: int = SHIFT, tick_ns: int = TICK_NS) -> None:
        self.average = Average(shift, bits)
        self.tick_ns = tick_ns
        self.tick = self.current = 0

    def update(self, amount: int, now_ns: int) -> None:
        """`amount` more came now."""
        tick = now_ns // self.tick_ns
        if tick != self.tick:
            self.average.update(self.current)
            if tick > self.tick:
                self.average.update(0, tick - self.tick - 1)
            self.tick, self.current = tick, 0
        self.current += amount

    @property
    def scaled(self) -> int:
        """What came a second, in units of 2^-bits."""
        return self.average.value * (10**9 // self.tick_ns)

    def rate(self) -> int:
        """What came a second."""
        return self.scaled >> self.average.bits

    def show(self, now_ns: int, factor: int = 1) -> str:
        """The rate by now, times `factor`."""
        self.update(0, now_ns)
        return show_fixed(self.scaled * factor, self.average.bits)


TABLE = ir.Table("average", (1,), (64, 64, 64), 1)
"""One row: the tick that runs, what came in it, the average of those before."""


def measured(p: Packet, amount: Value | int) -> Value:
    """The average of what came a tick before this one, in units of 2^-10; `amount` counts for this one. 64 bits."""
    _, (tick, current, average) = p.lookup(TABLE, (0,))
    now = p.unfollowed(p.now() // TICK_NS)
    level, before = p.local(average), p.local(current)
    zero, sixteen = Value(ir.Const(0, 64)), Value(ir.Const(16, 64))
    with p.when(now != tick):
        last = p.unfollowed((average * 15 + (current << BITS) + 8) >> SHIFT)
        level.set(zero)
        before.set(zero)
        gap = p.unfollowed(now - tick - 1)
        with p.when(gap < GAP):
            for _ in range(GAP - 1):
                # floor((15 a + 8) / 16) if a tick is left, a if not; step by step, kernels have few registers
                left = (zero - gap) >> 63
                last = p.unfollowed((last * (sixteen - left) + (left << 3)) >> SHIFT)
                gap = p.unfollowed(gap - left)
            level.set(last)
    more = Value(ir.Const(amount, 64)) if isinstance(amount, int) else amount.cast(64)
    result = level.value
    p.insert(TABLE, (0,), (now, p.unfollowed(before.value + more), result), IDLE_S)
    return result


def row_average(row: tuple[int, ...] | None, bits: int = BITS) -> RateAverage:
    """What the row of a program's average says."""
    found = RateAverage(bits)
    if row is not None:
        found.tick, found.current, found.average.value = row
    return found


assert TICKS * TICK_NS == 10**9
