"""RatedSource."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Bandwidth, RawString, Unsigned
from innet.elements.base import Element, Role
from innet.elements.device.source import FILLER, SourceHolder, content, length_problems, write_bytes
from innet.elements.holder import Context, Holder, Io
from innet.elements.meter.bucket import TokenBucket, TokenRate
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet


class RatedSourceHolder(SourceHolder):
    """A source with a token bucket."""

    def __init__(self, element: "RatedSource", outputs: str) -> None:
        super().__init__(outputs, element.limit, element.active, element.stop)
        self.bucket = TokenBucket(element.tokens())

    def wake_ns(self, context: Context) -> int | None:
        if self.pulled or self.over:
            return None
        return 0 if self.spent() else self.bucket.wake_ns(1, context.now_ns)

    def run(self, context: Context) -> bool:
        if self.spent():
            self.finish(context)
            return True
        self.bucket.refill(context.now_ns)
        if not self.bucket.remove_if(1):
            return False
        self.make(context)
        return True

    def take(self, context: Context) -> PacketBuffer | None:
        if self.active and not self.spent():
            self.bucket.refill(context.now_ns)
            if not self.bucket.remove_if(1):
                return None
        return super().take(context)

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, RatedSource)
        self.bucket.rate = element.tokens()


@dataclass(frozen=True)
class RatedSource(Element):
    """Make packets with fixed bytes at a rate.

    Ports:      out 0: packets with the bytes of DATA, no header marked, their timestamp the present; pushed or pulled.
    Arguments:  DATA (bytes, default a text of 69); RATE (packets a second, default 10); LIMIT (packets, default -1: no
                end); ACTIVE (bool, default true).  LENGTH (keyword, bytes, default -1: all of DATA): cut or repeat it.
                STOP (keyword, bool, default false): end the run after the last packet.  BANDWIDTH (keyword): a RATE of
                so many bytes a second.
    State:      a token bucket of 2 packets, or of a hundredth of a second's, full at first.
    Errors:     LENGTH is above 65535; there is no DATA to repeat.
    Source:     Click manual, RatedSource.
    """

    PORTS: ClassVar[str] = "0/1"
    ROLE: ClassVar[Role] = Role.SOURCE
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "abc, 100, 5", "LENGTH 100, BANDWIDTH 8kbps, STOP true")
    WRITABLE: ClassVar[Mapping[str, str]] = {"data": "data", "rate": "rate", "length": "length"}

    data: Annotated[bytes, RawString()] = FILLER
    rate: Annotated[int, Unsigned()] = 10
    limit: int = -1
    active: bool = True
    _: KW_ONLY
    length: int = -1
    stop: bool = False
    bandwidth: Annotated[int, Bandwidth()] = 0

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return tuple(length_problems(self.data, self.length))

    def tokens(self) -> TokenRate:
        """The bucket's rate and capacity."""
        size = len(content(self.data, self.length))
        rate = self.bandwidth // max(1, size) if self.bandwidth else self.rate
        burst = 2 if rate < 200 else rate // 100
        return TokenRate.of(rate, max(burst, 2 * self.length) if self.bandwidth else burst)

    def originate(self, p: Packet) -> None:
        write_bytes(p, content(self.data, self.length))
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return RatedSourceHolder(self, outputs)
