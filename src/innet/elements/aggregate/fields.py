"""Fields of IPv4 packets by their Click names: `ip src`, `tcp sport`, `transp[0:2]`, `ip tos/6`, `ip off & 0x1fff`."""

import re
from dataclasses import dataclass

from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.flowspec.names import integer
from innet.lexical import Text, unquote
from innet.packet.names import PROTOCOLS

IP, TCP_OR_UDP, TRANSP, PAYLOAD = 0, 256, 257, 258
"""What a field counts from, where that is not a protocol's header: the IPv4 header, TCP's or UDP's header, whatever
stands behind the IPv4 header, what stands behind TCP's or UDP's header (Click's numbers)."""

HEADERS: dict[str, int] = dict(PROTOCOLS) | {
    "ip": IP, "tcpudp": TCP_OR_UDP, "transp": TRANSP, "transport": TRANSP, "payload": PAYLOAD, "data": PAYLOAD,
}  # fmt: skip
_WORDS = {number: word for word, number in reversed(HEADERS.items())}
WORD_BITS = 32

_PORTS = {"sport": (0, 16), "dport": (16, 16)}
NAMED = {
    IP: {
        "vers": (0, 4), "hl": (4, 4), "tos": (8, 8), "dscp": (8, 6), "ecn": (14, 2), "len": (16, 16), "id": (32, 16),
        "off": (48, 16), "rf": (48, 1), "df": (49, 1), "mf": (50, 1), "fragoff": (51, 13), "ttl": (64, 8),
        "proto": (72, 8), "sum": (80, 16), "src": (96, 32), "dst": (128, 32),
    },
    TCP_OR_UDP: _PORTS,
    17: _PORTS | {"len": (32, 16), "sum": (48, 16)},
    6: _PORTS | {
        "seq": (32, 32), "seqno": (32, 32), "ackno": (64, 32), "hl": (96, 4), "flags": (104, 8), "urg": (106, 1),
        "ack": (107, 1), "ackf": (107, 1), "psh": (108, 1), "push": (108, 1), "rst": (109, 1), "syn": (110, 1),
        "fin": (111, 1), "win": (112, 16), "sum": (128, 16), "urp": (144, 16),
    },
    1: {"type": (0, 8), "code": (8, 8), "sum": (16, 16)},
}  # fmt: skip
"""First bit and width of each named field, by header."""

_FIELD = re.compile(
    r"\s*(?:ip\s+proto\s+(?P<number>\w+)\b(?!\s*[/&])|(?P<header>\w+))?"
    r"(?:\s*(?P<name>[A-Za-z]\w*))?"
    r"(?:\s*(?P<open>[\[{])\s*(?P<first>\w+)\s*(?:(?P<between>[:-])\s*(?P<second>\w+)\s*)?(?P<close>[\]}]))?"
    r"(?:\s*/\s*(?P<prefix>\w+))?(?:\s*&\s*(?P<mask>\w+))?\s*"
)


@dataclass(frozen=True)
class IPField:
    """`width` bits that start `bit` bits after the start of `header` (a key of `NAMED`, a protocol, or TRANSP...)."""

    header: int
    bit: int
    width: int

    @property
    def header_word(self) -> str:
        return _WORDS.get(self.header, f"ip proto {self.header}")

    @property
    def word(self) -> int:
        """The byte at which the four-byte word that holds the field starts."""
        return self.bit // WORD_BITS * 4

    @property
    def fits_a_word(self) -> bool:
        return self.bit // WORD_BITS == (self.bit + self.width - 1) // WORD_BITS

    @property
    def shift(self) -> int:
        """Bits of that word below the field."""
        return WORD_BITS - 1 - (self.bit + self.width - 1) % WORD_BITS

    def __str__(self) -> str:
        known = NAMED.get(self.header, {})
        for name, place in known.items():
            if place == (self.bit, self.width):
                return f"{self.header_word} {name}"
        for name, (bit, width) in known.items():
            if bit == self.bit and width in (8, 16, 32) and self.width < width:
                return f"{self.header_word} {name}/{self.width}"
        unit, brackets = (8, "[]") if self.bit % 8 == self.width % 8 == 0 else (1, "{}")
        first, count = self.bit // unit, self.width // unit
        inside = f"{first}" if count == 1 else f"{first}:{count}"
        return f"{self.header_word}{brackets[0]}{inside}{brackets[1]}"


class FieldError(Exception):
    """Text that means no field."""


def read_field(text: str) -> IPField:
    """The field that `text` means. Raises FieldError with what is wrong."""
    found = _FIELD.fullmatch(text)
    if found is None:
        raise FieldError(f"'{text.strip()}' is not a field")
    header, name = _header(found), found["name"]
    if header is None:  # the word was the field's name: only the ports need no header
        header, name = TCP_OR_UDP, found["header"]
        if name not in _PORTS or found["name"]:
            raise FieldError(f"'{found['header'] or text.strip()}' is not a header")
    field = None
    if name:
        if header == IP and name in _PORTS:
            header = TCP_OR_UDP
        place = NAMED.get(header, {}).get(name)
        if place is None:
            raise FieldError(f"there is no field '{name}' in '{_WORDS.get(header, header)}'")
        field = IPField(header, *place)
    if found["open"]:
        field = _part(found, header, field)
    if field is None:
        raise FieldError(f"'{text.strip()}' names a header, but no field of it")
    return _masked(found, field)


def _header(found: re.Match[str]) -> int | None:
    if found["number"] is None:
        return HEADERS.get(found["header"] or "")
    number = integer(found["number"])
    number = PROTOCOLS.get(found["number"]) if number is None else number
    if number is None or not 0 < number < 256:
        raise FieldError(f"'{found['number']}' is not an IP protocol")
    return number


def _part(found: re.Match[str], header: int, field: IPField | None) -> IPField:
    """Bytes `[...]` or bits `{...}` of a header or of a named field."""
    first, second = integer(found["first"]), integer(found["second"] or "1")
    if first is None or second is None or first < 0 or (found["open"] == "[") != (found["close"] == "]"):
        raise FieldError(f"'{found[0].strip()}': expected [OFFSET], [OFFSET:LENGTH] or [FIRST-LAST]")
    count = second - first + 1 if found["between"] == "-" else second
    unit = 8 if found["open"] == "[" else 1
    if count <= 0:
        raise FieldError(f"'{found[0].strip()}' has no bits")
    if field is None:
        return IPField(header, first * unit, count * unit)
    if (first + count) * unit > field.width:
        raise FieldError(f"'{found[0].strip()}': the field has {field.width} bits")
    return IPField(field.header, field.bit + first * unit, count * unit)


def _masked(found: re.Match[str], field: IPField) -> IPField:
    """The field cut to its top bits (`/BITS`), then to the run of ones in a mask."""
    if found["prefix"] is not None:
        bits = integer(found["prefix"])
        if bits is None or not 0 < bits <= field.width:
            raise FieldError(f"'/{found['prefix']}': expected a number of bits from 1 to {field.width}")
        field = IPField(field.header, field.bit, bits)
    if found["mask"] is not None:
        mask = integer(found["mask"])
        low = 0 if not mask else (mask & -mask).bit_length() - 1
        if not mask or mask < 0 or (mask >> low) & ((mask >> low) + 1) or mask.bit_length() > field.width:
            raise FieldError(f"'& {found['mask']}': expected one run of ones in {field.width} bits")
        high = mask.bit_length()
        field = IPField(field.header, field.bit + field.width - high, high - low)
    return field


@dataclass(frozen=True)
class FieldOf(ArgumentType[IPField]):
    """A field of at most 32 bits that lies within one four-byte word of its header."""

    def describe(self) -> str:
        return "a field such as 'ip src', 'ip dst/8', 'tcp sport', 'ip[8:1]' or 'transp{0:4}'"

    def parse(self, text: Text, names: Names) -> IPField:
        try:
            field = read_field(unquote(text).value)
        except FieldError as e:
            raise self.refused(text, str(e)) from None
        if not field.fits_a_word:
            raise self.refused(text, f"'{text}' does not lie within one four-byte word of its header")
        return field
