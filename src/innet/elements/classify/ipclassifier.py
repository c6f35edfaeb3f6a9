"""IPClassifier."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.arguments import NO_NAMES, Rest
from innet.elements.base import Element
from innet.elements.classify.firstmatch import (
    count_problems,
    first_match,
    pattern_warnings,
    program_text,
)
from innet.elements.classify.patterns import IPPattern, Pattern
from innet.elements.holder import HandlerError, Remembered
from innet.elements.ip.header import require_mark
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.lexical import Text


@dataclass(frozen=True)
class IPClassifier(Element):
    """Choose the output by patterns over the IPv4 and transport headers.

    Ports:      in 0: IPv4 with its header marked.  out k: packets that match pattern k, and none before it.
    Arguments:  PATTERN, ...: one for each output; the language is that of IPFilter, `-` matches everything.
    Drops:      "no pattern matched", "no IP header annotation".
    Errors:     as many patterns as outputs are needed; whatever is wrong with a pattern.
    Source:     Click manual, IPClassifier.  A test of bytes that the packet does not have is false.
    """

    PORTS: ClassVar[str] = "1/-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "-",
        "tcp syn and not ack",
        "src net 10.0.0.0/8 and (udp port 53 or icmp type echo)",
    )

    READS: ClassVar[tuple[str, ...]] = ("program",)

    patterns: Annotated[tuple[Pattern, ...], Rest(IPPattern())] = ()

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return count_problems(len(self.patterns), outputs)

    def warnings(self) -> tuple[Diagnostic, ...]:
        return pattern_warnings(self.patterns)

    def writes(self) -> tuple[str, ...]:
        return tuple(f"pattern{n}" for n in range(len(self.patterns)))

    def reads(self) -> tuple[str, ...]:
        return (*self.READS, *self.writes())

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        if handler == "program":
            return program_text(self, len(self.patterns))
        return self.patterns[number(handler)].text

    def write(self, handler: str, value: str, memory: Remembered) -> Element:
        try:
            pattern = IPPattern().parse(Text(value.strip()), NO_NAMES)
        except ConfigurationError as e:
            raise HandlerError(f"'{handler}': {e.diagnostics[0].message}") from e
        patterns = list(self.patterns)
        patterns[number(handler)] = pattern
        return replace(self, patterns=tuple(patterns))

    def push(self, p: Packet, port: int) -> None:
        require_mark(p, Mark.NET)
        first_match(p, enumerate(self.patterns), "no pattern matched")


def number(handler: str) -> int:
    """Which pattern the handler `patternN` is about."""
    return int(handler.removeprefix("pattern"))
