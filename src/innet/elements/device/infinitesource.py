"""InfiniteSource."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import HandlerCall, RawString
from innet.elements.base import Element, Role
from innet.elements.holder import (
    Context,
    Holder,
    Io,
    handler_bool,
    handler_int,
    show_bool,
    timestamp,
)
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet

FILLER = b"In-Net made this packet by itself; it says nothing more than this...\n"
"""69 bytes, as Click's own text has."""
CHUNK = 4


@dataclass(frozen=True)
class InfiniteSource(Element):
    """Make packets with fixed bytes, as many as asked for.

    Ports:      out 0: packets with the bytes of DATA, no header marked. Pushed as fast as the rest goes, but not while
                every queue behind is full; or pulled.
    Arguments:  DATA (bytes, default a text of 69); LIMIT (packets, default -1: no end); BURST (packets a turn, default
                1); ACTIVE (bool, default true).  LENGTH (keyword, bytes, default -1: all of DATA): cut or repeat it.
                TIMESTAMP (keyword, bool, default true).  STOP (keyword, bool, default false): end the run after the
                last packet; or END_CALL (keyword, a handler to write then).
    Source:     Click manual, InfiniteSource. Writing `data` and `length` while running is left out.
    """

    PORTS: ClassVar[str] = "0/1"
    ROLE: ClassVar[Role] = Role.SOURCE
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "abc, 5", "LIMIT 3, LENGTH 100, STOP true")

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
        if self.length > 65535:
            found.append(f"LENGTH is {self.length}; expected at most 65535 bytes")
        if self.length > 0 and not self.data:
            found.append("no DATA to repeat to LENGTH bytes")
        if self.stop and self.end_call is not None:
            found.append("STOP and END_CALL exclude each other")
        return tuple(found)

    def content(self) -> bytes:
        """The bytes of each packet."""
        if self.length < 0:
            return self.data
        repeats = -(-self.length // max(1, len(self.data)))
        return (self.data * repeats)[: self.length]

    def originate(self, p: Packet) -> None:
        content = self.content()
        p.set_mark(Mark.END, Mark.DATA, len(content))
        for at in range(0, len(content), CHUNK):
            part = content[at : at + CHUNK]
            p.set_raw(Mark.DATA, at, len(part), int.from_bytes(part, "big"))
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return InfiniteSourceHolder(self, outputs)


class InfiniteSourceHolder(Holder):
    """How many packets were made, and whether to go on."""

    RUNS = PULLS = True
    WRITABLE = ("active", "burst", "limit", "reset", "reset_counts")

    def __init__(self, element: InfiniteSource, outputs: str) -> None:
        self.element, self.pulled = element, outputs == "l"
        self.active, self.limit, self.burst = element.active, element.limit, element.burst
        self.count = 0
        self.finished = False

    def spent(self) -> bool:
        """Whether the limit is reached."""
        return self.limit >= 0 and self.count >= self.limit

    def wake_ns(self, context: Context) -> int | None:
        if self.pulled or not self.active or (self.spent() and self.finished) or context.blocked(0):
            return None
        return 0

    def run(self, context: Context) -> bool:
        if self.spent():
            self.finish(context)
        for _ in range(self.burst):
            if self.spent():
                break
            self.make(context)
        return True

    def take(self, context: Context) -> PacketBuffer | None:
        if not self.active:
            return None
        if self.spent():
            self.finish(context)
            return None
        return self.make(context)

    def make(self, context: Context) -> PacketBuffer | None:
        """One more packet."""
        self.count += 1
        packet = PacketBuffer()
        if self.element.timestamp:
            timestamp(packet, context.now_ns)
        return context.outside(packet)

    def finish(self, context: Context) -> None:
        """The last packet is out."""
        if self.finished:
            return
        self.finished = True
        if self.element.stop:
            context.stop()
        elif self.element.end_call is not None:
            context.write(*self.element.end_call)

    def read(self, handler: str) -> str | None:
        match handler:
            case "count" | "limit" | "burst":
                return str(getattr(self, handler))
            case "active":
                return show_bool(self.active)
            case "length":
                return str(len(self.element.content()))
            case "data":
                return self.element.data.decode("latin-1")
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        match handler:
            case "active":
                self.active = handler_bool(value)
            case "limit":
                self.limit = handler_int(value)
                self.finished = False
            case "burst":
                self.burst = handler_int(value, 1)
            case "reset" | "reset_counts":
                self.count, self.finished = 0, False
            case _:
                return False
        return True
