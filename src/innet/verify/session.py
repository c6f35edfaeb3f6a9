"""A module that really runs, in the reference interpreter and in virtual time, and what leaves it."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import BinaryIO

from innet.click import Resolved
from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.base import Role
from innet.elements.holder import Capture, CaptureSink, Device
from innet.explore.machine import Machine
from innet.explore.replay import ETHERNET, Dice, Loaded, ipv4_frame
from innet.runtime.build import graph_of
from innet.runtime.clock import VirtualClock
from innet.runtime.router import Router

MAX_ROUNDS = 400
"""Rounds of tasks that a session may take while it waits."""
MAX_COPIES = 2_000
TICK_NS = 1_000
SECOND_NS = 1_000_000_000


LOWEST, HIGHEST = -1, -2


class TickingClock(VirtualClock):
    """A virtual clock that goes on by a microsecond whenever it is looked at, as real ones do."""

    def __call__(self) -> int:
        self.now_ns += TICK_NS
        return self.now_ns


class _Wire:
    """The module's interface: keeps the frames that a platform would send."""

    def __init__(self, frames: list[bytes]) -> None:
        self.frames = frames

    def send(self, data: bytes, ethernet: bool) -> bool:
        frame = ipv4_frame(data if ethernet else ETHERNET + data)
        if frame is not None:
            self.frames.append(frame)
        return True


class _Io:
    """A world with one kind of device, and no files."""

    def __init__(self, frames: list[bytes]) -> None:
        self.wire = _Wire(frames)

    def device(self, name: str) -> Device:
        return self.wire

    def open_capture(self, name: str) -> Capture:
        raise _no_files(name)

    def create_capture(self, name: str, link_type: int, snaplen: int, nanoseconds: bool) -> CaptureSink:
        raise _no_files(name)

    def open_file(self, name: str) -> BinaryIO:
        raise _no_files(name)

    def create_file(self, name: str, append: bool = False) -> BinaryIO:
        raise _no_files(name)


def _no_files(name: str) -> ConfigurationError:
    return ConfigurationError(Diagnostic("E135", f"{name}: there are no files here"))


@dataclass(frozen=True)
class Setting:
    """How a session is set up: how its dice fall, and its time in nanoseconds."""

    seed: int = 0
    """Where random numbers start; 0: searches for something free start with the first, LOWEST and HIGHEST: all are."""
    start_ns: int = 0

    @property
    def dice(self) -> Random:
        if self.seed in (LOWEST, HIGHEST):
            return Loaded(self.seed == HIGHEST)
        return Random(self.seed) if self.seed else Dice(0)


class Session:
    """One module from its start on. Raises ConfigurationError where it cannot be set up."""

    def __init__(self, machine: Machine, setting: Setting) -> None:
        resolved = machine.resolved
        assert isinstance(resolved, Resolved)
        self.left: list[bytes] = []
        self.clock = TickingClock(setting.start_ns)
        self.router = Router(graph_of(resolved, machine.elements), _Io(self.left), self.clock, setting.dice)
        self.router.max_copies = MAX_COPIES
        self.router.frozen = True
        self.entries = [self.router.by_name[name] for name in machine.with_role(Role.ENTRY)]

    def give(self, frame: bytes) -> list[bytes]:
        """What leaves because a frame comes in, at once or from what was kept."""
        before = len(self.left)
        for entry in self.entries:
            self.router.inject(entry, frame)
        self.router.work(2)
        return self.left[before:]

    def wait(self, span_ns: int) -> list[bytes]:
        """What leaves while time passes."""
        before, until = len(self.left), self.clock.now_ns + span_ns
        for _ in range(MAX_ROUNDS):
            if self.router.ended or self.router.round():
                continue
            wake = self.router.next_wake()
            if wake is None or wake > until:
                break
            self.clock.advance(wake)
        return self.left[before:]


def leaving(machine: Machine, frames: Iterable[bytes], setting: Setting, wait_ns: int) -> list[list[bytes]]:
    """What leaves because of each frame, and at the end while time passes; nothing if it cannot be set up."""
    try:
        session = Session(machine, setting)
    except ConfigurationError:
        return []
    return [*(session.give(frame) for frame in frames), session.wait(wait_ns)]


__all__ = ["HIGHEST", "LOWEST", "SECOND_NS", "Session", "Setting", "leaving"]
