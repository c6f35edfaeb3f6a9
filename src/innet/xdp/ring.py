"""Reading a ring buffer (BPF_MAP_TYPE_RINGBUF): records that programs leave, without a system call each.

Layout (kernel, Documentation/bpf/ringbuf.rst): a page with the consumer's position, a page with the producer's, then
the data, mapped twice in a row so that a record is never cut. A record has a header of 8 bytes: its length with two
bits above, and where it lies.
"""

import mmap
import struct

from innet.xdp.closing import Closing
from innet.xdp.layout import MapKind
from innet.xdp.maps import Map

BUSY, DISCARDED = 1 << 31, 1 << 30
HEADER = 8


class Ring(Closing):
    """The only reader of the ring buffer `held`, which stays with the caller. Its descriptor is readable if there is
    something to read.

    What does not fit is refused to the program that writes it, so the program counts what is lost.
    """

    def __init__(self, held: Map) -> None:
        if held.spec.kind is not MapKind.RINGBUF:
            raise ValueError(f"{held.spec.symbol} is not a ring buffer")
        self._map, self._size, page = held, held.spec.entries, mmap.PAGESIZE
        self._consumer = mmap.mmap(held.fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        try:
            length = page + 2 * self._size
            self._rest = mmap.mmap(held.fd, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        except BaseException:
            self._consumer.close()
            raise

    def fileno(self) -> int:
        """For `select.poll` and its like: POLLIN."""
        return self._map.fd

    def read(self, most: int = 1 << 16) -> list[bytes]:
        """The records that are complete, oldest first, at most `most`; their room is free again."""
        found: list[bytes] = []
        (at,) = struct.unpack_from("<Q", self._consumer)
        while len(found) < most:
            (end,) = struct.unpack_from("<Q", self._rest)
            began = at
            while at < end and len(found) < most:
                place = mmap.PAGESIZE + at % self._size
                (length,) = struct.unpack_from("<I", self._rest, place)
                if length & BUSY:
                    break
                size = length & ~DISCARDED
                if not length & DISCARDED:
                    found.append(self._rest[place + HEADER : place + HEADER + size])
                at += -(-(size + HEADER) // 8) * 8
            if at == began:
                break
            struct.pack_into("<Q", self._consumer, 0, at)
        return found

    def close(self) -> None:
        """Unmap it; what was not read stays in the map."""
        self._rest.close()
        self._consumer.close()
