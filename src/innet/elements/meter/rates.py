"""The arguments of the elements with a token bucket: a rate, and how much may pass at once after a pause."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Bandwidth, Seconds, Unsigned
from innet.elements.base import Element
from innet.elements.meter.bucket import DEBT, TokenRate, capacity


@dataclass(frozen=True)
class Rate(Element):
    """Base of both: by packets and by bytes."""

    WRITABLE: ClassVar[Mapping[str, str]] = {"rate": "rate"}

    @abstractmethod
    def tokens(self) -> TokenRate:
        """The bucket's rate and capacity."""


@dataclass(frozen=True)
class PacketRate(Rate):
    """So many packets a second."""

    rate: Annotated[int, Unsigned()]
    _: KW_ONLY
    burst_duration_ms: Annotated[int | None, Seconds(digits=3)] = None
    burst_size: Annotated[int | None, Unsigned()] = None

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        both = self.burst_duration_ms is not None and self.burst_size is not None
        return ("BURST_DURATION and BURST_SIZE exclude each other",) if both else ()

    def tokens(self) -> TokenRate:
        return TokenRate.of(self.rate, capacity(self.rate, self.burst_duration_ms, self.burst_size))


@dataclass(frozen=True)
class ByteRate(Rate):
    """So many bytes a second."""

    rate: Annotated[int, Bandwidth()]
    _: KW_ONLY
    burst_duration_ms: Annotated[int | None, Seconds(digits=3)] = None
    burst_bytes: Annotated[int | None, Unsigned()] = None

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        both = self.burst_duration_ms is not None and self.burst_bytes is not None
        return ("BURST_DURATION and BURST_BYTES exclude each other",) if both else ()

    def tokens(self) -> TokenRate:
        return TokenRate.of(self.rate, capacity(self.rate, self.burst_duration_ms, self.burst_bytes, DEBT))
