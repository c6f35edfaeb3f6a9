"""Where an Ethernet address stands in a packet, as an argument says it."""

from dataclasses import dataclass

from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.flowspec import names as literals
from innet.lexical import Text

ADDRESS_BYTES = 6
PLACES = {"dst": 0, "src": 6}


@dataclass(frozen=True)
class EtherAddressPlace(ArgumentType[int]):
    """`src` or `dst` of an Ethernet header at the packet's start, in any case, or bytes after the packet's start."""

    def describe(self) -> str:
        return "src, dst or a number of bytes"

    def parse(self, text: Text, names: Names) -> int:
        word = self.word(text)
        number = PLACES.get(word.lower())
        if number is None:
            number = literals.integer(word)
        if number is None or not 0 <= number < 1 << 31:
            raise self.refused(text)
        return number
