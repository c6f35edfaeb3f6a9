"""How far the reading of long captures is, as a line on a terminal."""

import io
import sys
import time
from collections.abc import Callable
from typing import TextIO

STEP_BYTES = 1 << 18
FIRST_S, NEXT_S = 1.0, 0.2
"""When the bar is first shown, and how often it changes."""
WIDTH = 30


class Progress:
    """One bar for all files that are read; none if `stream` is no terminal."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.clock = stream, clock
        self.shown = False
        self.size = self.done = 0
        self._next = clock() + FIRST_S

    @property
    def wanted(self) -> bool:
        return self.stream.isatty()

    def advance(self, count: int) -> None:
        """So many bytes more were read."""
        self.done += count
        now = self.clock()
        if now < self._next:
            return
        self._next = now + NEXT_S
        share = min(1.0, self.done / max(self.size, 1))
        bar = "#" * round(share * WIDTH)
        self.stream.write(f"\r[{bar:<{WIDTH}}] {share:4.0%} of {self.size / 1e6:.0f} MB")
        self.stream.flush()
        self.shown = True

    def clear(self) -> None:
        """Take the bar away."""
        if self.shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self.shown = False


class Counted(io.RawIOBase):
    """A file whose reading moves a bar."""

    def __init__(self, file: io.RawIOBase, size: int, progress: Progress) -> None:
        self.file, self.progress, self.unseen = file, progress, 0
        self.name = file.name if hasattr(file, "name") else ""
        progress.size += size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # what io passes
        count = self.file.readinto(buffer) or 0
        self.unseen += count
        if self.unseen >= STEP_BYTES or not count:
            self.progress.advance(self.unseen)
            self.unseen = 0
        return count

    def close(self) -> None:
        self.file.close()
        super().close()


def counted(name: str, progress: Progress) -> io.BufferedReader:
    """The file `name`, open for reading; its bytes move the bar. OSError as `open`'s."""
    file = io.FileIO(name)
    size = file.seek(0, io.SEEK_END) if file.seekable() else 0
    if size:
        file.seek(0)
    return io.BufferedReader(Counted(file, size, progress), STEP_BYTES)


def terminal() -> Progress:
    """A bar on standard error."""
    return Progress(sys.stderr)
