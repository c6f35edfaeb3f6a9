"""A tenant's request file: modules, each a Click configuration or a stock module, and requirements.

    NAME module:              in column 1
    Click text                up to the next column-1 `NAME module:`, `reach`, or the end;
                              quotes, comments and parentheses hide these
    reach from ...            a requirement, see `rules`

`${NAME-default}` is a parameter. In requirements and in the arguments of stock modules it is replaced here; in Click
text it is left to the Click front end, where compound elements may have formals of that name. `$ADDR` and
`$Other.ADDR`, the modules' addresses, stay as they are until placement.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from innet.diagnostics import ConfigurationError, Diagnostic, Source, Span, suggest
from innet.flowspec import Text
from innet.flowspec.text import Findings, Piece, quoted
from innet.policy.rules import TENANT, blank_comments, expand, read_statements
from innet.policy.syntax import Reach, unparse

RESERVED = ("client", "internet", "module", "stock", "reach", "always", "never", "new", "from", "const")

_HEADER = (
    r"^(?:(?P<name>[^\s()'\"]+)[ \t]+|(?P<anonymous>))module[ \t]*:(?!:)"
    r"|^(?P<reach>(?:(?:always|never|new)\s+)*reach)(?![\w@/.\-:])"
)
_PLAIN = re.compile(rf"//[^\n]*|/\*.*?(?:\*/|\Z)|{_HEADER}", re.DOTALL | re.MULTILINE)
_INSIDE = re.compile(
    r"(?=[/\"'\\()]|^)"  # nothing else begins with another character: most are passed with one look
    rf"(?://[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:[^\"\\]|\\.?)*+\"?|'[^']*+'?|\\<[^>]*+>?|(?P<bracket>\(+|\)+)|{_HEADER})",
    re.DOTALL | re.MULTILINE,
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*", re.ASCII)
_PARAMETER = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|'[^']*+'?|(?P<quoted>\"(?:[^\"\\]|\\.?)*+)|\$\{(?P<name>[A-Za-z0-9_]+)",
    re.DOTALL,
)
_STOCK = re.compile(r"stock\s+([A-Za-z0-9_][A-Za-z0-9_.\-]*)\s*\(", re.ASCII)
_ARGUMENT = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.\-]*)\s*=\s*(.*?)\s*", re.DOTALL | re.ASCII)


@dataclass(frozen=True, slots=True)
class StockCall:
    """`stock NAME(key=value, ...)`; values are as written, without quotes, parameters replaced."""

    name: str
    arguments: tuple[tuple[str, str], ...]
    span: Span | None = field(default=None, compare=False, repr=False)
    places: tuple[Span, ...] = field(default=(), compare=False, repr=False)
    """Where each argument stands."""


@dataclass(frozen=True, slots=True)
class Module:
    """A processing module: its name and its Click text, or the stock module that stands in its place."""

    name: str
    code: str
    stock: StockCall | None = None
    span: Span | None = field(default=None, compare=False, repr=False)
    """Where `code` stands."""
    name_span: Span | None = field(default=None, compare=False, repr=False)

    def source(self) -> Source:
        """`code` for the Click front end; its messages have the request's own lines and columns."""
        if self.span is None:
            return Source(self.name, self.code)
        name, line, column = self.span.source.landmark(self.span.start)
        return Source(name, " " * (column - 1) + self.code, ((1, name, line),))


@dataclass(frozen=True, slots=True)
class Request:
    """What a tenant asks for. `parameters` are the values given for `${NAME-default}`, for the Click front end."""

    modules: tuple[Module, ...]
    requirements: tuple[Reach, ...]
    parameters: tuple[tuple[str, str], ...] = ()
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of the file: a module (`name` is where its name stands) or requirements (None), from `start` to `end`."""

    name: Span | None
    start: int
    end: int


def parse_request(source: Source, parameters: Mapping[str, str] | None = None) -> Request:
    """The request in `source`; `parameters` are the values of `${NAME-default}`.

    Raises ConfigurationError with every mistake found (codes R101 to R139, and F14x for the flows). Whether module
    texts are Click is not looked at.
    """
    given = parameters or {}
    findings = Findings()
    modules: list[Module] = []
    requirements: list[Reach] = []
    for section in _sections(source, findings):
        if findings.full:
            break
        if section.name is not None:
            modules.append(_module(source, section, given, findings))
        else:
            span = Span(source, section.start, section.end)
            requirements += read_statements(span, TENANT, given, findings)
    _check_names(modules, findings)
    _check_parameters(source, given, findings)
    if not modules and not requirements and not findings.errors:
        findings.error(
            "R101", "the request has neither a module nor a requirement", Span(source, 0, 0),
            "'NAME module:' and its configuration, or 'reach from ...'",
        )  # fmt: skip
    if findings.errors:
        raise ConfigurationError(findings.in_order())
    return Request(
        tuple(modules), tuple(requirements), tuple(sorted(given.items())), tuple(findings.warnings)
    )


def unparse_request(request: Request) -> str:
    """The request as text that parses back to an equal one, given the same parameters."""
    modules = [f"{module.name} module:\n{module.code}\n" for module in request.modules]
    return "\n".join([*modules, *(unparse(r) + "\n" for r in request.requirements)])


def _sections(source: Source, findings: Findings) -> Iterator[_Section]:
    """The parts of the file in order, found in one pass."""
    text = source.text
    name: Span | None = None
    start, at, opened, depth = -1, 0, 0, 0
    while found := (_PLAIN if name is None else _INSIDE).search(text, at):
        at = found.end()  # no match is empty
        if found.lastgroup == "bracket":
            brackets = found["bracket"]
            opened = found.start() if depth == 0 else opened
            depth = max(0, depth + (len(brackets) if brackets[0] == "(" else -len(brackets)))
            continue
        reach = found["reach"]
        header = (
            "name" if found["name"] is not None else "anonymous" if found["anonymous"] is not None else None
        )
        if depth or (header is None and reach is None):
            continue
        if reach is not None and name is None and start >= 0:
            continue  # requirements in a row are one section
        if start < 0:
            _stray(source, found.start(), findings)
        else:
            yield _Section(name, start, found.start())
        name = None if header is None else Span(source, found.start(header), found.end(header))
        start = found.end() if header is not None else found.start()
    if depth:
        findings.error(
            "R102",
            "a '(' is not closed, so the rest of the file belongs to it",
            Span(source, opened, opened + 1),
            "')'",
        )
    if start < 0:
        _stray(source, len(text), findings)
    else:
        yield _Section(name, start, len(text))


def _stray(source: Source, end: int, findings: Findings) -> None:
    """Complain about text before the first module or requirement."""
    word = re.search(r"\S+", blank_comments(source.text[:end]))
    if word:
        findings.error(
            "R103", f"{quoted(word[0])} belongs to no module", Span(source, *word.span()),
            "'NAME module:' or 'reach from ...' at the start of a line",
            "put a line such as `Mine module:` before the configuration",
        )  # fmt: skip


def _module(source: Source, section: _Section, given: Mapping[str, str], findings: Findings) -> Module:
    assert section.name is not None, "only called for modules"
    name_span = section.name
    name = source.text[name_span.start : name_span.end]
    if not name:
        at = Span(source, name_span.start, name_span.start + 1)
        findings.error("R104", "the module has no name", at, "NAME, then 'module:'", "write `Mine module:`")
    elif not _NAME.fullmatch(name) or name in RESERVED:
        what = "is a word of the language" if name in RESERVED else "is not a name"
        findings.error(
            "R104",
            f"{quoted(name)} {what}",
            name_span,
            "letters, digits, '_' and '-', not beginning with a digit",
        )
    raw = source.text[section.start : section.end]
    code = raw.strip()
    start = section.start + len(raw) - len(raw.lstrip())
    span = Span(source, start, start + len(code))
    plain = blank_comments(code)
    if not plain.strip():
        findings.error(
            "R105",
            f"the module {quoted(name)} has no configuration",
            name_span,
            "Click text or 'stock NAME(...)'",
        )
    lead = len(plain) - len(plain.lstrip())
    stock = None
    if re.match(r"stock\s+[\w.\-]+\s*(?:\(|\Z)", plain[lead : lead + 200], re.ASCII):
        stock = _stock(Text(plain, (Piece(0, span),)), lead, given, findings)
    return Module(name, code, stock, span, name_span)


def _stock(text: Text, at: int, given: Mapping[str, str], findings: Findings) -> StockCall | None:
    """The stock module that `text` names from `at` on."""
    whole = text.text.rstrip().removesuffix(";").rstrip()
    head = _STOCK.match(whole, at)
    if head is None or not whole.endswith(")"):
        findings.error(
            "R106", "a stock module is not complete", text.where(at, at + 5), "stock NAME(key=value, ...)",
            "the call is the whole text of the module",
        )  # fmt: skip
        return None
    arguments: dict[str, str] = {}
    places: list[Span] = []
    begin = head.end()
    for start, end in _split(whole, begin, len(whole) - 1):
        words = expand(text.part(start, end), given, "R", findings)
        if not words.text.strip():
            if whole[begin : len(whole) - 1].strip():
                findings.error("R106", "an argument is missing", text.where(start, end + 1), "key=value")
            continue
        span = words.where(len(words.text) - len(words.text.lstrip()), len(words.text.rstrip()))
        found = _ARGUMENT.fullmatch(words.text)
        if found is None:
            findings.error("R106", f"{quoted(words.text.strip())} is not an argument", span, "key=value")
        elif found[1] in arguments:
            findings.error("R106", f"the argument {quoted(found[1])} is given twice", span)
        else:
            value = found[2]
            arguments[found[1]] = value[1:-1] if len(value) > 1 and value[0] == value[-1] in "\"'" else value
            places.append(span)
    return StockCall(head[1], tuple(arguments.items()), text.where(at, len(whole)), tuple(places))


def _split(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the comma-separated parts of [start, end) are; quotes and brackets hide commas."""
    depth, at = 0, start
    for found in re.compile(r"\"(?:[^\"\\]|\\.?)*+\"?|'[^']*+'?|[()\[\]{},]", re.DOTALL).finditer(
        text, start, end
    ):
        if found[0] in "([{":
            depth += 1
        elif found[0] in ")]}":
            depth -= 1
        elif found[0] == "," and depth <= 0:
            yield at, found.start()
            at = found.end()
    yield at, end


def _check_names(modules: list[Module], findings: Findings) -> None:
    seen: dict[str, Module] = {}
    for module in modules:
        first = seen.setdefault(module.name, module)
        if first is not module and module.name and module.name_span is not None:
            findings.error(
                "R107", f"a second module is called {quoted(module.name)}", module.name_span, "another name",
                facts=(("previously declared here", str(first.name_span)),),
            )  # fmt: skip


def _check_parameters(source: Source, given: Mapping[str, str], findings: Findings) -> None:
    """Complain about values for parameters that the text does not have."""
    if not given:
        return
    known: set[str] = set()
    for found in _PARAMETER.finditer(source.text):
        if found["quoted"]:
            known.update(re.findall(r"\$\{([A-Za-z0-9_]+)", found["quoted"]))
        elif found["name"]:
            known.add(found["name"])
    for name in sorted(set(given) - known):
        near = suggest(name, known)
        findings.error(
            "R108", f"the request has no parameter {quoted(name)}", Span(source, 0, 0), "`${NAME-default}` in its text",
            f"did you mean '{near}'?" if near else "",
        )  # fmt: skip
