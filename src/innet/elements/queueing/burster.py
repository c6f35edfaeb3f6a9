"""Burster."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.queueing.timedunqueue import TimedUnqueue


@dataclass(frozen=True)
class Burster(TimedUnqueue):
    """TimedUnqueue with a default BURST of 8 packets.

    Ports:      in 0 (pull): any.  out 0 (push): the same packet.
    Arguments:  INTERVAL (seconds, to the millisecond); BURST (packets, default 8, at least 1).
    State:      a timer, as TimedUnqueue's.
    Verifier:   the identity: when a packet leaves is not modelled.
    Source:     Click manual, Burster.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("0.1", "0.1, 4")

    burst: int = 8
