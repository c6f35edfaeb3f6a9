"""Click's counter of packets in a wall-clock second, which Shaper and the fast sources go by."""

NS = 10**9
SHIFT = 12
MAX_RATE = 1_000_000 << SHIFT


class GapRate:
    """So many things a second, evenly over each second of the clock; at most 2^12 million.

    At fraction f of a second as many as f * rate may have been let through. A new second takes the rate off the count,
    once, if something was let through: too many are remembered, and too few are a credit.
    """

    def __init__(self, rate: int) -> None:
        self.rate = self.gap = self.count = 0
        self.second: int | None = None
        self.set_rate(rate)

    def set_rate(self, rate: int) -> None:
        """Another rate; the count starts in phase with the clock."""
        self.rate = min(rate, MAX_RATE)
        self.gap = MAX_RATE // self.rate if self.rate else MAX_RATE + 1
        self.reset()

    def reset(self) -> None:
        self.second = None

    def allows(self, now_ns: int) -> bool:
        """Whether one more may pass now."""
        second, usec = now_ns // NS, now_ns % NS // 1000
        need = (usec << SHIFT) // self.gap
        if self.second is None:
            self.second = second
            self.count = need + ((usec << SHIFT) - need * self.gap > self.gap // 2)
        elif second > self.second:
            self.second = second
            if self.count > 0:
                self.count -= self.rate
        return need >= self.count

    def passed(self, amount: int = 1) -> None:
        """So much passed."""
        self.count += amount

    def wake_ns(self, now_ns: int) -> int:
        """When to ask again: when one more may pass, or at the next second."""
        if self.allows(now_ns):
            return now_ns
        usec = -(-self.count * self.gap >> SHIFT)
        second = now_ns // NS
        return (second + 1) * NS if usec >= 1_000_000 else second * NS + usec * 1000
