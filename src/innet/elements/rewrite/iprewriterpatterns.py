"""IPRewriterPatterns."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.argument_names import Names
from innet.elements.arguments import ArgumentType, Key, Rest
from innet.elements.base import Element, Role
from innet.elements.rewrite import patterns
from innet.elements.rewrite.patterns import Pattern
from innet.lexical import Text, words


@dataclass(frozen=True)
class NamedPattern(ArgumentType[tuple[str, Pattern]]):
    """`NAME PATTERN`."""

    def describe(self) -> str:
        return f"NAME, then {patterns.PATTERN_FORMS}"

    def parse(self, text: Text, names: Names) -> tuple[str, Pattern]:
        name, *rest = words(text) or (Text(""),)
        if not rest:
            raise self.refused(text, f"no pattern for '{name}'" if name.value else "")
        found: list[Diagnostic] = []
        known = names.rewriter_pattern(name.value)
        pattern = patterns.parse(rest, names, found, (name, *rest), name.value if known is None else known[0])
        if pattern is None:
            raise ConfigurationError(found)
        return name.value, pattern

    def unparse(self, value: tuple[str, Pattern]) -> str:
        return f"{value[0]} {replace(value[1], name='')}"


@dataclass(frozen=True)
class IPRewriterPatterns(Element):
    """Names for the patterns of rewriters.

    Arguments:  NAME PATTERN, any number: PATTERN as IPRewriter takes it. The name is known in the compound element
                that this one stands in, and below.
    State:      a pattern with `#` goes on from the last value given, whichever rewriter used it.
    Errors:     a name given twice.
    Source:     Click manual, IPRewriterPatterns.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "to_web - - 10.0.0.80 8080",
        "hide 192.0.2.77 30000-30100# - -, both 192.0.2.78 31000-31010# 10.0.0.81 -",
    )

    patterns: Annotated[tuple[tuple[str, Pattern], ...], Rest(NamedPattern()), Key("PATTERN")]
