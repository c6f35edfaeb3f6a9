"""Patterns as arguments: those of Classifier, IPClassifier and IPFilter, read by `innet.flowspec`."""

from dataclasses import dataclass, field

from innet import flowspec
from innet.diagnostics import Diagnostic, Span
from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.flowspec import Predicate
from innet.lexical import Text, unquote


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which packets a rule is about, where it sends them (None: drop), its text and place, and what is odd about it."""

    predicate: Predicate
    output: int | None = None
    text: str = field(default="", compare=False)
    span: Span | None = field(default=None, compare=False, repr=False)
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True)
class PatternArgument(ArgumentType[Pattern]):
    """Base of the three kinds."""

    MOST = 50_000
    WORK = 3.0

    def describe(self) -> str:
        return "a pattern"

    def unparse(self, value: Pattern) -> str:
        return value.text


@dataclass(frozen=True)
class BytePattern(PatternArgument):
    """A pattern of Classifier."""

    def describe(self) -> str:
        return "clauses OFFSET/VALUE[%MASK], or '-'"

    def parse(self, text: Text, names: Names) -> Pattern:
        parsed = flowspec.parse_classifier_pattern(text.value, text.span)
        return Pattern(parsed.predicate, None, text.value, text.span, parsed.warnings)


@dataclass(frozen=True)
class IPPattern(PatternArgument):
    """A pattern of IPClassifier."""

    def describe(self) -> str:
        return "a pattern such as `src net 10.0.0.0/8 and udp port 53`, or '-'"

    def parse(self, text: Text, names: Names) -> Pattern:
        parsed = flowspec.parse_pattern(unquote(text).value, text.span, names)
        return Pattern(parsed.predicate, None, text.value, text.span, parsed.warnings)


@dataclass(frozen=True)
class FilterRule(PatternArgument):
    """A rule of IPFilter."""

    def describe(self) -> str:
        return "a rule such as `allow udp port 53`"

    def parse(self, text: Text, names: Names) -> Pattern:
        rule = flowspec.parse_rule(unquote(text).value, text.span, names)
        return Pattern(rule.predicate, rule.output, text.value, text.span, rule.warnings)
