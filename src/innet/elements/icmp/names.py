"""ICMP types and codes in arguments, by name or number."""

from innet.diagnostics import suggest
from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.flowspec import names as literals
from innet.lexical import Text
from innet.packet.names import ICMP_CODES, ICMP_TYPES


class ICMPType(ArgumentType[int]):
    """An ICMP type."""

    def describe(self) -> str:
        return "an ICMP type: 0 to 255, or a name such as echo, unreachable"

    def parse(self, text: Text, names: Names) -> int:
        word = self.word(text)
        number = literals.integer(word)
        if number is None:
            number = ICMP_TYPES.get(word)
        if number is None or not 0 <= number <= 255:
            near = suggest(word, ICMP_TYPES)
            raise self.refused(
                text, f"'{word}' is not an ICMP type", f"did you mean '{near}'?" if near else ""
            )
        return number


class ICMPCode(ArgumentType[int | str]):
    """An ICMP code: a number, or a name that means one together with the type."""

    def describe(self) -> str:
        return "an ICMP code: 0 to 255, or a name such as host, needfrag, transit"

    def parse(self, text: Text, names: Names) -> int | str:
        word = self.word(text)
        number = literals.integer(word)
        known = {name for codes in ICMP_CODES.values() for name in codes}
        if word not in known and (number is None or not 0 <= number <= 255):
            near = suggest(word, known)
            raise self.refused(
                text, f"'{word}' is not an ICMP code", f"did you mean '{near}'?" if near else ""
            )
        return word if number is None else number


def code_number(kind: int, code: int | str) -> int:
    """The code of an ICMP type as a number."""
    return code if isinstance(code, int) else ICMP_CODES[kind][code]


def code_problems(kind: int, code: int | str) -> tuple[str, ...]:
    """What is wrong with a code for this type."""
    codes = ICMP_CODES.get(kind, {})
    if isinstance(code, int) or code in codes:
        return ()
    return (f"ICMP type {kind} has no code '{code}': {', '.join(codes) or 'write a number'}",)
