"""TimeFilter."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import HandlerCall, Seconds, read_seconds
from innet.elements.base import Element
from innet.elements.holder import Call, HandlerError, Remembered, show_time
from innet.elements.times.instants import FOREVER_S, Instant, joined, stamp
from innet.ir.trace import Packet

FIRST = ir.Table("first", key=(1,), values=(32, 32), capacity=1)
"""The timestamp of the first packet."""
LATEST_NS = (1 << 32) * 1_000_000_000 - 1
"""The last time that a timestamp can be."""


@dataclass(frozen=True)
class TimeFilter(Element):
    """Let packets pass whose timestamp lies in a range: from its start on, before its end.

    Ports:      in 0: packets.  out 0: those in the range.  out 1 (optional; dropped if unconnected): the others.
    Arguments:  START, START_AFTER (keywords but for START, seconds): from 1970, or from the first packet's timestamp.
                END, END_AFTER, INTERVAL (the same; INTERVAL: from the start).  STOP (keyword, bool, default false): end
                the run at the first packet beyond the end; or END_CALL (keyword, a handler to write then).
                START_DELAY, END_DELAY (keywords): as START_AFTER and END_AFTER.
    State:      the first packet's timestamp. Handlers `start`, `end` and `interval` (read and write),
                `extend_interval` (write); `late` counts packets beyond the end.
    Drops:      "too early", "too late".
    Errors:     two starts, two ends, STOP and END_CALL.
    Source:     Click manual, TimeFilter. A handler that END_CALL writes is written before the packet goes on, but
                what it changes is for the packets behind it; Click's _DELAY counts from the start of the router.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "START 1000, END 2000.5",
        "START_AFTER 1s, INTERVAL 10s",
        "END_AFTER 1min, STOP true",
    )
    READS: ClassVar[tuple[str, ...]] = ("start", "end", "interval")
    WRITES: ClassVar[tuple[str, ...]] = ("start", "end", "interval", "extend_interval")

    start: Annotated[int | None, Seconds(digits=9)] = None
    end: Annotated[int | None, Seconds(digits=9)] = None
    _: KW_ONLY
    start_after: Annotated[int | None, Seconds(digits=9)] = None
    start_delay: Annotated[int | None, Seconds(digits=9)] = None
    end_after: Annotated[int | None, Seconds(digits=9)] = None
    end_delay: Annotated[int | None, Seconds(digits=9)] = None
    interval: Annotated[int | None, Seconds(digits=9)] = None
    stop: bool = False
    end_call: Annotated[tuple[str, str] | None, HandlerCall()] = None

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        if sum(t is not None for t in (self.start, self.start_after, self.start_delay)) > 1:
            found.append("START, START_AFTER and START_DELAY exclude each other")
        if sum(t is not None for t in (self.end, self.end_after, self.end_delay, self.interval)) > 1:
            found.append("END, END_AFTER, END_DELAY and INTERVAL exclude each other")
        if self.stop and self.end_call is not None:
            found.append("STOP and END_CALL exclude each other")
        return tuple(found)

    def calls(self) -> tuple[Call, ...]:
        if self.stop:
            return (Call("late", 1, "stop", "true", exact=False),)
        return () if self.end_call is None else (Call("late", 1, *self.end_call, exact=False),)

    @property
    def _from_first(self) -> int | None:
        """How long after the first packet the range starts; None: it says when."""
        given = self.start_after if self.start_after is not None else self.start_delay
        return given if given is not None or self.start is not None else 0

    @property
    def _to_end(self) -> int | None:
        """How long after the first packet the range ends; None: it says when, or never."""
        given = self.end_after if self.end_after is not None else self.end_delay
        if given is None and self.interval is not None and self._from_first is not None:
            return self._from_first + self.interval
        return given

    @property
    def _end(self) -> int | None:
        """When the range ends; None: that depends on the first packet, or it does not end."""
        if self.interval is not None and self.start is not None:
            return self.start + self.interval
        return self.end

    def push(self, p: Packet, port: int) -> None:
        now = stamp(p)
        first = now
        if self._from_first or self._to_end is not None:
            found, (s, ns) = p.lookup(FIRST, (0,))
            seconds, rest = p.local(now.s), p.local(now.ns)
            with p.when(found):
                seconds.set(s)
                rest.set(ns)
            with p.otherwise():
                p.insert(FIRST, (0,), (now.s, now.ns), FOREVER_S)
            first = Instant(seconds.value, rest.value)
        start = first.plus(p, self._from_first) if self._from_first else self.start
        if start and not (isinstance(start, int) and start > LATEST_NS):
            with p.when(now.before(start)):
                p.divert(1, "too early")
        elif start:
            p.divert(1, "too early")
            return
        end = self._end if self._to_end is None else first.plus(p, self._to_end)
        if end is not None and not (isinstance(end, int) and end > LATEST_NS):
            with p.when(now.before(end)):
                p.emit(0)
            p.count("late")
            p.divert(1, "too late")
            return
        p.emit(0)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        start, end = self.limits(memory)
        return show_time({"start": start, "end": end}.get(handler, end - start))

    def limits(self, memory: Remembered) -> tuple[int, int]:
        """The range, as far as it is known: before the first packet, it counts from 0."""
        first = joined(*memory.rows(FIRST).get((0,), (0, 0)))
        start = self.start or first + (self._from_first or 0) if self._from_first else self.start or 0
        end = self._end if self._to_end is None else first + self._to_end
        return start, LATEST_NS if end is None else end

    def write(self, handler: str, value: str, memory: Remembered) -> Element:
        time_ns = read_seconds(value, 9)
        if time_ns is None:
            raise HandlerError(f"expected a time, not '{value}'")
        start, end = self.limits(memory)
        match handler:
            case "start":
                start = time_ns
            case "end":
                end = time_ns
            case "interval":
                end = start + time_ns
            case _:
                end += time_ns
        return TimeFilter(start, end, stop=self.stop, end_call=self.end_call)
