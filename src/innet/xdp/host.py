"""What is around a program: alone, with its own numbers, or on a platform that many modules share.

On a platform the dispatcher writes the number of a module to `scratch` and calls its program, which finds there: its
*block* (quota, flags, parameters, numbers of its elements; one array for all modules, mapped into the agent's memory)
and its *account* (traffic, for each CPU by itself, so that counting is a plain addition). Modules of one shape share a
program and differ in their blocks.
"""

import struct
from dataclasses import dataclass, field
from typing import Protocol

from innet.xdp.facts import Value
from innet.xdp.layout import MMAPABLE, NUMBERS, MapKind, MapSpec
from innet.xdp.target import JIFFIES64, KTIME_GET_NS, MAP_LOOKUP, Target, helper
from innet.xdp.writer import FENCE, Writer

RINGBUF_OUTPUT = 130
SCRATCH, BLOCKS, ACCOUNTS, EVENTS = "scratch", "blocks", "accounts", "events"
"""Symbols of the platform's maps."""

BLOCK_BYTES = 512
LAST, TOKENS, RATE, BURST, FLAGS, LOST = 0, 8, 16, 24, 32, 36
"""In a block: jiffies of the last packet, quota left, quota per jiffy, quota at most (all u64, in units of
1 / QUOTA_UNIT packets), flags (u32), drops that could not be shown (u32)."""
BODY = 64
"""Where parameters (eight bytes each), and behind them numbers, begin in a block."""
QUOTA_UNIT = 1 << 16
MAX_IDLE_JIFFIES = 1 << 20
WATCHED = 1
"""Flag: drops are told to the agent as they happen."""

RECEIVED, RECEIVED_BYTES, SENT, SENT_BYTES, CPU_NS, DIVERTED, OVER_QUOTA = range(0, 56, 8)
ACCOUNT_BYTES = 64
"""An account: seven numbers (u64)."""
SAMPLE = 64
"""One packet in so many is timed."""

EVENT = struct.Struct("<III48sI")
EVENT_PACKET = 48
EVENT_BYTES = EVENT.size
"""A drop: module, offset of its number, frame length, the frame's first bytes, how many of these are there."""


class Host(Protocol):
    """How a program starts and ends, and where its numbers are: in a map of its own if `own_numbers`."""

    @property
    def own_numbers(self) -> bool: ...

    def start(self, writer: Writer, target: Target) -> None:
        """Before anything of the packet is looked at."""

    def arrived(self, writer: Writer, length: str) -> None:
        """A frame of `length` bytes (i64) is at hand; may end the program."""

    def numbers(self, writer: Writer) -> str:
        """The pointer that offsets of numbers count from."""

    def number_offset(self, index: int) -> int:
        """The offset of the number with this index."""

    def parameter(self, writer: Writer, index: int, width: int) -> Value:
        """A parameter of the module."""

    def module(self) -> str:
        """The module's number (i32)."""

    def leaving(self, writer: Writer, length: str) -> None:
        """A frame of `length` bytes is sent."""

    def diverted(self, writer: Writer) -> None:
        """A packet goes to the slow path."""

    def dropped(self, writer: Writer, offset: str) -> None:
        """A packet ends; its number, at `offset` (i64), was counted."""

    def ended(self, writer: Writer) -> None:
        """The program returns."""


class Alone:
    """A program by itself: numbers in a map of its own, no accounts, no parameters."""

    own_numbers = True

    def start(self, writer: Writer, target: Target) -> None:
        pass

    def arrived(self, writer: Writer, length: str) -> None:
        pass

    def numbers(self, writer: Writer) -> str:
        return f"@{NUMBERS}"

    def number_offset(self, index: int) -> int:
        return index * 8

    def parameter(self, writer: Writer, index: int, width: int) -> Value:
        raise AssertionError("a program by itself has no parameters")

    def module(self) -> str:
        return "0"

    def leaving(self, writer: Writer, length: str) -> None:
        pass

    def diverted(self, writer: Writer) -> None:
        pass

    def dropped(self, writer: Writer, offset: str) -> None:
        pass

    def ended(self, writer: Writer) -> None:
        pass


@dataclass
class Hosted:
    """A program on a platform. `parameters` is how many its shape has; with `own_numbers` there are too many numbers
    for the block. `resumed` programs go on with packets that were counted before."""

    parameters: int = 0
    own_numbers: bool = False
    resumed: bool = False
    _target: Target = field(init=False)
    _index: str = field(default="", init=False)
    _block: str = field(default="", init=False)
    _account: str = field(default="", init=False)
    _began: str = field(default="", init=False)

    def start(self, writer: Writer, target: Target) -> None:
        self._target = target
        key = writer.alloca(8)
        writer.line(f"store i32 0, ptr {key}, align 8")
        scratch = self._found(writer, SCRATCH, key)
        self._index = writer.name(f"load i32, ptr {scratch}, align 4")
        writer.line(f"store i32 {self._index}, ptr {key}, align 8")
        self._block = self._found(writer, BLOCKS, key)
        self._account = self._found(writer, ACCOUNTS, key)

    def _found(self, writer: Writer, map_: str, key: str) -> str:
        pointer = helper(writer, MAP_LOOKUP, "ptr", f"ptr @{map_}, ptr {key}")
        writer.demand(writer.name(f"icmp ne ptr {pointer}, null"), "abort")
        return pointer

    def arrived(self, writer: Writer, length: str) -> None:
        self._began = writer.alloca(8)
        if self.resumed:
            writer.line(f"store i64 0, ptr {self._began}, align 8")
            return
        packets = self._add(writer, RECEIVED, "1")
        self._add(writer, RECEIVED_BYTES, writer.name(f"sub i64 {length}, 14"))
        self._quota(writer)
        low = writer.name(f"and i64 {packets}, {SAMPLE - 1}")
        yes, no = writer.fork(writer.name(f"icmp eq i64 {low}, 0"), ("timed", "untimed"))
        writer.resume(yes)
        writer.line(f"store i64 {helper(writer, KTIME_GET_NS, 'i64')}, ptr {self._began}, align 8")
        timed = writer.edge()
        writer.resume(no)
        writer.line(f"store i64 0, ptr {self._began}, align 8")
        writer.join([timed, writer.edge()])

    def _quota(self, writer: Writer) -> None:
        """A token bucket that is filled when the kernel's clock ticks."""
        at = {name: writer.pointer(self._block, name) for name in (LAST, TOKENS, RATE, BURST)}
        now = helper(writer, JIFFIES64, "i64")
        last = writer.name(f"load i64, ptr {at[LAST]}, align 8")
        ticked, same = writer.fork(writer.name(f"icmp ne i64 {now}, {last}"), ("tick", "same"))
        writer.resume(ticked)
        writer.line(f"store i64 {now}, ptr {at[LAST]}, align 8")
        passed = writer.name(f"sub i64 {now}, {last}")
        small = writer.name(f"icmp ult i64 {passed}, {MAX_IDLE_JIFFIES}")
        ticks = writer.name(f"select i1 {small}, i64 {passed}, i64 {MAX_IDLE_JIFFIES}")
        rate = writer.name(f"load i64, ptr {at[RATE]}, align 8")
        tokens = writer.name(f"load i64, ptr {at[TOKENS]}, align 8")
        filled = writer.name(f"add i64 {tokens}, {writer.name(f'mul i64 {rate}, {ticks}')}")
        most = writer.name(f"load i64, ptr {at[BURST]}, align 8")
        over = writer.name(f"icmp ugt i64 {filled}, {most}")
        level = writer.name(f"select i1 {over}, i64 {most}, i64 {filled}")
        writer.line(f"store i64 {level}, ptr {at[TOKENS]}, align 8")
        writer.join([writer.edge(), same])
        left = writer.name(f"load i64, ptr {at[TOKENS]}, align 8")
        enough, none = writer.fork(writer.name(f"icmp uge i64 {left}, {QUOTA_UNIT}"), ("paid", "over"))
        writer.resume(none)
        self._add(writer, OVER_QUOTA, "1")
        writer.line(f"ret i32 {self._target.drop}")
        writer.resume(enough)
        rest = writer.name(f"sub i64 {left}, {QUOTA_UNIT}")
        writer.line(f"store i64 {rest}, ptr {at[TOKENS]}, align 8")

    def _add(self, writer: Writer, offset: int, amount: str) -> str:
        """Add to a number of the account, which this CPU has for itself; the sum."""
        at = writer.pointer(self._account, offset)
        total = writer.name(f"add i64 {writer.name(f'load i64, ptr {at}, align 8')}, {amount}")
        writer.line(f"store i64 {total}, ptr {at}, align 8")
        return total

    def numbers(self, writer: Writer) -> str:
        return f"@{NUMBERS}" if self.own_numbers else self._block

    def number_offset(self, index: int) -> int:
        return index * 8 if self.own_numbers else BODY + (self.parameters + index) * 8

    def fits(self, count: int) -> bool:
        """Whether so many numbers have their place."""
        return self.own_numbers or self.number_offset(count) <= BLOCK_BYTES

    def parameter(self, writer: Writer, index: int, width: int) -> Value:
        size = next(s for s in (8, 16, 32, 64) if s >= width)

        def load() -> str:
            return f"load i{size}, ptr {writer.pointer(self._block, BODY + index * 8)}, align {size // 8}"

        whole = writer.pure(("parameter", index), load, size)
        writer.state.facts.narrow(whole.text, 0, (1 << width) - 1)
        return writer.extend(whole, width)

    def module(self) -> str:
        return self._index

    def leaving(self, writer: Writer, length: str) -> None:
        self._add(writer, SENT, "1")
        self._add(writer, SENT_BYTES, writer.name(f"sub i64 {length}, 14"))

    def diverted(self, writer: Writer) -> None:
        self._add(writer, DIVERTED, "1")

    def dropped(self, writer: Writer, offset: str) -> None:
        flags = writer.name(f"load i32, ptr {writer.pointer(self._block, FLAGS)}, align 4")
        watched, quiet = writer.fork(writer.name(f"icmp ne i32 {flags}, 0"), ("watched", "quiet"))
        writer.resume(watched)
        self._tell(writer, offset)
        writer.join([writer.edge(), quiet])

    def _tell(self, writer: Writer, offset: str) -> None:
        """Send an `EVENT` to the agent."""
        event = writer.alloca(-(-EVENT_BYTES // 8) * 8)
        for at in range(0, EVENT_BYTES, 8):
            writer.line(f"store i64 0, ptr {writer.pointer(event, at)}, align 8")
        data, end, whole = self._target.pointers(writer)
        length = writer.name(f"trunc i64 {whole} to i32")
        writer.line(f"store i32 {self._index}, ptr {event}, align 8")
        writer.line(
            f"store i32 {writer.name(f'trunc i64 {offset} to i32')}, ptr {writer.pointer(event, 4)}, align 4"
        )
        writer.line(f"store i32 {length}, ptr {writer.pointer(event, 8)}, align 8")
        edges = []
        for size in (EVENT_PACKET, 36, 20):
            fits = writer.name(f"icmp ule ptr {writer.pointer(data, size)}, {end}")
            yes, no = writer.fork(fits, ("long", "short"))
            writer.resume(yes)
            writer.line(FENCE)
            for at in range(0, size, 4):
                word = writer.name(f"load i32, ptr {writer.pointer(data, at)}, align 4")
                writer.line(f"store i32 {word}, ptr {writer.pointer(event, 12 + at)}, align 4")
            writer.line(f"store i32 {size}, ptr {writer.pointer(event, 12 + EVENT_PACKET)}, align 4")
            edges.append(writer.edge())
            writer.resume(no)
        writer.join([*edges, writer.edge()])
        result = helper(
            writer, RINGBUF_OUTPUT, "i64", f"ptr @{EVENTS}, ptr {event}, i64 {EVENT_BYTES}, i64 0"
        )
        lost, told = writer.fork(writer.name(f"icmp ne i64 {result}, 0"), ("lost", "told"))
        writer.resume(lost)
        writer.line(f"atomicrmw add ptr {writer.pointer(self._block, LOST)}, i32 1 monotonic")
        writer.join([writer.edge(), told])

    def ended(self, writer: Writer) -> None:
        began = writer.name(f"load i64, ptr {self._began}, align 8")
        timed, not_timed = writer.fork(writer.name(f"icmp ne i64 {began}, 0"), ("timed", "untimed"))
        writer.resume(timed)
        passed = writer.name(f"sub i64 {helper(writer, KTIME_GET_NS, 'i64')}, {began}")
        self._add(writer, CPU_NS, writer.name(f"mul i64 {passed}, {SAMPLE}"))
        writer.join([writer.edge(), not_timed])


def platform_maps(modules: int, event_bytes: int = 1 << 18) -> tuple[MapSpec, ...]:
    """The maps that all programs of a platform use."""
    return (
        MapSpec(SCRATCH, MapKind.PERCPU_ARRAY, 4, 8, 1),
        MapSpec(BLOCKS, MapKind.ARRAY, 4, BLOCK_BYTES, modules, MMAPABLE),
        MapSpec(ACCOUNTS, MapKind.PERCPU_ARRAY, 4, ACCOUNT_BYTES, modules),
        MapSpec(EVENTS, MapKind.RINGBUF, 0, 0, event_bytes),
    )
