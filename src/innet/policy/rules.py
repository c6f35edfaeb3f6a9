"""Reading `reach` statements, for tenants (requirements) and operators (rules).

    statement := ['always' | 'never'] ['new'] 'reach' 'from' NODE [flow] hop+
    hop       := '->' NODE [flow] ['const' field {'&&' field}]

A statement may run over several lines, up to the next line that begins with `reach`, `always`, `never` or `new`.
A node is one word. Comments (`//`, `/* */`, lines that begin with `#`) and line ends mean nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from innet.diagnostics import ConfigurationError, PolicyError, Source, Span
from innet.flowspec import Text, parse_flow
from innet.flowspec import names as nm
from innet.flowspec.flows import KEYWORDS as FLOW_KEYWORDS
from innet.flowspec.text import Findings, Piece, quoted
from innet.policy.fields import ConstField, read_field
from innet.policy.syntax import (
    ALL_BITS,
    ElementPort,
    FlowText,
    Hop,
    Named,
    Node,
    Place,
    Policy,
    Quantifier,
    Reach,
    Region,
    Subnet,
    Variable,
)

MAX_STATEMENT = 1 << 16
MAX_HOPS = 100
NODES = "a node: an address or subnet, 'client', 'internet', or MODULE:ELEMENT[:PORT]"
OPERATOR_NODES = NODES + ", 'module', or a node of the network"

_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|^#[^\n]*", re.DOTALL | re.MULTILINE)
_PARAMETER = re.compile(r"\$\{([A-Za-z0-9_]+)(?:-([^{}]*))?\}", re.ASCII)
_WORD = re.compile(r"->|(?:(?!->)\S)+")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*", re.ASCII)
_ELEMENT = re.compile(r"([A-Za-z0-9_.\-]+):([A-Za-z0-9_@]+(?:/[A-Za-z0-9_@]+)*)(?::([0-9]{1,5}))?", re.ASCII)
_PREFIX = "always|never|new"
_START = re.compile(rf"^[ \t]*(?:(?:{_PREFIX})\s+)*(?:reach|{_PREFIX})(?![\w:.@/\-])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """Whose statements are read: `letter` begins the codes of their diagnostics."""

    letter: str
    operator: bool


TENANT = Dialect("R", operator=False)
OPERATOR = Dialect("P", operator=True)


def parse_policy(source: Source, parameters: Mapping[str, str] | None = None) -> Policy:
    """An operator's rules; `parameters` are the values of `${NAME-default}`.

    Raises PolicyError with every mistake found (codes P111 to P139, and F14x for the flows).
    """
    findings = Findings()
    rules = read_statements(Span(source, 0, len(source.text)), OPERATOR, parameters or {}, findings)
    if not rules and not findings.errors:
        whole = Span(source, 0, 0)
        findings.error(
            "P111", "there is no rule", whole, "'reach from ...', 'always reach ...' or 'never reach ...'"
        )
    if findings.errors:
        raise PolicyError(findings.in_order())
    return Policy(tuple(rules), tuple(findings.warnings))


def read_statements(
    span: Span, dialect: Dialect, parameters: Mapping[str, str], findings: Findings
) -> list[Reach]:
    """The statements that stand in `span`; mistakes are noted."""
    raw = span.source.text[span.start : span.end]
    text = blank_comments(raw)
    out: list[Reach] = []
    for start, end in _statements(text):
        if findings.full:
            break
        place = Text(text[start:end], (Piece(0, span.part(start, end)),))
        if end - start > MAX_STATEMENT:
            code = f"{dialect.letter}112"
            findings.error(code, f"a statement has more than {MAX_STATEMENT} characters", place.where(0, 1))
            continue
        reader = _Reader(expand(place, parameters, dialect.letter, findings), dialect, findings)
        statement = reader.statement()
        if statement is not None:
            out.append(statement)
    return out


def blank_comments(text: str) -> str:
    """`text` with spaces in place of comments, so that every other character stays where it is."""
    return _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _statements(text: str) -> list[tuple[int, int]]:
    """Where the statements of `text` (without comments) are: each begins with the first word of a line."""
    starts = [found.start() for found in _START.finditer(text)] + [len(text)]
    if text[: starts[0]].strip():
        starts.insert(0, 0)
    return list(pairwise(starts))


def expand(text: Text, parameters: Mapping[str, str], letter: str, findings: Findings) -> Text:
    """`text` with each `${NAME-default}` replaced by its value; messages still point at the parameter."""
    pieces: list[Piece] = []
    out: list[str] = []
    length = at = 0

    def add(words: str, span: Span, verbatim: bool) -> None:
        nonlocal length
        if words:
            pieces.append(Piece(length, span, verbatim))
            out.append(words)
            length += len(words)

    for found in _PARAMETER.finditer(text.text):
        add(text.text[at : found.start()], text.where(at, found.start()), True)
        span = text.where(*found.span())
        value = parameters.get(found[1], found[2])
        if value is None:
            findings.error(
                f"{letter}113", f"the parameter {quoted(found[1])} has no value", span,
                "a value given with the request", f"give a default: `${{{found[1]}-1500}}`",
            )  # fmt: skip
            value = "0"
        add(value, span, False)
        at = found.end()
    if not pieces:
        return text
    add(text.text[at:], text.where(at, len(text.text)), True)
    return Text("".join(out), tuple(pieces))


class _Reader:
    """One statement, word by word; flows are handed on whole."""

    def __init__(self, text: Text, dialect: Dialect, findings: Findings) -> None:
        self.text, self.dialect, self.findings = text, dialect, findings
        self.words = [(found[0], found.start()) for found in _WORD.finditer(text.text)]
        self.at = 0

    def error(self, number: int, message: str, span: Span, expected: str = "", help: str = "") -> None:
        self.findings.error(f"{self.dialect.letter}{number}", message, span, expected, help)

    def peek(self) -> str:
        return self.words[self.at][0] if self.at < len(self.words) else ""

    def here(self) -> Span:
        """The place of the next word, or of the end."""
        if self.at < len(self.words):
            word, start = self.words[self.at]
            return self.text.where(start, start + len(word))
        end = len(self.text.text.rstrip())
        return self.text.where(end, end)

    def between(self, first: int, last: int) -> Text:
        """The words [first, last) with what is between them."""
        start = self.words[first][1]
        word, begin = self.words[last - 1]
        return self.text.part(start, begin + len(word))

    def span(self, first: int, last: int) -> Span:
        """Where the words [first, last) are."""
        part = self.between(first, last)
        return part.where(0, len(part.text))

    def statement(self) -> Reach | None:
        before = len(self.findings.errors)
        quantifier, new = self.prefix()
        if self.peek() != "reach":
            wrong = (
                quoted(self.peek()) + " does not begin a statement" if self.peek() else "'reach' is missing"
            )
            self.error(114, wrong, self.here(), "'reach from NODE ... -> NODE ...'")
            return None
        self.at += 1
        if self.peek() == "from":
            self.at += 1
        else:
            self.error(115, "'from' is missing", self.here(), "'from', then the node where the packets start")
        start = self.hop(first=True)
        hops: list[Hop] = []
        while self.peek() == "->":
            self.at += 1
            hop = self.hop(first=False)
            if hop is not None:
                hops.append(hop)
            if len(hops) > MAX_HOPS:
                self.error(116, f"a statement has more than {MAX_HOPS} hops", self.here())
                return None
        if not hops and len(self.findings.errors) == before:
            self.error(
                117, "it is not said where the packets are to arrive", self.here(), "'->' and a node",
                "for example `reach from internet udp -> client dst port 1500`",
            )  # fmt: skip
        if start is None or len(self.findings.errors) > before:
            return None
        return Reach(start, tuple(hops), quantifier, new, self.text.where(0, len(self.text.text.rstrip())))

    def prefix(self) -> tuple[Quantifier, bool]:
        """`always`, `never` and `new`, which are for operators."""
        quantifier, new, first = Quantifier.SOME, False, self.at
        while (word := self.peek()) in ("always", "never", "new"):
            if (word == "new" and new) or (word != "new" and (quantifier is not Quantifier.SOME or new)):
                self.error(
                    118, f"{quoted(word)} does not fit here", self.here(), "'[always|never] [new] reach from'"
                )
            if word == "new":
                new = True
            else:
                quantifier = Quantifier(word)
            self.at += 1
        if self.at == first:
            return quantifier, new
        span = self.span(first, self.at)
        if not self.dialect.operator:
            self.error(
                119, f"{quoted(self.words[first][0])} is for operators' rules", span, "'reach from'",
                "a requirement says that some flow gets there: leave the word out",
            )  # fmt: skip
        elif quantifier is Quantifier.SOME and new:
            self.error(
                118,
                "'new' goes with 'always' or 'never'",
                span,
                help="plain `reach` is about new flows already",
            )
        return quantifier, new

    def hop(self, first: bool) -> Hop | None:
        """`NODE [flow] [const fields]`."""
        begin = self.at
        node = self.node()
        start = self.at
        while self.peek() not in ("", "->", "const"):
            self.at += 1
        flow = self.flow(start, self.at)
        const: tuple[ConstField, ...] = ()
        if self.peek() == "const":
            span = self.here()
            self.at += 1
            start = self.at
            while self.peek() not in ("", "->"):
                self.at += 1
            if first:
                self.error(
                    120, "'const' needs a hop before it", span, "'->' or a flow", "put it behind a '->'"
                )
            else:
                const = self.fields(start, self.at, span)
        if node is None:
            return None
        return Hop(node, flow, const, self.span(begin, self.at))

    def flow(self, first: int, last: int) -> FlowText | None:
        if first == last:
            return None
        part = self.between(first, last)
        try:
            flow = parse_flow(part)
        except ConfigurationError as wrong:
            self.findings.errors.extend(wrong.diagnostics)
            return None
        self.findings.warnings.extend(flow.warnings)
        return FlowText(" ".join(part.text.split()), flow.predicate, flow.variables, part)

    def fields(self, first: int, last: int, after: Span) -> tuple[ConstField, ...]:
        if first == last:
            self.error(
                121, "'const' names no field", after, "fields separated by '&&'", "for example `const proto`"
            )
            return ()
        part = self.between(first, last)
        if "," in part.text:
            at = part.text.index(",")
            self.error(
                122, "fields are not separated by ','", part.where(at, at + 1), "'&&'",
                "write " + quoted(" && ".join(" ".join(f.split()) for f in part.text.split(","))),
            )  # fmt: skip
        out: dict[ConstField, None] = {}
        at = 0
        for piece in re.split("(&&|,)", part.text):
            if piece not in ("&&", ","):
                lead = len(piece) - len(piece.lstrip())
                words = " ".join(piece.split())
                span = part.where(at + lead, at + lead + max(1, len(piece.strip())))
                found = read_field(words, span, f"{self.dialect.letter}121", self.findings)
                if found is not None:
                    out[found] = None
            at += len(piece)
        return tuple(out)

    def node(self) -> Node | None:
        """The node at the cursor, which is one word."""
        word, span = self.peek(), self.here()
        expected = OPERATOR_NODES if self.dialect.operator else NODES
        if word in ("", "->", "const"):
            self.error(123, "a node is missing", span, expected)
            return None
        if word in FLOW_KEYWORDS or word in ("!", "("):
            self.error(
                124,
                f"{quoted(word)} begins a flow, and its node is missing",
                span,
                expected + ", then the flow",
            )
            return None
        self.at += 1
        if word in ("client", "internet", "module"):
            if word == "module" and not self.dialect.operator:
                self.error(
                    125, "'module' is for operators' rules", span, expected, "name the port: `Batcher:dst:0`"
                )
            return Region(Place(word), span)
        if word[0] == "$" and len(word) > 1:
            return Variable(word[1:], span)
        if word[0].isdigit() and (address := nm.address(word)) is not None:
            return Subnet(address, ALL_BITS, span)
        if word[0].isdigit() and (net := nm.prefix(word)) is not None:
            if nm.length_mask(net[1].bit_count()) != net[1]:
                self.error(126, f"{quoted(word)} has a mask with holes", span, "a prefix such as 10.0.0.0/8")
            elif net[0] & ~net[1]:
                right = nm.prefix_text(net[0] & net[1], net[1])
                self.error(126, f"{quoted(word)} has bits outside its prefix", span, help=f"write `{right}`")
            return Subnet(net[0] & net[1], net[1], span)
        if (port := _ELEMENT.fullmatch(word)) is not None:
            return ElementPort(port[1], port[2], int(port[3] or 0), span)
        if _NAME.fullmatch(word) and not re.fullmatch(r"[\d.]+", word):
            return Named(word, span)
        self.error(127, f"{quoted(word)} is not a node", span, expected)
        return None
