"""One captured packet, and the reading of capture files a bounded piece at a time, with the place of each mistake."""

from dataclasses import dataclass
from typing import BinaryIO

from innet.diagnostics import ConfigurationError, Diagnostic

MAX_PACKET = 262_144
"""Most bytes one record may hold: libpcap's MAXIMUM_SNAPLEN."""

MAX_TIME_NS = 2**64 - 1
"""The latest time a record can have: year 2554."""

ETHERNET = 1
"""LINKTYPE_ETHERNET."""


@dataclass(frozen=True, slots=True)
class Record:
    """A packet as captured.

    `data` are the bytes that were kept, at most MAX_PACKET; `wire_length` counts the packet's bytes on the wire,
    at least len(data); `time_ns` counts from 1970, from 0 to MAX_TIME_NS; `link_type` is a LINKTYPE_ number.
    """

    data: bytes
    wire_length: int
    time_ns: int
    link_type: int


def stream_name(stream: BinaryIO) -> str:
    """What to call `stream` in a message."""
    name = getattr(stream, "name", None)
    return name if isinstance(name, str) else "capture"


class CaptureReader:
    """A stream read front to back, by counted bytes; `offset` is where the next one lies in the file."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.offset = 0

    def error(
        self, code: str, message: str, *, at: int, expected: str = "", help: str = ""
    ) -> ConfigurationError:
        """The error to raise for a mistake in the file at byte `at`."""
        text = f"{stream_name(self._stream)}: byte {at}: {message}"
        return ConfigurationError(Diagnostic(code, text, expected=expected, help=help))

    def upto(self, count: int) -> bytes:
        """The next `count` bytes, fewer only at the end of the file."""
        parts = []
        while count > 0:
            part = self._stream.read(count)
            if not part:
                break
            parts.append(part)
            count -= len(part)
            self.offset += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def exactly(self, count: int, what: str) -> bytes:
        """The next `count` bytes, which are `what`; an error if the file ends before."""
        at = self.offset
        data = self.upto(count)
        if len(data) < count:
            raise self.truncated(what, at, count, len(data))
        return data

    def record(self, size: int, what: str) -> bytes | None:
        """As `exactly`, but None where the file ends cleanly, before the first byte."""
        at = self.offset
        data = self.upto(size)
        if 0 < len(data) < size:
            raise self.truncated(what, at, size, len(data))
        return data or None

    def truncated(self, what: str, at: int, count: int, got: int) -> ConfigurationError:
        return self.error(
            "F102",
            f"the file ends inside {what}",
            at=at,
            expected=f"{count} bytes, found {got}",
            help="the capture was cut off, perhaps while it was being written; the packets before this one are whole",
        )

    def checked_time(self, time_ns: int, at: int) -> int:
        """`time_ns` if a record can have it."""
        if not 0 <= time_ns <= MAX_TIME_NS:
            raise self.error(
                "F105",
                f"the time stamp is {time_ns} ns from 1970",
                at=at,
                expected="0 to 2^64 - 1 nanoseconds",
            )
        return time_ns

    def checked_length(self, length: int, at: int) -> int:
        """`length` if a record may hold that many bytes."""
        if length > MAX_PACKET:
            raise self.error(
                "F103",
                f"a packet of {length} captured bytes",
                at=at,
                expected=f"at most {MAX_PACKET}",
                help="the file is damaged before this point, or is no capture of packets",
            )
        return length
