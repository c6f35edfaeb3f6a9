"""What the switches that let one input through have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

from innet.elements.arguments import Signed
from innet.elements.base import Element
from innet.elements.wording import in_use
from innet.ir.trace import Packet


@dataclass(frozen=True)
class OneInput(Element):
    """Base of the elements that let the packets of one input through."""

    PORTS: ClassVar[str] = "1-/1"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "0", "-1")
    WRITABLE: ClassVar[Mapping[str, str]] = {"switch": "input"}

    input: Annotated[int, Signed()] = 0

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if self.input >= inputs:
            return (f"INPUT is {self.input}, but {in_use(inputs, 'input')}",)
        return ()

    def fitted(self, inputs: int, outputs: int) -> Self:
        return self if self.input < inputs else replace(self, input=-1)

    def push(self, p: Packet, port: int) -> None:
        only(p, port == self.input)


def only(p: Packet, chosen: bool) -> None:
    """Let the packets of the chosen input pass."""
    if chosen:
        p.emit(0)
    else:
        p.drop("switched off")
