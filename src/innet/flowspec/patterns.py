"""Click's IPFilter and IPClassifier patterns (ELEMENTS 3.2; Click manual, IPFilter): grammar and precedence.

    pattern := nothing | '-' | 'any' | 'all' | expr
    expr    := or ['?' expr ':' expr]           right-associative
    or      := and (('or' | '||') and)*
    and     := factor (('and' | '&&')? factor)*  juxtaposition means and
    factor  := ('not' | '!') factor | '(' expr ')' | test

What a test may say is in `primitives`.
"""

import re
from dataclasses import dataclass

from innet.diagnostics import ConfigurationError, Diagnostic, Span
from innet.flowspec.names import NO_NAMES, Names
from innet.flowspec.predicate import FALSE, TRUE, Predicate, choice, conjunction, disjunction, negation
from innet.flowspec.primitives import STOPS, Primitive, read_test
from innet.flowspec.text import MAX_TEXT, Findings, Text, quoted
from innet.flowspec.words import AND, NOT, OR, LimitError, Words

MAX_DEPTH = 50
MAX_TESTS = 20_000
MATCH_ALL = ("-", "any", "all")

_TOKENS = re.compile(r"(&&|\|\||<=|>=|==|!=|[&|<>!=()\[\],;?]|[A-Za-z0-9\-./@_:]+)|\s+|[^\s]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a pattern means, and what is odd about it."""

    predicate: Predicate
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One argument of IPFilter: where matching packets go (None: dropped)."""

    output: int | None
    predicate: Predicate
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sized:
    """A predicate with its number of tests and its depth: both are bounded, whatever the text."""

    predicate: Predicate
    tests: int
    depth: int


def parse_pattern(text: str, span: Span | None = None, names: Names = NO_NAMES) -> Parsed:
    """The meaning of an IPClassifier pattern, which stands at `span`; `text` is unquoted.

    Raises ConfigurationError with every mistake found (codes F101 to F119).
    """
    findings = Findings()
    words = _tokens(Text.of(text, span), findings)
    return _finish(words, names, findings)


def parse_rule(text: str, span: Span | None = None, names: Names = NO_NAMES) -> Rule:
    """The meaning of an IPFilter argument, `ACTION PATTERN`; `allow` is output 0.

    Whether the output exists is the element's to say. Errors as `parse_pattern`; an unknown action is F101.
    """
    findings = Findings()
    words = _tokens(Text.of(text, span), findings)
    action = words.take() if words else ""
    output: int | None = None
    if action == "allow":
        output = 0
    elif action.isdecimal() and action.isascii() and len(action) <= 6:
        output = int(action)
    elif action not in ("deny", "drop"):
        findings.error(
            "F101",
            f"{quoted(action)} is not an action" if action else "the action is missing",
            words.where(0),
            "'allow', 'deny', 'drop' or the number of an output, then a pattern",
            f"write `allow {text.strip()}`" if action and len(text) < 60 else "",
        )
    parsed = _finish(words, names, findings)
    return Rule(output, parsed.predicate, parsed.warnings)


def unreachable(predicates: tuple[Predicate, ...]) -> tuple[int, ...]:
    """Those of a first-match list that plainly never decide: false, or repeated, or behind one that is always true."""
    seen: set[Predicate] = set()
    out = []
    for n, predicate in enumerate(predicates):
        if predicate in seen or TRUE in seen or predicate == FALSE:
            out.append(n)
        seen.add(predicate)
    return tuple(out)


def _tokens(text: Text, findings: Findings) -> Words:
    found: list[tuple[str, int]] = []
    if len(text.text) > MAX_TEXT:
        findings.error("F104", f"the pattern has more than {MAX_TEXT} characters", text.where(0, 1))
        return Words(text, found)
    for token in _TOKENS.finditer(text.text):
        if token[1]:
            found.append((token[1], token.start()))
        elif not token[0].isspace():
            findings.error(
                "F102",
                f"{quoted(token[0])} has no meaning in a pattern",
                text.where(token.start(), token.end()),
                "words, numbers, addresses, operators and parentheses",
            )
    return Words(text, found)


def _finish(words: Words, names: Names, findings: Findings) -> Parsed:
    if not words or (words.rest == 1 and words.peek() in MATCH_ALL):
        predicate: Predicate = TRUE
    else:
        predicate = _Parser(words, names, findings).pattern()
    if findings.errors:
        raise ConfigurationError(findings.errors)
    return Parsed(predicate, tuple(findings.warnings))


class _Parser:
    """Recursive descent over `words`; mistakes are noted and parsing goes on after the next connective."""

    def __init__(self, words: Words, names: Names, findings: Findings) -> None:
        self.words, self.names, self.findings = words, names, findings
        self.previous: Primitive | None = None

    def pattern(self) -> Predicate:
        try:
            result = self.expression(0)
            while self.words and not self.findings.full:
                self.fault("F103", f"{quoted(self.words.peek())} comes after the end of the pattern")
                self.words.take()
                if self.words:
                    self.expression(0)
        except LimitError:
            return TRUE
        return result.predicate

    def fault(self, code: str, message: str, expected: str = "", help: str = "") -> None:
        self.findings.error(code, message, self.words.here(), expected, help)

    def sized(self, predicate: Predicate, parts: list[_Sized]) -> _Sized:
        """`predicate`, which was made of `parts`, if it keeps to the limits."""
        count, depth = sum(p.tests for p in parts), 1 + max(p.depth for p in parts)
        if count > MAX_TESTS or depth > MAX_DEPTH:
            self.too_large()
        return _Sized(predicate, count, depth)

    def too_large(self) -> None:
        self.fault(
            "F104",
            f"the pattern has more than {MAX_TESTS} tests or nests deeper than {MAX_DEPTH}",
            help="split it into several patterns",
        )
        raise LimitError

    def expression(self, depth: int) -> _Sized:
        if depth > MAX_DEPTH:
            self.too_large()
        arms: list[tuple[_Sized, _Sized]] = []
        while True:
            last = self.alternatives(depth)
            if not self.words.accept("?"):
                break
            then = self.expression(depth + 1 + len(arms))
            arms.append((last, then))
            if not self.words.accept(":"):
                self.fault("F105", "'?' has no ':'", "':' between spaces, then what holds otherwise")
                break
        for condition, then in reversed(arms):
            predicate = choice(condition.predicate, then.predicate, last.predicate)
            last = self.sized(predicate, [condition, condition, then, last])
        return last

    def alternatives(self, depth: int) -> _Sized:
        parts = [self.all_of(depth)]
        while self.words.accept(*OR):
            parts.append(self.all_of(depth))
        if len(parts) == 1:
            return parts[0]
        return self.sized(disjunction(p.predicate for p in parts), parts)

    def all_of(self, depth: int) -> _Sized:
        parts = [self.factor(depth)]
        while True:
            if not self.words.accept(*AND) and self.words.peek() in ("", ")", "?", ":", *OR):
                break
            parts.append(self.factor(depth))
        if len(parts) == 1:
            return parts[0]
        return self.sized(conjunction(p.predicate for p in parts), parts)

    def factor(self, depth: int) -> _Sized:
        negated = False
        while self.words.accept(*NOT):
            negated = not negated
        if self.words.accept("("):
            part = self.expression(depth + 1)
            if not self.words.accept(")"):
                self.fault("F106", "a '(' is not closed", "')'")
        else:
            part = _Sized(self.test(), 1, 0)
        return self.sized(negation(part.predicate), [part]) if negated else part

    def test(self) -> Predicate:
        if self.findings.full:
            raise LimitError
        start, lost = self.words.at, bool(self.findings.errors)
        primitive = read_test(self.words, self.names, self.findings, self.previous, lost)
        if primitive is None:
            while self.words and self.words.peek() not in STOPS:
                self.words.take()
            if self.words.at == start and self.words.peek() in ("]", ",", ";"):
                self.words.take()
            return TRUE
        self.previous = primitive
        return primitive.predicate
