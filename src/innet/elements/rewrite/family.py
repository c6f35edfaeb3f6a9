"""What the rewriting elements have in common: their inputs' specifications, how many flows they may have."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, replace
from typing import Annotated, ClassVar

from innet import ir
from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.argument_names import Names
from innet.elements.arguments import NO_NAMES, ArgumentType, Key, Rest, Seconds, Signed
from innet.elements.base import Element
from innet.elements.holder import HandlerError, Remembered, handler_int
from innet.elements.neighbours import neighbour
from innet.elements.rewrite import rows
from innet.elements.rewrite.flows import FAILURES, FlowTable
from innet.elements.rewrite.portflows import PortFlows
from innet.elements.rewrite.specs import Ask, InputSpec, InputSpecification, Keep, Pass, Rewrite, outputs_of
from innet.elements.rewrite.specs import parse as parse_spec
from innet.flowspec.names import address, dotted, integer
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

    READS: ClassVar[tuple[str, ...]] = (
        "table",
        "table_size",
        "size",
        "mapping_failures",
        "capacity",
        "patterns",
    )
    WRITES: ClassVar[tuple[str, ...]] = ("capacity", "clear")

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

    # ---- handlers

    def reads(self) -> tuple[str, ...]:
        return (*self.READS, *(f"pattern{number}" for number in range(len(self.specs))))

    def writes(self) -> tuple[str, ...]:
        return (*self.WRITES, *(f"pattern{number}" for number in range(len(self.specs))))

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        made = rows.flows_by_input(self.flows, memory)
        match handler:
            case "table":
                return rows.lines(self.flows, memory)
            case "table_size" | "size":
                return str(sum(made.values()))
            case "mapping_failures":
                return str(memory.statistic(FAILURES))
            case "capacity":
                return str(self.capacity_now)
            case "patterns":
                numbers: Iterable[int] = range(len(self.specs))
            case _:
                numbers = (int(handler.removeprefix("pattern")),)
        return "".join(f"{shown(self.specs[number], made.get(number, 0))}\n" for number in numbers)

    def write(self, handler: str, value: str, memory: Remembered) -> Element | None:
        match handler:
            case "clear":
                memory.clear(self.flows.table)
                return None
            case "capacity":
                capacity = handler_int(value, 1, MAX_CAPACITY)
                rows.make_room(self.flows, memory, capacity)
                return replace(self, capacity=None, mapping_capacity=capacity)
        number = int(handler.removeprefix("pattern"))
        found: list[Diagnostic] = []
        spec = parse_spec(Text(value.strip()), NO_NAMES, found)
        if spec is None:
            raise HandlerError("; ".join(diagnostic.message for diagnostic in found))
        rows.remove(self.flows, memory, number)
        return replace(self, specs=(*self.specs[:number], spec, *self.specs[number + 1 :]))

    def references(self) -> dict[str, type[Element]]:
        return {spec.name: Element for spec in self.specs if isinstance(spec, Ask)}


def shown(spec: InputSpec, flows: int) -> str:
    """A specification and how many flows it has made, as Click shows them."""
    match spec:
        case Rewrite(pattern):
            text = str(replace(pattern, name="", order=ir.Order.RANDOM, prefer_own=True))
        case Pass():
            text = "<nochange>"
        case Keep():
            text = "<keep>"
        case Ask():
            text = "<mapper>"
        case _:
            text = "<drop>"
    return f"{text} [{flows}]" if flows else text


def lookup(flows: PortFlows, memory: Remembered, argument: str, protocol: tuple[int, ...] = ()) -> str:
    """What becomes of the flow `SADDR SPORT DADDR DPORT`, in the same form; empty if the table does not know it."""
    words = argument.split()
    numbers = [address(word) if n % 2 == 0 else integer(word) for n, word in enumerate(words)]
    if len(numbers) != 4 or not all(number is not None and 0 <= number < 1 << 32 for number in numbers):
        raise HandlerError(f"expected SADDR SPORT DADDR DPORT, not '{argument}'")
    row = memory.rows(flows.table).get((*protocol, *(number for number in numbers if number is not None)))
    return "" if row is None else f"{dotted(row[0])} {row[1]} {dotted(row[2])} {row[3]}"
