"""Flows in tcpdump's syntax (pcap-filter(7)), about the outermost IPv4 packet: grammar and precedence.

    flow    := nothing | expr
    expr    := term (('and' | '&&' | 'or' | '||') term)*       both bind alike, from left to right
    term    := ('not' | '!') term | '(' expr ')' | primitive | value | arith relop arith

A value without qualifiers (`port 80 or 443`) takes those of the primitive before it. Primitives are in `flows`,
arithmetic in `arithmetic`, what `vlan` does in `tagged`. docs/reference/flows.md is the manual; it lists what differs
from libpcap, whose compiler is the oracle of the tests.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from innet.diagnostics import ConfigurationError, Diagnostic, Span, suggest
from innet.flowspec import predicate as pr
from innet.flowspec import tagged
from innet.flowspec.arithmetic import ARITHMETIC, RELATIONS, Arithmetic, Number, compare
from innet.flowspec.flows import KEYWORDS, Primitives, Qualifiers
from innet.flowspec.predicate import TRUE, Predicate
from innet.flowspec.text import MAX_TEXT, Findings, Text, quoted
from innet.flowspec.words import AND, NOT, OR, LimitError, ReadError, Words
from innet.records import quick

MAX_DEPTH = 50
MAX_TESTS = 20_000

_TOKENS = re.compile(
    r"""( [0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}(?![0-9a-zA-Z:])   # Ethernet address
        | \$[A-Za-z0-9_.]+ | [A-Za-z0-9_](?:[-A-Za-z0-9_.]*[A-Za-z0-9_])?
        | &&|\|\||<=|>=|==|!=|<<|>> | [-&|^<>=!()\[\]:+*/%\\] )
      | \s+ | [^\s]""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Flow:
    """What a flow means; `variables` are the `$NAME` whose addresses were not known (taken as 0.0.0.0)."""

    predicate: Predicate
    variables: tuple[str, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()


def parse_flow(
    text: str | Text, span: Span | None = None, variables: Mapping[str, int] | None = None
) -> Flow:
    """The meaning of a flow, which stands at `span`; `variables` gives the address of each `$NAME` (without the `$`).

    Raises ConfigurationError with every mistake found (codes F141 to F159).
    """
    place = text if isinstance(text, Text) else Text.of(text, span, "flow")
    findings = Findings()
    words = _tokens(place, findings)
    primitives = Primitives(words, findings, variables or {})
    predicate: Predicate = TRUE
    if words:
        predicate = _Parser(words, findings, primitives).flow()
    if findings.errors:
        raise ConfigurationError(findings.errors)
    return Flow(predicate, tuple(primitives.unknown), tuple(findings.warnings))


def _tokens(text: Text, findings: Findings) -> Words:
    found: list[tuple[str, int]] = []
    if len(text.text) > MAX_TEXT:
        findings.error("F143", f"the flow has more than {MAX_TEXT} characters", text.where(0, 1))
        return Words(text, found)
    for token in _TOKENS.finditer(text.text):
        if token[1]:
            found.append((token[1], token.start()))
        elif not token[0].isspace():
            findings.error(
                "F141",
                f"{quoted(token[0])} has no meaning in a flow",
                text.where(token.start(), token.end()),
                "words, numbers, addresses, operators and parentheses",
            )
    return Words(text, found)


@quick
@dataclass(frozen=True, slots=True)
class _Sized:
    """A predicate with its number of tests and its depth: both are bounded, whatever the text."""

    predicate: Predicate
    tests: int = 1
    depth: int = 0


class _Parser:
    def __init__(self, words: Words, findings: Findings, primitives: Primitives) -> None:
        self.words, self.findings, self.primitives = words, findings, primitives
        self.arithmetic = Arithmetic(words, findings)
        self.depth = 0

    def flow(self) -> Predicate:
        try:
            result = self.predicate(self.expression())
            while self.words and not self.findings.full:
                self.leftover()
        except LimitError:
            return TRUE
        return result.predicate

    def leftover(self) -> None:
        """Complain about what follows a complete expression, and go on behind it."""
        word = self.words.peek()
        near = "" if word in KEYWORDS else suggest(word, KEYWORDS)
        help = (
            f"did you mean '{near}'?"
            if near
            else ""
            if word == ")"
            else f"write `and` before it: `and {word} ...`"
        )
        self.findings.error(
            "F142",
            f"{quoted(word)} cannot follow directly",
            self.words.here(),
            "'and', 'or' or the end of the flow",
            help,
        )
        self.words.take()
        self.recover()
        if self.words.accept(*AND, *OR):
            self.predicate(self.expression())

    def too_large(self) -> LimitError:
        self.findings.error(
            "F143",
            f"the flow has more than {MAX_TESTS} tests or nests deeper than {MAX_DEPTH}",
            self.words.here(),
        )
        return LimitError()

    def expression(self) -> _Sized | Number:
        """A predicate, or a number if there is nothing but arithmetic."""
        left = self.term()
        while self.words.peek() in (*AND, *OR) and self.words:
            own = AND if self.words.peek() in AND else OR
            parts = [self.predicate(left)]
            while self.words.accept(*own):
                parts.append(self.predicate(self.term()))
            left = self.joined(own, parts)
        return left

    def joined(self, connective: tuple[str, ...], parts: list[_Sized]) -> _Sized:
        """`parts` as `connective` joins them, if that keeps to the limits."""
        join = pr.conjunction if connective == AND else pr.disjunction
        count, depth = sum(p.tests for p in parts), 1 + max(p.depth for p in parts)
        if count > MAX_TESTS or depth > MAX_DEPTH:
            raise self.too_large()
        return _Sized(join(p.predicate for p in parts), count, depth)

    def predicate(self, part: _Sized | Number) -> _Sized:
        """`part` where a predicate is needed."""
        if isinstance(part, _Sized):
            return part
        self.findings.error(
            "F144", "a number is no test by itself", part.span, "a comparison, as in `tcp[13] & 2 != 0`"
        )
        return _Sized(TRUE)

    def term(self) -> _Sized | Number:
        negated = nots = 0
        while self.words.accept(*NOT):
            negated, nots = 1 - negated, nots + 1
        part = self.primary()
        if not nots:
            return part
        whole = self.predicate(part)
        return _Sized(pr.negation(whole.predicate), whole.tests, whole.depth + 1) if negated else whole

    def primary(self) -> _Sized | Number:
        if self.findings.full:
            raise LimitError
        words, depth = self.words, self.depth
        try:
            if words.peek() == "(":
                inner = self.group()
                if isinstance(inner, Number) and words.peek() in ARITHMETIC:
                    inner = self.arithmetic.rest(inner)
                return self.related(inner) if isinstance(inner, Number) else inner
            if self.arithmetic.starts(self.primitives.is_value()):
                return self.related(self.arithmetic.expression())
            tags = self.primitives.tags
            result = self.primitives.read()
            if isinstance(result, Qualifiers):  # `port (80 or 443)`, `port not 80`
                return self.value(result)
            return self.sized(result, tags)
        except ReadError:
            self.depth, self.arithmetic.depth = depth, 0
            self.recover()
            return _Sized(TRUE)

    def related(self, left: Number) -> _Sized | Number:
        """`left relop right`, or only `left`."""
        relation = RELATIONS.get(self.words.peek())
        if relation is None or not self.words:
            return left
        self.words.take()
        right = self.arithmetic.expression()
        self.primitives.forget()
        return self.sized(compare(left, relation, right), self.primitives.tags)

    def sized(self, primitive: Predicate, tags: int) -> _Sized:
        """A primitive that stands behind so many `vlan`."""
        return _Sized(tagged.behind(primitive, tags), 16 if tags else 1)

    def recover(self) -> None:
        """Skip what belongs to a wrong primitive."""
        level = 0
        while self.words:
            word = self.words.peek()
            if level == 0 and word in (*AND, *OR, ")"):
                return
            level += (word == "(") - (word == ")")
            self.words.take()

    def group(self) -> _Sized | Number:
        """`( ... )`: a predicate or a number."""
        start = self.words.at
        self.words.take()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.too_large()
        inner = self.expression()
        self.depth -= 1
        if not self.words.accept(")"):
            self.findings.error("F145", "a '(' is not closed", self.words.where(start), "')'")
            raise ReadError
        return inner

    def values(self, qualifiers: Qualifiers) -> _Sized:
        """`( value or value ... )` after qualifiers that speak of each value."""
        start = self.words.at
        self.words.take()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.too_large()
        result = self.value(qualifiers)
        while self.words.peek() in (*AND, *OR) and self.words:
            own = AND if self.words.peek() in AND else OR
            parts = [result]
            while self.words.accept(*own):
                parts.append(self.value(qualifiers))
            result = self.joined(own, parts)
        self.depth -= 1
        if not self.words.accept(")"):
            self.findings.error(
                "F145", "a '(' is not closed", self.words.where(start), "')'", "only values stand here"
            )
            raise ReadError
        return result

    def value(self, qualifiers: Qualifiers) -> _Sized:
        negated = 0
        while self.words.accept(*NOT):
            negated = 1 - negated
        nested = self.words.peek() == "("
        part = (
            self.values(qualifiers)
            if nested
            else self.sized(self.primitives.value(qualifiers), self.primitives.tags)
        )
        if not negated:
            return part
        return _Sized(pr.negation(part.predicate), part.tests, part.depth + 1)
