"""Element programs: an element class written in program text, beside a configuration (docs/reference/program-text.md).

    elementprogram NAME(PARAMETER type [= value], ...) {
      outputs 1                          how many there are; 1 if nothing is said
      optional output 1 "wrong token"    one more, and why packets for it are dropped if it is not connected
      table seen [ip, port] -> [u64] capacity 1024 idle 60s
      counter ids u16
      input 0 { statements }             or, if there is one input, just the statements
    }

A definition is read and checked once, with its parameters as variables; `program` puts an instance's values in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from innet.diagnostics import Diagnostic, Source, Span
from innet.ir import nodes as ir
from innet.ir.check import check
from innet.ir.cursor import DECLARED, VALUE, VERDICT, Enough, Limits, Trouble
from innet.ir.declarations import TYPES
from innet.ir.operands import dotted
from innet.ir.read import Statements
from innet.ir.substitute import substituted
from innet.ir.trace import ends
from innet.ir.words import Kind, Word, closing

PARAMETER = "$"
"""What the variables that stand for parameters begin with; nothing in the text can be called so."""
PROCESSING = ("a/a", "a/ah", "a/h", "h/h", "l/l", "l/lh")
_FLOW_HALF = r"(?:[a-z#]|\[\^?[a-z#]{1,16}\]){1,16}"
_FLOW = re.compile(rf"{_FLOW_HALF}/{_FLOW_HALF}")
_WORDS = re.compile(r"[ \t]*([^\s;{}]*)")
_PARAMETER_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_START = re.compile(
    r'(?://[^\n\r]*+|/\*(?s:.*?)(?:\*/|\Z)|"(?:[^"\\\r\n]|\\.)*+"|(?P<stop>[{};]|->)|[^"/{};\-]++|["/\-])'
)
KINDS = (*TYPES, "prefix", "bytes")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter, which is an argument of the class: `kind` says how its text is read, `default` is None if it must
    be given. A prefix is address and mask, all others are numbers of `width` bits."""

    name: str
    kind: str
    width: int
    default: int | tuple[int, int] | None = None


@dataclass(frozen=True)
class Definition:
    """An element class defined by program text. Two are equal if their texts are."""

    name: str
    text: str
    """From the name to the closing brace, as it was written."""
    parameters: tuple[Parameter, ...] = field(compare=False)
    inputs: tuple[ir.Block, ...] = field(compare=False, repr=False)
    """What each input does; parameters are variables `$NAME`."""
    required: int = field(compare=False)
    """Outputs that must be connected."""
    optional: tuple[str, ...] = field(compare=False)
    """Why a packet is dropped that would leave by an output behind those, if that is not connected."""
    processing: str = field(compare=False)
    flow: str = field(compare=False)
    span: Span | None = field(default=None, compare=False, repr=False)
    """Where the name stands."""

    @property
    def PORTS(self) -> str:  # noqa: N802 - the names are those of Element
        most = self.required + len(self.optional)
        return f"{len(self.inputs)}/{self.required}" + (f"-{most}" if self.optional else "")

    @property
    def PROCESSING(self) -> str:  # noqa: N802
        return self.processing

    @property
    def FLOW(self) -> str:  # noqa: N802
        return self.flow

    def block(self, port: int, outputs: int, scope: str, values: Mapping[str, int]) -> ir.Block:
        """The statements of input `port` of an instance; `values` are those of the variables for parameters."""

        def value(var: ir.Var) -> ir.Expr:
            known = values.get(var.name)
            return (
                ir.Const(known, var.width) if known is not None else ir.Var(f"{scope}{var.name}", var.width)
            )

        missing = {self.required + n: ir.Drop(reason) for n, reason in enumerate(self.optional)}
        return substituted(self.inputs[port], value, missing, outputs)

    def __str__(self) -> str:
        return f"elementprogram {self.text}"


def extent(text: str, start: int) -> tuple[int, int | None] | None:
    """Where the body of the definition that begins at `start` opens, and where it ends (None: never).

    None if no body follows.
    """
    for match in _START.finditer(text, start):
        if match["stop"]:
            return (match.start(), closing(text, match.start())) if match["stop"] == "{" else None
    return None


def define(
    source: Source, start: int, end: int, limits: Limits | None = None
) -> tuple[Definition | None, tuple[Diagnostic, ...]]:
    """The definition that characters [start, end) are, from its name to its closing brace, and what is wrong.

    With mistakes the definition is good for its name, ports and parameters only; without even these it is None.
    """
    limits = limits or Limits()
    known = _right(source.text[start:end], limits)
    if known is not None:
        at = start + known.span.start if known.span is not None else start
        return replace(known, span=Span(source, at, at + len(known.name))), ()
    return _define(source, start, end, limits)


@lru_cache(maxsize=64)
def _right(text: str, limits: Limits) -> Definition | None:
    """The definition that `text` is, if nothing is wrong with it: a request's texts are read more than once."""
    found, mistakes = _define(Source("", text), 0, len(text), limits)
    return None if mistakes else found


def _define(
    source: Source, start: int, end: int, limits: Limits
) -> tuple[Definition | None, tuple[Diagnostic, ...]]:
    reader = _Reader(source, start, end, limits)
    found: Definition | None = None
    if reader.mistakes.found:
        return None, tuple(reader.mistakes.found)
    try:
        found = reader.definition(start, end)
    except (Trouble, Enough):
        found = reader.partial
    return found, tuple(
        sorted(reader.mistakes.found, key=lambda d: d.span.start if d.span is not None else end)
    )


class _Reader(Statements):
    def __init__(self, source: Source, start: int, end: int, limits: Limits) -> None:
        super().__init__(source, start, end, limits)
        self.tenant = True
        self.declares: list[Parameter] = []
        self.reasons: list[str] = []
        self.bodies: dict[int, tuple[ir.Block, Word]] = {}
        self.processing = self.flow = ""
        self.partial: Definition | None = None
        self.processing_word: Word | None = None

    def definition(self, start: int, end: int) -> Definition:
        name = self.word
        if name.kind is not Kind.NAME or "." in name.text:
            self.unexpected("the name of the element class")
        self.next()
        text = self.source.text[start:end]
        self.partial = Definition(name.text, text, (), (), 1, (), "a/a", "x/x", self.span(name))
        try:
            self.head()
        except Trouble:
            while self.word.kind is not Kind.END and not self.sees("{"):
                self.next()
        self.partial = replace(self.partial, parameters=tuple(self.declares))
        opened = self.needs("{", "'{' and the program")
        self.body(opened)
        return self.together(name, text)

    # ---- the head

    def head(self) -> None:
        """`(NAME type [= value], ...)`; may be left out."""
        if not self.takes("("):
            return
        while not self.sees(")"):
            self.parameter()
            if not self.sees(")"):
                self.needs(",", "',' or ')'")
        self.next()
        optional = False
        for n, parameter in enumerate(self.declares):
            if optional and parameter.default is None:
                self.mistakes.tell(
                    DECLARED, f"'{parameter.name}' has no value of its own, but one before it has",
                    self.declared[parameter.name], "parameters with '= value' last",
                )  # fmt: skip
                nothing = (0, 0) if parameter.kind == "prefix" else 0
                self.declares[n] = replace(parameter, default=nothing)  # so that the rest can be looked at
            optional = optional or parameter.default is not None

    def parameter(self) -> None:
        word = self.word
        if word.kind is not Kind.NAME:
            self.unexpected("a parameter: NAME type, as in PORT port = 53")
        if not _PARAMETER_NAME.fullmatch(word.text):
            upper = word.text.upper().replace(".", "_")
            self.mistakes.tell(
                DECLARED,
                f"'{word.text}' cannot be an argument",
                self.span(word),
                "capitals, digits and '_'",
                upper,
            )
            self.declared[word.text] = self.span(word)
            self.declared.setdefault(upper, self.span(word))
            self.next()
        else:
            self.new_name("parameter")
        kind_word = self.word
        kind, width = self.kind()
        default: int | tuple[int, int] | None = None
        if self.takes("="):
            default = self.default(kind, width)
        variable = f"{PARAMETER}{word.text}"
        if kind == "prefix":
            self.prefixes[word.text] = (ir.Var(variable, 32), ir.Var(f"{variable}.mask", 32))
        else:
            self.parameters[word.text] = ir.Var(variable, width)
        name = word.text.upper().replace(".", "_")  # as it has to be, so that the rest can be looked at
        while any(name == known.name for known in self.declares):
            name += "_"
        self.declared.setdefault(name, self.span(word))
        self.declares.append(Parameter(name, kind, width, default))
        if len(self.declares) > self.limits.parameters:
            self.too_large("parameters", self.span(kind_word), self.limits.parameters)

    def kind(self) -> tuple[str, int]:
        """The type of a parameter and its width."""
        if self.takes("prefix"):
            return "prefix", 32
        if self.takes("bytes"):
            self.needs("[", "'[' and how many bytes")
            most = self.limits.width // 8
            count = self.integer("how many bytes", 1, most)
            self.needs("]")
            return "bytes", 8 * max(count, 1)
        word = self.word
        if word.kind is Kind.NAME and word.text in (
            "u",
            "int",
            "integer",
            "number",
            "string",
            "address",
            "mac",
        ):
            self.unexpected(f"a type: u1 to u{self.limits.width}, {', '.join(KINDS)}")
        width = self.type()
        return (word.text if word.text in TYPES else "number"), width

    def default(self, kind: str, width: int) -> int | tuple[int, int] | None:
        """The value behind `=`."""
        first = self.word
        if kind == "prefix":
            if first.kind is not Kind.ADDRESS:
                self.unexpected("a prefix such as 10.0.0.0/8")
            base = self.address(self.next())
            length = self.integer("the length of a prefix", 0, 32) if self.takes("/") else 32
            mask = (0xFFFF_FFFF << (32 - length)) & 0xFFFF_FFFF
            if base & ~mask:
                self.mistakes.tell(
                    VALUE, f"{dotted(base)}/{length} has bits behind its prefix", self.since(first), "",
                    f"{dotted(base & mask)}/{length}",
                )  # fmt: skip
            return base & mask, mask
        if kind == "seconds" and first.kind is Kind.NUMBER:
            return self.seconds("seconds")
        if first.kind in (Kind.NUMBER, Kind.ADDRESS, Kind.ETHER, Kind.STRING) or self.sees("true", "false"):
            found = self.value(self.unary(), width, f"'{kind if kind != 'number' else f'u{width}'}'")
            return found.value if isinstance(found, ir.Const) else 0
        return self.unexpected("a value: a number, an address, a string, true or false")

    # ---- the body

    def body(self, opened: Word) -> None:
        if self.peek(0).kind is not Kind.END:
            self.outputs = 1
        block = self.block(opened, declarations=True)
        closed = self.words[self.at - 1]
        self.blank()
        if self.word.kind is not Kind.END:
            self.unexpected("the end of the definition")
        if self.bodies and block:
            at = next(iter(self.bodies.values()))[1]
            self.mistakes.tell(
                DECLARED,
                "statements stand beside 'input' blocks",
                self.span(at),
                "every statement in an 'input' block",
            )
        if not self.bodies:
            self.bodies[0] = (block, opened)
            self.verdicts(block, closed)

    def verdicts(self, block: ir.Block, closed: Word) -> None:
        if not ends(block) and not self.unread:
            self.mistakes.tell(
                VERDICT,
                "some packets get here and meet no verdict",
                self.span(closed),
                'emit N or drop "reason"',
            )

    def declaration(self) -> bool:
        match self.word.text if self.word.kind is Kind.NAME else "":
            case "outputs":
                first = self.next()
                number = self.integer("how many outputs", 0, self.limits.outputs)
                if self.statements or self.reasons or self.bodies:
                    self.late(first)
                self.outputs = number
            case "optional":
                self.optional_output()
            case "processing":
                self.next()
                self.processing_word, self.processing = self.raw(PROCESSING)
            case "flow":
                first = self.next()
                word, self.flow = self.raw(())
                if not _FLOW.fullmatch(self.flow):
                    self.mistakes.tell(
                        VALUE, f"'{self.flow}' is not a flow code", self.span(word), "as in x/x, xy/xy or #/#"
                    )
                    self.flow = ""
            case "input":
                self.input()
            case "table" | "counter":
                if self.statements:
                    self.late(self.word)
                return super().declaration()
            case _:
                return False
        return True

    def late(self, word: Word) -> None:
        self.mistakes.tell(
            DECLARED,
            f"'{word.text}' comes too late",
            self.span(word),
            "declarations before statements and inputs",
        )

    def raw(self, choices: tuple[str, ...]) -> tuple[Word, str]:
        """A code, up to the next space, which is no word of the language."""
        first = self.word
        match = _WORDS.match(self.source.text, self.words[self.at - 1].end)
        code = match[1] if match is not None else ""
        if not code:
            self.unexpected(f"a code: {', '.join(choices)}" if choices else "a flow code such as x/x")
        end = first.start + len(code)
        while self.word.kind is not Kind.END and self.word.start < end:
            self.next()
        word = Word(Kind.NAME, code, first.start, end)
        if choices and code not in choices:
            self.mistakes.tell(
                VALUE, f"'{code}' is not a processing code", self.span(word), ", ".join(choices)
            )
            return word, ""
        return word, code

    def optional_output(self) -> None:
        first = self.needs("optional")
        self.needs(
            "output", "'output', its number, and why packets for it are dropped if it is not connected"
        )
        number = self.integer("the number of the output", 0, self.limits.outputs)
        reason = self.string("why packets for it are dropped if it is not connected, in quotes")
        self.reason(reason, first)
        if self.statements or self.bodies:
            self.late(first)
        expected = self.outputs or 0
        if number != expected:
            self.mistakes.tell(
                DECLARED, f"output {number} is out of order", self.since(first),
                f"output {expected}: optional ones follow the others, numbered on",
                f"write 'outputs {number}' before it" if number > expected and not self.reasons else "",
            )  # fmt: skip
        self.reasons.append(reason)
        self.outputs = expected + 1
        if self.outputs > self.limits.outputs:
            self.too_large("outputs", self.since(first), self.limits.outputs)

    def input(self) -> None:
        """`input 0, 1 { statements }`: each has variables of its own."""
        first = self.needs("input")
        ports = [self.integer("the number of an input", 0, self.limits.inputs - 1)]
        while self.takes(","):
            ports.append(self.integer("the number of an input", 0, self.limits.inputs - 1))
        opened = self.needs("{", "',' or '{' and what happens to packets that arrive there")
        self.variables, self.everywhere = {}, {}
        self.unread = False
        block = self.block(opened, depth=2)
        self.verdicts(block, self.words[self.at - 1])
        self.variables, self.everywhere = {}, {}
        for port in ports:
            before = self.bodies.get(port)
            if before is not None:
                self.mistakes.tell(
                    DECLARED, f"input {port} is there twice", self.span(first), "one block for each input", "",
                    (("the other one stands at", str(self.span(before[1]))),),
                )  # fmt: skip
            self.bodies[port] = (block, first)

    # ---- all together

    def together(self, name: Word, text: str) -> Definition:
        count = len(self.bodies)
        gaps = [str(port) for port in range(max(self.bodies) + 1) if port not in self.bodies]
        if gaps:
            self.mistakes.tell(
                DECLARED,
                f"input {', '.join(gaps)} is missing",
                self.span(name),
                "inputs numbered from 0 without gaps",
            )
        outputs = self.outputs or 0
        processing = self.processing or ("h/h" if count > 1 else "a/ah" if outputs > 1 else "a/a")
        wrong = ""
        if count > 1 and processing != "h/h":
            wrong = "h/h: a pull would not know which input to ask"
        elif outputs > 1 and processing in ("a/a", "l/l"):
            wrong = f"{processing}h: what leaves by the other outputs cannot be pulled"
        if wrong and self.processing_word is not None:
            self.mistakes.tell(
                DECLARED, f"'{processing}' does not go with {count} inputs and {outputs} outputs",
                self.span(self.processing_word), wrong,
            )  # fmt: skip
        flow = self.flow or "x/x"
        if "#" in flow and count != outputs:
            at = self.span(name)
            self.mistakes.tell(
                DECLARED,
                f"flow '{flow}' pairs {count} inputs with {outputs} outputs",
                at,
                "equally many of both",
            )
        found = Definition(
            name.text,
            text,
            tuple(self.declares),
            tuple(self.bodies[port][0] for port in sorted(self.bodies)),
            outputs - len(self.reasons),
            tuple(self.reasons),
            processing,
            flow,
            self.span(name),
        )
        if not self.mistakes.found:
            verify(found)
        return found


def verify(definition: Definition) -> None:
    """What was read is well-formed IR, whatever the values of its parameters: both checkers agree, or we are wrong."""
    values = {}
    for parameter in definition.parameters:
        values[f"{PARAMETER}{parameter.name}"] = 0
        values[f"{PARAMETER}{parameter.name}.mask"] = 0
    most = definition.required + len(definition.optional)
    for port in range(len(definition.inputs)):
        for outputs in {definition.required, most}:
            body = definition.block(port, outputs, definition.name, values)
            check(ir.Program(definition.name, port, outputs, body))
