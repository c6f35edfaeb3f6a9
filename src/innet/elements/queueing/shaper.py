"""Shaper: let so many packets a second be pulled."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Pulling
from innet.elements.meter.gaprate import MAX_RATE, GapRate
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet


class ShaperHolder(Holder):
    """The count of a Shaper. It has a task only to have the clock set forward to when a packet may pass again."""

    PULLS = RUNS = True
    WRITABLE = ("reset",)
    SPILLS = True
    """Whether output 1 gives what output 0 must not."""

    def __init__(self, rate: int) -> None:
        self.gap = GapRate(rate)
        self.refused = False

    def cost(self, packet: PacketBuffer) -> int:
        """What a packet counts."""
        return 1

    def pull(self, port: int, context: Context) -> Pulling:
        allowed = self.gap.allows(context.now_ns)
        spilling = self.SPILLS and port == 1
        if allowed == spilling:
            self.refused = self.refused or not spilling
            return None
        packet = yield 0
        if packet is not None and not spilling:
            self.gap.passed(self.cost(packet))
        return packet

    def wake_ns(self, context: Context) -> int | None:
        return self.gap.wake_ns(context.now_ns) if self.refused else None

    def run(self, context: Context) -> bool:
        self.refused = False
        return False

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler != "reset":
            return False
        self.gap.reset()
        return True

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, Shaper)
        self.gap.set_rate(element.rate)


@dataclass(frozen=True)
class Shaper(Element):
    """Let at most RATE packets a second be pulled, evenly over each second of the clock.

    Ports:      in 0 (pull): any.  out 0 (pull): a packet, when one may pass.  out 1 (pull, optional): a packet, when
                none may pass by output 0.
    Arguments:  RATE (packets a second, at most 4096000000).
    State:      how many packets passed in this second of the clock. What was too much is taken off the next second,
                and what a second with traffic left unused, up to RATE, is added to it.
    Verifier:   the identity: when a packet leaves is not modelled.
    Source:     Click manual, Shaper.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "l/l"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("100",)
    WRITABLE: ClassVar[Mapping[str, str]] = {"rate": "rate"}

    rate: Annotated[int, Unsigned()]

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return () if self.rate <= MAX_RATE else (f"RATE is {self.rate}; expected at most {MAX_RATE}",)

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        if p.outputs > 1:
            with p.when(p.random(1) == 1):
                p.emit(1)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return ShaperHolder(self.rate)
