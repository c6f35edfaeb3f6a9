"""Classifier's patterns (ELEMENTS 3.2): bytes at offsets from the packet's data, with masks and wildcards.

pattern := '-' | clause*                    clause := ['!'] OFFSET '/' VALUE ['%' MASK]
"""

import re

from innet import ir
from innet.diagnostics import ConfigurationError, Span
from innet.flowspec.patterns import Parsed
from innet.flowspec.predicate import TRUE, Predicate, Relation, Test, conjunction, negation
from innet.flowspec.text import Findings, Text, quoted
from innet.ir import Mark

_CLAUSE = re.compile(r"\s*(!?)\s*([^\s/!%]*)(/?)([^\s%!/]*)(%?)([^\s!]*)", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-fA-F?]{2})+", re.ASCII)
MAX_OFFSET = 65535
WORD = 4


def parse_classifier_pattern(text: str, span: Span | None = None) -> Parsed:
    """The meaning of one argument of Classifier, which stands at `span`; `text` is not unquoted.

    Raises ConfigurationError with every mistake found (codes F121 to F123).
    """
    findings = Findings()
    place = Text.of(text, span)
    parts: list[Predicate] = []
    at, end = 0, len(text.rstrip())
    if text.strip() == "-":
        return Parsed(TRUE)
    while at < end and not findings.full:
        found = _CLAUSE.match(text, at)
        if found is None or found.end() == at:
            findings.error(
                "F121", f"{quoted(text[at])} is not a clause", place.where(at, at + 1), "OFFSET/VALUE[%MASK]"
            )
            at += 1
        else:
            clause = _clause(found, place, findings)
            parts.append(negation(clause) if found[1] else clause)
            at = found.end()
    if findings.errors:
        raise ConfigurationError(findings.errors)
    return Parsed(conjunction(parts))


def _clause(found: re.Match[str], place: Text, findings: Findings) -> Predicate:
    """The bytes of one clause, without its `!`; mistakes are noted."""

    def error(code: str, group: int, message: str, expected: str) -> Predicate:
        start, end = found.span(group)
        findings.error(code, message, place.where(start, max(end, start + 1)), expected)
        return TRUE

    _, offset, slash, value, percent, mask = found.groups()
    if not slash:
        return error(
            "F121", 2, f"{quoted(found[0].strip())} is not a clause", "OFFSET/VALUE[%MASK], or '-' alone"
        )
    if not (offset.isascii() and offset.isdigit() and len(offset) <= 6 and int(offset) <= MAX_OFFSET):
        return error("F122", 2, f"{quoted(offset)} is not an offset", f"a decimal number up to {MAX_OFFSET}")
    if not _HEX.fullmatch(value):
        return error(
            "F123", 4, f"{quoted(value)} is not a value", "an even number of hexadecimal digits or '?'"
        )
    if percent and not (_HEX.fullmatch(mask) and len(mask) == len(value)):
        return error(
            "F123", 6, f"{quoted(mask)} is not a mask for {quoted(value)}", f"{len(value)} hexadecimal digits"
        )
    wanted = bytes.fromhex(value.replace("?", "0"))
    compared = bytes(
        int("".join("0" if v == "?" else "f" for v in value[n : n + 2]), 16)
        & int((mask[n : n + 2] if percent else "ff").replace("?", "0"), 16)
        for n in range(0, len(value), 2)
    )
    return conjunction(_words(int(offset), wanted, compared))


def _words(offset: int, wanted: bytes, compared: bytes) -> list[Predicate]:
    """Tests of up to four bytes each, cut where Click's words are."""
    out: list[Predicate] = []
    at = 0
    while at < len(wanted):
        size = min(WORD - (offset + at) % WORD, len(wanted) - at)
        mask = int.from_bytes(compared[at : at + size], "big")
        field = ir.Field(Mark.DATA, 8 * (offset + at), 8 * size)
        if mask:
            out.append(Test(field, mask, Relation.EQ, int.from_bytes(wanted[at : at + size], "big") & mask))
        at += size
    return out
