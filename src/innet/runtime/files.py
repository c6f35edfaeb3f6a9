"""Files for a router: the part of `Io` that reads and writes streams. Opening them is the caller's business."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import BinaryIO

from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.holder import Capture, CaptureSink, Device
from innet.packet import pcap, pcapng
from innet.packet.capture import read_from
from innet.packet.record import ETHERNET, CaptureReader, Record


class StreamCapture:
    """A capture read from a stream."""

    def __init__(self, stream: BinaryIO) -> None:
        self.reader = CaptureReader(stream)
        self.section = pcapng.Section()
        self._records = read_from(self.reader, self.section)
        self._first = next(self._records, None)
        self.link_type = ETHERNET if self._first is None else self._first.link_type

    def records(self) -> Iterator[Record]:
        """The packets, once."""
        return self._records if self._first is None else chain((self._first,), self._records)


class StreamIo:
    """`Io` on streams: `open_stream(name, mode)` opens a file, `open_device(name)` a device; both may raise OSError."""

    def __init__(
        self, open_stream: Callable[[str, str], BinaryIO], open_device: Callable[[str], Device] | None = None
    ) -> None:
        self._open_stream, self._open_device = open_stream, open_device

    def open_capture(self, name: str) -> Capture:
        return StreamCapture(self._stream(name, "rb"))

    def create_capture(self, name: str, link_type: int, snaplen: int, nanoseconds: bool) -> CaptureSink:
        stream = self._stream(name, "wb")
        if name.endswith(".pcapng"):
            return pcapng.Writer(stream, link_type, snaplen)
        return pcap.Writer(stream, link_type, min(snaplen, 65535), nanoseconds=nanoseconds)

    def open_file(self, name: str) -> BinaryIO:
        return self._stream(name, "rb")

    def create_file(self, name: str, append: bool = False) -> BinaryIO:
        return self._stream(name, "ab" if append else "wb")

    def _stream(self, name: str, mode: str) -> BinaryIO:
        try:
            return self._open_stream(name, mode)
        except OSError as e:
            message = f"{name}: {e.strerror or e}"
            raise ConfigurationError(Diagnostic("E135", message, expected="a file that can be opened")) from e

    def device(self, name: str) -> Device:
        if self._open_device is None:
            raise ConfigurationError(
                Diagnostic(
                    "E136", f"there is no device '{name}' here", help="read and write captures instead"
                )
            )
        return self._open_device(name)
