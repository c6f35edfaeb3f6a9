"""ProgressBar."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, handler_bool, show_bool


class BarHolder(Holder):
    """What the handlers of a bar say that is not shown."""

    WRITABLE = ("active", "banner", "mark_done", "mark_stopped", "reset")

    def __init__(self, element: "ProgressBar") -> None:
        self.active, self.banner = element.active, element.banner

    def read(self, handler: str) -> str | None:
        match handler:
            case "active":
                return show_bool(self.active)
            case "banner":
                return self.banner
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        match handler:
            case "active":
                self.active = handler_bool(value)
            case "banner":
                self.banner = value
        return handler in self.WRITABLE


@dataclass(frozen=True)
class ProgressBar(Element):
    """Show how far a run is: accepted; `innet run` shows by itself how much of the captures was read.

    Arguments:  handlers that tell a position and a size.  FILLH, SIZEH, RESETH, BANNER, UPDATE, DELAY, ACTIVE,
                CHECK_STDERR (keywords).
    State:      handlers `active`, `banner`; `mark_done`, `mark_stopped` and `reset` do nothing.
    Source:     Click manual, ProgressBar.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = ("f.filepos, f.filesize, BANNER reading",)

    handlers: Annotated[tuple[str, ...], Rest()] = ()
    _: KW_ONLY
    fillh: str = ""
    sizeh: str = ""
    reseth: str = ""
    banner: str = ""
    update: str = ""
    delay: str = ""
    active: bool = True
    check_stderr: bool = True

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return BarHolder(self)
