"""PI: a proportional-integral controller of a queue's length."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import ElementRef, ListOf, Unsigned
from innet.elements.base import Element
from innet.elements.holder import Context, Holder, Io
from innet.elements.queueing.dropper import DropperHolder, EarlyDropper
from innet.ir.interpret import NS, PacketBuffer


class PIHolder(DropperHolder):
    """The probability of drops, and the length it was computed from."""

    RUNS = True

    def __init__(self, element: "PI") -> None:
        super().__init__(element.queues)
        self.element = element
        self.probability = 0.0
        self.before = 0
        self.next_ns: int | None = None

    def condemns(self, packet: PacketBuffer, context: Context) -> bool:
        return context.random.random() < self.probability

    def wake_ns(self, context: Context) -> int | None:
        if self.next_ns is None:
            self.next_ns = context.now_ns + self.interval_ns
        return self.next_ns

    @property
    def interval_ns(self) -> int:
        return max(1_000_000, int(self.element.w * NS))

    def run(self, context: Context) -> bool:
        self.next_ns = context.now_ns + self.interval_ns
        length, target = self.queue_length(context), self.element.target
        change = self.element.a * (length - target) - self.element.b * (self.before - target)
        self.probability = min(1.0, max(0.0, self.probability + change))
        self.before = length
        return False

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, PI)
        self.element = element


@dataclass(frozen=True)
class PI(EarlyDropper):
    """Drop packets at random with a probability that a proportional-integral controller sets.

    Ports:      in 0: any packet.  out 0: those that were kept.  out 1 (push, optional; dropped if unconnected): the
                others.
    Arguments:  W (seconds between two steps); A, B (not negative): each step adds A (length - TARGET) and takes off B
                (length of the step before - TARGET); TARGET (packets, at most 65535).  QUEUES (names, default: the
                queues next to it).  STABILITY (keyword, 1-16): accepted, without effect.
    State:      the probability of drops, 0 at first, and the length at the last step.
    Drops:      "dropped early".
    Verifier:   either output is possible for any packet.
    Errors:     W, A or B is negative; there is no queue near it.
    Source:     Click manual, PI; Hollot, Misra, Towsley and Gong, a PI controller for routers. Click's own text of it
                does not compile and drops when it should not; this is what it says it does.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("0.01, 0.00002, 0.000018, 50",)
    WRITABLE: ClassVar[Mapping[str, str]] = {"w": "w", "a": "a", "b": "b"}

    w: float
    a: float
    b: float
    target: Annotated[int, Unsigned(16)]
    queues: Annotated[tuple[str, ...], ListOf(ElementRef())] = ()
    _: KW_ONLY
    stability: Annotated[int, Unsigned()] = 4

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = [f"{name} is negative" for name in ("W", "A", "B") if getattr(self, name.lower()) < 0]
        if not 1 <= self.stability <= 16:
            found.append(f"STABILITY is {self.stability}; expected 1 to 16")
        return tuple(found)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return PIHolder(self)
