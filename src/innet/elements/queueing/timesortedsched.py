"""TimeSortedSched: merge by timestamp."""

from dataclasses import KW_ONLY, dataclass
from heapq import heappop, heappush
from typing import ClassVar

from innet.elements.holder import Context, Holder, Io, Pulling, show_bool, timestamp_of
from innet.elements.queueing.scheduler import PullScheduler
from innet.ir.interpret import PacketBuffer


class TimeSortedHolder(Holder):
    """The first packets of each input, the one with the earliest timestamp first."""

    PULLS = NOTIFIES = True
    READS = ("well_ordered",)

    def __init__(self, inputs: int, stop: bool, buffer: int) -> None:
        self.stop = stop
        self.space = [buffer] * inputs
        self.packets: list[tuple[int, int, int, PacketBuffer]] = []  # timestamp, number, input
        self.number = 0
        self.last = 0
        self.well_ordered = True

    def pull(self, port: int, context: Context) -> Pulling:
        for at in range(len(self.space)):
            while self.space[at] > 0:
                packet = yield at
                if packet is None:
                    break
                self.number += 1
                heappush(self.packets, (timestamp_of(packet), self.number, at, packet))
                self.space[at] -= 1
        if not self.packets:
            if self.stop and not any(map(context.waiting, range(len(self.space)))):
                context.stop()
            return None
        time_ns, _, at, packet = heappop(self.packets)
        self.space[at] += 1
        if time_ns:
            self.well_ordered = self.well_ordered and time_ns >= self.last
            self.last = time_ns
        return packet

    def waiting(self) -> bool:
        return bool(self.packets)

    def holding(self) -> int:
        return len(self.packets)

    def read(self, handler: str) -> str | None:
        return show_bool(self.well_ordered) if handler == "well_ordered" else None


@dataclass(frozen=True)
class TimeSortedSched(PullScheduler):
    """Merge the inputs' packets in the order of their timestamps.

    Ports:      in 0.. (pull): packets in the order of their timestamps.  out 0 (pull): the earliest, unchanged.
    Arguments:  STOP (keyword, bool, default false): end the run when no input has anything left.  BUFFER (keyword,
                packets, default 1, at least 1): how many of each input are looked at.
    State:      up to BUFFER packets of each input.
    Verifier:   the identity for every input.
    Errors:     BUFFER is below 1.
    Source:     Click manual, TimeSortedSched.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "STOP true, BUFFER 4")

    _: KW_ONLY
    stop: bool = False
    buffer: int = 1

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return () if self.buffer >= 1 else (f"BUFFER is {self.buffer}; expected at least 1 packet",)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return TimeSortedHolder(len(inputs), self.stop, self.buffer)
