"""Typed reading of a YAML tree: each function returns the value or, having noted the mistake, None."""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from innet.diagnostics import Diagnostic, Span, suggest
from innet.network.yamltree import Listing, Mapping, Scalar, Tree, describe

T = TypeVar("T")

MAX_MESSAGE = 300
"""Characters of a message."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}\Z")
_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)?\Z", re.ASCII)
_UNITS = {
    "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
}  # fmt: skip


class Reader:
    """Reads parts of one tree and keeps every mistake found."""

    def __init__(self) -> None:
        self.problems: list[Diagnostic] = []

    def problem(
        self,
        code: str,
        message: str,
        span: Span | None,
        expected: str = "",
        help: str = "",
        facts: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Note a mistake. A message that quotes a very long word is cut."""
        if len(message) > MAX_MESSAGE:
            message = message[:MAX_MESSAGE] + " …"
        self.problems.append(Diagnostic(code, message, span, expected, help, facts))

    def near(self, word: str, names: Iterable[str], prefix: str = "") -> str:
        """`did you mean …?` if a name is like `word`; nothing once many mistakes are known, since the search costs."""
        if len(word) > 64 or len(self.problems) > 50:
            return ""
        found = suggest(word, names)
        return f"did you mean '{prefix}{found}'?" if found else ""

    def mapping(self, tree: Tree | None, what: str) -> Mapping | None:
        """A mapping; a key without value counts as an empty one."""
        if isinstance(tree, Scalar) and not tree.text:
            return Mapping((), tree.span)
        if isinstance(tree, Mapping) or tree is None:
            return tree
        self.problem("N106", f"{what} is {describe(tree)}", tree.span, "a mapping: {key: value, …}")
        return None

    def keys(self, tree: Mapping, what: str, known: Iterable[str], needed: Iterable[str] = ()) -> None:
        """Note keys that mean nothing here, and those that are missing."""
        names = list(known)
        present = set()
        for key, _ in tree.pairs:
            present.add(key.text)
            if key.text not in names:
                expected = "one of " + ", ".join(f"'{name}'" for name in names)
                help = self.near(key.text, names)
                self.problem("N104", f"{what} has no key '{key.text}'", key.span, expected, help)
        for name in needed:
            if name not in present:
                self.problem("N105", f"{what} has no '{name}'", tree.span, f"a key '{name}'")

    def scalar(self, tree: Tree | None, what: str, expected: str) -> Scalar | None:
        """A word."""
        if isinstance(tree, Scalar) or tree is None:
            return tree
        self.problem("N106", f"{what} is {describe(tree)}", tree.span, expected)
        return None

    def listing(self, tree: Tree | None, what: str, expected: str) -> tuple[Tree, ...]:
        """A list; a single word counts as a list of one, nothing as an empty one."""
        match tree:
            case None | Scalar(""):
                return ()
            case Listing(items):
                return items
            case Scalar():
                return (tree,)
        self.problem("N106", f"{what} is {describe(tree)}", tree.span, expected)
        return ()

    def value(self, tree: Tree | None, what: str, expected: str, parse: Callable[[str], T]) -> T | None:
        """A word that `parse` understands; its `ValueError` becomes the message."""
        word = self.scalar(tree, what, expected)
        if word is None:
            return None
        try:
            return parse(word.text)
        except ValueError as error:
            self.problem("N107", f"{what}: {error}", word.span, expected)
            return None

    def name(self, key: Scalar, what: str) -> bool:
        """Whether `key` can be the name of a node or an interface."""
        if NAME.match(key.text):
            return True
        expected = "a letter, then letters, digits, '_', '.' or '-', at most 63 characters"
        self.problem("N108", f"'{key.text}' cannot be the name of {what}", key.span, expected)
        return False


def parse_count(text: str) -> int:
    """A whole number from 0 up."""
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise ValueError(f"'{text}' is not a whole number from 0 up")
    return int(text)


def parse_size(text: str) -> int:
    """Bytes from `4GiB`, `512 MB` or a plain number of bytes."""
    match = _SIZE.match(text)
    if match is None or len(match[1]) > 15:
        raise ValueError(f"'{text}' is not a size in bytes")
    return int(match[1]) * _UNITS[match[2] or "B"]


def parse_switch(text: str) -> bool:
    """True or false."""
    if text.lower() in {"true", "yes", "on"}:
        return True
    if text.lower() in {"false", "no", "off"}:
        return False
    raise ValueError(f"'{text}' is neither true nor false")
