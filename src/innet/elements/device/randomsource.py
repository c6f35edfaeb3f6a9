"""RandomSource."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import HandlerCall, Unsigned
from innet.elements.base import Element, Role
from innet.elements.device.source import BurstHolder
from innet.elements.holder import Holder, Io
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class RandomSource(Element):
    """Make packets of random bytes, as many as asked for.

    Ports:      out 0: packets of LENGTH random bytes, no header marked; pushed or pulled, as InfiniteSource's.
    Arguments:  LENGTH (bytes, at most 65535); LIMIT (packets, default -1: no end); BURST (packets a turn, default 1);
                ACTIVE (bool, default true).  TIMESTAMP (keyword, bool, default true); STOP (keyword, bool, default
                false): end the run after the last packet; or END_CALL (keyword, a handler to write then).
    Errors:     BURST is below 1; STOP and END_CALL exclude each other.
    Source:     Click manual, RandomSource.
    """

    PORTS: ClassVar[str] = "0/1"
    ROLE: ClassVar[Role] = Role.SOURCE
    EXAMPLES: ClassVar[tuple[str, ...]] = ("64", "0, 5", "1500, LIMIT 3, STOP true")

    length: Annotated[int, Unsigned(16)]
    limit: int = -1
    burst: int = 1
    active: bool = True
    _: KW_ONLY
    timestamp: bool = True
    stop: bool = False
    end_call: Annotated[tuple[str, str] | None, HandlerCall()] = None

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        if self.burst < 1:
            found.append(f"BURST is {self.burst}; expected at least 1 packet")
        if self.stop and self.end_call is not None:
            found.append("STOP and END_CALL exclude each other")
        return tuple(found)

    def originate(self, p: Packet) -> None:
        p.set_mark(Mark.END, Mark.DATA, self.length)
        if self.length:
            p.havoc(Mark.DATA)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return BurstHolder(self, outputs)
