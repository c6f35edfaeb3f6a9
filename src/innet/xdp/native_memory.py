"""Memory that machine code works on."""

import ctypes
import mmap


class Memory:
    """Zeroed memory at an address of its own; pages are taken when they are first used."""

    def __init__(self, size: int) -> None:
        self._map = mmap.mmap(-1, max(size, 1))
        self._bytes = (ctypes.c_char * len(self._map)).from_buffer(self._map)
        self.address = ctypes.addressof(self._bytes)

    def read(self, at: int, length: int) -> bytes:
        """A copy of `length` bytes."""
        return ctypes.string_at(self.address + at, length)
