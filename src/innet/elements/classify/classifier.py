"""Classifier."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.diagnostics import Diagnostic
from innet.elements.arguments import Rest
from innet.elements.base import Element
from innet.elements.classify.firstmatch import (
    count_problems,
    first_match,
    pattern_warnings,
    program_text,
)
from innet.elements.classify.patterns import BytePattern, Pattern
from innet.elements.holder import Remembered
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Classifier(Element):
    """Choose the output by bytes at fixed places.

    Ports:      in 0: packets.  out k: those that match pattern k, and none before it.
    Arguments:  PATTERN, ...: one for each output. A pattern is a list of clauses `[!]OFFSET/VALUE[%MASK]`, in
                hexadecimal digits (`?`: any), which all must hold, or `-` for everything. OFFSET counts from the
                packet's start.
    Drops:      "no pattern matched".
    Errors:     as many patterns as outputs are needed; malformed clauses.
    Source:     Click manual, Classifier.  A clause about bytes that the packet does not have is false.
    """

    PORTS: ClassVar[str] = "1/-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("12/0800", "-", "!12/0806 14/45%f0 23/1?")

    READS: ClassVar[tuple[str, ...]] = ("program",)

    patterns: Annotated[tuple[Pattern, ...], Rest(BytePattern())] = ()

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return count_problems(len(self.patterns), outputs)

    def warnings(self) -> tuple[Diagnostic, ...]:
        return pattern_warnings(self.patterns)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        return program_text(self, len(self.patterns))

    def push(self, p: Packet, port: int) -> None:
        first_match(p, enumerate(self.patterns), "no pattern matched")
