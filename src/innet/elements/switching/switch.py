"""Switch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from innet.elements.arguments import Signed
from innet.elements.base import Element
from innet.elements.wording import in_use
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Switch(Element):
    """Send all packets to one output, which the `switch` handler can change.

    Ports:      in 0: any packet.  out 0..n-1: as set.
    Arguments:  OUTPUT (default 0); below zero: drop all packets.
    Drops:      "switched off".
    Errors:     OUTPUT is not in use.
    Source:     Click manual, Switch; CPUSwitch, on its first processor.  A write to `switch` is a new configuration of
                the element.
    """

    PORTS: ClassVar[str] = "1/-"
    ALIASES: ClassVar[tuple[str, ...]] = ("CPUSwitch",)
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "0", "-1")
    WRITABLE: ClassVar[Mapping[str, str]] = {"switch": "output"}

    output: Annotated[int, Signed()] = 0

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if self.output >= outputs:
            return (f"OUTPUT is {self.output}, but {in_use(outputs)}",)
        return ()

    def fitted(self, inputs: int, outputs: int) -> "Switch":
        return self if self.output < outputs else replace(self, output=-1)

    def push(self, p: Packet, port: int) -> None:
        if 0 <= self.output < p.outputs:
            p.emit(self.output)
        else:
            p.drop("switched off")
