"""What the rewriting elements have in common: their inputs' specifications, how many flows they may have."""

from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.diagnostics import ConfigurationError
from innet.elements.argument_names import Names
from innet.elements.arguments import ArgumentType, Key, Rest, Seconds, Signed
from innet.elements.base import Element
from innet.elements.neighbours import neighbour
from innet.elements.rewrite.flows import FlowTable
from innet.elements.rewrite.specs import Ask, InputSpec, InputSpecification, Pass, outputs_of
from innet.ir.trace import Packet
from innet.lexical import Text

DEFAULT_CAPACITY, MAX_CAPACITY = 65536, (1 << 31) - 1


@dataclass(frozen=True)
class Capacity(ArgumentType["int | Like"]):
    """How many flows there may be: a number, or as many as another rewriter may have."""

    def describe(self) -> str:
        return f"a number of flows from 1 to {MAX_CAPACITY}, or the name of a rewriter"

    def parse(self, text: Text, names: Names) -> "int | Like":
        number = Signed(1, MAX_CAPACITY)
        try:
            return number.parse(text, names)
        except ConfigurationError:
            if names.element_class(self.word(text)) is None:
                raise
        name, element = neighbour(names, text)
        if not isinstance(element, FlowRewriter):
            raise self.refused(text, f"'{text}' is no rewriter")
        return Like(name, element.capacity_now)


@dataclass(frozen=True, slots=True)
class Like:
    """The capacity of another rewriter."""

    name: str
    capacity: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class FlowRewriter(Element):
    """Base of the elements that rewrite flows."""

    PORTS: ClassVar[str] = "1-/1-"
    PROCESSING: ClassVar[str] = "h/h"
    KEYWORDS_FIRST: ClassVar[bool] = True

    specs: Annotated[tuple[InputSpec, ...], Rest(InputSpecification()), Key("SPEC")]
    _: KW_ONLY
    guarantee: Annotated[int, Seconds()] = 5
    reap_interval: Annotated[int, Seconds()] = 900
    reap_time: Annotated[int, Seconds()] = 900
    capacity: Annotated[int | Like | None, Capacity()] = None
    mapping_capacity: Annotated[int | Like | None, Capacity()] = None

    @property
    @abstractmethod
    def flows(self) -> FlowTable:
        """The flow table and its rules."""

    @property
    def capacity_now(self) -> int:
        """How many flows there may be."""
        for given in (self.mapping_capacity, self.capacity):
            if given is not None:
                return given.capacity if isinstance(given, Like) else given
        return DEFAULT_CAPACITY

    @property
    def mapped(self) -> tuple[int, ...]:
        """The outputs that mappings may use."""
        return tuple(
            sorted({out for spec in self.specs if not isinstance(spec, Pass) for out in outputs_of(spec)})
        )

    def push(self, p: Packet, port: int) -> None:
        self.flows.push(p, self.specs[port], port)

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        if inputs != len(self.specs):
            found.append(
                f"{len(self.specs)} input specifications for {inputs} inputs: one is needed for each"
            )
        for number, spec in enumerate(self.specs):
            found += [
                f"input specification {number} names output {output}, but the element has {outputs}"
                for output in sorted(outputs_of(spec))
                if output >= outputs
            ]
        return tuple(found)

    def references(self) -> dict[str, type[Element]]:
        return {spec.name: Element for spec in self.specs if isinstance(spec, Ask)}
