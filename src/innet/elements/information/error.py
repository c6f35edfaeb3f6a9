"""Error."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element, Role


@dataclass(frozen=True)
class Error(Element):
    """Refuse the configuration, with a message: for compound elements that are used wrongly.

    Arguments:  MESSAGE (string, default "configuration error").
    Errors:     always the message.
    Source:     Click manual, Error.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION

    message: str = "configuration error"

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return (self.message,)
