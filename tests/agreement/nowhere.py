"""The outside world of configurations that are only looked at."""

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from innet.elements.holder import Capture, CaptureSink, Device
from innet.packet.record import ETHERNET, Record


class Nowhere:
    """An `Io` that has every device and every file: captures are empty, and what is sent is gone."""

    link_type = ETHERNET

    def records(self) -> Iterator[Record]:
        return iter(())

    def write(self, data: bytes, time_ns: int, wire_length: int | None = None) -> None:
        pass

    def send(self, data: bytes, ethernet: bool) -> bool:
        return True

    def device(self, name: str) -> Device:
        return self

    def open_capture(self, name: str) -> Capture:
        return self

    def create_capture(self, name: str, link_type: int, snaplen: int, nanoseconds: bool) -> CaptureSink:
        return self

    def open_file(self, name: str) -> BinaryIO:
        return BytesIO()

    def create_file(self, name: str, append: bool = False) -> BinaryIO:
        return BytesIO()
