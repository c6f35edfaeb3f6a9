"""Meter: outputs by the rate of packets."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.argument_types import show_fixed
from innet.elements.arguments import Bandwidth, Rest
from innet.elements.base import Element
from innet.elements.holder import Remembered
from innet.elements.meter.average import BITS, TABLE, measured, row_average
from innet.elements.meter.bucket import TICKS
from innet.elements.wording import in_use
from innet.ir.trace import Packet, Value


@dataclass(frozen=True)
class Meter(Element):
    """Choose the output by how many packets came a second lately.

    Ports:      in 0: any packet.  out 0: the rate is below RATE1.  out k: RATEk is reached, the next one is not.
    Arguments:  RATE1, RATE2, ... (packets a second), each higher than the one before; one fewer than outputs.
    State:      `average`: packets a millisecond, a moving average that goes 1/16 of the way each millisecond.
    Verifier:   any output is possible for any packet.
    Errors:     the rates do not rise, or there are not as many as outputs need.
    Source:     Click manual, Meter.  A packet is counted before it is judged, but its millisecond is averaged when it
                is over, as Click does it.
    """

    PORTS: ClassVar[str] = "1/2-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("40", "20, 50")
    READS: ClassVar[tuple[str, ...]] = ("rate", "meters")

    rates: Annotated[tuple[int, ...], Rest(Bandwidth())]

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        if any(a >= b for a, b in zip(self.rates, self.rates[1:], strict=False)):
            found.append(f"the rates {', '.join(map(str, self.rates))} do not rise")
        if len(self.rates) + 1 != outputs:
            found.append(f"{len(self.rates)} rates need {len(self.rates) + 1} outputs, but {in_use(outputs)}")
        return tuple(found)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        if handler == "rate":
            return row_average(memory.rows(TABLE).get((0,))).show(memory.now_ns)
        return "\n".join(show_fixed(threshold(rate) * TICKS, BITS) for rate in self.rates)

    def amount(self, p: Packet) -> Value | int:
        """What a packet counts."""
        return 1

    def push(self, p: Packet, port: int) -> None:
        average = measured(p, self.amount(p))
        for output, rate in enumerate(self.rates):
            with p.when(average < threshold(rate)):
                p.emit(output)
        p.emit(len(self.rates))


def threshold(rate: int) -> int:
    """So much a second, as the average has it."""
    return (rate << BITS) // TICKS
