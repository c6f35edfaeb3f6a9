"""What elements that delay packets have in common."""

from innet.ir.trace import Packet


def any_timestamp(p: Packet) -> None:
    """The timestamp becomes one that nobody can foretell: proofs have no time."""
    p.anno.time_s = p.random(32)
    p.anno.time_ns = p.random(32)
