"""Choosing an output by a number that is known only when a packet arrives."""

from innet.ir.trace import Packet, Value


def emit_by_number(p: Packet, number: Value) -> None:
    """Emit on output `number`, which is below the number of outputs: one branch for each but the last."""
    for output in range(p.outputs - 1):
        with p.when(number == output):
            p.emit(output)
    p.emit(p.outputs - 1)


def modulo(p: Packet, number: Value, divisor: int) -> Value:
    """`number` modulo `divisor`, for numbers below 2^32 / `divisor`, as 32 bits.

    The IR has no division: the quotient is number * ceil(2^32 / divisor) >> 32, which is exact in that range.
    """
    wide = p.bind(number.cast(64))
    quotient = (wide * -(-(1 << 32) // divisor)) >> 32
    return p.bind((wide - quotient * divisor).cast(32))
