"""DriverManager."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest
from innet.elements.base import Element, Role
from innet.elements.control.instructions import Instruction, read_script
from innet.elements.control.scriptholder import ScriptHolder
from innet.elements.holder import Holder, Io


@dataclass(frozen=True)
class DriverManager(Element):
    """Say what happens when something asks for the end of the run.

    Ports:      none.
    Arguments:  one instruction each, as Script's. `pause [COUNT]` waits for so many requests to end the run (a source
                with STOP true makes one), `wait TIME` for time to pass or for one request. The run ends after the
                last instruction, or at `stop`. Without instructions: `pause`.
    Errors:     more than one in a configuration.
    Source:     Click manual, DriverManager.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    BARRED: ClassVar[str] = "scripts could change what was proven"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("pause, wait 0.1s, stop", "pause, write q.reset, stop")

    instructions: Annotated[tuple[str, ...], Rest()] = ()

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return read_script(self.instructions)[1]

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        script = read_script(self.instructions)[0] or (Instruction("pause", number=1),)
        return ScriptHolder(script, "DRIVER", io)
