"""What the names in a configuration stand for: those of the information elements, and its elements.

A name holds for the compound that the information element sits in, and for all inside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from innet.diagnostics import Diagnostic
from innet.flowspec import names as literals
from innet.lexical import Text, arguments, scoped_names, unquote, words
from innet.packet.names import ANNOTATION_BYTES, ANNOTATIONS, PORTS, AnnotationName

INFORMATION = frozenset({"AddressInfo", "PortInfo", "AnnotationInfo", "IPRewriterPatterns"})
ALL_ONES = 0xFFFF_FFFF


class Declared(Protocol):
    """An element of a flat configuration."""

    @property
    def name(self) -> str: ...

    @property
    def class_name(self) -> str: ...

    @property
    def arguments(self) -> Text: ...


@dataclass(frozen=True, slots=True)
class Address:
    """What one name of an AddressInfo stands for."""

    ip: int | None = None
    prefix: tuple[int, int] | None = None
    ether: int | None = None
    ip6: int | None = None
    prefix6: tuple[int, int] | None = None


@dataclass
class NameBook:
    """All names of one configuration, by full name (`compound/name`); `problems` are mistakes in the entries."""

    addresses: dict[str, Address] = field(default_factory=dict)
    ports: dict[tuple[str, str], int] = field(default_factory=dict)
    annotations: dict[str, AnnotationName] = field(default_factory=dict)
    patterns: dict[str, tuple[Text, ...]] = field(default_factory=dict)
    """The words of rewriters' patterns."""
    elements: Mapping[str, str] | None = None
    """Class names by element name; None if the elements are not known."""
    declared: Mapping[str, Declared] = field(default_factory=dict)
    """The elements by name."""
    problems: list[Diagnostic] = field(default_factory=list)
    asked: int = 0
    """How often somebody asked for another element, so that what it was told depends on where it is."""

    @classmethod
    def of(
        cls, elements: Iterable[Declared], interfaces: Mapping[str, str] = MappingProxyType({})
    ) -> "NameBook":
        """The names that `elements` declare; `interfaces` are further ones, with the words AddressInfo would have."""
        book = cls()
        known: dict[str, str] = {}
        declared: dict[str, Declared] = {}
        for element in elements:
            known[element.name] = element.class_name
            declared[element.name] = element
            if element.class_name in INFORMATION:
                scope = element.name[: element.name.rfind("/") + 1]
                for argument in arguments(element.arguments):
                    book._entry(element.class_name, scope, words(argument))
        book.elements, book.declared = known, declared
        for name, text in interfaces.items():
            if name not in book.addresses:
                book._address(name, words(Text(text)))
        return book

    @property
    def plain(self) -> bool:
        """Whether words mean the same everywhere, but for names of elements."""
        return not (self.addresses or self.ports or self.annotations or self.patterns)

    def at(self, element: str) -> "Names":
        """The names as `element` sees them."""
        return Names(self, element)

    def _entry(self, class_name: str, scope: str, parts: tuple[Text, ...]) -> None:
        if not parts:
            return
        name = scope + unquote(parts[0]).value
        if class_name == "AddressInfo":
            self._address(name, parts[1:], parts[0])
        elif class_name == "PortInfo":
            self._port(scope, parts)
        elif class_name == "IPRewriterPatterns":
            self._pattern(name, parts)
        else:
            self._annotation(name, parts)

    def _address(self, name: str, given: tuple[Text, ...], first: Text | None = None) -> None:
        known = self.addresses.get(name, Address())
        ip, prefix, ether, ip6, prefix6 = known.ip, known.prefix, known.ether, known.ip6, known.prefix6
        if not given and first is not None:
            self._problem(first, f"no address for '{first}'", "NAME ADDRESS...")
        for part in given:
            word = unquote(part).value
            if (found_ip := literals.address(word)) is not None:
                ip = found_ip
            elif (found := literals.prefix(word)) is not None:
                prefix = found
                if ip is None:
                    ip = found[0]
            elif (found_ether := literals.ether(word)) is not None:
                ether = found_ether
            elif (found6 := literals.address6(word)) is not None:
                ip6 = found6
            elif (found_prefix6 := literals.prefix6(word)) is not None:
                prefix6 = found_prefix6
                if ip6 is None:
                    ip6 = found_prefix6[0]
            else:
                expected = "an IPv4 or IPv6 address, a prefix ADDR/LEN, or an Ethernet address"
                self._problem(part, f"'{word}' is not an address", expected)
        self.addresses[name] = Address(ip, prefix, ether, ip6, prefix6)

    def _port(self, scope: str, parts: tuple[Text, ...]) -> None:
        shown = []
        for part in parts:
            if part.value.startswith("#"):
                break
            shown.append(part)
        if len(shown) < 2:
            self._problem(parts[0], f"no port for '{parts[0]}'", "NAME PORT[/PROTO]")
            return
        number, slash, protocol = unquote(shown[1]).value.partition("/")
        port = literals.integer(number)
        if port is None or not 0 <= port <= 0xFFFF or (slash and protocol not in ("tcp", "udp")):
            self._problem(
                shown[1], f"'{shown[1]}' is not a port", "PORT, PORT/tcp or PORT/udp, PORT from 0 to 65535"
            )
            return
        for name in (shown[0], *shown[2:]):
            for kind in (protocol,) if slash else ("tcp", "udp"):
                self.ports[scope + unquote(name).value, kind] = port

    def _annotation(self, name: str, parts: tuple[Text, ...]) -> None:
        if unquote(parts[0]).value == "CHECK_OVERLAP":
            return
        numbers = [literals.integer(part.value) for part in parts[1:3]]
        offset = numbers[0] if numbers else None
        size = numbers[1] if len(numbers) > 1 else 1
        if offset is None or size is None or offset < 0 or size < 1 or offset + size > ANNOTATION_BYTES:
            expected = f"NAME OFFSET [SIZE], within {ANNOTATION_BYTES} bytes"
            self._problem(parts[0], f"'{parts[0]}' is not an annotation", expected)
        elif name in ANNOTATIONS:
            self._problem(
                parts[0], f"annotation '{name}' is built in and cannot be redefined", "another name"
            )
        else:
            self.annotations[name] = AnnotationName(offset, size)

    def _pattern(self, name: str, parts: tuple[Text, ...]) -> None:
        if name in self.patterns:
            self._problem(parts[0], f"rewriter pattern '{parts[0]}' is there already", "another name")
        else:
            self.patterns[name] = parts[1:]

    def _problem(self, text: Text, message: str, expected: str) -> None:
        self.problems.append(Diagnostic("C170", message, text.span, expected, facts=text.facts()))


@dataclass(frozen=True, eq=False)
class Names:
    """The names as one element sees them: those of its own compound first, then outwards."""

    book: NameBook = field(default_factory=NameBook)
    element: str = ""
    askers: tuple[str, ...] = ()
    """The elements whose arguments are being read, and led to this one."""

    def at(self, element: str) -> "Names":
        """The names as `element` sees them."""
        return Names(self.book, element)

    def inside(self, element: str) -> "Names":
        """The names as `element` sees them, whose arguments are read because this one's mention it."""
        return Names(self.book, element, (*self.askers, self.element))

    def _address(self, name: str) -> Address | None:
        if not self.book.addresses:
            return None
        for full in scoped_names(self.element, name):
            if full in self.book.addresses:
                return self.book.addresses[full]
        return None

    def address(self, word: str) -> int | None:
        """The IPv4 address called `word`: `NAME`, `NAME:ip`, `NAME:bcast` or `NAME:gw`."""
        name, _, kind = word.partition(":")
        found = self._address(name)
        if found is None or kind not in ("", "ip", "bcast", "gw"):
            return None
        if kind in ("", "ip"):
            return found.ip
        if found.prefix is None:
            return None
        address, mask = found.prefix
        return address | (ALL_ONES ^ mask) if kind == "bcast" else address & mask | 1

    def prefix(self, word: str) -> tuple[int, int] | None:
        """Address and mask of the prefix called `word`: `NAME` or `NAME:ipnet`."""
        name, _, kind = word.partition(":")
        found = self._address(name) if kind in ("", "ipnet") else None
        return None if found is None else found.prefix

    def ether(self, word: str) -> int | None:
        """The Ethernet address called `word`: `NAME` or `NAME:eth`."""
        name, _, kind = word.partition(":")
        found = self._address(name) if kind in ("", "eth") else None
        return None if found is None else found.ether

    def address6(self, word: str) -> int | None:
        """The IPv6 address called `word`: `NAME` or `NAME:ip6`."""
        name, _, kind = word.partition(":")
        found = self._address(name) if kind in ("", "ip6") else None
        return None if found is None else found.ip6

    def prefix6(self, word: str) -> tuple[int, int] | None:
        """Address and length of the IPv6 prefix called `word`: `NAME` or `NAME:ip6net`."""
        name, _, kind = word.partition(":")
        found = self._address(name) if kind in ("", "ip6net") else None
        return None if found is None else found.prefix6

    def port(self, word: str, protocol: str = "") -> int | None:
        """The port called `word`, for `tcp`, `udp`, or whichever has one."""
        for kind in (protocol,) if protocol else ("tcp", "udp"):
            for full in scoped_names(self.element, word):
                if (full, kind) in self.book.ports:
                    return self.book.ports[full, kind]
        return PORTS.get(word)

    def annotation(self, word: str) -> AnnotationName | None:
        """The annotation called `word`."""
        for full in scoped_names(self.element, word):
            if full in self.book.annotations:
                return self.book.annotations[full]
        return ANNOTATIONS.get(word)

    def rewriter_pattern(self, word: str) -> tuple[str, tuple[Text, ...]] | None:
        """The full name of the rewriter pattern called `word`, and its words (which are names' to read `at` it)."""
        for full in scoped_names(self.element, word):
            if full in self.book.patterns:
                return full, self.book.patterns[full]
        return None

    def element_named(self, word: str) -> str | None:
        """The full name of the element that `word` means; `word` itself if the elements are not known."""
        self.book.asked += 1
        if self.book.elements is None:
            return word
        return next((full for full in scoped_names(self.element, word) if full in self.book.elements), None)

    def element_class(self, word: str) -> str | None:
        """The class of the element that `word` means; None if there is none."""
        self.book.asked += 1
        known = self.book.elements or {}
        return next((known[full] for full in scoped_names(self.element, word) if full in known), None)


NO_NAMES = Names()
