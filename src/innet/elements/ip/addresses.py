"""Address arguments that may name an annotation or a header field instead."""

from dataclasses import dataclass

from innet.elements.argument_addresses import IPAddress
from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.flowspec import names as literals
from innet.lexical import Text

DST_ANNO = "DST_ANNO"


@dataclass(frozen=True)
class DestinationAddress(ArgumentType[int | None]):
    """An IPv4 address; or `DST_ANNO`, which is None: the destination annotation."""

    def describe(self) -> str:
        return f"an IPv4 address or {DST_ANNO}"

    def parse(self, text: Text, names: Names) -> int | None:
        word = self.word(text)
        if word == DST_ANNO:
            return None
        value = literals.address(word)
        if value is None:
            value = names.address(word)
        if value is None:
            raise self.refused(text)
        return value

    def unparse(self, value: int | None) -> str:
        return DST_ANNO if value is None else IPAddress().unparse(value)


@dataclass(frozen=True)
class AddressPlace(ArgumentType[int | str]):
    """Where an address stands: `src` or `dst` of the IPv4 header, in any case, or bytes after the packet's start."""

    def describe(self) -> str:
        return "src, dst or a number of bytes"

    def parse(self, text: Text, names: Names) -> int | str:
        word = self.word(text)
        if word.lower() in ("src", "dst"):
            return word.lower()
        number = literals.integer(word)
        if number is None or not 0 <= number < 1 << 31:
            raise self.refused(text)
        return number
