"""TimedSource."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import RawString, Seconds, Unsigned
from innet.elements.base import Element, Role
from innet.elements.device.source import FILLER, TimerHolder, write_bytes
from innet.elements.holder import Holder, Io
from innet.ir.trace import Packet


@dataclass(frozen=True)
class TimedSource(Element):
    """Make a packet with fixed bytes at fixed intervals.

    Ports:      out 0 (push): packets with the bytes of DATA, no header marked, their timestamp the present.
    Arguments:  INTERVAL (seconds, to the nanosecond, default 0.5): also before the first packet.  DATA (bytes, default
                a text of 69).  LIMIT (keyword, packets, default -1: no end); ACTIVE (keyword, bool, default true); STOP
                (keyword, bool, default false): end the run after the last packet.  HEADROOM (keyword): without effect.
    Errors:     INTERVAL is zero.
    Source:     Click manual, TimedSource.
    """

    PORTS: ClassVar[str] = "0/1"
    PROCESSING: ClassVar[str] = "h/h"
    ROLE: ClassVar[Role] = Role.SOURCE
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "20ms, abc", "1, LIMIT 3, STOP true")
    WRITABLE: ClassVar[Mapping[str, str]] = {
        "interval": "interval_ns",
        "data": "data",
        "headroom": "headroom",
    }

    interval_ns: Annotated[int, Seconds(digits=9)] = 500_000_000
    data: Annotated[bytes, RawString()] = FILLER
    _: KW_ONLY
    limit: int = -1
    active: bool = True
    stop: bool = False
    headroom: Annotated[int, Unsigned()] = 28

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return () if self.interval_ns else ("INTERVAL is 0; expected a time",)

    def originate(self, p: Packet) -> None:
        write_bytes(p, self.data)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return TimerHolder(outputs, self.interval_ns, self.limit, self.active, self.stop)
