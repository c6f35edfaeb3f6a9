"""Captures read in large pieces, in which Python and machine code read on from each other's place."""

import ctypes
from collections.abc import Iterator
from typing import BinaryIO, cast

from innet.packet.pcap import MAGIC
from innet.packet.record import stream_name
from innet.runtime.files import StreamCapture, StreamIo

NS = 1_000_000_000
MAX_INTERFACES = 64
"""Those of a section whose packets machine code takes."""
CHUNK = 1 << 20
"""Bytes at hand at once; more than any record has."""


class Chunks:
    """A stream, read by counted bytes (`read`) or in place: the bytes from `at` to `end` of the memory at `address`."""

    def __init__(self, stream: BinaryIO) -> None:
        self.name = stream_name(stream)
        self._stream = stream
        self._memory = bytearray(CHUNK)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self.at = self.end = 0
        self.loads = 0
        """How often what is at hand was moved."""

    def read(self, count: int) -> bytes:
        """At most `count` bytes, none only at the stream's end."""
        if self.at == self.end:
            self.refill()
        data = bytes(memoryview(self._memory)[self.at : min(self.at + count, self.end)])
        self.at += len(data)
        return data

    def refill(self) -> bool:
        """Get more bytes behind those at hand, which may move; whether there were any."""
        left = self.end - self.at
        self._memory[:left] = self._memory[self.at : self.end]
        self.at, self.end = 0, left
        self.loads += 1
        room = memoryview(self._memory)[left:]
        into = getattr(self._stream, "readinto1", None)
        if into is not None:
            more: int = into(room)
        else:
            data = self._stream.read(len(room))
            more = len(data)
            room[:more] = data
        self.end += more
        return more > 0

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, without taking them; fewer only at the stream's end."""
        while self.end - self.at < count and self.refill():
            pass
        return bytes(memoryview(self._memory)[self.at : min(self.at + count, self.end)])


class ChunkCapture(StreamCapture):
    """A capture in chunks. `form` is a pcap file's byte order and unit of time, if it is one."""

    def __init__(self, stream: BinaryIO) -> None:
        self.chunks = Chunks(stream)
        self.form = MAGIC.get(self.chunks.peek(4))
        super().__init__(cast(BinaryIO, self.chunks))

    @property
    def order(self) -> str:
        """The byte order of numbers in it."""
        return self.section.order if self.form is None else self.form[0]

    def units(self) -> Iterator[int]:
        """Nanoseconds in one unit of each interface's time; 0 if that is no whole number, or time begins elsewhere."""
        for one in self.section.interfaces[:MAX_INTERFACES]:
            yield 0 if one.offset_s or NS % one.units else NS // one.units


class ChunkIo(StreamIo):
    """`StreamIo` whose captures machine code can read."""

    def open_capture(self, name: str) -> ChunkCapture:
        return ChunkCapture(self._stream(name, "rb"))
