"""QuitWatcher."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import ElementRef, Rest
from innet.elements.base import Element, Role
from innet.elements.holder import Context, HandlerError, Holder, Io
from innet.ir.interpret import NS


class WatchHolder(Holder):
    """Looks every second whether the tasks of some elements want to run still."""

    RUNS = True

    def __init__(self, elements: tuple[str, ...]) -> None:
        self.elements, self.next_ns, self.over = elements, NS, False

    def wake_ns(self, context: Context) -> int | None:
        return None if self.over else self.next_ns

    def run(self, context: Context) -> bool:
        self.next_ns = context.now_ns + NS
        if not any(self.scheduled(element, context) for element in self.elements):
            self.over = True
            context.stop()
        return self.over

    def scheduled(self, element: str, context: Context) -> bool:
        try:
            return context.read(f"{element}.scheduled") == "true"
        except HandlerError:
            return False


@dataclass(frozen=True)
class QuitWatcher(Element):
    """End the run when no task of some elements is scheduled any more; it looks every second.

    Arguments:  ELEMENT, ...
    Source:     Click manual, QuitWatcher.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION

    elements: Annotated[tuple[str, ...], Rest(ElementRef())]

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return WatchHolder(self.elements)
