"""RoundRobinIPMapper."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import Key, Rest
from innet.elements.base import Element, Role
from innet.elements.rewrite.patterns import Flow, Room
from innet.elements.rewrite.specs import Choice, Choosing, Mapping, Rewrite
from innet.ir.trace import Packet, Value


@dataclass(frozen=True)
class RoundRobinIPMapper(Element):
    """Give the flows of rewriters that name this element mappings by several patterns, in turn.

    Arguments:  PATTERN FOUT ROUT, any number, each as a rewriter takes it.
    State:      whose turn it is, and where the search in a pattern's range goes on; the same for all rewriters.
    Verifier:   any pattern may be next.
    Source:     Click manual, RoundRobinIPMapper.  A pattern without a free port or address is passed over.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "- - 10.0.0.11 - 0 1, - - 10.0.0.12 - 0 1",
        "- - 10.0.0.11 - 0 1, 192.0.2.1 40000-40002# 10.0.0.13 8080 0 1",
    )

    choices: Annotated[tuple[Rewrite, ...], Rest(Choice()), Key("PATTERN")]

    @property
    def outputs(self) -> frozenset[int]:
        return frozenset(output for choice in self.choices for output in choice.outputs)

    def mapping(self, p: Packet, room: Room, flow: Flow, mapper: str) -> tuple[Mapping, Value | None]:
        """After a pattern that finds nothing the next one is asked, until each was."""
        count = len(self.choices)
        turn = ir.Counter(f"turn of {mapper}", 16, wrap=count, shared=True)
        choosing = Choosing(p, room, flow, mapper)
        choosing.among(self.choices, range(count), p.next(turn))
        possible = set(range(count))
        for _ in range(count - 1):
            failed = {number for number in possible if self.choices[number].pattern.searches}
            possible = {(number + 1) % count for number in failed}
            if not possible:
                return choosing.mapping, choosing.free.value
            with p.when(~choosing.free.value):
                choosing.among(self.choices, sorted(possible), p.next(turn))
        return choosing.mapping, choosing.free.value
