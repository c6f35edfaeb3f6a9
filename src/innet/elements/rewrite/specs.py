"""Input specifications of the rewriters: what happens to a packet of a flow that has no mapping yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from innet import ir
from innet.diagnostics import ConfigurationError, Diagnostic, suggest
from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.elements.neighbours import neighbour
from innet.elements.rewrite import patterns
from innet.elements.rewrite.patterns import Flow, Pattern, Room
from innet.flowspec import names
from innet.ir.trace import Packet, Value
from innet.lexical import Text, words

DISCARD_WORDS = ("drop", "discard")
PASS_WORDS = ("pass", "passthrough", "nochange")
PATTERN_WORDS = ("pattern", "xpattern")
FIRST_WORDS = (*DISCARD_WORDS, *PASS_WORDS, "keep", *PATTERN_WORDS)
SPEC_FORMS = (
    "drop, pass [OUTPUT], keep FOUT ROUT, pattern SADDR SPORT DADDR DPORT FOUT ROUT, pattern NAME FOUT ROUT, "
    "or the name of a mapper"
)
NO_MAPPING = "no mapping for the flow"
KEYWORDS = (
    "TIMEOUT", "TCP_TIMEOUT", "TCP_NODATA_TIMEOUT", "TCP_DONE_TIMEOUT", "UDP_TIMEOUT", "UDP_STREAMING_TIMEOUT",
    "STREAMING_TIMEOUT", "GUARANTEE", "TCP_GUARANTEE", "UDP_GUARANTEE", "REAP_INTERVAL", "REAP_TIME", "CAPACITY",
    "MAPPING_CAPACITY", "DST_ANNO", "REPLY_ANNO",
)  # fmt: skip
"""What a word may have been meant for that is no specification."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """A new flow, and the outputs of its packets and of their replies."""

    flow: Flow
    output: Value | int
    reply_output: Value | int


@dataclass(frozen=True, slots=True)
class Discard:
    """`drop`: unknown flows are discarded."""

    def __str__(self) -> str:
        return "drop"


@dataclass(frozen=True, slots=True)
class Pass:
    """`pass OUTPUT`: packets of unknown flows, and those that are no flow's, leave unchanged."""

    output: int = 0

    def __str__(self) -> str:
        return f"pass {self.output}"


class Mapper(Protocol):
    """A specification that makes mappings."""

    @property
    def outputs(self) -> frozenset[int]:
        """Every output that its mappings may use."""
        ...

    def map(self, p: Packet, room: Room, flow: Flow, port: int) -> tuple[Mapping, Value | None]:
        """The mapping for `flow`, which came in on `port`, and whether there is one (None: always)."""
        ...


@dataclass(frozen=True, slots=True)
class Keep:
    """`keep FOUT ROUT`: the flow gets a mapping that changes nothing."""

    output: int
    reply_output: int

    def __str__(self) -> str:
        return f"keep {self.output} {self.reply_output}"

    @property
    def outputs(self) -> frozenset[int]:
        return frozenset((self.output, self.reply_output))

    def map(self, p: Packet, room: Room, flow: Flow, port: int) -> tuple[Mapping, Value | None]:
        return Mapping(flow, self.output, self.reply_output), None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """`pattern PATTERN FOUT ROUT`: the flow gets a mapping by the pattern."""

    pattern: Pattern
    output: int
    reply_output: int

    def __str__(self) -> str:
        return f"pattern {self.pattern} {self.output} {self.reply_output}"

    @property
    def outputs(self) -> frozenset[int]:
        return frozenset((self.output, self.reply_output))

    def map(self, p: Packet, room: Room, flow: Flow, port: int) -> tuple[Mapping, Value | None]:
        new, free = self.pattern.apply(p, room, flow, ir.Counter(f"pattern {port}", 32))
        return Mapping(new, self.output, self.reply_output), free


@runtime_checkable
class IPMapper(Protocol):
    """An element that rewriters ask for mappings; `mapper` is its full name, by which they share its state."""

    @property
    def outputs(self) -> frozenset[int]:
        """Every output that its mappings may use."""
        ...

    def mapping(self, p: Packet, room: Room, flow: Flow, mapper: str) -> tuple[Mapping, Value | None]:
        """The mapping for `flow`, and whether there is one (None: always)."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """`ELEMENT`: the flow gets the mapping that the mapper called `name` gives it."""

    name: str
    mapper: IPMapper

    def __str__(self) -> str:
        return self.name

    @property
    def outputs(self) -> frozenset[int]:
        return self.mapper.outputs

    def map(self, p: Packet, room: Room, flow: Flow, port: int) -> tuple[Mapping, Value | None]:
        return self.mapper.mapping(p, room, flow, self.name)


class Choosing:
    """A mapping by one of several patterns, which one is known only when the packet arrives; `free`: there is one."""

    def __init__(self, p: Packet, room: Room, flow: Flow, mapper: str) -> None:
        self.p, self.room, self.flow, self.mapper = p, room, flow, mapper
        self.free = p.local(0, 1)
        self.parts = tuple(p.local(0, part.width) for part in flow)
        self.output, self.reply_output = p.local(0, 8), p.local(0, 8)

    def among(self, choices: Sequence[Rewrite], numbers: Sequence[int], chosen: Value) -> None:
        """Try the one of `choices` whose number, one of `numbers`, is `chosen`."""
        first, *rest = numbers
        if not rest:
            self.attempt(choices[first], first)
            return
        with self.p.when(chosen == first):
            self.attempt(choices[first], first)
        with self.p.otherwise():
            self.among(choices, rest, chosen)

    def attempt(self, choice: Rewrite, number: int) -> None:
        cursor = ir.Counter(f"pattern {self.mapper}/{number}", 32, shared=True)
        new, free = choice.pattern.apply(self.p, self.room, self.flow, cursor)
        self.free.set(1 if free is None else free)
        for part, value in zip(self.parts, new, strict=True):
            part.set(value)
        self.output.set(choice.output)
        self.reply_output.set(choice.reply_output)

    @property
    def mapping(self) -> Mapping:
        new = Flow(*(part.value for part in self.parts))
        return Mapping(new, self.output.value, self.reply_output.value)


InputSpec: TypeAlias = Discard | Pass | Keep | Rewrite | Ask


def outputs_of(spec: InputSpec) -> frozenset[int]:
    """The outputs that a specification names."""
    match spec:
        case Discard():
            return frozenset()
        case Pass(output):
            return frozenset((output,))
        case _:
            return spec.outputs


@dataclass(frozen=True)
class InputSpecification(ArgumentType[InputSpec]):
    """What an input does with packets of unknown flows."""

    def describe(self) -> str:
        return f"an input specification: {SPEC_FORMS}"

    def parse(self, text: Text, names: Names) -> InputSpec:
        found: list[Diagnostic] = []
        spec = parse(text, names, found)
        if spec is None:
            raise ConfigurationError(found)
        return spec


@dataclass(frozen=True)
class Choice(ArgumentType[Rewrite]):
    """`PATTERN FOUT ROUT`, one of those that a mapper chooses from."""

    def describe(self) -> str:
        return f"{patterns.PATTERN_FORMS}, then FOUT ROUT"

    def parse(self, text: Text, names: Names) -> Rewrite:
        return choice_of(words(text), text, names)

    def unparse(self, value: Rewrite) -> str:
        return str(value).removeprefix("pattern ")


def choice_of(parts: Sequence[Text], text: Text, names: Names) -> Rewrite:
    """`PATTERN FOUT ROUT`, the words `parts` of the argument `text`; raises ConfigurationError."""
    found: list[Diagnostic] = []
    rewrite = _rewrite(None, parts, names, found) if parts else None
    if rewrite is None:
        raise ConfigurationError(
            found or [Diagnostic("C164", "no pattern", text.span, patterns.PATTERN_FORMS)]
        )
    return rewrite


def parse(text: Text, book: Names, found: list[Diagnostic]) -> InputSpec | None:
    """The specification that `text` is; every mistake is appended to `found`."""
    parts = words(text)
    if not parts:
        found.append(Diagnostic("C164", "an input without a specification", text.span, SPEC_FORMS))
        return None
    first, rest = parts[0], parts[1:]
    if first.value in DISCARD_WORDS:
        if rest:
            _fail(found, rest[0], f"'{rest[0]}' after '{first}'", f"nothing after '{first}'")
            return None
        return Discard()
    if first.value in PASS_WORDS:
        return _pass(first, rest, found)
    if first.value == "keep":
        outputs = _outputs(first, rest, found)
        return outputs and Keep(*outputs)
    if first.value in PATTERN_WORDS:
        return _rewrite(first, rest, book, found)
    if book.element_class(first.value) is not None:
        return _ask(first, rest, book, found)
    near = suggest(first.value, (*FIRST_WORDS, *KEYWORDS))
    _fail(
        found,
        first,
        f"'{first}' is no input specification",
        SPEC_FORMS,
        f"did you mean '{near}'?" if near else "",
    )
    return None


def _fail(found: list[Diagnostic], word: Text, message: str, expected: str, help: str = "") -> None:
    found.append(Diagnostic("C164", message, word.span, expected, help, word.facts()))


def _pass(first: Text, rest: Sequence[Text], found: list[Diagnostic]) -> Pass | None:
    number = names.integer(rest[0].value) if len(rest) == 1 else 0
    if len(rest) > 1 or number is None or number < 0:
        _fail(found, rest[-1], f"'{rest[-1]}' is no output", f"{first} [OUTPUT], a number from 0")
        return None
    return Pass(number)


def _outputs(first: Text, rest: Sequence[Text], found: list[Diagnostic]) -> tuple[int, int] | None:
    """FOUT and ROUT, the only words left."""
    if len(rest) != 2:
        where = rest[2] if len(rest) > 2 else rest[-1] if rest else first
        _fail(found, where, f"{len(rest)} outputs after '{first}'", "two: FOUT ROUT")
        return None
    numbers = [names.integer(word.value) for word in rest]
    for word, number, what in zip(rest, numbers, ("forward", "reply"), strict=True):
        if number is None or number < 0:
            _fail(found, word, f"bad {what} output '{word}'", "the number of an output, from 0")
    if numbers[0] is None or numbers[1] is None or min(numbers[0], numbers[1]) < 0:
        return None
    return numbers[0], numbers[1]


def _ask(first: Text, rest: Sequence[Text], book: Names, found: list[Diagnostic]) -> Ask | None:
    if rest:
        _fail(found, rest[0], f"'{rest[0]}' after the name of a mapper", "nothing after it")
        return None
    try:
        name, element = neighbour(book, first)
    except ConfigurationError as e:
        found.extend(e.diagnostics)
        return None
    if not isinstance(element, IPMapper):
        _fail(
            found,
            first,
            f"'{first}' is of class {book.element_class(first.value)}, which gives no mappings",
            "a RoundRobinIPMapper or a SourceIPHashMapper",
        )
        return None
    return Ask(name, element)


def _rewrite(
    first: Text | None, rest: Sequence[Text], book: Names, found: list[Diagnostic]
) -> Rewrite | None:
    """The words behind `first`, or all words."""
    whole = rest if first is None else (first, *rest)
    if len(rest) < 3:
        _fail(
            found,
            whole[-1],
            f"'{first}' needs a pattern and two outputs"
            if first is not None
            else "not a pattern and two outputs",
            f"{patterns.PATTERN_FORMS}, then FOUT ROUT",
        )
        return None
    pattern: Pattern | None
    if len(rest) == 3:
        known = book.rewriter_pattern(rest[0].value)
        pattern = None if known is None else patterns.parse(known[1], book.at(known[0]), [], name=known[0])
        if known is not None and pattern is None:
            _fail(
                found, rest[0], f"pattern '{rest[0]}' has mistakes", "a pattern that IPRewriterPatterns takes"
            )
        if known is None:
            _fail(
                found,
                rest[0],
                f"there is no pattern '{rest[0]}'",
                "a name from IPRewriterPatterns",
                f"a pattern written here has 2 to 4 words: {patterns.PATTERN_FORMS}",
            )
    else:
        pattern = patterns.parse(rest[:-2], book, found, whole)
    outputs = _outputs(whole[0], rest[-2:], found)
    return None if pattern is None or outputs is None else Rewrite(pattern, *outputs)
