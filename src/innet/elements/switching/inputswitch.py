"""InputSwitch."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.switching.selected import OneInput


@dataclass(frozen=True)
class InputSwitch(OneInput):
    """Let the packets of one input through, which the `switch` handler can change.

    Ports:      in 0..n-1 (push): any.  out 0 (push): the packets of one of them.
    Arguments:  INPUT (default 0); below zero: none.
    Drops:      "switched off": the packets of the other inputs.
    Errors:     INPUT is not in use.
    Source:     Click manual, InputSwitch.
    """

    PROCESSING: ClassVar[str] = "h/h"
