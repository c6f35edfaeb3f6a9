"""IPv4 addresses and prefixes as numbers, read by hand because `ipaddress` is most of the time a large table takes."""

import re
from dataclasses import dataclass

FULL = 0xFFFF_FFFF
"""The highest IPv4 address."""

_DOTTED = re.compile(r"(0|[1-9][0-9]{0,2})" + r"\.(0|[1-9][0-9]{0,2})" * 3)
_MAC = re.compile(r"[0-9A-Fa-f]{1,2}(?:[:-][0-9A-Fa-f]{1,2}){5}\Z")


def parse_address(text: str) -> int:
    """The number of a dotted address; `ValueError` says what is wrong with it."""
    usual = _DOTTED.fullmatch(text)
    if usual is not None:
        a, b, c, d = map(int, usual.groups())
        if a < 256 and b < 256 and c < 256 and d < 256:
            return a << 24 | b << 16 | c << 8 | d
    parts = text.split(".")
    if len(parts) != 4:
        raise ValueError(f"'{text}' is not an IPv4 address")
    number = 0
    for part in parts:
        if not (part.isascii() and part.isdigit()) or len(part) > 3 or (len(part) > 1 and part[0] == "0"):
            raise ValueError(f"'{text}' is not an IPv4 address: '{part}' is not a number from 0 to 255")
        byte = int(part)
        if byte > 255:
            raise ValueError(f"'{text}' is not an IPv4 address: {part} is above 255")
        number = number << 8 | byte
    return number


def format_address(number: int) -> str:
    """The dotted form of `number`."""
    return f"{number >> 24 & 255}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def parse_mac(text: str) -> int:
    """The number of an Ethernet address written `2:0:0:0:0:1`; `ValueError` if it is none."""
    if not _MAC.match(text):
        raise ValueError(f"'{text}' is not an Ethernet address")
    number = 0
    for part in re.split("[:-]", text):
        number = number << 8 | int(part, 16)
    return number


def format_mac(number: int) -> str:
    """The usual form of an Ethernet address, two digits a byte."""
    return ":".join(f"{number >> shift & 255:02x}" for shift in range(40, -1, -8))


@dataclass(frozen=True, slots=True, order=True)
class Prefix:
    """The addresses whose first `length` bits are those of `address`; all other bits of `address` are zero."""

    address: int
    length: int

    def __post_init__(self) -> None:
        if not 0 <= self.length <= 32:
            raise ValueError(f"/{self.length} is not a prefix length from 0 to 32")
        if self.address & (FULL >> self.length):
            raise ValueError(f"{format_address(self.address)} has bits set behind /{self.length}")

    @property
    def low(self) -> int:
        """The first address."""
        return self.address

    @property
    def high(self) -> int:
        """The last address."""
        return self.address | (FULL >> self.length)

    @property
    def size(self) -> int:
        """How many addresses it has."""
        return 1 << 32 - self.length

    def __contains__(self, address: int) -> bool:
        return self.low <= address <= self.high

    def covers(self, other: "Prefix") -> bool:
        """Whether every address of `other` is in this prefix."""
        return self.length <= other.length and other.address in self

    def overlaps(self, other: "Prefix") -> bool:
        """Whether some address is in both."""
        return self.covers(other) or other.covers(self)

    @property
    def is_private(self) -> bool:
        """Whether the internet does not route it: RFC 1918 and the shared space of RFC 6598."""
        return any(block.covers(self) for block in PRIVATE)

    def __str__(self) -> str:
        return f"{format_address(self.address)}/{self.length}"


def covering(address: int, length: int) -> Prefix:
    """The prefix of that length that holds `address`."""
    return Prefix(address & ~(FULL >> length) & FULL, length)


def prefixes(low: int, high: int) -> list[Prefix]:
    """The fewest prefixes that cover exactly [low, high], in order."""
    found = []
    while low <= high:
        size = low & -low or FULL + 1
        while low + size - 1 > high:
            size >>= 1
        found.append(Prefix(low, 32 - (size.bit_length() - 1)))
        low += size
    return found


def parse_prefix(text: str) -> Prefix:
    """The prefix written `10.0.0.0/8`, or `10.1.2.3` for a single address; `ValueError` if it is none."""
    address, number = parse_interface(text)
    prefix = covering(address, number)
    if prefix.address != address:
        raise ValueError(f"'{text}' has bits set behind its length: the prefix is {prefix}")
    return prefix


def parse_interface(text: str) -> tuple[int, int]:
    """Address and prefix length of `10.0.0.1/30`, /32 where none is given; `ValueError` if it is neither."""
    address, slash, length = text.partition("/")
    if not slash:
        return parse_address(address), 32
    if not (length.isascii() and length.isdigit()) or len(length) > 2 or int(length) > 32:
        raise ValueError(f"'{text}' is not a prefix: '{length}' is not a length from 0 to 32")
    return parse_address(address), int(length)


PRIVATE = (
    Prefix(0x0A00_0000, 8),
    Prefix(0xAC10_0000, 12),
    Prefix(0xC0A8_0000, 16),
    Prefix(0x6440_0000, 10),
)
"""Prefixes that are nobody's on the internet: RFC 1918 section 3, RFC 6598 section 7."""
