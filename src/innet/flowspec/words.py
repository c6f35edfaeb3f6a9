"""A cursor over the words of a pattern, a flow or a requirement."""

from collections.abc import Sequence

from innet.diagnostics import Span
from innet.flowspec.text import Text

AND, OR, NOT = ("and", "&&"), ("or", "||"), ("not", "!")


class ReadError(Exception):
    """What is being read is wrong; it has been noted."""


class LimitError(Exception):
    """A text went past a limit of size or nesting; it has been noted."""


class Words:
    """Words (each with its offset in `text`) read from left to right; past the end every word is empty."""

    def __init__(self, text: Text, found: Sequence[tuple[str, int]]) -> None:
        self.text = text
        self.found = found
        self.at = 0

    def __bool__(self) -> bool:
        return self.at < len(self.found)

    @property
    def rest(self) -> int:
        """How many words are left."""
        return len(self.found) - self.at

    def peek(self, ahead: int = 0) -> str:
        """The word `ahead` of the next one."""
        at = self.at + ahead
        return self.found[at][0] if at < len(self.found) else ""

    def take(self) -> str:
        """The next word, which is then behind us."""
        word = self.peek()
        self.at = min(self.at + 1, len(self.found))
        return word

    def accept(self, *words: str) -> bool:
        """Take the next word if it is one of `words`."""
        if self and self.peek() in words:
            self.at += 1
            return True
        return False

    def where(self, first: int, last: int | None = None) -> Span:
        """The place of words `first` to `last` (both counted from the start of the text); behind the last: its end."""
        if first >= len(self.found):
            end = len(self.text.text.rstrip())
            return self.text.where(end, end)
        word, start = self.found[first if last is None else max(first, min(last, len(self.found) - 1))]
        return self.text.where(self.found[first][1], start + len(word))

    def here(self) -> Span:
        """The place of the next word."""
        return self.where(self.at)

    def since(self, first: int) -> Span:
        """The place of the words from `first` to the one last taken."""
        return self.where(first, self.at - 1)
