"""Timestamps in programs and in packets: seconds and nanoseconds, 32 bits each."""

from innet.ir.interpret import NS, PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value

TIMESTAMP, FIRST_TIMESTAMP = 52, 32
"""Annotation bytes, 8 each (ELEMENTS 2.3)."""
ERA = 1 << 32
"""Seconds are counted modulo this."""


def read_time(p: Packet, at: int) -> Value:
    """The nanoseconds that the annotation at byte `at` says, 64 bits."""
    seconds, rest = p.raw(Mark.ANNOTATION, at, 4), p.raw(Mark.ANNOTATION, at + 4, 4)
    return p.bind(seconds.cast(64) * NS + rest.cast(64))


def write_time(p: Packet, at: int, time_ns: Value) -> None:
    """Set the annotation at byte `at` to a time in nanoseconds, 64 bits."""
    p.set_raw(Mark.ANNOTATION, at, 4, (time_ns // NS).cast(32))
    p.set_raw(Mark.ANNOTATION, at + 4, 4, (time_ns % NS).cast(32))


def since(p: Packet, time_ns: Value, start_ns: Value) -> Value:
    """`time_ns` - `start_ns`, its seconds modulo 2^32 if that is negative."""
    return p.bind(time_ns + ERA * NS - start_ns)


def time_at(packet: PacketBuffer, at: int) -> int:
    """The nanoseconds that the annotation at byte `at` of a packet says."""
    area = packet.annotations
    return int.from_bytes(area[at : at + 4], "big") * NS + int.from_bytes(area[at + 4 : at + 8], "big")


def show_time(time_ns: int) -> str:
    """A time as Click prints it: six digits after the point, nine where six do not do."""
    seconds, rest = divmod(time_ns, NS)
    return f"{seconds}.{rest // 1000:06}" if rest % 1000 == 0 else f"{seconds}.{rest:09}"
