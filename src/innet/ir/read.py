"""From program text to programs: what `dump` printed becomes the very program again (docs/reference/program-text.md).

    program     := 'program' NAME '[' PORT ']' '->' N 'outputs' '{' declaration* statement* '}'
    block       := '{' (statement (LINE-END | ';'))* '}'

Statements become IR as they are read. After a mistake reading goes on with the next line; all are told in one error.
"""

from collections.abc import Sequence
from contextlib import suppress

from innet.diagnostics import ConfigurationError, Source, Span
from innet.ir import nodes as ir
from innet.ir.assignments import Assignments
from innet.ir.check import check
from innet.ir.cursor import (
    DECLARED,
    GENEROUS,
    NAME,
    RESERVED,
    SYNTAX,
    VALUE,
    VERDICT,
    WIDTH,
    Enough,
    Limits,
    Trouble,
)
from innet.ir.dump import is_name, scope_of
from innet.ir.operands import FIELDS, MARKS, listed
from innet.ir.trace import ends
from innet.ir.widths import Number, Operand
from innet.ir.words import Kind, Word

STATEMENT = "a statement: NAME = ..., FIELD = ..., if, emit, drop, copy, count, insert, update or delete"


def read(text: str, name: str = "program", limits: Limits = GENEROUS) -> ir.Program:
    """The program that `text` is. Raises ConfigurationError with every mistake found."""
    source = Source(name, text)
    reader = Statements(source, 0, len(text), limits)
    program: ir.Program | None = None
    with suppress(Trouble, Enough):
        if not reader.mistakes.found:
            program = reader.program()
    if reader.mistakes.found or program is None:
        raise ConfigurationError(reader.mistakes.found)
    return check(program)


class Statements(Assignments):
    """Reads declarations, statements and blocks."""

    def __init__(self, source: Source, start: int, end: int, limits: Limits) -> None:
        super().__init__(source, start, end, limits)
        self.outputs: int | None = None
        self.optional: dict[int, str] = {}
        self.unread = False
        """Whether a statement could not be read, so that verdicts may be missing."""
        self.statements = self.copies = 0

    # ---- a whole program

    def program(self) -> ir.Program:
        self.blank()
        self.needs("program")
        element = self.string("a name") if self.word.kind is Kind.STRING else self.word_of("a name")
        self.needs("[")
        port = -1 if self.takes("out") else self.integer("a port")
        self.needs("]")
        self.needs("->")
        self.outputs = self.integer("how many outputs")
        self.needs("outputs")
        self.scope = scope_of(element, port) + "%"
        opened = self.needs("{")
        body = self.block(opened, declarations=True)
        self.blank()
        if self.word.kind is not Kind.END:
            self.unexpected("the end")
        return ir.Program(element, port, self.outputs, body)

    def word_of(self, what: str) -> str:
        if self.word.kind is not Kind.NAME:
            self.unexpected(what)
        return self.next().text

    # ---- blocks

    def block(self, opened: Word, declarations: bool = False, depth: int = 1) -> ir.Block:
        """Statements up to the `}` that belongs to `opened`, which is consumed."""
        if depth > self.limits.nesting:
            self.too_large("blocks inside each other", self.span(opened), f"{self.limits.nesting} deep")
        found: list[ir.Stmt] = []
        told = False
        while True:
            self.blank()
            if self.sees("}"):
                self.next()
                return tuple(found)
            if self.word.kind is Kind.END:
                line, column = self.source.position(opened.start)
                self.mistakes.tell(
                    SYNTAX, "this '{' is never closed", self.span(opened), "'}'", "",
                    (("it was opened at", f"line {line}, column {column}"),),
                )  # fmt: skip
                raise Enough
            first = self.word
            if found and ends(tuple(found[-1:])) and not told:
                told = True
                self.mistakes.tell(
                    VERDICT, "nothing comes here: every packet has met its verdict before", self.span(), "'}'",
                    "emit, drop and hold end a packet's run; move this before them",
                )  # fmt: skip
            try:
                if not (declarations and self.declaration()):
                    self.statement(found, depth)
                self.line_end()
            except Trouble:
                self.recover(first)

    def line_end(self) -> None:
        if self.word.kind not in (Kind.NEWLINE, Kind.END) and not self.sees("}"):
            self.unexpected("the end of the line", "one statement a line; ';' may stand between two")

    def recover(self, first: Word) -> None:
        """Go to the end of the line; a block that begins on it is read over."""
        self.unread = True
        depth = 0
        if self.word is first and not self.sees("}"):
            self.next()
        while self.word.kind is not Kind.END:
            if self.sees("{"):
                depth += 1
            elif self.sees("}"):
                if depth == 0:
                    return
                depth -= 1
            elif self.word.kind is Kind.NEWLINE and depth == 0:
                return
            self.next()

    # ---- statements

    def statement(self, out: list[ir.Stmt], depth: int) -> None:
        """One statement, appended to `out` (with those that it stands for)."""
        word = self.word
        self.statements += 1
        if self.statements > self.limits.statements:
            self.too_large("statements", self.span(), self.limits.statements)
        match word.text if word.kind in (Kind.NAME, Kind.SIGN) else "":
            case "if":
                self.branch(out, depth)
            case "emit" | "copy":
                self.leaving(out)
            case "drop":
                self.next()
                reason = self.string('why, as in drop "no such flow"')
                self.reason(reason, word)
                out.append(ir.Drop(reason))
            case "hold":
                self.builtin(word, "an element's program keeps no packets: emit or drop them")
                out.append(ir.Hold())
            case "havoc":
                self.havoc(out)
            case "count":
                self.count(out)
            case "insert":
                self.insert(out, self.hidden_variable(1))
            case "update":
                self.update(out)
            case "delete":
                self.next()
                _, table, key = self.entry()
                if key is not None:
                    out.append(ir.Delete(table, key))
            case "@":
                self.set_mark(out)
            case "table" | "counter" | "outputs" | "optional" | "processing" | "flow":
                self.unexpected(STATEMENT, "declarations stand at the start, before all statements")
            case "else":
                self.unexpected(STATEMENT, "'else' stands behind the '}' of an 'if', on the same line")
            case "input":
                self.unexpected(
                    STATEMENT, "an 'input' block stands beside declarations, and in no other block"
                )
            case _:
                if word.text in FIELDS or "." in word.text or (word.text in MARKS and word.kind is Kind.NAME):
                    self.assign(out)
                elif word.kind is Kind.NAME or word.text == "%":
                    self.bind(out)
                else:
                    self.unexpected(STATEMENT)

    def builtin(self, word: Word, help_: str) -> None:
        """`word` begins what only traced programs have."""
        self.next()
        if self.tenant:
            self.mistakes.tell(
                RESERVED, f"'{word.text}' is for built-in elements", self.span(word), "", help_
            )

    def havoc(self, out: list[ir.Stmt]) -> None:
        """`havoc mark[offset+length]`, to the end without a length."""
        self.builtin(self.word, "what an element's program writes is known: use 'random'")
        _, mark = self.extent()
        offset = self.place()
        self.needs("+")
        length = None if self.sees("]") else self.value(self.operand(), 16, "the length")
        self.needs("]")
        out.append(ir.Havoc(mark, offset, length))

    def reason(self, reason: str, word: Word) -> None:
        if self.tenant and not (0 < len(reason) <= 80 and reason.isascii() and reason.isprintable()):
            self.mistakes.tell(
                VALUE, "no fitting reason", self.since(word), "1 to 80 printable ASCII characters in quotes"
            )

    def branch(self, out: list[ir.Stmt], depth: int) -> None:
        self.needs("if")
        condition = self.condition()
        opened = self.needs("{", "'{' and what to do, or an operator")
        before = dict(self.variables)
        then = self.block(opened, depth=depth + 1)
        after_then, self.variables = self.variables, dict(before)
        otherwise: ir.Block = ()
        if self.takes("else"):
            if self.sees("if"):
                inner: list[ir.Stmt] = []
                if depth + 1 > self.limits.nesting:
                    self.too_large("blocks inside each other", self.span(), f"{self.limits.nesting} deep")
                self.statement(inner, depth + 1)
                otherwise = tuple(inner)
            else:
                otherwise = self.block(self.needs("{", "'{' or 'if'"), depth=depth + 1)
        going = [v for v, b in ((after_then, then), (self.variables, otherwise)) if not ends(b)]
        if going:
            self.variables = {k: w for k, w in going[0].items() if all(k in g for g in going)}
        else:
            self.variables = before
        out.append(ir.Branch(condition or ir.Const(1, 1), then, otherwise))

    def condition(self) -> ir.Expr | None:
        first = self.word
        operand = self.operand()
        if self.sees("="):
            self.unexpected("'{' or an operator", "values are compared with '=='")
        if isinstance(operand, Number) and operand.width is None:
            self.mistakes.tell(
                WIDTH, "a condition is a comparison", self.since(first), "", "if x == 1 { ... }"
            )
            return None
        return self.value(operand, 1)

    def leaving(self, out: list[ir.Stmt]) -> None:
        """`emit N`, `copy N`."""
        word = self.next()
        port = self.integer("the number of an output")
        outputs = 1 if self.outputs is None else self.outputs
        if port >= outputs:
            there = "there is output 0 only" if outputs == 1 else f"outputs are 0 to {outputs - 1}"
            self.mistakes.tell(
                VERDICT, f"there is no output {port}", self.since(word), there if outputs else "there is none",
                f"declare it: outputs {port + 1}" if self.tenant else "",
            )  # fmt: skip
            port = 0
        if word.text == "emit":
            out.append(ir.Emit(port))
            return
        self.copies += 1
        if self.copies > self.limits.copies:
            self.too_large("statements that copy the packet", self.since(word), self.limits.copies)
        out.append(ir.Copy(port))

    def count(self, out: list[ir.Stmt]) -> None:
        self.next()
        name = ""
        word = self.word
        if word.kind is Kind.STRING and not self.tenant:
            name = self.string("the name of a statistic")
        else:
            name = self.word_of("the name of a statistic")
            if not is_name(name) or (self.tenant and name in HANDLERS):
                self.mistakes.tell(
                    NAME, f"no statistic can be called '{name}'", self.span(word), "another name"
                )
        amount: ir.Expr | None = ir.Const(1, 64)
        if self.word.kind not in (Kind.NEWLINE, Kind.END) and not self.sees("}"):
            amount = self.value(self.with_width(self.operand(), 64), None)
        if amount is not None:
            out.append(ir.Count(name, amount))

    def with_width(self, operand: Operand, width: int) -> Operand:
        """A number that has no width of its own gets `width`."""
        if isinstance(operand, Number) and operand.width is None:
            return Number(operand.value, width, operand.span)
        return operand

    # ---- variables

    def names(self) -> list[tuple[str, str, Span]]:
        """The variables before a `=`: full names, as written, and where."""
        found: list[tuple[str, str, Span]] = []
        while True:
            first = self.word
            name, shown = self.variable_name(binds=True)
            if shown in self.tables or shown in self.counters:
                kind = "table" if shown in self.tables else "counter"
                self.mistakes.tell(
                    NAME, f"'{shown}' is a {kind}", self.since(first), "the name of a variable"
                )
            found.append((name, shown, self.since(first)))
            if not self.takes(","):
                return found

    def bound(self, name: tuple[str, str, Span], width: int) -> ir.Var:
        """The variable, which has a value from here on."""
        full, shown, span = name
        if shown == "_":
            return self.hidden_variable(width)
        before = self.everywhere.get(full)
        if before is not None and before[0] not in (None, width):
            self.mistakes.tell(
                WIDTH, f"'{shown}' has {before[0]} bits, this has {width}", span, f"a value of u{before[0]}",
                "use another variable, or convert the value", (("its width is from", str(before[1])),),
            )  # fmt: skip
            width = before[0] or width
        elif before is None or before[0] is None:
            self.everywhere[full] = (width, span)
        self.variables[full] = width
        return ir.Var(full, width)

    def lost(self, names: list[tuple[str, str, Span]]) -> None:
        """The variables get no value, because of a mistake that was told."""
        for full, _, span in names:
            if full not in self.variables and full not in self.everywhere:
                self.everywhere[full] = (None, span)

    def expects(self, names: list[tuple[str, str, Span]], what: Sequence[str], span: Span) -> bool:
        """Whether as many names stand before the `=` as there are results."""
        if len(names) == len(what):
            return True
        message = f"{len(names)} names for {len(what)} results"
        self.mistakes.tell(
            SYNTAX, message, span, f"{', '.join(what)} = ...", "'_' stands for what is not needed"
        )
        self.lost(names)
        return False

    def bind(self, out: list[ir.Stmt]) -> None:
        """`names = ...`."""
        first = self.word
        if self.peek().text == "(" and first.kind is Kind.NAME:
            self.unexpected(STATEMENT)
        names = self.names()
        if self.sees("+", "-", "*", "&", "|") and self.peek().text == "=":
            self.unexpected("'='", f"write it out: {names[0][1]} = {names[0][1]} {self.word.text} ...")
        if not self.sees("="):
            near = STATEMENT if len(names) == 1 else "',' or '='"
            self.lost(names)
            self.unexpected("'='" if len(names) > 1 else f"'=', or {near}")
        self.next()
        try:
            self.results(out, names, first)
        except Trouble:
            self.lost(names)
            raise

    def results(self, out: list[ir.Stmt], names: list[tuple[str, str, Span]], first: Word) -> None:
        word = self.word
        behind = self.peek()
        match word.text if word.kind is Kind.NAME else "":
            case "now":
                self.next()
                if self.expects(names, ("NAME",), self.since(first)):
                    out.append(ir.Now(self.bound(names[0], 64)))
            case "random":
                self.next()
                width = self.type()
                if self.expects(names, ("NAME",), self.since(first)):
                    out.append(ir.Random(self.bound(names[0], width)))
            case "next":
                self.next()
                counter = self.counter_named()
                if counter is None:
                    self.lost(names)
                elif self.expects(names, ("NAME",), self.since(first)):
                    out.append(ir.Next(counter, self.bound(names[0], counter.width)))
            case "option":
                self.option(out, names, first)
            case "insert":
                if self.expects(names, ("STORED",), self.since(first)):
                    self.insert(out, None, names[0])
            case "allocate":
                self.allocate(out, names, first)
            case text if text in self.tables and behind.text == "[":
                _, table, key = self.entry()
                shown = ("FOUND", *(f"VALUE{n}" for n in range(1, len(table.values) + 1)))
                if not self.expects(names, shown, self.since(first)):
                    return
                found, *values = (
                    self.bound(name, width) for name, width in zip(names, (1, *table.values), strict=True)
                )
                if key is not None:
                    out.append(ir.Lookup(table, key, tuple(values), found))
            case text if (
                behind.text == "["
                and word.kind is Kind.NAME
                and text not in MARKS
                and text not in ("has", "sum")
            ):
                self.entry()
            case _:
                self.let(out, names, first)

    def let(self, out: list[ir.Stmt], names: list[tuple[str, str, Span]], first: Word) -> None:
        operand = self.operand()
        if not self.expects(names, ("NAME",), self.since(first)):
            return
        before = self.everywhere.get(names[0][0])
        width = None if before is None else before[0]
        value = self.value(operand, width, f"'{names[0][1]}'" if width else "")
        followed = not self.takes("unfollowed")
        if value is None:
            self.lost(names)
            return
        out.append(ir.Let(self.bound(names[0], value.width), value, followed))

    def counter_named(self) -> ir.Counter | None:
        word = self.word
        if word.kind is not Kind.NAME:
            self.unexpected("the name of a counter")
        self.next()
        counter = self.counters.get(word.text)
        if counter is None:
            expected = listed(self.counters)
            self.mistakes.tell(
                NAME,
                f"there is no counter '{word.text}'",
                self.span(word),
                expected,
                f"counter {word.text} u16",
            )
        return counter

    def option(self, out: list[ir.Stmt], names: list[tuple[str, str, Span]], first: Word) -> None:
        """`found, offset, length = option 7 131`."""
        self.next()
        kinds = [self.integer("the type of an IPv4 option", 0, 255)]
        while self.word.kind is Kind.NUMBER:
            kinds.append(self.integer("the type of an IPv4 option", 0, 255))
        if self.expects(names, ("FOUND", "OFFSET", "LENGTH"), self.since(first)):
            found, offset, length = (self.bound(n, w) for n, w in zip(names, (1, 16, 16), strict=True))
            out.append(ir.FindOption(tuple(kinds), offset, length, found))

    # ---- tables

    def entry(self) -> tuple[str, ir.Table, tuple[ir.Expr, ...] | None]:
        """`table[key, ...]`."""
        word = self.word
        if word.kind is not Kind.NAME:
            self.unexpected("a table and a key, as in flows[ip.src]")
        self.next()
        table = self.tables.get(word.text)
        if table is None:
            self.mistakes.tell(
                NAME, f"there is no table '{word.text}'", self.span(word), listed(self.tables),
                f"declare it: table {word.text} [ip] -> [u16] capacity 1024 idle 60s",
            )  # fmt: skip
            raise Trouble
        return word.text, table, self.row(table.key, f"key of '{word.text}'")

    def row(self, widths: Sequence[int], what: str) -> tuple[ir.Expr, ...] | None:
        """`[value, ...]`, one for each column."""
        first = self.needs("[", f"'[' and the {what}")
        operands: list[Operand] = []
        while not self.sees("]"):
            operands.append(self.operand())
            if not self.sees("]"):
                self.needs(",", "',' or ']', or an operator")
        self.next()
        if len(operands) != len(widths):
            types = ", ".join(f"u{width}" for width in widths)
            self.mistakes.tell(
                WIDTH,
                f"{len(operands)} values, but the {what} has {len(widths)} columns",
                self.since(first),
                f"[{types}]",
            )
            return None
        found = [self.value(o, w, "the column") for o, w in zip(operands, widths, strict=True)]
        return None if None in found else tuple(e for e in found if e is not None)

    def values(self, name: str, table: ir.Table) -> tuple[ir.Expr, ...] | None:
        """`= [value, ...]`; nothing for a table without values."""
        if not self.sees("=") and not table.values:
            return ()
        self.needs("=", f"'=' and the values of '{name}'")
        return self.row(table.values, f"row of '{name}'")

    def idle_time(self, name: str, first: Word) -> ir.Expr | None:
        """`idle SECONDS`, or what the table's declaration says."""
        if self.takes("idle"):
            value = self.value(self.operand(), 32, "a time in seconds")
            self.takes("s")
            return value
        if name in self.idle:
            return ir.Const(self.idle[name], 32)
        self.mistakes.tell(
            DECLARED, "nothing says when this entry is forgotten", self.since(first), "idle SECONDS",
            f"add 'idle 60s' here, or to the declaration of '{name}'",
        )  # fmt: skip
        return None

    def insert(
        self, out: list[ir.Stmt], ok: ir.Var | None, name: tuple[str, str, Span] | None = None
    ) -> None:
        """`insert table[key] = [values] [with [key] = [values]] [idle SECONDS]`."""
        first = self.needs("insert")
        called, table, key = self.entry()
        values = self.values(called, table)
        reply: tuple[tuple[ir.Expr, ...], tuple[ir.Expr, ...]] | None = None
        paired = table.kind is ir.TableKind.PAIRED
        whole = key is not None and values is not None
        if self.sees("with") and paired:
            self.next()
            reply_key = self.row(table.key, f"key of '{called}'")
            reply_values = self.values(called, table)
            if reply_key is not None and reply_values is not None:
                reply = (reply_key, reply_values)
            whole = whole and reply is not None
        elif paired:
            self.unexpected("'with' and the reply's entry", "a paired table keeps both directions of a flow")
        idle = self.idle_time(called, first)
        if self.tenant and table.kind is ir.TableKind.PREFIX:
            return
        if ok is None and name is not None:
            ok = self.bound(name, 1)
        if whole and idle is not None and key is not None and values is not None and ok is not None:
            out.append(ir.Insert(table, key, values, ok, idle, reply))

    def update(self, out: list[ir.Stmt]) -> None:
        first = self.next()
        name, table, key = self.entry()
        values = self.values(name, table)
        idle = self.idle_time(name, first)
        if key is not None and values is not None and idle is not None:
            out.append(ir.Update(table, key, values, idle))

    def allocate(self, out: list[ir.Stmt], names: list[tuple[str, str, Span]], first: Word) -> None:
        """`ok, port = allocate u16 1024 to 65535 sequential|random COUNTER [prefer x] so that t[key] is free`."""
        self.needs("allocate")
        width = self.type(32)
        low = self.integer("the lowest value", 0, (1 << width) - 1)
        self.needs("to")
        high = self.integer("the highest value", 0, (1 << width) - 1)
        if low > high:
            self.mistakes.tell(
                VALUE, f"{low} to {high} runs backwards", self.since(first), f"{high} to {low}"
            )
        order = self.takes("sequential", "random")
        if order is None:
            self.unexpected("'sequential' or 'random', and the counter that remembers the last one")
        counter = self.counter_named()
        prefer = self.value(self.operand(), width, "the range") if self.takes("prefer") else None
        self.needs("so", "'so that TABLE[KEY] is free'")
        self.needs("that")
        if not self.expects(names, ("FOUND", "VALUE"), self.since(first)):
            raise Trouble
        candidate = self.bound(names[1], width)
        _, table, key = self.entry()
        self.needs("is")
        self.needs("free")
        ok = self.bound(names[0], 1)
        if key is None or counter is None or low > high:
            return
        out.append(ir.Allocate(table, key, candidate, low, high, prefer, ir.Order(order.text), counter, ok))


HANDLERS = frozenset({"class", "config", "drops", "handlers", "name", "ports", "reset", "reset_counts"})
"""Handlers that every element has; no statistic of a tenant's element may be called so."""
