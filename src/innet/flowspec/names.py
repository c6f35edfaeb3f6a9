"""Names and literals of both grammars: tcpdump's words (Click's are in `innet.packet.names`), numbers, addresses."""

import re
from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import Protocol

FLOW_PROTOCOLS: Mapping[str, int] = {
    "icmp": 1, "igmp": 2, "tcp": 6, "igrp": 9, "udp": 17, "esp": 50, "ah": 51, "pim": 103, "vrrp": 112, "carp": 112,
    "sctp": 132,
}  # fmt: skip
"""The protocols that pcap-filter(7) has a keyword for, on IPv4."""
FLOW_CONSTANTS: Mapping[str, int] = {
    "tcpflags": 13, "tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32,
    "tcp-ece": 64, "tcp-cwr": 128, "icmptype": 0, "icmpcode": 1,
    "icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8,
    "icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13,
    "icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,
}  # fmt: skip
"""The names of numbers in pcap-filter(7)."""


class Names(Protocol):
    """What the configuration's own names stand for (AddressInfo, PortInfo); None if a name has no such meaning.

    Suffixes (`inside:ipnet`) are part of the word and are the book's to judge.
    """

    def address(self, word: str) -> int | None:
        """The IPv4 address called `word`."""

    def prefix(self, word: str) -> tuple[int, int] | None:
        """Address and mask of the prefix called `word`."""

    def ether(self, word: str) -> int | None:
        """The Ethernet address called `word`."""

    def port(self, word: str) -> int | None:
        """The TCP or UDP port called `word`."""


class NoNames:
    """No names but the fixed tables."""

    def address(self, word: str) -> int | None:
        return None

    def prefix(self, word: str) -> tuple[int, int] | None:
        return None

    def ether(self, word: str) -> int | None:
        return None

    def port(self, word: str) -> int | None:
        return None


NO_NAMES = NoNames()

_INTEGER = re.compile(
    r"([+-]?)(?:0[xX]([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|0[bB]([01]+(?:_[01]+)*)"
    r"|(0[0-7]*(?:_[0-7]+)*)|([1-9][0-9]*(?:_[0-9]+)*))",
    re.ASCII,
)
_QUAD = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_PREFIX = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,3})/(\d{1,2}|\d{1,3}(?:\.\d{1,3}){3})", re.ASCII)
_ETHER = re.compile(r"[0-9a-fA-F]{1,2}(?:(?::[0-9a-fA-F]{1,2}){5}|(?:-[0-9a-fA-F]{1,2}){5})", re.ASCII)
MAX_DIGITS = 80


def integer(word: str) -> int | None:
    """Click's integer: optional sign; `0x`, `0b`, a leading `0` for octal; `_` between digits."""
    found = _INTEGER.fullmatch(word) if len(word) <= MAX_DIGITS else None
    if found is None:
        return None
    sign, *digits = found.groups()
    for text, base in zip(digits, (16, 2, 8, 10), strict=True):
        if text is not None:
            value = int(text.replace("_", ""), base)
            return -value if sign == "-" else value
    return None


_NUMBER = re.compile(r"0[xX]([0-9a-fA-F]{1,16})|(0[0-7]{0,20})|([1-9][0-9]{0,19})", re.ASCII)


def number(word: str) -> int | None:
    """tcpdump's number: decimal, `0x` or a leading `0` for octal."""
    found = _NUMBER.fullmatch(word)
    if found is None:
        return None
    return int(found[1], 16) if found[1] else int(found[2], 8) if found[2] else int(found[3])


def address(word: str) -> int | None:
    """A dotted quad as a number."""
    if not _QUAD.fullmatch(word):
        return None
    parts = [int(part) for part in word.split(".")]
    return (
        sum(part << shift for part, shift in zip(parts, (24, 16, 8, 0), strict=True))
        if max(parts) < 256
        else None
    )


def length_mask(length: int) -> int:
    """The mask of a prefix of `length` bits."""
    return (1 << 32) - (1 << 32 - length)


def prefix(word: str) -> tuple[int, int] | None:
    """`a.b.c.d/len`, `a.b/len` (the missing parts lie outside len), `a.b.c.d/mask`: address and mask."""
    found = _PREFIX.fullmatch(word)
    if found is None:
        return None
    parts = found[1].split(".")
    base = address(".".join(parts + ["0"] * (4 - len(parts))))
    mask = (
        address(found[2]) if "." in found[2] else length_mask(int(found[2])) if int(found[2]) <= 32 else None
    )
    if base is None or mask is None or (len(parts) < 4 and mask & (1 << 32 - 8 * len(parts)) - 1):
        return None
    return base, mask


def ether(word: str) -> int | None:
    """`x:x:x:x:x:x` or the same with dashes, as a number."""
    if not _ETHER.fullmatch(word):
        return None
    value = 0
    for part in re.split("[:-]", word):
        value = value << 8 | int(part, 16)
    return value


_ADDRESS6 = re.compile(r"[0-9a-fA-F:.]{2,45}", re.ASCII)


def address6(word: str) -> int | None:
    """An IPv6 address (RFC 4291 section 2.2) as a number."""
    if not _ADDRESS6.fullmatch(word) or ":" not in word:
        return None
    try:
        return int(IPv6Address(word))
    except ValueError:
        return None


def prefix6(word: str) -> tuple[int, int] | None:
    """`ADDR/LEN` or `ADDR/MASK`, the mask a prefix: address and length."""
    first, slash, second = word.partition("/")
    base = address6(first)
    if base is None or not slash:
        return None
    if second.isascii() and second.isdigit() and len(second) <= 3:
        length = int(second)
        return (base, length) if length <= 128 else None
    mask = address6(second)
    if mask is None:
        return None
    length = mask.bit_count()
    return (base, length) if mask == length_mask6(length) else None


def length_mask6(length: int) -> int:
    """The mask of an IPv6 prefix of `length` bits."""
    return (1 << 128) - (1 << 128 - length)


def colons(value: int) -> str:
    """An IPv6 address as people write it (RFC 5952)."""
    return str(IPv6Address(value))


def dotted(value: int) -> str:
    """An IPv4 address as people write it."""
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))


def prefix_text(value: int, mask: int) -> str:
    """`a.b.c.d/len`, or `a.b.c.d/mask` if the mask has holes."""
    length = mask.bit_count()
    return f"{dotted(value)}/{length if length_mask(length) == mask else dotted(mask)}"
