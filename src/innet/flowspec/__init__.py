"""One predicate library under three grammars: what a packet must be like, and how to test it.

`patterns` reads Click's IPFilter and IPClassifier patterns, `classifier` reads Classifier's, `tcpdump` reads flows
in tcpdump's syntax. All give a `Predicate`, whose meaning is exact for short packets and fragments too. `lower` makes
it an IR expression, `describe` makes it text. Nothing here knows elements or networks.
"""

from innet.flowspec.classifier import parse_classifier_pattern
from innet.flowspec.describe import describe
from innet.flowspec.lower import lower, simplify
from innet.flowspec.names import NO_NAMES, Names
from innet.flowspec.patterns import Parsed, Rule, parse_pattern, parse_rule, unreachable
from innet.flowspec.predicate import (
    FALSE,
    TRUE,
    And,
    Comparison,
    Not,
    Or,
    Predicate,
    Relation,
    Test,
    Truth,
    choice,
    conjunction,
    disjunction,
    negation,
)
from innet.flowspec.tcpdump import Flow, parse_flow
from innet.flowspec.text import Findings, Text

__all__ = [
    "FALSE",
    "NO_NAMES",
    "TRUE",
    "And",
    "Comparison",
    "Findings",
    "Flow",
    "Names",
    "Not",
    "Or",
    "Parsed",
    "Predicate",
    "Relation",
    "Rule",
    "Test",
    "Text",
    "Truth",
    "choice",
    "conjunction",
    "describe",
    "disjunction",
    "lower",
    "negation",
    "parse_classifier_pattern",
    "parse_flow",
    "parse_pattern",
    "parse_rule",
    "simplify",
    "unreachable",
]
