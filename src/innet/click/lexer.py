"""Tokens of the Click language, one at a time, because `(` starts raw text only where the parser says so."""

import re
from dataclasses import replace
from enum import Enum

from innet.click.report import Report, StopError
from innet.diagnostics import Source, Span
from innet.lexical import Piece, Text, unquote


class Kind(Enum):
    """What a token is; the values are how messages call it."""

    END = "the end of the text"
    NAME = "a name"
    VARIABLE = "a variable"
    KEYWORD = "a keyword"
    PUNCTUATION = "punctuation"


MAX_UNCLOSED = 1
KEYWORDS = frozenset({"elementclass", "elementprogram", "require", "provide", "define"})

_BLANK = re.compile(r"(?:[ \t\r\n\v\f]++|//[^\n\r]*+|/\*(?s:.*?)(?:\*/|\Z))*+")
_TOKEN = re.compile(
    r"(?:[ \t\r\n\v\f]++|//[^\n\r]*+|/\*(?s:.*?)(?:\*/|\Z))*+"
    r"(?:(?P<name>[A-Za-z0-9_@]++(?:/[A-Za-z0-9_@]++)*+)|(?P<variable>\$[A-Za-z0-9_]*+)"
    r"|(?P<hash>\#)|(?P<punctuation>->|=>|::|\|\||\.\.\.|[\s\S]))?"
)
_DIRECTIVE = re.compile(
    r'#[ \t]*(?:line[ \t]+)?(?P<number>[0-9]+)[ \t]*(?P<file>"(?:[^"\\\r\n]|\\.)*"?)?[^\r\n]*'
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)?")
_PLAIN = r"[^()'\"/\\\r\n]"
_ANGLE = r"\\<(?:[^>/]++|//[^\n\r]*+|/\*(?s:.*?)(?:\*/|\Z)|/)*+>?"
_PROTECTED = (
    rf"""'[^']*+'?|"(?:[^"\\]++|{_ANGLE}|\\[\s\S]|\\)*+"?|{_ANGLE}"""
    r"|//[^\n\r]*+|/\*(?s:.*?)(?:\*/|\Z)"
)
_CONFIGURATION = re.compile(
    rf"(?:{_PLAIN}++|\({_PLAIN}*+\)|[\r\n]++(?!\#))++|(?P<open>(?:\({_PLAIN}*+)++)|(?P<close>\)++)"
    rf"|(?P<directive>[\r\n]++(?=\#))|{_PROTECTED}|[/\\]"
)
_OUTSIDE = re.compile(rf"(?:(?<=[\r\n])|\A)(?P<hash>\#)[^\r\n]*|{_PROTECTED}|[^'\"/\\\r\n\#]++|[\s\S]")
_COMMENT = re.compile(r"//[^\n\r]*+|/\*(?s:.*?)(?:\*/|\Z)")
_NAME = re.compile(r"[A-Za-z0-9_@]++(?:/[A-Za-z0-9_@]++)*+")
_REST_OF_LINE = re.compile(r"[^\r\n]*")
_STATEMENT_END = re.compile(r"->|=>|;")


class Lexer:
    """Reads tokens from a source. After `advance`, the token is in `kind`, `text`, `start` and `end`."""

    def __init__(self, source: Source, report: Report) -> None:
        self.report = report
        self.body = source.text
        self.origins: list[tuple[int, str, int]] = []
        self.source = self._with_directives(source)
        self.kind = Kind.END
        self.text = ""
        self.start = self.end = self.last_end = 0
        self.unclosed = 0
        self.advance()

    def advance(self) -> None:
        """Read the next token."""
        self.last_end = self.end
        match = _TOKEN.match(self.body, self.end)
        assert match is not None
        group = match.lastgroup
        if group == "hash":
            start = match.start(group)
            while group == "hash" and (start == 0 or self.body[start - 1] in "\r\n"):
                line = _LINE.match(self.body, start)
                assert line is not None
                match = _TOKEN.match(self.body, line.end())
                assert match is not None
                group = match.lastgroup
                start = match.start(group or 0)
        if group is None:
            self.start = self.end = len(self.body)
            self.kind, self.text = Kind.END, ""
            self._check_last_comment()
            return
        self.start, self.end = match.span(group)
        self.text = text = match[group]
        if group == "name":
            self.kind = Kind.KEYWORD if text in KEYWORDS else Kind.NAME
        else:
            self.kind = Kind.VARIABLE if group == "variable" else Kind.PUNCTUATION

    def _check_last_comment(self) -> None:
        for match in _COMMENT.finditer(self.body, self.last_end):
            if match[0].startswith("/*") and (len(match[0]) < 4 or not match[0].endswith("*/")):
                opened = match.start()
                span = self.span(opened, opened + 2)
                self.report.warning(
                    "C104", "this comment runs to the end of the text", span, "close it with '*/'"
                )

    def at(self, *kinds: Kind) -> bool:
        """Whether the current token is one of `kinds`."""
        return self.kind in kinds

    def seek(self, at: int) -> None:
        """Go on from character `at`."""
        self.end = at
        self.advance()

    def names(self, start: int, end: int) -> set[str]:
        """The names in characters [start, end)."""
        return set(_NAME.findall(self.body, start, end))

    def variable_follows(self) -> bool:
        """Whether the token behind the current one is a variable."""
        blank = _BLANK.match(self.body, self.end)
        assert blank is not None
        return self.body.startswith("$", blank.end())

    def span(self, start: int | None = None, end: int | None = None) -> Span:
        """The current token, or characters [start, end)."""
        return Span(self.source, self.start if start is None else start, self.end if end is None else end)

    def called(self) -> str:
        """How a message names the current token."""
        return Kind.END.value if self.kind is Kind.END else f"'{self.text}'"

    def configuration(self) -> Text:
        """The raw text from behind the current token, a `(`, up to its `)`, which becomes the current token.

        Line directives inside are cut out, with a warning. If there is no `)`, says so, goes on at the next
        arrow or semicolon, and takes what stands before it.
        """
        body = self.body
        begin = at = self.end
        depth = 1
        cuts: list[tuple[int, int]] = []
        match: re.Match[str] | None = None
        for match in _CONFIGURATION.finditer(body, begin):
            group = match.lastgroup
            if group is None:
                continue
            at = match.start()
            if group == "open":
                depth += body.count("(", at, match.end())
            elif group == "close":
                if depth <= match.end() - at:
                    at += depth - 1
                    self.start, self.end, self.text, self.kind = at, at + 1, ")", Kind.PUNCTUATION
                    return self._without(begin, at, cuts)
                depth -= match.end() - at
            else:
                line = _REST_OF_LINE.match(body, match.end())
                assert line is not None
                cuts.append(line.span())
        return self._not_closed(begin - 1, match)

    def _not_closed(self, opened: int, last: re.Match[str] | None) -> Text:
        """Report a `(` without `)`, or the quote that swallowed it, and go on behind it."""
        self.unclosed += 1
        resume = _STATEMENT_END.search(self.body, opened)
        at = resume.start() if resume is not None else len(self.body)
        text = last[0] if last is not None else ""
        if text[:1] in ("'", '"') and (len(text) == 1 or text[-1] != text[0]):
            assert last is not None
            span = self.span(last.start(), last.start() + 1)
            self.report.error(
                "C103", "this quote is never closed", span, help=f"add {text[0]} where the string ends"
            )
            at = max(at, last.start())
        else:
            before = f" before '{resume[0]}'" if resume is not None else ""
            self.report.error(
                "C102", "this '(' is never closed", self.span(opened, opened + 1), "')'", f"add ')'{before}"
            )
        if self.unclosed > MAX_UNCLOSED:
            raise StopError  # each of them costs a look at the whole rest of the text
        guess = Text(self.body[opened + 1 : at], self.span(opened + 1, at))
        self.seek(at)
        self.last_end = at
        return guess

    def _without(self, start: int, end: int, cuts: list[tuple[int, int]]) -> Text:
        cuts = [cut for cut in cuts if cut[1] <= end]
        span = Span(self.source, start, end)
        if not cuts:
            return Text(self.body[start:end], span)
        strings: list[str] = []
        pieces: list[Piece] = []
        at = start
        length = 0
        for first, last in [*cuts, (end, end)]:
            if last > first:
                self.report.warning(
                    "C106",
                    "a line that starts with '#' is a line directive, even inside parentheses",
                    self.span(first, last),
                    "put a space before the '#'",
                )
            pieces.append(Piece(length, at, first, True))
            strings.append(self.body[at:first])
            length += first - at
            at = last
        return Text("".join(strings), span, tuple(pieces))

    def _with_directives(self, source: Source) -> Source:
        """The source with the line directives that stand outside quotes and comments.

        They have to be known before the first span is made. A `#` at the start of a line inside a comment or
        a quote is not a directive, so this reads over the whole text once, if there is any candidate.
        """
        body = self.body
        if "#" not in body or not re.search(r"(?:\A|[\r\n])#", body):
            return source
        origins: list[tuple[int, str, int]] = []
        bad: list[tuple[int, int]] = []
        name = source.name
        for match in _OUTSIDE.finditer(body):
            if match["hash"] is None:
                continue
            at = match.start("hash")
            directive = _DIRECTIVE.match(body, at)
            line, _ = source.position(at)
            if directive is None:
                whole = _LINE.match(body, at)
                assert whole is not None
                bad.append((at, at + len(whole[0].rstrip("\r\n"))))
                if len(bad) > self.report.limits.errors:
                    break
                continue
            if directive["file"] is not None:
                file = directive["file"]
                name = unquote(Text(file if len(file) > 1 and file.endswith('"') else file + '"')).value
                name = name or source.name
            origins.append((line + 1, name, int(directive["number"][:9])))
        known = replace(source, origins=tuple(origins))
        for start, end in bad:
            self.report.error(
                "C105",
                "unknown preprocessor directive",
                Span(known, start, end),
                'a line directive: # NUMBER "FILE"',
                "a comment starts with '//'",
            )
        return known
