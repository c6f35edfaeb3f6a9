"""InputSwitch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from innet.elements.arguments import Signed
from innet.elements.base import Element
from innet.elements.switching.pullswitch import only
from innet.elements.wording import in_use
from innet.ir.trace import Packet


@dataclass(frozen=True)
class InputSwitch(Element):
    """Let the packets of one input through, which the `switch` handler can change.

    Ports:      in 0..n-1 (push): any.  out 0 (push): the packets of one of them.
    Arguments:  INPUT (default 0); below zero: none.
    Drops:      "switched off": the packets of the other inputs.
    Errors:     INPUT is not in use.
    Source:     Click manual, InputSwitch.
    """

    PORTS: ClassVar[str] = "1-/1"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "0", "-1")
    WRITABLE: ClassVar[Mapping[str, str]] = {"switch": "input"}

    input: Annotated[int, Signed()] = 0

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if self.input >= inputs:
            return (f"INPUT is {self.input}, but {in_use(inputs, 'input')}",)
        return ()

    def fitted(self, inputs: int, outputs: int) -> "InputSwitch":
        return self if self.input < inputs else replace(self, input=-1)

    def push(self, p: Packet, port: int) -> None:
        only(p, port == self.input)
