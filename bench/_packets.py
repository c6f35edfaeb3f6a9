"""Packets from and to this process: many in one system call, and when each came, by the kernel's clock."""

import ctypes
import errno
import os
import select
import socket
import struct
import time
from collections.abc import Iterator, Sequence

SO_TIMESTAMPNS = 35
TIME = struct.Struct("=qq")
ANCILLARY = socket.CMSG_SPACE(TIME.size)
LONGEST = 2048


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint), ("vectors", ctypes.c_void_p),
        ("count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )  # fmt: skip


class _Message(ctypes.Structure):
    _fields_ = (("header", _Header), ("sent", ctypes.c_uint))


_libc = ctypes.CDLL(None, use_errno=True)


class Burst:
    """The same frames, sent together again and again (sendmmsg)."""

    def __init__(self, raw: socket.socket, frames: Sequence[bytes]) -> None:
        self._raw, self.count = raw, len(frames)
        self._kept = [ctypes.create_string_buffer(frame, len(frame)) for frame in frames]
        self._vectors = (_Vector * self.count)(*(_Vector(ctypes.addressof(k), len(k)) for k in self._kept))
        self._messages = (_Message * self.count)()
        for n, message in enumerate(self._messages):
            message.header.vectors = ctypes.addressof(self._vectors) + n * ctypes.sizeof(_Vector)
            message.header.count = 1

    def send(self, again: bool = True) -> int:
        """How many the interface took; those it has no room for are tried `again`, or lost."""
        done = lost = 0
        while done < self.count:
            at = ctypes.byref(self._messages, done * ctypes.sizeof(_Message))
            sent = _libc.sendmmsg(self._raw.fileno(), at, self.count - done, 0)
            if sent < 0:
                number = ctypes.get_errno()
                if number not in (errno.EAGAIN, errno.ENOBUFS, errno.EINTR):
                    raise OSError(number, os.strerror(number))
                if again:
                    select.select([], [self._raw], [], 0.01)
                else:
                    done, lost = done + 1, lost + 1
                continue
            done += sent
        return done - lost


def stamped(raw: socket.socket) -> socket.socket:
    """The socket, telling when packets came."""
    raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return raw


def received(raw: socket.socket, within_s: float = 0.0) -> Iterator[tuple[int, bytes]]:
    """The frames that came, each with its time (nanoseconds, as `time.time_ns`); waits for the first."""
    if within_s and not select.select([raw], [], [], within_s)[0]:
        return
    while True:
        try:
            frame, ancillary, _, _ = raw.recvmsg(LONGEST, ANCILLARY)
        except BlockingIOError:
            return
        seconds, nanoseconds = TIME.unpack(ancillary[0][2][: TIME.size])
        yield seconds * 1_000_000_000 + nanoseconds, frame


def answers(raw: socket.socket, count: int, within_s: float) -> list[tuple[int, bytes]]:
    """The next `count` frames, or those that came in time."""
    found: list[tuple[int, bytes]] = []
    until = time.monotonic() + within_s
    while len(found) < count and (left := until - time.monotonic()) > 0:
        found.extend(received(raw, left))
    return found
