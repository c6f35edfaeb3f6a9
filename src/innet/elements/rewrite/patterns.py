"""What a rewriter does to a new flow: patterns, how they are written, and the search for a free port or address."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from innet import ir
from innet.diagnostics import Diagnostic
from innet.flowspec import names
from innet.flowspec.names import Names
from innet.ir.trace import Packet, Value, as_value
from innet.lexical import Text

PATTERN_FORMS = "SADDR SPORT DADDR DPORT, or SADDR DADDR SPORT, or SADDR DADDR"
KEEP = "-"
_JOINED_DASHES = re.compile("--+")


class Flow(NamedTuple):
    """Source address and port, destination address and port of a packet."""

    saddr: Value
    sport: Value
    daddr: Value
    dport: Value

    def reverse(self) -> "Flow":
        """The same flow as its other end sends it."""
        return Flow(self.daddr, self.dport, self.saddr, self.sport)


class Room(NamedTuple):
    """Where a pattern looks for a value that is free: a new flow takes what `key` makes of it in `table`."""

    table: ir.Table
    key: Callable[[Flow], tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers from `low` to `high`, both included."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A flow's new source and destination; `None` keeps what the packet has.

    Either the source port or the source address may be a range; then a value is searched for which the reply flow
    is free. `order` says where the search starts, `prefer_own` whether the packet's own port is tried before.
    `name` is the full one from IPRewriterPatterns; all who use it share the place where the search goes on.
    """

    saddr: int | Range | None = None
    sport: int | Range | None = None
    daddr: int | None = None
    dport: int | None = None
    order: ir.Order = ir.Order.RANDOM
    prefer_own: bool = True
    name: str = ""

    def __str__(self) -> str:
        """The pattern as it is written: its name, or its words."""
        if self.name:
            return self.name.rpartition("/")[2]
        end = "#" if self.order is ir.Order.SEQUENTIAL else "" if self.prefer_own else "?"
        daddr = KEEP if self.daddr is None else names.dotted(self.daddr)
        if isinstance(self.saddr, Range):
            return f"{names.dotted(self.saddr.low)}-{names.dotted(self.saddr.high)}{end} {daddr}"
        saddr = KEEP if self.saddr is None else names.dotted(self.saddr)
        sport = KEEP if self.sport is None else f"{self.sport}{end if isinstance(self.sport, Range) else ''}"
        return f"{saddr} {sport} {daddr} {KEEP if self.dport is None else self.dport}"

    @property
    def searches(self) -> bool:
        """Whether there may be no flow for it: the others are always made."""
        return isinstance(self.sport, Range) or isinstance(self.saddr, Range)

    def apply(self, p: Packet, room: Room, flow: Flow, cursor: ir.Counter) -> tuple[Flow, Value | None]:
        """The new flow, and whether one was free (None: it always is). Kept parts are the very values of `flow`.

        `cursor` is where the search goes on, unless the pattern has a name.
        """
        new = Flow(
            flow.saddr if not isinstance(self.saddr, int) else as_value(self.saddr, 32),
            flow.sport if not isinstance(self.sport, int) else as_value(self.sport, 16),
            flow.daddr if self.daddr is None else as_value(self.daddr, 32),
            flow.dport if self.dport is None else as_value(self.dport, 16),
        )
        if isinstance(self.sport, Range):
            candidate = p.candidate(16)
            new, span = new._replace(sport=Value(candidate)), self.sport
            prefer = flow.sport if self.prefer_own else None
        elif isinstance(self.saddr, Range):
            candidate = p.candidate(32)
            new, span, prefer = new._replace(saddr=Value(candidate)), self.saddr, None
        else:
            return new, None
        if self.name:
            cursor = ir.Counter(f"pattern {self.name}", 32, shared=True)
        key = room.key(new)
        return new, p.allocate(room.table, key, candidate, span.low, span.high, self.order, cursor, prefer)


# Reading


def parse(
    words: Sequence[Text],
    book: Names,
    found: list[Diagnostic],
    argument: Sequence[Text] | None = None,
    name: str = "",
) -> Pattern | None:
    """The pattern that 2 to 4 `words` stand for, called `name`; every mistake is appended to `found`.

    `argument` is the whole argument that the words stand in, for messages that show it mended.
    """
    reader = _Reader(book, found, name)
    pattern = reader.pattern(words, argument or words)
    return None if reader.failed else pattern


class _Reader:
    """Reads one pattern. `order` and `prefer_own` are set by a `#` or `?` at the end of a range."""

    def __init__(self, book: Names, found: list[Diagnostic], name: str) -> None:
        self.book, self.found, self.name = book, found, name
        self.order, self.prefer_own, self.failed = ir.Order.RANDOM, True, False

    def fail(self, word: Text, message: str, expected: str = "", help: str = "") -> None:
        self.failed = True
        self.found.append(Diagnostic("C165", message, word.span, expected, help, word.facts()))

    def pattern(self, words: Sequence[Text], argument: Sequence[Text]) -> Pattern | None:
        joined = [word for word in words if _JOINED_DASHES.fullmatch(word.value)]
        if joined:
            mended = " ".join(
                " ".join(word.value) if _JOINED_DASHES.fullmatch(word.value) else word.value
                for word in argument
            )
            for word in joined:
                self.fail(
                    word, f"'{word}' is no pattern word", "one '-' for each part to keep", f"write `{mended}`"
                )
            return None
        match words:
            case (saddr, sport, daddr, dport):
                return self.parts(saddr, sport, daddr, dport)
            case (saddr, daddr, sport):
                return self.parts(saddr, sport, daddr, None)
            case (saddr, daddr):
                return self.parts(saddr, None, daddr, None)
        where = words[-1] if words else argument[0]
        self.fail(where, f"a pattern of {len(words)} words", PATTERN_FORMS)
        return None

    def parts(self, saddr: Text, sport: Text | None, daddr: Text, dport: Text | None) -> Pattern:
        source = self.source(saddr, ranges=sport is None)
        source_port = None if sport is None else self.source_port(sport, three_words=dport is None)
        destination = self.destination(daddr)
        destination_port = None if dport is None else self.destination_port(dport)
        return Pattern(
            source, source_port, destination, destination_port, self.order, self.prefer_own, self.name
        )

    def source(self, word: Text, ranges: bool) -> int | Range | None:
        plain = self.address(word.value)
        if word.value == KEEP or plain is not None:
            return plain or None
        span = self.addresses(self.unsuffixed(word.value))
        if span is None or span.low == 0:
            self.fail(word, f"bad source address '{word}'", "'-', an IPv4 address, a range A-B or a prefix")
            return None
        if span.low == span.high:
            return span.low
        if not ranges:
            self.fail(
                word,
                f"several source addresses '{word}' beside a source port",
                "one address, or '-'",
                "a range of addresses takes the form SADDR DADDR, which keeps the ports",
            )
        return span

    def addresses(self, word: str) -> Range | None:
        """`A-B`, or a prefix: /31 and /32 whole, others without the first and the last address."""
        first, dash, last = word.partition("-")
        if dash:
            low, high = self.address(first), self.address(last)
            return Range(low, high) if low is not None and high is not None and low <= high else None
        one = self.address(word)
        if one is not None:
            return Range(one, one)
        prefix = names.prefix(word) or self.book.prefix(word)
        if prefix is None:
            return None
        base, mask = prefix
        length = mask.bit_count()
        if length == 0 or names.length_mask(length) != mask:
            return None
        last_address = base & mask | ~mask & 0xFFFF_FFFF
        edge = 1 if length < 31 else 0
        return Range((base & mask) + edge, last_address - edge)

    def source_port(self, word: Text, three_words: bool) -> int | Range | None:
        if word.value == KEEP:
            return None
        number = names.integer(word.value)
        if number is not None and 0 < number < 65536:
            return number
        low_text, dash, high_text = self.unsuffixed(word.value).partition("-")
        low, high = names.integer(low_text), names.integer(high_text)
        if dash and low is not None and high is not None and 0 <= low <= high < 65536:
            return Range(low, high) if low < high else low or None
        self.fail(
            word,
            f"bad source port '{word}'",
            "'-', a port from 1 to 65535, or a range such as 1024-65535, which may end in '#' or '?'",
            "three words are SADDR DADDR SPORT; four are SADDR SPORT DADDR DPORT" if three_words else "",
        )
        return None

    def destination(self, word: Text) -> int | None:
        number = self.address(word.value)
        if word.value != KEEP and number is None:
            self.fail(word, f"bad destination address '{word}'", "'-' or one IPv4 address")
        return number or None

    def destination_port(self, word: Text) -> int | None:
        number = names.integer(word.value)
        if word.value != KEEP and (number is None or not 0 < number < 65536):
            self.fail(word, f"bad destination port '{word}'", "'-' or a port from 1 to 65535")
        return number

    def unsuffixed(self, word: str) -> str:
        """`word` without a final `#` (sequential) or `?` (random, own port not preferred)."""
        if word.endswith("#"):
            self.order, self.prefer_own = ir.Order.SEQUENTIAL, False
        elif word.endswith("?"):
            self.prefer_own = False
        else:
            return word
        return word[:-1]

    def address(self, word: str) -> int | None:
        number = names.address(word)
        return self.book.address(word) if number is None else number
