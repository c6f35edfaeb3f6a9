"""RandomSample."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Annotated, ClassVar

from innet.diagnostics import InNetError
from innet.elements.argument_types import show_fixed
from innet.elements.arguments import FixedPoint, with_argument
from innet.elements.base import Element
from innet.elements.holder import HandlerError, Remembered
from innet.ir.trace import Packet

BITS = 28
ALWAYS = 1 << BITS


@dataclass(frozen=True)
class RandomSample(Element):
    """Keep packets at random.

    Ports:      in 0: any packet.  out 0: those kept.  out 1 (push, optional; dropped if unconnected): the others.
    Arguments:  P (0 to 1, default 1): the probability of being kept; or as a keyword: SAMPLE (the same) or DROP (that
                of not being kept).  ACTIVE (keyword, bool, default true): false keeps everything.
    Drops:      "not sampled".
    Verifier:   either output is possible for any packet.
    Errors:     SAMPLE and DROP exclude each other.
    Source:     Click manual, RandomSample.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("0.25", "", "DROP 1e-3", "SAMPLE 0", "0.5, ACTIVE false")
    READS: ClassVar[tuple[str, ...]] = ("sampling_prob", "drop_prob")
    WRITES: ClassVar[tuple[str, ...]] = ("sampling_prob", "drop_prob")
    WRITABLE: ClassVar[Mapping[str, str]] = {"active": "active"}

    p: Annotated[int, FixedPoint(BITS, share=True)] = ALWAYS
    _: KW_ONLY
    sample: Annotated[int | None, FixedPoint(BITS, share=True)] = None
    drop: Annotated[int | None, FixedPoint(BITS, share=True)] = None
    active: bool = True

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        both = self.sample is not None and self.drop is not None
        return ("SAMPLE and DROP exclude each other",) if both else ()

    @property
    def kept(self) -> int:
        """Of 2^28, the probability of being kept."""
        if self.drop is not None:
            return ALWAYS - self.drop
        return self.p if self.sample is None else self.sample

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        return show_fixed(self.kept if handler == "sampling_prob" else ALWAYS - self.kept, BITS)

    def write(self, handler: str, value: str, memory: Remembered) -> "RandomSample":
        try:
            share = with_argument(self, "p", value).p
        except InNetError as e:
            raise HandlerError(e.diagnostics[0].message) from e
        kept = share if handler == "sampling_prob" else ALWAYS - share
        return replace(self, p=kept, sample=None, drop=None)

    def push(self, p: Packet, port: int) -> None:
        if self.active and self.kept < ALWAYS:
            if self.kept:
                with p.when(p.random(BITS) < self.kept):
                    p.emit(0)
            p.count("drops")
            p.divert(1, "not sampled")
        else:
            p.emit(0)
