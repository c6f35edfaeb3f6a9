"""Fenced blocks of a manual page, which its tests run."""

import re
from dataclasses import dataclass
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
_BLOCK = re.compile(r"^```(\w+)(?: ([^\n]*))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its kind, the `key=value` words behind that, its text, and the number of its first line."""

    kind: str
    options: dict[str, str]
    text: str
    line: int

    def lines(self) -> list[tuple[str, str, str]]:
        """(place, example, what stands behind `//`) of each line."""
        found = []
        for n, line in enumerate(self.text.splitlines()):
            example, slashes, claim = line.partition("//")
            if example.strip():
                assert slashes, f"line {self.line + n}: an example without its answer"
                found.append((f"line {self.line + n}", example.strip(), claim.strip()))
        return found


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a reference page that have a kind."""
    text = (REFERENCE / page).read_text("utf-8")
    return [
        Block(
            found[1],
            dict((word.partition("=")[::2]) for word in (found[2] or "").split()),
            found[3],
            text.count("\n", 0, found.start(3)) + 1,
        )
        for found in _BLOCK.finditer(text)
    ]
