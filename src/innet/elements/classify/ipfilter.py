"""IPFilter."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.diagnostics import Diagnostic
from innet.elements.arguments import Rest
from innet.elements.base import Element
from innet.elements.classify.firstmatch import first_match, pattern_warnings, program_text
from innet.elements.classify.patterns import FilterRule, Pattern
from innet.elements.holder import Remembered
from innet.elements.ip.header import require_mark
from innet.elements.wording import in_use
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class IPFilter(Element):
    """Let packets pass by rules over the IPv4 and transport headers; the first rule that matches decides.

    Ports:      in 0: IPv4 with its header marked.  out 0..n-1: as the rules say.
    Arguments:  ACTION PATTERN, ...  ACTION: `allow` (output 0), `deny`, `drop`, or the number of an output.
                PATTERN: tests joined by `and`, `or`, `not`, `?:` and parentheses; nothing, `-`, `any` and `all`
                match everything.
    Drops:      "denied by a rule", "no rule matched", "no IP header annotation".
    Errors:     an output that is not in use; whatever is wrong with a pattern.
    Source:     Click manual, IPFilter.  A test of bytes that the packet does not have is false.
    """

    PORTS: ClassVar[str] = "1/-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "allow udp port 1500",
        "deny src net 10.0.0.0/8, 0 tcp dst port 80 or 443, drop all",
        "allow -",
    )

    READS: ClassVar[tuple[str, ...]] = ("program",)

    rules: Annotated[tuple[Pattern, ...], Rest(FilterRule())] = ()

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return tuple(
            f"rule {n} sends packets to output {rule.output}, but {in_use(outputs)}"
            for n, rule in enumerate(self.rules, 1)
            if rule.output is not None and rule.output >= outputs
        )

    def warnings(self) -> tuple[Diagnostic, ...]:
        return pattern_warnings(self.rules)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        return program_text(self, 1 + max((rule.output or 0 for rule in self.rules), default=0))

    def push(self, p: Packet, port: int) -> None:
        require_mark(p, Mark.NET)
        first_match(p, ((rule.output, rule) for rule in self.rules), "no rule matched")
