"""Lines and words of a text, with their places."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from innet.diagnostics import Source, Span

_WORD = re.compile(r"\S+")
_ABBREVIATED = re.compile(r"([A-Za-z-]+) ?(\d.*)\Z")

INTERFACES = (
    "Ethernet", "FastEthernet", "GigabitEthernet", "TwoGigabitEthernet", "TenGigabitEthernet",
    "TwentyFiveGigE", "FortyGigabitEthernet", "HundredGigE", "Port-channel", "Vlan", "Loopback", "Tunnel", "Serial",
    "Null", "Dialer", "BVI", "POS", "ATM", "Multilink", "Virtual-Access", "Virtual-Template", "Bundle-Ether",
    "AppGigabitEthernet", "Management", "NVI",
)  # fmt: skip
"""Cisco's kinds of interfaces, which outputs abbreviate: Gi0/1, Te1/1/1, Po1."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it stands."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Line:
    """A line without the blanks around it; `indent` counts those before it."""

    text: str
    span: Span
    indent: int

    def words(self) -> list[Word]:
        """Its words."""
        return [Word(m[0], self.span.part(m.start(), m.end())) for m in _WORD.finditer(self.text)]


def lines(source: Source) -> Iterator[Line]:
    """The lines that are not blank."""
    at = 0
    for text in source.text.split("\n"):
        stripped = text.strip()
        if stripped:
            indent = len(text) - len(text.lstrip())
            start = at + indent
            yield Line(stripped, Span(source, start, start + len(stripped)), indent)
        at += len(text) + 1


def interface_name(text: str) -> str:
    """A Cisco interface's full name: `Gi0/1` and `gigabitethernet 0/1` are GigabitEthernet0/1; others as they are."""
    match = _ABBREVIATED.match(text)
    if match is None:
        return text
    kind, number = match[1].lower(), match[2]
    found = [name for name in INTERFACES if name.lower().startswith(kind)]
    exact = [name for name in found if name.lower() == kind]
    # `Te` is TenGigabitEthernet, `Tw` TwoGigabitEthernet, `Et` Ethernet, as IOS prints them: the first that fits
    return f"{(exact or found)[0]}{number}" if found else text


def is_prompt(line: Line) -> bool:
    """Whether it is what a terminal shows around an output: a prompt, with a `show` command or without one."""
    head, mark, rest = line.text.partition("#" if "#" in line.text else ">")
    word = rest.strip().partition(" ")[0]
    return (
        bool(mark)
        and not line.indent
        and " " not in head
        and word in ("", "sh", "show", "exit", "term", "terminal")
    )
