"""InfiniteSource."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import HandlerCall, RawString
from innet.elements.base import Element, Role
from innet.elements.device.source import FILLER, BurstHolder, content, length_problems, write_bytes
from innet.elements.holder import Holder, Io
from innet.ir.trace import Packet


@dataclass(frozen=True)
class InfiniteSource(Element):
    """Make packets with fixed bytes, as many as asked for.

    Ports:      out 0: packets with the bytes of DATA, no header marked. Pushed as fast as the rest goes, but not while
                every queue behind is full; or pulled.
    Arguments:  DATA (bytes, default a text of 69); LIMIT (packets, default -1: no end); BURST (packets a turn, default
                1); ACTIVE (bool, default true).  LENGTH (keyword, bytes, default -1: all of DATA): cut or repeat it.
                TIMESTAMP (keyword, bool, default true).  STOP (keyword, bool, default false): end the run after the
                last packet; or END_CALL (keyword, a handler to write then).
    Source:     Click manual, InfiniteSource.
    """

    PORTS: ClassVar[str] = "0/1"
    ROLE: ClassVar[Role] = Role.SOURCE
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "abc, 5", "LIMIT 3, LENGTH 100, STOP true")

    WRITABLE: ClassVar[Mapping[str, str]] = {"data": "data", "length": "length"}

    data: Annotated[bytes, RawString()] = FILLER
    limit: int = -1
    burst: int = 1
    active: bool = True
    _: KW_ONLY
    timestamp: bool = True
    length: int = -1
    stop: bool = False
    end_call: Annotated[tuple[str, str] | None, HandlerCall()] = None

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        if self.burst < 1:
            found.append(f"BURST is {self.burst}; expected at least 1 packet")
        found += length_problems(self.data, self.length)
        if self.stop and self.end_call is not None:
            found.append("STOP and END_CALL exclude each other")
        return tuple(found)

    def content(self) -> bytes:
        """The bytes of each packet."""
        return content(self.data, self.length)

    def originate(self, p: Packet) -> None:
        write_bytes(p, self.content())
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return BurstHolder(self, outputs)
