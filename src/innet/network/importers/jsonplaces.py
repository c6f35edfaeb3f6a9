"""JSON with places: values are read by the fast parser; where one stands is looked for only when a message needs it.

A table may have a million rows, so the offset of each item of the outermost list or object is kept.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, TypeAlias

from innet.diagnostics import Diagnostic, PolicyError, Source, Span

Path: TypeAlias = Sequence[str | int]
"""Keys and indexes from the top to a value."""

_SPACE = re.compile(r"[ \t\n\r]*")


class _TwiceError(ValueError):
    """A key that an object has twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _TwiceError(f"{key[:80]!r} is in one object twice")
            seen.add(key)
    return found


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant)


class Document:
    """A JSON text: its `value`, and where each part of it stands. `PolicyError` (N400) if it is not JSON, or an object
    has a key twice."""

    def __init__(self, source: Source) -> None:
        self.source, self.text = source, source.text
        self.starts: dict[str | int, int] = {}
        self.at = 0
        try:
            self.top = self._space(0)
            self.at = self.top
            self.value = self._read()
            if self.at != len(self.text):
                raise json.JSONDecodeError("more text after the JSON value", self.text, self.at)
            return
        except json.JSONDecodeError as error:
            why, at = error.msg, error.pos
        except (ValueError, RecursionError) as error:
            why, at = "nested too deep" if isinstance(error, RecursionError) else str(error)[:120], self.at
        span = Span(source, at, min(at + 1, len(self.text)))
        raise PolicyError(
            Diagnostic("N400", f"not JSON: {why}", span, "the whole output of the command")
        ) from None

    def place(self, path: Path) -> Span:
        """Where the value at `path` stands, its first line only; of as much of the path as there is."""
        text, at = self.text, self.top
        for n, step in enumerate(path):
            if n == 0:
                found = self.starts.get(step)
            else:
                found = self._member(at, step) if isinstance(step, str) else self._item(at, step)
            if found is None:
                break
            at = found
        try:
            _, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        line = text.find("\n", at, end)
        return Span(self.source, at, end if line < 0 else max(line, at + 1))

    # ---- reading

    def _read(self) -> Any:
        """The value at the top; the offsets of its items are noted."""
        first = self.text[self.at : self.at + 1]
        if first == "[":
            items: list[Any] = []
            while self._next("]", bool(items)):
                self.starts[len(items)] = self.at
                items.append(self._value())
            return items
        if first == "{":
            pairs: list[tuple[str, Any]] = []
            while self._next("}", bool(pairs)):
                at = self.at
                key = self._value()
                if not isinstance(key, str):
                    raise json.JSONDecodeError("a key has to be a string", self.text, at)
                if self.text[self.at : self.at + 1] != ":":
                    raise json.JSONDecodeError("expected ':' after a key", self.text, self.at)
                self.at = self._space(self.at + 1)
                if key in self.starts:
                    raise json.JSONDecodeError(f"{key[:80]!r} is in one object twice", self.text, at)
                self.starts[key] = self.at
                pairs.append((key, self._value()))
            return dict(pairs)
        return self._value()

    def _next(self, closing: str, later: bool) -> bool:
        """Go to the next item of the container; False at its end, behind it."""
        text = self.text
        if not later:
            self.at = self._space(self.at + 1)
            if text[self.at : self.at + 1] != closing:
                return True
        elif text[self.at : self.at + 1] == ",":
            self.at = self._space(self.at + 1)
            return True
        elif text[self.at : self.at + 1] != closing:
            raise json.JSONDecodeError(f"expected ',' or '{closing}'", text, self.at)
        self.at = self._space(self.at + 1)
        return False

    def _value(self) -> Any:
        value, end = _DECODER.raw_decode(self.text, self.at)
        self.at = self._space(end)
        return value

    def _space(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return at if found is None else found.end()

    # ---- finding; what is here has been read once without a mistake

    def _member(self, at: int, key: str) -> int | None:
        if self.text[at : at + 1] != "{":
            return None
        at = self._space(at + 1)
        while self.text[at : at + 1] == '"':
            name, at = _DECODER.raw_decode(self.text, at)
            at = self._space(self._space(at) + 1)
            if name == key:
                return at
            _, at = _DECODER.raw_decode(self.text, at)
            at = self._space(self._space(at) + 1)
        return None

    def _item(self, at: int, index: int) -> int | None:
        if self.text[at : at + 1] != "[":
            return None
        at = self._space(at + 1)
        for _ in range(index):
            if self.text[at : at + 1] == "]":
                return None
            _, at = _DECODER.raw_decode(self.text, at)
            at = self._space(self._space(at) + 1)
        return at
