"""TimedSink: discard a packet at fixed intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Seconds
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io
from innet.ir.trace import Packet

REASON = "discarded"


class TimedSinkHolder(Holder):
    """The timer."""

    RUNS = True

    def __init__(self, interval_ns: int) -> None:
        self.interval_ns = interval_ns
        self.next_ns: int | None = None

    def wake_ns(self, context: Context) -> int | None:
        if self.next_ns is None:
            self.next_ns = context.now_ns + self.interval_ns
        return self.next_ns

    def run(self, context: Context) -> bool:
        self.next_ns = (self.next_ns or context.now_ns) + max(1, self.interval_ns)
        if context.pull(0) is None:
            return False
        context.drop(REASON)
        return True

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, TimedSink)
        self.interval_ns = element.interval_ns


@dataclass(frozen=True)
class TimedSink(Element):
    """Pull a packet every INTERVAL and throw it away.

    Ports:      in 0 (pull): any packet.
    Arguments:  INTERVAL (seconds, to the nanosecond, default 0.5): also before the first packet.
    State:      a timer that does not drift.
    Drops:      "discarded": every packet.
    Source:     Click manual, TimedSink.
    """

    PORTS: ClassVar[str] = "1/0"
    PROCESSING: ClassVar[str] = "l/h"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "20ms")
    WRITABLE: ClassVar[Mapping[str, str]] = {"interval": "interval_ns"}

    interval_ns: Annotated[int, Seconds(digits=9)] = 500_000_000

    def push(self, p: Packet, port: int) -> None:
        p.drop(REASON)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return TimedSinkHolder(self.interval_ns)
