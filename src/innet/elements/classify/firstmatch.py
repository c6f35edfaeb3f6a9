"""What Classifier, IPClassifier and IPFilter share: an ordered list of rules, of which the first match decides."""

from collections.abc import Iterable

from innet import flowspec, ir
from innet.diagnostics import Diagnostic, Severity
from innet.elements.base import Element
from innet.elements.classify.patterns import Pattern
from innet.elements.wording import in_use
from innet.ir.dump import dump
from innet.ir.trace import Packet, Value


def first_match(p: Packet, patterns: Iterable[tuple[int | None, Pattern]], otherwise: str) -> None:
    """Emit where the first rule says whose pattern matches (None: drop); drop if none does.

    Rules that follow one that always matches, or that never match, leave no trace in the program.
    """
    for output, pattern in patterns:
        condition = flowspec.lower(pattern.predicate)
        if condition == ir.Const(0, 1):
            continue
        if condition == ir.Const(1, 1):
            send(p, output)
            return
        with p.when(Value(condition)):
            send(p, output)
    p.drop(otherwise)


def send(p: Packet, output: int | None) -> None:
    """The verdict of a rule."""
    if output is None:
        p.drop("denied by a rule")
    else:
        p.emit(output)


def program_text(element: Element, outputs: int) -> str:
    """The program of a classifier with so many outputs, for its handler `program`."""
    return dump(element.trace(0, max(1, outputs)))


def count_problems(patterns: int, outputs: int) -> tuple[str, ...]:
    """What is wrong if there is not one pattern for each output."""
    if patterns == outputs:
        return ()
    given = "1 pattern is" if patterns == 1 else f"{patterns} patterns are"
    return (f"{given} given, but {in_use(outputs)}: one pattern for each output is needed",)


def pattern_warnings(patterns: tuple[Pattern, ...]) -> tuple[Diagnostic, ...]:
    """What is odd about single patterns, and which ones can never decide."""
    found = [warning for pattern in patterns for warning in pattern.warnings]
    for n in flowspec.unreachable(tuple(pattern.predicate for pattern in patterns)):
        message = f"pattern {n + 1} ('{patterns[n].text}') never matches a packet that those before it leave"
        found.append(Diagnostic("C174", message, patterns[n].span, severity=Severity.WARNING))
    return tuple(found)
