"""An outside world of memory: captures are lists of records, devices lists of frames."""

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from innet.elements.holder import Capture, CaptureSink, Device
from innet.packet.record import ETHERNET, Record


class MemoryCapture:
    def __init__(self, records: list[Record], link_type: int = ETHERNET) -> None:
        self._records, self.link_type = records, link_type

    def records(self) -> Iterator[Record]:
        return iter(self._records)


class MemorySink:
    def __init__(self) -> None:
        self.packets: list[tuple[bytes, int, int | None]] = []

    def write(self, data: bytes, time_ns: int, wire_length: int | None = None) -> None:
        self.packets.append((data, time_ns, wire_length))


class MemoryDevice:
    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bool]] = []
        self.works = True

    def send(self, data: bytes, ethernet: bool) -> bool:
        if self.works:
            self.sent.append((data, ethernet))
        return self.works


class Kept(BytesIO):
    """A file whose content is there after it was closed."""

    def close(self) -> None:
        pass


class MemoryIo:
    def __init__(self, **captures: list[bytes]) -> None:
        self.captures: dict[str, MemoryCapture] = {
            name: MemoryCapture([Record(d, len(d), 0, ETHERNET) for d in data])
            for name, data in captures.items()
        }
        self.sinks: dict[str, MemorySink] = {}
        self.devices: dict[str, MemoryDevice] = {}
        self.files: dict[str, Kept] = {}

    def open_capture(self, name: str) -> Capture:
        return self.captures[name]

    def create_capture(self, name: str, link_type: int, snaplen: int, nanoseconds: bool) -> CaptureSink:
        return self.sinks.setdefault(name, MemorySink())

    def open_file(self, name: str) -> BinaryIO:
        return BytesIO(self.files[name].getvalue())

    def create_file(self, name: str, append: bool = False) -> BinaryIO:
        if not append or name not in self.files:
            self.files[name] = Kept()
        return self.files[name]

    def device(self, name: str) -> Device:
        return self.devices.setdefault(name, MemoryDevice())
