"""Schedulers: several pull inputs, one pull output, a rule for whose packet goes next."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Pulling
from innet.ir.trace import Packet


class SchedulerHolder(Holder):
    """Asks the inputs in the order that `order` gives, until one has a packet."""

    PULLS = True

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs

    def order(self) -> Iterable[int]:
        """The inputs, in the order they are to be asked."""
        return range(self.inputs)

    def served(self, port: int) -> None:
        """Input `port` gave the packet."""

    def pull(self, port: int, context: Context) -> Pulling:
        for wanted in self.order():
            packet = yield wanted
            if packet is not None:
                self.served(wanted)
                return packet
        return None


@dataclass(frozen=True)
class PullScheduler(Element):
    """What schedulers have in common; no element class of its own."""

    PORTS: ClassVar[str] = "-/1"
    PROCESSING: ClassVar[str] = "l/l"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)

    def push(self, p: Packet, port: int) -> None:
        p.hold()
