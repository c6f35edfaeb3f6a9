"""What a target cannot do, said by name before anything is deployed."""

from dataclasses import dataclass

WHOLE = "the whole"
"""In place of a statement: all of the element's program."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Input `port` of `element` has to run on the slow path, because of `what` (a statement), for the reason `why`."""

    element: str
    port: int
    what: str
    why: str

    @property
    def reason(self) -> str:
        """For people: the statement, if it is one, and why."""
        return self.why if self.what == WHOLE else f"{self.what}: {self.why}"

    def __str__(self) -> str:
        return f"{self.element}[{self.port}]: {self.what}: {self.why}"


class CannotCompileError(Exception):
    """Raised while a statement is compiled; the emitter turns it into an `Unsupported` that names the element."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what, self.why = what, why
