"""How many packets an element turned away, by reason: the handler that Click's DETAILS argument makes."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from innet.elements.base import Element
from innet.elements.holder import Remembered

HANDLER = "drop_details"


@dataclass(frozen=True)
class Detailed(Element):
    """Base of elements with the argument DETAILS, whose programs then count each of `REASONS` under its name."""

    REASONS: ClassVar[tuple[str, ...]] = ()
    """Why packets are turned away, in the order of the checks."""

    _: KW_ONLY
    details: bool = False

    def reads(self) -> tuple[str, ...]:
        return (*self.READS, HANDLER) if self.details else self.READS

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        if handler != HANDLER:
            return super().read(handler, memory, argument)
        return "".join(f"{memory.statistic(reason)}\t{reason}\n" for reason in self.REASONS)
