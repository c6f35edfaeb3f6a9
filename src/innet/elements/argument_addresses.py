"""Arguments that may be names: addresses, ports, protocols, annotations, elements."""

from dataclasses import dataclass

from innet.diagnostics import suggest
from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType, choices
from innet.flowspec import names as literals
from innet.lexical import Text
from innet.packet.names import ANNOTATION_BYTES, ANNOTATIONS, PROTOCOLS


@dataclass(frozen=True)
class IPAddress(ArgumentType[int]):
    """An IPv4 address in dotted decimal, or a name for one."""

    def describe(self) -> str:
        return "an IPv4 address"

    def parse(self, text: Text, names: Names) -> int:
        word = self.word(text)
        value = literals.address(word)
        if value is None:
            value = names.address(word)
        if value is None:
            raise self.refused(text)
        return value

    def unparse(self, value: int) -> str:
        return literals.dotted(value)


@dataclass(frozen=True)
class IPPrefix(ArgumentType[tuple[int, int]]):
    """Address and mask: `a.b.c.d/len`, `a.b/len`, `addr/mask`, or a name; with `bare`, also an address for /32."""

    bare: bool = False

    def describe(self) -> str:
        return "an IPv4 prefix ADDR/LEN" + (" or an IPv4 address" if self.bare else "")

    def parse(self, text: Text, names: Names) -> tuple[int, int]:
        word = self.word(text)
        value = literals.prefix(word) or names.prefix(word)
        if value is not None:
            return value
        address = literals.address(word)
        if address is None:
            address = names.address(word)
        if address is None or not self.bare:
            help_ = f"did you mean {literals.dotted(address)}/32?" if address is not None else ""
            raise self.refused(text, help=help_)
        return address, 0xFFFF_FFFF

    def unparse(self, value: tuple[int, int]) -> str:
        return literals.prefix_text(*value)


@dataclass(frozen=True)
class IP6Address(ArgumentType[int]):
    """An IPv6 address, or a name for one."""

    def describe(self) -> str:
        return "an IPv6 address such as 2001:db8::1"

    def parse(self, text: Text, names: Names) -> int:
        word = self.word(text)
        value = literals.address6(word)
        if value is None:
            value = names.address6(word)
        if value is None:
            raise self.refused(text)
        return value

    def unparse(self, value: int) -> str:
        return literals.colons(value)


@dataclass(frozen=True)
class IP6Prefix(ArgumentType[tuple[int, int]]):
    """IPv6 address and prefix length: `ADDR/LEN`, or a name; with `bare`, also an address for /128."""

    bare: bool = False

    def describe(self) -> str:
        return "an IPv6 prefix ADDR/LEN" + (" or an IPv6 address" if self.bare else "")

    def parse(self, text: Text, names: Names) -> tuple[int, int]:
        word = self.word(text)
        value = literals.prefix6(word) or names.prefix6(word)
        if value is not None:
            return value
        address = literals.address6(word)
        if address is None:
            address = names.address6(word)
        if address is None or not self.bare:
            help_ = f"did you mean {literals.colons(address)}/128?" if address is not None else ""
            raise self.refused(text, help=help_)
        return address, 128

    def unparse(self, value: tuple[int, int]) -> str:
        return f"{literals.colons(value[0])}/{value[1]}"


@dataclass(frozen=True)
class EtherAddress(ArgumentType[int]):
    """An Ethernet address, or a name for one."""

    def describe(self) -> str:
        return "an Ethernet address such as 2:0:0:0:0:1"

    def parse(self, text: Text, names: Names) -> int:
        word = self.word(text)
        value = literals.ether(word)
        if value is None:
            value = names.ether(word)
        if value is None:
            raise self.refused(text)
        return value

    def unparse(self, value: int) -> str:
        return ":".join(f"{byte:02x}" for byte in value.to_bytes(6, "big"))

    def show(self, value: int) -> str:
        return "-".join(f"{byte:02X}" for byte in value.to_bytes(6, "big"))


@dataclass(frozen=True)
class Port(ArgumentType[int]):
    """A port of `protocol` (`tcp`, `udp`), or of either: a number or a service name."""

    protocol: str = ""

    def describe(self) -> str:
        return f"a {self.protocol.upper()} port" if self.protocol else "a port"

    def parse(self, text: Text, names: Names) -> int:
        word = self.word(text)
        number = literals.integer(word)
        if number is None:
            number = names.port(word, self.protocol)
        if number is None or not 0 <= number <= 0xFFFF:
            raise self.refused(text)
        return number


@dataclass(frozen=True)
class Protocol(ArgumentType[int]):
    """An IP protocol: a number or a name."""

    def describe(self) -> str:
        return f"an IP protocol: 0 to 255, {choices(list(PROTOCOLS))}"

    def parse(self, text: Text, names: Names) -> int:
        word = self.word(text)
        number = literals.integer(word)
        if number is None:
            number = PROTOCOLS.get(word)
        if number is None or not 0 <= number <= 0xFF:
            near = suggest(word, PROTOCOLS)
            raise self.refused(
                text, f"'{word}' is not an IP protocol", f"did you mean '{near}'?" if near else ""
            )
        return number


@dataclass(frozen=True)
class Annotation(ArgumentType[int]):
    """The offset of `size` annotation bytes: a name of that size, or a number."""

    size: int

    def describe(self) -> str:
        plural = "" if self.size == 1 else "s"
        return f"an annotation of {self.size} byte{plural}: a name such as {self._example()}, or an offset"

    def _example(self) -> str:
        return next((name for name, known in ANNOTATIONS.items() if known.size == self.size), "DST_IP")

    def parse(self, text: Text, names: Names) -> int:
        word = self.word(text)
        known = names.annotation(word)
        if known is not None:
            if known.size != self.size:
                raise self.refused(text, f"annotation '{word}' has {known.size} bytes")
            return known.offset
        offset = literals.integer(word)
        if offset is None:
            near = suggest(word, ANNOTATIONS)
            help_ = f"did you mean '{near}'?" if near else ""
            raise self.refused(text, f"'{word}' is no annotation", help_)
        if not 0 <= offset <= ANNOTATION_BYTES - self.size:
            raise self.refused(text, f"byte {word} is beyond the {ANNOTATION_BYTES} annotation bytes")
        return offset


@dataclass(frozen=True)
class ElementRef(ArgumentType[str]):
    """The full name of another element, found from the one that names it outwards."""

    def describe(self) -> str:
        return "the name of an element"

    def parse(self, text: Text, names: Names) -> str:
        word = self.word(text)
        found = names.element_named(word)
        if found is None:
            near = suggest(word, names.book.elements or ())
            help_ = f"did you mean '{near}'?" if near else ""
            raise self.refused(text, f"there is no element '{word}'", help_)
        return found
