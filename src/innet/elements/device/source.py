"""What elements that make packets have in common."""

from typing import ClassVar, Protocol

from innet.elements.base import Element
from innet.elements.holder import (
    Context,
    Holder,
    handler_bool,
    handler_int,
    show_bool,
    timestamp,
    write_or_tell,
)
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet

FILLER = b"In-Net made this packet by itself; it says nothing more than this...\n"
"""69 bytes, as Click's own text has."""
CHUNK = 4
MAX_LENGTH = 65535


def content(data: bytes, length: int) -> bytes:
    """`data`, cut or repeated to `length` bytes if that is not negative."""
    if length < 0:
        return data
    return (data * -(-length // max(1, len(data))))[:length]


def write_bytes(p: Packet, data: bytes) -> None:
    """Make an empty packet one of these bytes."""
    p.set_mark(Mark.END, Mark.DATA, len(data))
    for at in range(0, len(data), CHUNK):
        part = data[at : at + CHUNK]
        p.set_raw(Mark.DATA, at, len(part), int.from_bytes(part, "big"))


def length_problems(data: bytes, length: int) -> list[str]:
    """What is wrong with the arguments DATA and LENGTH."""
    found = []
    if length > MAX_LENGTH:
        found.append(f"LENGTH is {length}; expected at most {MAX_LENGTH} bytes")
    if length > 0 and not data:
        found.append("no DATA to repeat to LENGTH bytes")
    return found


class SourceHolder(Holder):
    """How many packets were made, and whether to go on."""

    RUNS = PULLS = True
    WRITABLE: ClassVar[tuple[str, ...]] = ("active", "limit", "reset", "reset_counts")
    READS: ClassVar[tuple[str, ...]] = ("count",)

    def __init__(
        self,
        outputs: str,
        limit: int,
        active: bool = True,
        stop: bool = False,
        end_call: tuple[str, str] | None = None,
        stamp: bool = True,
    ) -> None:
        self.pulled = outputs == "l"
        self.limit, self.active, self.stop, self.end_call, self.stamp = limit, active, stop, end_call, stamp
        self.count = 0
        self.finished = False

    def spent(self) -> bool:
        """Whether the limit is reached."""
        return self.limit >= 0 and self.count >= self.limit

    @property
    def over(self) -> bool:
        """Whether there is nothing more to do."""
        return not self.active or (self.spent() and self.finished)

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
        if self.stamp:
            timestamp(packet, context.now_ns)
        return context.outside(packet)

    def finish(self, context: Context) -> None:
        """The last packet is out."""
        if self.finished:
            return
        self.finished = True
        if self.stop:
            context.stop()
        elif self.end_call is not None:
            write_or_tell(context, *self.end_call)

    def restart(self, context: Context) -> None:
        """Handlers made it begin anew."""
        self.finished = False

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
                if self.active:
                    self.restart(context)
            case "limit":
                self.limit = handler_int(value)
                self.finished = False
            case "reset" | "reset_counts":
                self.count = 0
                self.restart(context)
            case _:
                return False
        return True


class Bursts(Protocol):
    """The arguments of a source that makes bursts."""

    @property
    def limit(self) -> int: ...

    @property
    def burst(self) -> int: ...

    @property
    def active(self) -> bool: ...

    @property
    def timestamp(self) -> bool: ...

    @property
    def stop(self) -> bool: ...

    @property
    def end_call(self) -> tuple[str, str] | None: ...


class BurstHolder(SourceHolder):
    """Makes packets as fast as the rest goes, but not while every queue behind is full."""

    WRITABLE = (*SourceHolder.WRITABLE, "burst")

    def __init__(self, element: Bursts, outputs: str) -> None:
        super().__init__(
            outputs, element.limit, element.active, element.stop, element.end_call, element.timestamp
        )
        self.burst = element.burst

    def wake_ns(self, context: Context) -> int | None:
        return None if self.pulled or self.over or context.blocked(0) else 0

    def run(self, context: Context) -> bool:
        if self.spent():
            self.finish(context)
        for _ in range(self.burst):
            if self.spent():
                break
            self.make(context)
        return True

    def read(self, handler: str) -> str | None:
        return str(self.burst) if handler == "burst" else super().read(handler)

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler != "burst":
            return super().write(handler, value, context)
        self.burst = handler_int(value, 1)
        return True


class TimerHolder(SourceHolder):
    """Makes a packet at fixed intervals, the first one after one."""

    def __init__(
        self, outputs: str, interval_ns: int, limit: int, active: bool, stop: bool, stamp: bool = True
    ) -> None:
        super().__init__(outputs, limit, active, stop, stamp=stamp)
        self.interval_ns = interval_ns
        self.next_ns: int | None = None

    def wake_ns(self, context: Context) -> int | None:
        if self.pulled or self.over:
            return None
        if self.next_ns is None:
            self.next_ns = context.now_ns + self.interval_ns
        return self.next_ns

    def run(self, context: Context) -> bool:
        if self.spent():
            self.finish(context)
            return True
        self.next_ns = (context.now_ns if self.next_ns is None else self.next_ns) + max(1, self.interval_ns)
        self.make(context)
        return True

    def restart(self, context: Context) -> None:
        if self.over or self.next_ns is None or self.next_ns < context.now_ns:
            self.next_ns = context.now_ns
        self.finished = False

    def reconfigured(self, element: Element) -> None:
        self.interval_ns = getattr(element, "interval_ns", self.interval_ns)
