"""Timestamps inside packet programs: seconds and nanoseconds, side by side, without a multiplication."""

from dataclasses import dataclass

from innet.ir.trace import Packet, Value

NS = 1_000_000_000
FOREVER_S = 0x7FFF_FFFF
"""How long cells of state may lie idle."""


@dataclass(frozen=True)
class Instant:
    """A point in time: seconds, and nanoseconds below a second."""

    s: Value
    ns: Value

    def before(self, other: "Instant | int") -> Value:
        """Whether it is earlier than `other`, which may be nanoseconds from 1970."""
        s, ns = divmod(other, NS) if isinstance(other, int) else (other.s, other.ns)
        return (self.s < s) | ((self.s == s) & (self.ns < ns))

    @property
    def unset(self) -> Value:
        return (self.s == 0) & (self.ns == 0)

    def plus(self, p: Packet, time_ns: int) -> "Instant":
        """So many nanoseconds later."""
        s, ns = divmod(time_ns, NS)
        seconds, rest = p.local(self.s + s), p.local(self.ns + ns)
        with p.when(rest.value >= NS):
            seconds.set(seconds.value + 1)
            rest.set(rest.value - NS)
        return Instant(seconds.value, rest.value)


def stamp(p: Packet) -> Instant:
    """The packet's timestamp annotation."""
    return Instant(p.anno.time_s, p.anno.time_ns)


def stamp_if_unset(p: Packet) -> None:
    """Give a packet without a timestamp the time that it is now."""
    with p.when(stamp(p).unset):
        now = p.now()
        p.anno.time_s = (now // NS).cast(32)
        p.anno.time_ns = (now % NS).cast(32)


def joined(s: int, ns: int) -> int:
    """Nanoseconds from the two columns of a table."""
    return s * NS + ns
