"""Explicit congestion notification in arguments (RFC 3168 section 5)."""

from dataclasses import dataclass

from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.lexical import Text

NOT_ECT, ECT_1, ECT_0, CE = range(4)

WORDS = {
    "0": NOT_ECT, "no": NOT_ECT, "-": NOT_ECT,
    "1": ECT_1, "ect1": ECT_1, "ECT(1)": ECT_1,
    "2": ECT_0, "ect2": ECT_0, "ECT(0)": ECT_0,
    "3": CE, "ce": CE, "CE": CE,
}  # fmt: skip


@dataclass(frozen=True)
class ECN(ArgumentType[int]):
    """The two bits, by number or by name; names are not quoted."""

    def describe(self) -> str:
        return "0 to 3, no, ect1, ect2, ce, ECT(0), ECT(1) or CE"

    def parse(self, text: Text, names: Names) -> int:
        if text.value not in WORDS:
            raise self.refused(text)
        return WORDS[text.value]


@dataclass(frozen=True)
class ECT(ArgumentType[int]):
    """Whether a packet is ECN capable: `true` or 1 for ECT(1), 2 for ECT(0), `false` or 0 for no."""

    def describe(self) -> str:
        return "true, false, 1 or 2"

    def parse(self, text: Text, names: Names) -> int:
        values = {"0": NOT_ECT, "false": NOT_ECT, "1": ECT_1, "true": ECT_1, "2": ECT_0}
        word = self.word(text)
        if word not in values:
            raise self.refused(text)
        return values[word]
