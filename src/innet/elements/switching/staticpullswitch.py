"""StaticPullSwitch."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Signed
from innet.elements.base import Element
from innet.elements.switching.selected import only
from innet.ir.trace import Packet


@dataclass(frozen=True)
class StaticPullSwitch(Element):
    """Pull from one input, for ever.

    Ports:      in 0..n-1 (pull): any.  out 0 (pull): the packets of one of them.
    Arguments:  INPUT; one that is not in use: none.
    Drops:      "switched off": what comes by another input (nobody pulls there).
    Source:     Click manual, StaticPullSwitch.
    """

    PORTS: ClassVar[str] = "1-/1"
    PROCESSING: ClassVar[str] = "l/l"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("0", "-1")

    input: Annotated[int, Signed()]

    def push(self, p: Packet, port: int) -> None:
        only(p, port == self.input)

    def pull_input(self, output: int) -> int | None:
        return self.input if self.input >= 0 else None
