"""PullSwitch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from innet.elements.arguments import Signed
from innet.elements.base import Element
from innet.elements.wording import in_use
from innet.ir.trace import Packet


@dataclass(frozen=True)
class PullSwitch(Element):
    """Pull from one input, which the `switch` handler can change.

    Ports:      in 0..n-1 (pull): any.  out 0 (pull): the packets of one of them.
    Arguments:  INPUT (default 0); below zero: none.
    Drops:      "switched off": what comes by another input (nobody pulls there).
    Errors:     INPUT is not in use.
    Source:     Click manual, PullSwitch.
    """

    PORTS: ClassVar[str] = "1-/1"
    PROCESSING: ClassVar[str] = "l/l"
    ALIASES: ClassVar[tuple[str, ...]] = ("SimplePullSwitch",)
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "0", "-1")
    WRITABLE: ClassVar[Mapping[str, str]] = {"switch": "input"}

    input: Annotated[int, Signed()] = 0

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if self.input >= inputs:
            return (f"INPUT is {self.input}, but {in_use(inputs, 'input')}",)
        return ()

    def fitted(self, inputs: int, outputs: int) -> "PullSwitch":
        return self if self.input < inputs else replace(self, input=-1)

    def push(self, p: Packet, port: int) -> None:
        only(p, port == self.input)

    def pull_input(self, output: int) -> int | None:
        return self.input if self.input >= 0 else None


def only(p: Packet, chosen: bool) -> None:
    """Let the packets of the chosen input pass."""
    if chosen:
        p.emit(0)
    else:
        p.drop("switched off")
