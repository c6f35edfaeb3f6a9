"""The words of program text (docs/reference/program-text.md): numbers, names, strings and signs, in one pass."""

import re
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a word is; the values are how messages call it."""

    END = "the end of the text"
    NEWLINE = "the end of the line"
    NAME = "a name"
    NUMBER = "a number"
    ADDRESS = "an address"
    ETHER = "an Ethernet address"
    STRING = "a string"
    SIGN = "a sign"
    WRONG = "no word of the language"


class Word(NamedTuple):
    """Characters [start, end) of the text."""

    kind: Kind
    text: str
    start: int
    end: int


_COMMENT = r"//[^\n\r]*+|/\*(?s:.*?)(?:\*/|\Z)"
_STRING = r'"(?:[^"\\\r\n]|\\[^\r\n])*+"'
_WORD = re.compile(
    rf"(?:[ \t\r\f\v]++|{_COMMENT})*+"
    r"(?:(?P<NEWLINE>[\n;])"
    r"|(?P<ETHER>[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}(?![0-9A-Za-z_:]))"
    r"|(?P<ADDRESS>[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z_.]))"
    r"|(?P<NUMBER>0[xX][0-9A-Fa-f_]++(?:u[0-9]++)?|0[bB][01_]++(?:u[0-9]++)?|[0-9][0-9_]*+(?:u[0-9]++)?)"
    r"|(?P<NAME>[A-Za-z_][A-Za-z0-9_]*+(?:\.[A-Za-z_][A-Za-z0-9_]*+)?)"
    rf"|(?P<STRING>{_STRING})"
    r"|(?P<SIGN>->|\+1s(?![A-Za-z0-9_])|<<|>>|<=|>=|==|!=|[-+*/%&|^~<>=()\[\]{},:@])"
    r"|(?P<WRONG>[\s\S]))?"
)
_END = re.compile(rf'{_STRING}|{_COMMENT}|(?P<open>\{{)|(?P<close>\}})|[^"/{{}}]++|["/]')
_ESCAPE = re.compile(r'\\(?:x([0-9A-Fa-f]{2})|([nrt0"\\]))')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", '"': '"', "\\": "\\"}


def words(text: str, start: int = 0, end: int | None = None) -> list[Word]:
    """The words of characters [start, end). Line ends inside ( ) and [ ] are no words; `;` is a line end."""
    end = len(text) if end is None else end
    found: list[Word] = []
    depth = 0
    at = start
    while at < end:
        match = _WORD.match(text, at, end)
        assert match is not None, "everything in the pattern is optional"
        at = match.end()
        name = match.lastgroup
        if name is None:
            break
        word = Word(Kind[name], match[name], *match.span(name))
        if word.kind is Kind.NEWLINE:
            if depth and word.text == "\n":
                continue
        elif word.kind is Kind.SIGN:
            if word.text in "([":
                depth += 1
            elif word.text in ")]":
                depth = max(0, depth - 1)
            elif word.text in "{}":
                depth = 0
        found.append(word)
    found.append(Word(Kind.END, "", end, end))
    return found


def closing(text: str, opened: int) -> int | None:
    """Where the `}` is that belongs to the `{` at `opened`; strings and comments hide braces."""
    depth = 0
    for match in _END.finditer(text, opened):
        if match["open"]:
            depth += 1
        elif match["close"]:
            depth -= 1
            if not depth:
                return match.start()
    return None


def unescape(string: str) -> str | None:
    """What a STRING stands for; None if an escape is wrong."""
    inside = string[1:-1]
    if "\\" in _ESCAPE.sub("", inside):
        return None
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _ESCAPES[m[2]], inside)


def quote(string: str) -> str:
    """`string` as a STRING."""
    shown = (
        f"\\{c}" if c in '"\\' else f"\\x{ord(c):02x}" if ord(c) < 32 or 127 <= ord(c) < 160 else c
        for c in string
    )
    return f'"{"".join(shown)}"'
