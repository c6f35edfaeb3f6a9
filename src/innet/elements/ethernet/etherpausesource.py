"""EtherPauseSource."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import EtherAddress, Seconds, Unsigned
from innet.elements.base import Element, Role
from innet.elements.device.source import TimerHolder
from innet.elements.ethernet.frame import ETHERNET_BYTES, mark_header
from innet.elements.holder import Context, Holder, Io
from innet.ir.nodes import Mark
from innet.ir.trace import Packet

PAUSE_ADDRESS = 0x0180_C200_0001
"""The multicast address of IEEE 802.3 annex 31B."""
MAC_CONTROL, PAUSE = 0x8808, 0x0001
FRAME_BYTES = 64
MS_NS = 1_000_000


@dataclass(frozen=True)
class EtherPauseSource(Element):
    """Make Ethernet PAUSE frames, which ask the other end of a link to be silent.

    Ports:      out 0: one 64-byte frame every INTERVAL, the first after INTERVAL; or one for each pull. The MAC and the
                network header are marked.
    Arguments:  SRC (Ethernet address).  PAUSETIME (16 bits): how long, in 512 bit times.  DST (keyword, Ethernet
                address, default 1:80:c2:0:0:1).  LIMIT (keyword, frames, default -1: no end).  ACTIVE (keyword, bool,
                default true).  INTERVAL (keyword, time, default 1 s).
    State:      handlers `count`, `reset_counts`; `limit` and `active` can be written.
    Source:     Click manual, EtherPauseSource; IEEE 802.3 annex 31B.
    """

    PORTS: ClassVar[str] = "0/1"
    ROLE: ClassVar[Role] = Role.SOURCE
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "2:0:0:0:0:1, 0xffff",
        "2:0:0:0:0:1, 100, DST 2:0:0:0:0:2, LIMIT 3, INTERVAL 20ms",
    )
    WRITABLE: ClassVar[Mapping[str, str]] = {name: name for name in ("src", "dst", "pausetime")}

    src: Annotated[int, EtherAddress()]
    pausetime: Annotated[int, Unsigned(16)]
    _: KW_ONLY
    dst: Annotated[int, EtherAddress()] = PAUSE_ADDRESS
    limit: int = -1
    active: bool = True
    interval_ms: Annotated[int, Seconds(3)] = 1000

    def originate(self, p: Packet) -> None:
        p.set_mark(Mark.END, Mark.DATA, FRAME_BYTES)
        mark_header(p, ETHERNET_BYTES)
        p.ether.dst, p.ether.src, p.ether.type = self.dst, self.src, MAC_CONTROL
        p.set_raw(Mark.NET, 0, 4, PAUSE << 16 | self.pausetime)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return EtherPauseHolder(self, outputs)


class EtherPauseHolder(TimerHolder):
    """When the next frame is due, and how many were made."""

    WRITABLE = ("active", "limit", "reset_counts")

    def __init__(self, element: EtherPauseSource, outputs: str) -> None:
        interval_ns = max(1, element.interval_ms) * MS_NS
        super().__init__(outputs, interval_ns, element.limit, element.active, stop=False, stamp=False)

    @property
    def over(self) -> bool:
        return not self.active or self.spent()

    def restart(self, context: Context) -> None:
        if self.next_ns is not None and self.next_ns < context.now_ns:
            self.next_ns = context.now_ns

    def write(self, handler: str, value: str, context: Context) -> bool:
        written = super().write(handler, value, context)
        self.restart(context)
        return written
