"""PullSwitch."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.switching.selected import OneInput


@dataclass(frozen=True)
class PullSwitch(OneInput):
    """Pull from one input, which the `switch` handler can change.

    Ports:      in 0..n-1 (pull): any.  out 0 (pull): the packets of one of them.
    Arguments:  INPUT (default 0); below zero: none.
    Drops:      "switched off": what comes by another input (nobody pulls there).
    Errors:     INPUT is not in use.
    Source:     Click manual, PullSwitch.
    """

    PROCESSING: ClassVar[str] = "l/l"
    ALIASES: ClassVar[tuple[str, ...]] = ("SimplePullSwitch",)

    def pull_input(self, output: int) -> int | None:
        return self.input if self.input >= 0 else None
