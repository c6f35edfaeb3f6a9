"""Message."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.diagnostics import Diagnostic, Severity
from innet.elements.arguments import OneOf
from innet.elements.base import Element, Role


@dataclass(frozen=True)
class Message(Element):
    """Say something when the configuration is built.

    Arguments:  MESSAGE (string).  TYPE (`MESSAGE`, `WARNING` or `ERROR`, default `MESSAGE`).
    Errors:     the message, with TYPE `ERROR`.
    Source:     Click manual, Message.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = ('"hello"', "hello, WARNING")

    message: str
    type: Annotated[str, OneOf("MESSAGE", "WARNING", "ERROR")] = "MESSAGE"

    def warnings(self) -> tuple[Diagnostic, ...]:
        told = self.type != "ERROR"
        return (Diagnostic("C175", self.message, severity=Severity.WARNING),) if told else ()

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return (self.message,) if self.type == "ERROR" else ()
