"""Variables in a script's text: `$x`, `${x}`, `${x-default}`, and `$(HANDLER ARGUMENTS)`, which may be nested."""

import re
from collections.abc import Callable

from innet.lexical import escape

_NAME = re.compile(r"\w+|[?#$]")
MAX_DEPTH = 16

Lookup = Callable[[str, bool], str | None]
"""The value of a variable, or (true) of a handler; None if there is none."""


def expand(text: str, lookup: Lookup, quoting: bool = False, depth: int = 0) -> str:
    """`text` with its references replaced, except in '...'; those that mean nothing stay.

    Values are escaped inside "..."; outside they are put in quotes if `quoting`, so that `unquote` gives them back.
    """
    out: list[str] = []
    quote, at = "", 0
    while at < len(text):
        letter = text[at]
        end = at + 1
        if letter == "\\" and quote != "'":
            end = text.find(">", at) + 1 if text[at + 1 : at + 2] == "<" else at + 2
            end = end if end > at else len(text)
        elif letter in "'\"" and quote in ("", letter):
            quote = "" if quote else letter
        elif letter == "$" and quote != "'" and depth < MAX_DEPTH:
            end, value = _reference(text, at, lookup, depth)
            if value is not None:
                inside = escape(value) if quote or quoting else value
                out.append(f'"{inside}"' if quoting and not quote else inside)
                at = end
                continue
        out.append(text[at:end])
        at = end
    return "".join(out)


def _reference(text: str, at: int, lookup: Lookup, depth: int) -> tuple[int, str | None]:
    """Where the reference that starts at `at` ends, and its value."""
    opening = text[at + 1 : at + 2]
    if opening and opening in "({":
        end = closing(text, at + 1)
        if end is None:
            return len(text), None
        inside = expand(text[at + 2 : end], lookup, False, depth + 1)
        if opening == "(":
            return end + 1, lookup(inside.strip(), True)
        name, dash, default = inside.partition("-")
        value = lookup(name, False)
        return end + 1, default if value is None and dash else value
    found = _NAME.match(text, at + 1)
    if found is None:
        return at + 1, None
    return found.end(), lookup(found[0], False)


def closing(text: str, at: int) -> int | None:
    """Where the bracket that opens at `at` is closed; brackets in quotes do not count."""
    opening = text[at]
    close = {"(": ")", "{": "}"}[opening]
    level, quote = 0, ""
    for n in range(at, len(text)):
        letter = text[n]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == opening:
            level += 1
        elif letter == close:
            level -= 1
            if level == 0:
                return n
    return None
