"""HandlerProxy."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import ElementRef
from innet.elements.base import Element, Role
from innet.elements.control.scriptholder import GENERIC
from innet.elements.holder import Context, HandlerError, Holder, Io


class ProxyHolder(Holder):
    """Hands reads and writes of handlers on to another element."""

    def __init__(self, element: str) -> None:
        self.element, self.asking = element, False

    def answer(self, handler: str, argument: str, context: Context) -> str | None:
        if handler in GENERIC:
            return None
        self.enter()
        try:
            return context.read(f"{self.element}.{handler} {argument}".rstrip())
        finally:
            self.asking = False

    def writes(self, handler: str) -> bool:
        return handler not in GENERIC

    def write(self, handler: str, value: str, context: Context) -> bool:
        self.enter()
        try:
            context.write(f"{self.element}.{handler}", value)
        finally:
            self.asking = False
        return True

    def enter(self) -> None:
        if self.asking:
            raise HandlerError("proxies hand a handler on in a circle")
        self.asking = True


@dataclass(frozen=True)
class HandlerProxy(Element):
    """Stand for another element: its handlers are this one's, too.

    Arguments:  ELEMENT.  VERBOSE (keyword, bool): accepted, without effect.
    Source:     Click manual, HandlerProxy.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION

    element: Annotated[str, ElementRef()]
    _: KW_ONLY
    verbose: bool = False

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return ProxyHolder(self.element)
