"""From tokens to the syntax tree, by recursive descent; after a mistake it goes on at the next statement.

file        := statement*
statement   := ';' | chain | elementclass | elementprogram | define | require
elementclass:= 'elementclass' NAME ( compound | NAME )
elementprogram := 'elementprogram' program text up to its '}'     outermost level only; docs/reference/program-text.md
define      := 'define' '(' raw ')'          require := 'require' '(' raw ')'
chain       := [list] (('->' | '=>') list)* ['->' | '=>']      open ends only inside { } or ( )
list        := element (',' element)*
element     := [ports] [ what ['::' class] ['(' raw ')'] ] [ports]
what        := NAME | compound | group       class := NAME | compound
compound    := '{' variant ('||' variant)* ['||' '...'] '}'
variant     := [ formal (',' formal)* '|' ] statement*         formal := [NAME] VARIABLE
group       := '(' statement* ')'
ports       := '[' [ range (',' range)* [','] ] ']'            range := N | N '-' M | N '-'
"""

from innet.click import syntax
from innet.click.lexer import Kind, Lexer
from innet.click.report import Limits, Report, StopError
from innet.diagnostics import Source
from innet.ir.cursor import Limits as ProgramLimits
from innet.ir.definition import define, extent
from innet.lexical import Text

MAX_SKIPPED = 100_000
ARROWS = ("->", "=>")
_NAMES_WHAT = "an element name, an element class, '{' or '('"


class _SyntaxError(Exception):
    """The current statement cannot be read further; already reported."""


def parse(source: Source, limits: Limits | None = None) -> syntax.File:
    """The syntax tree of `source`; raises ConfigurationError with every mistake found."""
    report = Report(limits or Limits())
    file = read(source, report)
    report.check()
    return file


def read(source: Source, report: Report) -> syntax.File:
    """As `parse`, but mistakes go to `report` and the tree has what could be read.

    Names that occur in unreadable statements are in `File.lost`: they may have been declared there.
    """
    try:
        lexer = Lexer(source, report)
    except StopError:
        return syntax.File((), source)
    parser = _Parser(lexer, report)
    try:
        statements = parser.statements("file")
    except StopError:
        statements = ()
    return syntax.File(statements, lexer.source, frozenset(parser.lost))


class _Parser:
    def __init__(self, lexer: Lexer, report: Report) -> None:
        self.lexer = lexer
        self.report = report
        self.depth = 0
        self.groups = self.uses = self.programs = 0
        self.program_limits = ProgramLimits()
        self.lost: set[str] = set()

    # Statements

    def statements(self, where: str) -> tuple[syntax.Statement, ...]:
        """Statements up to what ends a `file`, `compound` or `group` (which is not consumed)."""
        lexer = self.lexer
        found: list[syntax.Statement] = []
        while not lexer.at(Kind.END):
            token = lexer.text
            if token == ";":
                lexer.advance()
                continue
            if token in ("}", "||") and where == "compound":
                break
            if token == ")" and where == "group":
                break
            if token in ("}", "||") and where == "group":
                break
            start = lexer.start
            try:
                statement = self.statement(where)
            except _SyntaxError:
                self.recover(start)
            else:
                found.append(statement)
        return tuple(found)

    def statement(self, where: str) -> syntax.Statement:
        lexer = self.lexer
        token = lexer.text
        if lexer.at(Kind.KEYWORD):
            if token == "elementclass":
                return self.elementclass()
            if token == "elementprogram":
                return self.elementprogram(where)
            if token in ("define", "require"):
                return self.define_or_require(token)
            raise self.unexpected("a statement", "'provide' is reserved and has no meaning; leave it out")
        if lexer.at(Kind.NAME) or token in ("[", "{", "("):
            return self.chain(where)
        if token in ARROWS:
            if where == "file":
                raise self.unexpected(_NAMES_WHAT, f"name the element that stands before '{token}'")
            return self.chain(where)
        if lexer.at(Kind.VARIABLE):
            raise self.unexpected("a statement", "'$' variables stand for text inside parentheses only")
        raise self.unexpected("a statement")

    def recover(self, start: int) -> None:
        """Skip to where a statement may start; what is skipped is remembered as `lost`."""
        lexer = self.lexer
        for match in lexer.names(start, lexer.start):
            self.lost.add(match)
        depth = skipped = 0
        moved = lexer.start > start
        while not lexer.at(Kind.END):
            token = lexer.text
            if token in ("{", "("):
                depth += 1
            elif token in ("}", ")"):
                if depth == 0:
                    if not moved:
                        lexer.advance()
                    return
                depth -= 1
            elif depth == 0 and (
                token == ";"
                or (moved and token in ("elementclass", "elementprogram", "define", "require", "||"))
            ):
                return
            if lexer.at(Kind.NAME):
                self.lost.add(token)
            lexer.advance()
            moved = True
            skipped += 1
            if skipped > MAX_SKIPPED:
                raise StopError

    def elementclass(self) -> syntax.ElementClass:
        lexer = self.lexer
        start = lexer.start
        lexer.advance()
        if not lexer.at(Kind.NAME):
            raise self.unexpected("the name of the new element class")
        name = self.identifier()
        definition: syntax.Identifier | syntax.Compound
        if lexer.text == "{":
            definition = self.compound()
        elif lexer.at(Kind.NAME):
            definition = self.identifier()
        else:
            self.lost.add(name.name)
            raise self.unexpected("'{' or the name of an existing element class")
        return syntax.ElementClass(name, definition, lexer.span(start, lexer.last_end))

    def elementprogram(self, where: str) -> syntax.ElementProgram:
        """The program's own text is read by `innet.ir`; whatever is wrong in it, reading goes on behind its end."""
        lexer = self.lexer
        start = lexer.start
        lexer.advance()
        if where != "file":
            message = "an element program inside a compound element or a group"
            span = lexer.span(start, lexer.last_end)
            self.report.error("C117", message, span, "element programs at the outermost level")
        if not lexer.at(Kind.NAME):
            raise self.unexpected("the name of the new element class")
        name = lexer.text
        self.programs += 1
        limit = self.report.limits.programs
        if self.programs > limit:
            raise self.report.fatal("C118", f"more than {limit} element programs", lexer.span())
        found = extent(lexer.body, lexer.end)
        if found is None:
            self.lost.add(name)
            lexer.advance()
            raise self.unexpected("'(' and parameters, or '{' and the program")
        _, closed = found
        end = len(lexer.body) if closed is None else closed + 1
        definition, mistakes = define(lexer.source, lexer.start, end, self.program_limits)
        self.report.add(mistakes)
        lexer.seek(end)
        lexer.last_end = end
        if definition is None or closed is None:
            self.lost.add(name)
            raise _SyntaxError
        return syntax.ElementProgram(definition, lexer.span(start, end))

    def define_or_require(self, word: str) -> syntax.Statement:
        lexer = self.lexer
        start = lexer.start
        lexer.advance()
        if lexer.text != "(":
            raise self.unexpected(f"'(' after '{word}'")
        arguments = self.configuration()
        span = lexer.span(start, lexer.last_end)
        return syntax.Define(arguments, span) if word == "define" else syntax.Require(arguments, span)

    # Connections

    def chain(self, where: str) -> syntax.Chain:
        lexer = self.lexer
        start = lexer.start
        lists: list[tuple[syntax.ElementUse, ...]] = []
        arrows: list[str] = []
        while True:
            lists.append(self.element_list(where, first=not lists))
            if lexer.text not in ARROWS or not lexer.at(Kind.PUNCTUATION):
                break
            arrows.append(lexer.text)
            lexer.advance()
        for middle in lists[1:-1]:
            for use in middle:
                if use.what is None:
                    self.report.error(
                        "C116",
                        "ports without an element in the middle of a chain",
                        use.span,
                        _NAMES_WHAT,
                        "open ends stand only at the start (input) or the end (output) of a chain",
                    )
        chain = syntax.Chain(tuple(lists), tuple(arrows), lexer.span(start, lexer.last_end))
        if not (lexer.at(Kind.END, Kind.NAME, Kind.KEYWORD) or lexer.text in (";", "{", "}", "[", ")", "||")):
            raise self.unexpected("'->', '=>', ',', '::' or ';'", self._connector_help())
        return chain

    def _connector_help(self) -> str:
        if self.lexer.text == "(":
            return "parentheses follow the class at once: Class(arguments) [port]"
        return "an arrow is written '->' or '=>'" if self.lexer.text in ("-", ">", "=") else ""

    def element_list(self, where: str, first: bool) -> tuple[syntax.ElementUse, ...]:
        uses = [self.element(where, first, alone=True)]
        while self.lexer.text == "," and self.lexer.at(Kind.PUNCTUATION):
            self.lexer.advance()
            uses.append(self.element(where, first, alone=False))
        return tuple(uses)

    def element(self, where: str, first: bool, alone: bool) -> syntax.ElementUse:
        lexer = self.lexer
        start = lexer.start
        self.uses += 1
        if self.uses > self.report.limits.uses:
            raise self.report.fatal("C142", f"more than {self.uses - 1} uses of elements", lexer.span())
        inputs = self.ports() if lexer.text == "[" else None
        what: syntax.Identifier | syntax.Compound | syntax.Group | None = None
        if lexer.at(Kind.NAME):
            what = self.identifier()
        elif lexer.text == "{":
            what = self.compound()
        elif lexer.text == "(":
            what = self.group()
        else:
            return self.open_end(where, first, alone, inputs, start)
        cls: syntax.Identifier | syntax.Compound | None = None
        if lexer.text == "::":
            if not isinstance(what, syntax.Identifier):
                raise self.unexpected("'->', '=>', ',' or ';'", "only a name can be declared with '::'")
            lexer.advance()
            if lexer.at(Kind.NAME):
                cls = self.identifier()
            elif lexer.text == "{":
                cls = self.compound()
            else:
                self.lost.add(what.name)
                raise self.unexpected("an element class or '{'")
        arguments = None
        if lexer.text == "(":
            if isinstance(what, syntax.Group):
                raise self.unexpected("'->', '=>', ',', '[' or ';'", "a group takes no arguments")
            arguments = self.configuration()
        outputs = self.ports() if lexer.text == "[" else None
        return syntax.ElementUse(inputs, what, cls, arguments, outputs, lexer.span(start, lexer.last_end))

    def open_end(
        self, where: str, first: bool, alone: bool, inputs: syntax.Ports | None, start: int
    ) -> syntax.ElementUse:
        """A chain that starts at `input` or ends at `output` without saying so."""
        lexer = self.lexer
        arrow = lexer.text in ARROWS and lexer.at(Kind.PUNCTUATION)
        listed = lexer.text == ","
        legal = where != "file" and lexer.text != "::" and (inputs is not None or (alone and not listed))
        if first:
            legal = legal and (arrow or listed)
        elif inputs is None:
            legal = legal and not arrow
        if not legal:
            raise self.unexpected(_NAMES_WHAT)
        return syntax.ElementUse(
            inputs, None, None, None, None, lexer.span(start, max(lexer.last_end, start))
        )

    def ports(self) -> syntax.Ports:
        lexer = self.lexer
        start = lexer.start
        lexer.advance()
        ranges: list[syntax.PortRange] = []
        while True:
            if lexer.text == "]":
                ranges[-1:] = _open_ended(ranges[-1]) if ranges else (syntax.PortRange(0, None),)
                break
            if not lexer.at(Kind.NAME):
                raise self.unexpected("a port number or ']'")
            first = self.port_number()
            if lexer.text == "-":
                lexer.advance()
                if lexer.text == "]":
                    ranges.append(syntax.PortRange(first, None))
                    break
                last = self.port_number()
                if last < first:
                    span = lexer.span(start, lexer.last_end)
                    self.report.error("C108", f"ports {first}-{last} run backwards", span, f"{last}-{first}")
                    last = first
                ranges.append(syntax.PortRange(first, last))
            else:
                ranges.append(syntax.PortRange(first, first))
            if lexer.text == "]":
                break
            if lexer.text != ",":
                raise self.unexpected("',' or ']'")
            lexer.advance()
        lexer.advance()
        return syntax.Ports(tuple(ranges), lexer.span(start, lexer.last_end))

    def port_number(self) -> int:
        lexer = self.lexer
        word = lexer.text
        if not lexer.at(Kind.NAME):
            raise self.unexpected("a port number")
        if not (word.isascii() and word.isdigit()):
            self.report.error(
                "C108", f"port number {word!r} is not a number", lexer.span(), "a port number: 0, 1, ..."
            )
            number = 0
        elif len(word) > 9 or int(word) > self.report.limits.port:
            message = f"port number {word} is too large"
            most = self.report.limits.port
            help_ = "let several patterns leave by one output, or put a second element behind the last output"
            self.report.error("C108", message, lexer.span(), f"at most {most}", help_)
            number = 0
        else:
            number = int(word)
        lexer.advance()
        return number

    # Compounds and groups

    def group(self) -> syntax.Group:
        lexer = self.lexer
        start = lexer.start
        self.enter()
        self.groups += 1
        limit = self.report.limits.elements
        if self.groups * 3 > limit:
            raise self.report.fatal("C142", f"more than {limit} elements", lexer.span())
        lexer.advance()
        statements = self.statements("group")
        self.depth -= 1
        self.close(")", start)
        return syntax.Group(statements, lexer.span(start, lexer.last_end))

    def compound(self) -> syntax.Compound:
        lexer = self.lexer
        start = lexer.start
        self.enter()
        lexer.advance()
        variants: list[syntax.Variant] = []
        extends = False
        while True:
            begin = lexer.start
            if lexer.text == "..." and variants:
                extends = True
                lexer.advance()
                if lexer.text != "}":
                    self.misplaced(begin)
                break
            if lexer.text == "...":
                self.misplaced(begin)
                lexer.advance()
            formals = self.formals()
            statements = self.statements("compound")
            variants.append(
                syntax.Variant(formals, statements, lexer.span(begin, max(lexer.last_end, begin)))
            )
            if lexer.text != "||":
                break
            lexer.advance()
        self.depth -= 1
        self.close("}", start)
        return syntax.Compound(tuple(variants), extends, lexer.span(start, lexer.last_end))

    def misplaced(self, at: int) -> None:
        message = "'...' continues the former definition and comes last"
        help_ = "elementclass A { $x | ... statements ... || ... }"
        self.report.error(
            "C115", message, self.lexer.span(at, at + 3), "a '||' before '...' and '}' behind it", help_
        )

    def formals(self) -> tuple[syntax.Formal, ...]:
        """`$a, KEY $b |`, if the variant starts with such a list."""
        lexer = self.lexer
        if lexer.text == "|":
            lexer.advance()
            return ()
        found: list[syntax.Formal] = []
        while True:
            start = lexer.start
            keyword = ""
            if lexer.at(Kind.NAME):
                if not found and not lexer.variable_follows():
                    return ()
                keyword = lexer.text
                lexer.advance()
            if not lexer.at(Kind.VARIABLE):
                if not found and not keyword:
                    return ()
                self.formal_mistake("a '$' variable")
                return tuple(found)
            if lexer.text == "$":
                self.report.error("C110", "a parameter needs a name", lexer.span(), "$name")
            formal = syntax.Formal(lexer.text[1:], keyword, lexer.span(start))
            lexer.advance()
            found.append(formal)
            if lexer.text == "|":
                lexer.advance()
                break
            if lexer.text != ",":
                self.formal_mistake("',' or '|'")
                return tuple(found)
            lexer.advance()
        self.check_formals(found)
        return tuple(found)

    def formal_mistake(self, expected: str) -> None:
        """Report a bad parameter list and go on behind its '|', if that is near."""
        lexer = self.lexer
        self.report.error(
            "C110",
            f"{lexer.called()} in a list of parameters",
            lexer.span(),
            expected,
            "{ $a, KEYWORD $b | ... }",
        )
        while not lexer.at(Kind.END) and lexer.text not in ("|", "||", ";", "}", "->", "{", "("):
            lexer.advance()
        if lexer.text == "|":
            lexer.advance()

    def check_formals(self, formals: list[syntax.Formal]) -> None:
        names: set[str] = set()
        keywords: set[str] = set()
        rank = 0
        for formal in formals:
            if formal.variable in names:
                self.report.error("C110", f"parameter '${formal.variable}' is defined twice", formal.span)
            if formal.keyword and formal.keyword in keywords:
                self.report.error("C110", f"keyword parameter '{formal.keyword}' is repeated", formal.span)
            names.add(formal.variable)
            keywords.add(formal.keyword)
            place = 2 if formal.keyword == "__REST__" else 1 if formal.keyword else 0
            if place < rank:
                message = f"parameter '${formal.variable}' is out of order"
                order = "positional parameters, then keyword parameters, then __REST__"
                self.report.error("C110", message, formal.span, order)
            rank = max(rank, place)

    # Small things

    def identifier(self) -> syntax.Identifier:
        lexer = self.lexer
        name = syntax.Identifier(lexer.text, lexer.span())
        lexer.advance()
        return name

    def configuration(self) -> Text:
        """The text in parentheses at the current token; if they have no end (reported), a guess at it."""
        text = self.lexer.configuration()
        if self.lexer.text == ")":
            self.lexer.advance()
        return text

    def enter(self) -> None:
        self.depth += 1
        limit = self.report.limits.nesting
        if self.depth > limit:
            message = f"compounds and groups are nested more than {limit} deep"
            raise self.report.fatal("C107", message, self.lexer.span())

    def close(self, bracket: str, opened: int) -> None:
        lexer = self.lexer
        if lexer.text == bracket and lexer.at(Kind.PUNCTUATION):
            lexer.advance()
            return
        line, column = lexer.source.position(opened)
        self.report.error(
            "C102",
            f"{lexer.called()} where '{bracket}' is missing",
            lexer.span(),
            f"'{bracket}'",
            facts=((f"'{lexer.body[opened]}' was opened at", f"line {line}, column {column}"),),
        )

    def unexpected(self, expected: str, help: str = "") -> _SyntaxError:
        lexer = self.lexer
        self.report.error("C101", f"syntax error near {lexer.called()}", lexer.span(), expected, help)
        return _SyntaxError()


def _open_ended(ports: syntax.PortRange) -> tuple[syntax.PortRange, ...]:
    """What a comma without a number behind `ports` makes of it: `[0-2,]` is `[0-1,2-]`."""
    assert ports.last is not None
    open_end = syntax.PortRange(ports.last, None)
    return (
        (open_end,)
        if ports.first == ports.last
        else (syntax.PortRange(ports.first, ports.last - 1), open_end)
    )
