"""EtherPauseSource."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import EtherAddress, Seconds, Unsigned
from innet.elements.base import Element, Role
from innet.elements.ethernet.frame import ETHERNET_BYTES, mark_header
from innet.elements.holder import Context, Holder, Io, handler_bool, handler_int, show_bool
from innet.ir.interpret import PacketBuffer
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
        return EtherPauseHolder(self, outputs == "l")


class EtherPauseHolder(Holder):
    """When the next frame is due, and how many were made."""

    RUNS = PULLS = True
    WRITABLE = ("active", "limit", "reset_counts")

    def __init__(self, element: EtherPauseSource, pulled: bool) -> None:
        self.interval_ns, self.pulled = max(1, element.interval_ms) * MS_NS, pulled
        self.active, self.limit = element.active, element.limit
        self.count = 0
        self.due_ns: int | None = None

    def goes_on(self) -> bool:
        """Whether there are more frames to come."""
        return self.active and (self.limit < 0 or self.count < self.limit)

    def wake_ns(self, context: Context) -> int | None:
        if self.pulled or not self.goes_on():
            return None
        if self.due_ns is None:
            self.due_ns = context.now_ns + self.interval_ns
        return self.due_ns

    def run(self, context: Context) -> bool:
        self.due_ns = (context.now_ns if self.due_ns is None else self.due_ns) + self.interval_ns
        self.make(context)
        return True

    def take(self, context: Context) -> PacketBuffer | None:
        return self.make(context) if self.goes_on() else None

    def make(self, context: Context) -> PacketBuffer | None:
        """One more frame."""
        self.count += 1
        return context.outside(PacketBuffer())

    def read(self, handler: str) -> str | None:
        match handler:
            case "count" | "limit":
                return str(getattr(self, handler))
            case "active":
                return show_bool(self.active)
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        match handler:
            case "active":
                self.active = handler_bool(value)
            case "limit":
                self.limit = handler_int(value)
            case "reset_counts":
                self.count = 0
            case _:
                return False
        if self.due_ns is not None and self.due_ns < context.now_ns:
            self.due_ns = context.now_ns
        return True
