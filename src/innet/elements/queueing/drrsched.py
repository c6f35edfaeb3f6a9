"""DRRSched: deficit round robin."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.holder import Context, Holder, Io, Pulling
from innet.elements.queueing.scheduler import PullScheduler
from innet.ir.interpret import PacketBuffer


class DRRHolder(Holder):
    """What each input has to its credit, and its first packet if that was too long."""

    PULLS = NOTIFIES = True

    def __init__(self, inputs: int, quantum: int) -> None:
        self.quantum = quantum
        self.deficits = [0] * inputs
        self.heads: list[PacketBuffer | None] = [None] * inputs
        self.next = 0

    def pull(self, port: int, context: Context) -> Pulling:
        for _ in self.heads:
            at = self.next
            packet = self.heads[at]
            if packet is None:
                packet = yield at
            self.heads[at] = None
            if packet is None:
                self.deficits[at] = 0
            elif len(packet.data) <= self.deficits[at]:
                self.deficits[at] -= len(packet.data)
                return packet
            else:
                self.heads[at] = packet
            self.next = (at + 1) % len(self.heads)
            self.deficits[self.next] += self.quantum
        return None

    def waiting(self) -> bool:
        return self.holding() > 0

    def holding(self) -> int:
        return sum(head is not None for head in self.heads)


@dataclass(frozen=True)
class DRRSched(PullScheduler):
    """Give the inputs equal shares of bytes: deficit round robin.

    Ports:      in 0.. (pull): any.  out 0 (pull): the packet, unchanged.
    Arguments:  QUANTUM (bytes, default 500): what an input may send more each time its turn comes. An input keeps its
                turn while its next packet is no longer than what it has left; one without packets loses what it has.
    State:      for each input what it has left, and its first packet if that was too long.
    Verifier:   the identity for every input.
    Errors:     QUANTUM is below 1.
    Source:     Click manual, DRRSched; Shreedhar and Varghese, deficit round robin.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "1500")

    quantum: int = 500

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return () if self.quantum > 0 else (f"QUANTUM is {self.quantum}; expected at least 1 byte",)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return DRRHolder(len(inputs), self.quantum)
